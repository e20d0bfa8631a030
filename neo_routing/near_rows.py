"""Rows that are like what a clause looks for but for one thing, with the names and ids that an operator reads.

To find them takes a look at every row, so nobody who decides asks for them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from neo_routing.directory import ChannelStatus
from neo_routing.rows import ChannelRow, Rows
from neo_routing.trace import TracedAgent, TracedChannel, traced_agent


class OwnedEndCompany(NamedTuple):
    """An end-company, with the tenant that owns it."""

    id: str
    tenant_id: str
    name: str


def tenants_alike(tenant_id: str, rows: Rows) -> tuple[str, ...]:
    """Return the ids of tenants that differ from this one in case, width or white space alone."""
    folded = folded_tenant_id(tenant_id)
    return tuple(sorted(each for each in rows.tenants if each != tenant_id and folded_tenant_id(each) == folded))


def folded_tenant_id(tenant_id: str) -> str:
    """Return a tenant's id without what people overlook: case, width and white space.

    >>> folded_tenant_id("MSP-A ") == folded_tenant_id("msp-\uff41")
    True
    """
    return "".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", tenant_id).casefold()).split())


def conversational_agents_of(tenant_id: str, rows: Rows) -> tuple[TracedAgent, ...]:
    """Return the conversational agents of a tenant."""
    own = (each for each, owner_id in rows.conversational_agents.items() if owner_id == tenant_id)
    return tuple([traced_agent(each, rows) for each in sorted(own)])


def channels_with(bot_id: str, rows: Rows) -> tuple[TracedChannel, ...]:
    """Return the channels with a bot, of whatever owner, sort and status."""
    return traced_channels(
        (status, group)
        for status, groups in (
            (ChannelStatus.ACTIVE, rows.active_channels),
            (ChannelStatus.DISCONNECTED, rows.disconnected_channels),
        )
        for (_, each), group in groups.items()
        if each == bot_id
    )


def channels_installed_for(m365_tenant_id: str, rows: Rows) -> tuple[TracedChannel, ...]:
    """Return the white-label channels that are installed for an M365 tenant, with whatever bot."""
    return traced_channels(
        (status, group)
        for status, groups in (
            (ChannelStatus.ACTIVE, rows.active_installations),
            (ChannelStatus.DISCONNECTED, rows.disconnected_installations),
        )
        for (_, each), group in groups.items()
        if each == m365_tenant_id
    )


def traced_channels(groups: Iterable[tuple[ChannelStatus, tuple[ChannelRow, ...]]]) -> tuple[TracedChannel, ...]:
    """Return the channels of some groups as an operator reads them, each once."""
    found = {
        TracedChannel(channel_id, owner_id, agent_id, status, white_label)
        for status, group in groups
        for channel_id, owner_id, agent_id, white_label, _ in group
    }
    return tuple(sorted(found))


def companies_linked_to(m365_tenant_id: str, rows: Rows) -> tuple[OwnedEndCompany, ...]:
    """Return the end-companies that are linked to an M365 tenant, whoever owns them."""
    return _companies(
        ((owner, ids) for (owner, each), ids in rows.end_companies.items() if each == m365_tenant_id), rows
    )


def linked_companies_of(tenant_id: str, rows: Rows) -> tuple[OwnedEndCompany, ...]:
    """Return the end-companies of a tenant that are linked to any M365 tenant."""
    return _companies(((owner, ids) for (owner, _), ids in rows.end_companies.items() if owner == tenant_id), rows)


def unlinked_companies_of(tenant_id: str, rows: Rows) -> tuple[OwnedEndCompany, ...]:
    """Return the end-companies of a tenant that are linked to none."""
    unlinked = rows.unlinked_end_companies.items()
    return _companies(((owner, (each,)) for each, owner in unlinked if owner == tenant_id), rows)


def _companies(found: Iterable[tuple[str, tuple[str, ...]]], rows: Rows) -> tuple[OwnedEndCompany, ...]:
    names = rows.end_company_names
    return tuple(sorted({OwnedEndCompany(each, owner, names.get(each, each)) for owner, ids in found for each in ids}))
