"""What a forked child must not take over from its parent: calls that are under way there, and locks that are held."""

from __future__ import annotations

import os
from typing import Final, Protocol
from weakref import WeakSet


class Renewable(Protocol):
    """What has threads, which a child does not have, or locks, which one of them may hold at the fork."""

    def renew(self) -> None:
        """Become as it was when it was made."""
        ...


_renewables: Final[WeakSet[Renewable]] = WeakSet()


def renew_after_fork(renewable: Renewable) -> None:
    """Renew this in each process that is forked off, as long as it is there."""
    _renewables.add(renewable)


def _renew_all() -> None:
    for renewable in tuple(_renewables):
        renewable.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
