"""Why the command cannot do what it was told."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from neo_routing.messages import printable
from neo_routing_adapters.memory import InvalidDirectory, MemoryDirectory, read_directory

UNUSABLE: Final = 2
"""Nothing was decided: what was given cannot be used."""
MIDWAY: Final = 3
"""Something gave out midway: the directory, the input or the output."""


class CommandFailed(Exception):
    """The command ends with a message on standard error and an exit status; its message may be shown as it is."""

    def __init__(self, message: str, status: int = UNUSABLE) -> None:
        super().__init__("\n".join(map(printable, message.split("\n"))))
        self.status = status


def cannot(do_what: str, error: OSError, status: int = UNUSABLE) -> CommandFailed:
    """Make the failure of something that the operating system would not do."""
    return CommandFailed(f"cannot {do_what}: {error.strerror or error}", status)


def directory_at(path: Path) -> MemoryDirectory:
    """Read the directory document that was named on the command line. Raises `CommandFailed`."""
    try:
        return read_directory(path)
    except OSError as error:
        raise cannot(f"read {path}", error) from error
    except InvalidDirectory as invalid:
        raise CommandFailed(f"cannot use {path}: {invalid}") from invalid
