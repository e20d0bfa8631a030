"""What the statement found, under the keys by which the clauses look for it.

A `RowsBuilder` would do the same; but it takes rows one at a time and in any spelling, and for a batch that would be
most of what a decision costs. What was found by a key in normal form is in normal form.

A database may find a row by a key that the row does not have: it may take `MSP-A` for `msp-a`, or `7` for `007`. Nobody
would look for it under the key that it has. So each row is held to what was asked for, and a tenant's id to the one for
which just this row was looked for: in a batch there may be both. That one stands where its sort has nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, TypeAlias

from neo_routing import AgentKind, ChannelRow, ChannelStatus, ManagedAgentKey, Rows
from neo_routing_adapters.sql.look_up.evidence import Asked
from neo_routing_adapters.sql.look_up.statements import Sort

# By text and plain integers: a member of an enumeration takes longer to find than its row to read.
_, _TENANT, _AGENT, _CHANNEL, _LINK, _BOT = map(int, Sort)
_CONVERSATIONAL, _TRIGGERED = str(AgentKind.CONVERSATIONAL), str(AgentKind.TRIGGERED)
_ACTIVE, _DISCONNECTED = str(ChannelStatus.ACTIVE), str(ChannelStatus.DISCONNECTED)
_MANAGED_KEYS: Final = tuple(ManagedAgentKey)
_TRUTH_VALUES: Final = {0: False, 1: True}
_TRUTH_VALUE_TYPES: Final = frozenset({bool, int, type(None)})
_OPTIONAL_TRUTH_VALUES: Final = {None: None, 0: False, 1: True}
_SORT: Final = itemgetter(0)

_Groups: TypeAlias = dict[tuple[str, str], tuple[Any, ...]]


class FoundRows:
    """Puts together what was found, some rows at a time."""

    __slots__ = (
        "_agent_names",
        "_agents_of_channels",
        "_asked_agents",
        "_asked_bots",
        "_asked_m365_tenants",
        "_by_id",
        "_channel_rows",
        "_channels",
        "_company_owners",
        "_end_companies",
        "_end_company_names",
        "_installations",
        "_known_bots",
        "_larger_groups",
        "_managed_agents",
        "_owners",
        "_senseless",
        "_tenants",
        "_white_label_bots",
    )

    def __init__(self, asked: Asked) -> None:
        self._asked_agents, self._asked_bots, self._asked_m365_tenants = asked
        self._agents_of_channels: set[int] = set()
        self._by_id: set[int] = set()
        self._known_bots: dict[str, None] = {}
        self._tenants: dict[str, None] = {}
        self._owners: dict[str, dict[int, str]] = {_CONVERSATIONAL: {}, _TRIGGERED: {}}
        self._agent_names: dict[int, str] = {}
        self._managed_agents: dict[ManagedAgentKey, dict[str, tuple[int, ...]]] = {key: {} for key in _MANAGED_KEYS}
        self._channel_rows: dict[str, tuple[str, str, ChannelRow]] = {}
        self._company_owners: dict[str, str] = {}
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
        if not self._by_id <= self._agents_of_channels.union(self._asked_agents):
            raise ValueError("a row was not asked for")
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
            known_bots=self._known_bots.keys(),
            end_companies=self._end_companies,
            end_company_names=self._end_company_names,
            is_slice=True,
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
        elif sort == _BOT:
            self._add_bots(found)
        else:
            raise ValueError("a row is of no known sort")

    def _add_tenants(self, found: Iterable[Any]) -> None:
        tenants = self._tenants
        for row in found:
            tenant_id = row[1]
            if type(tenant_id) is not str or tenant_id != row[2]:
                raise ValueError("a tenant was not asked for")
            tenants[tenant_id] = None

    def _add_agents(self, found: Iterable[Any]) -> None:
        owners, names, managed, by_id = self._owners, self._agent_names, self._managed_agents, self._by_id
        for _, tenant_id, asked_for, agent_id, name, kind, key, _, _, _ in found:
            if type(agent_id) is not int or agent_id < 1 or type(tenant_id) is not str or type(name) is not str:
                raise ValueError("a part of an agent is missing")
            if tenant_id != asked_for or key is None:
                if asked_for is not None:
                    raise ValueError("a managed agent was not asked for")
                by_id.add(agent_id)
            if owners[kind].setdefault(agent_id, tenant_id) != tenant_id:
                raise ValueError("an agent has two owners")
            names[agent_id] = name
            if key is not None:
                one = (agent_id,)
                if managed[key].setdefault(tenant_id, one) is not one:
                    self._add_another(managed[key], tenant_id, one)

    def _add_channels(self, found: Iterable[Any]) -> None:
        owned, installed, known = self._channels, self._installations, self._known_bots
        asked_bots, asked_m365_tenants = self._asked_bots, self._asked_m365_tenants
        for _, tenant_id, channel_id, agent_id, asked_for, status, bot_id, m365, white_label, show_steps in found:
            if not (_is_id(channel_id) and _is_id(tenant_id)) or type(agent_id) is not int or agent_id < 1:
                raise ValueError("a part of a channel is missing")
            if type(white_label) not in _TRUTH_VALUE_TYPES or type(show_steps) not in _TRUTH_VALUE_TYPES:
                raise ValueError("a part of a channel is no truth value")
            if bot_id not in asked_bots or not (tenant_id == asked_for or (asked_for is None and m365 is not None)):
                raise ValueError("a channel was not asked for")
            shown = _OPTIONAL_TRUTH_VALUES[show_steps]
            channel: ChannelRow = (channel_id, tenant_id, agent_id, _TRUTH_VALUES[white_label], shown)
            one, key = (channel,), (tenant_id, bot_id)
            _require_the_same(self._channel_rows, channel_id, (status, bot_id, channel))
            known[bot_id] = None
            self._agents_of_channels.add(agent_id)
            self._add_one(owned[status], key, one)
            if white_label:
                self._white_label_bots[bot_id] = None
            if m365 is not None:
                if m365 not in asked_m365_tenants or not white_label:
                    raise ValueError("an installation was not asked for")
                self._add_one(installed[status], (bot_id, m365), one)

    def _add_one(self, groups: dict[Any, Any], key: Any, one: tuple[Any]) -> None:
        if groups.setdefault(key, one) is not one:
            self._add_another(groups, key, one)

    def _add_links(self, found: Iterable[Any]) -> None:
        companies, names, asked = self._end_companies, self._end_company_names, self._asked_m365_tenants
        for _, tenant_id, company_id, _, name, asked_for, _, m365_tenant_id, _, _ in found:
            if not _is_id(company_id) or type(tenant_id) is not str or type(name) is not str:
                raise ValueError("a part of an end-company is missing")
            if tenant_id != asked_for or m365_tenant_id is None or m365_tenant_id not in asked:
                raise ValueError("a link was not asked for")
            _require_the_same(self._company_owners, company_id, tenant_id)
            one, key = (company_id,), (tenant_id, m365_tenant_id)
            if companies.setdefault(key, one) is not one:
                self._add_another(companies, key, one)
            names[company_id] = name

    def _add_bots(self, found: Iterable[Any]) -> None:
        asked, known = self._asked_bots, self._known_bots
        for row in found:
            bot_id, white_label = row[6], row[8]
            if type(bot_id) is not str or bot_id not in asked or type(white_label) not in _TRUTH_VALUE_TYPES:
                raise ValueError("a bot was not asked for")
            known[bot_id] = None
            if _TRUTH_VALUES[white_label]:
                self._white_label_bots[bot_id] = None

    # A group has one member nearly always: to call this for those too would take as long as all the rest of a row.
    def _add_another(self, groups: dict[Any, Any], key: Any, one: tuple[Any]) -> None:
        group = groups[key]
        if type(group) is dict:
            group[one[0]] = None
        elif group != one:
            # A tuple grows in time that grows with it; `rows` makes it one again.
            groups[key] = dict.fromkeys((*group, *one))
            self._larger_groups.append((groups, key))


def _require_the_same(known: dict[str, Any], row_id: str, row: Any) -> None:
    if known.setdefault(row_id, row) != row:
        raise ValueError("one id is that of two rows")


def _is_id(value: Any) -> bool:
    return type(value) is str and value != "" and not value.isspace()
