"""The directory within a host's own transaction: what is decided there still holds when that commits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from neo_routing import DirectoryUnavailable, Rows, RowsNeeded
from neo_routing_adapters.sql.look_up.awaited import Awaited
from neo_routing_adapters.sql.look_up.deadlines import Call, Watch
from neo_routing_adapters.sql.look_up.reader import LATE, Reader


class DirectoryWithin:
    """A `SqlDirectory` within a transaction of its host's. `SqlDirectory.within` makes one."""

    def __init__(self, reader: Reader, watch: Watch, connection: Connection) -> None:
        self._reader = reader
        self._watch = watch
        self._connection = connection

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Return the rows that any of these decisions can need. Raises `DirectoryUnavailable`."""
        statements = self._reader.together(needed)
        call = Call(self._reader.seconds(statements))
        with _outages():
            try:
                self._watch.begin(call)
                return self._reader.read_within(self._connection, statements, call)
            finally:
                self._watch.end(call)


class AsyncDirectoryWithin:
    """An `AsyncSqlDirectory` within a transaction of its host's. `AsyncSqlDirectory.within` makes one."""

    def __init__(self, reader: Reader, awaited: Awaited, connection: Connection) -> None:
        self._reader = reader
        self._awaited = awaited
        self._connection = connection

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Return the rows that any of these decisions can need. Raises `DirectoryUnavailable`."""
        statements = self._reader.together(needed)
        call = Call(self._reader.seconds(statements))
        with _outages():
            read = partial(self._reader.read_within, self._connection, statements, call)
            return await self._awaited.run(read, call, to_its_end=True)


@contextmanager
def _outages() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise DirectoryUnavailable(LATE) from error
    except OSError as error:
        raise DirectoryUnavailable from error


def connection_of(given: object, kind: type[Connection | AsyncConnection], reader: Reader) -> Connection:
    """Return the connection as the reader takes it. Raises `TypeError`, and `ValueError` for another engine's."""
    if not isinstance(given, kind):
        engine = kind.__name__.replace("Connection", "Engine")
        raise TypeError(f"within takes a connection of {engine}, and not {type(given).__name__}")
    connection = given.sync_connection if isinstance(given, AsyncConnection) else given
    if not isinstance(connection, Connection):
        raise ValueError("within takes a connection that is open")  # noqa: TRY004  # an asynchronous one has not begun
    if not reader.is_of(connection):
        raise ValueError("within takes a connection of the directory's own engine, for it decides on that database")
    return connection
