"""Sessions in PostgreSQL or SQLite: decided, kept and answered for in one transaction each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

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
from neo_routing_adapters.http.session_rows import lock_number
from neo_routing_adapters.http.writers import Writers

try:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from neo_routing_adapters.http.session_statements import SessionStatements
    from neo_routing_adapters.http.store_connection import StoreConnection
    from neo_routing_adapters.sql.look_up.awaited import awaited
    from neo_routing_adapters.sql.look_up.directory import AsyncSqlDirectory
    from neo_routing_adapters.sql.look_up.share import CannotDecideWithin
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] != "sqlalchemy":
        raise
    told = f"sessions in a database need SQLAlchemy; {how_to_install('sql')}"
    raise ModuleNotFoundError(told, name=missing.name) from missing

DEADLINE: Final = 2.0
"""Within so many seconds a step of a transaction ends or the store is unavailable, unless its host says otherwise."""


class SqlSessions:
    """A store on an asynchronous engine of asyncpg, psycopg or aiosqlite, or on the plain engine of a SQLite file.

    With a directory on the same engine, each session is decided in the transaction that keeps it, so that none is kept
    on a state of the directory that is gone. Without one, decisions are made elsewhere, and nobody promises that.
    The tables are made by `neo_routing_adapters.http.tables.upgrade`. Raises `ValueError` for a directory elsewhere.
    """

    def __init__(
        self,
        engine: AsyncEngine | Engine,
        directory: AsyncSqlDirectory | None = None,
        *,
        deadline: float = DEADLINE,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._engine, self._awaited = awaited(engine, "SqlSessions")
        if directory is not None and not directory.is_on(engine):
            raise ValueError("SqlSessions takes a directory on its own engine, or none: it decides in its transactions")
        on_server = engine.dialect.name == "postgresql"
        self._statements = SessionStatements(engine.dialect, deadline)
        self._directory = directory
        self._deadline = deadline
        self._now = now
        # Of this process, on SQLite: there the database itself would have a call wait.
        self._in_progress: set[int] | None = None if on_server else set()
        self._writers = None if on_server else Writers()

    def transaction(self) -> SqlSessionTransaction:
        """Begin a transaction, which connects when it is asked something."""
        return SqlSessionTransaction(
            self._connection(), self._statements, self._directory, self._now, self._in_progress
        )

    async def ask(self) -> None:
        """Ask whether sessions could be kept now, and keep nothing. Raises `SessionStoreUnavailable`."""
        connection = self._connection()
        try:
            await connection.run(lambda _connection, cursor, _call: self._statements.keep_nothing(cursor))
        finally:
            await connection.close()

    def _connection(self) -> StoreConnection:
        return StoreConnection(self._engine, self._awaited, self._deadline, self._writers)


class SqlSessionTransaction:
    """A transaction of `SqlSessions`."""

    def __init__(
        self,
        connection: StoreConnection,
        statements: SessionStatements,
        directory: AsyncSqlDirectory | None,
        now: Callable[[], datetime],
        in_progress: set[int] | None,
    ) -> None:
        self._connection = connection
        self._statements = statements
        self._directory = directory
        self._now = now
        self._in_progress = in_progress
        self._claimed: dict[int, IdempotencyKey] = {}
        # Run with the commit: each wait for the database, and each change of a task, has its price.
        self._added: list[Callable[[Any], None]] = []

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
        claim = partial(self._statements.claim, key, self._now())
        found = await self._connection.run(lambda _connection, cursor, _call: claim(cursor))
        if not isinstance(found, Claimed):
            self._release(number)
        return found

    async def add(self, session: ChatSession, record: DecisionRecord, key: IdempotencyKey | None, /) -> None:
        """Keep a session when the transaction is committed. Raises `ValueError` for a key that was not claimed."""
        if key is not None and self._claimed.get(lock_number(key)) != key:
            raise ValueError("the key was not claimed in this transaction")
        self._added.append(partial(self._statements.add, session, record, key))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                await self._connection.commit(self._added)
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
        read = self._directory.read_begun
        try:
            return await self._connection.run(lambda connection, _cursor, call: read(connection, needed, call))
        except (SessionStoreUnavailable, CannotDecideWithin) as error:
            raise DirectoryUnavailable from error
