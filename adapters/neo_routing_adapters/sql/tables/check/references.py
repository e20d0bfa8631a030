"""Looks at what rows say of each other: ids that are there twice, and references that lead nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlalchemy import Column, Connection, exists, func, select

from neo_routing_adapters.sql.schema import (
    RELATIONS,
    agents,
    channels,
    end_companies,
    installations,
    links,
    metadata,
    tenants,
)
from neo_routing_adapters.sql.tables.findings import Finding, Severity
from neo_routing_adapters.sql.tables.transactions import streamed

_REFERENCES: Final[tuple[tuple[Column[Any], Column[Any], str], ...]] = (
    (agents.c.tenant_id, tenants.c.id, "there is no tenant"),
    (channels.c.tenant_id, tenants.c.id, "there is no tenant"),
    (end_companies.c.tenant_id, tenants.c.id, "there is no tenant"),
    (installations.c.channel_id, channels.c.id, "there is no channel"),
    (links.c.end_company_id, end_companies.c.id, "there is no end-company"),
)


def reference_findings(connection: Connection, progress: Callable[[str], object]) -> Iterator[Finding]:
    """Yield an error for each id that is not unique or not there."""
    progress("ids")
    for relation in RELATIONS:
        yield from _repeated(connection, relation)
    progress("references")
    for referring, referred, complaint in _REFERENCES:
        yield from _orphans(connection, referring, referred, complaint)


def _repeated(connection: Connection, relation: str) -> Iterator[Finding]:
    keys = [*metadata.tables[relation].primary_key]
    query = select(*keys, func.count()).group_by(*keys).having(func.count() > 1)
    for *row, times in streamed(connection, query):
        yield Finding(Severity.ERROR, relation, tuple(row), f"is there {times} times")


def _orphans(
    connection: Connection, referring: Column[Any], referred: Column[Any], complaint: str
) -> Iterator[Finding]:
    keys = [*referring.table.primary_key]
    query = select(*keys, referring).where(~exists().where(referred == referring))
    for *row, missing in streamed(connection, query):
        yield Finding(Severity.ERROR, referring.table.name, tuple(row), f"{complaint} {missing!r}")
