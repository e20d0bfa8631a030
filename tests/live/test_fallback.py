"""What is asked in the place of a copy that is too old, by threads and by tasks, and what cannot be that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import create_async_engine

from neo_routing import Caller, CallerKind, DirectoryUnavailable, SessionRequest, adecide, decide
from neo_routing_adapters.live import LiveDirectory
from neo_routing_adapters.memory import MemoryDirectory
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from tests.programs.databases.administered import AGENT, WORLD, upgraded
from tests.programs.databases.stored import store

USER = Caller(CallerKind.USER, "msp-a")
ITS_AGENT = SessionRequest(agent_id=AGENT.id)


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    with upgraded(sqlite_url) as engine:
        store(engine, WORLD)
        yield engine


def decided_by_a_task(directory: LiveDirectory) -> object:
    return asyncio.run(adecide(USER, ITS_AGENT, directory)).result.unwrap().agent_id


def test_a_thread_is_answered_by_the_fallback(engine: Engine) -> None:
    never_followed = LiveDirectory(engine, fallback=SqlDirectory(engine))
    assert decide(USER, ITS_AGENT, never_followed).result.unwrap().agent_id == AGENT.id


def test_a_task_is_answered_by_a_fallback_that_is_awaited_and_a_thread_by_none(engine: Engine, sqlite_url: str) -> None:
    async def answered() -> object:
        other = create_async_engine(sqlite_url.replace("sqlite", "sqlite+aiosqlite", 1))
        never_followed = LiveDirectory(engine, fallback=AsyncSqlDirectory(other))
        with pytest.raises(DirectoryUnavailable, match="its fallback is awaited"):
            await asyncio.to_thread(decide, USER, ITS_AGENT, never_followed)
        decision = await adecide(USER, ITS_AGENT, never_followed)
        await other.dispose()
        return decision.result.unwrap().agent_id

    assert asyncio.run(answered()) == AGENT.id


def test_a_task_is_refused_at_once_where_the_fallback_would_stop_all_others(engine: Engine) -> None:
    with LiveDirectory(engine, fallback=SqlDirectory(engine)) as directory:
        directory.wait_until_ready(60)
        assert decide(USER, ITS_AGENT, directory).result.unwrap().agent_id == AGENT.id
        with pytest.raises(TypeError, match="LiveDirectory would block the event loop"):
            decided_by_a_task(directory)


def test_a_task_is_answered_by_a_fallback_that_holds_its_rows(engine: Engine) -> None:
    held = MemoryDirectory(agents=[AGENT], tenants=WORLD.tenants)
    assert decided_by_a_task(LiveDirectory(engine, fallback=held)) == AGENT.id


@pytest.mark.parametrize("fallback", ["a directory", object(), SqlDirectory])
def test_only_a_directory_can_be_a_fallback(engine: Engine, fallback: object) -> None:
    with pytest.raises(ValueError, match=r"LiveDirectory.fallback must be a directory like SqlDirectory, and not \w+"):
        LiveDirectory(engine, fallback=fallback)
