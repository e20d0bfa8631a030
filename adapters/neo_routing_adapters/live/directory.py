"""The directory in memory that follows a database."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final, Literal, Self
from weakref import WeakSet

from sqlalchemy import Engine

from neo_routing import AsyncSessionDirectory, Rows, RowsNeeded, SessionDirectory
from neo_routing_adapters.live.clock import now
from neo_routing_adapters.live.fallback import Fallback
from neo_routing_adapters.live.follower import Follower
from neo_routing_adapters.live.freshness import Freshness, State, Status
from neo_routing_adapters.live.heralds import Heralds
from neo_routing_adapters.live.sources import source_of
from neo_routing_adapters.live.waits import await_for, wait_for

_ENDS_WITHIN: Final = 5.0
_SHORTEST_DEADLINE: Final = 1.0


class LiveDirectory:
    """A directory in memory that is exactly the database at one snapshot, and moves on with it.

    It follows from when it is entered until it is left. It answers with what the last poll has seen, if that began no
    more than `max_staleness` seconds ago; else a look-up raises `DirectoryUnavailable`, or goes to the `fallback`.
    The engine is one on PostgreSQL by psycopg, where the change log is installed, or on a SQLite file. Every `poll`
    seconds it asks what has changed; on PostgreSQL it is told of most changes at once. With a fallback like
    `SqlDirectory` only `decide` takes it, and with one like `AsyncSqlDirectory` only `adecide`.

    >>> from sqlalchemy import create_engine
    >>> LiveDirectory(create_engine("sqlite:///directory.sqlite")).status().state
    <State.NOT_READY: 'not_ready'>
    """

    __slots__ = ("__weakref__", "_fallback", "_follower", "_freshness", "_heralds", "_make", "_source")

    def __init__(
        self,
        engine: Engine,
        *,
        max_staleness: float = 5.0,
        poll: float = 0.25,
        fallback: SessionDirectory | AsyncSessionDirectory | None = None,
    ) -> None:
        for name, seconds in (("max_staleness", max_staleness), ("poll", poll)):
            if type(seconds) not in {int, float} or not 0 < seconds < float("inf"):
                raise ValueError(f"LiveDirectory.{name} must be a number of seconds above 0, and not {seconds!r}")
        if poll >= max_staleness:
            raise ValueError(f"LiveDirectory.poll must be below max_staleness, {max_staleness}, and not {poll}")
        self._source = source_of(engine, max(max_staleness, _SHORTEST_DEADLINE))
        self._fallback = Fallback(fallback)
        self._heralds = Heralds()
        self._freshness = Freshness(max_staleness, self._heralds.tell)
        self._follower: Follower | None = None
        self._make: Callable[[], Follower] = lambda: Follower(
            self._source, self._freshness, poll=poll, reread=max(poll, max_staleness / 2)
        )
        _directories.add(self)

    def __enter__(self) -> Self:
        self._follower = self._follower or self._make()
        return self

    def __exit__(self, *_: object) -> None:
        follower, self._follower = self._follower, None
        if follower is not None:
            follower.end(_ENDS_WITHIN)
            self._freshness.failed("it was closed", for_good=True)

    def renew(self) -> None:
        """Follow anew, in a process that was forked off."""
        self._heralds.renew()
        if self._follower is not None:
            self._follower = self._make()

    @property
    def holds_its_rows(self) -> Literal[True]:
        """It never waits: with a fallback that does, `adecide` does not take it."""
        if self._fallback.blocks:
            raise AttributeError("with this fallback a look-up may wait")
        return True

    @property
    def revision(self) -> str | None:
        """The name of the state that it answers with."""
        return self._freshness.rows.revision

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Return every row there is, whatever is needed. Raises `DirectoryUnavailable` rather than what is old."""
        freshness = self._freshness
        if now() <= freshness.fresh_until:
            return freshness.rows
        return self._fallback.look_up(needed)

    def status(self) -> Status:
        """Return how it stands, for health checks and metrics."""
        return self._freshness.status()

    def on_state(self, listener: Callable[[State], object]) -> None:
        """Have a function told of each state from now on, in a thread of its own."""
        if not callable(listener):
            raise TypeError(f"LiveDirectory.on_state takes a function, and no {type(listener).__name__}")
        self._heralds.add(listener)

    def wait_until_ready(self, timeout: float) -> None:
        """Wait until it answers. Raises `TimeoutError`."""
        wait_for(lambda: self._freshness.state is State.READY, self._freshness, self._wake, timeout)

    def wait_until(self, token: str, timeout: float) -> None:
        """Wait until what a writer has committed is there; the token is from the writer's transaction.

        Raises `TimeoutError` after so many seconds, and `UnknownToken` for a token of another database.
        """
        wait_for(self._reached(token), self._freshness, self._wake, timeout)

    async def await_until(self, token: str, timeout: float) -> None:  # noqa: ASYNC109  # as the other has it
        """Wait as `wait_until` does, and let others go on meanwhile."""
        await await_for(self._reached(token), self._freshness, self._wake, timeout)

    def _wake(self) -> None:
        if self._follower is not None:
            self._follower.wake()

    def _reached(self, token: str) -> Callable[[], bool]:
        if not isinstance(token, str):
            raise TypeError(f"LiveDirectory.wait_until takes a token, and no {type(token).__name__}")
        before = self._freshness.polls

        def reached() -> bool:
            has = self._freshness.has
            # Where tokens tell nothing, a poll must begin after this was called: the second one that ends after that.
            return has(token) if has is not None else self._freshness.polls >= before + 2

        return reached


_directories: Final[WeakSet[LiveDirectory]] = WeakSet()


def _follow_anew() -> None:
    for directory in tuple(_directories):
        directory.renew()


# After what `sql.look_up.forks` renews, of which a follower has need: it was imported before this.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_follow_anew)
