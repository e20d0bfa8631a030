"""The rules, Routing: one function a clause, called one after the other.

Each step sees more than the one before it: the first is confined to a single end-company, the last sees every client
that an MSP has. So to miss a step does harm, and a step that finds something broken, or two things where one should
be, refuses. Everything is decided on rows that were looked up before.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

from attrs import frozen
from returns.result import Failure, Result, Success

from neo_routing import messages, steps
from neo_routing.directory import ManagedAgentKey
from neo_routing.refusals import Refusal
from neo_routing.request import SessionRequest
from neo_routing.rows import ChannelRow, Rows, RowsNeeded
from neo_routing.steps import Step
from neo_routing.target import Outcome, SessionTarget
from neo_routing.trace import AgentFinding, ChannelFinding, EndCompanyFinding, Finding
from neo_routing.warning_codes import WarningCode

Answer: TypeAlias = Result[SessionTarget, Refusal]
Routing: TypeAlias = tuple[Answer, tuple[WarningCode, ...], tuple[Finding, ...]]
"""An answer, the warnings given on the way, and the findings that led there."""

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


@frozen(eq=False, repr=False)
class _AgentSteps:
    """What a clause says of an agent that it has the id of."""

    available: Step
    missing: Step
    foreign: Step
    triggered: Step


@frozen(eq=False, repr=False)
class _ManagedAgentSteps:
    """What a clause says of the agents that carry a managed key."""

    available: Step
    missing: Step
    several: Step
    triggered: Step


_OWN_AGENT: Final = _AgentSteps(
    steps.OWN_AGENT_AVAILABLE, steps.OWN_AGENT_MISSING, steps.OWN_AGENT_FOREIGN, steps.OWN_AGENT_TRIGGERED
)
_CHANNEL_AGENT: Final = _AgentSteps(
    steps.CHANNEL_AGENT_AVAILABLE,
    steps.CHANNEL_AGENT_MISSING,
    steps.CHANNEL_AGENT_FOREIGN,
    steps.CHANNEL_AGENT_TRIGGERED,
)
_OWN_MANAGED_AGENT: Final = _ManagedAgentSteps(
    steps.OWN_MANAGED_AGENT_AVAILABLE,
    steps.OWN_MANAGED_AGENT_MISSING,
    steps.OWN_MANAGED_AGENT_SEVERAL,
    steps.OWN_MANAGED_AGENT_TRIGGERED,
)
_MANAGED_NEO_SUPPORT: Final = _ManagedAgentSteps(
    steps.NEO_SUPPORT_AVAILABLE,
    steps.NEO_SUPPORT_MISSING,
    steps.NEO_SUPPORT_SEVERAL,
    steps.NEO_SUPPORT_TRIGGERED,
)


# Users and service accounts of a tenant


def own_rows_needed(home_tenant_id: str, request: SessionRequest) -> RowsNeeded:
    """Plan the look-up of `own_session`."""
    return home_tenant_id, request.agent_id, request.managed_agent_key, None, None


def own_session(_request: SessionRequest, needed: RowsNeeded, rows: Rows) -> Routing:
    """Route a user or service account of a tenant: to an agent of that tenant, or nowhere."""
    tenant_id, agent_id, managed_agent_key, _, _ = needed
    if agent_id is not None:
        finding = own_agent(tenant_id, agent_id, rows)
    else:
        assert managed_agent_key is not None, "one-selector has passed"
        finding = own_managed_agent(tenant_id, managed_agent_key, rows)
    step, agent_ids = finding
    return step.failure or _session(_OWN_TENANT, tenant_id, agent_ids[0]), (), (finding,)


def own_agent(tenant_id: str, agent_id: int, rows: Rows) -> AgentFinding:
    """`own-agent`: the agent that was asked for is conversational, and the home tenant's own."""
    return _agent_of(tenant_id, agent_id, rows, _OWN_AGENT)


def own_managed_agent(tenant_id: str, key: ManagedAgentKey, rows: Rows) -> AgentFinding:
    """`own-managed-agent`: the home tenant's only agent with the key, a conversational one."""
    return _only_agent(rows.managed_agents[key].get(tenant_id), rows, _OWN_MANAGED_AGENT)


# The platform


def platform_rows_needed(home_tenant_id: str, request: SessionRequest) -> RowsNeeded:
    """Plan the look-up of `platform_session`, on behalf of the target tenant."""
    bot_id, client_id = request.bot_id, request.client_id
    target_tenant_id = home_tenant_id if client_id is None else client_id
    return target_tenant_id, None, _NEO_SUPPORT, bot_id, None if bot_id is None else request.m365_tenant_id


def platform_session(request: SessionRequest, needed: RowsNeeded, rows: Rows) -> Routing:
    """Route the platform: to a channel that matches, or else to the target tenant's Neo Support."""
    tenant_id, _, _, bot_id, m365_tenant_id = needed

    installation = step, channels = white_label_installation(bot_id, m365_tenant_id, rows)
    if step is steps.ONE_ACTIVE_INSTALLATION:
        client_id, owner_id = request.client_id, channels[0][1]
        warnings = () if client_id is None or client_id == owner_id else _CLIENT_ID_OVERRIDDEN
        return _channel_session(_WHITE_LABEL_CHANNEL, channels[0], m365_tenant_id, rows, warnings, (installation,))
    if step.failure is not None:
        return step.failure, (), (installation,)

    own_channel = step, channels = active_channel(tenant_id, bot_id, rows)
    if step is steps.ONE_ACTIVE_CHANNEL:
        white_label = channels[0][3]
        warnings = _NOT_INSTALLED if not white_label and bot_id in rows.white_label_bots else ()
        findings = installation, own_channel
        return _channel_session(_ACTIVE_CHANNEL, channels[0], m365_tenant_id, rows, warnings, findings)
    if step.failure is not None:
        return step.failure, (), (installation, own_channel)

    warnings = _CHANNEL_PAUSED if channels else ()
    support = neo_support(tenant_id, rows)
    return _support_session(request, tenant_id, rows, warnings, (installation, own_channel, support))


def white_label_installation(bot_id: str | None, m365_tenant_id: str | None, rows: Rows) -> ChannelFinding:
    """`white-label-installation`: the one ACTIVE white-label channel of the bot, of any owner, installed there."""
    if bot_id is None:
        return steps.INSTALLATION_WITHOUT_BOT, ()
    if m365_tenant_id is None:
        return steps.INSTALLATION_WITHOUT_M365_TENANT, ()
    active = rows.active_installations.get((bot_id, m365_tenant_id))
    if active:
        return steps.ONE_ACTIVE_INSTALLATION if len(active) == 1 else steps.SEVERAL_ACTIVE_INSTALLATIONS, active
    disconnected = rows.disconnected_installations.get((bot_id, m365_tenant_id))
    if disconnected:
        return steps.INSTALLATION_DISCONNECTED, disconnected
    return steps.NO_INSTALLATION, ()


def active_channel(tenant_id: str, bot_id: str | None, rows: Rows) -> ChannelFinding:
    """`active-channel`: the target tenant's own one ACTIVE channel with the bot."""
    if bot_id is None:
        return steps.CHANNEL_WITHOUT_BOT, ()
    active = rows.active_channels.get((tenant_id, bot_id))
    if active:
        return steps.ONE_ACTIVE_CHANNEL if len(active) == 1 else steps.SEVERAL_ACTIVE_CHANNELS, active
    return steps.NO_ACTIVE_CHANNEL, rows.disconnected_channels.get((tenant_id, bot_id), ())


def neo_support(tenant_id: str, rows: Rows) -> AgentFinding:
    """`neo-support`: the target tenant's only `NEO_SUPPORT` agent, a conversational one."""
    if tenant_id not in rows.tenants:
        return steps.NEO_SUPPORT_WITHOUT_TENANT, ()
    return _only_agent(rows.managed_agents[_NEO_SUPPORT].get(tenant_id), rows, _MANAGED_NEO_SUPPORT)


def end_company(owner_id: str, white_label: bool, m365_tenant_id: str | None, rows: Rows) -> EndCompanyFinding:
    """`end-company`: the one company that the owner of a white-label channel has linked to the M365 tenant."""
    if not white_label:
        return steps.STANDARD_CHANNEL, ()
    if m365_tenant_id is None:
        return steps.COMPANY_WITHOUT_M365_TENANT, ()
    companies = rows.end_companies.get((owner_id, m365_tenant_id), ())
    if not companies:
        return steps.NO_COMPANY_LINKED, ()
    if len(companies) > 1:
        return steps.SEVERAL_COMPANIES_LINKED, companies
    return steps.ONE_COMPANY_LINKED, companies


def channel_agent(owner_id: str, agent_id: int, rows: Rows) -> AgentFinding:
    """`channel-agent`: the channel's agent exists, is of the channel's owner and is conversational."""
    return _agent_of(owner_id, agent_id, rows, _CHANNEL_AGENT)


# What the steps come to


def _agent_of(tenant_id: str, agent_id: int, rows: Rows, named: _AgentSteps) -> AgentFinding:
    conversational_owner_id = rows.conversational_agents.get(agent_id)
    if conversational_owner_id == tenant_id:
        return named.available, (agent_id,)
    owner_id = conversational_owner_id or rows.triggered_agents.get(agent_id)
    if owner_id is None:
        return named.missing, ()
    return named.triggered if owner_id == tenant_id else named.foreign, (agent_id,)


def _only_agent(agent_ids: tuple[int, ...] | None, rows: Rows, managed: _ManagedAgentSteps) -> AgentFinding:
    if not agent_ids:
        return managed.missing, ()
    if len(agent_ids) != 1:
        return managed.several, agent_ids
    return managed.available if agent_ids[0] in rows.conversational_agents else managed.triggered, agent_ids


def _channel_session(
    outcome: Outcome,
    channel: ChannelRow,
    m365_tenant_id: str | None,
    rows: Rows,
    warnings: tuple[WarningCode, ...],
    findings: tuple[Finding, ...],
) -> Routing:
    channel_id, owner_id, agent_id, white_label, show_agent_progress_steps = channel

    scope = step, end_company_ids = end_company(owner_id, white_label, m365_tenant_id, rows)
    if step.code is not None:
        return step.failure or _not_mapped(step, m365_tenant_id), warnings, (*findings, scope)

    agent = step, _ = channel_agent(owner_id, agent_id, rows)
    end_company_id = end_company_ids[0] if end_company_ids else None
    answer = step.failure or _session(
        outcome, owner_id, agent_id, channel_id, end_company_id, show_agent_progress_steps
    )
    return answer, warnings, (*findings, scope, agent)


def _support_session(
    request: SessionRequest,
    tenant_id: str,
    rows: Rows,
    warnings: tuple[WarningCode, ...],
    findings: tuple[ChannelFinding, ChannelFinding, AgentFinding],
) -> Routing:
    step, agent_ids = findings[2]
    bot_id = request.bot_id
    if bot_id is None:
        outcome = _OWN_TENANT if request.client_id is None else _PLATFORM_OVERRIDE
        return step.failure or _session(outcome, tenant_id, agent_ids[0]), warnings, findings
    if step is not steps.NEO_SUPPORT_WITHOUT_TENANT:
        if bot_id in rows.white_label_bots:
            warnings += _NOT_INSTALLED
        elif bot_id not in rows.known_bots:
            warnings += _BOT_UNKNOWN
    return step.failure or _session(_NEO_SUPPORT_FALLBACK, tenant_id, agent_ids[0]), warnings, findings


@lru_cache(maxsize=1024)
def _not_mapped(step: Step, m365_tenant_id: str) -> Answer:
    if step is steps.NO_COMPANY_LINKED:
        return Failure(messages.no_company_linked(m365_tenant_id))
    return Failure(messages.several_companies_linked(m365_tenant_id))


# Answers are frozen, so equal ones may be the same object; to make one takes longer than to decide on it. So many take
# 17 MB and a garbage collection of 25 ms at the most.
@lru_cache(maxsize=32768)
def _session(
    outcome: Outcome,
    tenant_id: str,
    agent_id: int,
    channel_id: str | None = None,
    end_company_id: str | None = None,
    show_agent_progress_steps: bool | None = None,
) -> Answer:
    return Success(
        SessionTarget(
            outcome=outcome,
            tenant_id=tenant_id,
            agent_id=agent_id,
            channel_id=channel_id,
            end_company_id=end_company_id,
            show_agent_progress_steps=show_agent_progress_steps,
        )
    )
