"""What a follower asks of a database: the whole, and then again and again what has changed since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from neo_routing import Rows
from neo_routing_adapters.live.bell import Bell
from neo_routing_adapters.live.changes import Changes


class MustLoad(Exception):  # no error: it says what is to be done
    """What is there does not follow from what was there; the whole must be read anew."""


class CannotFollow(Exception):
    """The database cannot be followed until somebody mends it; the message says what."""


@frozen(kw_only=True)
class Polled:
    """What a poll has found: what changed, and what the state is called now."""

    changes: Changes | None
    revision: str
    has: Callable[[str], bool] | None
    """Whether what a token stands for is there by now, where tokens tell; raises `UnknownToken`."""
    is_of_load: bool = False
    """Whether it tells only of what was loaded: the state is as old as the load, and later changes are not in it."""


class Connected(Protocol):
    """A connection that follows."""

    is_nudged: bool
    """Whether it is told of each change at once."""
    is_standby: bool
    """Whether it can only read the whole, and does not know how old that is."""

    def load(self, tell: Callable[[], object], /) -> Rows:
        """Return the whole, at one snapshot; `tell` is called now and then. A poll must follow before it is used."""
        ...

    def poll(self) -> Polled:
        """Return what has changed since the last poll, or since the load. Raises `MustLoad`."""
        ...

    def wait(self, seconds: float) -> None:
        """Return after so many seconds, or sooner if something has changed, or if the bell rings."""
        ...

    def close(self) -> None:
        """End the connection."""
        ...


class Source(Protocol):
    """A database that can be followed."""

    faults: tuple[type[Exception], ...]
    """What a connection raises where it breaks."""

    def connect(self, bell: Bell) -> Connected:
        """Connect, within the deadline; the bell is to end each wait."""
        ...
