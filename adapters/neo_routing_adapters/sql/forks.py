"""What a forked child must not take over from its parent: its connections, calls under way, locks that are held."""

from __future__ import annotations

import os
from typing import Final, Protocol
from weakref import WeakSet

from sqlalchemy import Engine
from sqlalchemy.pool import Pool


class Renewable(Protocol):
    """What has threads, which a child does not have, or locks, which one of them may hold at the fork."""

    def renew(self) -> None:
        """Become as it was when it was made."""
        ...


_renewables: Final[WeakSet[Renewable]] = WeakSet()


def renew_after_fork(renewable: Renewable) -> None:
    """Renew this in each process that is forked off, as long as it is there."""
    _renewables.add(renewable)


_engines: Final[WeakSet[Engine]] = WeakSet()
# To let go of them in the child might close them, and so end the sessions of the parent.
_parents: Final[list[Pool]] = []


def leave_to_the_parent(engine: Engine) -> None:
    """Have the engine begin with a pool of its own in each process that is forked off.

    Two processes on one connection would take each other's answers. Not for SQLite, which has none: a database in
    memory would be lost.
    """
    _engines.add(engine)


def _renew_all() -> None:
    for engine in tuple(_engines):
        _parents.append(engine.pool)
        engine.dispose(close=False)
    for renewable in tuple(_renewables):
        renewable.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
