"""A decision: the answer, the warnings, and the trace of how it came about."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen
from returns.result import Failure, Result

from neo_routing import steps
from neo_routing.admission import Admission
from neo_routing.refusals import Refusal
from neo_routing.request import SessionRequest
from neo_routing.routing import Routing
from neo_routing.rows import Rows
from neo_routing.target import SessionTarget
from neo_routing.trace import TraceStep, trace_steps
from neo_routing.warning_codes import WarningCode


@frozen
class Told:
    """The warnings and the trace of a decision, as they are read."""

    warnings: tuple[WarningCode, ...]
    trace: tuple[TraceStep, ...]


Evidence: TypeAlias = tuple[SessionRequest, Admission, str, Rows, Routing]
"""What a decision was made of: `told` makes its warnings and its trace of that, when somebody asks for them."""


def told(evidence: Evidence) -> Told:
    """Tell what happened: the steps of section 3, and those of section 4 if it came to that."""
    request, admission, tenant_id, rows, (_, warnings, findings) = evidence
    every_finding = (*((step, ()) for step in admission.steps), *findings)
    return Told(
        tuple(sorted({*admission.warnings, *warnings})),
        tuple(trace_steps(request, tenant_id, every_finding, rows)),
    )


@frozen(eq=False, repr=False, slots=False)  # without slots a frozen instance is made in two thirds of the time
class Decision:
    """An answer, the warnings that go with it, and the trace of how it came about.

    Decisions are equal when all three are. They can be pickled; a decision in memory may hold on to the rows it rests
    on, which for a directory in memory is the directory.
    """

    result: Result[SessionTarget, Refusal]
    _evidence: Evidence | Told

    @property
    def warnings(self) -> tuple[WarningCode, ...]:
        """The distinct warnings, sorted."""
        return self._told().warnings

    @property
    def trace(self) -> tuple[TraceStep, ...]:
        """Every clause that the decision came past, in order. For operators: a refused caller must not see it."""
        return self._told().trace

    def _told(self) -> Told:
        evidence = self._evidence
        return evidence if isinstance(evidence, Told) else told(evidence)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Decision):
            return NotImplemented
        return self.result == other.result and self._told() == other._told()

    def __hash__(self) -> int:
        return hash(self.result)

    def __repr__(self) -> str:
        return f"Decision({self.result}, warnings={[*map(str, self.warnings)]})"

    def __reduce__(self) -> tuple[type[Decision], tuple[Result[SessionTarget, Refusal], Told]]:
        return Decision, (self.result, self._told())


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
    return Decision(Failure(refusal), Told((), (step,)))
