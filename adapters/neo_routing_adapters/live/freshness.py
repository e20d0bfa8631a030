"""Whether a copy may still be answered with, and who wants to know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from attrs import frozen

from neo_routing import Rows
from neo_routing.names import Name
from neo_routing.rows_builder import NO_ROWS
from neo_routing_adapters.live.clock import now
from neo_routing_adapters.live.source import Connected

_NEVER: Final = float("-inf")


class State(Name):
    """How it stands with a copy of a directory."""

    NOT_READY = "not_ready"
    """Nothing was read yet."""
    READY = "ready"
    """It is the database, as that was within the last seconds."""
    STALE = "stale"
    """The database has not answered for too long; it is asked again and again."""
    FAILED = "failed"
    """It will not come back unless somebody mends what the reason says."""


@frozen(kw_only=True)
class Status:
    """What whoever watches wants to know."""

    state: State
    revision: str | None
    age: float
    """Seconds since the last poll that succeeded began; infinite if none has."""
    reason: str | None
    """What went wrong last, if it has not gone well since; no text of a driver."""
    is_nudged: bool
    """Whether each change is told of at once."""
    is_standby: bool
    """Whether it is read as a whole from a standby, which may itself be behind."""
    loads: int
    """How often the whole was read."""
    polls: int
    """How many polls succeeded."""


class Freshness:
    """The copy and its age. One thread changes it, any may read it."""

    def __init__(self, max_staleness: float, tell: Callable[[State], None]) -> None:
        self.rows: Rows = NO_ROWS
        self.fresh_until = _NEVER
        self.has: Callable[[str], bool] | None = None
        self._max_staleness = max_staleness
        self._tell = tell
        self._reason: str | None = "nothing was read yet"
        self._is_failed = False
        self._succeeded_at = _NEVER
        self._told: State = State.NOT_READY
        self._waiting: set[Callable[[], object]] = set()
        self._nudged = self._standby = False
        self._loads = self._polls = 0

    def succeeded(self, since: float, rows: Rows, has: Callable[[str], bool] | None, connected: Connected) -> None:
        """Take these rows, which are the database as it was at this time or later."""
        self.rows, self._succeeded_at, self._reason, self._is_failed = rows, since, None, False
        self._nudged, self._standby = connected.is_nudged, connected.is_standby
        self.has = has
        self.fresh_until = since + self._max_staleness
        self._polls += 1
        for wake in tuple(self._waiting):
            wake()
        self.tell()

    def loaded(self) -> None:
        """Note that the whole was read."""
        self._loads += 1

    def failed(self, reason: str, *, for_good: bool) -> None:
        """Note what went wrong; if it will not mend itself, nothing is answered any more."""
        self._reason, self._is_failed = reason, for_good
        if for_good:
            self.fresh_until = _NEVER
        self.tell()

    def tell(self) -> None:
        """Tell of another state, if it is one."""
        state = self.state
        if state != self._told:
            self._told = state
            self._tell(state)

    @property
    def state(self) -> State:
        """How it stands."""
        if self._is_failed:
            return State.FAILED
        if self._succeeded_at == _NEVER:
            return State.NOT_READY
        return State.READY if now() <= self.fresh_until else State.STALE

    def status(self) -> Status:
        """Return all that can be said."""
        return Status(
            state=self.state,
            revision=self.rows.revision,
            age=now() - self._succeeded_at,
            reason=self._reason,
            is_nudged=self._nudged,
            is_standby=self._standby,
            loads=self._loads,
            polls=self._polls,
        )

    @property
    def polls(self) -> int:
        """How many polls have succeeded."""
        return self._polls

    @contextmanager
    def waking(self, wake: Callable[[], object]) -> Iterator[None]:
        """Have this called after each poll that succeeds."""
        self._waiting.add(wake)
        try:
            yield
        finally:
            self._waiting.discard(wake)
