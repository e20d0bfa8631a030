"""A SQLite file is asked in threads while an event loop waits, and nothing that hangs there makes it wait too long."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing
from contextvars import ContextVar
from typing import Any

import pytest
from sqlalchemy import create_engine, event

from neo_routing import DirectoryUnavailable
from neo_routing_adapters.http.ports import SessionStoreUnavailable
from neo_routing_adapters.http.store_connection import StoreConnection
from neo_routing_adapters.sql import AsyncSqlDirectory
from neo_routing_adapters.sql.look_up.awaited_threads import MOST_AT_ONCE, AwaitedThreads
from neo_routing_adapters.sql.look_up.deadlines import Call
from neo_routing_adapters.sql.look_up.threads import Job, Threads
from tests.programs.http.calls import PATIENCE, run
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

    def wait(self, call: Call) -> None:
        call.enter(self)
        self.waits.set()
        self.is_cut.wait(PATIENCE)
        self.has_ended = True


def threads_on(url: str) -> AwaitedThreads:
    return AwaitedThreads(create_engine(url))


def test_what_is_done_there_comes_back_with_its_errors_and_with_what_the_caller_knows(sqlite_url: str) -> None:
    known = ContextVar[str]("known")

    async def act() -> tuple[str, int]:
        known.set("the caller's")
        threads = threads_on(sqlite_url)
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 // 0, Call(PATIENCE))
        other = await threads.run(threading.get_ident, Call(PATIENCE))
        return await threads.run(known.get, Call(PATIENCE)), other

    assert run(act())[0] == "the caller's"
    assert run(act())[1] != threading.get_ident()


def test_what_hangs_where_nobody_can_cut_it_off_is_left_behind_in_time(sqlite_url: str) -> None:
    hangs = threading.Event()

    async def act() -> Call:
        call = Call(0.05)
        with pytest.raises(TimeoutError):
            await threads_on(sqlite_url).run(lambda: hangs.wait(PATIENCE), call)
        return call

    assert run(act()).expired
    hangs.set()  # the event loop is closed, and the thread has nobody to tell


@pytest.mark.parametrize("cancelled", [False, True])
def test_who_goes_on_with_what_he_cut_off_finds_that_nobody_uses_it_any_more(sqlite_url: str, cancelled: bool) -> None:
    async def act() -> bool:
        line, call = CutOff(), Call(PATIENCE if cancelled else 0.05)
        task = asyncio.create_task(threads_on(sqlite_url).run(lambda: line.wait(call), call, to_its_end=True))
        await asyncio.to_thread(line.waits.wait, PATIENCE)
        if cancelled:
            task.cancel()
        with pytest.raises(asyncio.CancelledError if cancelled else TimeoutError):
            await task
        return line.has_ended

    assert run(act())


def test_only_so_many_run_at_once_and_all_others_have_their_turn(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Job[Any]] = []
    begin = Threads.begin
    monkeypatch.setattr(Threads, "begin", lambda self, job, seconds: begun.append(job) or begin(self, job, seconds))
    hang = threading.Event()

    async def act() -> None:
        threads = threads_on(sqlite_url)
        asked = [asyncio.create_task(threads.run(hang.wait, Call(PATIENCE))) for _ in range(3 * MOST_AT_ONCE)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(begun) == MOST_AT_ONCE
        hang.set()
        await asyncio.gather(*asked)

    run(act())
    assert len(begun) == 3 * MOST_AT_ONCE


def test_a_hook_on_the_pool_that_hangs_is_an_outage_in_time(sqlite_url: str) -> None:
    hangs = threading.Event()
    engine = create_engine(sqlite_url)
    event.listen(engine, "checkout", lambda *_: hangs.wait(PATIENCE))

    async def act() -> None:
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(DirectoryUnavailable):
                await AsyncSqlDirectory(engine, deadline=0.05).look_up(NEEDED)

    run(act())
    hangs.set()
    wait_until(lambda: engine.pool.checkedout() == 0)  # type: ignore[attr-defined]  # it is a QueuePool
    engine.dispose()


def test_a_step_that_is_late_lets_its_transaction_go_when_it_ends(sqlite_url: str) -> None:
    hangs = threading.Event()
    engine = create_engine(sqlite_url)

    still: list[bool] = []

    def step(connection: Any, cursor: Any, _call: Call) -> None:
        cursor.execute("CREATE TABLE late (id integer)")
        hangs.wait(PATIENCE)
        still.append(connection.driver_connection.in_transaction)

    async def act() -> None:
        connection = StoreConnection(engine, AwaitedThreads(engine), 0.1)
        with pytest.raises(SessionStoreUnavailable):
            await connection.run(step)
        await connection.close()
        hangs.set()
        with closing(sqlite3.connect(engine.url.database, timeout=PATIENCE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # nobody holds the lock
            assert other.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
        await asyncio.to_thread(wait_until, lambda: engine.pool.checkedout() == 0)  # type: ignore[attr-defined]
        assert still == [True]  # whoever closed it did nothing under the step's feet

    run(act())
    engine.dispose()
