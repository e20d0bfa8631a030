"""Sessions in PostgreSQL or SQLite: decided and kept in one transaction, which one thread or greenlet does as a whole.

Whenever another thread goes on, and the event loop comes back to a call, that costs as much as a statement does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final, TypeVar

from attrs import frozen

from neo_routing import DirectoryUnavailable, Rows, RowsNeeded
from neo_routing_adapters.extras import how_to_install
from neo_routing_adapters.http.ports import (
    ChatSession,
    DecidedSession,
    Deciding,
    IdempotencyKey,
    Kept,
    OtherBody,
    SessionStoreUnavailable,
)
from neo_routing_adapters.http.writers import Writers

try:
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    from neo_routing_adapters.http.session_statements import SessionStatements
    from neo_routing_adapters.http.store_transaction import StoreTransaction
    from neo_routing_adapters.sql.look_up.awaited import awaited, require_a_connection_each
    from neo_routing_adapters.sql.look_up.deadlines import Call
    from neo_routing_adapters.sql.look_up.directory import AsyncSqlDirectory
    from neo_routing_adapters.sql.look_up.reader import faults_of
    from neo_routing_adapters.sql.look_up.share import timeouts
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] != "sqlalchemy":
        raise
    told = f"sessions in a database need SQLAlchemy; {how_to_install('sql')}"
    raise ModuleNotFoundError(told, name=missing.name) from missing

DEADLINE: Final = 2.0
"""Within so many seconds a transaction ends or the store is unavailable, unless its host says otherwise."""

_Value = TypeVar("_Value")


class SqlSessions:
    """A store on an asynchronous engine of asyncpg, psycopg or aiosqlite, or on the plain engine of a SQLite file.

    With a directory on the same engine, each session is decided in the transaction that keeps it, so that none is kept
    on a state of the directory that is gone. Without one, decisions are made elsewhere, and nobody promises that. On a
    plain engine all of a transaction, with its decision, is done in a thread of the library's.
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
        require_a_connection_each(self._engine, "SqlSessions")
        if directory is not None and not directory.is_on(engine):
            raise ValueError("SqlSessions takes a directory on its own engine, or none: it decides in its transactions")
        self._statements = SessionStatements(engine.dialect, deadline)
        # The timeouts that it sets are the transaction's: whoever is frozen gives way within the store's deadline.
        self._directory = None if directory is None else directory.no_slower_than(deadline)
        self._deadline = deadline
        self._faults = faults_of(engine.dialect)
        busy_timeout = timeouts(deadline)["lock_timeout"]
        self._begun_by = partial(StoreTransaction, self._engine, self._faults, busy_timeout=busy_timeout)
        self._now = now
        self._writers = Writers() if engine.dialect.name == "sqlite" else None

    @property
    def has_directory(self) -> bool:
        """Whether sessions are decided in the transactions that keep them."""
        return self._directory is not None

    async def find(self, key: IdempotencyKey, /) -> ChatSession | OtherBody | None:
        """Tell what is stored under a key, and wait for nobody who has it. Raises `SessionStoreUnavailable`."""
        now = self._now()
        find = partial(self._statements.find, key, now)
        return await self._run(lambda transaction: find(transaction.cursor()), writes=False)

    async def keep(self, decide: Deciding, key: IdempotencyKey | None, /) -> Kept:
        """Take the key, decide, and keep the session, or leave nothing. Another process may have the key, too.

        Raises what `decide` raises, `DirectoryUnavailable` if there was no time for its look-up, and
        `SessionStoreUnavailable`; whether the session was kept is not known if it was being committed.
        """
        done = await self._run(partial(self._kept, decide, key))
        try:
            if isinstance(done, _Raised):
                raise done.error
            return done
        finally:
            del done  # the traceback of the error leads back here

    async def ask_directory(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Look up in a transaction, as `keep` does, and keep nothing. Raises what that raises."""
        directory = self._directory
        if directory is None:
            raise ValueError("this store has no directory")
        return await self._run(lambda transaction: transaction.look_up(directory, needed))

    async def ask(self) -> None:
        """Ask whether sessions could be kept now, and keep nothing. Raises `SessionStoreUnavailable`."""
        await self._run(lambda transaction: self._statements.keep_nothing(transaction.cursor()))

    async def _run(self, steps: Callable[[StoreTransaction], _Value], *, writes: bool = True) -> _Value:
        """Do all of a transaction. What was not committed is rolled back."""
        turn, transaction = None, None
        try:
            if self._writers is not None and writes:
                turn = await self._writers.turn(self._deadline)
            call = Call(self._deadline)
            transaction = self._begun_by(call, writes=writes)
            # To its end, so that whose turn comes next finds nobody in the midst of a rollback.
            return await self._awaited.run(partial(_transacted, steps, transaction), call, to_its_end=True)
        except self._faults as error:
            if transaction is not None and transaction.is_looking_up:
                raise DirectoryUnavailable from error
            raise SessionStoreUnavailable from error
        finally:
            if turn is not None:
                turn.release()

    def _kept(self, decide: Deciding, key: IdempotencyKey | None, transaction: StoreTransaction) -> Kept | _Raised:
        found = None if key is None else self._statements.claim(key, self._now(), transaction.cursor())
        if found is not None:
            return found
        directory = None if self._directory is None else _Within(transaction, self._directory)
        if key is None and directory is None:  # which else set the timeouts
            self._statements.end_in_time(transaction.cursor())
        try:
            decided = decide(directory)
        except Exception as error:  # noqa: BLE001  # it is raised by `keep`, which takes only other errors for its own
            return _Raised(error)
        if isinstance(decided, DecidedSession):
            self._statements.add(decided, key, transaction.cursor())
            transaction.commit()
        return decided


def _transacted(steps: Callable[[StoreTransaction], _Value], transaction: StoreTransaction) -> _Value:
    try:
        return steps(transaction)
    finally:
        transaction.end()


@frozen
class _Raised:
    """What `decide` raised. It is the directory's or the host's, and no fault of the store's, whatever its class."""

    error: Exception


@frozen
class _Within:
    """The directory within a transaction."""

    transaction: StoreTransaction
    directory: AsyncSqlDirectory

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        return self.transaction.look_up(self.directory, needed)
