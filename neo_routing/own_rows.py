"""The rows of one tenant, cut out of a directory: what may be said to that tenant is made of these and of no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from neo_routing.directory import ManagedAgentKey
from neo_routing.rows import ChannelRow, Rows

_Channels: TypeAlias = Mapping[tuple[str, str], tuple[ChannelRow, ...]]


def rows_of_tenant(tenant_id: str, rows: Rows) -> Rows:
    """Return the rows that the tenant owns, and itself, in time that grows with the directory.

    A bot is known there, or white-label, if it is by a channel of the tenant's own.

    >>> from neo_routing import EndCompany, Tenant, content_of
    >>> companies = [EndCompany(id="co-1", tenant_id="msp-a"), EndCompany(id="co-2", tenant_id="msp-b")]
    >>> content = content_of(tenants=[Tenant(id="msp-a"), Tenant(id="msp-b")], end_companies=companies)
    >>> [row.id for row in rows_of_tenant("msp-b", content)]
    ['msp-b', 'co-2']
    """
    active, disconnected = _keyed(rows.active_channels, tenant_id), _keyed(rows.disconnected_channels, tenant_id)
    channels = [
        (bot_id, row) for groups in (active, disconnected) for (_, bot_id), group in groups.items() for row in group
    ]
    channel_ids = {channel_id for _, (channel_id, _, _, _, _) in channels}
    return Rows(
        tenants={tenant_id} & rows.tenants,
        tenant_names=_some(rows.tenant_names, {tenant_id}),
        **_agents(tenant_id, rows),
        active_channels=active,
        disconnected_channels=disconnected,
        active_installations=_installations(rows.active_installations, tenant_id),
        disconnected_installations=_installations(rows.disconnected_installations, tenant_id),
        white_label_bots={bot_id for bot_id, (_, _, _, white_label, _) in channels if white_label},
        known_bots={bot_id for bot_id, _ in channels},
        standard_installations=_some(rows.standard_installations, channel_ids),
        **_end_companies(tenant_id, rows),
        revision=rows.revision,
        is_slice=True,
    )


def _agents(tenant_id: str, rows: Rows) -> dict[str, Any]:
    conversational = _of_owner(rows.conversational_agents, tenant_id)
    triggered = _of_owner(rows.triggered_agents, tenant_id)
    managed = {key: _some(rows.managed_agents[key], {tenant_id}) for key in ManagedAgentKey}
    return {
        "conversational_agents": conversational,
        "triggered_agents": triggered,
        "agent_names": _some(rows.agent_names, {*conversational, *triggered}),
        "managed_agents": managed,
    }


def _end_companies(tenant_id: str, rows: Rows) -> dict[str, Any]:
    linked, unlinked = _keyed(rows.end_companies, tenant_id), _of_owner(rows.unlinked_end_companies, tenant_id)
    company_ids = {each for group in linked.values() for each in group}
    return {
        "end_companies": linked,
        "unlinked_end_companies": unlinked,
        "end_company_names": _some(rows.end_company_names, {*company_ids, *unlinked}),
    }


def _keyed(groups: Mapping[tuple[str, str], Any], tenant_id: str) -> dict[tuple[str, str], Any]:
    """Return the groups that stand under the tenant and something else."""
    return {key: group for key, group in groups.items() if key[0] == tenant_id}


def _installations(groups: _Channels, tenant_id: str) -> _Channels:
    own = {key: tuple([row for row in group if row[1] == tenant_id]) for key, group in groups.items()}
    return {key: group for key, group in own.items() if group}


def _of_owner(owners: Mapping[Any, str], tenant_id: str) -> dict[Any, str]:
    return {row_id: owner_id for row_id, owner_id in owners.items() if owner_id == tenant_id}


def _some(values: Mapping[Any, Any], keys: set[Any]) -> dict[Any, Any]:
    return {key: values[key] for key in keys if key in values}
