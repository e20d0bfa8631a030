"""Under which keys of the rows each channel and each end-company stands: what must go when it changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TypeAlias

from attrs import define, field

from neo_routing import Rows

FiledChannel: TypeAlias = tuple[str, str, bool, tuple[str, ...]]
"""Owner, bot id, whether it is a white-label one, and the M365 tenants that it is installed for."""
FiledCompany: TypeAlias = tuple[str, tuple[str, ...]]
"""Owner, and the M365 tenants that it is linked to."""


@define
class Filed:
    """All channels and end-companies of some rows, by their ids."""

    channels: dict[str, FiledChannel] = field(factory=dict)
    companies: dict[str, FiledCompany] = field(factory=dict)


def filed(rows: Rows) -> Filed:
    """Go through all rows, and note where each channel and each end-company stands.

    >>> from neo_routing import Channel, EndCompany, Tenant, content_of
    >>> channel = Channel(id="ch-1", tenant_id="msp-a", agent_id=12, bot_id="bot", white_label=True)
    >>> company = EndCompany(id="co-1", tenant_id="msp-a", m365_tenant_ids=["m365"])
    >>> filed(content_of(tenants=[Tenant(id="msp-a")], channels=[channel], end_companies=[company]))
    Filed(channels={'ch-1': ('msp-a', 'bot', True, ())}, companies={'co-1': ('msp-a', ('m365',))})
    """
    found = Filed()
    for groups in (rows.active_channels, rows.disconnected_channels):
        for (owner_id, bot_id), channels in groups.items():
            for channel_id, _, _, white_label, _ in channels:
                found.channels[channel_id] = owner_id, bot_id, white_label, ()
    for channel_id, m365_tenant_id in _installed(rows):
        owner_id, bot_id, white_label, others = found.channels[channel_id]
        found.channels[channel_id] = owner_id, bot_id, white_label, (*others, m365_tenant_id)
    linked: defaultdict[tuple[str, str], tuple[str, ...]] = defaultdict(tuple)
    for (owner_id, m365_tenant_id), company_ids in rows.end_companies.items():
        for company_id in company_ids:
            linked[owner_id, company_id] += (m365_tenant_id,)
    found.companies = {company_id: (owner_id, linked_to) for (owner_id, company_id), linked_to in linked.items()}
    found.companies |= {company_id: (owner_id, ()) for company_id, owner_id in rows.unlinked_end_companies.items()}
    return found


def _installed(rows: Rows) -> Iterator[tuple[str, str]]:
    for groups in (rows.active_installations, rows.disconnected_installations):
        for (_, m365_tenant_id), channels in groups.items():
            for channel_id, _, _, _, _ in channels:
                yield channel_id, m365_tenant_id
