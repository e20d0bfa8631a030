"""Which tables a look-up reads from end to end, by the plans of SQLite."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import closing, contextmanager, suppress
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, literal_column
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect

from neo_routing_adapters.sql.tables.check.look_ups import LookUp

# What may be scanned: a constant row, and the rows of a function, which a plan calls a virtual table. An index that is
# made for the occasion is a scan too, and one that takes any value of its first part nearly is.
_READ: Final = re.compile(
    r"SCAN (?!CONSTANT ROW|\()(?:TABLE )?(?P<scanned>\S+)(?P<module> VIRTUAL TABLE)?"
    r"|SEARCH (?P<searched>\S+) USING (?:AUTOMATIC|.*\(ANY\()"
)
_SORTED: Final = "USE TEMP B-TREE FOR"
_VALUES: Final[Mapping[type, ColumnElement[Any]]] = {int: literal_column("1"), str: literal_column("'x'")}
_OBJECTS: Final = (
    "SELECT name, sql FROM sqlite_master"
    " WHERE sql IS NOT NULL AND type IN ('table', 'index', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)


@contextmanager
def tables_read_on_sqlite(connection: Connection) -> Iterator[Callable[[LookUp], list[str]]]:
    """Give what tells which tables a look-up would read from end to end.

    The plans are those for an empty copy without statistics: of a table that it knows to be small, SQLite rightly reads
    all, and so hides that an index is missing. What a host's functions, collations and modules make cannot be copied;
    so where the copy cannot tell, the database itself is asked.
    """
    objects = connection.exec_driver_sql(_OBJECTS).all()
    modules = {name for name, sql in objects if sql.upper().startswith("CREATE VIRTUAL TABLE")}
    with closing(sqlite3.connect(":memory:")) as copy:
        for _, sql in objects:
            with suppress(sqlite3.Error):
                copy.execute(sql)

        def tables_read(look_up: LookUp) -> list[str]:
            try:
                return _unserved(look_up, copy.execute, modules)
            except sqlite3.Error:
                return _unserved(look_up, connection.exec_driver_sql, modules)

        yield tables_read


def _unserved(look_up: LookUp, execute: Callable[[str], Any], modules: AbstractSet[str]) -> list[str]:
    """Return the tables that are read from end to end, unless an index has all keys or the first of them."""
    values = [_VALUES[key.type.python_type] for key in look_up.parameters]
    steps = _steps(execute, look_up.query(values))
    read = [*_tables_read(steps, modules)]
    if look_up.for_the_last:
        is_sorted = any(step.startswith(_SORTED) for step in steps)
        return read or [look_up.relation] * is_sorted
    if len(look_up.keys) == 1 or (not read and max(step.count("=?") for step in steps) >= len(look_up.keys)):
        return read
    by_first = _steps(execute, look_up.first_alone(values))
    return [*_tables_read(by_first, modules)]


def _steps(execute: Callable[[str], Any], query: Select[*tuple[Any, ...]]) -> list[str]:
    sql = query.compile(dialect=sqlite_dialect())
    return [str(step) for *_, step in execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()]


def _tables_read(steps: Iterable[str], modules: AbstractSet[str]) -> Iterator[str]:
    for step in steps:
        if (
            (read := _READ.match(step))
            and (table := read["scanned"] or read["searched"])
            and (read["module"] is None or table in modules)
        ):
            yield table
