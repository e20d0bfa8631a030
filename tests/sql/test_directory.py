"""What a directory in a database asks of its engine, and what it gives back to it."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AssertionPool, NullPool, Pool, SingletonThreadPool, StaticPool

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    DirectoryUnavailable,
    ManagedAgentKey,
    SessionRequest,
    Tenant,
    adecide,
    decide,
)
from neo_routing.testing import World
from neo_routing_adapters.http.credentials_sql import SqlEntraLinks, SqlKeyStore
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.look_up.connections import turns_on
from neo_routing_adapters.sql.look_up.deadlines import Call, NoThread
from neo_routing_adapters.sql.look_up.threads import MOST_THREADS
from neo_routing_adapters.sql.schema import metadata
from tests.programs.databases.stored import engine_with_tables, store

USER = Caller(CallerKind.USER, "msp-a")
PLATFORM = Caller(CallerKind.PLATFORM, "platform")
REQUEST = SessionRequest(agent_id=12)
WORLD = World(
    (Tenant(id="msp-a"),), (Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, name="Help desk"),), (), ()
)


@pytest.fixture
def engine(any_database_url: str) -> Iterator[Engine]:
    engine = engine_with_tables(any_database_url)
    store(engine, WORLD)
    yield engine
    engine.dispose()


@pytest.fixture
def on_postgresql(database_url: str) -> Iterator[Engine]:
    engine = engine_with_tables(database_url)
    store(engine, WORLD)
    yield engine
    engine.dispose()


def test_a_driver_that_cannot_be_cut_off_is_refused() -> None:
    engine = create_engine("sqlite://")
    engine.dialect.driver = "another"
    with pytest.raises(ValueError, match=r"the driver of the engine must be one of psycopg, .* and not another"):
        SqlDirectory(engine)


def test_each_directory_takes_its_own_sort_of_engine() -> None:
    engine, async_engine = create_engine("sqlite://"), create_async_engine("sqlite+aiosqlite://")
    for wrong in (async_engine, async_engine.sync_engine, "sqlite://"):
        with pytest.raises(ValueError, match=r"^SqlDirectory\.engine must be an Engine of create_engine, and not "):
            SqlDirectory(wrong)
    with pytest.raises(ValueError, match=r"^AsyncSqlDirectory\.engine must be that of a SQLite file, with a "):
        AsyncSqlDirectory(engine)
    for wrong in (create_engine("postgresql+psycopg://"), async_engine.sync_engine, "sqlite://"):
        with pytest.raises(ValueError, match=r"^AsyncSqlDirectory\.engine must be an AsyncEngine of create_async_eng"):
            AsyncSqlDirectory(wrong)


UNSAFE = "^the engine must not share connections, as with its {}: take a QueuePool"


@pytest.mark.parametrize(
    ("url", "pool"),
    [
        ("postgresql+psycopg://", SingletonThreadPool),
        ("postgresql+psycopg://", StaticPool),
        ("postgresql+psycopg://", AssertionPool),
        ("sqlite:///directory.sqlite", SingletonThreadPool),
        ("sqlite:///directory.sqlite", AssertionPool),
        ("sqlite://", AssertionPool),
        # SQLAlchemy takes these for files, and has sqlite3 look at no thread.
        ("sqlite:///file::memory:?cache=shared&uri=true", SingletonThreadPool),
        ("sqlite:///file:/x?vfs=memdb&uri=true", SingletonThreadPool),
    ],
)
def test_a_pool_that_has_threads_share_connections_is_refused(url: str, pool: type[Pool]) -> None:
    """To close a connection that another thread uses ends the process, with psycopg as with sqlite3."""
    engine = create_engine(url, poolclass=pool)
    with pytest.raises(ValueError, match=UNSAFE.format(pool.__name__)):
        SqlDirectory(engine)
    engine.dispose()


@pytest.mark.parametrize("kind", ["asyncpg", "psycopg"])
@pytest.mark.parametrize("pool", [StaticPool, AssertionPool])
def test_a_pool_that_has_tasks_share_connections_is_refused_by_whoever_takes_an_engine(
    kind: str, pool: type[Pool]
) -> None:
    engine = create_async_engine(f"postgresql+{kind}://", poolclass=pool)
    for take in (AsyncSqlDirectory, SqlSessions, SqlKeyStore, SqlEntraLinks):
        with pytest.raises(ValueError, match=UNSAFE.format(pool.__name__)):
            take(engine)


@pytest.mark.parametrize(
    "engine",
    [
        create_engine("sqlite://", connect_args={"check_same_thread": False}),
        create_engine(
            "sqlite:///file:x?mode=memory&cache=shared&uri=true&check_same_thread=false", poolclass=SingletonThreadPool
        ),
        create_engine("sqlite://", creator=lambda: sqlite3.connect(":memory:", check_same_thread=False)),
    ],
    ids=["argument", "url", "creator"],
)
def test_in_memory_a_pool_is_refused_whose_connections_any_thread_may_close(engine: Engine) -> None:
    assert isinstance(engine.pool, SingletonThreadPool)
    with pytest.raises(ValueError, match=UNSAFE.format("SingletonThreadPool")):
        SqlDirectory(engine)
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "pool"), [("sqlite://", SingletonThreadPool), ("sqlite://", StaticPool), ("sqlite:///one", StaticPool)]
)
def test_a_pool_with_one_connection_is_taken_where_sqlite_bears_that(url: str, pool: type[Pool]) -> None:
    SqlDirectory(create_engine(url, poolclass=pool))


def test_engines_that_have_a_pool_in_common_take_turns_on_its_connection() -> None:
    first = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(first)
    store(first, WORLD)
    second = create_engine("sqlite://", pool=first.pool)
    turns = turns_on(first.pool)
    turns.begin(Call(1))
    for engine in (first, second, second.execution_options(logging_token="other")):
        with pytest.raises(DirectoryUnavailable, match="in time"):
            decide(USER, REQUEST, SqlDirectory(engine, deadline=0.05))
    turns.end()
    assert decide(USER, REQUEST, SqlDirectory(second)).result.unwrap().agent_id == 12
    first.dispose()


@pytest.mark.parametrize("deadline", [0, -1, float("inf"), float("nan"), "1", None, True])
def test_a_deadline_is_a_time_that_comes(deadline: Any) -> None:
    with pytest.raises(ValueError, match=r"^SqlDirectory\.deadline must be a number of seconds above 0, and not "):
        SqlDirectory(create_engine("sqlite://"), deadline=deadline)
    with pytest.raises(ValueError, match=r"^AsyncSqlDirectory\.deadline must be a number of seconds above 0, and not "):
        AsyncSqlDirectory(create_async_engine("sqlite+aiosqlite://"), deadline=deadline)


def test_what_is_in_the_database_decides(engine: Engine) -> None:
    decision = decide(USER, REQUEST, SqlDirectory(engine))
    assert decision.result.unwrap().agent_id == 12
    assert decision.trace[-1].agents[0].name == "Help desk"


@pytest.mark.parametrize("isolation_level", [None, "AUTOCOMMIT", "SERIALIZABLE"])
def test_a_host_gets_its_connections_back_as_they_were(database_url: str, isolation_level: str | None) -> None:
    options = {} if isolation_level is None else {"isolation_level": isolation_level}
    engine = engine_with_tables(database_url, pool_size=1, max_overflow=0, **options)
    with engine.connect() as connection:
        before = connection.get_isolation_level()
    decide(USER, REQUEST, SqlDirectory(engine))
    with engine.connect() as connection:
        assert connection.get_isolation_level() == before
        assert connection.connection.dbapi_connection.autocommit is (isolation_level == "AUTOCOMMIT")
    engine.dispose()


def test_an_engine_without_a_pool_will_do(database_url: str) -> None:
    engine = engine_with_tables(database_url, poolclass=NullPool)
    store(engine, WORLD)
    assert decide(USER, REQUEST, SqlDirectory(engine)).result.unwrap().agent_id == 12
    assert decide(USER, REQUEST, SqlDirectory(engine)).result.unwrap().agent_id == 12


def test_a_pool_that_pings_first_will_do(database_url: str) -> None:
    engine = engine_with_tables(database_url, pool_pre_ping=True)
    store(engine, WORLD)
    directory = SqlDirectory(engine)
    assert [decide(USER, REQUEST, directory).result.unwrap().agent_id for _ in range(3)] == [12, 12, 12]
    engine.dispose()


def test_a_missing_schema_is_an_outage_and_no_missing_row(any_database_url: str) -> None:
    engine = create_engine(any_database_url)
    with pytest.raises(DirectoryUnavailable, match=r"^The directory cannot answer at the moment\.$") as raised:
        decide(USER, REQUEST, SqlDirectory(engine))
    assert "routing_" in str(raised.value.__cause__)
    assert engine.pool.checkedout() == 0
    engine.dispose()


@pytest.mark.parametrize("count", [99, 100, 101, 200, 1001])
def test_all_rows_come_back_however_many(engine: Engine, count: int) -> None:
    tenant_ids = {f"msp-{number}" for number in range(count)}
    store(engine, World(tuple(Tenant(id=tenant_id) for tenant_id in sorted(tenant_ids)), (), (), ()))
    rows = SqlDirectory(engine).look_up([(tenant_id, None, None, None, None) for tenant_id in tenant_ids])
    assert set(rows.tenants) == tenant_ids


def test_where_nothing_is_needed_nothing_is_found(engine: Engine) -> None:
    assert not SqlDirectory(engine).look_up([]).conversational_agents


def test_each_directory_of_an_engine_waits_for_a_locked_file_as_long_as_it_may(sqlite_url: str) -> None:
    engine = engine_with_tables(sqlite_url, pool_size=1, max_overflow=0)
    waits = []
    for deadline in (3.0, 0.2, 1.0):
        decide(USER, REQUEST, SqlDirectory(engine, deadline=deadline))
        with engine.connect() as connection:
            waits.append(connection.exec_driver_sql("PRAGMA busy_timeout").scalar())
    engine.dispose()
    assert waits == [3000, 200, 1000]


def test_threads_share_a_directory(on_postgresql: Engine) -> None:
    directory = SqlDirectory(on_postgresql)

    async def many() -> list[int]:
        calls = (asyncio.to_thread(decide, USER, REQUEST, directory) for _ in range(200))
        return [decision.result.unwrap().agent_id for decision in await asyncio.gather(*calls)]

    assert asyncio.run(many()) == [12] * 200
    assert on_postgresql.pool.checkedout() == 0


def test_threads_share_a_database_in_memory_and_each_gets_its_own_answers() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(engine)
    agents = tuple(Agent(id=number, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL) for number in range(1, 101))
    store(engine, World((Tenant(id="msp-a"),), agents, (), ()))
    directory = SqlDirectory(engine, deadline=60)

    def asked(agent_id: int) -> int:
        return decide(USER, SessionRequest(agent_id=agent_id), directory).result.unwrap().agent_id

    numbers = [*range(1, 101)] * 10
    with ThreadPoolExecutor(6) as threads:
        assert [*threads.map(asked, numbers)] == numbers
    engine.dispose()


def test_a_thread_waits_for_its_turn_on_a_shared_connection_no_longer_than_its_deadline() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    metadata.create_all(engine)
    store(engine, WORLD)
    directory = SqlDirectory(engine, deadline=0.1)
    turns = turns_on(engine.pool)
    turns.begin(Call(1))
    with pytest.raises(DirectoryUnavailable, match="in time"):
        decide(USER, REQUEST, directory)
    turns.end()
    assert decide(USER, REQUEST, directory).result.unwrap().agent_id == 12
    engine.dispose()


def no_thread(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_where_no_thread_can_be_had_it_is_an_outage_until_one_can(
    on_postgresql: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = SqlDirectory(on_postgresql, deadline=0.5)
    outages = []
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        for _ in range(MOST_THREADS + 1):
            with pytest.raises(DirectoryUnavailable) as raised:
                decide(USER, REQUEST, directory)
            outages.append(raised.value)  # whoever keeps it keeps nothing that the next call needs
    assert {type(outage.__cause__) for outage in outages} == {NoThread}
    assert decide(USER, REQUEST, directory).result.unwrap().agent_id == 12


def test_where_no_thread_can_be_had_to_watch_a_file_it_is_an_outage_until_one_can(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_with_tables(sqlite_url)
    store(engine, WORLD)  # now there is a connection at hand
    directory = SqlDirectory(engine)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        for _ in range(3):
            with pytest.raises(DirectoryUnavailable):
                decide(USER, REQUEST, directory)
    assert decide(USER, REQUEST, directory).result.unwrap().agent_id == 12
    engine.dispose()


def test_many_tasks_share_an_asynchronous_directory(on_postgresql: Engine, database_url: str) -> None:
    async def many() -> list[int]:
        engine = create_async_engine(database_url.replace("+psycopg", "+asyncpg"), pool_size=3, max_overflow=2)
        directory = AsyncSqlDirectory(engine, deadline=60)
        decisions = await asyncio.gather(*(adecide(USER, REQUEST, directory) for _ in range(200)))
        assert engine.pool.checkedout() == 0
        await engine.dispose()
        return [decision.result.unwrap().agent_id for decision in decisions]

    assert asyncio.run(many()) == [12] * 200


def test_a_key_that_the_encoding_of_a_connection_cannot_say_is_an_outage(
    on_postgresql: Engine, database_url: str
) -> None:
    engine = create_engine(database_url, connect_args={"client_encoding": "latin1"})
    directory = SqlDirectory(engine)
    with pytest.raises(DirectoryUnavailable):
        decide(Caller(CallerKind.USER, "\U0001f600"), REQUEST, directory)
    assert decide(USER, REQUEST, directory).result.unwrap().agent_id == 12
    engine.dispose()


@pytest.mark.parametrize(
    ("connect_args", "prepared"),
    [({}, 2), ({"statement_cache_size": 0, "prepared_statement_cache_size": 0}, 0)],
    ids=["by default", "as the host wants none"],
)
def test_asyncpg_prepares_each_statement_once_unless_the_host_wants_none_prepared(
    on_postgresql: Engine, database_url: str, connect_args: dict[str, int], prepared: int
) -> None:
    by_key = SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT)

    async def decide_and_count() -> int:
        url = database_url.replace("+psycopg", "+asyncpg")
        engine = create_async_engine(url, pool_size=1, max_overflow=0, connect_args=connect_args)
        directory = AsyncSqlDirectory(engine, deadline=60)
        for _ in range(3):
            assert (await adecide(USER, REQUEST, directory)).result.unwrap().agent_id == 12
            assert (await adecide(USER, by_key, directory)).result.failure().status == 404
        async with engine.connect() as connection:
            statements = await connection.execute(text("SELECT statement FROM pg_prepared_statements"))
            ours = [statement for statement in statements.scalars() if "routing_tenant" in statement]
        await engine.dispose()
        return len(ours)

    assert asyncio.run(decide_and_count()) == prepared


def test_the_tables_are_those_that_the_directory_reads() -> None:
    assert {table.removeprefix("routing_") for table in metadata.tables} == {
        "tenant",
        "agent",
        "channel",
        "channel_installation",
        "end_company",
        "end_company_link",
    }
