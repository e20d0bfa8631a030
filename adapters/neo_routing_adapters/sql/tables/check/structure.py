"""Looks whether the relations are there, with their columns, and these of types that the statements can use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Select,
    Text,
    cast,
    null,
    select,
    union_all,
)
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.types import TypeEngine

from neo_routing_adapters.sql.schema import RELATIONS, metadata
from neo_routing_adapters.sql.tables.findings import Finding, Severity
from neo_routing_adapters.sql.tables.our_tables import (
    VERSION_TABLE,
    OldTables,
    UnknownSchemaVersion,
    known_version,
    require_newest_form,
)
from neo_routing_adapters.sql.tables.relations_there import columns_there
from neo_routing_adapters.sql.tables.row_security import hiding_tables

_TYPES: Final[Mapping[type, TypeEngine[Any]]] = {str: Text(), int: BigInteger(), bool: Boolean()}
_INTEGERS: Final = frozenset({"smallint", "integer", "bigint"})
_PADDED: Final = "character"
_NO_RIGHT: Final = "42501"
# Of other types than those that an operator, a cast or a union takes.
_MISFITS: Final = frozenset({"42804", "42846", "42883"})


def structure_findings(connection: Connection) -> Iterator[Finding]:
    """Yield an error for each relation and each column that is not there, not to be read, or of no fitting type."""
    hiding = [*hiding_tables(connection)]
    for table in hiding:
        yield Finding(Severity.ERROR, table.relation, (), table.complaint)
    readable = [relation for relation in RELATIONS if relation not in {table.relation for table in hiding}]
    for relation in readable:
        there = columns_there(connection, relation)
        complaints = _column_complaints(connection, relation, there) if there else ["is missing"]
        for complaint in dict.fromkeys(complaints):  # what a role may not read is not said of each column
            yield Finding(Severity.ERROR, relation, (), complaint)


def version_findings(connection: Connection) -> Iterator[Finding]:
    """Yield an error if the tables are of a version that this library does not know."""
    try:
        with connection.begin_nested():
            known_version(connection)
    except UnknownSchemaVersion as error:
        yield Finding(Severity.ERROR, VERSION_TABLE, (), str(error))
    except ProgrammingError:  # a role that decides need not have the right to read it
        return


def form_findings(connection: Connection) -> Iterator[Finding]:
    """Yield an error if the tables of this library are in the form of an older one, in which rows are not found."""
    try:
        require_newest_form(connection)
    except OldTables as error:
        yield Finding(Severity.ERROR, VERSION_TABLE, (), str(error))


def _column_complaints(connection: Connection, relation: str, there: Mapping[str, str]) -> Iterator[str]:
    for name in RELATIONS[relation]:
        column = metadata.tables[relation].c[name]
        if name not in there:
            yield f"column {name} is missing"
        elif connection.dialect.name == "postgresql":
            yield from _type_complaints(column, there[name], _error_of_use(connection, column))


def _type_complaints(column: Column[Any], sort: str, error: Any) -> Iterator[str]:
    wanted = column.type.python_type
    of_type = f"column {column.name} is of type {sort}, which"
    sqlstate = getattr(error, "sqlstate", None)
    if sqlstate in _MISFITS or (wanted is int and sort not in _INTEGERS):
        mended = f"compare it in the view, as in {column.name} <> 0" if wanted is bool else "cast it in the view"
        yield f"{of_type} cannot be used as {str(_TYPES[wanted]).lower()}; {mended}"
    elif sqlstate is not None:
        told = "this role may not read it" if sqlstate == _NO_RIGHT else f"column {column.name} cannot be read"
        [line, *_] = str(error).splitlines()
        yield f"{told}: {line}"
    elif wanted is str and sort == _PADDED and column.name != "name":
        yield f"{of_type} is padded with blanks; cast it to text in the view"


def _error_of_use(connection: Connection, column: Column[Any]) -> BaseException | None:
    try:
        with connection.begin_nested():
            connection.execute(_use(column))
    except ProgrammingError as error:
        return error.orig
    return None


def _use(column: Column[Any]) -> Select[*tuple[Any, ...]]:
    """Use the column as the statements do: in a condition, and in a union with values of the type."""
    wanted = _TYPES[column.type.python_type]
    condition = column if isinstance(wanted, Boolean) else column == cast(null(), wanted)
    return select(union_all(select(column).where(condition), select(cast(null(), wanted))).subquery()).limit(0)
