"""The directory in a database: one statement for a decision, and one for a batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection

from neo_routing import DirectoryUnavailable, Rows, RowsNeeded
from neo_routing_adapters.sql.look_up.awaited import awaited, kind_of
from neo_routing_adapters.sql.look_up.connections import Connections
from neo_routing_adapters.sql.look_up.deadlines import Call, Watch
from neo_routing_adapters.sql.look_up.evidence import Statement
from neo_routing_adapters.sql.look_up.reader import LATE, Reader
from neo_routing_adapters.sql.look_up.threads import require_threads_that_keep_deadlines, threads_for
from neo_routing_adapters.sql.look_up.within import AsyncDirectoryWithin, DirectoryWithin, connection_of

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
            raise ValueError(f"SqlDirectory.engine must be an Engine of create_engine, and not {kind_of(engine)}")
        require_threads_that_keep_deadlines("SqlDirectory")
        self._connections = Connections(engine)
        self._reader = Reader(engine, self._connections.take, _seconds("SqlDirectory", deadline))
        self._watch = Watch(deadline)
        self._threads = threads_for(engine)

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Return the rows that any of these decisions can need. Raises `DirectoryUnavailable`."""
        statements = self._reader.statements(needed)
        call = Call(self._reader.seconds(statements))
        try:
            if self._connections.is_at_hand(call):
                return self._here(statements, call)
            return self._threads.run(partial(self._reader.read, statements, call), call)
        except TimeoutError as error:
            raise DirectoryUnavailable(LATE) from error
        except OSError as error:
            raise DirectoryUnavailable from error

    def within(self, connection: Connection, /) -> DirectoryWithin:
        """Return this directory within a transaction: what is decided there still holds when that commits.

        The connection is one of the same engine. Whoever changes the directory waits until the transaction ends. It
        must be READ COMMITTED, and not inside a savepoint, and what is decided must be kept in it; then it should
        end soon, for its timeouts now are as short as the directory's deadline. A look-up raises
        `CannotDecideWithin` where that cannot be promised. After an outage the transaction can only be rolled back.
        """
        return DirectoryWithin(self._reader, self._watch, connection_of(connection, Connection, self._reader))

    def _here(self, statements: Sequence[Statement], call: Call) -> Rows:
        try:
            self._watch.begin(call)
            return self._reader.read(statements, call)
        finally:
            self._watch.end(call)
            self._connections.forget(call)


class AsyncSqlDirectory:
    """A `SqlDirectory` that is awaited, on an asynchronous engine of asyncpg, psycopg or aiosqlite, or a SQLite file's.

    Both run the same code: SQLAlchemy goes to the event loop wherever that waits. On the plain engine of a SQLite file
    a thread waits in the event loop's place, which is quicker than aiosqlite.
    """

    def __init__(self, engine: AsyncEngine | Engine, *, deadline: float = DEADLINE) -> None:
        called, self._awaited = awaited(engine, "AsyncSqlDirectory")
        self._engine = engine
        self._connections = Connections(called)
        self._reader = Reader(called, self._connections.take, _seconds("AsyncSqlDirectory", deadline))

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Return the rows that any of these decisions can need. Raises `DirectoryUnavailable`."""
        statements = self._reader.statements(needed)
        call = Call(self._reader.seconds(statements))
        try:
            return await self._awaited.run(partial(self._reader.read, statements, call), call)
        except TimeoutError as error:
            raise DirectoryUnavailable(LATE) from error
        except OSError as error:
            raise DirectoryUnavailable from error

    def within(self, connection: AsyncConnection, /) -> AsyncDirectoryWithin:
        """Return this directory within the transaction of a connection of its engine: see `SqlDirectory.within`.

        The engine must be an asynchronous one.
        """
        begun = connection_of(connection, AsyncConnection, self._reader)
        return AsyncDirectoryWithin(self._reader, self._awaited, begun)

    def read_begun(self, connection: PoolProxiedConnection, needed: Sequence[RowsNeeded], call: Call) -> Rows:
        """Look up in a transaction that was begun on a connection of the pool itself, past SQLAlchemy's.

        For a store whose call this is, in a greenlet or a thread of its own: what is decided there still holds when it
        commits that transaction, which on SQLite must have begun as one that writes. Raises `DirectoryUnavailable`.
        """
        return self._reader.read_begun(connection, self._reader.together(needed), call)

    def no_slower_than(self, seconds: float, /) -> AsyncSqlDirectory:
        """Return this directory, or one on the same engine if this one's deadline is longer than that."""
        return self if self._reader.seconds(()) <= seconds else AsyncSqlDirectory(self._engine, deadline=seconds)

    def is_on(self, engine: AsyncEngine | Engine, /) -> bool:
        """Tell whether it is on this engine, so that what is decided there is of the same database."""
        return self._reader.is_of(engine)


def _seconds(directory: str, deadline: float) -> float:
    if type(deadline) not in {int, float} or not 0 < deadline < float("inf"):
        raise ValueError(f"{directory}.deadline must be a number of seconds above 0, and not {deadline!r}")
    return deadline
