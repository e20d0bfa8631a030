"""Looks whether the relations are there, with their columns, and these of types that the statements can use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Column, Connection, Select, Text, cast, inspect, null, select, union_all
from sqlalchemy.engine import Inspector
from sqlalchemy.exc import NoSuchTableError, ProgrammingError
from sqlalchemy.types import TypeEngine

from neo_routing_adapters.sql.check.findings import Finding, Severity
from neo_routing_adapters.sql.schema import RELATIONS, metadata

_TYPES: Final[Mapping[type, TypeEngine[Any]]] = {str: Text(), int: BigInteger(), bool: Boolean()}


def missing_relations(connection: Connection) -> list[str]:
    """Return the names of the relations that are not there, neither as tables nor as views."""
    inspector = inspect(connection)
    return [relation for relation in RELATIONS if not _column_names(inspector, relation)]


def structure_findings(connection: Connection) -> Iterator[Finding]:
    """Yield an error for each relation and each column that is not there, or is of a type that cannot be used."""
    inspector = inspect(connection)
    for relation in RELATIONS:
        there = _column_names(inspector, relation)
        complaints = _column_complaints(connection, relation, there) if there else ["is missing"]
        for complaint in complaints:
            yield Finding(Severity.ERROR, relation, (), complaint)


def _column_names(inspector: Inspector, relation: str) -> set[str]:
    try:
        return {column["name"] for column in inspector.get_columns(relation)}
    except NoSuchTableError:
        return set()


def _column_complaints(connection: Connection, relation: str, there: set[str]) -> Iterator[str]:
    for name in RELATIONS[relation]:
        column = metadata.tables[relation].c[name]
        if name not in there:
            yield f"column {name} is missing"
        elif connection.dialect.name == "postgresql" and not _is_usable(connection, column):
            wanted = _TYPES[column.type.python_type].compile(connection.dialect).lower()
            yield f"column {name} is of a type that cannot be used as {wanted}; cast it in the view"


def _is_usable(connection: Connection, column: Column[Any]) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(_use(column))
    except ProgrammingError:
        return False
    return True


def _use(column: Column[Any]) -> Select[*tuple[Any, ...]]:
    """Use the column as the statements do: in a condition, and in a union with values of the type."""
    wanted = _TYPES[column.type.python_type]
    condition = column if isinstance(wanted, Boolean) else column == cast(null(), wanted)
    return select(union_all(select(column).where(condition), select(cast(null(), wanted))).subquery()).limit(0)
