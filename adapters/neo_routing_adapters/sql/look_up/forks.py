"""What a forked child must not take over from its parent: its connections, calls under way, locks that are held."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import Final, Protocol
from weakref import WeakSet

from sqlalchemy import URL, Engine
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

    Two processes on one connection to a server would take each other's answers. A connection to a SQLite file has in
    the child no locks any more: others write as if it were not there, and it goes on with what it knew. A database in
    memory alone stays as it is, because it would be lost.
    """
    if not is_in_memory(engine.url):
        _engines.add(engine)


def leave_file_to_the_parent(engine: Engine) -> None:
    """Do so for an engine that has turned out to be on a file, whatever its URL says: a host's creator opened it."""
    _engines.add(engine)


_IN_MEMORY: Final = ("mode=memory", "vfs=memdb")


def is_in_memory(url: URL) -> bool:
    """Tell whether it is a database of SQLite's that no file holds."""
    if url.get_backend_name() != "sqlite":
        return False
    database = url.database or ""
    return database in {"", "file:"} or ":memory:" in database or any(how in str(url) for how in _IN_MEMORY)


def _renew_all() -> None:
    with ExitStack() as all_of_it:  # also if a listener of the host's raises
        for renewable in tuple(_renewables):
            all_of_it.callback(renewable.renew)
        for engine in tuple(_engines):
            _parents.append(engine.pool)
            all_of_it.callback(engine.dispose, close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
