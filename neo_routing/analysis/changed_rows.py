"""Which rows of two directories differ, by the keys under which clauses look for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from itertools import chain
from typing import TypeVar

from attrs import frozen

from neo_routing.analysis.partition import sort_of_bot
from neo_routing.directory import ManagedAgentKey
from neo_routing.rows import Rows

_Key = TypeVar("_Key")
_Pair = tuple[str, str]


@frozen(kw_only=True)
class ChangedRows:
    """The keys under which two directories hold something else; names are no difference."""

    agents: AbstractSet[int]
    """Agents that are there in only one, or of another owner or kind."""
    homes: AbstractSet[str]
    """Tenants that are there in only one, or of which an agent or who carries a managed key is otherwise."""
    channels: AbstractSet[_Pair]
    """Owner and bot."""
    installations: AbstractSet[_Pair]
    """Bot and M365 tenant."""
    links: AbstractSet[_Pair]
    """Owner and M365 tenant."""
    bots: AbstractSet[str]
    """Bots of which something else is known."""


def changed_rows(before: Rows, after: Rows) -> ChangedRows:
    """Compare two whole directories.

    >>> from neo_routing import Tenant, content_of
    >>> sorted(changed_rows(content_of(), content_of(tenants=[Tenant(id="msp-a")])).homes)
    ['msp-a']
    """
    agents = _changed(before.conversational_agents, after.conversational_agents)
    agents |= _changed(before.triggered_agents, after.triggered_agents)
    homes = _in_one(before.tenants, after.tenants) | {*_owners_of(agents, before, after)}
    for key in ManagedAgentKey:
        homes |= _changed_groups(before.managed_agents[key], after.managed_agents[key])
    return ChangedRows(
        agents=agents,
        homes=homes,
        channels=_changed_groups(before.active_channels, after.active_channels)
        | _changed_groups(before.disconnected_channels, after.disconnected_channels),
        installations=_changed_groups(before.active_installations, after.active_installations)
        | _changed_groups(before.disconnected_installations, after.disconnected_installations),
        links=_changed_groups(before.end_companies, after.end_companies),
        bots={
            bot_id
            for bot_id in chain(
                _in_one(before.known_bots, after.known_bots), _in_one(before.white_label_bots, after.white_label_bots)
            )
            if sort_of_bot(bot_id, before) is not sort_of_bot(bot_id, after)
        },
    )


def _owners_of(agent_ids: AbstractSet[int], *directories: Rows) -> Iterator[str]:
    for rows in directories:
        for owners in (rows.conversational_agents, rows.triggered_agents):
            yield from (owners[agent_id] for agent_id in agent_ids if agent_id in owners)


def _in_one(before: AbstractSet[_Key], after: AbstractSet[_Key]) -> set[_Key]:
    return {each for each in before if each not in after} | {each for each in after if each not in before}


def _changed(before: Mapping[_Key, str], after: Mapping[_Key, str]) -> set[_Key]:
    if before is after:
        return set()
    changed = {key for key, value in before.items() if after.get(key) != value}
    return changed | {key for key in after if key not in before}


def _changed_groups(before: Mapping[_Key, tuple[object, ...]], after: Mapping[_Key, tuple[object, ...]]) -> set[_Key]:
    if before is after:
        return set()
    changed = {key for key, group in before.items() if after.get(key) != group}
    in_another_order = {key for key in changed if {*before[key]} == {*after.get(key, ())}}
    return (changed - in_another_order) | {key for key in after if key not in before}
