"""A directory that answers with the rows that were needed, and with no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from neo_routing import Rows, RowsNeeded
from neo_routing.testing import World


class SlicingDirectory:
    """Answers with what was needed and nothing else, perhaps spoilt on purpose, and counts its look-ups."""

    def __init__(self, world: World, spoil: Callable[[Rows], Rows] = lambda rows: rows) -> None:
        self._content = world.content
        self._spoil = spoil
        self.look_ups = 0

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        self.look_ups += 1
        return self._spoil(self._content.needed(needed))
