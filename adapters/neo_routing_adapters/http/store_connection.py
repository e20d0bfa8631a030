"""A transaction of a store's: it begins when it is first used, and nothing of it takes longer than its deadline."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from neo_routing_adapters.http.ports import SessionStoreUnavailable
from neo_routing_adapters.sql.look_up.connections import LINES, CursorLine
from neo_routing_adapters.sql.look_up.deadlines import Call, TooLate
from neo_routing_adapters.sql.look_up.reader import errors_of
from neo_routing_adapters.sql.look_up.tasks import Tasks

_LINE: Final = "neo_routing line of sessions"
_WITHIN_THE_DEADLINE: Final = 750  # of a thousand

_Value = TypeVar("_Value")


class StoreConnection:
    """A connection with its transaction, which somebody must end."""

    def __init__(self, engine: AsyncEngine, tasks: Tasks, seconds: float) -> None:
        self._engine = engine
        self._tasks = tasks
        self._seconds = seconds
        self._connection: Connection | None = None
        self._faults: tuple[type[Exception], ...] = (
            *errors_of(engine.dialect),
            SQLAlchemyError,
            OSError,
            EOFError,
            UnicodeError,
        )

    async def run(self, statements: Callable[[Connection], _Value]) -> _Value:
        """Run statements in the transaction, and return what they return. Raises `SessionStoreUnavailable`."""
        try:
            return await self._in_time(partial(self._on_line, statements))
        except self._faults as error:
            raise SessionStoreUnavailable from error

    async def connection(self) -> AsyncConnection:
        """Return the connection, for somebody who keeps to a deadline of his own. Raises `SessionStoreUnavailable`."""
        if self._connection is None:
            await self.run(lambda _: None)
        return AsyncConnection(self._engine, self._connection)

    async def commit(self) -> None:
        """End the transaction, if it has begun. Raises `SessionStoreUnavailable`: then nobody knows how it ended."""
        if self._connection is not None:
            await self.run(lambda connection: connection.commit())

    async def close(self) -> None:
        """Give the connection back; what was not committed is rolled back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*self._faults):  # the server rolls it back too, and what was committed stays
                await self._in_time(lambda _: connection.close())

    async def _in_time(self, function: Callable[[Call], _Value]) -> _Value:
        call = Call(self._seconds)
        return await self._tasks.run(partial(function, call), call, to_its_end=True)

    def _on_line(self, statements: Callable[[Connection], _Value], call: Call) -> _Value:
        connection = self._connection or self._begun(call)
        try:
            call.enter(_line(connection))
            value = statements(connection)
        except BaseException:
            if not call.leave() and connection.dialect.name != "sqlite":
                connection.invalidate()  # it was cut off
            raise
        if not call.leave():
            raise TimeoutError
        return value

    def _begun(self, call: Call) -> Connection:
        connection = self._engine.sync_engine.connect()
        try:
            if call.expired:  # whoever wanted it has gone
                raise TooLate  # noqa: TRY301  # to give it back as in any other case
            if connection.dialect.name == "sqlite":
                milliseconds = int(self._seconds * _WITHIN_THE_DEADLINE)
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {milliseconds}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection


def _line(connection: Connection) -> CursorLine:
    pooled: Any = connection.connection
    line: CursorLine | None = pooled.info.get(_LINE)
    if line is None:
        pooled.info[_LINE] = line = LINES[connection.dialect.driver](pooled)
    return line
