"""What the statement found, under the keys by which the clauses look for it.

A `RowsBuilder` would do the same; but it takes rows one at a time and in any spelling, and for a batch that would be
most of what a decision costs. What was found by a key in normal form is in normal form.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

_Groups: TypeAlias = dict[tuple[str, str], tuple[Any, ...]]


def read_rows(found: Iterable[Any]) -> Rows:
    """Put together what was found. Raises `ValueError` on a row that makes no sense, rather than lose it."""
    by_sort: dict[int, list[Any]] = {_TENANT: [], _AGENT: [], _CHANNEL: [], _LINK: [], _WHITE_LABEL_BOT: []}
    for row in found:
        by_sort[row[0]].append(row)
    try:
        return _rows(by_sort)
    except (KeyError, TypeError) as error:
        raise ValueError("a row holds a value that is not known") from error


def _rows(found: Mapping[int, list[Any]]) -> Rows:
    agents, agent_names, managed_agents = _agents(found[_AGENT])
    channels, installations, bots = _channels(found[_CHANNEL])
    end_companies, end_company_names = _links(found[_LINK])
    for row in found[_WHITE_LABEL_BOT]:
        bots[row[6]] = None
    return Rows(
        tenants={row[1]: None for row in found[_TENANT]}.keys(),
        conversational_agents=agents[_CONVERSATIONAL],
        triggered_agents=agents[_TRIGGERED],
        agent_names=agent_names,
        managed_agents=managed_agents,
        active_installations=installations[_ACTIVE],
        disconnected_installations=installations[_DISCONNECTED],
        active_channels=channels[_ACTIVE],
        disconnected_channels=channels[_DISCONNECTED],
        white_label_bots=bots.keys(),
        end_companies=end_companies,
        end_company_names=end_company_names,
    )


def _agents(
    found: list[Any],
) -> tuple[dict[str, dict[int, str]], dict[int, str], dict[ManagedAgentKey, dict[str, tuple[int, ...]]]]:
    owners: dict[str, dict[int, str]] = {_CONVERSATIONAL: {}, _TRIGGERED: {}}
    names: dict[int, str] = {}
    managed: dict[ManagedAgentKey, dict[str, tuple[int, ...]]] = {key: {} for key in _MANAGED_KEYS}
    for _, tenant_id, _, agent_id, name, kind, key, _, _, _ in found:
        if type(agent_id) is not int or type(tenant_id) is not str or type(name) is not str:
            raise ValueError("a part of an agent is missing")
        if owners[kind].setdefault(agent_id, tenant_id) != tenant_id:
            raise ValueError("an agent has two owners")
        names[agent_id] = name
        if key is not None:
            one = (agent_id,)
            if managed[key].setdefault(tenant_id, one) is not one:
                _add_another(managed[key], tenant_id, one)
    if owners[_TRIGGERED] and not owners[_TRIGGERED].keys().isdisjoint(owners[_CONVERSATIONAL]):
        raise ValueError("an agent is of two kinds")
    return owners, names, managed


def _channels(found: list[Any]) -> tuple[dict[str, _Groups], dict[str, _Groups], dict[str, None]]:
    owned: dict[str, _Groups] = {_ACTIVE: {}, _DISCONNECTED: {}}
    installed: dict[str, _Groups] = {_ACTIVE: {}, _DISCONNECTED: {}}
    bots: dict[str, None] = {}
    for _, tenant_id, channel_id, agent_id, _, status, bot_id, m365_tenant_id, white_label, show_steps in found:
        if type(channel_id) is not str or type(tenant_id) is not str or type(agent_id) is not int:
            raise ValueError("a part of a channel is missing")
        shown = _OPTIONAL_TRUTH_VALUES[show_steps]
        channel: ChannelRow = (channel_id, tenant_id, agent_id, _TRUTH_VALUES[white_label], shown)
        one, key = (channel,), (tenant_id, bot_id)
        if owned[status].setdefault(key, one) is not one:
            _add_another(owned[status], key, one)
        if white_label:
            bots[bot_id] = None
            if m365_tenant_id is not None:
                key = (bot_id, m365_tenant_id)
                if installed[status].setdefault(key, one) is not one:
                    _add_another(installed[status], key, one)
    return owned, installed, bots


def _links(found: list[Any]) -> tuple[_Groups, dict[str, str]]:
    companies: _Groups = {}
    names: dict[str, str] = {}
    for _, tenant_id, company_id, _, name, _, _, m365_tenant_id, _, _ in found:
        if type(company_id) is not str or type(name) is not str:
            raise ValueError("a part of an end-company is missing")
        one, key = (company_id,), (tenant_id, m365_tenant_id)
        if companies.setdefault(key, one) is not one:
            _add_another(companies, key, one)
        names[company_id] = name
    return companies, names


# A group has one member nearly always: to call a function for those too would take as long as all the rest of a row.
def _add_another(groups: dict[Any, tuple[Any, ...]], key: Any, one: tuple[Any]) -> None:
    if one[0] not in groups[key]:
        groups[key] += one
