"""Which calls are alike: every call of a directory belongs to exactly one set, found by the clauses' own functions."""

from __future__ import annotations

from neo_routing import steps
from neo_routing.admission import admission_of
from neo_routing.analysis.call_set import CallSet
from neo_routing.analysis.sets import (
    installation,
    no_own_agent,
    own_agent,
    own_managed_agent,
    with_channel,
    without_bot,
    without_channel,
)
from neo_routing.analysis.which import Layer, Which
from neo_routing.caller import Caller
from neo_routing.request import SessionRequest
from neo_routing.routing import active_channel, white_label_installation
from neo_routing.rows import ChannelRow, Rows


def call_set_of(caller: Caller, request: SessionRequest, rows: Rows) -> CallSet | None:
    """Return the set that a call belongs to in a whole directory; `None` where admission refuses it.

    >>> from neo_routing import CallerKind, Tenant, content_of
    >>> rows = content_of(tenants=[Tenant(id="msp-a")])
    >>> call_set_of(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=12), rows).words
    'users and service accounts of msp-a, any agent that is not there'
    >>> call_set_of(Caller(CallerKind.USER, "msp-a"), SessionRequest(), rows) is None
    True
    """
    if admission_of(caller, request).failure is not None:
        return None
    return _of_platform(caller, request, rows) if caller.is_platform else _of_others(caller, request, rows)


def _of_others(caller: Caller, request: SessionRequest, rows: Rows) -> CallSet:
    tenant_id = _if_known(caller.tenant_id, rows)
    agent_id = request.agent_id
    if agent_id is None:
        assert request.managed_agent_key is not None, "one-selector has passed"
        return own_managed_agent(tenant_id, request.managed_agent_key)
    owner_id = rows.conversational_agents.get(agent_id) or rows.triggered_agents.get(agent_id)
    if owner_id is not None and owner_id == tenant_id:
        return own_agent(owner_id, agent_id)
    return no_own_agent(tenant_id, Which.UNKNOWN if owner_id is None else Which.FOREIGN)


def _of_platform(caller: Caller, request: SessionRequest, rows: Rows) -> CallSet:
    bot_id, m365_tenant_id, client_id = request.bot_id, request.m365_tenant_id, request.client_id
    target_id = caller.tenant_id if client_id is None else client_id
    if bot_id is None:
        return without_bot(_if_known(target_id, rows), _given(client_id), _given(m365_tenant_id))
    _, _, _, installed = white_label_installation(bot_id, m365_tenant_id, rows)
    if installed and m365_tenant_id is not None:
        is_owner = client_id is None or any(client_id == owner_id for _, owner_id, _, _, _ in installed)
        return installation(bot_id, m365_tenant_id, Which.OWNER_OR_ABSENT if is_owner else Which.ANOTHER)
    return _of_target(target_id, bot_id, m365_tenant_id, rows)


def _of_target(target_id: str, bot_id: str, m365_tenant_id: str | None, rows: Rows) -> CallSet:
    m365_tenant = Which.ABSENT if m365_tenant_id is None else Which.OTHER
    step, _, _, channels = active_channel(target_id, bot_id, rows)
    if step is not steps.NO_ACTIVE_CHANNEL:
        if m365_tenant_id is not None and is_scoped(channels) and (target_id, m365_tenant_id) in rows.end_companies:
            return with_channel(Layer.ACTIVE_CHANNEL, target_id, bot_id, Which.ONE, m365_tenant_id)
        return with_channel(Layer.ACTIVE_CHANNEL, target_id, bot_id, m365_tenant)
    if channels:
        return with_channel(Layer.PAUSED_CHANNEL, target_id, bot_id, m365_tenant)
    return without_channel(_if_known(target_id, rows), sort_of_bot(bot_id, rows), m365_tenant)


def is_scoped(channels: tuple[ChannelRow, ...]) -> bool:
    """Tell whether links count for these ACTIVE channels of one owner and bot: they do for a single white-label one."""
    return len(channels) == 1 and all(white_label for _, _, _, white_label, _ in channels)


def sort_of_bot(bot_id: str, rows: Rows) -> Which:
    """Tell what is known of a bot."""
    if bot_id in rows.white_label_bots:
        return Which.WHITE_LABEL
    return Which.STANDARD if bot_id in rows.known_bots else Which.UNKNOWN


def _if_known(tenant_id: str, rows: Rows) -> str | None:
    return tenant_id if tenant_id in rows.tenants else None


def _given(value: str | None) -> Which:
    return Which.ABSENT if value is None else Which.GIVEN
