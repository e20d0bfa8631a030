"""The steps of a trace as plain data: what was sought and the rows stand beside clause, verdict and reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from neo_routing.clauses import Clause, Reason, Verdict
from neo_routing.directory import AgentKind, ChannelStatus, ManagedAgentKey
from neo_routing.names import Name
from neo_routing.plain_data.reading import Plain
from neo_routing.steps import MALFORMED, STEPS
from neo_routing.trace import SOUGHT, Sought, TracedAgent, TracedChannel, TracedEndCompany, TraceStep

_KNOWN_STEPS: Final = frozenset((step.clause, step.verdict, step.reason) for step in STEPS)
_STEP: Final = ("clause", "verdict", "reason")
_FIELDS: Final = "fields"
"""What a malformed request is told by: the names of its bad fields."""


def step_data(step: TraceStep) -> dict[str, Any]:
    """Return the plain form of a step; lists without rows are left out.

    >>> step_data(TraceStep(clause=Clause.ONE_SELECTOR, verdict=Verdict.REFUSED, reason=Reason.NO_SELECTOR))
    {'clause': 'one-selector', 'verdict': 'refused', 'reason': 'no_selector'}
    """
    return {
        "clause": str(step.clause),
        "verdict": str(step.verdict),
        "reason": str(step.reason),
        **{name: _plain(value) for name, value in step.sought},
        **{name: [*map(_row_data, rows)] for name in _ROWS if (rows := getattr(step, name))},
    }


def read_step(plain: Plain) -> TraceStep:
    """Read a step. Raises `IllFormed`."""
    given = plain.members(*_STEP, others=True)
    clause, verdict, reason = given["clause"].name(Clause), given["verdict"].name(Verdict), given["reason"].name(Reason)
    if (clause, verdict, reason) not in _KNOWN_STEPS:
        plain.wrong("is no step of the rules")
    sought = (_FIELDS,) if reason is MALFORMED.reason else SOUGHT[clause]
    given = plain.members(*_STEP, optional=(*sought, *_ROWS))
    rows: dict[str, Any] = {name: given[name].each(read) for name, read in _ROWS.items() if name in given}
    return TraceStep(
        clause=clause,
        verdict=verdict,
        reason=reason,
        sought=tuple([(name, _sought(name, given[name])) for name in sought if name in given]),
        **rows,
    )


def _plain(value: Sought) -> str | int | list[str]:
    if isinstance(value, tuple):
        return [*value]
    return str(value) if isinstance(value, Name) else value


def _row_data(row: TracedAgent | TracedChannel | TracedEndCompany) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Name) else value for name, value in row._asdict().items()}


def _sought(name: str, plain: Plain) -> Sought:
    return _READ_SOUGHT.get(name, Plain.text)(plain)


def _names(plain: Plain) -> tuple[str, ...]:
    return plain.each(Plain.text)


_READ_SOUGHT: Final[Mapping[str, Callable[[Plain], Sought]]] = {
    _FIELDS: _names,
    "unknown_fields": _names,
    "agent_id": Plain.integer,
    "managed_agent_key": lambda plain: plain.name(ManagedAgentKey),
}


def _agent(plain: Plain) -> TracedAgent:
    given = plain.members("id", "tenant_id", "name", "kind")
    return TracedAgent(
        id=given["id"].integer(),
        tenant_id=given["tenant_id"].text(),
        name=given["name"].text(),
        kind=given["kind"].name(AgentKind),
    )


def _channel(plain: Plain) -> TracedChannel:
    given = plain.members("id", "tenant_id", "agent_id", "status", "white_label")
    return TracedChannel(
        id=given["id"].text(),
        tenant_id=given["tenant_id"].text(),
        agent_id=given["agent_id"].integer(),
        status=given["status"].name(ChannelStatus),
        white_label=given["white_label"].truth_value(),
    )


def _end_company(plain: Plain) -> TracedEndCompany:
    given = plain.members("id", "name")
    return TracedEndCompany(id=given["id"].text(), name=given["name"].text())


_ROWS: Final[Mapping[str, Callable[[Plain], object]]] = {
    "agents": _agent,
    "channels": _channel,
    "end_companies": _end_company,
}
