"""Connections from the pool of a host's engine, had within the deadline of a call."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import ceil
from time import sleep
from typing import Any, Final, Protocol
from weakref import WeakKeyDictionary, WeakSet

from sqlalchemy import Engine, event
from sqlalchemy.engine import AdaptedConnection, Dialect
from sqlalchemy.pool import (
    AssertionPool,
    ConnectionPoolEntry,
    Pool,
    PoolProxiedConnection,
    QueuePool,
    SingletonThreadPool,
    StaticPool,
)
from sqlalchemy.util import await_only

from neo_routing_adapters.sql.look_up.deadlines import Call, Line, TooLate, start_thread
from neo_routing_adapters.sql.look_up.forks import is_in_memory, renew_after_fork
from neo_routing_adapters.sql.look_up.one_trip import Answer, Asked, OneByOne, has_pipelines, in_a_pipeline


class CursorLine(Line, Protocol):
    """A connection, as calls wait on it: its cursor, and how to cut it off."""

    cursor: Any

    def in_transaction(self) -> bool:
        """Tell whether somebody has left a transaction open."""
        ...

    def together(self, asked: Sequence[Asked]) -> list[Answer]:
        """Run statements of one transaction, in one round trip where the driver can, and return their answers."""
        ...

    def roll_back(self) -> None:
        """Roll back the transaction that was begun on the connection itself."""
        ...


class _Duplicate(socket.socket):
    """A socket that is closed once nobody has it any more: in a cycle of references, a plain one would warn of that."""

    def __del__(self) -> None:
        self.close()


class _Socket(OneByOne):
    """A connection of psycopg, whose socket can be shut down."""

    def __init__(self, connection: PoolProxiedConnection) -> None:
        self.cursor = connection.cursor()
        # A duplicate: by the time that it is cut off, the number of the original may be another file's.
        self._socket = _Duplicate(fileno=socket.dup(_driver_connection(connection).fileno()))
        self._pgconn = _driver_connection(connection).pgconn

    def in_transaction(self) -> bool:
        # It is 0 outside of any, and 4 once the connection is dead, which is noticed later.
        return self._pgconn.transaction_status not in (0, 4)

    def cut(self) -> None:
        with suppress(OSError):  # it was not connected any more
            self._socket.shutdown(socket.SHUT_RDWR)


_MOST_TOGETHER: Final = 3


class _AwaitedSocket(_Socket):
    """A connection of psycopg that is awaited."""

    def __init__(self, connection: PoolProxiedConnection) -> None:
        super().__init__(connection)
        self._connection = _driver_connection(connection)
        # One for each place: psycopg keeps what it has found out about a statement until its cursor gets another.
        self._cursors = [self._connection.cursor() for _ in range(_MOST_TOGETHER if has_pipelines() else 0)]

    def together(self, asked: Sequence[Asked]) -> list[Answer]:
        """Run them in a pipeline, if there is more than one."""
        if not 1 < len(asked) <= len(self._cursors):
            return super().together(asked)
        return await_only(in_a_pipeline(self._connection, self._cursors, asked))

    def roll_back(self) -> None:
        """Roll back by psycopg's own method, which forgets what a pipeline was to prepare and did not."""
        await_only(self._connection.rollback())


def _socket(connection: PoolProxiedConnection) -> _Socket:
    # To SQLAlchemy both are one driver.
    return (_AwaitedSocket if isinstance(connection.dbapi_connection, AdaptedConnection) else _Socket)(connection)


class _WholeAnswers:
    """A cursor that has all rows at once."""

    _rows: Sequence[Any] = ()

    def fetchall(self) -> list[Any]:
        """Return all rows."""
        rows, self._rows = self._rows, ()
        return [*rows]

    def fetchmany(self, _size: int) -> list[Any]:
        """Return all rows, however many: the driver has made them already."""
        return self.fetchall()


_COMMANDS: Final = ("BEGIN", "COMMIT", "ROLLBACK", "SET ")


class _AsyncpgCursor(_WholeAnswers):
    """Stands in for SQLAlchemy's cursor, which takes its time to describe columns and to count rows."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._prepared: dict[str, Any] = {}

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> None:
        if sql.startswith(_COMMANDS):  # which are quicker if nothing is prepared for them
            self._rows = ()
            await_only(self._connection.execute(sql))
            return
        prepared = self._prepared.get(sql)
        if prepared is None:
            self._prepared[sql] = prepared = await_only(self._connection.prepare(sql))
        self._rows = await_only(prepared.fetch(*arguments))


class _Asyncpg(OneByOne):
    """A connection of asyncpg, which can be terminated."""

    def __init__(self, connection: PoolProxiedConnection) -> None:
        driver_connection = _driver_connection(connection)
        self.cursor = _AsyncpgCursor(driver_connection)
        self._connection = driver_connection
        self._terminate: Callable[[], None] = driver_connection.terminate

    def in_transaction(self) -> bool:
        return not self._connection.is_closed() and bool(self._connection.is_in_transaction())

    def cut(self) -> None:
        with suppress(RuntimeError):  # it belongs to an event loop that is closed
            self._terminate()


class _Sqlite(OneByOne):
    """A connection to a SQLite file, which can be interrupted."""

    def __init__(self, connection: PoolProxiedConnection) -> None:
        self.cursor: Any = connection.cursor()
        self._connection = _driver_connection(connection)
        self._interrupt: Callable[[], Any] = self._connection.interrupt

    def in_transaction(self) -> bool:
        return bool(self._connection.in_transaction)

    def cut(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # it was closed already
            self._interrupt()


class _AiosqliteCursor(_WholeAnswers):
    """Stands in for SQLAlchemy's cursor, which goes to the connection's thread and back four times for a statement."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def execute(self, sql: str, arguments: Sequence[Any] = ()) -> None:
        self._rows = await_only(self._connection.execute_fetchall(sql, arguments))


class _Aiosqlite(_Sqlite):
    """A connection of aiosqlite, whose interruption is awaited."""

    def __init__(self, connection: PoolProxiedConnection) -> None:
        super().__init__(connection)
        self.cursor = _AiosqliteCursor(self._connection)

    def cut(self) -> None:
        self._interruption = asyncio.get_running_loop().create_task(self._interrupted())

    async def _interrupted(self) -> None:
        with suppress(ValueError):  # it was closed already
            await self._interrupt()


LINES: Final[Mapping[str, Callable[[PoolProxiedConnection], CursorLine]]] = {
    "psycopg": _socket,
    "asyncpg": _Asyncpg,
    "pysqlite": _Sqlite,
    "aiosqlite": _Aiosqlite,
}
"""How to cut a connection off, by the name of its driver."""


_BUSY_TIMEOUT: Final = "neo_routing busy timeout"


def wait_for_locks(connection: PoolProxiedConnection, cursor: Any, milliseconds: int) -> None:
    """Have SQLite wait so long for the locks of others, unless it does already."""
    if connection.info.get(_BUSY_TIMEOUT) != milliseconds:
        cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
        cursor.fetchmany(2)  # to its end: half read it would keep alive what the connection has begun
        connection.info[_BUSY_TIMEOUT] = milliseconds


def _driver_connection(connection: PoolProxiedConnection) -> Any:
    return connection.driver_connection


_LOOP: Final = "neo_routing loop"
_MOST_PATIENT: Final = 16
_PATIENCE: Final = 10
# What takes from the pool what somebody has seen there waits for no longer than so many of these seconds.
_TURNS, _TURN = 100, 0.0001


class _Thread(threading.local):
    """For whom the thread takes a connection."""

    taker: tuple[Connections, Call] | None = None


_thread: Final = _Thread()


class Connections:
    """Takes connections from the pool of an engine.

    That may run whatever the host has hooked on its pool, open a connection, or wait until one is given back: nobody
    can interrupt any of it. So no lock is held meanwhile, and no caller waits for it longer than he may. On SQLite
    alone, where there is no network to wait for, a caller may do it himself if a connection is at hand.
    """

    def __init__(self, engine: Engine) -> None:
        require_connections_apart(engine)
        self._engine = engine
        self._local = engine.dialect.name == "sqlite"
        self._awaited = engine.dialect.is_async
        if engine.dialect.driver == "asyncpg":
            _listen(engine, "connect", _note_loop)
        elif not (self._local or self._awaited):
            _listen(engine, "do_connect", _before_connecting)
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Have nobody take one."""
        self._reaching: list[Call] = []
        self._taking: list[Call] = []

    def is_at_hand(self, call: Call) -> bool:
        """Tell whether `take` returns at once; it must be called then.

        So it does unless the host itself takes the last connection, or the pool replaces it, between.
        """
        pool = self._engine.pool
        if not self._local or self._awaited:  # aiosqlite waits for a thread, which may be busy, or gone
            return False
        if not isinstance(pool, QueuePool):  # some have a connection that is there, and may be this thread's alone
            return isinstance(pool, (StaticPool, SingletonThreadPool))
        if _is_hooked(pool):
            return False
        self._reaching.append(call)
        # Of several who see the last one at the same time none may get it, and none may have to wait for it.
        if not self._taking and len(self._reaching) <= pool.checkedin():
            return True
        self._reaching.remove(call)
        return False

    def forget(self, call: Call) -> None:
        """Let a call that does not take what is at hand stand in nobody's way."""
        if call in self._reaching:
            self._reaching.remove(call)

    def take(self, call: Call) -> PoolProxiedConnection:
        """Take a connection. Raises what the pool, the driver or a hook raises."""
        if call in self._reaching:
            try:
                return self._engine.raw_connection()
            finally:
                self._reaching.remove(call)
        if self._awaited:
            return self._engine.raw_connection()
        self._taking.append(call)
        try:
            return self._patiently(call)
        finally:
            self._taking.remove(call)

    def _patiently(self, call: Call) -> PoolProxiedConnection:
        for _ in range(_TURNS if self._reaching else 0):
            sleep(_TURN)
            if not self._reaching:
                break
        _thread.taker = self, call
        try:
            return self._engine.raw_connection()
        finally:
            _thread.taker = None

    def patience(self, call: Call) -> int:
        """Return for how many seconds a call may try to open a connection.

        What takes longer than its caller waits for comes into the pool all the same, for a later call. But where many
        try in vain, in a network that loses their packets, the next must come to try before they all have given up.
        """
        seconds = max(1, ceil(call.remaining()))
        return seconds if len(self._taking) > _MOST_PATIENT else max(seconds, _PATIENCE)


_listened_to: Final[WeakSet[Dialect]] = WeakSet()


def _listen(engine: Engine, name: str, listener: Callable[..., None]) -> None:
    """Have this called once, on an engine and on all that are made of it by `execution_options`, which share a dialect.

    SQLAlchemy knows who listens by the engine's id, which another engine comes to have when that one is gone.
    """
    if engine.dialect not in _listened_to:
        _listened_to.add(engine.dialect)
        event.listen(engine, name, listener)


def _note_loop(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_LOOP] = asyncio.get_running_loop()


def left_to_its_loop(connection: PoolProxiedConnection) -> bool:
    """Tell whether a connection is that of another event loop, which runs; then it is let go there.

    asyncpg crashes the process if it is used in one thread while its event loop runs in another.
    """
    loop: asyncio.AbstractEventLoop | None = connection.info.get(_LOOP)
    if loop is None or loop is asyncio.get_running_loop() or not loop.is_running():
        return False
    loop.call_soon_threadsafe(_driver_connection(connection).terminate)
    connection.detach()
    return True


def _before_connecting(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
    """Let no attempt of a call's to open a connection go on for minutes."""
    if _thread.taker is not None:
        connections, call = _thread.taker
        parameters.setdefault("connect_timeout", connections.patience(call))


def _is_hooked(pool: Pool) -> bool:
    """Tell whether code of the host's runs when a connection is taken, or given back."""
    return bool(pool.dispatch.checkout or pool.dispatch.checkin or pool.dispatch.reset)


def abandon(dialect: Dialect, connection: PoolProxiedConnection) -> None:
    """Close a connection whatever it is in the midst of, and have the pool replace it. Raises what a hook raises.

    SQLite keeps a transaction of a connection that is closed for as long as rows of it are half read.
    """
    if not connection.is_valid:
        return
    dbapi_connection = connection.dbapi_connection
    if isinstance(dbapi_connection, sqlite3.Connection):
        with suppress(sqlite3.Error):
            for line in connection.info.values():
                if isinstance(line, _Sqlite):
                    line.cursor.close()
            dbapi_connection.rollback()
    connection.info.clear()
    try:
        connection.invalidate()
    except BaseException:
        let_go(dialect, connection)
        raise


def let_go(dialect: Dialect, connection: PoolProxiedConnection) -> None:
    """Close a connection that could not be given back, because a hook raised: its place in the pool would be lost."""
    dbapi_connection = connection.dbapi_connection
    if not connection.is_detached:
        connection.detach()
    if dbapi_connection is not None:
        dialect.do_terminate(dbapi_connection)


def require_connections_apart(engine: Engine) -> None:
    """Raise `ValueError` for a pool with which one thread or task may use or close what another is using.

    psycopg and sqlite3 end the process then. In the one connection of a `StaticPool` sqlite3 bears several threads if
    they take turns; and for a database in memory SQLAlchemy has a `SingletonThreadPool`, where it lets no thread close
    another's connection, unless it was told not to look.
    """
    local = engine.dialect.name == "sqlite"
    safe: dict[type[Pool], Callable[[], bool]] = {
        AssertionPool: lambda: False,
        StaticPool: lambda: local,
        SingletonThreadPool: lambda: local and is_in_memory(engine.url) and _are_threads_kept_apart(engine),
    }
    for kind, is_safe in safe.items():
        if isinstance(engine.pool, kind) and not is_safe():
            instead = "take a QueuePool, or for a database in memory a StaticPool"
            raise ValueError(f"the engine must not share connections, as with its {kind.__name__}: {instead}")


def _are_threads_kept_apart(engine: Engine) -> bool:
    """Tell whether sqlite3 looks which thread uses a connection."""
    refused, here = threading.Event(), threading.get_native_id()

    def use() -> None:
        if threading.get_native_id() == here:  # green threads, of which one cannot close what another is using
            refused.set()
            return
        try:
            connection.cursor().close()
        except sqlite3.ProgrammingError:
            refused.set()

    connection = engine.raw_connection()
    try:
        start_thread(use, name="look at a pool").join()
    finally:
        connection.close()
    return refused.is_set()


class Turns:
    """Whose turn it is on a connection that all threads share: neither cursors nor drivers keep apart what they do."""

    def __init__(self) -> None:
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Let it be nobody's."""
        self._lock = threading.Lock()

    def begin(self, call: Call) -> None:
        """Wait for the turn of a call. Raises `TooLate`."""
        if not self._lock.acquire(timeout=call.remaining()):
            raise TooLate

    def end(self) -> None:
        """Let the next one have it."""
        self._lock.release()


_turns: Final[WeakKeyDictionary[Pool, Turns]] = WeakKeyDictionary()


def turns_on(pool: Pool) -> Turns:
    """Return whose turn it is to use the one connection of a pool, whichever engines have that."""
    return _turns.get(pool) or _turns.setdefault(pool, Turns())
