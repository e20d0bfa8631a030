"""A transaction of a store's: it begins when it is first used, and nothing of it takes longer than its deadline.

It goes past SQLAlchemy's own connection and transaction, which would take as long as all the rest of a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection

from neo_routing_adapters.http.live_connections import give_back, line_of, on_a_live_connection
from neo_routing_adapters.http.ports import SessionStoreUnavailable
from neo_routing_adapters.http.writers import Writers
from neo_routing_adapters.sql.look_up.awaited import Awaited, OneAfterTheOther
from neo_routing_adapters.sql.look_up.connections import CursorLine, abandon, wait_for_locks
from neo_routing_adapters.sql.look_up.deadlines import Call, NoThread
from neo_routing_adapters.sql.look_up.reader import errors_of
from neo_routing_adapters.sql.look_up.share import CannotDecideWithin

_WITHIN_THE_DEADLINE: Final = 750  # of a thousand
# Whatever the host has set: of a later state than the lock's, and committed by nobody but us.
_BEGIN: Final = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN ISOLATION LEVEL READ COMMITTED"}

_Value = TypeVar("_Value")


class StoreConnection:
    """A connection with its transaction, which somebody must end."""

    def __init__(self, engine: Engine, awaited: Awaited, seconds: float, writers: Writers | None = None) -> None:
        self._engine = engine
        self._dialect = engine.dialect
        self._awaited = awaited
        self._thread: OneAfterTheOther | None = None
        self._seconds = seconds
        self._writers = writers
        self._turn: asyncio.Lock | None = None
        self._is_over = False
        self._is_late = False  # a thread may come to have a connection even now
        self._connection: PoolProxiedConnection | None = None
        self._faults: tuple[type[Exception], ...] = (
            *errors_of(engine.dialect),
            SQLAlchemyError,
            OSError,
            EOFError,
            UnicodeError,
        )

    async def run(self, statements: Callable[[PoolProxiedConnection, Any, Call], _Value]) -> _Value:
        """Run statements in the transaction, by a connection and its cursor, and return what they return.

        Raises `SessionStoreUnavailable`, and so does every other step after one that has failed.
        """
        if self._is_over:
            raise SessionStoreUnavailable from ConnectionError("the transaction is over")
        try:
            if self._writers is not None and self._turn is None:
                self._turn = await self._writers.turn(self._seconds)
            return await self._in_time(partial(self._on_line, statements))
        except BaseException as error:
            self._is_over = True
            # `CannotDecideWithin` is an error of asyncpg's too.
            if not isinstance(error, self._faults) or isinstance(error, CannotDecideWithin):
                raise
            raise SessionStoreUnavailable from error

    async def commit(self, last: Sequence[Callable[[Any], None]] = ()) -> None:
        """Run the last statements, by a cursor, and end the transaction, if it has begun or has any.

        Raises `SessionStoreUnavailable`: then nobody knows how it ended.
        """
        if self._connection is not None or last:
            await self.run(partial(self._commit, last))
        self._is_over = True

    async def close(self) -> None:
        """Give the connection back; what was not committed is rolled back."""
        self._is_over = True
        turn, self._turn = self._turn, None
        try:
            if self._connection is not None or self._is_late:
                with suppress(*self._faults):  # the server rolls it back too, and what was committed stays
                    await self._rolled_back()
        finally:
            if turn is not None:
                turn.release()
            thread, self._thread = self._thread, None
            if thread is not None:
                thread.release()

    async def _rolled_back(self) -> None:
        try:
            await self._in_time(self._roll_back)
        except NoThread:  # so no other thread uses it either
            if self._connection is not None:
                abandon(self._connection)
            raise

    async def _in_time(self, function: Callable[[Call], _Value]) -> _Value:
        call = Call(self._seconds)
        if self._thread is None:
            self._thread = self._awaited.one_after_the_other()
        try:
            return await self._thread.run(partial(function, call), call, to_its_end=True)
        except (TimeoutError, asyncio.CancelledError):
            self._is_late = True
            raise

    def _on_line(self, statements: Callable[[PoolProxiedConnection, Any, Call], _Value], call: Call) -> _Value:
        try:
            connection = self._connection or self._begun(call)
            line = line_of(self._engine, connection)
            call.enter(line)
            value = statements(connection, line.cursor, call)
            if not call.leave():
                raise TimeoutError  # noqa: TRY301  # as below
        except BaseException:
            self._cut_off(call)
            raise
        return value

    def _cut_off(self, call: Call) -> None:
        is_whole, connection = call.leave(), self._connection
        # To SQLite it is as sound as before, and is rolled back after this, by what comes next in line.
        if connection is not None and connection.is_valid and not is_whole and self._dialect.name != "sqlite":
            connection.invalidate()

    def _commit(
        self, last: Sequence[Callable[[Any], None]], connection: PoolProxiedConnection, cursor: Any, call: Call
    ) -> None:
        for run in last:
            run(cursor)
        cursor.execute("COMMIT")
        self._leave(call)
        with suppress(*self._faults):  # the session is kept
            self._give_back(connection)

    def _roll_back(self, call: Call) -> None:
        connection = self._connection
        if connection is None or not connection.is_valid:
            return
        try:
            line = line_of(self._engine, connection)
            call.enter(line)
            if not line.in_transaction():
                raise ConnectionError("the transaction has ended by itself, or the connection has")  # noqa: TRY301
            line.roll_back()
            self._leave(call)
            self._give_back(connection)
        except BaseException:
            abandon(connection)
            raise
        finally:
            call.leave()

    def _leave(self, call: Call) -> None:
        """Leave the line before another may have it, who would be cut off in this call's stead."""
        if not call.leave():
            raise TimeoutError

    def _begun(self, call: Call) -> PoolProxiedConnection:
        connection, _ = on_a_live_connection(self._engine, call, self._begin)
        self._connection = connection
        return connection

    def _begin(self, connection: PoolProxiedConnection, line: CursorLine) -> None:
        if self._dialect.name == "sqlite":
            wait_for_locks(connection, line.cursor, int(self._seconds * _WITHIN_THE_DEADLINE))
        line.cursor.execute(_BEGIN[self._dialect.name])

    def _give_back(self, connection: PoolProxiedConnection) -> None:
        self._connection = None
        give_back(self._dialect, connection)
