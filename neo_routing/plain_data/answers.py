"""The answer of a decision as plain data: a target or a refusal, told apart by the outcome."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, TypeVar

from returns.result import Failure, Result, Success

from neo_routing.clauses import Reason
from neo_routing.complaints import Complaint, IllFormed
from neo_routing.plain_data.reading import Plain
from neo_routing.refusals import Refusal, RefusalCode
from neo_routing.target import Outcome, SessionTarget

_Made = TypeVar("_Made")

_REFUSED: Final = "refused"
_OF_A_TARGET: Final = ("outcome", "tenant_id", "agent_id", "channel_id", "end_company_id", "show_agent_progress_steps")
_OF_A_REFUSAL: Final = ("outcome", "status", "code", "message", "details")
_DETAILS: Final = ("fields", "complaints", "field", "reason", "inbound_tenant_id")


def answer_data(answer: Result[SessionTarget, Refusal]) -> dict[str, Any]:
    """Return the plain form of an answer.

    >>> target = SessionTarget(outcome=Outcome.OWN_TENANT, tenant_id="msp-a", agent_id=12)
    >>> [*answer_data(Success(target)).items()][:3]
    [('outcome', 'own_tenant'), ('tenant_id', 'msp-a'), ('agent_id', 12)]
    """
    return answer.map(_target_data).lash(lambda refusal: Success(_refusal_data(refusal))).unwrap()


def read_answer(plain: Plain, *, besides: Collection[str]) -> Result[SessionTarget, Refusal]:
    """Read an answer, which may have these members besides. Raises `IllFormed`."""
    if plain.members("outcome", others=True)["outcome"].value == _REFUSED:
        return Failure(_refusal(plain, plain.members(*_OF_A_REFUSAL, optional=besides)))
    return Success(_target(plain, plain.members(*_OF_A_TARGET, optional=besides)))


def _target_data(target: SessionTarget) -> dict[str, Any]:
    return {
        "outcome": str(target.outcome),
        "tenant_id": target.tenant_id,
        "agent_id": target.agent_id,
        "channel_id": target.channel_id,
        "end_company_id": target.end_company_id,
        "show_agent_progress_steps": target.show_agent_progress_steps,
    }


def _refusal_data(refusal: Refusal) -> dict[str, Any]:
    return {
        "outcome": _REFUSED,
        "status": refusal.status,
        "code": str(refusal.code),
        "message": refusal.message,
        "details": refusal.details,
    }


def _target(plain: Plain, given: Mapping[str, Plain]) -> SessionTarget:
    fields: dict[str, Any] = {
        "outcome": given["outcome"].name(Outcome),
        "tenant_id": given["tenant_id"].text(),
        "agent_id": given["agent_id"].integer(),
        "channel_id": given["channel_id"].optional(Plain.text),
        "end_company_id": given["end_company_id"].optional(Plain.text),
        "show_agent_progress_steps": given["show_agent_progress_steps"].optional(Plain.truth_value),
    }
    return _fitting(plain, lambda: SessionTarget(**fields))


def _refusal(plain: Plain, given: Mapping[str, Plain]) -> Refusal:
    code, details = given["code"].name(RefusalCode), given["details"].members(optional=_DETAILS)
    fields: dict[str, Any] = {
        "code": code,
        "message": given["message"].text(),
        "complaints": _complaints(details) if code is RefusalCode.VALIDATION_ERROR else (),
        "reason": details["reason"].name(Reason) if "reason" in details else None,
        "m365_tenant_id": details["inbound_tenant_id"].text() if "inbound_tenant_id" in details else None,
    }
    refusal = _fitting(plain, lambda: Refusal(**fields))
    if given["status"].integer() != refusal.status:
        given["status"].wrong(f"must be {refusal.status}, that of {code}")
    if given["details"].value != refusal.details:
        given["details"].wrong(f"must be those of {code}")
    return refusal


def _complaints(details: Mapping[str, Plain]) -> tuple[tuple[str, Complaint], ...]:
    """Read them in the order of `fields`; objects have none that every reader keeps."""
    if "fields" not in details or "complaints" not in details:
        return ()
    complaints = details["complaints"].members(others=True)
    return tuple(
        [(name, complaints[name].name(Complaint)) for name in details["fields"].each(Plain.text) if name in complaints]
    )


def _fitting(plain: Plain, make: Callable[[], _Made]) -> _Made:
    try:
        return make()
    except IllFormed as error:
        raise IllFormed(f"does not fit together: {error}", place=plain.place) from None
