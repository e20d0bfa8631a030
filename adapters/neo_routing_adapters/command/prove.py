"""`neo-routing prove`: try every small world."""

from __future__ import annotations

import json as json_format
import os
from contextlib import closing
from typing import Annotated, Final

from cyclopts import Parameter

from neo_routing.testing.prove import Tried
from neo_routing.testing.prove import prove as tried_so_far
from neo_routing.testing.small_worlds import SCOPES, Scope
from neo_routing_adapters.command.failure import FOUND, CommandFailed
from neo_routing_adapters.command.program import orderly_termination
from neo_routing_adapters.command.progress import progress

EXAMPLE: Final = "Example:\n\n$ neo-routing prove --scope tiny"
_MOST_FOR_EACH_PROCESSOR: Final = 4


def prove(
    *,
    scope: str = "small",
    laws: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    processes: int | None = None,
) -> None:
    """Prove that the library agrees with the reference model in every small world, or that the laws hold there.

    Standard output has how many pairs of a world and a call were tried. If one of them is a counterexample, it has that
    instead, as a file of cases, and the exit status is 1.

    Parameters
    ----------
    scope
        How large worlds may be: tiny, small (minutes) or large (an hour).
    laws
        Prove the laws instead of the agreement.
    processes
        How many to run, four for each processor at most; by default one for each.
    """
    most = _MOST_FOR_EACH_PROCESSOR * (os.cpu_count() or 1)
    if processes is not None and not 1 <= processes <= most:
        raise CommandFailed(f"--processes must be from 1 to {most}, {_MOST_FOR_EACH_PROCESSOR} for each processor")
    tried = _tried(_scope(scope), laws, processes)
    if tried.counterexample is not None:
        print(json_format.dumps(tried.counterexample.document(), indent=2))
        broken = tried.counterexample.proposition
        raise CommandFailed(f"{broken} does not hold; the counterexample is on standard output", FOUND)
    proved = "every law" if laws else "agreement with the reference model"
    print(f"{proved}: {tried.pairs:,} pairs of a world and a call, {tried.worlds:,} worlds, no counterexample")


def _scope(name: str) -> Scope:
    if name not in SCOPES:
        raise CommandFailed(f"--scope must be one of {', '.join(SCOPES)}")
    return SCOPES[name]


def _tried(scope: Scope, laws: bool, processes: int | None) -> Tried:
    tried = Tried()
    with (
        orderly_termination(),
        progress("Proving") as show,
        closing(tried_so_far(scope, laws=laws, processes=processes)) as parts,
    ):
        for share, tried in parts:
            show(description=f"Proving, {tried.pairs:,} pairs", completed=share, total=1)
    return tried
