"""The steps of a trace as plain data: what was sought and the rows stand beside clause, verdict and reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from neo_routing import steps
from neo_routing.clauses import Clause, Reason, Verdict
from neo_routing.directory import AgentKind, ChannelStatus, ManagedAgentKey
from neo_routing.names import Name
from neo_routing.plain_data.reading import Plain
from neo_routing.step import Step
from neo_routing.trace import SOUGHT, Sought, TracedAgent, TracedChannel, TracedEndCompany, TraceStep

_KNOWN_STEPS: Final = {(step.clause, step.verdict, step.reason): step for step in steps.STEPS}
_STEP: Final = ("clause", "verdict", "reason")
_FIELDS: Final = "fields"
"""What a malformed request is told by: the names of its bad fields."""
_BOT: Final = "bot_id"
_M365_TENANT: Final = "m365_tenant_id"
_IDS: Final = ("client_id", _BOT, _M365_TENANT)
_NEVER_TOLD: Final[Mapping[Step, tuple[str, ...]]] = {
    steps.NO_CLIENT_ID: ("client_id",),
    steps.AGENT_ID_SELECTS: ("managed_agent_key",),
    steps.MANAGED_KEY_SELECTS: ("agent_id",),
    steps.NO_SELECTOR: ("agent_id", "managed_agent_key"),
    steps.NO_AGENT_ID: ("agent_id",),
    steps.INSTALLATION_WITHOUT_BOT: (_BOT,),
    steps.INSTALLATION_WITHOUT_M365_TENANT: (_M365_TENANT,),
    steps.CHANNEL_WITHOUT_BOT: (_BOT,),
    steps.COMPANY_WITHOUT_M365_TENANT: (_M365_TENANT,),
}
"""What a step says is not there, of what its clause looks for."""
_TOLD_IF_GIVEN: Final[Mapping[Step, tuple[str, ...]]] = {
    steps.WELL_FORMED: ("unknown_fields",),
    steps.PLATFORM_CALLER: ("client_id",),
    steps.IDS_USABLE: _IDS,
    steps.BLANK_ID: _IDS,
    steps.UNUSABLE_ID: _IDS,
    steps.INSTALLATION_WITHOUT_BOT: (_M365_TENANT,),
    steps.STANDARD_CHANNEL: (_M365_TENANT,),
}
"""What may be there or not, for all that a step says. All else that a clause looks for, its steps always tell."""


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
    step = _KNOWN_STEPS.get((clause, verdict, reason)) or plain.wrong("is no step of the rules")
    sought = _sought_by(step)
    if_given = _TOLD_IF_GIVEN.get(step, ())
    always = [name for name in sought if name not in if_given]
    given = plain.members(*_STEP, *always, optional=(*if_given, *_ROWS))
    rows: dict[str, Any] = {name: given[name].each(read) for name, read in _ROWS.items() if name in given}
    return TraceStep(
        clause=clause,
        verdict=verdict,
        reason=reason,
        sought=tuple([(name, _sought(name, given[name])) for name in sought if name in given]),
        **rows,
    )


def _sought_by(step: Step) -> tuple[str, ...]:
    """Return the names of what a step may tell that it sought, in order."""
    if step is steps.MALFORMED:
        return (_FIELDS,)
    never = _NEVER_TOLD.get(step, ())
    return tuple([name for name in SOUGHT[step.clause] if name not in never])


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
