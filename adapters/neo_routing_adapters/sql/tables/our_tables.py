"""What must hold before anything is written: these are tables that this library knows, and their foreign keys count."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect

from neo_routing_adapters.sql.old_form import IN_AN_OLD_FORM
from neo_routing_adapters.sql.schema import metadata

VERSION_TABLE: Final = "routing_schema_version"
"""Where the version is kept: a table of our own, so that it does not collide with the host's."""

MIGRATIONS: Final = Path(__file__).with_name("migrations")


class CannotAdminister(ValueError):
    """A database is not fit for what the administration was to do there, and nothing was changed.

    The message says what helps, and what it applies to stands in the lines.
    """

    def __init__(self, message: str, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.lines = tuple(lines)


class UnknownSchemaVersion(CannotAdminister):
    """The tables are of a version that this library does not know: most likely a newer library made them."""

    def __init__(self, versions: list[str]) -> None:
        found = ", ".join(versions)
        super().__init__(f"the tables are of version {found}, which this version of neo_routing does not know")


def known_version(connection: Connection) -> str | None:
    """Return the version of the tables, or nothing if none is kept. Raises `UnknownSchemaVersion`."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    query = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608  # our own name
    versions = [str(version) for (version,) in connection.exec_driver_sql(query)]
    if not _versions() >= set(versions):
        raise UnknownSchemaVersion(versions)
    return versions[0] if versions else None


@cache
def _versions() -> frozenset[str]:
    """Return every version that there is a migration to, by the names of their files; to ask Alembic takes long."""
    return frozenset(path.name[1:].partition("_")[0] for path in MIGRATIONS.glob("versions/v*_*.py"))


class NotOurTables(CannotAdminister):
    """The relations are not the tables of this library, but a host's views or tables, or they are not there."""

    def __init__(self) -> None:
        super().__init__("the relations are not the tables that neo-routing db upgrade makes")


class OldTables(CannotAdminister):
    """The tables are of an older version, so ids may stand there in a form in which nobody looks for them."""

    def __init__(self) -> None:
        super().__init__("the tables are of an older version of neo_routing: run neo-routing db upgrade")


def require_newest_form(connection: Connection) -> None:
    """Raise `OldTables` if the tables of this library are there in an older form, whoever has made them."""
    if connection.exec_driver_sql(IN_AN_OLD_FORM[connection.dialect.name]).scalar():
        raise OldTables


class NotUtf8(CannotAdminister):
    """The encoding of a database on PostgreSQL is not UTF8, so there are ids that it cannot say."""

    def __init__(self, encoding: str) -> None:
        super().__init__(
            f"the encoding of the database is {encoding}, and there are ids and names that it cannot hold: "
            "create the database with ENCODING 'UTF8'"
        )
        self.encoding = encoding


def require_utf8(connection: Connection) -> None:
    """Raise `NotUtf8` if it is a database on PostgreSQL in another encoding."""
    if connection.dialect.name == "postgresql":
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise NotUtf8(encoding)


def require_our_tables(connection: Connection) -> None:
    """Raise `NotOurTables` unless all tables of this library are there, `UnknownSchemaVersion` if they are of another.

    Raises `OldTables` if they are of an older one, and `NotUtf8` for an encoding that cannot hold all ids. Tables that
    were made without migrations have no version, and are as good.
    """
    require_utf8(connection)
    inspector = inspect(connection)
    if not metadata.tables.keys() <= set(inspector.get_table_names()):
        raise NotOurTables
    for table in metadata.tables.values():
        if not table.columns.keys() <= [column["name"] for column in inspector.get_columns(table.name)]:
            raise NotOurTables
    known_version(connection)
    require_newest_form(connection)


class ForeignKeysOff(RuntimeError):
    """A connection to SQLite does not enforce foreign keys, so what would be written could contradict itself."""

    def __init__(self) -> None:
        super().__init__("this connection does not enforce foreign keys: run PRAGMA foreign_keys=ON when it connects")


def require_foreign_keys(connection: Connection) -> None:
    """Raise `ForeignKeysOff` unless the connection enforces foreign keys."""
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_keys").scalar() != 1:
        raise ForeignKeysOff
