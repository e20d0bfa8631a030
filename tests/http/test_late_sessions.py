"""A session takes its time on a SQLite file, which has one writer: what others get meanwhile, and what is left."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from neo_routing import PolicyEngine
from neo_routing_adapters.http import AnsweredCall, application
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.sql import AsyncSqlDirectory
from tests.programs.http.calls import GOOD, NOON, PATIENCE, USER, an_endpoint, call, headers_of, run
from tests.programs.http.kept_sessions import engine_with_sessions
from tests.programs.servers.postgres_server import wait_until

pytestmark = pytest.mark.no_cover  # threads of ours that hang are not traced


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    engine_with_sessions(sqlite_url).dispose()
    made = create_engine(sqlite_url)
    yield made
    made.dispose()


class Hanging:
    """A host that takes its time to name the way in."""

    def __init__(self) -> None:
        self.began, self.goes = threading.Event(), threading.Event()

    def __call__(self, *_: Any) -> str:
        self.began.set()
        self.goes.wait(PATIENCE)
        return "api"


def endpoint_on(engine: Engine, named: Hanging, *, deadline: float = PATIENCE, **fields: Any) -> Any:
    directory = AsyncSqlDirectory(engine)
    sessions = SqlSessions(engine, directory, now=lambda: NOON, deadline=deadline)
    return application(an_endpoint(directory, sessions=sessions, channel_name=named, **fields))


@pytest.mark.parametrize("body", [b"{}", b"[]"], ids=["its shape", "no object"])
def test_a_body_that_is_refused_by_what_it_is_waits_for_nobody(engine: Engine, body: bytes) -> None:
    named = Hanging()

    async def act() -> None:
        app = endpoint_on(engine, named)
        first = asyncio.create_task(call(app, GOOD, headers=headers_of(USER)))
        await asyncio.to_thread(named.began.wait, PATIENCE)
        refusing = asyncio.create_task(call(app, body, headers=headers_of(USER)))
        await asyncio.wait({first, refusing}, return_when=asyncio.FIRST_COMPLETED)
        assert not first.done()
        assert (await refusing).status == 422
        named.goes.set()
        assert (await first).status == 200

    run(act())


def test_what_was_told_of_a_call_does_not_change_when_its_transaction_ends_late(engine: Engine) -> None:
    hook, named, told = Hanging(), Hanging(), list[AnsweredCall]()
    named.goes.set()
    policy = PolicyEngine(AsyncSqlDirectory(engine), on_decision=hook, new_id=lambda: "1", now=lambda: NOON)

    async def act() -> None:
        app = endpoint_on(engine, named, deadline=0.1, policy=policy, on_answer=told.append)
        assert (await call(app, GOOD, headers=headers_of(USER))).status == 500
        before = {**told[0].timings_ms}
        assert "decide" not in before
        hook.goes.set()
        await asyncio.to_thread(wait_until, lambda: engine.pool.checkedout() == 0)  # type: ignore[attr-defined]
        assert told[0].timings_ms == before

    run(act())


def test_nothing_that_a_host_knew_who_raised_is_kept(engine: Engine) -> None:
    class Known:
        pass

    known: list[weakref.ref[Known]] = []

    def raises(_directory: Any) -> Any:
        one = Known()
        known.append(weakref.ref(one))
        raise ZeroDivisionError

    async def act() -> None:
        with pytest.raises(ZeroDivisionError):
            await SqlSessions(engine, AsyncSqlDirectory(engine)).keep(raises, None)

    gc.disable()
    try:
        run(act())
        wait_until(lambda: known[0]() is None)
    finally:
        gc.enable()
