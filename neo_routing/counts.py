"""How often each answer was given, each warning, and no answer at all."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from operator import length_hint
from typing import Final

from returns.result import Failure

from neo_routing.decision import Decision
from neo_routing.names import Name
from neo_routing.refusals import RefusalCode
from neo_routing.target import Outcome
from neo_routing.warning_codes import WarningCode


class Undecided(Name):
    """Why there is no decision on a case."""

    DIRECTORY_UNAVAILABLE = "directory_unavailable"


class HookTrouble(Name):
    """Why a hook was not told, or did not take, what there was to tell."""

    FAILED = "failed"
    WITHIN_ITSELF = "within_itself"


_NAMES: Final[dict[str, type[Name]]] = {
    "outcome": Outcome,
    "refusal": RefusalCode,
    "session_warning": WarningCode,
    "refusal_warning": WarningCode,
    "undecided": Undecided,
    "hook": HookTrouble,
}


_MANY: Final = 2**62


class _Number:
    """A number that any thread may raise by one, and read.

    There is no lock: it would cost more than all else here, a fork would leave it shut for good in the child, and a
    signal's handler that decides would wait for what it interrupts. A `repeat` knows how often it is still to come,
    and to take the next of it is one step that no other thread can part.
    """

    __slots__ = ("_to_come", "up")

    def __init__(self) -> None:
        self._to_come: Final = repeat(None, _MANY)
        self.up: Final = self._to_come.__next__

    def read(self) -> int:
        return _MANY - length_hint(self._to_come)


class Counts:
    """Numbers by name, for every name of each closed set from the start.

    >>> Counts().as_dicts()["undecided"]
    {'directory_unavailable': 0}
    """

    def __init__(self) -> None:
        self._numbers: Final = {group: {name: _Number() for name in names} for group, names in _NAMES.items()}
        self._outcomes: Final = self._numbers["outcome"]
        self._refusals: Final = self._numbers["refusal"]
        self._session_warnings: Final = self._numbers["session_warning"]
        self._refusal_warnings: Final = self._numbers["refusal_warning"]

    def decided(self, decision: Decision) -> None:
        """Count a decision: its outcome or its refusal, and each of its warnings."""
        result = decision.result
        if isinstance(result, Failure):
            self._refusals[result.failure().code].up()
            warned = self._refusal_warnings
        else:
            self._outcomes[result.unwrap().outcome].up()
            warned = self._session_warnings
        for warning in decision.warnings:
            warned[warning].up()

    def undecided(self, cases: int) -> None:
        """Count an outage, for each of the cases on which there is no decision because of it."""
        for _ in range(cases):
            self._numbers["undecided"][Undecided.DIRECTORY_UNAVAILABLE].up()

    def troubled(self, trouble: HookTrouble) -> None:
        """Count what the hook did not take."""
        self._numbers["hook"][trouble].up()

    def as_dicts(self) -> dict[str, dict[str, int]]:
        """Return the numbers as they are now, in dicts of the caller's own."""
        return {group: _read(numbers.items()) for group, numbers in self._numbers.items()}


def _read(numbers: Iterable[tuple[Name, _Number]]) -> dict[str, int]:
    return {name.value: number.read() for name, number in numbers}
