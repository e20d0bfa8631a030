"""The peppers of API keys, which come from a file or from the environment, never from the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from neo_routing_adapters.command.failure import CommandFailed, cannot

if TYPE_CHECKING:
    from neo_routing_adapters.http.peppers import Peppers

VARIABLE: Final = "NEO_ROUTING_KEY_PEPPERS"
_LONGEST: Final = 1 << 16


def given_peppers(file: Path | None) -> Peppers:
    """Read the peppers, newest first. Raises `CommandFailed`, which tells none of what was read."""
    from neo_routing_adapters.http.peppers import read_peppers  # noqa: PLC0415  # its extra may be missing

    place = VARIABLE if file is None else str(file)
    try:
        return read_peppers(_text(file))
    except ValueError as error:
        raise CommandFailed(f"{place} cannot be used: {error}") from None


def _text(file: Path | None) -> str:
    if file is None:
        found = os.environ.get(VARIABLE)
        if not found:
            raise CommandFailed(
                f"keys are made under a pepper, 32 random bytes or more in hexadecimal digits: set {VARIABLE}, or give "
                "a file by --peppers"
            )
        return found
    try:
        with file.open(encoding="ascii") as opened:
            return opened.read(_LONGEST)
    except UnicodeDecodeError:
        raise ValueError("a pepper is written in hexadecimal digits") from None
    except OSError as error:
        raise cannot(f"read {file}", error) from error
