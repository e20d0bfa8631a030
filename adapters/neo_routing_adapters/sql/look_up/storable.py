"""What a directory can hold as a key. What it cannot is looked for as NULL, which finds nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from neo_routing import ManagedAgentKey, well_formed


def text(key: str | None) -> str | None:
    """Return a text that can be stored."""
    try:
        return None if key is None else well_formed.text(key)
    except ValueError:
        return None


def agent_id(key: int | None) -> int | None:
    """Return an agent's id that can be stored."""
    return key if key is not None and 1 <= key <= well_formed.LARGEST_AGENT_ID else None


def agent_id_as_text(key: int | None) -> str | None:
    """Write an agent's id that can be stored."""
    storable = agent_id(key)
    return None if storable is None else str(storable)


def managed_key(key: ManagedAgentKey | None) -> str | None:
    """Write the key of a managed agent."""
    return None if key is None else str(key)


def each(storable: Callable[[Any], Any], keys: Sequence[Any]) -> list[Any]:
    """Do the same for many keys, once for those that are the same."""
    if storable is text and _all_are_texts(keys):
        return [*keys]
    stored = {key: storable(key) for key in set(keys)}
    return [*map(stored.__getitem__, keys)]


def _all_are_texts(keys: Sequence[str | None]) -> bool:
    """Tell, in few steps for however many keys, that each is one that `text` would return as it is."""
    present = [key for key in keys if key is not None]
    try:
        well_formed.text("".join(present), longest=well_formed.LONGEST_ID * len(present))
    except (TypeError, ValueError):
        return False
    return max(map(len, present), default=0) <= well_formed.LONGEST_ID
