"""The steps by which a decision came about, with the ids and rows that each turned on.

While it decides, the core notes a `Finding` for each clause, and no more. What an operator reads, a `TraceStep`, is
made of that when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from neo_routing.clauses import Clause, Reason, Verdict
from neo_routing.directory import AgentKind, ChannelStatus
from neo_routing.findings import Finding
from neo_routing.request import SessionRequest
from neo_routing.rows import ChannelRow, Rows
from neo_routing.step import Step

Sought: TypeAlias = str | int | tuple[str, ...]


# Named tuples, because a trace has up to nine steps and more rows, and frozen classes take twice the time.
class TracedAgent(NamedTuple):
    """An agent that a step turned on."""

    id: int
    tenant_id: str
    name: str
    kind: AgentKind


class TracedChannel(NamedTuple):
    """A channel that a step turned on."""

    id: str
    tenant_id: str
    agent_id: int
    status: ChannelStatus
    white_label: bool


class TracedEndCompany(NamedTuple):
    """An end-company that a step turned on."""

    id: str
    name: str


class TraceStep(NamedTuple):
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


_IN_THE_REQUEST: Final[Mapping[Clause, tuple[str, ...]]] = {
    Clause.REQUEST_SHAPE: ("unknown_fields",),
    Clause.CLIENT_ID_RESERVED: ("client_id",),
    Clause.ONE_SELECTOR: ("agent_id", "managed_agent_key"),
    Clause.PLATFORM_CONFINED: ("agent_id",),
    Clause.PLATFORM_IDS: ("client_id", "bot_id", "m365_tenant_id"),
}
_IN_THE_ROWS: Final[Mapping[Clause, tuple[str, str]]] = {
    Clause.OWN_AGENT: ("tenant_id", "agent_id"),
    Clause.OWN_MANAGED_AGENT: ("tenant_id", "managed_agent_key"),
    Clause.WHITE_LABEL_INSTALLATION: ("bot_id", "m365_tenant_id"),
    Clause.ACTIVE_CHANNEL: ("tenant_id", "bot_id"),
    Clause.NEO_SUPPORT: ("tenant_id", "managed_agent_key"),
    Clause.END_COMPANY: ("tenant_id", "m365_tenant_id"),
    Clause.CHANNEL_AGENT: ("tenant_id", "agent_id"),
}
SOUGHT: Final[Mapping[Clause, tuple[str, ...]]] = {**_IN_THE_REQUEST, **_IN_THE_ROWS}
"""What each clause looks for, by name, in the order in which it is told."""

_NOT_GIVEN: Final = (None, ())


def admission_steps(steps: Iterable[Step], request: SessionRequest) -> Iterator[TraceStep]:
    """Tell how the request was admitted, or was not."""
    for step in steps:
        names = _IN_THE_REQUEST[step.clause]
        sought = [(name, value) for name in names if (value := getattr(request, name)) not in _NOT_GIVEN]
        yield TraceStep(step.clause, step.verdict, step.reason, tuple(sought)) if sought else _bare(step)


def routing_steps(findings: Iterable[Finding], rows: Rows) -> Iterator[TraceStep]:
    """Tell what each clause found, with the names that the rows have for it."""
    for step, first, second, found in findings:
        first_name, second_name = _IN_THE_ROWS[step.clause]
        sought: Any = ((first_name, first), (second_name, second))
        if first is None or second is None:
            sought = tuple([pair for pair in sought if pair[1] is not None])
        turned_on = _TELLING[step.clause](step, found, rows) if found else ()
        yield TraceStep(step.clause, step.verdict, step.reason, sought, *turned_on)


@lru_cache(maxsize=128)  # there are fewer steps
def _bare(step: Step) -> TraceStep:
    return TraceStep(step.clause, step.verdict, step.reason)


# Agents, channels and end-companies, in the order in which a `TraceStep` has them; what comes last may be left out.
_TurnedOn: TypeAlias = tuple[tuple[Any, ...], ...]


def _agents(_: Step, agent_ids: tuple[int, ...], rows: Rows) -> _TurnedOn:
    return (tuple([traced_agent(agent_id, rows) for agent_id in sorted(agent_ids)]),)


def traced_agent(agent_id: int, rows: Rows) -> TracedAgent:
    """Tell an agent that is among the rows."""
    owner_id, kind = rows.conversational_agents.get(agent_id), AgentKind.CONVERSATIONAL
    if owner_id is None:
        owner_id, kind = rows.triggered_agents[agent_id], AgentKind.TRIGGERED
    name = rows.agent_names.get(agent_id)
    return TracedAgent(agent_id, owner_id, str(agent_id) if name is None else name, kind)


def _channels(step: Step, found: tuple[ChannelRow, ...], _: Rows) -> _TurnedOn:
    status = step.status
    assert status is not None, "a step that turns on channels says which"
    told = [
        TracedChannel(channel_id, owner_id, agent_id, status, white_label)
        for channel_id, owner_id, agent_id, white_label, _ in sorted(found, key=itemgetter(0))
    ]
    return (), tuple(told)


def _end_companies(_: Step, company_ids: tuple[str, ...], rows: Rows) -> _TurnedOn:
    names = rows.end_company_names
    return (), (), tuple([TracedEndCompany(each, names.get(each, each)) for each in sorted(company_ids)])


_TELLING: Final[Mapping[Clause, Callable[..., _TurnedOn]]] = {
    Clause.OWN_AGENT: _agents,
    Clause.OWN_MANAGED_AGENT: _agents,
    Clause.WHITE_LABEL_INSTALLATION: _channels,
    Clause.ACTIVE_CHANNEL: _channels,
    Clause.NEO_SUPPORT: _agents,
    Clause.END_COMPANY: _end_companies,
    Clause.CHANNEL_AGENT: _agents,
}
