"""Makes a base anew of all that lies over it, while it goes on being read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from time import sleep
from typing import Any, Final

from neo_routing_adapters.live.layers import GONE, Base, Layers

_AT_ONCE: Final = 2_000
_PAUSE: Final = 0.0002
"""So many keys are copied before whoever waits for the interpreter may have it, for so many seconds."""


class Rebuilding:
    """A base that is made anew beside the one that is in use."""

    def __init__(self, layers: Iterable[Layers]) -> None:
        self._parts = [(each, *each.parts()) for each in layers]
        self._made: list[Any] = []

    def run(self) -> None:
        """Make it; whoever decides meanwhile goes on."""
        self._made = [made_one(base, over) for _, base, over in self._parts]

    def take(self) -> None:
        """Put it in the place of the former one, once it is made."""
        for (layers, _, over), made in zip(self._parts, self._made, strict=True):
            layers.rest_on(made, over)


def made_one(base: Base, over: Mapping[Any, Any]) -> Base:
    """Return a new base that holds what both hold together; it takes long, and lets others go on meanwhile."""
    made: dict[Any, Any] = {}
    pairs = iter(base.items() if isinstance(base, Mapping) else ((key, True) for key in base))
    while part := list(islice(pairs, _AT_ONCE)):
        made.update(part)
        sleep(_PAUSE)
    for key, value in over.items():
        if value is GONE:
            made.pop(key, None)
        else:
            made[key] = value
    return made if isinstance(base, Mapping) else made.keys()
