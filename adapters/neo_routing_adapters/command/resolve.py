"""`neo-routing resolve`: JSON Lines in, JSON Lines out, however many."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

from cyclopts import Parameter

from neo_routing_adapters.command.failure import MIDWAY, CommandFailed, cannot
from neo_routing_adapters.command.given_directory import given_directory
from neo_routing_adapters.command.progress import progress
from neo_routing_adapters.json_lines import answer_line

EXAMPLE: Final = """\
Example, with the files that "neo-routing demo --save sample" writes:

$ neo-routing resolve --directory sample/directory.json sample/cases.jsonl"""

_LINES_BETWEEN_UPDATES: Final = 1000


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
    output = sys.stdout.buffer
    with given_directory(directory) as known, _opened(cases) as lines:
        regular = stat.S_ISREG(os.fstat(lines.fileno()).st_mode)
        for line in _watched(lines) if regular and not sys.stdout.isatty() else _read(lines):
            output.write(answer_line(line, known, trace=explain).encode() + b"\n")
            if not regular:
                output.flush()


@contextmanager
def _opened(cases: Path | None) -> Iterator[BinaryIO]:
    if cases is None:
        if sys.stdin is None:
            raise CommandFailed("standard input is closed")
        yield sys.stdin.buffer
        return
    try:
        file = cases.open("rb")
    except OSError as error:
        raise cannot(f"read {cases}", error) from error
    with file:
        yield file


def _read(lines: BinaryIO) -> Iterator[bytes]:
    try:
        yield from lines
    except OSError as error:
        raise cannot("read on", error, MIDWAY) from error


def _watched(lines: BinaryIO) -> Iterator[bytes]:
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
