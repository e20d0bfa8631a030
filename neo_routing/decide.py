"""The functions that users call: plan what must be known, look it up once, decide."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from attrs import frozen
from returns.result import Result

from neo_routing.admission import TO_OTHERS, TO_PLATFORM, Admission
from neo_routing.caller import Caller
from neo_routing.decision import Decision
from neo_routing.port import AsyncSessionDirectory, HoldingDirectory, SessionDirectory
from neo_routing.refusals import Refusal
from neo_routing.request import SessionRequest
from neo_routing.routing import Routing, own_rows_needed, own_session, platform_rows_needed, platform_session
from neo_routing.rows import Rows, RowsNeeded
from neo_routing.rows_builder import NO_ROWS
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

    >>> from neo_routing import CallerKind, HeldRows, Tenant, content_of
    >>> directory = HeldRows(content_of(tenants=[Tenant(id="msp-a")]))
    >>> user = Caller(CallerKind.USER, "msp-a")
    >>> resolve_session_target(user, SessionRequest(agent_id=12), directory).failure().code
    <RefusalCode.AGENT_NOT_FOUND: 'agent_not_found'>
    """
    try:
        branch = _PLATFORM if caller.is_platform else _OTHERS
        admission = branch.admissions[request.shape]
    except AttributeError as error:
        raise _misuse(caller, request) from error
    if admission.failure is not None:
        return admission.failure
    needed = branch.rows_needed(caller.tenant_id, request)
    rows = directory.look_up((needed,))
    try:
        return branch.session(request, needed, rows)[0]
    except AttributeError as error:
        raise _no_rows(directory, rows) from error


async def aresolve_session_target(
    caller: Caller, request: SessionRequest, directory: AsyncSessionDirectory | HoldingDirectory
) -> Result[SessionTarget, Refusal]:
    """Decide as `resolve_session_target` does, and await the directory.

    >>> import asyncio
    >>> from neo_routing import CallerKind, Rows, RowsBuilder
    >>> class Empty:
    ...     async def look_up(self, needed, /) -> Rows:
    ...         return RowsBuilder().rows()
    >>> user = Caller(CallerKind.USER, "msp-a")
    >>> asyncio.run(aresolve_session_target(user, SessionRequest(agent_id=12), Empty())).failure().status
    404
    """
    return (await adecide(caller, request, directory)).result


def decide(caller: Caller, request: SessionRequest, directory: SessionDirectory) -> Decision:
    """Decide, and tell how: the result with its warnings and its trace.

    >>> from neo_routing import CallerKind, HeldRows, content_of
    >>> directory = HeldRows(content_of())
    >>> decision = decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=12), directory)
    >>> [str(step.reason) for step in decision.trace]
    ['well_formed', 'no_client_id', 'agent_id_given', 'agent_missing']
    """
    plan = _plan(caller, request)
    return plan if isinstance(plan, Decision) else _carried_out(plan, directory.look_up((plan[1],)), directory)


async def adecide(
    caller: Caller, request: SessionRequest, directory: AsyncSessionDirectory | HoldingDirectory
) -> Decision:
    """Decide as `decide` does, and await the directory, unless that holds its rows itself.

    >>> import asyncio
    >>> from neo_routing import CallerKind, HeldRows, content_of
    >>> user = Caller(CallerKind.USER, "msp-a")
    >>> asyncio.run(adecide(user, SessionRequest(agent_id=12), HeldRows(content_of()))).result.failure().status
    404
    """
    plan = _plan(caller, request)
    if isinstance(plan, Decision):
        return plan
    return _carried_out(plan, await _awaited(directory, (plan[1],)), directory)


def decide_many(cases: Iterable[tuple[Caller, SessionRequest]], directory: SessionDirectory) -> list[Decision]:
    """Decide a batch with a single look-up; the decisions come in the order of the cases, equal to one by one.

    >>> from neo_routing import CallerKind, HeldRows, content_of
    >>> user = Caller(CallerKind.USER, "msp-a")
    >>> directory = HeldRows(content_of())
    >>> decisions = decide_many([(user, SessionRequest(agent_id=12)), (user, SessionRequest())], directory)
    >>> [decision.result.failure().status for decision in decisions]
    [404, 422]
    """
    plans, needed = _plans(cases)
    return _all_carried_out(plans, directory.look_up(needed) if needed else NO_ROWS, directory)


async def adecide_many(
    cases: Iterable[tuple[Caller, SessionRequest]], directory: AsyncSessionDirectory | HoldingDirectory
) -> list[Decision]:
    """Decide a batch as `decide_many` does, and await the directory once."""
    plans, needed = _plans(cases)
    return _all_carried_out(plans, await _awaited(directory, needed) if needed else NO_ROWS, directory)


def rows_needed(caller: Caller, request: SessionRequest) -> RowsNeeded | None:
    """Tell which rows a decision on this can look at; `None` where the shape of the request is refused.

    >>> from neo_routing import CallerKind
    >>> rows_needed(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=12))
    ('msp-a', 12, None, None, None)
    """
    plan = _plan(caller, request)
    return None if isinstance(plan, Decision) else plan[1]


_Plan: TypeAlias = tuple[_Branch, RowsNeeded, Caller, SessionRequest, Admission]


def _plan(caller: Caller, request: SessionRequest) -> _Plan | Decision:
    try:
        branch = _PLATFORM if caller.is_platform else _OTHERS
        admission = branch.admissions[request.shape]
    except AttributeError as error:
        raise _misuse(caller, request) from error
    if admission.failure is not None:
        return Decision(admission.failure, (caller, request, admission, None, NO_ROWS, (admission.failure, (), ())))
    return branch, branch.rows_needed(caller.tenant_id, request), caller, request, admission


def _carried_out(plan: _Plan, rows: Rows, directory: object) -> Decision:
    branch, needed, caller, request, admission = plan
    try:
        routing = branch.session(request, needed, rows)
    except AttributeError as error:
        raise _no_rows(directory, rows) from error
    return Decision(routing[0], (caller, request, admission, needed, rows, routing))


def _plans(cases: Iterable[tuple[Caller, SessionRequest]]) -> tuple[list[_Plan | Decision], list[RowsNeeded]]:
    plans = [_plan(caller, request) for caller, request in cases]
    return plans, [plan[1] for plan in plans if not isinstance(plan, Decision)]


def _all_carried_out(plans: list[_Plan | Decision], rows: Rows, directory: object) -> list[Decision]:
    return [plan if isinstance(plan, Decision) else _carried_out(plan, rows, directory) for plan in plans]


async def _awaited(directory: AsyncSessionDirectory | HoldingDirectory, needed: Sequence[RowsNeeded]) -> Rows:
    found = directory.look_up(needed)
    if not isinstance(found, Rows):
        return await found
    if getattr(directory, "holds_its_rows", False):
        return found
    raise TypeError(f"{type(directory).__name__} would block the event loop: adecide takes one that is awaited")


def _misuse(caller: object, request: object) -> TypeError:
    if not isinstance(caller, Caller):
        return TypeError(f"the caller must be a Caller, and not {type(caller).__name__}")
    kind = type(request).__name__
    return TypeError(f"the request must be a SessionRequest, and not {kind}: parse_session_request makes one of a body")


def _no_rows(directory: object, rows: object) -> TypeError:
    assert not isinstance(rows, Rows), "all that is asked of them is there"
    if isinstance(rows, Coroutine):
        rows.close()  # or it would warn of itself
    return TypeError(f"{type(directory).__name__}.look_up must return Rows, and not {type(rows).__name__}")
