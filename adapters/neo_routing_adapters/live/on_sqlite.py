"""Follows a directory in a SQLite file: it has one writer, and says whether anything was committed since."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from neo_routing import Rows
from neo_routing_adapters.live.bell import Bell
from neo_routing_adapters.live.source import MustLoad, Polled
from neo_routing_adapters.sql.look_up.forks import leave_to_the_parent
from neo_routing_adapters.sql.tables.directory_export import stored_content


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
        return SqliteFollower(self._engine, bell)


class SqliteFollower:
    """A connection that asks whether others have committed anything, in whatever table."""

    is_nudged: bool = False
    is_standby: bool = False

    def __init__(self, engine: Engine, bell: Bell) -> None:
        self._engine, self._bell = engine, bell
        pooled = engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()  # it is held for as long as it lasts, and must not be missed in the pool
        self._connection = connection
        [(_, _, self._path)] = connection.execute("PRAGMA database_list").fetchmany(1)
        self._state = self._found()

    def load(self, _: Callable[[], object]) -> Rows:
        """Return the whole, as it was committed after this was called or before."""
        self._state = self._found()
        return stored_content(self._engine)

    def poll(self) -> Polled:
        """Return that nothing has changed. Raises `MustLoad`."""
        found = self._found()
        if found != self._state:
            raise MustLoad("something was committed, or the file is another")
        version, _, inode = found
        return Polled(changes=None, revision=f"{inode}@{version}", has=None)

    def wait(self, seconds: float) -> None:
        """Wait for the bell."""
        self._bell.wait(seconds)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _found(self) -> tuple[int, int, int]:
        # A file that took the place of this one would be read by new connections, and not by ours.
        file = os.stat(self._path)  # noqa: PTH116  # it is a path of SQLite's
        [version] = self._connection.execute("PRAGMA data_version").fetchone()
        return version, file.st_dev, file.st_ino
