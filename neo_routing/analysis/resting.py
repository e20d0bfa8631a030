"""What rests on the rows in which two directories differ: channels and installations that may be decided otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import TypeAlias

from neo_routing.analysis.bots import Bots
from neo_routing.analysis.changed_rows import ChangedRows
from neo_routing.analysis.common import Both
from neo_routing.analysis.layers import by_owner, is_installed
from neo_routing.rows import ChannelRow

_Pair: TypeAlias = tuple[str, str]
_Groups: TypeAlias = Mapping[_Pair, tuple[ChannelRow, ...]]


class Resting:
    """What rests on changed rows, on either side; each kind of rows is gone through once, if at all."""

    def __init__(self, both: Both, changed: ChangedRows) -> None:
        self._both = both
        self._active = [rows.active_channels for rows in both.sides]
        self.links = [*self._channels_that_links_count_for(changed.links)]
        """Owner, bot and M365 tenant, where the owner's links changed and it has an ACTIVE channel of the bot."""
        on_links = {(bot_id, m365_tenant_id) for _, bot_id, m365_tenant_id in self.links}
        on_agents = _on([rows.active_installations for rows in both.sides], changed.agents)
        self.installations = [key for key in {*changed.installations, *on_links, *on_agents} if self._sides_of(key)]
        """Bot and M365 tenant."""
        with_bots = _keys(self._active, changed.bots, lambda key: key[1] in changed.bots)
        self.channels = {*changed.channels, *_on(self._active, changed.agents), *with_bots}
        """Owner and bot."""
        self.m365_tenants_linked_by = self._linked_by({owner_id for owner_id, _ in self.channels})
        """Of each owner of those channels, the M365 tenants that it has linked."""
        paused = [rows.disconnected_channels for rows in both.sides]
        self.paused_bots = by_owner(_keys(paused, changed.homes, lambda key: key[0] in changed.homes))
        """Of each changed tenant, the bots of its DISCONNECTED channels."""
        self.bots = Bots(*both.sides)

    def is_one_sided(self, key: _Pair) -> bool:
        """Tell whether the bot is installed for the M365 tenant on one side alone."""
        return len(self._sides_of(key)) == 1

    def owners_installed(self, key: _Pair) -> set[str]:
        """Return the owners of the channels that are installed there, on either side."""
        groups = (
            group.get(key, ())
            for rows in self._both.sides
            for group in (rows.active_installations, rows.disconnected_installations)
        )
        return {owner_id for _, owner_id, _, _, _ in chain.from_iterable(groups)}

    def _sides_of(self, key: _Pair) -> list[int]:
        return [side for side, rows in enumerate(self._both.sides) if is_installed(*key, rows)]

    def _channels_that_links_count_for(self, links: AbstractSet[_Pair]) -> Iterator[tuple[str, str, str]]:
        owners = {owner_id for owner_id, _ in links}
        bots = by_owner(_keys(self._active, owners, lambda key: key[0] in owners))
        for owner_id, m365_tenant_id in links:
            for bot_id in bots.get(owner_id, ()):
                yield owner_id, bot_id, m365_tenant_id

    def _linked_by(self, owners: AbstractSet[str]) -> Mapping[str, Sequence[str]]:
        links = [rows.end_companies for rows in self._both.sides]
        return by_owner(_keys(links, owners, lambda key: key[0] in owners))


def _keys(
    sides: Iterable[Iterable[_Pair]], sought: AbstractSet[str], counts: Callable[[_Pair], bool]
) -> Iterable[_Pair]:
    """Return each of the keys that count, once; where nothing is sought, without a look at them."""
    return dict.fromkeys(filter(counts, chain.from_iterable(sides))) if sought else ()


def _on(sides: Iterable[_Groups], agents: AbstractSet[int]) -> Iterator[_Pair]:
    """Yield the keys of the channels whose agents are among these."""
    for groups in sides if agents else ():
        for key, channels in groups.items():
            if any(agent_id in agents for _, _, agent_id, _, _ in channels):
                yield key
