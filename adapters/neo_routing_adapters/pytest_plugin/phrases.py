"""What is said of an answer and of a step: a line for each thing that can differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from returns.result import Failure, Result

from neo_routing import Refusal, SessionTarget, TraceStep
from neo_routing.printable import printable
from neo_routing_adapters.wording import VERDICTS, exactly

Answer: TypeAlias = Result[SessionTarget, Refusal]

_PROGRESS_STEPS: Final = {True: "progress steps shown", False: "progress steps hidden", None: "progress steps not set"}


def answer(given: Answer, *, with_message: bool) -> str:
    """Tell who answers and in whose scope, or why nobody does.

    >>> from returns.result import Success
    >>> from neo_routing import Outcome, RefusalCode
    >>> target = SessionTarget(outcome=Outcome.OWN_TENANT, tenant_id="msp-a", agent_id=12)
    >>> answer(Success(target), with_message=True)
    'own_tenant: agent 12 answers as msp-a'
    >>> refusal = Refusal(code=RefusalCode.AGENT_NOT_FOUND, message="There is no such agent.")
    >>> answer(Failure(refusal), with_message=True)
    'refused, 404 agent_not_found: There is no such agent.'
    """
    if isinstance(given, Failure):
        return _refused(given.failure(), with_message=with_message)
    return ", ".join(_granted(given.unwrap()))


def _refused(refusal: Refusal, *, with_message: bool) -> str:
    about = f" about {', '.join(refusal.fields)}" if refusal.fields else ""
    message = f": {printable(refusal.message)}" if with_message else ""
    return f"refused, {refusal.status} {refusal.code}{about}{message}"


def _granted(target: SessionTarget) -> Iterator[str]:
    alone = "" if target.end_company_id is None else f" for {exactly(target.end_company_id)} alone"
    yield f"{target.outcome}: agent {target.agent_id} answers as {exactly(target.tenant_id)}{alone}"
    if target.channel_id is not None:
        yield f"channel {exactly(target.channel_id)}"
        yield _PROGRESS_STEPS[target.show_agent_progress_steps]


def verdict(step: TraceStep) -> str:
    """Tell what the clause had to say, and why."""
    return f"{VERDICTS[step.verdict]}, {step.reason}"
