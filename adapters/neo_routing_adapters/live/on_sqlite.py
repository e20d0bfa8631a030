"""Follows a directory in a SQLite file: it has one writer, and says whether anything was committed since."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from typing import Any, TypeAlias

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from neo_routing import Rows
from neo_routing_adapters.live.bell import Bell
from neo_routing_adapters.live.source import MustLoad, Polled
from neo_routing_adapters.sql.look_up.forks import leave_to_the_parent
from neo_routing_adapters.sql.tables.directory_export import stored_content

_File: TypeAlias = tuple[int, int]
"""Its device and inode."""


class SqliteSource:
    """A SQLite file. One in memory has no other writers than its own connection, and no way to tell of them."""

    faults: tuple[type[Exception], ...] = (sqlite3.Error, SQLAlchemyError, OSError)

    def __init__(self, engine: Engine) -> None:
        if isinstance(engine.pool, StaticPool) or not engine.url.database or engine.url.database == ":memory:":
            raise ValueError("LiveDirectory follows a SQLite file, and none in memory")
        leave_to_the_parent(engine)
        self._engine = engine

    def connect(self, bell: Bell) -> SqliteFollower:
        """Open the file."""
        # Connections that are open already may be on a file in whose place there is another one now.
        engine = create_engine(self._engine.url, pool=self._engine.pool.recreate())
        try:
            return SqliteFollower(engine, bell)
        except BaseException:
            engine.dispose()
            raise


class SqliteFollower:
    """A connection that asks whether others have committed anything, in whatever table."""

    is_nudged: bool = False
    is_standby: bool = False

    def __init__(self, engine: Engine, bell: Bell) -> None:
        self._engine, self._bell = engine, bell
        with engine.connect() as connection:
            *_, (_, _, self._path) = connection.exec_driver_sql("PRAGMA database_list").fetchmany(1)
        self._file = _file(self._path)
        engine.dispose()
        self._connection: Any = engine.raw_connection()  # of this file, if it is the same now as before
        self._require_same_file()
        self._version = self._found()

    def load(self, _: Callable[[], object], /) -> Rows:
        """Return the whole, as it was committed after this was called or before."""
        self._version = self._found()
        return stored_content(self._engine)

    def poll(self) -> Polled:
        """Return that nothing has changed. Raises `MustLoad`, and `ConnectionError` if the file is another."""
        self._require_same_file()
        if self._found() != self._version:
            raise MustLoad("something was committed")
        _, inode = self._file
        return Polled(changes=None, revision=f"{inode}@{self._version}", has=None)

    def wait(self, seconds: float) -> None:
        """Wait for the bell."""
        self._bell.wait(seconds)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
        self._engine.dispose()

    def _require_same_file(self) -> None:
        if _file(self._path) != self._file:
            raise ConnectionError("another file has taken the place of this one")

    def _found(self) -> int:
        [version] = self._connection.cursor().execute("PRAGMA data_version").fetchone()
        return int(version)


def _file(path: str) -> _File:
    found = os.stat(path)  # noqa: PTH116  # it is a path of SQLite's
    return found.st_dev, found.st_ino
