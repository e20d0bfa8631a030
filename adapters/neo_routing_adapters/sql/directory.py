"""The directory in a database: one statement for a decision, and one for a batch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection

from neo_routing import DirectoryUnavailable, Rows, RowsNeeded
from neo_routing_adapters.sql.connections import Connections, turns_on
from neo_routing_adapters.sql.deadlines import Call, NoThread, Watch
from neo_routing_adapters.sql.greenlets import run_awaiting
from neo_routing_adapters.sql.reader import LATE, Reader
from neo_routing_adapters.sql.statements import Statement

DEADLINE: Final = 2.0
"""Within so many seconds a directory answers or is unavailable, unless its host says otherwise."""


class SqlDirectory:
    """A directory in PostgreSQL or SQLite, read through a pooled engine of the host.

    Each look-up is one statement on one connection, so all its rows stood there together; a batch of more than 2,000
    on PostgreSQL is several statements in one transaction, which makes that true of them as well. Whatever fails
    raises `DirectoryUnavailable`, no later than `deadline` seconds after the call began (for each statement of a
    batch). Make one directory for an engine and keep it; threads may share it.

    >>> from sqlalchemy import create_engine
    >>> from neo_routing import Agent, AgentKind, Caller, CallerKind, SessionRequest, Tenant, resolve_session_target
    >>> from neo_routing_adapters.sql import SqlDirectoryWriter
    >>> from neo_routing_adapters.sql.upgrade import upgrade
    >>> engine = create_engine("sqlite://")
    >>> with engine.connect() as connection:
    ...     _ = connection.exec_driver_sql("PRAGMA foreign_keys=ON")
    ...     _ = upgrade(connection)
    ...     writer = SqlDirectoryWriter(connection)
    ...     writer.put_tenant(Tenant(id="msp-a"))
    ...     writer.put_agent(Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL))
    ...     connection.commit()
    >>> directory, user = SqlDirectory(engine), Caller(CallerKind.USER, "msp-a")
    >>> resolve_session_target(user, SessionRequest(agent_id=12), directory).unwrap().agent_id
    12
    >>> resolve_session_target(user, SessionRequest(agent_id=13), directory).failure().status
    404
    >>> engine.dispose()
    """

    def __init__(self, engine: Engine, *, deadline: float = DEADLINE) -> None:
        if not isinstance(engine, Engine) or engine.dialect.is_async:
            raise ValueError("SqlDirectory takes a synchronous engine; an asynchronous one is for AsyncSqlDirectory")
        self._reader = Reader(engine, Connections(engine).take, deadline)
        self._watch = Watch(deadline)
        self._turns = turns_on(engine)

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Return the rows that any of these decisions can need. Raises `DirectoryUnavailable`."""
        statements = self._reader.statements(needed)
        try:
            call = self._watch.begin(self._reader.seconds(statements))
        except NoThread as error:
            raise DirectoryUnavailable from error
        try:
            return self._reader.read(statements, call) if self._turns is None else self._in_turn(statements, call)
        finally:
            self._watch.end(call)

    def _in_turn(self, statements: Sequence[Statement], call: Call) -> Rows:
        assert self._turns is not None
        if not self._turns.acquire(timeout=call.remaining()):
            raise DirectoryUnavailable(LATE) from TimeoutError()
        try:
            return self._reader.read(statements, call)
        finally:
            self._turns.release()


class AsyncSqlDirectory:
    """A `SqlDirectory` that is awaited, on an asynchronous engine of asyncpg, psycopg or aiosqlite.

    Both run the same code: SQLAlchemy goes to the event loop wherever that waits.
    """

    def __init__(self, engine: AsyncEngine, *, deadline: float = DEADLINE) -> None:
        if not isinstance(engine, AsyncEngine):
            raise ValueError(  # noqa: TRY004  # as in SqlDirectory
                "AsyncSqlDirectory takes an asynchronous engine; a synchronous one is for SqlDirectory"
            )
        self._engine = engine.sync_engine
        self._reader = Reader(self._engine, self._take, deadline)

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Return the rows that any of these decisions can need. Raises `DirectoryUnavailable`."""
        statements = self._reader.statements(needed)
        seconds = self._reader.seconds(statements)
        call = _AsyncCall(seconds)
        timer = asyncio.get_running_loop().call_later(seconds, call.expire)
        try:
            return await run_awaiting(partial(self._reader.read, statements, call))
        except asyncio.CancelledError as cancelled:
            if call.task.was_cut():
                raise DirectoryUnavailable(LATE) from cancelled
            raise
        finally:
            timer.cancel()

    def _take(self, call: _AsyncCall) -> PoolProxiedConnection:
        call.enter(call.task)
        return self._engine.raw_connection()


class _Task:
    """What a call waits on that waits for a connection: its own task, which can be cancelled."""

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None, "a coroutine runs in a task"
        self._task = task
        self._cancelled_before = task.cancelling()
        self._cut = False

    def cut(self) -> None:
        self._cut = True
        self._task.cancel()

    def was_cut(self) -> bool:
        """Tell whether it was cancelled by the deadline, and by nobody else."""
        return self._cut and self._task.uncancel() <= self._cancelled_before


class _AsyncCall(Call):
    """A call, with the task that it is made in."""

    __slots__ = ("task",)

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.task = _Task()
