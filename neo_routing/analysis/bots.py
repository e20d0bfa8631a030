"""Bots by what is known of them, so that there is one for each set of calls that is about a sort of bots."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from neo_routing.analysis.partition import sort_of_bot
from neo_routing.analysis.which import Which
from neo_routing.rows import Rows


class Bots:
    """The bots of a directory, or of two, by what is known of them in each; and which a tenant has no channel with."""

    def __init__(self, *directories: Rows) -> None:
        self._directories = directories
        self._by_sort: dict[tuple[Which, ...], list[str]] = {}
        known: Iterable[str] = chain.from_iterable(rows.known_bots for rows in directories)
        for bot_id in dict.fromkeys(known) if len(directories) > 1 else known:
            sort = tuple([sort_of_bot(bot_id, rows) for rows in directories])
            self._by_sort.setdefault(sort, []).append(bot_id)

    def without_channel_of(self, tenant_id: str | None) -> Iterator[str]:
        """Yield a bot of each sort that the tenant has no channel with, if there is one; `None` has no channels."""
        for bot_ids in self._by_sort.values():
            for bot_id in bot_ids:
                if not self._has_channel(tenant_id, bot_id):
                    yield bot_id
                    break

    def _has_channel(self, tenant_id: str | None, bot_id: str) -> bool:
        key = (tenant_id, bot_id)
        for rows in self._directories:  # noqa: SIM110  # a generator for each question takes longer than the answer
            if key in rows.active_channels or key in rows.disconnected_channels:
                return True
        return False
