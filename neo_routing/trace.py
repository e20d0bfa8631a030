"""The steps by which a decision came about, with the ids and rows that each turned on.

While it decides, the core notes a constant and the rows in hand for each clause, a `Finding`, and no more. What an
operator reads, a `TraceStep`, is made of that when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias, cast

from attrs import frozen

from neo_routing import steps
from neo_routing.clauses import Clause, Reason, Verdict
from neo_routing.directory import AgentKind, ChannelStatus
from neo_routing.request import SessionRequest
from neo_routing.rows import ChannelRow, Rows
from neo_routing.steps import Step

AgentFinding: TypeAlias = tuple[Step, tuple[int, ...]]
ChannelFinding: TypeAlias = tuple[Step, tuple[ChannelRow, ...]]
EndCompanyFinding: TypeAlias = tuple[Step, tuple[str, ...]]
Finding: TypeAlias = AgentFinding | ChannelFinding | EndCompanyFinding
"""A step, and what it turned on: agents by their ids, channels as rows, or end-companies by their ids."""

Sought: TypeAlias = str | int | tuple[str, ...]


@frozen(kw_only=True)
class TracedAgent:
    """An agent that a step turned on."""

    id: int
    tenant_id: str
    name: str
    kind: AgentKind


@frozen(kw_only=True)
class TracedChannel:
    """A channel that a step turned on."""

    id: str
    tenant_id: str
    agent_id: int
    status: ChannelStatus
    white_label: bool


@frozen(kw_only=True)
class TracedEndCompany:
    """An end-company that a step turned on."""

    id: str
    name: str


@frozen(kw_only=True)
class TraceStep:
    """A clause that a decision came past: its verdict, the reason, and what it turned on.

    `sought` pairs what the clause looked for with its name; the rows are sorted by their ids. All of this is for
    operators: it holds names and ids that a refused caller must not see.
    """

    clause: Clause
    verdict: Verdict
    reason: Reason
    sought: tuple[tuple[str, Sought], ...] = ()
    agents: tuple[TracedAgent, ...] = ()
    channels: tuple[TracedChannel, ...] = ()
    end_companies: tuple[TracedEndCompany, ...] = ()


SOUGHT: Final[Mapping[Clause, tuple[str, ...]]] = {
    Clause.REQUEST_SHAPE: ("unknown_fields",),
    Clause.CLIENT_ID_RESERVED: ("client_id",),
    Clause.ONE_SELECTOR: ("agent_id", "managed_agent_key"),
    Clause.PLATFORM_CONFINED: ("agent_id",),
    Clause.PLATFORM_IDS: ("client_id", "bot_id", "m365_tenant_id"),
    Clause.OWN_AGENT: ("tenant_id", "agent_id"),
    Clause.OWN_MANAGED_AGENT: ("tenant_id", "managed_agent_key"),
    Clause.WHITE_LABEL_INSTALLATION: ("bot_id", "m365_tenant_id"),
    Clause.ACTIVE_CHANNEL: ("tenant_id", "bot_id"),
    Clause.NEO_SUPPORT: ("tenant_id", "managed_agent_key"),
    Clause.END_COMPANY: ("tenant_id", "m365_tenant_id"),
    Clause.CHANNEL_AGENT: ("tenant_id", "agent_id"),
}
"""What each clause looks for, by name, in the order in which it is told."""

_ON_AGENTS: Final = {Clause.OWN_AGENT, Clause.OWN_MANAGED_AGENT, Clause.NEO_SUPPORT, Clause.CHANNEL_AGENT}
_ON_CHANNELS: Final = {Clause.WHITE_LABEL_INSTALLATION, Clause.ACTIVE_CHANNEL}
_ON_COMPANIES: Final = {Clause.END_COMPANY}
_ON_DISCONNECTED_CHANNELS: Final = {steps.INSTALLATION_DISCONNECTED, steps.NO_ACTIVE_CHANNEL}


def trace_steps(
    request: SessionRequest, tenant_id: str | None, findings: Iterable[Finding], rows: Rows
) -> Iterator[TraceStep]:
    """Tell what was found on behalf of the tenant, if it came that far, in the rows that came back."""
    known: dict[str, Sought | None] = {
        "tenant_id": tenant_id,
        "agent_id": request.agent_id,
        "managed_agent_key": request.managed_agent_key,
        "client_id": request.client_id,
        "bot_id": request.bot_id,
        "m365_tenant_id": request.m365_tenant_id,
        "unknown_fields": request.unknown_fields or None,
    }
    for step, found in findings:
        yield _trace_step(step, found, known, rows)
        if step.verdict is Verdict.MATCHED and step.clause in _ON_CHANNELS:
            channel: ChannelRow = cast(Any, found[0])
            _, known["tenant_id"], known["agent_id"], _, _ = channel


def _trace_step(step: Step, found: tuple[Any, ...], known: Mapping[str, Sought | None], rows: Rows) -> TraceStep:
    clause = step.clause
    found = tuple(sorted(found, key=_id))
    return TraceStep(
        clause=clause,
        verdict=step.verdict,
        reason=step.reason,
        sought=tuple([(name, value) for name in SOUGHT[clause] if (value := known[name]) is not None]),
        agents=tuple([_agent(agent_id, rows) for agent_id in found]) if clause in _ON_AGENTS else (),
        channels=tuple([_channel(row, step) for row in found]) if clause in _ON_CHANNELS else (),
        end_companies=tuple([_end_company(company_id, rows) for company_id in found])
        if clause in _ON_COMPANIES
        else (),
    )


def _id(found: int | str | ChannelRow) -> int | str:
    return found[0] if isinstance(found, tuple) else found


def _agent(agent_id: int, rows: Rows) -> TracedAgent:
    conversational = agent_id in rows.conversational_agents
    tenant_id = (rows.conversational_agents if conversational else rows.triggered_agents)[agent_id]
    kind = AgentKind.CONVERSATIONAL if conversational else AgentKind.TRIGGERED
    name = rows.agent_names.get(agent_id, str(agent_id))
    return TracedAgent(id=agent_id, tenant_id=tenant_id, name=name, kind=kind)


def _channel(row: ChannelRow, step: Step) -> TracedChannel:
    channel_id, tenant_id, agent_id, white_label, _ = row
    status = ChannelStatus.DISCONNECTED if step in _ON_DISCONNECTED_CHANNELS else ChannelStatus.ACTIVE
    return TracedChannel(id=channel_id, tenant_id=tenant_id, agent_id=agent_id, status=status, white_label=white_label)


def _end_company(company_id: str, rows: Rows) -> TracedEndCompany:
    return TracedEndCompany(id=company_id, name=rows.end_company_names.get(company_id, company_id))
