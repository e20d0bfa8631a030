"""Differences that are meant, declared in a file: a JSON object on each line, as `neo-routing diff --json` writes it.

Of an object, members may be left out, to declare all differences that have the others. A change must be named, so that
no line declares more than its reader thought of.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neo_routing.analysis import Change, Difference
from neo_routing_adapters.command.database_url import refuse_url
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.line_file import each_line, opened
from neo_routing_adapters.command.standard_input import file_of, name_of
from neo_routing_adapters.json_lines import plain_line
from neo_routing_adapters.strict_json import read_json


class Expected:
    """The differences that are meant."""

    def __init__(self) -> None:
        self._lines: set[str] = set()
        self._objects: list[Mapping[str, Any]] = []

    def declare(self, line: bytes) -> None:
        """Add what a line declares. Raises `ValueError`, which says what is wrong."""
        declared = read_json(line)
        if not isinstance(declared, dict) or declared.get("change") not in {*map(str, Change)}:
            raise ValueError("must be an object, and its change one that diff --json writes")
        self._lines.add(plain_line(declared))
        self._objects.append(declared)

    def __contains__(self, found: Difference) -> bool:
        """Tell whether a line declares the difference."""
        data = found.data()
        return plain_line(data) in self._lines or any(_fits(each, data) for each in self._objects)


def expected_in(path: Path) -> Expected:
    """Read what a file declares. Raises `CommandFailed`."""
    refuse_url(path, "the differences that are expected must be in a file, or come from standard input as -")
    expected, name = Expected(), name_of(path)
    with opened(file_of(path)) as file, each_line(file, "Reading what is expected") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                expected.declare(line)
            except (ValueError, RecursionError) as error:
                raise CommandFailed(f"line {number} of {name} declares no difference: {error}") from error
    return expected


def _fits(declared: object, found: object) -> bool:
    """Tell whether what was found has all that is declared; of lists, all members in their order."""
    if isinstance(declared, dict) and isinstance(found, dict):
        return all(name in found and _fits(value, found[name]) for name, value in declared.items())
    return type(declared) is type(found) and declared == found
