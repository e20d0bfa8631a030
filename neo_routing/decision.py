"""A decision: the answer, the warnings, and the trace of how it came about."""

from __future__ import annotations

from typing import TypeAlias, final

from attrs import frozen
from returns.result import Failure, Result

from neo_routing import steps
from neo_routing.admission import Admission
from neo_routing.caller import Caller
from neo_routing.refusals import Refusal
from neo_routing.request import SessionRequest
from neo_routing.routing import Routing
from neo_routing.rows import Rows, RowsNeeded
from neo_routing.target import SessionTarget
from neo_routing.trace import TraceStep, trace_steps
from neo_routing.warning_codes import WarningCode

Evidence: TypeAlias = tuple[Caller, SessionRequest, Admission, RowsNeeded | None, Rows, Routing]
"""What a decision was made of: who asked for what, its admission, the keys that were looked for, the rows, the routing.

Its warnings and its trace are made of that, when somebody asks for them. There are no keys, and no rows, where the
shape of the request was refused.
"""


@frozen(eq=False, repr=False)
class _Told:
    """Warnings and a trace that were made already, and the revision of the rows that they were made of."""

    warnings: tuple[WarningCode, ...]
    trace: tuple[TraceStep, ...]
    revision: str | None


@final
class Decision:
    """An answer, the warnings that go with it, and the trace of how it came about.

    Decisions are equal when all three are. They cannot be changed, and they can be pickled; a decision in memory may
    hold on to the rows it rests on, which for a directory in memory is the directory.
    """

    # No attrs class: the evidence may hold a whole directory, which `attrs.asdict` would print.
    __slots__ = ("_evidence", "_result")

    def __init__(self, result: Result[SessionTarget, Refusal], evidence: Evidence | _Told) -> None:
        self._result = result
        self._evidence = evidence

    @property
    def result(self) -> Result[SessionTarget, Refusal]:
        """The answer: where the session goes, or why not."""
        return self._result

    @property
    def target(self) -> SessionTarget | None:
        """Where the session goes, or `None` if the call is refused."""
        return self._result.value_or(None)

    @property
    def refusal(self) -> Refusal | None:
        """Why the call is refused, or `None` if it is not."""
        return self._result.failure() if isinstance(self._result, Failure) else None

    @property
    def warnings(self) -> tuple[WarningCode, ...]:
        """The distinct warnings, sorted."""
        if isinstance(self._evidence, _Told):
            return self._evidence.warnings
        _, _, admission, _, _, (_, warnings, _) = self._evidence
        return tuple(sorted({*admission.warnings, *warnings})) if warnings else admission.warnings

    @property
    def trace(self) -> tuple[TraceStep, ...]:
        """Every clause that the decision came past, in order. For operators: a refused caller must not see it."""
        if isinstance(self._evidence, _Told):
            return self._evidence.trace
        _, request, admission, needed, rows, (_, _, findings) = self._evidence
        tenant_id = None if needed is None else needed[0]
        return tuple(trace_steps(request, tenant_id, (*((step, ()) for step in admission.steps), *findings), rows))

    @property
    def revision(self) -> str | None:
        """The revision of the rows it rests on; `None` if the directory names none, or nothing was looked up."""
        return self._evidence.revision if isinstance(self._evidence, _Told) else self._evidence[4].revision

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Decision):
            return NotImplemented
        return (self.result, self.warnings, self.trace) == (other.result, other.warnings, other.trace)

    def __hash__(self) -> int:
        return hash(self.result)

    def __repr__(self) -> str:
        return f"Decision({self.result}, warnings={[*map(str, self.warnings)]})"

    def __reduce__(self) -> tuple[type[Decision], tuple[Result[SessionTarget, Refusal], _Told]]:
        return Decision, (self.result, _Told(self.warnings, self.trace, self.revision))


def evidence_of(decision: Decision) -> Evidence | None:
    """Return what a decision was made of; `None` if it has left that behind, in a pickle for example."""
    evidence = decision._evidence  # noqa: SLF001  # its own module's
    return None if isinstance(evidence, _Told) else evidence


def is_malformed(decision: Decision) -> bool:
    """Tell whether there was no request to decide on, and the decision says so and nothing else."""
    refusal = decision.refusal
    return evidence_of(decision) is None and refusal is not None and decision == malformed_decision(refusal)


def told_decision(
    result: Result[SessionTarget, Refusal],
    *,
    warnings: tuple[WarningCode, ...] = (),
    trace: tuple[TraceStep, ...] = (),
    revision: str | None = None,
) -> Decision:
    """Make a decision of what was told of one: it rests on nothing any more."""
    return Decision(result, _Told(warnings, trace, revision))


def malformed_decision(refusal: Refusal) -> Decision:
    """Make a decision of what `parse_session_request` refused, for hosts that record every call.

    >>> from neo_routing import parse_session_request
    >>> decision = malformed_decision(parse_session_request([]).failure())
    >>> decision.trace[0].verdict, decision.warnings
    (<Verdict.REFUSED: 'refused'>, ())
    """
    malformed = steps.MALFORMED
    step = TraceStep(
        clause=malformed.clause,
        verdict=malformed.verdict,
        reason=malformed.reason,
        sought=(("fields", refusal.fields),),
    )
    return told_decision(Failure(refusal), trace=(step,))
