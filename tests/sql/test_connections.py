"""Connections from a pool: who takes them where, and for how long they may be opened."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, StaticPool, create_engine, event

from neo_routing import Caller, CallerKind, DirectoryUnavailable, SessionRequest, decide
from neo_routing_adapters.sql import SqlDirectory
from neo_routing_adapters.sql.look_up.connections import Connections
from neo_routing_adapters.sql.look_up.deadlines import Call
from neo_routing_adapters.sql.look_up.threads import threads_for
from tests.programs.servers.postgres_server import PATIENCE, wait_until

USER = Caller(CallerKind.USER, "msp-a")
REQUEST = SessionRequest(agent_id=12)


def file_engine(path: Path, **options: Any) -> Engine:
    """Return an engine whose pool has one connection at hand."""
    engine = create_engine(f"sqlite:///{path / 'directory.sqlite'}", **options)
    engine.raw_connection().close()
    return engine


def test_of_two_who_see_the_last_connection_at_hand_one_alone_takes_it_by_himself(tmp_path: Path) -> None:
    engine = file_engine(tmp_path)
    connections, first, second = Connections(engine), Call(1), Call(1)
    assert connections.is_at_hand(first)
    assert not connections.is_at_hand(second)
    connections.take(first).close()
    assert connections.is_at_hand(second)
    connections.forget(second)
    assert connections.is_at_hand(first)
    engine.dispose()


def test_while_somebody_waits_for_a_connection_nobody_counts_on_one(tmp_path: Path) -> None:
    def waits(*_: object) -> None:
        opening.set()
        done.wait(PATIENCE)

    engine = file_engine(tmp_path)
    connections, opening, done = Connections(engine), threading.Event(), threading.Event()
    taken = engine.raw_connection()
    event.listen(engine, "do_connect", waits)
    with ThreadPoolExecutor(1) as others:
        other = others.submit(connections.take, Call(PATIENCE))
        assert opening.wait(PATIENCE)
        taken.close()
        assert not connections.is_at_hand(Call(1))
        done.set()
        other.result(PATIENCE).close()
    assert connections.is_at_hand(Call(1))
    engine.dispose()


@pytest.mark.parametrize("name", ["checkout", "checkin", "reset"])
def test_where_hooks_run_at_each_call_no_connection_is_at_hand(tmp_path: Path, name: str) -> None:
    engine = file_engine(tmp_path)
    connections = Connections(engine)
    event.listen(engine, name, lambda *_: None)
    assert not connections.is_at_hand(Call(1))
    engine.dispose()


@pytest.mark.parametrize(("pool", "expected"), [(StaticPool, True), (NullPool, False)])
def test_other_pools_have_a_connection_at_hand_if_they_keep_one(tmp_path: Path, pool: Any, expected: bool) -> None:
    engine = file_engine(tmp_path, poolclass=pool)
    assert Connections(engine).is_at_hand(Call(1)) is expected
    engine.dispose()


def test_many_try_to_connect_for_long_and_the_others_no_longer_than_they_may() -> None:
    def waits(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        timeouts.append(parameters.get("connect_timeout"))
        done.wait(PATIENCE)
        raise LookupError

    timeouts: list[Any] = []
    done = threading.Event()
    engine = create_engine("postgresql+psycopg://127.0.0.1:9/none", pool_size=20)
    directory = SqlDirectory(engine, deadline=0.7)
    event.listen(engine, "do_connect", waits)
    with ThreadPoolExecutor(20) as callers:
        assert all(callers.map(lambda _: is_outage(directory), range(20)))
    done.set()
    assert Counter(timeouts) == {10: 16, 1: 4}
    wait_until(lambda: engine.pool.checkedout() == 0)


@pytest.mark.parametrize("url", ["postgresql+psycopg://127.0.0.1:9/none", "postgresql+asyncpg://127.0.0.1:9/none"])
def test_each_engine_is_listened_to_once_though_ids_come_again_and_engines_are_made_of_others(url: str) -> None:
    def listeners(engine: Engine) -> int:
        of_pool = engine.dialect.driver == "asyncpg"
        return len([*(engine.pool.dispatch.connect if of_pool else engine.dialect.dispatch.do_connect)])

    def ids_of_engines_that_are_gone() -> set[int]:
        made = [first.execution_options(isolation_level="AUTOCOMMIT") for _ in range(200)]
        for each in made:
            Connections(each)
        return {*map(id, made)}

    first, others = create_engine(url), list[Engine]()
    before = listeners(first)
    ids = ids_of_engines_that_are_gone()
    assert listeners(first) == before + 1
    while len(others) < 5_000 and not (others and id(others[-1]) in ids):
        others.append(create_engine(url))
    Connections(others[-1])
    assert listeners(others[-1]) == before + 1


@pytest.mark.parametrize(("deadline", "given", "expected"), [(12.5, None, 13), (0.5, "3", "3")])
def test_an_attempt_to_connect_lasts_as_long_as_the_deadline_or_as_the_host_says(
    deadline: float, given: str | None, expected: object
) -> None:
    def notes(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        timeouts.append(parameters["connect_timeout"])
        raise LookupError

    timeouts: list[object] = []
    query = f"?connect_timeout={given}" if given else ""
    engine = create_engine(f"postgresql+psycopg://127.0.0.1:9/none{query}")
    directory = SqlDirectory(engine, deadline=deadline)
    event.listen(engine, "do_connect", notes)
    assert is_outage(directory)
    assert timeouts == [expected]


def is_outage(directory: SqlDirectory) -> bool:
    with pytest.raises(DirectoryUnavailable):
        decide(USER, REQUEST, directory)
    return True


def test_directories_of_an_engine_share_their_threads() -> None:
    engine, other = create_engine("postgresql+psycopg://"), create_engine("postgresql+psycopg://")
    assert threads_for(engine) is threads_for(engine)
    assert threads_for(engine) is not threads_for(other)
