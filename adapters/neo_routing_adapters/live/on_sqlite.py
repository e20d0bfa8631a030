"""Follows a directory in a SQLite file: it has one writer, and says whether anything was committed since."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from typing import Any, TypeAlias
from uuid import uuid4

from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import StaticPool

from neo_routing import Rows
from neo_routing_adapters.live.bell import Bell
from neo_routing_adapters.live.source import CannotFollow, MustLoad, Polled
from neo_routing_adapters.sql.look_up.connections import require_connections_apart
from neo_routing_adapters.sql.look_up.forks import is_in_memory, leave_to_the_parent
from neo_routing_adapters.sql.tables.directory_export import stored_content
from neo_routing_adapters.sql.tables.relations_there import missing_relations

_File: TypeAlias = tuple[int, int]
"""Its device and inode."""
_Stamp: TypeAlias = tuple[int, int]
"""When a file was written to last, and how long it is."""


class SqliteSource:
    """A SQLite file. One in memory has no other writers than its own connection, and no way to tell of them."""

    faults: tuple[type[Exception], ...] = (sqlite3.Error, SQLAlchemyError, OSError)

    def __init__(self, engine: Engine) -> None:
        if isinstance(engine.pool, StaticPool) or is_in_memory(engine.url):
            raise ValueError("LiveDirectory follows a SQLite file, and none in memory")
        require_connections_apart(engine)
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
        self._file, self._stamp = _looked_at(self._path)
        engine.dispose()
        self._connection: Any = engine.raw_connection()  # of this file, if it is the same now as before
        self._require_same_file()
        self._name = uuid4().hex  # the numbers of SQLite are of one connection
        self._version = self._found()
        self._is_told = False

    def load(self, _: Callable[[], object], /) -> Rows:
        """Return the whole, as it was committed after this was called or before. Raises `CannotFollow`."""
        with self._engine.connect() as connection:
            if missing := missing_relations(connection):
                raise CannotFollow(f"the file has no {', '.join(missing)}: run neo-routing db upgrade")
        self._stamp, self._version, self._is_told = self._require_same_file(), self._found(), False
        return stored_content(self._engine)

    def poll(self) -> Polled:
        """Return that nothing has changed. Raises `MustLoad`, and `ConnectionError` if the file is another.

        What was committed while the whole was read comes with the next load: where somebody commits all the time, none
        would ever be the last.
        """
        stamp, has_changed = self._require_same_file(), self._found() != self._version
        if has_changed and self._is_told:
            raise MustLoad("something was committed")
        if stamp != self._stamp and not has_changed:  # a copy put into it, for one; or it was a checkpoint
            raise ConnectionError("the file was written to, and nothing was committed")
        self._is_told = True
        return Polled(changes=None, revision=f"{self._name}@{self._version}", has=None, is_of_load=has_changed)

    def wait(self, seconds: float) -> None:
        """Wait for the bell."""
        self._bell.wait(seconds)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
        self._engine.dispose()

    def _require_same_file(self) -> _Stamp:
        file, stamp = _looked_at(self._path)
        if file != self._file:
            raise ConnectionError("another file has taken the place of this one")
        return stamp

    def _found(self) -> int:
        [version] = self._connection.cursor().execute("PRAGMA data_version").fetchone()
        return int(version)


def _looked_at(path: str) -> tuple[_File, _Stamp]:
    found = os.stat(path)  # noqa: PTH116  # it is a path of SQLite's
    return (found.st_dev, found.st_ino), (found.st_mtime_ns, found.st_size)
