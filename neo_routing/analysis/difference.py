"""The difference of two directories: every class of calls that is told otherwise, the worst first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final, TypeAlias

from attrs import frozen

from neo_routing.analysis.analysed import Directory, content_to_analyse
from neo_routing.analysis.call_set import CallSet
from neo_routing.analysis.change import Change, change_of
from neo_routing.analysis.changed_rows import ChangedRows, changed_rows
from neo_routing.analysis.common import Both, CommonClass
from neo_routing.analysis.nowhere import nowhere_in
from neo_routing.analysis.points import Point, points
from neo_routing.analysis.region_finder import RegionFinder
from neo_routing.analysis.regions import BotRegion, InstallationRegion, is_in_bot_region, is_in_installation_region
from neo_routing.analysis.resting import Resting
from neo_routing.analysis.which import Which
from neo_routing.content import HeldRows
from neo_routing.decide import decide
from neo_routing.decision import Decision
from neo_routing.names import Name
from neo_routing.plain_data.calls import decision_data

DifferingCalls: TypeAlias = CommonClass | InstallationRegion | BotRegion


class Side(Name):
    """One of two directories."""

    BEFORE = "before"
    AFTER = "after"


@frozen(kw_only=True)
class Difference:
    """A class of calls that two directories tell otherwise: what before, what after, and what changed by that."""

    request_class: DifferingCalls
    """The calls: alike before, and alike after."""
    change: Change
    before: Decision
    """What the call that stands for all is told before."""
    after: Decision
    """What it is told after."""
    tenant_only_in: Side | None
    """Where the target or home tenant is, if it is not in both."""

    @property
    def answer_changed(self) -> bool:
        """Whether the answer is another one, and not only the warnings."""
        return self.change is not Change.WARNING

    def data(self) -> dict[str, Any]:
        """Return the difference as plain data, made anew."""
        return {
            "change": str(self.change),
            "answer_changed": self.answer_changed,
            "request_class": self.request_class.data(),
            "before": decision_data(self.before),
            "after": decision_data(self.after),
            "tenant_only_in": None if self.tenant_only_in is None else str(self.tenant_only_in),
        }


def difference(before: Directory, after: Directory) -> tuple[Difference, ...]:
    """Return every class of calls that two whole directories tell otherwise, the worst change first.

    Those of one change are sorted by their words.
    The answer to a call differs if and only if a class holds it whose `answer_changed`. Only what changed is visited,
    and what rests on that. Raises `ValueError` for a slice.

    >>> from neo_routing import Tenant, content_of
    >>> found = difference(content_of(), content_of(tenants=[Tenant(id="msp-a")]))
    >>> {str(each.change) for each in found}, {str(each.tenant_only_in) for each in found}
    ({'another_refusal'}, {'after'})
    >>> found[0].request_class.words.partition("; then: ")[2]
    'the platform for msp-a, any bot that nobody has, any other M365 tenant'
    """
    one, other = content_to_analyse(before), content_to_analyse(after)
    both = Both(one, other, nowhere_in(one, other))
    changed = changed_rows(one, other)
    resting = Resting(both, changed)
    found = chain(_in_common(both, points(both, changed, resting)), _in_regions(both, changed, resting))
    return tuple(sorted(found, key=lambda each: (_ORDER[each.change], each.request_class.words)))


_ORDER: Final = {change: place for place, change in enumerate(Change)}


def _in_common(both: Both, calls: Iterable[Point]) -> Iterator[Difference]:
    seen: set[tuple[CallSet, CallSet]] = set()
    for caller, request in calls:
        before, after = both.call_sets(caller, request)
        assert before is not None, "ids of rows are usable"
        assert after is not None, "likewise"
        if (before, after) in seen or is_in_installation_region(before, after):
            continue
        seen.add((before, after))
        if not is_in_bot_region(both, caller, request):
            common = CommonClass(before=before, after=after, caller=caller, request=request, both=both)
            yield from _told_otherwise(both, common, before.tenant_id or after.tenant_id)


def _in_regions(both: Both, changed: ChangedRows, resting: Resting) -> Iterator[Difference]:
    finder = RegionFinder(both)
    for region in finder.of_installations([key for key in resting.installations if resting.is_one_sided(key)]):
        for found in _told_otherwise(both, region, None):
            # The answer is the same for any `client_id`, and the warnings are not.
            if found.answer_changed is (region.client_id is Which.ANY):
                yield found
    for bot_region in finder.of_bots(changed.bots):
        yield from _told_otherwise(both, bot_region, None)


def _told_otherwise(both: Both, calls: DifferingCalls, tenant_id: str | None) -> Iterator[Difference]:
    before, after = [decide(calls.caller, calls.request, HeldRows(rows)) for rows in both.sides]
    if (before.result, before.warnings) != (after.result, after.warnings):
        yield Difference(
            request_class=calls,
            change=change_of(before.result, after.result),
            before=before,
            after=after,
            tenant_only_in=_only_in(both, tenant_id),
        )


def _only_in(both: Both, tenant_id: str | None) -> Side | None:
    sides = [side for side, rows in zip(Side, both.sides, strict=True) if tenant_id in rows.tenants]
    return sides[0] if len(sides) == 1 else None
