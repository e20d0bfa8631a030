"""A decision: the answer, the warnings, and the trace of how it came about."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from operator import attrgetter

from returns.result import Failure, Result

from neo_routing import steps
from neo_routing.admission import admission_of
from neo_routing.caller import Caller
from neo_routing.findings import Answer, Finding
from neo_routing.refusals import Refusal
from neo_routing.request import SessionRequest
from neo_routing.rows import Rows
from neo_routing.target import SessionTarget
from neo_routing.trace import TraceStep, admission_steps, routing_steps
from neo_routing.warning_codes import WarningCode


class Decision:
    """An answer, the warnings that go with it, and the trace of how it came about.

    Decisions are equal when all three are. They cannot be changed, and they can be pickled; a decision in memory may
    hold on to the rows it rests on, which for a directory in memory is the directory.
    """

    # No attrs class: it may hold a whole directory, which `attrs.asdict` would print.
    __slots__ = ("_result",)

    _result: Answer

    def __init__(self) -> None:
        raise TypeError("a Decision is made by decide and what is like it, or read from its plain form")

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
    @abstractmethod
    def warnings(self) -> tuple[WarningCode, ...]:
        """The distinct warnings, sorted."""
        ...

    @property
    @abstractmethod
    def trace(self) -> tuple[TraceStep, ...]:
        """Every clause that the decision came past, in order. For operators: a refused caller must not see it."""
        ...

    @property
    @abstractmethod
    def revision(self) -> str | None:
        """The revision of the rows it rests on; `None` if the directory names none, or nothing was looked up."""
        ...

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Decision):
            return NotImplemented
        return (self.result, self.warnings, self.trace) == (other.result, other.warnings, other.trace)

    def __hash__(self) -> int:
        return hash(self.result)

    def __repr__(self) -> str:
        return f"Decision({self.result}, warnings={[*map(str, self.warnings)]})"

    def __reduce__(self) -> tuple[Callable[..., Decision], tuple[object, ...]]:
        return ToldDecision, (self.result, self.warnings, self.trace, self.revision)


class MadeDecision(Decision):
    """A decision that was made here, with what it rests on; warnings and trace are made of that when they are read.

    There are no rows where the shape of the request was refused, and so nothing was looked up.
    """

    __slots__ = ("_caller", "_findings", "_request", "_routing_warnings", "_rows")

    caller = property(attrgetter("_caller"), doc="Who asked.")
    request = property(attrgetter("_request"), doc="What was asked for.")
    rows = property(attrgetter("_rows"), doc="What was found, or `None`.")
    routing_warnings = property(attrgetter("_routing_warnings"), doc="The warnings of the routing alone.")
    findings = property(attrgetter("_findings"), doc="What the routing came past.")

    def __init__(
        self,
        result: Answer,
        caller: Caller,
        request: SessionRequest,
        rows: Rows | None = None,
        routing_warnings: tuple[WarningCode, ...] = (),
        findings: tuple[Finding, ...] = (),
    ) -> None:
        self._result = result
        self._caller = caller
        self._request = request
        self._rows = rows
        self._routing_warnings = routing_warnings
        self._findings = findings

    @property
    def warnings(self) -> tuple[WarningCode, ...]:
        """Those of the admission and those of the routing."""
        admitted = admission_of(self._caller, self._request).warnings
        return tuple(sorted({*admitted, *self._routing_warnings})) if self._routing_warnings else admitted

    @property
    def trace(self) -> tuple[TraceStep, ...]:
        """The steps of the admission and those of the routing."""
        admitted = admission_steps(admission_of(self._caller, self._request).steps, self._request)
        return (*admitted, *(() if self._rows is None else routing_steps(self._findings, self._rows)))

    @property
    def revision(self) -> str | None:
        """The revision of the rows."""
        return None if self._rows is None else self._rows.revision


class ToldDecision(Decision):
    """A decision that was made elsewhere, and read from a pickle or its plain form; or one on a malformed call."""

    __slots__ = ("_revision", "_trace", "_warnings")

    def __init__(
        self,
        result: Answer,
        warnings: tuple[WarningCode, ...] = (),
        trace: tuple[TraceStep, ...] = (),
        revision: str | None = None,
    ) -> None:
        self._result = result
        self._warnings = warnings
        self._trace = trace
        self._revision = revision

    @property
    def warnings(self) -> tuple[WarningCode, ...]:
        """As they were told."""
        return self._warnings

    @property
    def trace(self) -> tuple[TraceStep, ...]:
        """As it was told."""
        return self._trace

    @property
    def revision(self) -> str | None:
        """As it was told."""
        return self._revision


def is_malformed(decision: Decision) -> bool:
    """Tell whether there was no request to decide on, and the decision says so and nothing else."""
    refusal = decision.refusal
    if not isinstance(decision, ToldDecision) or refusal is None or refusal.code is not steps.MALFORMED.code:
        return False
    return decision == malformed_decision(refusal)


def malformed_decision(refusal: Refusal) -> Decision:
    """Make a decision of what `parse_session_request` refused, for hosts that record every call.

    Raises `ValueError` on a refusal of anything else than a `validation_error`.

    >>> from neo_routing import parse_session_request
    >>> decision = malformed_decision(parse_session_request([]).failure())
    >>> decision.trace[0].verdict, decision.warnings
    (<Verdict.REFUSED: 'refused'>, ())
    """
    malformed = steps.MALFORMED
    if refusal.code is not malformed.code:
        raise ValueError(f"a malformed call is refused with {malformed.code}, and not {refusal.code}")
    step = TraceStep(
        clause=malformed.clause,
        verdict=malformed.verdict,
        reason=malformed.reason,
        sought=(("fields", refusal.fields),),
    )
    return ToldDecision(Failure(refusal), trace=(step,))
