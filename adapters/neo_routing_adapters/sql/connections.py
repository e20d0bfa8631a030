"""Connections from the pool of a host's engine, had within the deadline of a call."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from math import ceil
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event
from sqlalchemy.pool import PoolProxiedConnection, QueuePool, StaticPool
from sqlalchemy.util import await_

from neo_routing_adapters.sql.deadlines import Call, Line, NoThread, start_thread
from neo_routing_adapters.sql.forks import renew_after_fork


class CursorLine(Line, Protocol):
    """A connection, as calls wait on it: its cursor, and how to cut it off."""

    cursor: Any


class _Duplicate(socket.socket):
    """A socket that is closed once nobody has it any more: in a cycle of references, a plain one would warn of that."""

    def __del__(self) -> None:
        self.close()


class _Socket:
    """A connection of psycopg, whose socket can be shut down."""

    def __init__(self, connection: PoolProxiedConnection) -> None:
        self.cursor = connection.cursor()
        # A duplicate: by the time that it is cut off, the number of the original may be another file's.
        self._socket = _Duplicate(fileno=socket.dup(_driver_connection(connection).fileno()))

    def cut(self) -> None:
        with suppress(OSError):  # it was not connected any more
            self._socket.shutdown(socket.SHUT_RDWR)


class _AsyncpgCursor:
    """Stands in for SQLAlchemy's cursor, which takes its time to describe columns and to count rows."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._prepared: dict[str, Any] = {}
        self._rows: list[Any] = []

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> None:
        self._rows = await_(self._fetched(sql, arguments))

    def fetchmany(self, _size: int) -> list[Any]:
        """Return all rows, however many: asyncpg has made them already."""
        rows, self._rows = self._rows, []
        return rows

    async def _fetched(self, sql: str, arguments: Sequence[Any]) -> list[Any]:
        prepared = self._prepared.get(sql)
        if prepared is None:
            self._prepared[sql] = prepared = await self._connection.prepare(sql)
        rows: list[Any] = await prepared.fetch(*arguments)
        return rows


class _Asyncpg:
    """A connection of asyncpg, which can be terminated."""

    def __init__(self, connection: PoolProxiedConnection) -> None:
        driver_connection = _driver_connection(connection)
        self.cursor = _AsyncpgCursor(driver_connection)
        self.cut: Callable[[], None] = driver_connection.terminate


class _Sqlite:
    """A connection to a SQLite file, which can be interrupted."""

    def __init__(self, connection: PoolProxiedConnection) -> None:
        self.cursor = connection.cursor()
        self._interrupt: Callable[[], Any] = _driver_connection(connection).interrupt

    def cut(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it was closed already
            self._interrupt()


class _Aiosqlite(_Sqlite):
    """A connection of aiosqlite, whose interruption is awaited."""

    def cut(self) -> None:
        self._interruption = asyncio.get_running_loop().create_task(self._interrupt())


LINES: Final[Mapping[str, Callable[[PoolProxiedConnection], CursorLine]]] = {
    "psycopg": _Socket,
    "psycopg_async": _Socket,
    "asyncpg": _Asyncpg,
    "pysqlite": _Sqlite,
    "aiosqlite": _Aiosqlite,
}
"""How to cut a connection off, by the name of its driver."""


def _driver_connection(connection: PoolProxiedConnection) -> Any:
    return connection.driver_connection


class _NotAtOnce(Exception):
    """The pool has no connection at hand, and would have to open one."""


class _Thread(threading.local):
    """How the thread that takes a connection from a pool goes about it."""

    hurried = False
    connect_timeout = 0


_thread: Final = _Thread()
_MOST_PATIENT: Final = 16


class Connections:
    """Takes connections from the pool of an engine, within the deadline of each call.

    One that is at hand is taken at once. To open one, or to wait until one is given back, is left to a thread that the
    call waits for no longer than its deadline: a driver that connects cannot be interrupted. What the thread gets when
    nobody waits any more goes back to the pool.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._local = engine.dialect.name == "sqlite"
        if not self._local and not event.contains(engine, "do_connect", _before_connecting):
            event.listen(engine, "do_connect", _before_connecting)
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Wait for no connections."""
        # So many threads may hang in an attempt to connect, and no more, however many calls come in.
        self._patient = threading.BoundedSemaphore(_MOST_PATIENT)

    def take(self, call: Call) -> PoolProxiedConnection:
        """Take a connection. Raises what the pool or the driver raises, `TimeoutError`, or `NoThread`."""
        if self._local and not isinstance(self._engine.pool, QueuePool):
            return self._engine.raw_connection()  # which is there at once, and may be this thread's alone
        return self._at_once() or self._patiently(call)

    def _at_once(self) -> PoolProxiedConnection | None:
        pool = self._engine.pool
        # One that is pinged first may hang in that.
        if not isinstance(pool, QueuePool) or pool._pre_ping:  # noqa: SLF001
            return None
        # Between the look at the pool and the grasp into it nobody else may come, nor any thread of the host: who finds
        # nothing there waits for longer than the deadline.
        queue: Any = pool._pool  # noqa: SLF001
        with queue.mutex:
            if pool.checkedin() < 1:
                return None
            _thread.hurried = True
            try:
                return self._engine.raw_connection()
            except _NotAtOnce:
                return None
            finally:
                _thread.hurried = False

    def _patiently(self, call: Call) -> PoolProxiedConnection:
        if not self._patient.acquire(timeout=call.remaining()):
            raise TimeoutError
        taken: Future[PoolProxiedConnection] = Future()
        arguments = (taken, max(1, ceil(call.remaining())))
        try:
            start_thread(self._hand_over, *arguments, name="connecting")
        except NoThread:
            self._patient.release()
            raise
        try:
            return taken.result(call.remaining())
        except TimeoutError:
            if taken.cancel():
                raise
            return taken.result()  # it came at the last moment, or failed

    def _hand_over(self, taken: Future[PoolProxiedConnection], connect_timeout: int) -> None:
        _thread.connect_timeout = connect_timeout
        try:
            connection = self._engine.raw_connection()
        except BaseException as error:  # noqa: BLE001  # whoever waits gets it
            if taken.set_running_or_notify_cancel():
                taken.set_exception(error)
        else:
            if taken.set_running_or_notify_cancel():
                taken.set_result(connection)
            else:
                connection.close()
        finally:
            self._patient.release()


def _before_connecting(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
    """Let no call open a connection in a hurry, and no attempt to open one go on for minutes."""
    if _thread.hurried:
        raise _NotAtOnce
    if _thread.connect_timeout:
        parameters.setdefault("connect_timeout", _thread.connect_timeout)


_turns: Final[WeakKeyDictionary[Engine, threading.Lock]] = WeakKeyDictionary()


def turns_on(engine: Engine) -> threading.Lock | None:
    """Return what a call must hold to use the connection of an engine, if all threads share one.

    Neither cursors nor sqlite3 itself keep apart what several threads do on a connection.
    """
    return _turns.setdefault(engine, threading.Lock()) if isinstance(engine.pool, StaticPool) else None
