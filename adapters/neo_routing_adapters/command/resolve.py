"""`neo-routing resolve`: JSON Lines in, JSON Lines out, however many."""

from __future__ import annotations

import sys
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from neo_routing import SessionDirectory
from neo_routing.printable import printable
from neo_routing_adapters.command.case_file import Tally, looks_like
from neo_routing_adapters.command.database_url import refuse_url
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.given_directory import given_directory
from neo_routing_adapters.command.line_file import each_line, is_regular, opened, reading_on
from neo_routing_adapters.command.replay import replay
from neo_routing_adapters.command.secrets import without_secrets
from neo_routing_adapters.json_lines import decide_line, decision_line

EXAMPLE: Final = """\
Example, with the files that "neo-routing demo --save sample" writes:

$ neo-routing resolve --directory sample/directory.json sample/cases.jsonl"""

_BEGINNING: Final = 4096


def resolve(
    cases: Path | None = None,
    /,
    *,
    directory: str | None = None,
    expect: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    explain: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Decide every case of a JSON Lines file.

    A decision comes out for each case, on a line of its own, in order; for records, only for those that differ.

    Parameters
    ----------
    cases
        File with a case on each line; standard input if left out.
    directory
        Directory document, .json or .toml, or database, postgresql://user@host/name or sqlite:///file.
    expect
        File with a record on each line, or -: decide these again, on their own rows if no directory is given.
    explain
        Add the trace, which a refused caller must not see; of records, compare it too.
    """
    if expect is not None:
        if cases is not None:
            raise CommandFailed("give either a file of cases, or records by --expect")
        _tell_on_a_terminal(replay(expect, directory, trace=explain))
    elif directory is None:
        raise CommandFailed("--directory is required, unless --expect gives records, which have rows of their own")
    else:
        _resolve(cases, directory, explain)


def _resolve(cases: Path | None, directory: str, explain: bool) -> None:
    if cases is not None:
        refuse_url(cases, "the cases must be a file, or come from standard input")
    tally, name = Tally(), "standard input" if cases is None else str(cases)
    with given_directory(directory) as known, opened(cases) as lines:
        hint = _hint(lines)
        if hint is not None:
            _tell(f"{name} holds no cases: {hint}")
        _decide(lines, known, explain, tally)
    if hint is None and tally.holds_no_case:
        _tell(f"none of the lines of {name} is a case")
    _tell_on_a_terminal(str(tally))


def _decide(lines: BufferedReader, directory: SessionDirectory, explain: bool, tally: Tally) -> None:
    output = sys.stdout.buffer
    at_once = not is_regular(lines)
    with each_line(lines, "Deciding") as given:
        for line in given:
            decision = decide_line(line, directory)
            tally.note(decision)
            output.write(decision_line(decision, trace=explain).encode() + b"\n")
            if at_once:
                output.flush()


def _hint(lines: BufferedReader) -> str | None:
    """Return what is wrong with all of the file, if that shows; and say so where a person has to type it."""
    if lines.isatty():
        _tell("waiting for cases, a JSON object on each line; Ctrl-D ends them")
    with reading_on():
        return looks_like(lines.peek(_BEGINNING))


def _tell_on_a_terminal(what: str) -> None:
    if sys.stderr is not None and sys.stderr.isatty():
        _tell(what)


def _tell(what: str) -> None:
    if sys.stderr is not None:
        print(f"neo-routing: {printable(without_secrets(what))}", file=sys.stderr, flush=True)
