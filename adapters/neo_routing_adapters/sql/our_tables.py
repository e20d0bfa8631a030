"""What must hold before anything is written: these are the tables of this library, and their foreign keys count."""

from __future__ import annotations

from sqlalchemy import Connection, inspect

from neo_routing_adapters.sql.schema import metadata


class NotOurTables(ValueError):
    """The relations are not the tables of this library, but a host's views or tables, or they are not there."""

    def __init__(self) -> None:
        super().__init__("the relations are not the tables that neo-routing db upgrade makes")


def require_our_tables(connection: Connection) -> None:
    """Raise `NotOurTables` unless all tables of this library are there."""
    inspector = inspect(connection)
    if not metadata.tables.keys() <= set(inspector.get_table_names()):
        raise NotOurTables
    for table in metadata.tables.values():
        if not table.columns.keys() <= [column["name"] for column in inspector.get_columns(table.name)]:
            raise NotOurTables


class ForeignKeysOff(RuntimeError):
    """A connection to SQLite does not enforce foreign keys, so what would be written could contradict itself."""

    def __init__(self) -> None:
        super().__init__("this connection does not enforce foreign keys: run PRAGMA foreign_keys=ON when it connects")


def require_foreign_keys(connection: Connection) -> None:
    """Raise `ForeignKeysOff` unless the connection enforces foreign keys."""
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_keys").scalar() != 1:
        raise ForeignKeysOff
