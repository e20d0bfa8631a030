"""The relations of a directory, one of which can fail while the others answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from neo_routing import Channel, EndCompany, RowsNeeded
from neo_routing.names import Name
from neo_routing.testing.world import World

_Reads: TypeAlias = Callable[[RowsNeeded, World], bool]


class Relation(Name):
    """What a directory is read from, however it stores it.

    >>> f"select * from {Relation.END_COMPANIES}"
    'select * from end_companies'
    """

    TENANTS = "tenants"
    AGENTS = "agents"
    CHANNELS = "channels"
    INSTALLATIONS = "installations"
    """Which channel is installed for which M365 tenant."""
    END_COMPANIES = "end_companies"
    LINKS = "links"
    """Which end-company is linked to which M365 tenant."""


def must_be_read(relation: Relation, needed: RowsNeeded, world: World) -> bool:
    """Tell whether nobody can know what is needed without this relation, in whatever order the others are read.

    Whoever reads one relation after the other stops where nothing was found: an agent of nobody has no links.
    """
    return _MUST_BE_READ[relation](needed, world)


def is_found(relation: Relation, needed: RowsNeeded, world: World) -> bool:
    """Tell whether a row of agents, channels or end-companies is among those that are needed."""
    return _IS_FOUND[relation](needed, world)


def _is_tenant(needed: RowsNeeded, world: World) -> bool:
    tenant_id, _, _, _, _ = needed
    return any(tenant.id == tenant_id for tenant in world.tenants)


def _reached(needed: RowsNeeded, world: World) -> Iterator[Channel]:
    tenant_id, _, _, bot_id, m365_tenant_id = needed
    for channel in world.channels:
        installed = channel.white_label and m365_tenant_id in channel.installed_m365_tenant_ids
        if channel.bot_id == bot_id and (channel.tenant_id == tenant_id or installed):
            yield channel


def _is_reached(needed: RowsNeeded, world: World) -> bool:
    return any(_reached(needed, world))


def _asks_for_agents(needed: RowsNeeded, world: World) -> bool:
    _, agent_id, key, _, _ = needed
    asked = agent_id is not None or key is not None
    return (asked and _is_tenant(needed, world)) or _is_reached(needed, world)


def _finds_agents(needed: RowsNeeded, world: World) -> bool:
    tenant_id, agent_id, key, _, _ = needed
    named = {agent_id, *(channel.agent_id for channel in _reached(needed, world))}
    carried = [agent for agent in world.agents if key is not None and agent.managed_key == key]
    return any(agent.id in named for agent in world.agents) or any(each.tenant_id == tenant_id for each in carried)


def _asks_for_channels(needed: RowsNeeded, _world: World) -> bool:
    _, _, _, bot_id, _ = needed
    return bot_id is not None


def _asks_for_installations(needed: RowsNeeded, world: World) -> bool:
    _, _, _, bot_id, m365_tenant_id = needed
    bots = {channel.bot_id for channel in world.channels if channel.white_label}
    return bot_id in bots and m365_tenant_id is not None


def _companies(needed: RowsNeeded, world: World) -> list[EndCompany]:
    owners = {channel.tenant_id for channel in _reached(needed, world)}
    return [company for company in world.end_companies if company.tenant_id in owners]


def _asks_for_links(needed: RowsNeeded, world: World) -> bool:
    _, _, _, _, m365_tenant_id = needed
    return m365_tenant_id is not None and bool(_companies(needed, world))


def _finds_companies(needed: RowsNeeded, world: World) -> bool:
    _, _, _, _, m365_tenant_id = needed
    return any(m365_tenant_id in company.m365_tenant_ids for company in _companies(needed, world))


_MUST_BE_READ: Final[Mapping[Relation, _Reads]] = {
    Relation.TENANTS: lambda _needed, _world: True,
    Relation.AGENTS: _asks_for_agents,
    Relation.CHANNELS: _asks_for_channels,
    Relation.INSTALLATIONS: _asks_for_installations,
    Relation.END_COMPANIES: _finds_companies,
    Relation.LINKS: _asks_for_links,
}
_IS_FOUND: Final[Mapping[Relation, _Reads]] = {
    Relation.AGENTS: _finds_agents,
    Relation.CHANNELS: _is_reached,
    Relation.END_COMPANIES: _finds_companies,
}
SPOILT: Final = tuple(_IS_FOUND)
"""The relations whose rows hold more than what they are found by."""
