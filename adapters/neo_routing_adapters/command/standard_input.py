"""Standard input, for which `-` stands where the command line asks for a file."""

from __future__ import annotations

import sys
from io import BufferedReader
from pathlib import Path
from typing import Final

from neo_routing_adapters.command.failure import CommandFailed

STANDARD_INPUT: Final = Path("-")


def name_of(path: Path) -> str:
    """Return what a file is called to a person."""
    return "standard input" if path == STANDARD_INPUT else str(path)


def file_of(path: Path) -> Path | None:
    """Return the file, or `None` where `-` stands for standard input."""
    return None if path == STANDARD_INPUT else path


def standard_input() -> BufferedReader:
    """Return standard input, as bytes. Raises `CommandFailed` if it is closed."""
    if sys.stdin is None:
        raise CommandFailed("standard input is closed")
    assert isinstance(sys.stdin.buffer, BufferedReader)
    return sys.stdin.buffer
