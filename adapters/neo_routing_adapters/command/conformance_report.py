"""How the results of the conformance corpus are written: in full for programs, the first failures for a person."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any, Final

from attrs import frozen
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from neo_routing import Clause
from neo_routing.printable import printable
from neo_routing.testing.conformance import ConformanceCase, ConformanceWorld, Difference
from neo_routing_adapters.command.terminal import show

_MOST: Final = 20
_LONGEST: Final = 400
_INDENT: Final = (0, 0, 0, 2)
_FURTHER: Final = (0, 0, 0, 4)


@frozen(kw_only=True)
class Checked:
    """A case that was answered, and in what the answer is not the expected one."""

    case: ConformanceCase
    number: int
    """The line on which it was asked, counted from 1."""
    differences: tuple[Difference, ...]
    again: str
    """The shell command that asks it again."""

    @property
    def verdict(self) -> str:
        """Whether it passed or failed."""
        return "failed" if self.differences else "passed"

    @property
    def asks(self) -> str:
        """The line that asks, as far as it is text."""
        return self.case.line.decode(errors="backslashreplace").rstrip("\r\n")


@frozen(kw_only=True)
class WorldChecked:
    """What became of the cases of a world."""

    world: ConformanceWorld
    fault: str | None
    """What the program did, if it was so much at fault that no case counts."""
    complaints: tuple[str, ...]
    """The last lines of its standard error."""
    checked: tuple[Checked, ...]
    """The cases, each answered; none if the program was at fault."""


class Report:
    """Writes results to standard output, as they come.

    On a terminal it is a line for each world, the first failures in full, and a table of the clauses. Otherwise it is a
    line for each case: verdict, world, case, clause and complaint with tabs between them, or a JSON object.
    """

    def __init__(self, *, trace: bool, as_json: bool) -> None:
        self.trace = trace
        self._write = self._objects if as_json else self._story if sys.stdout.isatty() else self._columns
        self._as_story = self._write == self._story
        self._verdicts: Counter[tuple[str, str]] = Counter()
        self._broken = 0
        self._shown = 0

    @property
    def is_wrong(self) -> bool:
        """Whether anything was not as expected."""
        return bool(self._broken or self._count("failed"))

    @property
    def summary(self) -> str:
        """How much was not as expected, in a line."""
        cases = f"{self._count('failed')} of {self._verdicts.total()} cases answered otherwise"
        if not self._broken:
            return cases
        runs = "1 run" if self._broken == 1 else f"{self._broken} runs"
        return f"{cases}, {self._count('broken')} not compared because of {runs} gone wrong"

    def tell(self, one: WorldChecked) -> None:
        """Write what became of the cases of a world."""
        self._broken += one.fault is not None
        for checked in one.checked:
            self._verdicts[checked.case.clause, checked.verdict] += 1
        for case in one.world.cases[len(one.checked) :]:
            self._verdicts[case.clause, "broken"] += 1
        self._write(one)
        sys.stdout.flush()

    def finish(self, version: int) -> None:
        """Write what it comes to, for a person."""
        if not self._as_story:
            return
        _show(self._clauses())
        if self._shown:
            print('\nThe files are those that "neo-routing conformance --save corpus" writes.')
        if not self.is_wrong:
            steps = "" if self.trace else "; traces were not compared"
            print(f"\nall {self._verdicts.total()} cases are answered as corpus version {version} says{steps}")

    def _count(self, verdict: str) -> int:
        return sum(times for (_, counted), times in self._verdicts.items() if counted == verdict)

    def _columns(self, one: WorldChecked) -> None:
        if one.fault is not None:
            _column("broken", one.world.name, "", "", "; ".join([one.fault, *one.complaints]))
        for checked in one.checked:
            complaint = "; ".join(map(str, checked.differences))
            _column(checked.verdict, one.world.name, checked.case.name, checked.case.clause, complaint)

    def _objects(self, one: WorldChecked) -> None:
        if one.fault is not None:
            broken = {"verdict": "broken", "world": one.world.name, "complaint": one.fault, "stderr": one.complaints}
            print(json.dumps(broken))
        for checked in one.checked:
            print(json.dumps(self._object(checked)))

    def _object(self, checked: Checked) -> dict[str, Any]:
        result: dict[str, Any] = {
            "verdict": checked.verdict,
            "world": checked.case.world,
            "case": checked.case.name,
            "clause": checked.case.clause,
        }
        if checked.differences:
            result["differences"] = [
                {"place": one.place, "expected": one.expected, "given": one.given} for one in checked.differences
            ]
            result |= {"asks": checked.asks, "again": checked.again}
        return result

    def _story(self, one: WorldChecked) -> None:
        failed = [checked for checked in one.checked if checked.differences]
        if not failed and one.fault is None:
            _show(Text.assemble(("passed", "green"), f"  {one.world.name}: {len(one.checked)} cases"))
            return
        if one.fault is not None:
            _show(Text.assemble(("broken", "bold red"), f"  {one.world.name}: the program {printable(one.fault)}"))
        else:
            many = f"{len(failed)} of {len(one.checked)} cases answered otherwise"
            _show(Text.assemble(("failed", "bold red"), f"  {one.world.name}: {many}"))
        self._first(failed)
        for line in one.complaints:
            _show(Padding(Text(printable(line), "dim"), _INDENT))

    def _first(self, failed: list[Checked]) -> None:
        room = max(0, _MOST - self._shown)
        for checked in failed[:room]:
            self._shown += 1
            _show(Padding(Text(printable(checked.case.name), "bold"), _INDENT))
            _show(Padding(self._particulars(checked), _FURTHER))
            print(f"    again: {printable(checked.again)}")  # not wrapped, so that it can be copied
        if len(failed) > room:
            print(f"  … and {len(failed) - room} more; --json tells all")

    def _particulars(self, checked: Checked) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row("clause", checked.case.clause)
        table.add_row("asks", _shortened(printable(checked.asks)))
        for one in checked.differences:
            table.add_row(printable(one.place), Text.assemble("expected ", (printable(one.expected), "green")))
            table.add_row("", Text.assemble("given    ", (printable(one.given), "red")))
        return table

    def _clauses(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_row("", *(Text(name, "bold") for name in _COLUMNS))
        for clause in map(str, Clause):
            times = [self._verdicts[clause, verdict] for verdict in _COLUMNS]
            if any(times):
                table.add_row(
                    clause, *(Text(str(number), "" if number else "dim", justify="right") for number in times)
                )
        return table


_COLUMNS: Final = ("passed", "failed", "broken")


def _show(written: RenderableType) -> None:
    show(written, sys.stdout)


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _column(*columns: str) -> None:
    print("\t".join(map(printable, columns)))
