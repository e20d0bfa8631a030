"""Not a test: sessions that are decided and kept while four writers change the directory, and how many are stale.

    python -m tests.programs.databases.stale         100,000 sessions of each way to lock, 10,000 of each control
    python -m tests.programs.databases.stale 2000    as many as this of each way

The exit status is 1 if any session is stale in spite of the lock, and also if a control has none that is: then the
measure sees nothing.

Each writer has a channel of its own, which leads from one agent to the next with each change, and notes each in a
history. A session is stale if it committed after the change that took its agent away. PostgreSQL keeps the times of
commits, so nobody has to be trusted with noting them.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import count
from random import Random
from typing import Any, Final
from uuid import uuid4

import attrs
from sqlalchemy import URL, Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from neo_routing import (
    Caller,
    CallerKind,
    DirectoryUnavailable,
    ManagedAgentKey,
    Refusal,
    SessionDirectory,
    SessionRequest,
    decide,
    decision_record,
)
from neo_routing.names import Name
from neo_routing_adapters.http.creation import new_session
from neo_routing_adapters.http.ports import DecidedSession, IdempotencyKey, SessionStoreUnavailable
from neo_routing_adapters.http.session_statements import SessionStatements
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.look_up import reader
from neo_routing_adapters.sql.tables.upgrade import upgrade
from tests.programs.servers.postgres_server import PostgresServer

SETTINGS: Final = {"track_commit_timestamp": "on"}
WRITERS: Final = 4
SESSION_WORKERS: Final = 4
_SESSION: Final = "INSERT INTO session (channel, agent_id) VALUES (%s, %s)"
_PLATFORM: Final = Caller(CallerKind.PLATFORM, "platform")
_STALE: Final = text("""
    SELECT count(*) FROM session JOIN history AS next
        ON next.channel = session.channel AND next.agent_id = session.agent_id + 1
    WHERE pg_xact_commit_timestamp(session.xmin) > pg_xact_commit_timestamp(next.xmin)""")

_DEADLOCKS: Final = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
_STATEMENTS: Final = (
    "INSERT INTO routing_tenant VALUES ('msp-a', '')",
    """INSERT INTO routing_agent (id, tenant_id, name, kind)
        SELECT id, 'msp-a', '', 'CONVERSATIONAL' FROM generate_series(1, {writers} * {agents}) AS id""",
    """INSERT INTO routing_channel (id, tenant_id, agent_id, bot_id, status, white_label)
        SELECT 'ch-' || id, 'msp-a', id * {agents} + 1, 'bot-' || id, 'ACTIVE', FALSE
        FROM generate_series(0, {writers} - 1) AS id""",
    "CREATE TABLE session (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, channel int, agent_id bigint)",
    "CREATE TABLE history (channel int, agent_id bigint PRIMARY KEY)",
)


class Mode(Name):
    """How sessions are kept apart from changes."""

    LOCK = "lock"
    STORE = "lock in a store"
    """As the endpoint does it with psycopg: the lock and the decision in one round trip."""
    READ_COMMITTED = "READ COMMITTED"
    SERIALIZABLE = "SERIALIZABLE"


LOCKED: Final = (Mode.LOCK, Mode.STORE)
"""Where no session may be stale; of any other mode some must be."""


@attrs.frozen(kw_only=True)
class Run:
    """What came of it."""

    sessions: int
    stale: int
    changes: int
    given_up: int
    """Transactions of either sort that the database or the deadline ended."""
    deadlocks: int
    seconds: float


def run(url: str, sessions: int, mode: Mode) -> Run:
    """Keep so many sessions in an empty database while writers change its directory."""
    isolation_level = str(Mode.SERIALIZABLE if mode is Mode.SERIALIZABLE else Mode.READ_COMMITTED)
    engine = create_engine(url, isolation_level=isolation_level, pool_size=WRITERS + SESSION_WORKERS, max_overflow=2)
    most_changes = max(5_000, sessions)  # of each channel, which has an agent for each
    _make(engine, most_changes, locked=mode in LOCKED)
    began, enough, given_up = time.monotonic(), threading.Event(), [0] * (SESSION_WORKERS + WRITERS)
    with _without_lock(mode):
        writers = [_started(_write, engine, writer, most_changes, enough, given_up) for writer in range(WRITERS)]
        share = sessions // SESSION_WORKERS
        keep = _keep_in_a_store if mode is Mode.STORE else _keep
        workers = [_started(keep, engine, worker, share, given_up) for worker in range(SESSION_WORKERS)]
        for thread in workers:
            thread.join()
        enough.set()
        for thread in writers:
            thread.join()
    with engine.connect() as connection:
        kept, changes = (
            connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in ("session", "history")
        )
        stale = connection.execute(_STALE).scalar_one()
        deadlocks = connection.execute(_DEADLOCKS).scalar_one()
    engine.dispose()
    seconds = time.monotonic() - began
    return Run(
        sessions=kept, stale=stale, changes=changes, given_up=sum(given_up), deadlocks=deadlocks, seconds=seconds
    )


def _started(target: Callable[..., None], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def _make(engine: Engine, agents: int, *, locked: bool) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        for statement in _STATEMENTS:
            connection.exec_driver_sql(statement.format(writers=WRITERS, agents=agents))
        if not locked:
            connection.exec_driver_sql("DROP FUNCTION routing_note_change CASCADE")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")


def _write(engine: Engine, writer: int, agents: int, enough: threading.Event, given_up: list[int]) -> None:
    numbers = count(2)
    number = next(numbers)
    while not enough.is_set() and number < agents:
        try:
            with engine.begin() as connection:
                _change(connection, writer, writer * agents + number)
        except DBAPIError:
            given_up[SESSION_WORKERS + writer] += 1
            continue
        number = next(numbers)


def _change(connection: Connection, writer: int, agent_id: int) -> None:
    connection.exec_driver_sql("INSERT INTO history VALUES (%s, %s)", (writer, agent_id))
    if agent_id % 2:
        connection.exec_driver_sql("UPDATE routing_channel SET agent_id = %s WHERE id = %s", (agent_id, f"ch-{writer}"))
        return
    connection.exec_driver_sql("DELETE FROM routing_channel WHERE id = %s", (f"ch-{writer}",))
    connection.exec_driver_sql(
        "INSERT INTO routing_channel VALUES (%s, 'msp-a', %s, %s, 'ACTIVE', FALSE, NULL)",
        (f"ch-{writer}", agent_id, f"bot-{writer}"),
    )


def _keep(engine: Engine, worker: int, sessions: int, given_up: list[int]) -> None:
    directory, random, kept = SqlDirectory(engine, deadline=10), Random(worker), 0
    while kept < sessions:
        channel = random.randrange(WRITERS)
        try:
            with engine.begin() as connection:
                target = decide(_PLATFORM, _request(channel), directory.within(connection)).result.unwrap()
                connection.exec_driver_sql(_SESSION, (channel, target.agent_id))
        except (DBAPIError, DirectoryUnavailable):
            given_up[worker] += 1
            continue
        kept += 1


def _keep_in_a_store(engine: Engine, worker: int, sessions: int, given_up: list[int]) -> None:
    asyncio.run(_kept_in_a_store(engine.url, worker, sessions, given_up))


async def _kept_in_a_store(url: URL, worker: int, sessions: int, given_up: list[int]) -> None:
    engine = create_async_engine(url)
    store = SqlSessions(engine, AsyncSqlDirectory(engine, deadline=10), deadline=10)
    store._statements = _Statements(engine.dialect, 10)
    random, kept = Random(worker), 0
    while kept < sessions:
        channel = random.randrange(WRITERS)
        try:
            await store.keep(partial(_decided, _request(channel)), None)
        except (SessionStoreUnavailable, DirectoryUnavailable):
            given_up[worker] += 1
            continue
        kept += 1
    await engine.dispose()


def _decided(request: SessionRequest, directory: SessionDirectory | None) -> DecidedSession | Refusal:
    assert directory is not None
    decision = decide(_PLATFORM, request, directory)
    time = datetime.now(UTC)
    session = new_session(decision.result.unwrap(), id=uuid4(), title=None, channel="teams", warnings=(), now=time)
    return DecidedSession(session, decision_record(decision, id="1", time=time, caller=_PLATFORM, request=request))


class _Statements(SessionStatements):
    """Keeps a session in the same table as a host does here."""

    def add(self, decided: DecidedSession, _key: IdempotencyKey | None, cursor: Any) -> None:
        session, request = decided.session, decided.record.request
        assert request is not None
        assert request.bot_id is not None
        cursor.execute(_SESSION, (int(request.bot_id.removeprefix("bot-")), session.agent_id))


def _request(channel: int) -> SessionRequest:
    return SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT, client_id="msp-a", bot_id=f"bot-{channel}")


@contextmanager
def _without_lock(mode: Mode) -> Iterator[None]:
    """Decide in the same transaction by the same statements, but without a share of the lock."""
    with_lock = reader.take_share
    if mode not in LOCKED:
        reader.take_share = _begin
    try:
        yield
    finally:
        reader.take_share = with_lock


def _begin(connection: Connection, _seconds: float) -> None:
    connection.exec_driver_sql("SET LOCAL neo_routing.row_security = off; SET LOCAL row_security = off")


def main(sessions: int) -> int:
    """Run all modes, tell what came of each, and return the exit status."""
    as_they_must = True
    with PostgresServer(settings=SETTINGS) as server:
        for mode in Mode:
            name = f"stale_{mode.name.lower()}"
            server.create_database(name)
            many = sessions if mode in LOCKED else max(2_000, sessions // 10)
            found = run(server.url(database=name), many, mode)
            as_they_must &= found.sessions > 0 and (found.stale == 0) is (mode in LOCKED)
            print(
                f"{mode}: {found.stale:,} of {found.sessions:,} sessions stale, {found.changes:,} changes, "
                f"{found.given_up:,} given up, {found.deadlocks} deadlocks, {found.seconds:.0f} s",
                flush=True,
            )
    return 0 if as_they_must else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
