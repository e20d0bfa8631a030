"""What the request classes of a directory promise, as a law beside those of the rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from neo_routing import Caller, HeldRows, SessionRequest, WarningCode, decide
from neo_routing.analysis import CallSet, RequestClass, request_classes
from neo_routing.analysis.partition import call_set_of
from neo_routing.decision import MadeDecision
from neo_routing.plain_data.calls import caller_data, request_data
from neo_routing.step import Step
from neo_routing.testing.small_worlds import CALLS, Call

if TYPE_CHECKING:
    from neo_routing.testing.laws import Seen

Told: TypeAlias = tuple[Any, tuple[WarningCode, ...], list[Step]]
"""An answer, the warnings, and the steps that led there."""


def partition(seen: Seen) -> Iterator[Call]:
    """Every call belongs to one request class and is decided as its representative, which belongs to it as well."""
    rows, directory = seen.directory.content, seen.directory
    representatives: dict[CallSet | None, Told] = {}
    for each in request_classes(rows):
        if each.calls in representatives or not each.holds(each.caller, each.request):
            yield _representative(each)
        representatives[each.calls] = told(each.caller, each.request, directory)
    for call in _CALLS:
        calls = call_set_of(call.caller, call.request, rows)
        if representatives.get(calls) != told(call.caller, call.request, directory):
            yield call


_CALLS: Final = tuple(call for call in CALLS if call.caller.is_platform or call.request.bot_id is None)
"""Without those that differ from one of these in what is ignored."""


def told(caller: Caller, request: SessionRequest, directory: HeldRows) -> Told:
    """Return what a call is told, without the M365 tenant id that it has itself, and without what was ignored of it."""
    decision = decide(caller, request, directory)
    assert isinstance(decision, MadeDecision), "it was just decided"
    answer: Any = decision.result
    refusal = decision.refusal
    if refusal is not None and refusal.m365_tenant_id is not None:
        said = refusal.message.replace(refusal.m365_tenant_id, "…")
        answer = refusal.code, refusal.reason, said, refusal.m365_tenant_id == request.m365_tenant_id
    warnings = decision.warnings if caller.is_platform else decision.routing_warnings
    return answer, warnings, [step for step, _, _, _ in decision.findings]


def _representative(each: RequestClass) -> Call:
    document = {"caller": caller_data(each.caller), "request": request_data(each.request)}
    return Call(each.caller, each.request, document)
