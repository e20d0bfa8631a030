"""Finds look-ups that no index serves, by the plans for the keys and for the adapter's own statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from sqlalchemy import Column, Connection, literal, select

from neo_routing import ManagedAgentKey, RowsNeeded
from neo_routing_adapters.sql.check.findings import Finding, Severity
from neo_routing_adapters.sql.check.postgresql_plans import tables_read_on_postgresql
from neo_routing_adapters.sql.check.sqlite_plans import tables_read_on_sqlite
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants
from neo_routing_adapters.sql.statements import Statements

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
_SHAPES: Final[tuple[RowsNeeded, ...]] = tuple(
    ("t", agent_id, managed_key, bot_id, m365_tenant_id)
    for agent_id, managed_key in ((1, None), (None, ManagedAgentKey.NEO_SUPPORT))
    for bot_id, m365_tenant_id in ((None, None), ("b", None), ("b", "m"))
)
_TablesRead = Callable[[str, Any], Iterator[str]]
"""Takes a statement and its arguments, and yields the tables that it reads from end to end."""


def plan_findings(connection: Connection) -> Iterator[Finding]:
    """Yield an error for each look-up that would read a table from end to end, by its key or else by its table.

    Each key is asked for by itself, because in a statement one look-up can hide that another has no index.
    """
    on_postgresql = connection.dialect.name == "postgresql"
    tables_read = (tables_read_on_postgresql if on_postgresql else tables_read_on_sqlite)(connection)
    found = [*_findings_by_key(connection, tables_read)]
    yield from found or _findings_by_statement(connection, tables_read)


def _findings_by_key(connection: Connection, tables_read: _TablesRead) -> Iterator[Finding]:
    for columns in _KEYS:
        query = select(literal(1)).where(*(column == _some_value(column) for column in columns))
        sql = str(query.compile(connection, compile_kwargs={"literal_binds": True}))
        key = " and ".join(column.name for column in columns)
        for table in dict.fromkeys(tables_read(sql, ())):
            complaint = f"no index serves a look-up by {key}: it reads all of {table}"
            yield Finding(Severity.ERROR, columns[0].table.name, (), complaint)


def _some_value(column: Column[Any]) -> Any:
    return {int: 1, bool: True, str: "x"}[column.type.python_type]


def _findings_by_statement(connection: Connection, tables_read: _TablesRead) -> Iterator[Finding]:
    statements = Statements(connection.dialect)
    tables = dict.fromkeys(
        table
        for shape in _SHAPES
        for sql, arguments in (statements.for_one(shape), statements.for_many([shape, shape]))
        for table in tables_read(sql, arguments)
    )
    for table in tables:
        yield Finding(Severity.ERROR, table, (), "no index serves a look-up: it reads all of it")
