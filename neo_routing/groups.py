"""Puts rows that stand under one key together, each once."""

from __future__ import annotations

from typing import Any


class Groups:
    """Adds to groups of rows, in mappings that have these as tuples once all is added.

    >>> groups, found = Groups(), {}
    >>> for company_id in ("co-1", "co-2", "co-1"):
    ...     groups.add(found, "msp-a", company_id)
    >>> groups.finish()
    >>> found
    {'msp-a': ('co-1', 'co-2')}
    """

    def __init__(self) -> None:
        self._larger: list[tuple[dict[Any, Any], Any]] = []

    def add(self, groups: dict[Any, Any], key: Any, item: Any) -> None:
        """Add it to the group under the key, unless it is there."""
        group = groups.get(key)
        if group is None:
            groups[key] = (item,)
        elif isinstance(group, dict):
            group[item] = None
        elif item not in group:
            # A tuple grows in time that grows with it; `finish` makes it one again.
            groups[key] = dict.fromkeys((*group, item))
            self._larger.append((groups, key))

    def finish(self) -> None:
        """Make tuples of all of them; nothing is added afterwards."""
        for groups, key in self._larger:
            groups[key] = tuple(groups[key])
