"""The functions that users call: plan what must be known, look it up once, decide."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from typing import TypeAlias

from returns.result import Result

from neo_routing.admission import Admission, admission_of
from neo_routing.caller import Caller
from neo_routing.decision import Decision, MadeDecision
from neo_routing.findings import Routing
from neo_routing.needed import RowsNeeded, needed_for
from neo_routing.port import AsyncSessionDirectory, HoldingDirectory, SessionDirectory
from neo_routing.refusals import Refusal
from neo_routing.request import SessionRequest
from neo_routing.routing import own_session, platform_session
from neo_routing.rows import Rows
from neo_routing.rows_builder import NO_ROWS
from neo_routing.target import SessionTarget


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
    admission = admission_of(caller, request)
    if admission.failure is not None:
        return admission.failure
    answer, _, _ = _routed(caller, request, directory.look_up((needed_for(caller, request),)), directory)
    return answer


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
    admission = admission_of(caller, request)
    if admission.failure is not None:
        return MadeDecision(admission.failure, caller, request)
    return _decided(caller, request, directory.look_up((needed_for(caller, request),)), directory)


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
    admission = admission_of(caller, request)
    if admission.failure is not None:
        return MadeDecision(admission.failure, caller, request)
    return _decided(caller, request, await _awaited(directory, (needed_for(caller, request),)), directory)


def decide_many(cases: Iterable[tuple[Caller, SessionRequest]], directory: SessionDirectory) -> list[Decision]:
    """Decide a batch with a single look-up; the decisions come in the order of the cases, equal to one by one.

    >>> from neo_routing import CallerKind, HeldRows, content_of
    >>> user = Caller(CallerKind.USER, "msp-a")
    >>> directory = HeldRows(content_of())
    >>> decisions = decide_many([(user, SessionRequest(agent_id=12)), (user, SessionRequest())], directory)
    >>> [decision.result.failure().status for decision in decisions]
    [404, 422]
    """
    admitted = _admitted(cases)
    needed = _all_needed(admitted)
    return _all_decided(admitted, directory.look_up(needed) if needed else NO_ROWS, directory)


async def adecide_many(
    cases: Iterable[tuple[Caller, SessionRequest]], directory: AsyncSessionDirectory | HoldingDirectory
) -> list[Decision]:
    """Decide a batch as `decide_many` does, and await the directory once."""
    admitted = _admitted(cases)
    needed = _all_needed(admitted)
    return _all_decided(admitted, await _awaited(directory, needed) if needed else NO_ROWS, directory)


def rows_needed(caller: Caller, request: SessionRequest) -> RowsNeeded | None:
    """Tell which rows a decision on this can look at; `None` where the shape of the request is refused.

    >>> from neo_routing import CallerKind
    >>> rows_needed(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=12))
    ('msp-a', 12, None, None, None)
    """
    return needed_for(caller, request) if admission_of(caller, request).failure is None else None


def _decided(caller: Caller, request: SessionRequest, rows: Rows, directory: object) -> Decision:
    answer, warnings, findings = _routed(caller, request, rows, directory)
    return MadeDecision(answer, caller, request, rows, warnings, findings)


def _routed(caller: Caller, request: SessionRequest, rows: Rows, directory: object) -> Routing:
    """Route on the rows that came back."""
    try:
        return platform_session(caller, request, rows) if caller.is_platform else own_session(caller, request, rows)
    except AttributeError as error:
        raise _no_rows(directory, rows) from error


_Case: TypeAlias = tuple[Caller, SessionRequest, Admission]


def _admitted(cases: Iterable[tuple[Caller, SessionRequest]]) -> list[_Case]:
    return [(caller, request, admission_of(caller, request)) for caller, request in cases]


def _all_needed(cases: Iterable[_Case]) -> list[RowsNeeded]:
    return [needed_for(caller, request) for caller, request, admission in cases if admission.failure is None]


def _all_decided(cases: Iterable[_Case], rows: Rows, directory: object) -> list[Decision]:
    return [
        _decided(caller, request, rows, directory)
        if admission.failure is None
        else MadeDecision(admission.failure, caller, request)
        for caller, request, admission in cases
    ]


async def _awaited(directory: AsyncSessionDirectory | HoldingDirectory, needed: Sequence[RowsNeeded]) -> Rows:
    found = directory.look_up(needed)
    if not isinstance(found, Rows):
        return await found
    if getattr(directory, "holds_its_rows", False):
        return found
    raise TypeError(f"{type(directory).__name__} would block the event loop: adecide takes one that is awaited")


def _no_rows(directory: object, rows: object) -> TypeError:
    assert not isinstance(rows, Rows), "all that is asked of them is there"
    if isinstance(rows, Coroutine):
        rows.close()  # or it would warn of itself
    return TypeError(f"{type(directory).__name__}.look_up must return Rows, and not {type(rows).__name__}")
