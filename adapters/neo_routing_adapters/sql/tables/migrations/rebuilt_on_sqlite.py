"""Changes what SQLite cannot change in place: tables are made anew, with their rows, indexes and triggers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from alembic import op
from sqlalchemy import Connection

from neo_routing_adapters.sql.tables.our_tables import CannotAdminister


class TablesInUse(CannotAdminister):
    """Tables of the host refer to tables that must be made anew, and the connection enforces foreign keys."""

    def __init__(self, tables: list[str]) -> None:
        super().__init__(
            f"tables of yours refer to tables that must be made anew: {', '.join(tables)}; "
            "run the upgrade on a connection with PRAGMA foreign_keys=OFF; nothing was changed"
        )


class UnknownForm(CannotAdminister):
    """A table is not as the migrations have made it."""

    def __init__(self, table: str, constraint: str) -> None:
        super().__init__(f"{table} has no constraint {constraint}, so it is not as it was made; nothing was changed")


def replace_checks(checks: Mapping[str, tuple[str, str, str]]) -> None:
    """Replace a CHECK constraint of each table: its name by another one with a new condition. Parents come first.

    What an enforced foreign key would do when a table is dropped cannot be turned off within a transaction. So the
    rows are put aside, and children are dropped before their parents.
    """
    connection = op.get_bind()
    _require_no_others(connection, [*checks])
    texts = {table: _replaced(_text(connection, table), table, *check) for table, check in checks.items()}
    others = [sql for table in checks for sql in _indexes_and_triggers(connection, table)]
    for table in checks:
        connection.exec_driver_sql(
            f"CREATE TEMP TABLE aside_{table} AS SELECT {_columns(connection, table)} FROM main.{table}"
        )
    for table in reversed([*checks]):
        connection.exec_driver_sql(f"DROP TABLE main.{table}")
    for table, text in texts.items():
        connection.exec_driver_sql(text)
        columns = _columns(connection, table)
        connection.exec_driver_sql(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM temp.aside_{table}")
        connection.exec_driver_sql(f"DROP TABLE temp.aside_{table}")
    for sql in others:
        connection.exec_driver_sql(sql)


def _require_no_others(connection: Connection, rebuilt: list[str]) -> None:
    if not connection.exec_driver_sql("PRAGMA foreign_keys").scalar():
        return
    tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
    referring = [
        table
        for table in tables
        if table not in rebuilt
        for (referred,) in connection.exec_driver_sql('SELECT "table" FROM pragma_foreign_key_list(?)', (table,))
        if referred in rebuilt
    ]
    if referring:
        raise TablesInUse(sorted(set(referring)))


def _text(connection: Connection, table: str) -> str:
    query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    return str(connection.exec_driver_sql(query, (table,)).scalar_one())


def _indexes_and_triggers(connection: Connection, table: str) -> list[str]:
    query = "SELECT sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND tbl_name = ? AND sql IS NOT NULL"
    return [*connection.exec_driver_sql(query, (table,)).scalars()]


def _columns(connection: Connection, table: str) -> str:
    """Return the names of the columns that are stored: those that a host has added too, and none that is generated."""
    names = connection.exec_driver_sql("SELECT name FROM pragma_table_info(?)", (table,)).scalars()
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)


def _replaced(text: str, table: str, old_name: str, new_name: str, condition: str) -> str:
    beginning = f"CONSTRAINT {old_name} CHECK "
    before, found, after = text.partition(beginning)
    if not found:
        raise UnknownForm(table, old_name)
    return f"{before}CONSTRAINT {new_name} CHECK ({condition}){after[_end_of_parentheses(after) :]}"


def _end_of_parentheses(text: str) -> int:
    depth = 0
    for token in re.finditer(r"'[^']*'|[()]", text):
        depth += {"(": 1, ")": -1}.get(token.group(), 0)
        if depth == 0:
            return token.end()
    raise ValueError(text)
