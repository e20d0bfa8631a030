"""`neo-routing resolve`: JSON Lines in, JSON Lines out, however many."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from neo_routing import SessionDirectory
from neo_routing.printable import printable
from neo_routing_adapters.command.case_file import Tally, looks_like
from neo_routing_adapters.command.database_url import refuse_url
from neo_routing_adapters.command.failure import MIDWAY, CommandFailed, cannot
from neo_routing_adapters.command.given_directory import given_directory
from neo_routing_adapters.command.progress import progress
from neo_routing_adapters.command.secrets import without_secrets
from neo_routing_adapters.json_lines import decide_line, decision_line

EXAMPLE: Final = """\
Example, with the files that "neo-routing demo --save sample" writes:

$ neo-routing resolve --directory sample/directory.json sample/cases.jsonl"""

_LINES_BETWEEN_UPDATES: Final = 1000
_BEGINNING: Final = 4096


def resolve(
    cases: Path | None = None,
    /,
    *,
    directory: str,
    explain: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Decide every case of a JSON Lines file.

    A decision comes out for each case, on a line of its own, in order.

    Parameters
    ----------
    cases
        File with a case on each line; standard input if left out.
    directory
        Directory document, .json or .toml, or database, postgresql://user@host/name or sqlite:///file.
    explain
        Add the trace, which a refused caller must not see.
    """
    if cases is not None:
        refuse_url(cases, "the cases must be a file, or come from standard input")
    tally, name = Tally(), "standard input" if cases is None else str(cases)
    with given_directory(directory) as known, _opened(cases) as lines:
        hint = _hint(lines)
        if hint is not None:
            _tell(f"{name} holds no cases: {hint}")
        _decide(lines, known, explain, tally)
    if hint is None and tally.holds_no_case:
        _tell(f"none of the lines of {name} is a case")
    if sys.stderr is not None and sys.stderr.isatty():
        _tell(str(tally))


def _decide(lines: BufferedReader, directory: SessionDirectory, explain: bool, tally: Tally) -> None:
    output = sys.stdout.buffer
    regular = stat.S_ISREG(os.fstat(lines.fileno()).st_mode)
    for line in _watched(lines) if regular and not sys.stdout.isatty() else _read(lines):
        decision = decide_line(line, directory)
        tally.note(decision)
        output.write(decision_line(decision, trace=explain).encode() + b"\n")
        if not regular:
            output.flush()


def _hint(lines: BufferedReader) -> str | None:
    """Return what is wrong with all of the file, if that shows; and say so where a person has to type it."""
    if lines.isatty():
        _tell("waiting for cases, a JSON object on each line; Ctrl-D ends them")
    with _reading_on():
        return looks_like(lines.peek(_BEGINNING))


def _tell(what: str) -> None:
    if sys.stderr is not None:
        print(f"neo-routing: {printable(without_secrets(what))}", file=sys.stderr, flush=True)


@contextmanager
def _reading_on() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise cannot("read on", error, MIDWAY) from error


@contextmanager
def _opened(cases: Path | None) -> Iterator[BufferedReader]:
    if cases is None:
        if sys.stdin is None:
            raise CommandFailed("standard input is closed")
        assert isinstance(sys.stdin.buffer, BufferedReader)
        yield sys.stdin.buffer
        return
    try:
        file = cases.open("rb")
    except OSError as error:
        raise cannot(f"read {cases}", error) from error
    with file:
        yield file


def _read(lines: BufferedReader) -> Iterator[bytes]:
    with _reading_on():
        yield from lines


def _watched(lines: BufferedReader) -> Iterator[bytes]:
    """Yield the lines, and show how far it has come."""
    with progress("Deciding") as show:
        show(total=os.fstat(lines.fileno()).st_size)
        yield from _counted(_read(lines), show)


def _counted(lines: Iterable[bytes], show: Callable[..., Any]) -> Iterator[bytes]:
    done = 0
    for number, line in enumerate(lines):
        yield line
        done += len(line)
        if number % _LINES_BETWEEN_UPDATES == 0:
            show(completed=done)
