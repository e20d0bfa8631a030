"""What a poll has brought, as changes: each id that the log names, and the rows that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from neo_routing import RowsBuilder
from neo_routing_adapters.live.changes import Changes
from neo_routing_adapters.live.statements import MOST_CHANGES, SORTS
from neo_routing_adapters.sql.change_log import Changed

Logged: TypeAlias = Sequence[Sequence[Any]]
"""Rows of the log: sort and id."""


def is_everything(logged: Logged | None) -> bool:
    """Tell whether so much has changed that the whole is to be read."""
    if not logged:
        return False
    # A host's keys may name a sort that there is none of: nobody knows what that has changed.
    return len(logged) > MOST_CHANGES or any(sort not in SORTS for sort, _ in logged)


def changes_of(logged: Logged, rows: Sequence[Logged]) -> Changes:
    """Return what has changed; rows come by sort, in the order of `SORTS`. Raises `ValueError` for senseless ones."""
    ids: dict[str, set[Any]] = {str(sort): set() for sort in SORTS}
    for sort, changed_id in logged:
        ids[sort].add(int(changed_id) if sort == Changed.AGENT else changed_id)
    builder = RowsBuilder()
    for sort, found in zip(SORTS.values(), rows, strict=True):
        sort.add(builder, found)
    return Changes(
        tenants=frozenset(ids[Changed.TENANT]),
        agents=frozenset(ids[Changed.AGENT]),
        channels=frozenset(ids[Changed.CHANNEL]),
        end_companies=frozenset(ids[Changed.END_COMPANY]),
        rows=builder.rows(),
    )
