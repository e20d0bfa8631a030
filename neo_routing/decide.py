"""The functions that users call: plan what must be known, look it up once, decide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from attrs import frozen
from returns.result import Failure, Result

from neo_routing.admission import TO_OTHERS, TO_PLATFORM, Admission
from neo_routing.caller import Caller
from neo_routing.decision import Decision
from neo_routing.port import SessionDirectory
from neo_routing.refusals import Refusal
from neo_routing.request import SessionRequest
from neo_routing.routing import Routing, own_rows_needed, own_session, platform_rows_needed, platform_session
from neo_routing.rows import NO_ROWS, Rows, RowsNeeded
from neo_routing.target import SessionTarget


@frozen(eq=False, repr=False)
class _Branch:
    """The clauses for one sort of caller: admit the request by its shape, plan the look-up, route on what came back."""

    admissions: Mapping[int, Admission]
    rows_needed: Callable[[str, SessionRequest], RowsNeeded]
    session: Callable[[SessionRequest, RowsNeeded, Rows], Routing]


_PLATFORM: Final = _Branch(TO_PLATFORM, platform_rows_needed, platform_session)
_OTHERS: Final = _Branch(TO_OTHERS, own_rows_needed, own_session)


def resolve_session_target(
    caller: Caller, request: SessionRequest, directory: SessionDirectory
) -> Result[SessionTarget, Refusal]:
    """Decide which agent answers, as which tenant and in which end-company's scope, or why the call is refused.

    It is the result of `decide`. Raises what the directory raises, `DirectoryUnavailable` above all.

    >>> from neo_routing import CallerKind, Tenant
    >>> from neo_routing_adapters.memory import MemoryDirectory
    >>> directory = MemoryDirectory(tenants=[Tenant(id="msp-a")])
    >>> user = Caller(CallerKind.USER, "msp-a")
    >>> resolve_session_target(user, SessionRequest(agent_id=12), directory).failure().code
    <RefusalCode.AGENT_NOT_FOUND: 'agent_not_found'>
    """
    branch = _PLATFORM if caller.is_platform else _OTHERS
    admission = branch.admissions[request.shape]
    if admission.failure is not None:
        return admission.failure
    needed = branch.rows_needed(caller.tenant_id, request)
    return branch.session(request, needed, directory.look_up((needed,)))[0]


def decide(caller: Caller, request: SessionRequest, directory: SessionDirectory) -> Decision:
    """Decide, and tell how: the result with its warnings and its trace.

    >>> from neo_routing import CallerKind
    >>> from neo_routing_adapters.memory import MemoryDirectory
    >>> decision = decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=12), MemoryDirectory())
    >>> [str(step.reason) for step in decision.trace]
    ['well_formed', 'no_client_id', 'agent_id_given', 'agent_missing']
    """
    branch = _PLATFORM if caller.is_platform else _OTHERS
    admission = branch.admissions[request.shape]
    if admission.failure is not None:
        return _refused_by_shape(caller, request, admission, admission.failure)
    needed = branch.rows_needed(caller.tenant_id, request)
    return _decision(branch, request, admission, needed, directory.look_up((needed,)))


def decide_many(cases: Iterable[tuple[Caller, SessionRequest]], directory: SessionDirectory) -> list[Decision]:
    """Decide a batch with a single look-up; the decisions come in the order of the cases, equal to one by one.

    >>> from neo_routing import CallerKind
    >>> from neo_routing_adapters.memory import MemoryDirectory
    >>> user = Caller(CallerKind.USER, "msp-a")
    >>> decisions = decide_many([(user, SessionRequest(agent_id=12)), (user, SessionRequest())], MemoryDirectory())
    >>> [decision.result.failure().status for decision in decisions]
    [404, 422]
    """
    batch = [_plan(caller, request) for caller, request in cases]
    needed = [planned[-1] for planned in batch if not isinstance(planned, Decision)]
    rows = directory.look_up(needed) if needed else NO_ROWS
    return [planned if isinstance(planned, Decision) else _decision(*planned, rows) for planned in batch]


def _plan(caller: Caller, request: SessionRequest) -> Decision | tuple[_Branch, SessionRequest, Admission, RowsNeeded]:
    branch = _PLATFORM if caller.is_platform else _OTHERS
    admission = branch.admissions[request.shape]
    if admission.failure is not None:
        return _refused_by_shape(caller, request, admission, admission.failure)
    return branch, request, admission, branch.rows_needed(caller.tenant_id, request)


def _refused_by_shape(
    caller: Caller, request: SessionRequest, admission: Admission, failure: Failure[Refusal]
) -> Decision:
    return Decision(failure, (request, admission, caller.tenant_id, NO_ROWS, (failure, (), ())))


def _decision(
    branch: _Branch, request: SessionRequest, admission: Admission, needed: RowsNeeded, rows: Rows
) -> Decision:
    routing = branch.session(request, needed, rows)
    return Decision(routing[0], (request, admission, needed[0], rows, routing))
