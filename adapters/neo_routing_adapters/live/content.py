"""The content of a directory while it changes: state after state, each of them whole, and none of them changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from itertools import product
from typing import Any, Final

from neo_routing import ManagedAgentKey, Rows
from neo_routing_adapters.live.changes import Changes
from neo_routing_adapters.live.filed import FiledChannel, filed
from neo_routing_adapters.live.layers import Layers
from neo_routing_adapters.live.rebuilding import Rebuilding

_CHANNEL_GROUPS: Final = ("active_channels", "disconnected_channels")
_INSTALLATION_GROUPS: Final = ("active_installations", "disconnected_installations")
_LAYERED: Final = (
    *("tenants", "tenant_names", "conversational_agents", "triggered_agents", "agent_names"),
    *(*_CHANNEL_GROUPS, *_INSTALLATION_GROUPS, "standard_installations", "white_label_bots", "known_bots"),
    *("end_companies", "end_company_names", "unlinked_end_companies"),
)


class Content:
    """All that a directory holds, for the one thread that changes it."""

    def __init__(self, rows: Rows) -> None:
        self.is_new = True
        self._layers = {name: Layers(getattr(rows, name)) for name in _LAYERED}
        self._managed = {key: Layers(rows.managed_agents[key]) for key in ManagedAgentKey}
        self._filed = filed(rows)
        self._channels_of: dict[str, list[int]] = {}  # of a bot: how many there are, and how many are white-label
        for _, bot_id, white_label, _ in self._filed.channels.values():
            self._count(bot_id, white_label, 1)

    def change(self, changes: Changes) -> None:
        """Bring what has changed to where it is now."""
        self.is_new = True
        self._change_tenants(changes)
        self._change_agents(changes)
        self._change_channels(changes)
        self._change_companies(changes)

    def rows(self, revision: str) -> Rows:
        """Return the rows as they are now; they stay so."""
        self.is_new = False
        managed = {key: layers.shown() for key, layers in self._managed.items()}
        shown = {name: layers.shown() for name, layers in self._layers.items()}
        return Rows(**shown, managed_agents=managed, revision=revision)

    @property
    def changed(self) -> int:
        """How many keys lie over the base."""
        return sum(layers.changed for layers in self._all())

    def rebuilding(self) -> Rebuilding:
        """Return what makes the base anew, of how it is now; it may run in another thread."""
        return Rebuilding([layers for layers in self._all() if layers.changed])

    def rest_on(self, rebuilding: Rebuilding) -> None:
        """Take a base that was made anew in the place of the former one."""
        rebuilding.take()
        self.is_new = True

    def _all(self) -> Iterable[Layers]:
        return (*self._layers.values(), *self._managed.values())

    def _put_each(self, name: str, ids: Iterable[Any], values: Mapping[Any, Any]) -> None:
        for each in ids:
            self._layers[name].put(each, values.get(each))

    def _change_tenants(self, changes: Changes) -> None:
        there = changes.rows.tenants
        for tenant_id in changes.tenants:
            self._layers["tenants"].put(tenant_id, tenant_id in there)
        self._put_each("tenant_names", changes.tenants, changes.rows.tenant_names)

    def _change_agents(self, changes: Changes) -> None:
        conversational, triggered = self._layers["conversational_agents"], self._layers["triggered_agents"]
        owners = {conversational.get(each) or triggered.get(each) for each in changes.agents} - {None}
        for key, layers in self._managed.items():
            now = changes.rows.managed_agents[key]
            for owner_id in owners | now.keys():
                _regroup(layers, owner_id, now, partial(_other_id, changes.agents))
        for name in ("conversational_agents", "triggered_agents", "agent_names"):
            self._put_each(name, changes.agents, getattr(changes.rows, name))

    def _change_channels(self, changes: Changes) -> None:
        before = [self._filed.channels.pop(each) for each in changes.channels if each in self._filed.channels]
        now = filed(changes.rows).channels
        self._filed.channels |= now
        concerned = (*before, *now.values())
        owned = {(owner_id, bot_id) for owner_id, bot_id, _, _ in concerned}
        installed = {(bot_id, each) for _, bot_id, _, m365_tenant_ids in concerned for each in m365_tenant_ids}
        self._regroup_channels(_CHANNEL_GROUPS, owned, changes)
        self._regroup_channels(_INSTALLATION_GROUPS, installed, changes)
        self._put_each("standard_installations", changes.channels, changes.rows.standard_installations)
        self._change_bots(before, now.values())

    def _regroup_channels(self, names: Iterable[str], keys: Iterable[tuple[str, str]], changes: Changes) -> None:
        for name, key in product(names, keys):
            _regroup(self._layers[name], key, getattr(changes.rows, name), partial(_other, changes.channels))

    def _count(self, bot_id: str, white_label: bool, step: int) -> None:
        counts = self._channels_of.setdefault(bot_id, [0, 0])
        counts[0] += step
        counts[1] += step * white_label

    def _change_bots(self, before: Iterable[FiledChannel], now: Iterable[FiledChannel]) -> None:
        for step, counted in ((-1, before), (1, now)):
            for _, bot_id, white_label, _ in counted:
                self._count(bot_id, white_label, step)
        for bot_id in {bot_id for _, bot_id, _, _ in (*before, *now)}:
            channels, white_labels = self._channels_of[bot_id]
            self._layers["known_bots"].put(bot_id, channels > 0)
            self._layers["white_label_bots"].put(bot_id, white_labels > 0)
            if not channels:
                del self._channels_of[bot_id]

    def _change_companies(self, changes: Changes) -> None:
        before = [self._filed.companies.pop(each) for each in changes.end_companies if each in self._filed.companies]
        now = filed(changes.rows).companies
        self._filed.companies |= now
        for key in {(owner_id, each) for owner_id, linked in (*before, *now.values()) for each in linked}:
            links = self._layers["end_companies"]
            _regroup(links, key, changes.rows.end_companies, partial(_other_id, changes.end_companies))
        self._put_each("end_company_names", changes.end_companies, changes.rows.end_company_names)
        self._put_each("unlinked_end_companies", changes.end_companies, changes.rows.unlinked_end_companies)


def _regroup(layers: Layers, key: Any, now: Mapping[Any, tuple[Any, ...]], stays: Any) -> None:
    layers.put(key, (*filter(stays, layers.get(key) or ()), *now.get(key, ())))


def _other(channel_ids: AbstractSet[str], channel: tuple[Any, ...]) -> bool:
    return channel[0] not in channel_ids


def _other_id(ids: AbstractSet[Any], one: Any) -> bool:
    return one not in ids
