"""Why the command cannot do what it was told."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from neo_routing import InvalidDirectory
from neo_routing.printable import printable
from neo_routing_adapters.memory import MemoryDirectory, read_directory

FOUND: Final = 1
"""Something was looked for that should not be there, and it was found."""
UNUSABLE: Final = 2
"""Nothing was decided: what was given cannot be used."""
MIDWAY: Final = 3
"""Something gave out midway: the directory, the input or the output."""
STANDARD_INPUT: Final = Path("-")
_MOST_PROBLEMS: Final = 50


class CommandFailed(Exception):
    """The command ends with an exit status and a line on standard error, or several; they may be shown as they are."""

    def __init__(self, message: str, status: int = UNUSABLE, *, more_lines: Iterable[str] = ()) -> None:
        super().__init__("\n  ".join(map(printable, [message, *more_lines])))
        self.status = status


def cannot(do_what: str, error: OSError, status: int = UNUSABLE) -> CommandFailed:
    """Make the failure of something that the operating system would not do."""
    return CommandFailed(f"cannot {do_what}: {error.strerror or error}", status)


def directory_at(path: Path) -> MemoryDirectory:
    """Read the directory document that was named on the command line. Raises `CommandFailed`."""
    return _read(read_directory, path)


def document_at(path: Path) -> MemoryDirectory:
    """Read the directory document that was named on the command line, or JSON on standard input.

    Raises `CommandFailed`.
    """
    return _read(_read_standard_input if path == STANDARD_INPUT else read_directory, path)


def name_of(path: Path) -> str:
    """Return what a document is called to a person."""
    return "standard input" if path == STANDARD_INPUT else str(path)


def _read(read: Callable[[Path], MemoryDirectory], path: Path) -> MemoryDirectory:
    try:
        return read(path)
    except OSError as error:
        raise cannot(f"read {name_of(path)}", error) from error
    except InvalidDirectory as invalid:
        summary, *lines = _told(invalid)
        raise CommandFailed(f"cannot use {name_of(path)}: {summary}", more_lines=lines) from invalid


def _read_standard_input(_: Path) -> MemoryDirectory:
    if sys.stdin is None:
        raise CommandFailed("standard input is closed")
    with TemporaryDirectory() as folder:  # a document is read from a file, whose name says in what form it is
        path = Path(folder) / "directory.json"
        path.write_bytes(sys.stdin.buffer.read())
        return read_directory(path)


def _told(invalid: InvalidDirectory) -> Iterator[str]:
    many = invalid.count
    if many > 1:
        yield f"{many} problems in the directory"
    yield from map(str, invalid.problems[:_MOST_PROBLEMS])
    if many > _MOST_PROBLEMS:
        yield f"… and {many - _MOST_PROBLEMS} more"
