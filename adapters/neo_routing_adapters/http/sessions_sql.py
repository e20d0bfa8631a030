"""Sessions in PostgreSQL or SQLite: decided, kept and answered for in one transaction each."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Final, Self

from neo_routing import DecisionRecord, DirectoryUnavailable, Rows, RowsNeeded
from neo_routing_adapters.extras import how_to_install
from neo_routing_adapters.http.ports import (
    AwaitedDirectory,
    ChatSession,
    Claimed,
    IdempotencyKey,
    InProgress,
    OtherBody,
    SessionStoreUnavailable,
)
from neo_routing_adapters.http.session_rows import key_scope, lock_number, session_of, session_row

try:
    from sqlalchemy import Connection, insert, select, text
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.ext.asyncio import AsyncEngine

    from neo_routing_adapters.http.store_connection import StoreConnection
    from neo_routing_adapters.http.tables.sessions import idempotency_keys, sessions
    from neo_routing_adapters.sql.look_up.directory import AsyncSqlDirectory
    from neo_routing_adapters.sql.look_up.share import TIMEOUTS, CannotDecideWithin, timeouts
    from neo_routing_adapters.sql.look_up.tasks import Tasks
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] != "sqlalchemy":
        raise
    told = f"sessions in a database need SQLAlchemy; {how_to_install('sql')}"
    raise ModuleNotFoundError(told, name=missing.name) from missing

DEADLINE: Final = 2.0
"""Within so many seconds a step of a transaction ends or the store is unavailable, unless its host says otherwise."""

_LOCK: Final = text(f"SELECT pg_try_advisory_xact_lock(:number), {TIMEOUTS}")


class SqlSessions:
    """A store on an asynchronous engine of asyncpg, psycopg or aiosqlite.

    With a directory on the same engine, each session is decided in the transaction that keeps it, so that none is kept
    on a state of the directory that is gone. Without one, decisions are made elsewhere, and nobody promises that.
    The tables are made by `neo_routing_adapters.http.tables.upgrade`. Raises `ValueError` for a directory elsewhere.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        directory: AsyncSqlDirectory | None = None,
        *,
        deadline: float = DEADLINE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if not isinstance(engine, AsyncEngine):
            raise TypeError(f"SqlSessions takes an AsyncEngine, and not {type(engine).__name__}")
        if directory is not None and not directory.is_on(engine):
            raise ValueError("SqlSessions takes a directory on its own engine, or none: it decides in its transactions")
        # A host sets its engine to suit decisions, and those want autocommit.
        on_server = engine.dialect.name == "postgresql"
        self._engine = engine.execution_options(isolation_level="READ COMMITTED") if on_server else engine
        self._directory = directory
        self._deadline = deadline
        self._now = now
        self._tasks = Tasks()
        # Of this process, on SQLite: there the database itself would have a call wait.
        self._in_progress: set[int] | None = None if on_server else set()

    def transaction(self) -> SqlSessionTransaction:
        """Begin a transaction, which connects when it is asked something."""
        connection = StoreConnection(self._engine, self._tasks, self._deadline)
        return SqlSessionTransaction(connection, self._directory, self._deadline, self._now, self._in_progress)


class SqlSessionTransaction:
    """A transaction of `SqlSessions`."""

    def __init__(
        self,
        connection: StoreConnection,
        directory: AsyncSqlDirectory | None,
        deadline: float,
        now: Callable[[], datetime],
        in_progress: set[int] | None,
    ) -> None:
        self._connection = connection
        self._directory = directory
        self._deadline = deadline
        self._now = now
        self._in_progress = in_progress
        self._claimed: dict[int, IdempotencyKey] = {}

    @property
    def directory(self) -> AwaitedDirectory | None:
        """The directory within this transaction, if the store has it."""
        return None if self._directory is None else _DirectoryOfTransaction(self._connection, self._directory)

    async def claim(self, key: IdempotencyKey, /) -> ChatSession | Claimed | InProgress | OtherBody:
        """Take a key until the transaction ends, unless it is somebody's or was used. Another process may have it."""
        number = lock_number(key)
        if self._in_progress is not None:
            if number in self._in_progress:
                return InProgress()
            self._in_progress.add(number)
        self._claimed[number] = key
        found = await self._connection.run(partial(_claimed, key, number, self._deadline, self._now()))
        if not isinstance(found, Claimed):
            self._release(number)
        return found

    async def add(self, session: ChatSession, record: DecisionRecord, key: IdempotencyKey | None, /) -> None:
        """Keep a session when the transaction is committed. Raises `ValueError` for a key that was not claimed."""
        if key is not None and self._claimed.get(lock_number(key)) != key:
            raise ValueError("the key was not claimed in this transaction")
        await self._connection.run(partial(_add, session, record, key))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._connection.commit()
        finally:
            try:
                await self._connection.close()
            finally:
                for number in [*self._claimed]:
                    self._release(number)

    def _release(self, number: int) -> None:
        del self._claimed[number]
        if self._in_progress is not None:
            self._in_progress.discard(number)


class _DirectoryOfTransaction:
    """The directory within a transaction that may not have begun."""

    def __init__(self, connection: StoreConnection, directory: AsyncSqlDirectory) -> None:
        self._connection = connection
        self._directory = directory

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Return the rows that any of these decisions can need. Raises `DirectoryUnavailable`, on a standby too."""
        try:
            connection = await self._connection.connection()
            return await self._directory.within(connection).look_up(needed)
        except (SessionStoreUnavailable, CannotDecideWithin) as error:
            raise DirectoryUnavailable from error


def _claimed(
    key: IdempotencyKey, number: int, seconds: float, now: datetime, connection: Connection
) -> ChatSession | Claimed | InProgress | OtherBody:
    is_free = True
    if connection.dialect.name == "postgresql":
        # A statement of its own: the next one sees what was kept by whoever had it before.
        is_free = bool(connection.scalar(_LOCK, {"number": number, **timeouts(seconds)}))
    stored = _stored(connection, key, now)
    if stored is not None:
        return stored
    return Claimed() if is_free else InProgress()


def _stored(connection: Connection, key: IdempotencyKey, now: datetime) -> ChatSession | OtherBody | None:
    columns = idempotency_keys.c
    query = (
        select(columns.body_mac, sessions)
        .join_from(idempotency_keys, sessions, sessions.c.id == columns.session_id)
        .where(*(columns[name] == value for name, value in key_scope(key).items()), columns.expires_at > now)
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return None
    return session_of(dict(row)) if hmac.compare_digest(row["body_mac"], key.body_mac) else OtherBody()


def _add(session: ChatSession, record: DecisionRecord, key: IdempotencyKey | None, connection: Connection) -> None:
    connection.execute(insert(sessions).values(session_row(session, record)))
    if key is None:
        return
    # One that has expired may still be there.
    new = {"body_mac": key.body_mac, "session_id": session.id, "expires_at": key.expires_at}
    statement = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(idempotency_keys)
    statement = statement.values({**key_scope(key), **new})
    connection.execute(statement.on_conflict_do_update(index_elements=[*idempotency_keys.primary_key], set_=new))
