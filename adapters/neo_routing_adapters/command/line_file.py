"""Lines that were named on the command line: of a file, or of standard input, read one at a time."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

from neo_routing_adapters.command.failure import MIDWAY, cannot
from neo_routing_adapters.command.progress import progress
from neo_routing_adapters.command.standard_input import standard_input

_LINES_BETWEEN_UPDATES: Final = 1000


@contextmanager
def opened(path: Path | None) -> Iterator[BufferedReader]:
    """Open a file, or standard input. Raises `CommandFailed`."""
    if path is None:
        yield standard_input()
        return
    try:
        file = path.open("rb")
    except OSError as error:
        raise cannot(f"read {path}", error) from error
    with file:
        yield file


@contextmanager
def reading_on() -> Iterator[None]:
    """Make a `CommandFailed` of what the operating system does not go on to read."""
    try:
        yield
    except OSError as error:
        raise cannot("read on", error, MIDWAY) from error


def is_regular(lines: BufferedReader) -> bool:
    """Tell whether it is a file with a size, and nobody waits for each answer before the next line."""
    return stat.S_ISREG(os.fstat(lines.fileno()).st_mode)


@contextmanager
def each_line(lines: BufferedReader, doing: str) -> Iterator[Iterator[bytes]]:
    """Give the lines, and show how far it has come if that can be told and nothing else is shown.

    What is shown is gone when the block ends, however that is.
    """
    if not is_regular(lines) or sys.stdout.isatty():
        yield _read(lines)
        return
    with progress(doing) as show:
        show(total=os.fstat(lines.fileno()).st_size)
        yield _counted(_read(lines), show)


def _read(lines: BufferedReader) -> Iterator[bytes]:
    with reading_on():
        yield from lines


def _counted(lines: Iterable[bytes], show: Callable[..., Any]) -> Iterator[bytes]:
    done = 0
    for number, line in enumerate(lines):
        yield line
        done += len(line)
        if number % _LINES_BETWEEN_UPDATES == 0:
            show(completed=done)
