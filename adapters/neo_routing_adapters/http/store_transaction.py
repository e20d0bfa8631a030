"""A transaction of a store's, for the greenlet or thread that does all of it, within the deadline of its call.

It goes past SQLAlchemy's own connection and transaction, which would take as long as all the rest of a call.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Engine
from sqlalchemy.pool import PoolProxiedConnection

from neo_routing import DirectoryUnavailable, Rows, RowsNeeded
from neo_routing_adapters.http.live_connections import give_back, line_of, on_a_live_connection, throw_away
from neo_routing_adapters.sql.look_up.connections import CursorLine, wait_for_locks
from neo_routing_adapters.sql.look_up.deadlines import Call, TooLate
from neo_routing_adapters.sql.look_up.directory import AsyncSqlDirectory
from neo_routing_adapters.sql.look_up.share import CannotDecideWithin

# Whatever the host has set: of a later state than the lock's, and committed by nobody but us.
_BEGIN: Final = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN ISOLATION LEVEL READ COMMITTED"}
_BEGIN_TO_READ: Final = {**_BEGIN, "sqlite": "BEGIN"}


class StoreTransaction:
    """A transaction that begins when it is first used, and must be ended. After a fault it can only be ended."""

    def __init__(
        self, engine: Engine, faults: tuple[type[Exception], ...], call: Call, *, milliseconds: int, writes: bool
    ) -> None:
        self._engine = engine
        self._faults = faults
        self._local = engine.dialect.name == "sqlite"
        self._call = call
        self._milliseconds = milliseconds
        self._how_to_begin = (_BEGIN if writes else _BEGIN_TO_READ)[engine.dialect.name]
        self._connection: PoolProxiedConnection | None = None
        self._is_over = False
        self.is_looking_up = False
        """Whether what it is waited for is the directory."""

    def cursor(self) -> Any:
        """Return a cursor of the driver's, in the transaction. Raises what the pool or the driver raises."""
        line = line_of(self._engine, self._begun())
        self._call.enter(line)  # as long as somebody waits
        return line.cursor

    def look_up(self, directory: AsyncSqlDirectory, needed: Sequence[RowsNeeded]) -> Rows:
        """Look up in the transaction. Raises `DirectoryUnavailable`, on a standby too."""
        self.is_looking_up = True
        try:
            rows = directory.read_begun(self._begun(), needed, self._call)
        except BaseException as error:
            self._is_over = True
            if isinstance(error, (*self._faults, CannotDecideWithin)):
                raise DirectoryUnavailable from error
            raise
        self.is_looking_up = False
        return rows

    def commit(self) -> None:
        """Commit, if it has begun. Whatever is raised, nobody knows how it ended."""
        if self._connection is None:
            return
        self.cursor().execute("COMMIT")
        self._leave()
        connection, self._connection = self._connection, None
        with suppress(*self._faults):  # what was committed stays
            give_back(self._engine.dialect, connection)

    def end(self) -> None:
        """Give the connection back; what was not committed is rolled back."""
        self._is_over = True
        connection, self._connection = self._connection, None
        if connection is None:
            self._call.leave()
            return
        with suppress(*self._faults):  # the server rolls it back too
            try:
                self._roll_back(connection)
            except BaseException:
                throw_away(self._engine.dialect, connection)
                raise

    def _begun(self) -> PoolProxiedConnection:
        if self._is_over:
            raise ConnectionError("the transaction is over")
        if self._connection is None:
            self._connection, _ = on_a_live_connection(self._engine, self._call, self._begin)
        return self._connection

    def _begin(self, connection: PoolProxiedConnection, line: CursorLine) -> None:
        if self._local:
            wait_for_locks(connection, line.cursor, self._milliseconds)
        line.cursor.execute(self._how_to_begin)

    def _roll_back(self, connection: PoolProxiedConnection) -> None:
        line = line_of(self._engine, connection)
        if self._local:  # which is as sound as before, however late it is
            self._call.leave()
        else:
            self._call.enter(line)
        if not line.in_transaction():
            raise ConnectionError("the transaction has ended by itself, or the connection has")
        line.roll_back()
        if not self._local:
            self._leave()
        give_back(self._engine.dialect, connection)

    def _leave(self) -> None:
        """Leave the line before another may have it, who would be cut off in this call's stead."""
        if not self._call.leave():
            raise TooLate
