"""What some decisions can look at, cut out of the rows of a directory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from neo_routing.directory import ManagedAgentKey
from neo_routing.needed import RowsNeeded

if TYPE_CHECKING:
    from neo_routing.rows import ChannelRow, Rows

_Channels: TypeAlias = "Mapping[tuple[str, str], tuple[ChannelRow, ...]]"
_Found: TypeAlias = "dict[tuple[str, str], tuple[ChannelRow, ...]]"


class Slice:
    """What some decisions can look at, by the points of `RowsNeeded`: each group of rows whole, as it is."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._tenants: dict[str, None] = {}
        self._conversational_agents: dict[int, str] = {}
        self._triggered_agents: dict[int, str] = {}
        self._agent_names: dict[int, str] = {}
        self._managed_agents: dict[ManagedAgentKey, dict[str, tuple[int, ...]]] = {key: {} for key in ManagedAgentKey}
        self._active_installations: _Found = {}
        self._disconnected_installations: _Found = {}
        self._active_channels: _Found = {}
        self._disconnected_channels: _Found = {}
        self._white_label_bots: dict[str, None] = {}
        self._known_bots: dict[str, None] = {}
        self._end_companies: dict[tuple[str, str], tuple[str, ...]] = {}
        self._end_company_names: dict[str, str] = {}

    def add(self, needed: RowsNeeded) -> None:
        """Take in what this decision can look at."""
        rows = self._rows
        tenant_id, agent_id, key, bot_id, m365_tenant_id = needed
        if tenant_id in rows.tenants:
            self._tenants[tenant_id] = None
        if key is not None and (carriers := rows.managed_agents[key].get(tenant_id)):
            self._managed_agents[key][tenant_id] = carriers
            for carrier in carriers:
                self._add_agent(carrier)
        if agent_id is not None:
            self._add_agent(agent_id)
        if bot_id is not None:
            self._add_bot(bot_id)
            own = (tenant_id, bot_id)
            self._add_channels(rows.active_channels, own, self._active_channels)
            self._add_channels(rows.disconnected_channels, own, self._disconnected_channels)
            if m365_tenant_id is not None:
                self._add_installed((bot_id, m365_tenant_id))
                if own in self._active_channels or own in self._disconnected_channels:
                    self._add_companies((tenant_id, m365_tenant_id))

    def parts(self) -> dict[str, Any]:
        """Return what makes rows of it."""
        return {
            "tenants": self._tenants.keys(),
            "conversational_agents": self._conversational_agents,
            "triggered_agents": self._triggered_agents,
            "agent_names": self._agent_names,
            "managed_agents": self._managed_agents,
            "active_installations": self._active_installations,
            "disconnected_installations": self._disconnected_installations,
            "active_channels": self._active_channels,
            "disconnected_channels": self._disconnected_channels,
            "white_label_bots": self._white_label_bots.keys(),
            "known_bots": self._known_bots.keys(),
            "end_companies": self._end_companies,
            "end_company_names": self._end_company_names,
            "revision": self._rows.revision,
            "is_slice": True,
        }

    def _add_agent(self, agent_id: int) -> None:
        rows = self._rows
        for owners, found in (
            (rows.conversational_agents, self._conversational_agents),
            (rows.triggered_agents, self._triggered_agents),
        ):
            owner_id = owners.get(agent_id)
            if owner_id is not None:
                found[agent_id] = owner_id
        name = rows.agent_names.get(agent_id)
        if name is not None:
            self._agent_names[agent_id] = name

    def _add_bot(self, bot_id: str) -> None:
        if bot_id in self._rows.white_label_bots:
            self._white_label_bots[bot_id] = None
        if bot_id in self._rows.known_bots:
            self._known_bots[bot_id] = None

    def _add_channels(self, groups: _Channels, key: tuple[str, str], found: _Found) -> Iterable[ChannelRow]:
        """Take in the channels under the key, with their agents, and return them; a second time there are none."""
        channels = groups.get(key)
        if channels is None or key in found:
            return ()
        found[key] = channels
        for _, _, agent_id, _, _ in channels:
            self._add_agent(agent_id)
        return channels

    def _add_installed(self, installed: tuple[str, str]) -> None:
        rows = self._rows
        for groups, found in (
            (rows.active_installations, self._active_installations),
            (rows.disconnected_installations, self._disconnected_installations),
        ):
            for _, owner_id, _, _, _ in self._add_channels(groups, installed, found):
                self._add_companies((owner_id, installed[1]))

    def _add_companies(self, link: tuple[str, str]) -> None:
        company_ids = self._rows.end_companies.get(link)
        if company_ids is None or link in self._end_companies:
            return
        self._end_companies[link] = company_ids
        names = self._rows.end_company_names
        for company_id in company_ids:
            if company_id in names:
                self._end_company_names[company_id] = names[company_id]
