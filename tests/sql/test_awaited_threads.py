"""A SQLite file is asked in threads while an event loop waits, and nothing that hangs there makes it wait too long."""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import closing, nullcontext
from contextvars import ContextVar
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import AssertionPool, NullPool, QueuePool, StaticPool

from neo_routing import DirectoryUnavailable, Refusal, SessionDirectory
from neo_routing_adapters.http import store_transaction
from neo_routing_adapters.http.credentials_sql import SqlEntraLinks, SqlKeyStore
from neo_routing_adapters.http.ports import DecidedSession, SessionStoreUnavailable
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.http.store_transaction import StoreTransaction
from neo_routing_adapters.http.tables.upgrade import upgrade
from neo_routing_adapters.memory import MemoryDirectory
from neo_routing_adapters.sql import AsyncSqlDirectory
from neo_routing_adapters.sql.look_up import workers
from neo_routing_adapters.sql.look_up.awaited_threads import MOST_AT_ONCE, AwaitedThreads, awaited_threads_for
from neo_routing_adapters.sql.look_up.deadlines import Call, NoThread
from tests.programs.databases.stored import engine_with_tables
from tests.programs.http.calls import PATIENCE, run
from tests.programs.http.kept_sessions import WORLD, decided
from tests.programs.servers.postgres_server import wait_until

pytestmark = pytest.mark.no_cover  # threads of ours that hang are not traced

NEEDED = [("msp-a", None, None, None, None)]


class CutOff:
    """A line on which somebody waits until it is cut."""

    def __init__(self) -> None:
        self.is_cut = threading.Event()
        self.waits = threading.Event()
        self.has_ended = False

    def cut(self) -> None:
        self.is_cut.set()

    def wait(self, call: Call) -> str:
        call.enter(self)
        self.waits.set()
        self.is_cut.wait(PATIENCE)
        self.has_ended = True
        return "cut off"


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    """An engine with one connection, on a file with all tables."""
    engine_with_tables(sqlite_url).dispose()
    made = create_engine(sqlite_url, poolclass=QueuePool, pool_size=1, max_overflow=0)
    upgrade(made)
    yield made
    made.dispose()


def is_free(engine: Engine) -> bool:
    """Tell whether nobody holds a lock on the file, and no connection is lost."""
    assert engine.url.database
    with closing(sqlite3.connect(engine.url.database, timeout=0, isolation_level=None)) as other:
        try:
            other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
    return bool(engine.pool.checkedout() == 0)  # type: ignore[attr-defined]  # it is a QueuePool


def test_what_is_done_there_comes_back_with_its_errors_and_with_what_the_caller_knows() -> None:
    known = ContextVar[str]("known")

    async def act() -> tuple[str, int]:
        known.set("the caller's")
        threads = AwaitedThreads()
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 // 0, Call(PATIENCE))
        other = await threads.run(threading.get_ident, Call(PATIENCE))
        return await threads.run(known.get, Call(PATIENCE)), other

    assert run(act())[0] == "the caller's"
    assert run(act())[1] != threading.get_ident()


def test_what_hangs_where_nobody_can_cut_it_off_is_left_behind_in_time() -> None:
    hangs = threading.Event()

    async def act() -> Call:
        call = Call(0.05)
        with pytest.raises(TimeoutError):
            await AwaitedThreads().run(lambda: hangs.wait(PATIENCE), call)
        return call

    assert run(act()).expired
    hangs.set()  # the event loop is closed, and the thread has nobody to tell


@pytest.mark.parametrize("cancelled", [False, True])
def test_who_goes_on_with_what_he_cut_off_finds_that_nobody_uses_it_any_more(cancelled: bool) -> None:
    async def act() -> bool:
        line, call = CutOff(), Call(PATIENCE if cancelled else 0.05)
        task = asyncio.create_task(AwaitedThreads().run(lambda: line.wait(call), call, to_its_end=True))
        await asyncio.to_thread(line.waits.wait, PATIENCE)
        if cancelled:
            task.cancel()
        with pytest.raises(asyncio.CancelledError) if cancelled else nullcontext():
            assert await task == "cut off"
        return line.has_ended

    assert run(act())


def test_who_finds_all_threads_busy_waits_for_one_and_who_has_gone_is_not_served() -> None:
    hang, began = threading.Event(), threading.Semaphore(0)
    served: list[str] = []

    def hanging() -> None:
        began.release()
        hang.wait(PATIENCE)

    async def act() -> None:
        threads = AwaitedThreads()
        busy = [asyncio.create_task(threads.run(hanging, Call(PATIENCE))) for _ in range(MOST_AT_ONCE)]
        for _ in busy:
            await asyncio.to_thread(began.acquire)
        with pytest.raises(TimeoutError):
            await threads.run(lambda: served.append("too late"), Call(0.05))
        waiting = asyncio.create_task(threads.run(lambda: served.append("in time"), Call(PATIENCE)))
        await asyncio.sleep(0)
        assert served == []
        hang.set()
        await asyncio.gather(*busy, waiting)

    run(act())
    assert served == ["in time"]


def test_nothing_that_a_late_call_knew_is_kept() -> None:
    hang = threading.Event()
    known: list[weakref.ref[CutOff]] = []

    def fail() -> None:
        cursor = CutOff()
        known.append(weakref.ref(cursor))
        hang.wait(PATIENCE)
        raise ZeroDivisionError

    async def act() -> None:
        with pytest.raises(TimeoutError):
            await AwaitedThreads().run(fail, Call(0.05))

    gc.disable()
    try:
        run(act())
        hang.set()
        wait_until(lambda: known[0]() is None)
    finally:
        gc.enable()


def test_a_hook_on_the_pool_that_hangs_is_an_outage_in_time(engine: Engine) -> None:
    hangs = threading.Event()
    event.listen(engine, "checkout", lambda *_: hangs.wait(PATIENCE))

    async def act() -> None:
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(DirectoryUnavailable):
                await AsyncSqlDirectory(engine, deadline=0.05).look_up(NEEDED)

    run(act())
    hangs.set()
    wait_until(lambda: is_free(engine))


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_transaction_that_is_late_is_rolled_back_when_it_ends(engine: Engine, cancelled: bool) -> None:
    hangs, began = threading.Event(), threading.Event()

    def steps(transaction: StoreTransaction) -> None:
        cursor = transaction.cursor()
        cursor.execute("CREATE TABLE late (id integer)")
        cursor.execute("SELECT 1 UNION SELECT 2")  # and half read
        began.set()
        hangs.wait(PATIENCE)
        transaction.commit()

    async def act() -> None:
        store = SqlSessions(engine, deadline=PATIENCE if cancelled else 0.1)
        task = asyncio.create_task(store._run(steps))
        await asyncio.to_thread(began.wait, PATIENCE)
        if cancelled:
            task.cancel()
        with pytest.raises(asyncio.CancelledError if cancelled else SessionStoreUnavailable):
            await task
        assert not is_free(engine)  # whoever has gone did nothing under its feet
        hangs.set()
        await asyncio.to_thread(wait_until, lambda: is_free(engine))

    run(act())
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_master WHERE name = 'late'").scalar() == 0


def test_a_transaction_whose_caller_has_just_gone_as_it_begins_is_rolled_back(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, began, goes = store_transaction.on_a_live_connection, threading.Event(), threading.Event()

    def begun(*given: Any) -> Any:
        found = begin(*given)
        began.set()
        goes.wait(PATIENCE)
        return found

    monkeypatch.setattr(store_transaction, "on_a_live_connection", begun)

    async def act() -> None:
        task = asyncio.create_task(SqlSessions(engine, deadline=PATIENCE).ask())
        await asyncio.to_thread(began.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        goes.set()
        await asyncio.to_thread(wait_until, lambda: is_free(engine))

    run(act())


def test_without_a_thread_a_store_is_an_outage_and_nobody_waits_for_the_turn_of_who_had_none(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start_thread(*_: object, **__: object) -> None:
        raise NoThread

    async def act() -> None:
        store = SqlSessions(engine, deadline=PATIENCE)
        with monkeypatch.context() as changed:
            changed.setattr(workers, "start_thread", start_thread)
            with pytest.raises(SessionStoreUnavailable) as raised:
                await store.ask()
        assert isinstance(raised.value.__cause__, NoThread)
        await store.ask()

    run(act())


def test_what_found_no_thread_is_not_done_by_one_that_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def start_thread(*_: object, **__: object) -> None:
        raise NoThread

    async def act() -> None:
        threads = AwaitedThreads()
        with monkeypatch.context() as changed:
            changed.setattr(workers, "start_thread", start_thread)
            with pytest.raises(NoThread):
                await threads.run(lambda: done.append("of who has gone"), Call(PATIENCE))
        await threads.run(lambda: done.append("of who waits"), Call(PATIENCE))
        at_work = threads._workers
        await asyncio.to_thread(wait_until, lambda: at_work._jobs.empty() and at_work._waiting == at_work._threads)

    run(act())
    assert done == ["of who waits"]


def test_a_transaction_that_was_left_open_in_the_pool_is_ended_by_the_next_who_finds_it(sqlite_url: str) -> None:
    engine_with_tables(sqlite_url).dispose()
    engine = create_engine(sqlite_url, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True, pool_size=1)
    connection = engine.raw_connection()
    connection.cursor().execute("BEGIN IMMEDIATE")
    connection.close()
    assert not is_free(engine)

    async def act() -> None:
        directory = AsyncSqlDirectory(engine, deadline=PATIENCE)
        with pytest.raises(DirectoryUnavailable):
            await directory.look_up([("msp-a", 12, None, None, None)])
        assert is_free(engine)
        assert (await directory.look_up(NEEDED)).tenants == set()

    run(act())
    engine.dispose()


def test_where_transactions_hang_others_are_an_outage_in_time_and_are_served_when_those_end(sqlite_url: str) -> None:
    """As on a file of a network that does not answer: a `NullPool` would give each of them a connection to try with."""
    engine_with_tables(sqlite_url).dispose()
    engine = create_engine(sqlite_url, poolclass=NullPool)
    upgrade(engine)
    hangs = threading.Event()
    event.listen(engine, "checkout", lambda *_: hangs.wait(PATIENCE))

    async def act() -> None:
        async with asyncio.timeout(PATIENCE):
            for _ in range(MOST_AT_ONCE + 2):
                with pytest.raises(SessionStoreUnavailable):
                    await SqlSessions(engine, deadline=0.01).ask()
            hangs.set()
            await SqlSessions(engine, deadline=PATIENCE).ask()

    run(act())


def test_after_a_look_up_that_failed_nothing_is_kept_whatever_is_decided(engine: Engine) -> None:
    def deciding(directory: SessionDirectory | None) -> DecidedSession | Refusal:
        assert directory is not None
        with pytest.raises(DirectoryUnavailable):
            directory.look_up([("msp-a", 12, None, None, None)])
        return held

    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE routing_agent RENAME TO gone")
    held = decided(MemoryDirectory(tenants=WORLD.tenants, agents=WORLD.agents))
    assert isinstance(held, DecidedSession)

    async def act() -> None:
        store = SqlSessions(engine, AsyncSqlDirectory(engine, deadline=PATIENCE), deadline=PATIENCE)
        with pytest.raises(DirectoryUnavailable) as unavailable:
            await store.keep(deciding, None)
        assert str(unavailable.value.__cause__) == "the transaction is over"
        assert is_free(engine)

    run(act())


def test_those_who_wait_for_their_turn_to_write_leave_the_threads_to_who_looks_up(sqlite_url: str) -> None:
    engine = engine_with_tables(sqlite_url)
    upgrade(engine)
    began, goes = threading.Event(), threading.Event()

    def taking_long(directory: SessionDirectory | None) -> DecidedSession | Refusal:
        one_decided = decided(directory)
        began.set()
        goes.wait(PATIENCE)
        return one_decided

    async def act() -> None:
        directory = AsyncSqlDirectory(engine, deadline=2.0)
        store = SqlSessions(engine, directory, deadline=PATIENCE)
        writers = [asyncio.create_task(store.keep(taking_long, None))]
        await asyncio.to_thread(began.wait, PATIENCE)
        writers += [asyncio.create_task(store.keep(decided, None)) for _ in range(MOST_AT_ONCE)]
        await asyncio.sleep(0)
        assert (await directory.look_up(NEEDED)).tenants == set()
        goes.set()
        await asyncio.gather(*writers)

    try:
        run(act())
    finally:
        goes.set()
        engine.dispose()


def test_a_wait_for_who_writes_in_another_process_ends_within_the_deadline_whatever_the_host_has_set(
    sqlite_url: str,
) -> None:
    engine = create_engine(sqlite_url, connect_args={"timeout": 60}, pool_size=1, max_overflow=0)
    upgrade(engine)
    run(SqlSessions(engine, deadline=2.0).ask())
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 1500
    engine.dispose()


def test_a_directory_that_is_asked_after_its_transaction_is_an_outage_and_begins_no_other(engine: Engine) -> None:
    held: list[SessionDirectory] = []

    def deciding(directory: SessionDirectory | None) -> DecidedSession | Refusal:
        assert directory is not None
        held.append(directory)
        return decided(directory)

    run(SqlSessions(engine, AsyncSqlDirectory(engine, deadline=PATIENCE), deadline=PATIENCE).keep(deciding, None))
    with pytest.raises(DirectoryUnavailable):
        held[0].look_up(NEEDED)
    assert is_free(engine)


def test_calls_that_are_cancelled_at_any_moment_leave_nothing_behind(engine: Engine) -> None:
    async def act() -> None:
        store = SqlSessions(engine, AsyncSqlDirectory(engine, deadline=PATIENCE), deadline=PATIENCE)

        async def call(turns: int) -> None:
            task = asyncio.create_task(store.ask())
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})

        for turns in range(60):
            await asyncio.gather(*(call(turns + each) for each in range(4)))
        await store.ask()
        await asyncio.to_thread(wait_until, lambda: is_free(engine))

    run(act())


def test_many_who_ask_whether_a_store_is_there_keep_nobody_out(engine: Engine) -> None:
    async def act() -> None:
        await asyncio.gather(*(SqlSessions(engine, deadline=PATIENCE).ask() for _ in range(100)))

    run(act())


def test_an_engine_that_was_made_of_another_has_the_threads_of_that(engine: Engine) -> None:
    assert awaited_threads_for(engine) is awaited_threads_for(engine.execution_options(isolation_level="AUTOCOMMIT"))


def test_one_connection_for_all_is_refused_where_each_has_a_transaction() -> None:
    for take in (SqlSessions, SqlKeyStore, SqlEntraLinks):
        with pytest.raises(ValueError, match=rf"^{take.__name__}.engine must have a connection for each who needs one"):
            take(create_async_engine("sqlite+aiosqlite://"))


@pytest.mark.parametrize(
    "given",
    [
        create_engine("sqlite://", poolclass=QueuePool),
        create_engine("sqlite:///file::memory:?cache=shared&uri=true", poolclass=QueuePool),
        create_engine("sqlite:///file:all?vfs=memdb&uri=true", poolclass=QueuePool),
        create_engine("sqlite:///file:?uri=true", poolclass=QueuePool),
        create_engine("sqlite:///file:all?mode=memory&uri=true", poolclass=QueuePool),
        create_engine("sqlite:///one.sqlite", poolclass=StaticPool),
        create_engine("sqlite:///one.sqlite", poolclass=AssertionPool),
    ],
    ids=lambda given: f"{given.url} {type(given.pool).__name__}",
)
def test_a_database_in_memory_and_a_connection_for_all_are_refused(given: Engine) -> None:
    for take in (AsyncSqlDirectory, SqlSessions):
        with pytest.raises(ValueError, match=rf"^{take.__name__}.engine must be that of a SQLite file, with a connect"):
            take(given)
