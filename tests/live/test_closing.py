"""How a directory that follows begins and ends, and what it takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from time import monotonic

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from neo_routing import Rows
from neo_routing.rows_builder import NO_ROWS
from neo_routing_adapters.live import LiveDirectory, State, follower
from neo_routing_adapters.live.bell import Bell
from neo_routing_adapters.live.clock import now
from neo_routing_adapters.live.follower import Follower
from neo_routing_adapters.live.freshness import Freshness
from neo_routing_adapters.live.source import Polled
from tests.programs.servers.postgres_server import wait_until

AMPLE = 60.0


class Slow:
    """A source whose load, or whose poll, lasts until it is told to go on."""

    faults: tuple[type[Exception], ...] = (OSError,)
    is_nudged = is_standby = False

    def __init__(self, *, loads: bool = False, polls: bool = False) -> None:
        self.lasts = {"load": loads, "poll": polls}
        self.begun, self.goes_on, self.is_closed = threading.Event(), threading.Event(), threading.Event()

    def connect(self, _: Bell) -> Slow:
        return self

    def load(self, tell: Callable[[], object]) -> Rows:
        while self._waits("load"):
            tell()
        return NO_ROWS

    def poll(self) -> Polled:
        while self._waits("poll"):
            pass
        return Polled(changes=None, revision="1", has=None)

    def wait(self, seconds: float) -> None:
        self.goes_on.wait(min(seconds, 0.01))

    def close(self) -> None:
        self.is_closed.set()

    def _waits(self, what: str) -> bool:
        if not self.lasts[what]:
            return False
        self.begun.set()
        return not self.goes_on.wait(0.01)


def test_it_is_left_while_it_reads_the_whole() -> None:
    slow, freshness = Slow(loads=True), Freshness(AMPLE, print)
    follows = Follower(slow, freshness, poll=0.01, reread=1)
    assert slow.begun.wait(AMPLE)
    follows.end(AMPLE)
    assert slow.is_closed.is_set()


def test_who_was_ended_changes_nothing_any_more() -> None:
    """Another follower may have come in its place, and be further on."""
    slow, freshness = Slow(polls=True), Freshness(AMPLE, print)
    follows = Follower(slow, freshness, poll=0.01, reread=1)
    assert slow.begun.wait(AMPLE)
    follows.end(0.0)
    freshness.succeeded(now(), NO_ROWS, None, slow)
    slow.goes_on.set()
    assert slow.is_closed.wait(AMPLE)
    wait_until(lambda: "neo_routing follower" not in {each.name for each in threading.enumerate()})
    assert (freshness.polls, freshness.state) == (1, State.READY)


def test_it_is_told_of_a_copy_that_is_too_old_while_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when it tries the next time, which may be seconds later."""

    class Broken(Slow):
        def poll(self) -> Polled:
            if self.begun.is_set():
                raise OSError
            self.begun.set()
            return super().poll()

        def connect(self, bell: Bell) -> Slow:
            if self.begun.is_set():
                raise OSError
            return self

    monkeypatch.setattr(follower, "_SHORTEST_PAUSE", AMPLE)
    monkeypatch.setattr(follower, "_LONGEST_PAUSE", AMPLE)
    told = list[tuple[State, float]]()
    freshness = Freshness(0.2, lambda state: told.append((state, monotonic())))
    follows = Follower(Broken(), freshness, poll=0.01, reread=1)
    wait_until(lambda: State.STALE in [state for state, _ in told])
    follows.end(AMPLE)
    (_, ready_at), (_, stale_at), *_ = told
    assert stale_at - ready_at < AMPLE / 4


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    engine = create_engine(sqlite_url)
    yield engine
    engine.dispose()


def test_polls_are_more_frequent_than_a_copy_becomes_too_old(engine: Engine) -> None:
    with pytest.raises(ValueError, match=r"LiveDirectory.poll must be below max_staleness, 5.0, and not 5"):
        LiveDirectory(engine, poll=5)


def test_what_is_none_of_what_it_takes_is_said_by_name(engine: Engine) -> None:
    directory = LiveDirectory(engine)
    with pytest.raises(TypeError, match=r"LiveDirectory.on_state takes a function, and no str"):
        directory.on_state("log")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"LiveDirectory.wait_until takes a token, and no NoneType"):
        directory.wait_until(None, 1)  # type: ignore[arg-type]
    for other in (None, "sqlite:///file", create_async_engine("sqlite+aiosqlite:///file")):
        with pytest.raises(ValueError, match=r"LiveDirectory.engine must be an Engine of create_engine"):
            LiveDirectory(other)  # type: ignore[arg-type]
