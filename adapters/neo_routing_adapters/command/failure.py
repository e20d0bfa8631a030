"""How the command ends when it cannot do what was asked: an exit status, and what is said on standard error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from neo_routing.printable import printable

FOUND: Final = 1
"""Something was looked for that should not be there, and it was found."""
UNUSABLE: Final = 2
"""Nothing was decided: what was given cannot be used."""
MIDWAY: Final = 3
"""Something gave out midway: the directory, the input or the output."""


class CommandFailed(Exception):
    """The command ends with an exit status and a line on standard error, or several; they may be shown as they are."""

    def __init__(self, message: str, status: int = UNUSABLE, *, more_lines: Iterable[str] = ()) -> None:
        super().__init__("\n  ".join(map(printable, [message, *more_lines])))
        self.status = status


def cannot(do_what: str, error: OSError, status: int = UNUSABLE) -> CommandFailed:
    """Make the failure of something that the operating system would not do."""
    return CommandFailed(f"cannot {do_what}: {error.strerror or error}", status)
