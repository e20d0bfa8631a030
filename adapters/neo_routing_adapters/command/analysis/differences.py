"""How differences are written for a person: grouped by what changed, the worst first, and by the two answers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from neo_routing import Decision
from neo_routing.analysis import Change, Difference, InstallationRegion, Side
from neo_routing_adapters.command.analysis.spoken import CHANGES, answer_words, with_warnings
from neo_routing_adapters.command.terminal import show_whole_lines
from neo_routing_adapters.phrases import exactly

if TYPE_CHECKING:
    from neo_routing_adapters.command.analysis.weighed import Weighed

_WORST = frozenset([Change.WIDER, Change.ANOTHER_TENANT, Change.ANOTHER_SCOPE, Change.REFUSED])


def write_differences(differences: Sequence[Difference], weight: Weighed | None, *, all_told: bool) -> None:
    """Write them to standard output, and what they weigh; or that there is none, or none but what was expected."""
    for change, alike in groupby(differences, key=lambda each: each.change):
        show_whole_lines(_heading(change), sys.stdout)
        for group in _by_answers(alike):
            show_whole_lines(_told(group, weight), sys.stdout)
    for line in _summary(differences, weight, all_told=all_told):
        print(line)


def _heading(change: Change) -> Text:
    return Text.assemble((str(change), "bold red" if change in _WORST else "bold yellow"), f": {CHANGES[change]}")


def _by_answers(differences: Iterable[Difference]) -> Iterator[list[Difference]]:
    groups: dict[tuple[str, str, Side | None], list[Difference]] = {}
    for each in differences:
        before, after = _answers(each)
        groups.setdefault((before.plain, after.plain, each.tenant_only_in), []).append(each)
    yield from groups.values()


def _told(group: Sequence[Difference], weight: Weighed | None) -> RenderableType:
    """Tell differences of one change and the same two answers."""
    first = group[0]
    before, after = _answers(first)
    lines = [Text(each.request_class.words) for each in group]
    answers = [Text.assemble("before  ", before), Text.assemble("after   ", after)]
    if first.tenant_only_in is not None:
        answers.append(Text(f"the tenant is there {first.tenant_only_in} the change alone", "yellow"))
    if weight is not None:
        answers.append(Text(f"cases   {sum(map(weight.of, group)):,}"))
    return Group(*(Padding(line, (0, 0, 0, 2)) for line in lines), *(Padding(line, (0, 0, 0, 4)) for line in answers))


def _answers(found: Difference) -> tuple[Text, Text]:
    tell = with_warnings if found.change is Change.WARNING else answer_words
    before, after = tell(found.before), tell(found.after)
    calls = found.request_class
    if isinstance(calls, InstallationRegion):
        if calls.installed_before:
            return before, _of_each_target(calls, found.after, tell)
        return _of_each_target(calls, found.before, tell), after
    return before, after


def _of_each_target(calls: InstallationRegion, decision: Decision, tell: Callable[[Decision], Text]) -> Text:
    return Text.assemble(f"each target's own answer; of {exactly(calls.target_id)} ", tell(decision))


def _summary(differences: Sequence[Difference], weight: Weighed | None, *, all_told: bool) -> Iterator[str]:
    count = len(differences)
    if not count:
        yield "nothing is told otherwise" if all_told else "nothing is told otherwise but what was expected"
    else:
        yield f"{count:,} {'class' if count == 1 else 'classes'} of calls told otherwise"
    if weight is not None:
        malformed = f", {weight.malformed:,} malformed" if weight.malformed else ""
        yield f"{weight.elsewhere:,} of {weight.cases:,} cases would have gone elsewhere{malformed}"
