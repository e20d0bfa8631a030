"""How findings are written: in full for programs, the first of each sort for a person."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.text import Text

from neo_routing.printable import printable
from neo_routing_adapters.command.terminal import show_whole_lines

if TYPE_CHECKING:
    from neo_routing_adapters.sql.tables.findings import Finding

_MOST_ALIKE: Final = 5
_STYLES: Final = {"error": "bold red", "notice": "yellow"}
# What alike findings differ in: values, which stand in quotes, and numbers.
_PARTICULARS: Final = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\d+""")


class Findings:
    """Writes findings to standard output.

    On a terminal it is a sentence for each of the first that are alike, when all have been found. Otherwise it is a
    line for each, as it is found: severity, relation, row and complaint with tabs between them, or a JSON object.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.count = 0
        self.errors = 0
        self._write = _json if as_json else None if sys.stdout.isatty() else _columns
        self._first: dict[tuple[str, ...], list[Finding]] = {}
        self._alike: Counter[tuple[str, ...]] = Counter()

    def tell(self, finding: Finding) -> None:
        """Write one, or remember it."""
        self.count += 1
        self.errors += finding.severity == "error"
        if self._write is not None:
            self._write(finding)
            return
        sort = (finding.relation, _PARTICULARS.sub("", finding.complaint))
        self._alike[sort] += 1
        if self._alike[sort] <= _MOST_ALIKE:
            self._first.setdefault(sort, []).append(finding)

    def finish(self) -> None:
        """Write what was remembered, and say how much was not, or that there was nothing."""
        for sort, findings in self._first.items():
            for finding in findings:
                severity, colon, rest = str(finding).partition(": ")
                show_whole_lines(Text.assemble((severity, _STYLES[severity]), colon, rest), sys.stdout)
            if self._alike[sort] > _MOST_ALIKE:
                print(f"… and {self._alike[sort] - _MOST_ALIKE:,} more like these")
        if self._write is None and self.count == 0:
            print("nothing is wrong")


def _json(finding: Finding) -> None:
    said = {
        "severity": str(finding.severity),
        "relation": finding.relation,
        "row": finding.row,
        "complaint": finding.complaint,
    }
    print(json.dumps(said))


def _columns(finding: Finding) -> None:
    row = ", ".join(map(str, finding.row))
    print("\t".join(map(printable, [str(finding.severity), finding.relation, row, finding.complaint])))
