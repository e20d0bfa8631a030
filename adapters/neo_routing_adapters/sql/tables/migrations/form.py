"""What tables are made of, by name: the columns, constraints and indexes of each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, text

_RELATIONS: Final = (
    "routing_tenant",
    "routing_agent",
    "routing_channel",
    "routing_channel_installation",
    "routing_end_company",
    "routing_end_company_link",
)
_ON_POSTGRESQL: Final = """
    WITH ours AS (
        SELECT oid, relname FROM pg_catalog.pg_class WHERE oid = to_regclass(:table) AND relkind = 'r'
    )
    SELECT conname FROM pg_catalog.pg_constraint JOIN ours ON ours.oid = conrelid WHERE contype IN ('c', 'f', 'p', 'u')
    UNION SELECT indexes.relname FROM pg_catalog.pg_index JOIN ours ON ours.oid = indrelid
        JOIN pg_catalog.pg_class AS indexes ON indexes.oid = indexrelid
    UNION SELECT attname FROM pg_catalog.pg_attribute JOIN ours ON ours.oid = attrelid
        WHERE attnum > 0 AND NOT attisdropped"""
_ON_SQLITE: Final = """
    SELECT name FROM pragma_table_info(:table)
    UNION SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = :table AND sql IS NOT NULL"""


def form(connection: Connection) -> frozenset[tuple[str, str]]:
    """Return the name of each column, constraint and index of the tables that are there, each with its table."""
    return frozenset((table, name) for table in _RELATIONS for name in _names(connection, table))


def _names(connection: Connection, table: str) -> Iterator[str]:
    if connection.dialect.name == "postgresql":
        yield from connection.scalars(text(_ON_POSTGRESQL), {"table": table})
        return
    created = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table"
    for (sql,) in connection.execute(text(created), {"table": table}):
        yield from re.findall(r"\bCONSTRAINT (\w+)", sql)
        yield from connection.scalars(text(_ON_SQLITE), {"table": table})
