"""Finds look-ups that no index serves, by the plan for each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import Column, Connection, literal, select

from neo_routing_adapters.sql.check.findings import Finding, Severity
from neo_routing_adapters.sql.check.postgresql_plans import tables_read_on_postgresql
from neo_routing_adapters.sql.check.sqlite_plans import tables_read_on_sqlite
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants

_KEYS: Final[tuple[tuple[Column[Any], ...], ...]] = (
    (tenants.c.id,),
    (agents.c.id,),
    (agents.c.tenant_id, agents.c.managed_key),
    (channels.c.id,),
    (channels.c.tenant_id, channels.c.bot_id),
    (channels.c.bot_id, channels.c.white_label),
    (installations.c.m365_tenant_id,),
    (end_companies.c.id,),
    (links.c.m365_tenant_id,),
)


def plan_findings(connection: Connection) -> Iterator[Finding]:
    """Yield an error for each look-up of the statements that would read a table from end to end.

    Each is asked for by itself, because in a statement one look-up can hide that another has no index, and of small
    tables a planner may rightly read all.
    """
    on_postgresql = connection.dialect.name == "postgresql"
    with (tables_read_on_postgresql if on_postgresql else tables_read_on_sqlite)(connection) as tables_read:
        for columns in _KEYS:
            query = select(literal(1)).where(*(column == _some_value(column) for column in columns))
            sql = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
            key = " and ".join(column.name for column in columns)
            for table in dict.fromkeys(tables_read(sql, ())):
                complaint = f"no index serves a look-up by {key}: it reads all of {table}"
                yield Finding(Severity.ERROR, columns[0].table.name, (), complaint)


def _some_value(column: Column[Any]) -> Any:
    return {int: 1, bool: True, str: "x"}[column.type.python_type]
