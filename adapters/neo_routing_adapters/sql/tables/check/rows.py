"""Looks at every row for itself: whether each value is what the model says, with ids in normal form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from attrs import fields_dict
from sqlalchemy import ColumnElement, Connection, Table, literal_column, select

from neo_routing import Agent, Channel, EndCompany, Tenant
from neo_routing.complaints import IllFormed
from neo_routing.well_formed import identifier
from neo_routing.well_formed import m365_tenant_id as well_formed_m365_tenant_id
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
from neo_routing_adapters.sql.tables.findings import Finding, RowId, Severity
from neo_routing_adapters.sql.tables.transactions import streamed

_WellFormed: TypeAlias = Callable[[Any], Any]
"""Returns the value as it should be stored, or raises `IllFormed`."""


def _truth_value(value: Any) -> Any:
    if value not in {0, 1}:
        raise IllFormed("must be true or false")
    return value


def _fields(row_type: type[Any]) -> dict[str, _WellFormed]:
    converters: dict[str, Any] = {name: field.converter for name, field in fields_dict(row_type).items()}
    return {**converters, "white_label": _truth_value, "show_agent_progress_steps": _truth_value}


_LONGEST_SHOWN: Final = 60

_VALUES: Final[Mapping[Table, Mapping[str, _WellFormed]]] = {
    tenants: _fields(Tenant),
    agents: _fields(Agent),
    channels: _fields(Channel),
    installations: {"channel_id": identifier, "m365_tenant_id": well_formed_m365_tenant_id},
    end_companies: _fields(EndCompany),
    links: {"end_company_id": identifier, "m365_tenant_id": well_formed_m365_tenant_id},
}


def row_findings(connection: Connection, progress: Callable[[str], object]) -> Iterator[Finding]:
    """Yield an error for each value that is not as it should be."""
    for relation in RELATIONS:
        progress(relation)
        yield from _findings_in(connection, metadata.tables[relation])


def _findings_in(connection: Connection, table: Table) -> Iterator[Finding]:
    names = RELATIONS[table.name]
    checks = [(place, name, _VALUES[table][name], bool(table.c[name].nullable)) for place, name in enumerate(names)]
    # Untyped, so that a driver's own value comes back, not one that the schema's type has made of it.
    columns: list[ColumnElement[Any]] = [literal_column(name) for name in names]
    query = select(*columns).select_from(table)
    for row in streamed(connection, query):
        for place, name, well_formed, nullable in checks:
            complaint = _complaint(row[place], well_formed, nullable)
            if complaint is not None:
                yield Finding(Severity.ERROR, table.name, _row_id(table, row), f"{name} {complaint}")


def _complaint(value: Any, well_formed: _WellFormed, nullable: bool) -> str | None:
    if value is None:
        return None if nullable else "must not be null"
    try:
        normal = well_formed(value)
    except IllFormed as error:
        return f"{error.words}, and is {_shown(value)}"
    return None if normal == value else f"{value!r} is not in normal form, which is {normal!r}"


def _shown(value: Any) -> str:
    if isinstance(value, str | bytes) and len(value) > _LONGEST_SHOWN:
        return f"{value[:_LONGEST_SHOWN]!r}…"
    return repr(value)


def _row_id(table: Table, row: Any) -> tuple[RowId, ...]:
    keys = len(table.primary_key)
    return tuple("NULL" if value is None else value for value in row[:keys])
