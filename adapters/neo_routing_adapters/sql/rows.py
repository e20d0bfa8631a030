"""What the statement found, under the keys by which the clauses look for it.

A `RowsBuilder` would do the same; but it takes rows one at a time and in any spelling, and for a batch that would be
most of what a decision costs. What was found by a key in normal form is in normal form.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, TypeAlias

from neo_routing import AgentKind, ChannelRow, ChannelStatus, ManagedAgentKey, Rows
from neo_routing_adapters.sql.statements import Sort

# By text and plain integers: a member of an enumeration takes longer to find than its row to read.
_TENANT, _AGENT, _CHANNEL, _LINK, _WHITE_LABEL_BOT = map(int, Sort)
_CONVERSATIONAL, _TRIGGERED = str(AgentKind.CONVERSATIONAL), str(AgentKind.TRIGGERED)
_ACTIVE, _DISCONNECTED = str(ChannelStatus.ACTIVE), str(ChannelStatus.DISCONNECTED)
_MANAGED_KEYS: Final = tuple(ManagedAgentKey)
_TRUTH_VALUES: Final = {0: False, 1: True}
_OPTIONAL_TRUTH_VALUES: Final = {None: None, 0: False, 1: True}
_SORT: Final = itemgetter(0)

_Groups: TypeAlias = dict[tuple[str, str], tuple[Any, ...]]


class FoundRows:
    """Puts together what was found, some rows at a time."""

    __slots__ = (
        "_agent_names",
        "_channels",
        "_end_companies",
        "_end_company_names",
        "_installations",
        "_larger_groups",
        "_managed_agents",
        "_owners",
        "_senseless",
        "_tenants",
        "_white_label_bots",
    )

    def __init__(self) -> None:
        self._tenants: dict[str, None] = {}
        self._owners: dict[str, dict[int, str]] = {_CONVERSATIONAL: {}, _TRIGGERED: {}}
        self._agent_names: dict[int, str] = {}
        self._managed_agents: dict[ManagedAgentKey, dict[str, tuple[int, ...]]] = {key: {} for key in _MANAGED_KEYS}
        self._channels: dict[str, _Groups] = {_ACTIVE: {}, _DISCONNECTED: {}}
        self._installations: dict[str, _Groups] = {_ACTIVE: {}, _DISCONNECTED: {}}
        self._white_label_bots: dict[str, None] = {}
        self._end_companies: _Groups = {}
        self._end_company_names: dict[str, str] = {}
        self._larger_groups: list[tuple[dict[Any, Any], Any]] = []
        self._senseless: Exception | None = None

    def add(self, found: Iterable[Any]) -> None:
        """Take these in as well. One that makes no sense is not lost: `rows` tells of it."""
        try:
            for sort, rows in groupby(found, _SORT):
                self._add(sort, rows)
        except (KeyError, TypeError, ValueError) as error:
            self._senseless = error

    def rows(self) -> Rows:
        """Return what was added. Raises `ValueError` if any of it made no sense."""
        if self._senseless is not None:
            raise ValueError("a row makes no sense") from self._senseless
        owners = self._owners
        if owners[_TRIGGERED] and not owners[_TRIGGERED].keys().isdisjoint(owners[_CONVERSATIONAL]):
            raise ValueError("an agent is of two kinds")
        for groups, key in self._larger_groups:
            groups[key] = tuple(groups[key])
        return Rows(
            tenants=self._tenants.keys(),
            conversational_agents=owners[_CONVERSATIONAL],
            triggered_agents=owners[_TRIGGERED],
            agent_names=self._agent_names,
            managed_agents=self._managed_agents,
            active_installations=self._installations[_ACTIVE],
            disconnected_installations=self._installations[_DISCONNECTED],
            active_channels=self._channels[_ACTIVE],
            disconnected_channels=self._channels[_DISCONNECTED],
            white_label_bots=self._white_label_bots.keys(),
            known_bots=self._white_label_bots.keys(),
            end_companies=self._end_companies,
            end_company_names=self._end_company_names,
        )

    def _add(self, sort: int, found: Iterable[Any]) -> None:
        if sort == _AGENT:
            self._add_agents(found)
        elif sort == _TENANT:
            self._add_tenants(found)
        elif sort == _CHANNEL:
            self._add_channels(found)
        elif sort == _LINK:
            self._add_links(found)
        elif sort == _WHITE_LABEL_BOT:
            self._add_white_label_bots(found)
        else:
            raise ValueError("a row is of no known sort")

    def _add_tenants(self, found: Iterable[Any]) -> None:
        tenants = self._tenants
        for row in found:
            tenants[row[1]] = None

    def _add_agents(self, found: Iterable[Any]) -> None:
        owners, names, managed = self._owners, self._agent_names, self._managed_agents
        for _, tenant_id, _, agent_id, name, kind, key, _, _, _ in found:
            if type(agent_id) is not int or type(tenant_id) is not str or type(name) is not str:
                raise ValueError("a part of an agent is missing")
            if owners[kind].setdefault(agent_id, tenant_id) != tenant_id:
                raise ValueError("an agent has two owners")
            names[agent_id] = name
            if key is not None:
                one = (agent_id,)
                if managed[key].setdefault(tenant_id, one) is not one:
                    self._add_another(managed[key], tenant_id, one)

    def _add_channels(self, found: Iterable[Any]) -> None:
        owned, installed, bots = self._channels, self._installations, self._white_label_bots
        for _, tenant_id, channel_id, agent_id, _, status, bot_id, m365_tenant_id, white_label, show_steps in found:
            if type(channel_id) is not str or type(tenant_id) is not str or type(agent_id) is not int:
                raise ValueError("a part of a channel is missing")
            shown = _OPTIONAL_TRUTH_VALUES[show_steps]
            channel: ChannelRow = (channel_id, tenant_id, agent_id, _TRUTH_VALUES[white_label], shown)
            one, key = (channel,), (tenant_id, bot_id)
            if owned[status].setdefault(key, one) is not one:
                self._add_another(owned[status], key, one)
            if white_label:
                bots[bot_id] = None
                if m365_tenant_id is not None:
                    key = (bot_id, m365_tenant_id)
                    if installed[status].setdefault(key, one) is not one:
                        self._add_another(installed[status], key, one)

    def _add_links(self, found: Iterable[Any]) -> None:
        companies, names = self._end_companies, self._end_company_names
        for _, tenant_id, company_id, _, name, _, _, m365_tenant_id, _, _ in found:
            if type(company_id) is not str or type(name) is not str:
                raise ValueError("a part of an end-company is missing")
            one, key = (company_id,), (tenant_id, m365_tenant_id)
            if companies.setdefault(key, one) is not one:
                self._add_another(companies, key, one)
            names[company_id] = name

    def _add_white_label_bots(self, found: Iterable[Any]) -> None:
        bots = self._white_label_bots
        for row in found:
            bots[row[6]] = None

    # A group has one member nearly always: to call this for those too would take as long as all the rest of a row.
    def _add_another(self, groups: dict[Any, Any], key: Any, one: tuple[Any]) -> None:
        group = groups[key]
        if type(group) is dict:
            group[one[0]] = None
        elif group != one:
            # A tuple grows in time that grows with it; `rows` makes it one again.
            groups[key] = dict.fromkeys((*group, *one))
            self._larger_groups.append((groups, key))
