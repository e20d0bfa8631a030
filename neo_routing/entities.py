"""Rows told one by one, as the tenants, agents, channels and end-companies that they are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

from neo_routing.directory import Agent, AgentKind, Channel, ChannelStatus, EndCompany, Tenant

if TYPE_CHECKING:
    from neo_routing.rows import ChannelRow, Rows


def entities_of(rows: Rows) -> Iterator[Tenant | Agent | Channel | EndCompany]:
    """Yield the tenants, then the agents, the channels and the end-companies, each sorted by their ids."""
    return chain(_tenants(rows), _agents(rows), _channels(rows), _end_companies(rows))


def count_of(rows: Rows) -> int:
    """Return how many tenants, agents, channels and end-companies there are together."""
    agents = len(rows.conversational_agents) + len(rows.triggered_agents)
    return len(rows.tenants) + agents + sum(1 for _ in channels_of(rows)) + len(_links(rows))


def _tenants(rows: Rows) -> Iterator[Tenant]:
    for tenant_id in sorted(rows.tenants):
        yield Tenant(id=tenant_id, name=rows.tenant_names.get(tenant_id, tenant_id))


def _agents(rows: Rows) -> Iterator[Agent]:
    keys = {each: key for key, by_owner in rows.managed_agents.items() for group in by_owner.values() for each in group}
    conversational, names = rows.conversational_agents, rows.agent_names
    for agent_id in sorted((*conversational, *rows.triggered_agents)):
        kind = AgentKind.CONVERSATIONAL if agent_id in conversational else AgentKind.TRIGGERED
        owner_id = (conversational if agent_id in conversational else rows.triggered_agents)[agent_id]
        name = names.get(agent_id, str(agent_id))
        yield Agent(id=agent_id, tenant_id=owner_id, name=name, kind=kind, managed_key=keys.get(agent_id))


def _channels(rows: Rows) -> Iterator[Channel]:
    for status, bot_id, row, m365_tenant_ids in channels_of(rows):
        channel_id, owner_id, agent_id, white_label, show_steps = row
        yield Channel(
            id=channel_id,
            tenant_id=owner_id,
            agent_id=agent_id,
            bot_id=bot_id,
            status=status,
            white_label=white_label,
            installed_m365_tenant_ids=m365_tenant_ids or rows.standard_installations.get(channel_id, ()),
            show_agent_progress_steps=show_steps,
        )


def channels_of(rows: Rows) -> Iterator[tuple[ChannelStatus, str, ChannelRow, list[str]]]:
    """Yield the status, the bot id and the row of each channel, and where it is installed, sorted by their ids.

    In a slice, another tenant's channel stands among the installations alone.
    """
    found: dict[tuple[ChannelStatus, str, ChannelRow], list[str]] = {}
    for status, channels, installations in (
        (ChannelStatus.ACTIVE, rows.active_channels, rows.active_installations),
        (ChannelStatus.DISCONNECTED, rows.disconnected_channels, rows.disconnected_installations),
    ):
        for (_, bot_id), group in channels.items():
            for row in group:
                found[status, bot_id, row] = []
        for (bot_id, m365_tenant_id), group in installations.items():
            for row in group:
                found.setdefault((status, bot_id, row), []).append(m365_tenant_id)
    for status, bot_id, row in sorted(found, key=_ids_of_channel):
        yield status, bot_id, row, found[status, bot_id, row]


def _ids_of_channel(channel: tuple[ChannelStatus, str, ChannelRow]) -> tuple[str | int, ...]:
    status, bot_id, (channel_id, owner_id, agent_id, _, _) = channel
    return channel_id, owner_id, agent_id, bot_id, status


def _end_companies(rows: Rows) -> Iterator[EndCompany]:
    for company_id, (owner_id, m365_tenant_ids) in sorted(_links(rows).items()):
        name = rows.end_company_names.get(company_id, company_id)
        yield EndCompany(id=company_id, tenant_id=owner_id, name=name, m365_tenant_ids=m365_tenant_ids)


def _links(rows: Rows) -> dict[str, tuple[str, list[str]]]:
    """Return of each end-company, by its id, the owner and the M365 tenants that it is linked to."""
    found: dict[str, tuple[str, list[str]]] = {each: (owner, []) for each, owner in rows.unlinked_end_companies.items()}
    for (owner_id, m365_tenant_id), company_ids in rows.end_companies.items():
        for company_id in company_ids:
            found.setdefault(company_id, (owner_id, []))[1].append(m365_tenant_id)
    return found
