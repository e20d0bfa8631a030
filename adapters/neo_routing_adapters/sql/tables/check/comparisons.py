"""Looks whether ids are compared byte for byte, and whether those that are compared with each other can be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

from sqlalchemy import Column, Connection, Select, literal_column, select, text

from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants
from neo_routing_adapters.sql.tables.findings import Finding, Severity

_COMPARED: Final[tuple[tuple[Column[Any], ...], ...]] = (
    (tenants.c.id, agents.c.tenant_id, channels.c.tenant_id, end_companies.c.tenant_id),
    (channels.c.id, installations.c.channel_id),
    (end_companies.c.id, links.c.end_company_id),
    (agents.c.managed_key,),
    (channels.c.bot_id,),
    (installations.c.m365_tenant_id, links.c.m365_tenant_id),
)
"""Every column by whose text rows are looked for, together with those that it is compared with."""

_DEFAULT: Final = "default"
_COLLATIONS: Final = text("""
    SELECT attname, pg_type.oid::regtype::text, collname, collisdeterministic
    FROM pg_attribute
    CROSS JOIN LATERAL (
        WITH RECURSIVE made_of (id) AS (
            SELECT atttypid UNION SELECT typbasetype FROM made_of JOIN pg_type ON oid = id AND typtype = 'd')
        SELECT id FROM made_of) AS made_of
    JOIN pg_type ON pg_type.oid = id AND typtype <> 'd'
    LEFT JOIN pg_collation ON pg_collation.oid = attcollation
    WHERE attrelid = to_regclass(:relation) AND attnum > 0 AND NOT attisdropped""")
_PLAIN_TEXTS: Final = frozenset({"text", "character varying", "character", "name"})
"""The types of text that are compared byte for byte, if the collation is."""

_COMPARISONS_OF_SQLITE: Final = frozenset({"Eq", "Ne"})
# How SQLite makes an affinity of what a column is declared as.
_IS_TEXT_TO_SQLITE: Final = re.compile("CHAR|CLOB|TEXT|BLOB|^$", re.IGNORECASE)


def comparison_findings(connection: Connection) -> Iterator[Finding]:
    """Yield an error for each column whose text is compared otherwise than byte for byte, or cannot be compared."""
    if connection.dialect.name == "postgresql":
        yield from _on_postgresql(connection)
    else:
        yield from _on_sqlite(connection)


def _on_postgresql(connection: Connection) -> Iterator[Finding]:
    for together in _COMPARED:
        collations: dict[str, Column[Any]] = {}
        for column in together:
            sort, collation, is_exact = _collation(connection, column)
            if sort not in _PLAIN_TEXTS:
                yield _otherwise(column, f"it is of type {sort}; cast it to text in the view")
            elif is_exact is False:
                mended = f'write {column.name} COLLATE "C" in the view'
                yield _otherwise(column, f"its collation {collation} is not deterministic; {mended}")
            elif collation != _DEFAULT:
                collations.setdefault(collation, column)
        yield from _mixed(collations)


def _mixed(collations: dict[str, Column[Any]]) -> Iterator[Finding]:
    for collation, column in [*collations.items()][1:]:
        other, first = next(iter(collations.items()))
        complaint = (
            f"column {column.name} has the collation {collation}, and cannot be compared with {first.table.name}."
            f'{first.name}, which has {other}: write {column.name} COLLATE "C" in the views of both'
        )
        yield Finding(Severity.ERROR, column.table.name, (), complaint)


def _otherwise(column: Column[Any], why: str) -> Finding:
    complaint = f"column {column.name} compares otherwise than byte for byte: {why}"
    return Finding(Severity.ERROR, column.table.name, (), complaint)


def _collation(connection: Connection, column: Column[Any]) -> tuple[str, str, bool | None]:
    """Return the type, without what a domain adds to it, the collation, and whether that is deterministic."""
    for name, sort, collation, is_exact in connection.execute(_COLLATIONS, {"relation": column.table.name}):
        if name == column.name:
            return str(sort), str(collation), is_exact
    raise LookupError(f"{column} is not there")


def _on_sqlite(connection: Connection) -> Iterator[Finding]:
    for column in chain(*_COMPARED):
        declared = _declared_on_sqlite(connection, column)
        collation = _collation_on_sqlite(connection, column)
        if not _IS_TEXT_TO_SQLITE.search(declared) or "INT" in declared.upper():
            yield _otherwise(column, f"it is declared as {declared}; cast it to TEXT in the view")
        elif collation:
            yield _otherwise(column, f"its collation is {collation}; write {column.name} COLLATE BINARY in the view")


def _declared_on_sqlite(connection: Connection, column: Column[Any]) -> str:
    query = text("SELECT type FROM pragma_table_info(:relation) WHERE name = :name COLLATE NOCASE")
    return str(connection.execute(query, {"relation": column.table.name, "name": column.name}).scalar_one())


def _collation_on_sqlite(connection: Connection, column: Column[Any]) -> str:
    """Return the collation by which the column is compared, or nothing if that is byte for byte.

    SQLite tells of no view's collations. So the program of a comparison is read, beside that of the exact one.
    """
    is_it, exactly = (_comparisons(connection, column, form) for form in ("", " COLLATE BINARY"))
    return next((one for one, other in zip(is_it, exactly, strict=True) if one != other), "")


def _comparisons(connection: Connection, column: Column[Any], form: str) -> Iterator[str]:
    # The sign keeps it from an index, in which the collation would not be seen.
    compared = literal_column(f"+{column.name}{form}") == literal_column("'x'")
    query: Select[*tuple[Any, ...]] = select(literal_column("1")).select_from(column.table).where(compared)
    for _, operation, _, _, _, collation, *_ in connection.exec_driver_sql(f"EXPLAIN {query.compile(connection)}"):
        if operation in _COMPARISONS_OF_SQLITE:
            yield str(collation).rpartition("-")[0]
