"""The rules, Routing: one function a clause, called one after the other.

Each step sees more than the one before it: the first is confined to a single end-company, the last sees every client
that an MSP has. So to miss a step does harm, and a step that finds something broken, or two things where one should
be, refuses. Everything is decided on rows that were looked up before.
"""

from __future__ import annotations

from typing import Final

from neo_routing import steps
from neo_routing.answers import not_mapped, session
from neo_routing.caller import Caller
from neo_routing.directory import ManagedAgentKey
from neo_routing.findings import AgentFinding, ChannelFinding, EndCompanyFinding, Finding, Routing
from neo_routing.request import SessionRequest
from neo_routing.rows import ChannelRow, Rows
from neo_routing.step import AgentSteps, ManagedAgentSteps
from neo_routing.target import Outcome
from neo_routing.warning_codes import WarningCode


def own_session(caller: Caller, request: SessionRequest, rows: Rows) -> Routing:
    """Route a user or service account of a tenant: to an agent of that tenant, or nowhere."""
    tenant_id = caller.tenant_id
    if request.agent_id is not None:
        finding = own_agent(tenant_id, request.agent_id, rows)
    else:
        assert request.managed_agent_key is not None, "one-selector has passed"
        finding = own_managed_agent(tenant_id, request.managed_agent_key, rows)
    step, _, _, agent_ids = finding
    return step.failure or session(_OWN_TENANT, tenant_id, agent_ids[0]), (), (finding,)


def own_agent(tenant_id: str, agent_id: int, rows: Rows) -> AgentFinding:
    """`own-agent`: the agent that was asked for is conversational, and the home tenant's own."""
    return _agent_of(tenant_id, agent_id, rows, steps.OWN_AGENT)


def own_managed_agent(tenant_id: str, key: ManagedAgentKey, rows: Rows) -> AgentFinding:
    """`own-managed-agent`: the home tenant's only agent with the key, a conversational one."""
    return _only_agent(tenant_id, key, rows, steps.OWN_MANAGED_AGENT)


def platform_session(caller: Caller, request: SessionRequest, rows: Rows) -> Routing:
    """Route the platform: to a channel that matches, or else to the target tenant's Neo Support."""
    bot_id, m365_tenant_id, client_id = request.bot_id, request.m365_tenant_id, request.client_id

    installation = step, _, _, channels = white_label_installation(bot_id, m365_tenant_id, rows)
    if step is steps.ONE_ACTIVE_INSTALLATION:
        _, owner_id, _, _, _ = channels[0]
        warnings = () if client_id is None or client_id == owner_id else _CLIENT_ID_OVERRIDDEN
        return _channel_session(_WHITE_LABEL_CHANNEL, channels[0], m365_tenant_id, rows, warnings, (installation,))
    if step.failure is not None:
        return step.failure, (), (installation,)

    tenant_id = caller.tenant_id if client_id is None else client_id
    own_channel = step, _, _, channels = active_channel(tenant_id, bot_id, rows)
    if step is steps.ONE_ACTIVE_CHANNEL:
        _, _, _, white_label, _ = channels[0]
        warnings = _NOT_INSTALLED if not white_label and bot_id in rows.white_label_bots else ()
        findings = installation, own_channel
        return _channel_session(_ACTIVE_CHANNEL, channels[0], m365_tenant_id, rows, warnings, findings)
    if step.failure is not None:
        return step.failure, (), (installation, own_channel)

    support = neo_support(tenant_id, rows)
    warnings = _CHANNEL_PAUSED if channels else ()
    return _support_session(tenant_id, request, rows, warnings, (installation, own_channel, support))


def white_label_installation(bot_id: str | None, m365_tenant_id: str | None, rows: Rows) -> ChannelFinding:
    """`white-label-installation`: the one ACTIVE white-label channel of the bot, of any owner, installed there."""
    if bot_id is None:
        return steps.INSTALLATION_WITHOUT_BOT, bot_id, m365_tenant_id, ()
    if m365_tenant_id is None:
        return steps.INSTALLATION_WITHOUT_M365_TENANT, bot_id, m365_tenant_id, ()
    active = rows.active_installations.get((bot_id, m365_tenant_id))
    if active:
        step = steps.ONE_ACTIVE_INSTALLATION if len(active) == 1 else steps.SEVERAL_ACTIVE_INSTALLATIONS
        return step, bot_id, m365_tenant_id, active
    disconnected = rows.disconnected_installations.get((bot_id, m365_tenant_id))
    if disconnected:
        return steps.INSTALLATION_DISCONNECTED, bot_id, m365_tenant_id, disconnected
    return steps.NO_INSTALLATION, bot_id, m365_tenant_id, ()


def active_channel(tenant_id: str, bot_id: str | None, rows: Rows) -> ChannelFinding:
    """`active-channel`: the target tenant's own one ACTIVE channel with the bot."""
    if bot_id is None:
        return steps.CHANNEL_WITHOUT_BOT, tenant_id, bot_id, ()
    active = rows.active_channels.get((tenant_id, bot_id))
    if active:
        step = steps.ONE_ACTIVE_CHANNEL if len(active) == 1 else steps.SEVERAL_ACTIVE_CHANNELS
        return step, tenant_id, bot_id, active
    return steps.NO_ACTIVE_CHANNEL, tenant_id, bot_id, rows.disconnected_channels.get((tenant_id, bot_id), ())


def neo_support(tenant_id: str, rows: Rows) -> AgentFinding:
    """`neo-support`: the target tenant's only `NEO_SUPPORT` agent, a conversational one."""
    if tenant_id not in rows.tenants:
        return steps.NEO_SUPPORT_WITHOUT_TENANT, tenant_id, _NEO_SUPPORT, ()
    return _only_agent(tenant_id, _NEO_SUPPORT, rows, steps.NEO_SUPPORT)


def end_company(owner_id: str, white_label: bool, m365_tenant_id: str | None, rows: Rows) -> EndCompanyFinding:
    """`end-company`: the one company that the owner of a white-label channel has linked to the M365 tenant."""
    if not white_label:
        return steps.STANDARD_CHANNEL, owner_id, m365_tenant_id, ()
    if m365_tenant_id is None:
        return steps.COMPANY_WITHOUT_M365_TENANT, owner_id, m365_tenant_id, ()
    companies = rows.end_companies.get((owner_id, m365_tenant_id), ())
    if not companies:
        return steps.NO_COMPANY_LINKED, owner_id, m365_tenant_id, ()
    step = steps.ONE_COMPANY_LINKED if len(companies) == 1 else steps.SEVERAL_COMPANIES_LINKED
    return step, owner_id, m365_tenant_id, companies


def channel_agent(owner_id: str, agent_id: int, rows: Rows) -> AgentFinding:
    """`channel-agent`: the channel's agent exists, is of the channel's owner and is conversational."""
    return _agent_of(owner_id, agent_id, rows, steps.CHANNEL_AGENT)


# What the steps come to


def _agent_of(tenant_id: str, agent_id: int, rows: Rows, says: AgentSteps) -> AgentFinding:
    conversational_owner_id = rows.conversational_agents.get(agent_id)
    if conversational_owner_id == tenant_id:
        return says.available, tenant_id, agent_id, (agent_id,)
    owner_id = conversational_owner_id or rows.triggered_agents.get(agent_id)
    if owner_id is None:
        return says.missing, tenant_id, agent_id, ()
    return says.triggered if owner_id == tenant_id else says.foreign, tenant_id, agent_id, (agent_id,)


def _only_agent(tenant_id: str, key: ManagedAgentKey, rows: Rows, says: ManagedAgentSteps) -> AgentFinding:
    agent_ids = rows.managed_agents[key].get(tenant_id)
    if not agent_ids:
        return says.missing, tenant_id, key, ()
    if len(agent_ids) != 1:
        return says.several, tenant_id, key, agent_ids
    step = says.available if agent_ids[0] in rows.conversational_agents else says.triggered
    return step, tenant_id, key, agent_ids


def _channel_session(
    outcome: Outcome,
    channel: ChannelRow,
    m365_tenant_id: str | None,
    rows: Rows,
    warnings: tuple[WarningCode, ...],
    findings: tuple[Finding, ...],
) -> Routing:
    channel_id, owner_id, agent_id, white_label, show_agent_progress_steps = channel

    scope = step, _, _, end_company_ids = end_company(owner_id, white_label, m365_tenant_id, rows)
    if step.code is not None:
        return step.failure or not_mapped(step, m365_tenant_id), warnings, (*findings, scope)

    agent = step, _, _, _ = channel_agent(owner_id, agent_id, rows)
    end_company_id = end_company_ids[0] if end_company_ids else None
    answer = step.failure or session(outcome, owner_id, agent_id, channel_id, end_company_id, show_agent_progress_steps)
    return answer, warnings, (*findings, scope, agent)


def _support_session(
    tenant_id: str,
    request: SessionRequest,
    rows: Rows,
    warnings: tuple[WarningCode, ...],
    findings: tuple[ChannelFinding, ChannelFinding, AgentFinding],
) -> Routing:
    _, _, (step, _, _, agent_ids) = findings
    bot_id = request.bot_id
    if bot_id is None:
        outcome = _OWN_TENANT if request.client_id is None else _PLATFORM_OVERRIDE
        return step.failure or session(outcome, tenant_id, agent_ids[0]), warnings, findings
    if step is not steps.NEO_SUPPORT_WITHOUT_TENANT:
        if bot_id in rows.white_label_bots:
            warnings += _NOT_INSTALLED
        elif bot_id not in rows.known_bots:
            warnings += _BOT_UNKNOWN
    return step.failure or session(_NEO_SUPPORT_FALLBACK, tenant_id, agent_ids[0]), warnings, findings


# Reading a member off its enumeration costs as much as a look-up.
_NEO_SUPPORT: Final = ManagedAgentKey.NEO_SUPPORT
_OWN_TENANT: Final = Outcome.OWN_TENANT
_PLATFORM_OVERRIDE: Final = Outcome.PLATFORM_OVERRIDE
_WHITE_LABEL_CHANNEL: Final = Outcome.WHITE_LABEL_CHANNEL
_ACTIVE_CHANNEL: Final = Outcome.ACTIVE_CHANNEL
_NEO_SUPPORT_FALLBACK: Final = Outcome.NEO_SUPPORT_FALLBACK
_CLIENT_ID_OVERRIDDEN: Final = (WarningCode.CLIENT_ID_OVERRIDDEN,)
_NOT_INSTALLED: Final = (WarningCode.WHITE_LABEL_BOT_NOT_INSTALLED,)
_BOT_UNKNOWN: Final = (WarningCode.BOT_UNKNOWN,)
_CHANNEL_PAUSED: Final = (WarningCode.CHANNEL_PAUSED,)
