"""`neo-routing diff`: which calls two directories answer otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from neo_routing.analysis import Change, Difference, difference
from neo_routing_adapters.command.analysis.differences import write_differences
from neo_routing_adapters.command.analysis.expected import expected_in
from neo_routing_adapters.command.analysis.weighed import Weighed, weighed
from neo_routing_adapters.command.analysis.whole_directory import whole_directory
from neo_routing_adapters.command.database_url import refuse_url
from neo_routing_adapters.command.failure import FOUND, CommandFailed
from neo_routing_adapters.command.progress import progress
from neo_routing_adapters.json_lines import plain_line
from neo_routing_adapters.phrases import exactly

EXAMPLE: Final = """\
Example, where after.json is a changed copy of before.json:

$ neo-routing diff before.json after.json --fail-on wider,refused"""


def diff(  # an option of the command line each
    before: str,
    after: str,
    /,
    *,
    cases: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    expect: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    fail_on: Annotated[str | None, Parameter(metavar="CHANGE,…")] = None,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Tell every class of calls that two directories answer otherwise, the worst change first.

    Changed names are no difference. The exit status is 1 where --expect or --fail-on says so.

    Parameters
    ----------
    before
        Directory document, .json or .toml, or database, postgresql://user@host/name or sqlite:///file.
    after
        The same, after the change.
    cases
        File with a case or a record on each line, or -: tell how many of them would have gone elsewhere.
    expect
        File with differences that are meant, as --json writes them, or -: leave them out, and fail on all others.
    fail_on
        Fail on these changes alone: wider, another_tenant, another_scope, refused, answered, another_agent,
        another_refusal, warning.
    json
        Write each difference as a JSON object on a line.
    """
    changes = None if fail_on is None else _changes(fail_on)
    meant = None if expect is None else expected_in(expect)
    if cases is not None:
        refuse_url(cases, "the cases must be a file, or - for standard input")
    one, other = whole_directory(before), whole_directory(after)
    with progress("Comparing"):
        found = difference(one, other)
    weight = None if cases is None else weighed(cases, found)
    others = [each for each in found if meant is None or each not in meant]
    if json:
        _write_lines(others, weight)
    else:
        write_differences(others, weight, all_told=len(others) == len(found))
    if meant is not None or changes is not None:
        _require_none([each for each in others if changes is None or each.change in changes])


def _changes(given: str) -> frozenset[Change]:
    named = {each.strip() for each in given.split(",")}
    unknown = sorted(named - {*map(str, Change)})
    if unknown:
        known = ", ".join(map(str, Change))
        raise CommandFailed(f"--fail-on knows no {exactly(unknown[0])}; a change is one of {known}")
    return frozenset(map(Change, named))


def _write_lines(differences: Sequence[Difference], weight: Weighed | None) -> None:
    for each in differences:
        print(plain_line(each.data() if weight is None else each.data() | {"cases": weight.of(each)}))
    if weight is not None:
        print(plain_line(weight.data()))


def _require_none(failing: Sequence[Difference]) -> None:
    if failing:
        many = f"{len(failing):,} {'difference' if len(failing) == 1 else 'differences'}"
        named = ", ".join(dict.fromkeys(str(each.change) for each in failing))
        raise CommandFailed(f"{many} that should not be: {named}", FOUND)
