"""Rows that are legal, each by itself, and at which the clauses refuse or pass over what somebody meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Select, and_, exists, func, select

from neo_routing import AgentKind, ChannelStatus, ManagedAgentKey
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants
from neo_routing_adapters.sql.tables.findings import Finding, Severity
from neo_routing_adapters.sql.tables.transactions import streamed

_Query: TypeAlias = Select[*tuple[Any, ...]]

_OWN_AGENT: Final = and_(agents.c.id == channels.c.agent_id, agents.c.tenant_id == channels.c.tenant_id)
_TRIGGERED: Final = agents.c.kind == str(AgentKind.TRIGGERED)
_NEO_SUPPORT: Final = agents.c.managed_key == str(ManagedAgentKey.NEO_SUPPORT)
_CHANNELS: Final = select(channels.c.id, channels.c.tenant_id, channels.c.agent_id)
_INSTALLATIONS: Final = select(
    installations.c.channel_id, installations.c.m365_tenant_id, channels.c.tenant_id
).join_from(installations, channels, installations.c.channel_id == channels.c.id)
_ROUTED: Final = and_(channels.c.white_label, channels.c.status == str(ChannelStatus.ACTIVE))
_LINKS: Final = links.join(end_companies, links.c.end_company_id == end_companies.c.id)


def _without_company() -> _Query:
    linked = and_(
        end_companies.c.tenant_id == channels.c.tenant_id, links.c.m365_tenant_id == installations.c.m365_tenant_id
    )
    return _INSTALLATIONS.where(_ROUTED, ~exists().select_from(_LINKS).where(linked))


def _with_several_companies() -> _Query:
    key = (end_companies.c.tenant_id, links.c.m365_tenant_id)
    several = select(*key).select_from(_LINKS).group_by(*key).having(func.count(end_companies.c.id.distinct()) > 1)
    linked = several.subquery().c
    return _INSTALLATIONS.where(_ROUTED).where(
        linked.tenant_id == channels.c.tenant_id, linked.m365_tenant_id == installations.c.m365_tenant_id
    )


_REFUSED: Final[tuple[tuple[str, int, _Query, str], ...]] = (
    (channels.name, 1, _CHANNELS.where(~exists().where(_OWN_AGENT)), "its tenant {!r} has no agent {}"),
    (
        channels.name,
        1,
        _CHANNELS.join(agents, _OWN_AGENT).where(_TRIGGERED),
        "its tenant {!r} has no conversational agent {}: that one is triggered",
    ),
    (
        installations.name,
        2,
        _without_company(),
        "its owner {!r} has linked no end-company to this M365 tenant",
    ),
    (
        installations.name,
        2,
        _with_several_companies(),
        "its owner {!r} has linked several end-companies to this M365 tenant",
    ),
    (
        installations.name,
        2,
        _INSTALLATIONS.where(~channels.c.white_label),
        "it does not count, because the channel of {!r} is a standard one",
    ),
    (
        tenants.name,
        1,
        select(tenants.c.id).where(~exists().where(agents.c.tenant_id == tenants.c.id, _NEO_SUPPORT)),
        "it has no Neo Support",
    ),
    (
        agents.name,
        1,
        select(agents.c.id, agents.c.tenant_id).where(_NEO_SUPPORT, _TRIGGERED),
        "it is the Neo Support of {!r}, and triggered",
    ),
)
"""In which relation, of how many parts an id is there, the rows with what is said of them, and how it is said."""


def refusal_findings(connection: Connection, progress: Callable[[str], object]) -> Iterator[Finding]:
    """Yield a notice for each row at which a clause refuses, or which it passes over; clashes are not among them."""
    progress("refusals")
    for relation, parts, query, complaint in _REFUSED:
        for found in streamed(connection, query):
            yield Finding(Severity.NOTICE, relation, tuple(found[:parts]), complaint.format(*found[parts:]))
