"""Sessions in a database: one transaction decides and keeps, all or nothing, and a key has one session."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
import threading
import uuid
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from sqlalchemy import Engine, create_engine, event, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from neo_routing import CallerKind, DirectoryUnavailable, Refusal, SessionDirectory
from neo_routing_adapters.http.credentials_sql import SqlKeyStore
from neo_routing_adapters.http.ports import (
    AuthenticationUnavailable,
    ChatSession,
    DecidedSession,
    IdempotencyKey,
    InProgress,
    OtherBody,
    SessionStoreUnavailable,
)
from neo_routing_adapters.http.session_statements import SessionStatements
from neo_routing_adapters.http.sessions_prune import prune
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.http.tables.metadata import metadata
from neo_routing_adapters.http.tables.sessions import idempotency_keys, sessions
from neo_routing_adapters.http.tables.upgrade import VERSION_TABLE, TablesInTheWay, upgrade
from neo_routing_adapters.json_lines import read_record
from neo_routing_adapters.memory import MemoryDirectory
from neo_routing_adapters.sql import AsyncSqlDirectory, CannotDecideWithin
from neo_routing_adapters.sql.tables.our_tables import UnknownSchemaVersion
from tests.programs.databases.old_tables import catalogue
from tests.programs.http.engines import engine_of
from tests.programs.http.kept_sessions import WHEN, WORLD, decided, engine_with_sessions, key
from tests.programs.servers.postgres_server import PostgresServer, wait_until
from tests.programs.thoroughness import first_always

ON_POSTGRESQL = ["postgresql+asyncpg", "postgresql+psycopg"]
DRIVERS = ["sqlite", "sqlite+aiosqlite", *first_always(ON_POSTGRESQL)]


@pytest.fixture
def url(request: pytest.FixtureRequest, driver: str) -> str:
    """Return where a database of the driver's sort has all tables and the world."""
    at: str = request.getfixturevalue("sqlite_url" if driver.startswith("sqlite") else "database_url")
    engine_with_sessions(at).dispose()
    return at


async def kept(engine: AsyncEngine | Engine) -> list[Any]:
    if isinstance(engine, Engine):
        with engine.connect() as connection:
            return [*connection.execute(select(sessions)).mappings()]
    async with engine.connect() as connection:
        return [*(await connection.execute(select(sessions))).mappings()]


@asynccontextmanager
async def store_on(url: str, driver: str, **options: Any) -> AsyncIterator[tuple[Any, SqlSessions]]:
    """Give an engine, and a store on it that decides in its transactions."""
    async with engine_of(url, driver, **options) as engine:
        yield engine, SqlSessions(engine, AsyncSqlDirectory(engine), now=lambda: WHEN)


async def create(store: SqlSessions, then: Callable[[], object] = lambda: None) -> DecidedSession | Refusal:
    """Keep a session, after something has happened once that is decided."""
    created = await create_once(store, None, then)
    assert isinstance(created, DecidedSession | Refusal)
    return created


async def create_once(store: SqlSessions, one: IdempotencyKey | None, then: Callable[[], object] = lambda: None) -> Any:
    def deciding(directory: SessionDirectory | None) -> DecidedSession | Refusal:
        one_decided = decided(directory)
        then()
        return one_decided

    found = await store.keep(deciding, one)
    return found.session if isinstance(found, DecidedSession) and one is not None else found


def elsewhere(act: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Do something in another thread, with an event loop of its own, and wait for it."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, act()).result()


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_was_kept_comes_back_under_its_key_and_under_no_other(url: str, driver: str) -> None:
    async def run() -> None:
        async with store_on(url, driver) as (engine, store):
            first = await create_once(store, key())
            assert isinstance(first, ChatSession)
            assert await create_once(store, key()) == first
            assert await create_once(store, key(body_mac=b"n" * 32)) == OtherBody()
            for other in (
                key("k-2"),
                key(user_id="u-2"),
                key(tenant_id="msp-b"),
                key(caller_kind=CallerKind.SERVICE_ACCOUNT, user_id=None),
            ):
                assert (await create_once(store, other)).id != first.id
            rows = await kept(engine)
            assert len(rows) == 5
            [row] = [row for row in rows if row["id"] == first.id]
            assert read_record(row["record"]).decide_again().result.unwrap().agent_id == 12
            a_day_later = SqlSessions(engine, AsyncSqlDirectory(engine), now=lambda: WHEN + timedelta(hours=24))
            again = await create_once(a_day_later, key(body_mac=b"n" * 32, expires_at=WHEN + timedelta(hours=48)))
            assert again.id != first.id
            assert await create_once(a_day_later, key(body_mac=b"n" * 32)) == again

    asyncio.run(run())


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_ends_with_an_exception_leaves_nothing(url: str, driver: str) -> None:
    async def run() -> None:
        async with store_on(url, driver) as (engine, store):
            with pytest.raises(ZeroDivisionError):
                await create_once(store, key(), lambda: 1 // 0)
            assert await kept(engine) == []
            assert isinstance(await create_once(store, key()), ChatSession)
            assert await store.find(key("k-2")) is None
            assert len(await kept(engine)) == 1
            assert engine.pool.checkedout() == 0

    asyncio.run(run())


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_a_host_raises_while_it_is_decided_is_its_own_and_no_outage_of_the_store(url: str, driver: str) -> None:
    def fail() -> None:
        raise ConnectionError("of the host")

    async def run() -> None:
        async with store_on(url, driver) as (engine, store):
            with pytest.raises(ConnectionError, match=r"^of the host$"):
                await create(store, fail)
            assert await kept(engine) == []
            assert engine.pool.checkedout() == 0

    asyncio.run(run())


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("is_the_hosts", [True, False])
def test_nothing_is_kept_alive_of_what_ended_with_an_exception(
    url: str, driver: str, is_the_hosts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failed(OSError):
        def __init__(self) -> None:
            raised.append(weakref.ref(self))

    def fail(*_: object) -> None:
        raise Failed

    raised: list[weakref.ref[Failed]] = []
    if not is_the_hosts:
        monkeypatch.setattr(SessionStatements, "add", fail)

    async def run() -> None:
        async with engine_of(url, driver) as engine:
            store = SqlSessions(engine, AsyncSqlDirectory(engine))
            gc.disable()  # what is a cycle stays, with all that the tracebacks know
            try:
                await create(store, fail if is_the_hosts else lambda: None)
            except (Failed, SessionStoreUnavailable):
                pass
            finally:
                gc.enable()
            assert [failed() for failed in raised] == [None]

    asyncio.run(run())


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("isolation_level", ["AUTOCOMMIT", "SERIALIZABLE"])
def test_an_engine_that_suits_decisions_suits_sessions_too_and_an_autocommit_commits_no_half(
    url: str, driver: str, isolation_level: str
) -> None:
    async def run() -> None:
        async with store_on(url, driver, isolation_level=isolation_level) as (engine, store):
            with pytest.raises(ZeroDivisionError):
                await create(store, lambda: 1 // 0)
            assert await kept(engine) == []
            await create(store)
            assert len(await kept(engine)) == 1

    asyncio.run(run())


@pytest.mark.parametrize("driver", first_always(ON_POSTGRESQL))
def test_a_key_is_in_progress_elsewhere_until_its_transaction_ends(url: str, driver: str) -> None:
    async def find_there() -> list[object]:
        async with engine_of(url, driver) as another:
            there = SqlSessions(another, now=lambda: WHEN)
            return [await there.find(key()), await create_once(there, key())]

    async def run() -> None:
        async with store_on(url, driver) as (_, store):
            meanwhile: list[object] = []
            made = await create_once(store, key(), lambda: meanwhile.extend(elsewhere(find_there)))
            assert meanwhile == [None, InProgress()]
            assert isinstance(made, ChatSession)
            assert await store.find(key()) == await create_once(store, key()) == made

    asyncio.run(run())


@pytest.mark.parametrize(
    ("driver", "races"),
    [
        ("sqlite", 100),
        ("sqlite+aiosqlite", 100),
        ("postgresql+asyncpg", 200),
        pytest.param("postgresql+asyncpg", 1000, marks=pytest.mark.thorough),
        pytest.param("postgresql+psycopg", 200, marks=pytest.mark.thorough),
    ],
)
def test_many_races_on_one_key_make_one_session(url: str, driver: str, races: int) -> None:
    async def run() -> None:
        async with engine_of(url, driver, pool_timeout=60) as engine, engine_of(url, driver) as another:
            stores = [
                SqlSessions(one, AsyncSqlDirectory(one, deadline=60), now=lambda: WHEN, deadline=60)
                for one in (engine, another)
            ]
            found = await asyncio.gather(*(create_once(stores[race % 2], key()) for race in range(races)))
            made = {session.id for session in found if isinstance(session, ChatSession)}
            assert len(made) == 1
            assert {type(one) for one in found} <= {ChatSession, InProgress}
            assert [row["id"] for row in await kept(engine)] == [*made]

    asyncio.run(run())


@pytest.mark.parametrize("driver", first_always(ON_POSTGRESQL))
def test_a_writer_waits_for_a_session_that_is_decided_and_not_yet_kept(url: str, driver: str) -> None:
    writing, done = create_engine(url), threading.Event()

    def change() -> None:
        with writing.begin() as connection:
            connection.exec_driver_sql("DELETE FROM routing_agent")
        done.set()

    async def run() -> None:
        async with engine_of(url, driver) as engine:
            store = SqlSessions(engine, AsyncSqlDirectory(engine), deadline=20)
            thread = threading.Thread(target=change)

            def have_it_changed() -> None:
                thread.start()
                wait_until(lambda: _is_waiting(url))
                assert not done.is_set()

            await create(store, have_it_changed)
            await asyncio.to_thread(thread.join)
            assert len(await kept(engine)) == 1
            refusal = await create(store)
            assert isinstance(refusal, Refusal)
            assert refusal.status == 404

    asyncio.run(run())
    writing.dispose()


def _is_waiting(url: str) -> bool:
    engine = create_engine(url)
    with engine.connect() as connection:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        found = connection.exec_driver_sql(waiting).scalar_one()
    engine.dispose()
    return bool(found)


@pytest.mark.parametrize("driver", first_always(ON_POSTGRESQL))
def test_behind_a_migrations_lock_the_server_too_gives_up_who_asks_for_a_key(url: str, driver: str) -> None:
    migrating = create_engine(url)
    decided_elsewhere = decided(MemoryDirectory(tenants=WORLD.tenants, agents=WORLD.agents))

    async def run() -> None:
        async with engine_of(url, driver) as engine:
            store = SqlSessions(engine, deadline=0.4)
            with migrating.begin() as connection:
                connection.exec_driver_sql(f"LOCK TABLE {idempotency_keys.name}, {sessions.name}")
                asked_for = store.find(key()), store.ask(), store.keep(lambda _: decided_elsewhere, None)
                for asked in asked_for:
                    with pytest.raises(SessionStoreUnavailable):
                        await asked
                await asyncio.to_thread(wait_until, lambda: not _is_waiting(url))

    asyncio.run(run())
    migrating.dispose()


@pytest.mark.parametrize("driver", first_always(ON_POSTGRESQL))
def test_a_frozen_database_is_an_outage_in_time_and_nothing_is_kept(postgres: PostgresServer, driver: str) -> None:
    name = f"neo_routing_store_{driver.rpartition('+')[2]}"
    postgres.create_database(name)
    url = postgres.url(database=name)
    engine_with_sessions(url).dispose()

    async def run() -> None:
        async with engine_of(url, driver) as engine:
            store = SqlSessions(engine, AsyncSqlDirectory(engine), deadline=0.5)
            with pytest.raises(SessionStoreUnavailable):
                async with asyncio.timeout(10):
                    await create(store, postgres.freeze)
            with pytest.raises(DirectoryUnavailable):
                async with asyncio.timeout(10):
                    await create(store)
            postgres.thaw()
            store = SqlSessions(engine, AsyncSqlDirectory(engine), deadline=20)
            await create(store)
            assert len(await kept(engine)) == 1

    try:
        asyncio.run(run())
    finally:
        postgres.thaw()


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_call_that_is_given_up_leaves_nothing_and_gives_its_connection_back(url: str, driver: str) -> None:
    async def run() -> None:
        async with store_on(url, driver) as (engine, store):
            loop, gone = asyncio.get_running_loop(), threading.Event()

            def give_up() -> None:
                loop.call_soon_threadsafe(task.cancel)
                if isinstance(engine, Engine):  # else this is the event loop's own thread
                    gone.wait(20)

            task = asyncio.create_task(create_once(store, key(), give_up))
            with pytest.raises(asyncio.CancelledError):
                await task
            gone.set()
            await asyncio.to_thread(wait_until, lambda: engine.pool.checkedout() == 0)
            assert await kept(engine) == []
            assert isinstance(await create_once(store, key()), ChatSession)

    asyncio.run(run())


def end_other_backends(url: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    engine.dispose()


def adding_and_then(act: Callable[[], None]) -> Callable[..., None]:
    add = SessionStatements.add

    def added(*given: Any) -> None:
        add(*given)
        act()

    return added


@pytest.mark.parametrize("driver", first_always(ON_POSTGRESQL))
@pytest.mark.parametrize("added", [False, True])
def test_a_connection_that_is_cut_in_mid_transaction_leaves_nothing_and_the_next_call_is_served(
    url: str, driver: str, added: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = partial(end_other_backends, url)

    async def run() -> None:
        async with store_on(url, driver) as (engine, store):
            with monkeypatch.context() as changed:
                if added:
                    changed.setattr(SessionStatements, "add", adding_and_then(cut))
                with pytest.raises(SessionStoreUnavailable):
                    await create_once(store, key(), then=(lambda: None) if added else cut)
            assert await kept(engine) == []
            assert isinstance(await create_once(store, key()), ChatSession)
            assert engine.pool.checkedout() == 0

    asyncio.run(run())


@pytest.mark.parametrize("driver", first_always(ON_POSTGRESQL))
def test_a_database_that_is_gone_is_an_outage_and_serves_again_once_it_is_back(
    postgres: PostgresServer, driver: str
) -> None:
    name = f"neo_routing_gone_{driver.rpartition('+')[2]}"
    postgres.create_database(name)
    url = postgres.url(database=name)
    engine_with_sessions(url).dispose()

    async def run() -> None:
        async with store_on(url, driver) as (engine, store):
            first = await create_once(store, key())
            await asyncio.to_thread(postgres.kill)
            for _ in range(2):
                with pytest.raises(SessionStoreUnavailable):
                    await create_once(store, key("k-2"))
            await asyncio.to_thread(postgres.start)
            assert await create_once(store, key()) == first
            assert isinstance(await create_once(store, key("k-2")), ChatSession)
            assert len(await kept(engine)) == 2

    asyncio.run(run())


_DIES = """
import asyncio, os, signal, sys
sys.path[:0] = sys.argv[3:]
from tests.programs.http.kept_sessions import *
from neo_routing_adapters.http.session_statements import SessionStatements
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.sql import AsyncSqlDirectory
from tests.programs.http.engines import engine_for

class Dies(SessionStatements):
    def add(self, *given):
        super().add(*given)
        os.kill(os.getpid(), signal.SIGKILL)

async def run():
    engine = engine_for(sys.argv[1], sys.argv[2])
    store = SqlSessions(engine, AsyncSqlDirectory(engine, deadline=60), now=lambda: WHEN, deadline=60)
    store._statements = Dies(engine.dialect, 60)
    await store.keep(decided, key())

asyncio.run(run())
"""


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_process_that_is_killed_in_mid_transaction_leaves_nothing(url: str, driver: str) -> None:
    command = [sys.executable, "-c", _DIES, url, driver, str(Path(__file__).parents[2])]
    ended = subprocess.run(command, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL

    async def run() -> None:
        async with engine_of(url, driver) as engine:
            assert await kept(engine) == []
            store = SqlSessions(engine, AsyncSqlDirectory(engine, deadline=20), now=lambda: WHEN, deadline=20)
            assert isinstance(await create_once(store, key()), ChatSession)
        writing = create_engine(url)
        with writing.begin() as connection:  # and nobody has to wait for who died
            connection.exec_driver_sql("DELETE FROM routing_agent")
        writing.dispose()

    asyncio.run(run())


@pytest.mark.parametrize(("of_directory", "of_store"), [(0.4, 2.0), (60.0, 0.4)])
def test_a_process_that_is_frozen_with_its_share_gives_way(
    database_url: str, of_directory: float, of_store: float
) -> None:
    engine_with_sessions(database_url).dispose()
    # Or the writer, for whom the event loop stands still, would wait for good if the share were not given up.
    writing = create_engine(database_url, connect_args={"options": "-c lock_timeout=20s"})

    def delete() -> None:
        with writing.begin() as connection:
            connection.exec_driver_sql("DELETE FROM routing_agent")

    async def run() -> None:
        async with engine_of(database_url, "postgresql+asyncpg") as engine:
            store = SqlSessions(engine, AsyncSqlDirectory(engine, deadline=of_directory), deadline=of_store)
            with pytest.raises(SessionStoreUnavailable):
                await create(store, delete)
            assert await kept(engine) == []

    asyncio.run(run())
    writing.dispose()


def test_where_nothing_can_be_promised_as_on_a_standby_the_directory_is_unavailable(sqlite_url: str) -> None:
    class Standby:
        def is_on(self, _engine: AsyncEngine | Engine) -> bool:
            return True

        def no_slower_than(self, _seconds: float) -> Any:
            return self

        def read_begun(self, *_: Any) -> Any:
            raise CannotDecideWithin("this is a standby")

    async def run() -> None:
        engine_with_sessions(sqlite_url).dispose()
        async with engine_of(sqlite_url, "sqlite+aiosqlite") as engine:
            standby: Any = Standby()
            sessions_there: Any = SqlSessions(engine, standby)
            with pytest.raises(DirectoryUnavailable) as unavailable:
                await sessions_there.keep(lambda directory: directory.look_up([]), None)
            assert isinstance(unavailable.value.__cause__, CannotDecideWithin)

    asyncio.run(run())


def test_without_a_directory_a_store_has_none_to_decide_on() -> None:
    store = SqlSessions(create_async_engine("sqlite+aiosqlite:///any.sqlite"))
    assert not store.has_directory
    with pytest.raises(ValueError, match="no directory"):
        asyncio.run(store.ask_directory([]))


def test_a_directory_on_another_engine_is_refused_before_any_call() -> None:
    engine, other = (create_async_engine("sqlite+aiosqlite:///any.sqlite") for _ in range(2))
    with pytest.raises(ValueError, match="a directory on its own engine, or none"):
        SqlSessions(engine, AsyncSqlDirectory(other))
    for one in (engine, engine.execution_options(isolation_level="AUTOCOMMIT")):
        assert SqlSessions(one, AsyncSqlDirectory(engine)).has_directory
        assert SqlSessions(engine, AsyncSqlDirectory(one)).has_directory


def test_a_store_without_tables_is_an_outage(any_database_url: str) -> None:
    driver = "sqlite+aiosqlite" if any_database_url.startswith("sqlite") else "postgresql+asyncpg"

    async def run() -> None:
        async with engine_of(any_database_url, driver) as engine:
            with pytest.raises(SessionStoreUnavailable) as caught:
                await create_once(SqlSessions(engine), key())
            assert "neo_idempotency_key" not in str(caught.value)
            assert caught.value.__cause__ is not None

    asyncio.run(run())


def test_expired_keys_and_old_sessions_are_pruned_and_no_others(any_database_url: str) -> None:
    engine = create_engine(any_database_url)
    metadata.create_all(engine)
    values = {"tenant_id": "t", "agent_id": 1, "channel": "api", "warnings": "", "record": "{}"}
    ids = [attrs.evolve(key(), key=f"k-{number}") for number in range(2500)]
    made = [(uuid.uuid4(), WHEN - timedelta(days=number % 2)) for number in range(2500)]
    with engine.begin() as connection:
        connection.execute(
            insert(sessions), [{"id": one, "created_at": time, "updated_at": time, **values} for one, time in made]
        )
        connection.execute(
            insert(idempotency_keys),
            [
                {
                    "caller_kind": "user",
                    "tenant_id": "t",
                    "user_id": "",
                    "key": one.key,
                    "body_mac": one.body_mac,
                    "session_id": session,
                    "expires_at": time + timedelta(hours=24),
                }
                for one, (session, time) in zip(ids, made, strict=True)
            ],
        )
    assert prune(engine, now=WHEN - timedelta(seconds=1)).keys == 0
    pruned = prune(engine, now=WHEN)
    assert (pruned.keys, pruned.sessions) == (1250, 0)
    pruned = prune(engine, now=WHEN, created_before=WHEN)
    assert (pruned.keys, pruned.sessions) == (0, 1250)
    with engine.connect() as connection:
        assert {time for (time,) in connection.execute(select(sessions.c.created_at))} == {WHEN}
    with engine.begin() as connection:
        connection.execute(update(sessions).values(created_at=WHEN - timedelta(days=2)))
    pruned = prune(engine, now=WHEN, created_before=WHEN)
    assert (pruned.keys, pruned.sessions) == (1250, 1250)
    engine.dispose()


def test_migrations_make_what_the_tables_describe_to_the_letter(any_database_url: str) -> None:
    engine = create_engine(any_database_url)
    assert upgrade(engine) == upgrade(engine) == "0001"
    migrated = catalogue(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")
        metadata.drop_all(connection)
        metadata.create_all(connection)
    described = catalogue(engine)
    assert {one for one in migrated if VERSION_TABLE not in one[0] + one[1]} == described
    assert upgrade(engine) == "0001"  # which what was made without migrations gets
    engine.dispose()


def test_tables_stand_beside_a_hosts_views_and_its_directory(any_database_url: str) -> None:
    engine = create_engine(any_database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW routing_tenant AS SELECT 'msp-a' AS id, '' AS name")
    assert upgrade(engine) == "0001"
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT id FROM routing_tenant").all() == [("msp-a",)]
    engine.dispose()


def test_tables_of_somebody_else_and_of_a_newer_library_are_left_alone(any_database_url: str) -> None:
    engine = create_engine(any_database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE neo_api_key (id integer)")
    with pytest.raises(TablesInTheWay, match="neo_api_key"):
        upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE neo_api_key")
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(UnknownSchemaVersion, match="9999"):
        upgrade(engine)
    engine.dispose()


def test_on_sqlite_a_key_of_another_process_is_waited_for_and_then_replayed(sqlite_url: str) -> None:
    engine_with_sessions(sqlite_url).dispose()

    async def run() -> None:
        async with engine_of(sqlite_url, DRIVERS[0]) as engine, engine_of(sqlite_url, DRIVERS[0]) as another:
            first = SqlSessions(engine, AsyncSqlDirectory(engine), now=lambda: WHEN)
            second = SqlSessions(another, AsyncSqlDirectory(another), now=lambda: WHEN, deadline=20)
            loop, waiting = asyncio.get_running_loop(), list[Future[Any]]()

            def meet_another() -> None:
                waiting.append(asyncio.run_coroutine_threadsafe(create_once(second, key()), loop))

            session = await create_once(first, key(), meet_another)
            assert await asyncio.wrap_future(waiting[0]) == session

    asyncio.run(run())


@pytest.mark.parametrize("driver", DRIVERS[:2])
def test_on_sqlite_what_is_stored_under_a_key_is_told_while_somebody_else_writes(sqlite_url: str, driver: str) -> None:
    engine_with_sessions(sqlite_url).dispose()
    writing = create_engine(sqlite_url)

    async def run() -> None:
        async with engine_of(sqlite_url, driver) as engine:
            store = SqlSessions(engine, AsyncSqlDirectory(engine), now=lambda: WHEN)
            made = await create_once(store, key())
            with writing.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                assert await store.find(key()) == made
                assert await store.find(key("k-2")) is None

    asyncio.run(run())
    writing.dispose()


def test_whoever_asks_for_a_key_does_not_wait_for_who_has_it(sqlite_url: str) -> None:
    engine_with_sessions(sqlite_url).dispose()
    is_decided, asked = threading.Event(), threading.Event()

    def wait() -> None:
        is_decided.set()
        asked.wait(20)

    async def run() -> None:
        async with engine_of(sqlite_url, "sqlite") as engine:
            store = SqlSessions(engine, AsyncSqlDirectory(engine), now=lambda: WHEN, deadline=30)
            making = asyncio.create_task(create_once(store, key(), wait))
            await asyncio.to_thread(is_decided.wait, 20)
            finding = asyncio.create_task(store.find(key()))
            done, _ = await asyncio.wait({making, finding}, return_when=asyncio.FIRST_COMPLETED)
            asked.set()
            assert done == {finding}
            assert await finding is None
            assert isinstance(await making, ChatSession)

    asyncio.run(run())


# Hooks of a host


@pytest.mark.parametrize("name", ["checkout", "reset", "checkin"])
@pytest.mark.parametrize("driver", DRIVERS)
def test_what_a_hook_on_the_pool_raises_is_an_outage_and_no_connection_is_lost(
    url: str, driver: str, name: str
) -> None:
    def raises(*_: object) -> None:
        if raising:
            raise KeyError("the host's own")

    async def act() -> None:
        async with engine_of(url, driver) as engine:
            pool_owner = engine if isinstance(engine, Engine) else engine.sync_engine
            event.listen(pool_owner, name, raises)
            store = SqlSessions(engine, AsyncSqlDirectory(engine))
            await create(store)
            raising.append(True)
            if name == "checkout":
                with pytest.raises((SessionStoreUnavailable, DirectoryUnavailable)):
                    await create(store)
            else:  # the session is kept by then
                await create(store)
            with nullcontext() if name == "reset" else pytest.raises(AuthenticationUnavailable):
                await SqlKeyStore(engine).find([b"x" * 32])
            raising.clear()
            assert await SqlKeyStore(engine).find([b"x" * 32]) is None
            await create(store)
            assert len(await kept(engine)) == (2 if name == "checkout" else 3)
            pool = pool_owner.pool
            assert pool.checkedout() == 0  # type: ignore[attr-defined]  # it is a QueuePool

    raising: list[bool] = []
    asyncio.run(act())


@pytest.mark.parametrize("name", ["invalidate", "close", "checkin"])
@pytest.mark.parametrize("driver", first_always(ON_POSTGRESQL))
def test_what_a_hook_raises_where_a_dead_connection_is_thrown_away_is_an_outage_and_its_place_is_not_lost(
    url: str, driver: str, name: str
) -> None:
    cut = partial(end_other_backends, url)

    def raises(*_: object) -> None:
        if raising:
            raise KeyError("the host's own")

    async def act() -> None:
        async with engine_of(url, driver, pool_size=1, max_overflow=0) as engine:
            event.listen(engine.sync_engine if isinstance(engine, AsyncEngine) else engine, name, raises)
            store = SqlSessions(engine, AsyncSqlDirectory(engine))
            await create(store)
            raising.append(True)
            with pytest.raises(SessionStoreUnavailable):
                await create(store, cut)
            raising.clear()
            await create(store)
            assert len(await kept(engine)) == 2

    raising: list[bool] = []
    asyncio.run(act())
