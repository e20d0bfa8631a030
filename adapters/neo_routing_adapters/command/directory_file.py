"""A directory document that is named on the command line, or comes from standard input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from neo_routing import InvalidDirectory
from neo_routing_adapters.command.failure import CommandFailed, cannot
from neo_routing_adapters.command.standard_input import STANDARD_INPUT, name_of, standard_input
from neo_routing_adapters.memory import MemoryDirectory, read_directory

_MOST_PROBLEMS: Final = 50


def directory_at(path: Path) -> MemoryDirectory:
    """Read a directory document. Raises `CommandFailed`."""
    return _read(read_directory, path)


def directory_from(path: Path) -> MemoryDirectory:
    """Read a directory document, or JSON on standard input where the path is `-`. Raises `CommandFailed`."""
    return _read(_read_standard_input if path == STANDARD_INPUT else read_directory, path)


def _read(read: Callable[[Path], MemoryDirectory], path: Path) -> MemoryDirectory:
    try:
        return read(path)
    except OSError as error:
        raise cannot(f"read {name_of(path)}", error) from error
    except InvalidDirectory as invalid:
        summary, *lines = _problems(invalid)
        raise CommandFailed(f"cannot use {name_of(path)}: {summary}", more_lines=lines) from invalid


def _read_standard_input(_: Path) -> MemoryDirectory:
    with TemporaryDirectory() as folder:  # a document is read from a file, whose name says in what form it is
        path = Path(folder) / "directory.json"
        path.write_bytes(standard_input().read())
        return read_directory(path)


def _problems(invalid: InvalidDirectory) -> Iterator[str]:
    many = invalid.count
    if many > 1:
        yield f"{many} problems in the directory"
    yield from map(str, invalid.problems[:_MOST_PROBLEMS])
    if many > _MOST_PROBLEMS:
        yield f"… and {many - _MOST_PROBLEMS} more"
