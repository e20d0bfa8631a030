"""How much a difference weighs: how many recorded calls would have gone elsewhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from returns.result import Failure

from neo_routing import Caller, SessionRequest
from neo_routing.analysis import CallSet, CommonClass, Difference
from neo_routing.analysis.common import Both
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.line_file import each_line, opened
from neo_routing_adapters.command.standard_input import file_of, name_of
from neo_routing_adapters.json_lines import read_case


class Weighed:
    """Counts calls by the difference that holds them. A call is told otherwise if and only if one does."""

    def __init__(self, differences: Sequence[Difference]) -> None:
        self.cases = 0
        self.malformed = 0
        self._counts: Counter[int] = Counter()
        self._differences = differences
        self._places = {id(each): place for place, each in enumerate(differences)}
        self._common: dict[tuple[CallSet | None, CallSet | None], int] = {}
        self._regions: dict[str, list[int]] = {}
        for place, each in enumerate(differences):
            calls = each.request_class
            if isinstance(calls, CommonClass):
                self._common[calls.before, calls.after] = place
            else:
                self._regions.setdefault(calls.bot_id, []).append(place)

    def of(self, found: Difference) -> int:
        """Tell how many calls a difference holds."""
        return self._counts[self._places[id(found)]]

    @property
    def elsewhere(self) -> int:
        """How many calls would have been answered otherwise; other warnings alone do not count."""
        return sum(count for place, count in self._counts.items() if self._differences[place].answer_changed)

    def data(self) -> dict[str, int]:
        """Return what it comes to as plain data."""
        return {"cases": self.cases, "malformed": self.malformed, "elsewhere": self.elsewhere}

    def weigh(self, line: bytes) -> None:
        """Count the call of a line."""
        self.cases += 1
        case = read_case(line)
        if isinstance(case, Failure):
            self.malformed += 1
            return
        caller, request = case.unwrap()
        place = self._holding(caller, request)
        if place is not None:
            self._counts[place] += 1

    def _holding(self, caller: Caller, request: SessionRequest) -> int | None:
        for place in self._regions.get(request.bot_id or "", ()):
            if self._differences[place].request_class.holds(caller, request):
                return place
        both = self._both
        return None if both is None else self._common.get(both.call_sets(caller, request))

    @property
    def _both(self) -> Both | None:
        return self._differences[0].request_class.both if self._differences else None


def weighed(path: Path, differences: Sequence[Difference]) -> Weighed:
    """Count the cases of a file by the differences that hold them. Raises `CommandFailed`."""
    weight = Weighed(differences)
    with opened(file_of(path)) as file, each_line(file, "Weighing") as lines:
        _weigh_all(lines, weight)
    if weight.cases == weight.malformed:
        raise CommandFailed(f"none of the lines of {name_of(path)} is a case")
    return weight


def _weigh_all(lines: Iterable[bytes], weight: Weighed) -> None:
    for line in lines:
        weight.weigh(line)
