"""Who asks, for what, and what was decided as plain data: dicts, lists, text, integers, truth values and `None`.

What comes out is made anew and may be changed; what goes in is read strictly. Text in JSON, or whatever else plain data
are written as, is somebody else's.
"""

from __future__ import annotations

from typing import Any

from returns.result import Failure

from neo_routing import well_formed
from neo_routing.caller import Caller, CallerKind
from neo_routing.complaints import IllFormed
from neo_routing.decision import Decision, ToldDecision
from neo_routing.plain_data.answers import answer_data, read_answer
from neo_routing.plain_data.reading import Plain
from neo_routing.plain_data.traces import read_step, step_data
from neo_routing.refusals import Refusal
from neo_routing.request import SessionRequest
from neo_routing.request_shape import parse_session_request
from neo_routing.warning_codes import WarningCode


def caller_data(caller: Caller) -> dict[str, Any]:
    """Return the plain form of a caller.

    >>> caller_data(caller_of({"kind": "user", "tenant_id": "msp-a"}))
    {'kind': 'user', 'tenant_id': 'msp-a'}
    """
    return {"kind": str(caller.kind), "tenant_id": caller.tenant_id}


def caller_of(data: object) -> Caller:
    """Return the caller whose plain form that is; other keys have no effect. Raises `IllFormed`.

    >>> caller_of({"kind": "user"})
    Traceback (most recent call last):
    neo_routing.complaints.IllFormed: caller.tenant_id is missing
    """
    return read_caller(Plain(data, ("caller",)))


def read_caller(plain: Plain) -> Caller:
    """Read a caller. Raises `IllFormed`."""
    given = plain.members("kind", "tenant_id", others=True)
    return Caller(given["kind"].name(CallerKind), given["tenant_id"].read(well_formed.identifier))


def request_data(request: SessionRequest) -> dict[str, Any]:
    """Return the body that asks for this, in the names of the HTTP contract: `parse_session_request` is the way back.

    Unknown fields are `None` there, because a request keeps their names alone.

    >>> request_data(SessionRequest(bot_id="28:HelpDesk", m365_tenant_id="contoso.example"))
    {'bot_id': 'helpdesk', 'inbound_tenant_id': 'contoso.example'}
    """
    key = request.managed_agent_key
    fields = {
        "agent_id": request.agent_id,
        "managed_agent_key": None if key is None else str(key),
        "bot_id": request.bot_id,
        "client_id": request.client_id,
        "inbound_tenant_id": request.m365_tenant_id,
        "title": request.title,
    }
    return {name: value for name, value in fields.items() if value is not None} | dict.fromkeys(request.unknown_fields)


def read_request(plain: Plain) -> SessionRequest:
    """Read the body that asks for something."""
    parsed = parse_session_request(plain.value)
    if isinstance(parsed, Failure):
        refusal: Refusal = parsed.failure()
        raise IllFormed(f"cannot be read: {refusal.message}", place=plain.place)
    return parsed.unwrap()


def decision_data(decision: Decision, *, trace: bool = False) -> dict[str, Any]:
    """Return the plain form of a decision, with its trace if that is asked for.

    >>> from neo_routing import malformed_decision
    >>> decision_data(malformed_decision(parse_session_request([]).failure()))["details"]
    {'fields': ['request'], 'complaints': {'request': 'not_an_object'}}
    """
    data = answer_data(decision.result)
    data["warnings"] = [str(warning) for warning in decision.warnings]
    if trace:
        data["trace"] = [step_data(step) for step in decision.trace]
    return data


def decision_of(data: object) -> Decision:
    """Return the decision whose plain form that is; without a trace there, its trace is empty. Raises `IllFormed`.

    It rests on no rows, and names no revision.

    >>> decision_of({"outcome": "own_tenant", "tenant_id": "msp-a", "agent_id": "12"})
    Traceback (most recent call last):
    neo_routing.complaints.IllFormed: decision.channel_id is missing
    """
    return read_decision(Plain(data, ("decision",)))


def read_decision(plain: Plain, *, revision: str | None = None) -> Decision:
    """Read a decision."""
    result = read_answer(plain, besides=("warnings", "trace"))
    given = plain.members("warnings", others=True)
    warnings = given["warnings"].each(lambda warning: warning.name(WarningCode))
    if [*warnings] != sorted({*warnings}):
        given["warnings"].wrong("must be sorted, and each there once")
    trace = given["trace"].each(read_step) if "trace" in given else ()
    return ToldDecision(result, warnings, trace, revision)
