"""The share of the lock and the decision go in one round trip with psycopg, and all holds that held in two."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from neo_routing import DirectoryUnavailable, Refusal
from neo_routing_adapters.http import store_transaction
from neo_routing_adapters.http.session_statements import SessionStatements
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.sql import AsyncSqlDirectory, CannotDecideWithin
from neo_routing_adapters.sql.directory_lock import KEY_OF_RELATIONS
from neo_routing_adapters.sql.look_up import connections
from tests.programs.http.kept_sessions import decided, engine_with_sessions, key
from tests.programs.servers.pgbouncer import pgbouncer_or_skip
from tests.programs.servers.postgres_server import PostgresServer, wait_until
from tests.programs.servers.proxy import Proxy

DEADLINE = 10.0


@pytest.fixture
def plain(database_url: str) -> Iterator[Engine]:
    engine = engine_with_sessions(database_url)
    yield engine
    engine.dispose()


@asynccontextmanager
async def opened(plain: Engine, deadline: float = DEADLINE, **options: Any) -> AsyncIterator[tuple[Any, AsyncEngine]]:
    """Give a store with one connection, on which a session was decided already; the first looks at the tables too."""
    port = options.pop("port", plain.url.port)
    url = plain.url.set(drivername="postgresql+psycopg", port=port)
    engine = create_async_engine(url, **{"pool_size": 1, "max_overflow": 0, **options})
    sessions = SqlSessions(engine, AsyncSqlDirectory(engine, deadline=deadline), deadline=deadline)
    try:
        await created(sessions)
        yield sessions, engine
    finally:
        await engine.dispose()


async def created(sessions: SqlSessions) -> None:
    await sessions.keep(decided, None)


async def outage(sessions: SqlSessions) -> BaseException | None:
    with pytest.raises(DirectoryUnavailable) as caught:
        await created(sessions)
    return caught.value.__cause__


async def server_process(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return (await connection.exec_driver_sql("SELECT pg_backend_pid()")).scalar_one()


@contextmanager
def lock_held(plain: Engine) -> Iterator[None]:
    """Hold the lock as a writer does who commits."""
    with plain.begin() as writer:
        writer.exec_driver_sql(f"SELECT pg_advisory_xact_lock({KEY_OF_RELATIONS})")
        yield


@contextmanager
def agents_gone(plain: Engine) -> Iterator[None]:
    with plain.begin() as writer:
        writer.exec_driver_sql("ALTER TABLE routing_agent RENAME TO gone")
    yield
    with plain.begin() as writer:
        writer.exec_driver_sql("ALTER TABLE gone RENAME TO routing_agent")


def is_waited_for(plain: Engine) -> bool:
    with plain.connect() as connection:
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return bool(connection.exec_driver_sql(waiting).scalar_one())


def trips(trace: Sequence[str]) -> list[int]:
    """Return how many statements each round trip of a trace of libpq's executes."""
    counts, before = [0], "F"
    for line in trace:
        _, direction, _, message, *_ = line.split("\t")
        if direction == "F" and before == "B":
            counts.append(0)
        counts[-1] += message in {"Execute", "Query"}
        before = direction
    return counts


def test_the_share_and_the_decision_are_two_statements_of_one_round_trip(plain: Engine) -> None:
    async def run() -> list[int]:
        async with opened(plain, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True) as (sessions, engine):
            pooled = await engine.raw_connection()
            driver: Any = pooled.driver_connection
            pooled.close()
            with tempfile.TemporaryFile("w+") as trace:
                driver.pgconn.trace(trace.fileno())
                await created(sessions)
                driver.pgconn.untrace()
                trace.seek(0)
                return trips([line for line in trace if line.count("\t") >= 3])

    begin, decision, insert, commit = asyncio.run(run())
    assert (begin, decision, insert, commit) == (1, 3, 1, 1)


def test_the_decision_sees_what_was_committed_while_the_lock_was_waited_for(plain: Engine) -> None:
    async def run() -> None:
        async with opened(plain) as (sessions, _):
            with plain.begin() as writer:
                writer.exec_driver_sql("DELETE FROM routing_agent")
                writer.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")  # as its commit does
                keeping = asyncio.create_task(sessions.keep(decided, None))
                await asyncio.to_thread(wait_until, lambda: keeping.done() or is_waited_for(plain))
                assert not keeping.done()
            refusal = await keeping
            assert isinstance(refusal, Refusal)
            assert refusal.status == 404

    asyncio.run(run())


@pytest.mark.parametrize(
    ("failing", "state"), [(lock_held, "55P03"), (agents_gone, "42P01")], ids=["share", "decision"]
)
def test_after_an_error_the_same_connection_decides_again(
    plain: Engine, failing: Callable[[Engine], Any], state: str
) -> None:
    async def fail(sessions: SqlSessions) -> None:
        with failing(plain):
            assert getattr(root(await outage(sessions)), "sqlstate", None) == state

    async def run(between: int) -> None:
        async with opened(plain, connect_args={"options": "-c lock_timeout=50ms"}) as (sessions, engine):
            process = await server_process(engine)
            await fail(sessions)
            for _ in range(between):
                await created(sessions)
            await fail(sessions)
            await created(sessions)
            assert await server_process(engine) == process

    # psycopg prepares a statement when it is run for the sixth time: it may be skipped just then.
    for between in range(6):
        asyncio.run(run(between))


def root(error: BaseException | None) -> BaseException | None:
    while error is not None and error.__cause__ is not None:
        error = error.__cause__
    return error


@pytest.mark.parametrize("ending", ["cancelled", "cut"])
def test_a_call_that_ends_amid_the_round_trip_leaves_nothing_and_the_next_is_served(plain: Engine, ending: str) -> None:
    async def run() -> None:
        with Proxy(plain.url.port or 0) as proxy:
            async with opened(plain, port=proxy.port) as (sessions, engine):
                with lock_held(plain):
                    calling = asyncio.create_task(created(sessions))
                    await asyncio.to_thread(wait_until, lambda: calling.done() or is_waited_for(plain))
                    if ending == "cancelled":
                        calling.cancel()
                    else:
                        proxy.drop_all()
                    with pytest.raises(asyncio.CancelledError if ending == "cancelled" else DirectoryUnavailable):
                        await asyncio.wait_for(calling, DEADLINE / 2)
                assert engine.pool.checkedout() == 0
                await created(sessions)
        with plain.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM neo_chat_session").scalar_one() == 2

    asyncio.run(run())


def test_a_server_that_freezes_amid_the_round_trip_is_an_outage_in_time(
    plain: Engine, postgres: PostgresServer
) -> None:
    async def run() -> None:
        async with opened(plain, 1.0) as (sessions, engine):

            def freeze_and_decide(directory: Any) -> Any:
                postgres.freeze()
                return decided(directory)

            with pytest.raises(DirectoryUnavailable):
                async with asyncio.timeout(5):
                    await sessions.keep(freeze_and_decide, key())  # which has begun the transaction by then
            postgres.thaw()
            await created(sessions)
            assert engine.pool.checkedout() == 0

    try:
        asyncio.run(run())
    finally:
        postgres.thaw()


def test_a_transaction_in_which_nobody_may_decide_is_refused_and_its_connection_decides_again(
    plain: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        async with opened(plain) as (sessions, engine):
            process = await server_process(engine)
            with monkeypatch.context() as changed:
                changed.setitem(store_transaction._BEGIN, "postgresql", "BEGIN ISOLATION LEVEL SERIALIZABLE")
                assert isinstance(await outage(sessions), CannotDecideWithin)
            await created(sessions)
            assert await server_process(engine) == process

    asyncio.run(run())


@pytest.mark.parametrize("place", [0, 1], ids=["share", "decision"])
def test_an_answer_to_another_question_is_an_outage(plain: Engine, monkeypatch: pytest.MonkeyPatch, place: int) -> None:
    in_a_pipeline: Callable[..., Awaitable[list[Any]]] = connections.in_a_pipeline

    async def mixed_up(*given: Any) -> list[Any]:
        answers = await in_a_pipeline(*given)
        answers[place] = [("of another",) * 10]
        return answers

    async def run() -> None:
        async with opened(plain) as (sessions, _):
            monkeypatch.setattr(connections, "in_a_pipeline", mixed_up)
            with pytest.raises(DirectoryUnavailable, match="another question"):
                await created(sessions)

    asyncio.run(run())


@pytest.mark.parametrize("before", ["on", "off"])
def test_policies_hide_from_the_transaction_what_they_hid_before(plain: Engine, before: str) -> None:
    found: list[Any] = []

    class Shown(SessionStatements):
        def add(self, decided: Any, key: Any, cursor: Any) -> None:
            cursor.execute("SHOW row_security")
            found.extend(cursor.fetchall())

    async def run() -> list[Any]:
        options = {"options": f"-c row_security={before}"}
        async with opened(plain, connect_args=options) as (sessions, _):
            sessions._statements = Shown(plain.dialect, DEADLINE)
            await created(sessions)
        return found

    assert asyncio.run(run()) == [(before,)]


def test_where_the_driver_knows_no_pipelines_they_go_one_by_one(plain: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refused(*_: Any) -> Any:
        raise AssertionError

    async def run() -> None:
        async with opened(plain) as (sessions, _):
            await created(sessions)

    monkeypatch.setattr(connections, "has_pipelines", lambda: False)
    monkeypatch.setattr(connections, "in_a_pipeline", refused)
    asyncio.run(run())


def test_behind_a_pooler_in_transaction_mode_sessions_are_decided_after_an_error_too(
    plain: Engine, postgres: PostgresServer
) -> None:
    async def run(port: int) -> None:
        options = {"pool_size": 3, "connect_args": {"prepare_threshold": None}, "port": port}
        async with opened(plain, **options) as (sessions, _):
            for _ in range(3):
                await asyncio.gather(*(created(sessions) for _ in range(3)))
                with agents_gone(plain):
                    await outage(sessions)
            await created(sessions)

    with pgbouncer_or_skip(postgres, 2) as pooler:
        asyncio.run(run(pooler.port))
