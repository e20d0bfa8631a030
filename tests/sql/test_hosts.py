"""What hosts do with files of SQLite, with their forks and with the rows of a driver: right answers, or outages."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.ext.asyncio import create_async_engine

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    DirectoryUnavailable,
    ManagedAgentKey,
    SessionRequest,
    Tenant,
    adecide,
    decide,
    decide_many,
)
from neo_routing.testing import World
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.look_up.rows import FoundRows
from tests.programs.databases.stored import engine_with_tables, store

PLATFORM = Caller(CallerKind.PLATFORM, "msp-a")
REQUEST = SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT, bot_id="b")
WORLD = World(
    [Tenant(id=f"msp-{letter}") for letter in "abc"],
    [Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT)],
    [Channel(id="c", tenant_id="msp-a", agent_id=12, bot_id="b")],
)
PAUSE = "UPDATE routing_channel SET status = 'DISCONNECTED'"


def answer(directory: SqlDirectory) -> str:
    return str(decide(PLATFORM, REQUEST, directory).result.unwrap().outcome)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "directory.sqlite"
    engine = engine_with_tables(f"sqlite:///{path}")
    store(engine, WORLD)
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    engine.dispose()
    return path


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{path}", pool_reset_on_return=None)
    yield engine
    engine.dispose()


def in_a_child(function: Callable[[], str], before: Callable[[], object]) -> str:
    """Run a function in a forked child, once something has happened in the parent; return what it returns."""
    told_read, told_write = os.pipe()
    go_read, go_write = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.read(go_read, 1)
            os.write(told_write, function().encode())
            status = 0
        finally:
            os._exit(status)
    before()
    os.write(go_write, b"!")
    os.close(told_write)
    told = b""
    while part := os.read(told_read, 1000):
        told += part
    for each in (told_read, go_read, go_write):
        os.close(each)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return told.decode()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_sees_what_others_write_into_a_file(path: Path, engine: Engine) -> None:
    directory = SqlDirectory(engine)
    assert answer(directory) == "active_channel"

    def pause() -> None:
        engine.dispose()
        other = create_engine(f"sqlite:///{path}")
        with other.begin() as connection:
            connection.execute(text(PAUSE))
        other.dispose()

    assert in_a_child(lambda: answer(directory), pause) == "neo_support_fallback"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_listener_that_raises_keeps_no_other_engine_from_being_left_to_the_parent(path: Path, tmp_path: Path) -> None:
    engines = [create_engine(f"sqlite:///{path}") for _ in range(4)]
    directories = [SqlDirectory(each) for each in engines]
    for directory in directories:
        answer(directory)
    for each in engines[:2]:
        event.listen(each, "engine_disposed", lambda _: 1 / 0)
    pools = [each.pool for each in engines]

    def renewed() -> str:
        return str([each.pool is pool for each, pool in zip(engines, pools, strict=True)])

    assert in_a_child(renewed, lambda: None) == "[False, False, False, False]"
    for each in engines:
        each.pool.dispose()


def test_a_connection_that_somebody_closed_is_replaced(engine: Engine) -> None:
    directory = SqlDirectory(engine)
    answer(directory)
    connection: Any = engine.raw_connection()
    connection.driver_connection.close()
    connection.close()
    assert answer(directory) == "active_channel"


def test_an_awaited_connection_that_somebody_closed_is_replaced(path: Path) -> None:
    async def decided() -> str:
        engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_reset_on_return=None)
        directory = AsyncSqlDirectory(engine)
        await adecide(PLATFORM, REQUEST, directory)
        connection = await engine.raw_connection()
        await connection.driver_connection.close()
        connection.close()
        decision = await adecide(PLATFORM, REQUEST, directory)
        await engine.dispose()
        return str(decision.result.unwrap().outcome)

    assert asyncio.run(decided()) == "active_channel"


def test_an_error_that_somebody_keeps_holds_no_half_read_answer(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(engine, World([Tenant(id=f"t-{number}") for number in range(300)]))
    directory, kept = SqlDirectory(engine), []
    cases = [(Caller(CallerKind.USER, f"t-{number}"), REQUEST) for number in range(300)]
    with monkeypatch.context() as patch:
        patch.setattr(FoundRows, "add", interrupted)
        with pytest.raises(Interrupted) as raised:
            decide_many(cases, directory)
        kept.append(raised.value)
    assert len(decide_many(cases, directory)) == 300


class Interrupted(BaseException):
    """What a host throws into a call, such as the end of a job's time."""


def interrupted(*_: object) -> None:
    raise Interrupted


def test_cancelling_a_call_that_waits_for_a_lock_on_a_file_does_not_wait_with_it(path: Path) -> None:
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("PRAGMA journal_mode = DELETE")
    blocker.execute("BEGIN EXCLUSIVE")

    async def cancelled() -> float:
        engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
        directory = AsyncSqlDirectory(engine, deadline=20.0)
        began = time.perf_counter()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(adecide(PLATFORM, REQUEST, directory), 0.2)
        took = time.perf_counter() - began
        blocker.execute("ROLLBACK")
        left = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*left, return_exceptions=True)
        await engine.dispose()
        return took

    assert asyncio.run(cancelled()) < 5
    blocker.close()


@pytest.mark.parametrize("factory", [lambda *_: {}, lambda *_: None, lambda *_: 1 // 0], ids=["dict", "none", "fault"])
def test_rows_that_a_host_shapes_otherwise_are_an_outage_on_sqlite(engine: Engine, factory: Any) -> None:
    @event.listens_for(engine, "connect")
    def shape(connection: Any, _record: Any) -> None:
        connection.row_factory = factory

    with pytest.raises(DirectoryUnavailable):
        answer(SqlDirectory(engine))


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there is no such setting before Python 3.12")
def test_a_connection_that_is_always_in_a_transaction_is_an_outage(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}", connect_args={"autocommit": False})
    with pytest.raises(DirectoryUnavailable):
        answer(SqlDirectory(engine))
    engine.dispose()
