"""What is wrong with a directory that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from attrs import frozen

from neo_routing.printable import printable


@frozen
class Problem:
    r"""One thing that is wrong, and its place, such as `channels[3].bot_id`.

    As text it is one line, whatever the keys and the ids of the directory hold.

    >>> print(Problem("tenants[0].id\n", "is not a known key"))
    tenants[0].id\n: is not a known key
    """

    place: str
    complaint: str

    def __str__(self) -> str:
        line = printable(f"{self.place}: {self.complaint}" if self.place else self.complaint)
        return line.encode("utf-8", "backslashreplace").decode("utf-8")  # lone surrogates


MOST_PROBLEMS: Final = 1_000
"""How many problems are kept; the others are counted."""


class Problems:
    """Problems as they are found: the first are kept, and the others counted."""

    def __init__(self) -> None:
        self.first: list[Problem] = []
        self.count = 0

    def add(self, problem: Problem) -> None:
        """Note one more."""
        self.count += 1
        if len(self.first) < MOST_PROBLEMS:
            self.first.append(problem)


class InvalidDirectory(ValueError):
    """A directory that cannot be used, and nothing of it was loaded; it lists the problems, a thousand at most.

    >>> print(InvalidDirectory([Problem("tenants[0].id", "must not be blank")]))
    1 problem in the directory
      tenants[0].id: must not be blank
    """

    problems: tuple[Problem, ...]
    """The first problems, in order."""
    count: int
    """How many problems there are."""

    def __init__(self, problems: Iterable[Problem], count: int | None = None) -> None:
        remaining = iter(problems)
        self.problems = tuple(islice(remaining, MOST_PROBLEMS))
        self.count = len(self.problems) + sum(1 for _ in remaining) if count is None else count
        many = "problem" if self.count == 1 else "problems"
        lines = [f"{self.count} {many} in the directory", *map(str, self.problems)]
        if self.count > len(self.problems):
            lines.append(f"… and {self.count - len(self.problems)} more")
        super().__init__("\n  ".join(lines))

    def __reduce__(self) -> tuple[type[InvalidDirectory], tuple[tuple[Problem, ...], int]]:
        return InvalidDirectory, (self.problems, self.count)


class References:
    """Checks, row by row and tenants first, that ids are unique and that owners are there."""

    def __init__(self, problems: Problems | None = None) -> None:
        self.problems = problems or Problems()
        self._ids: dict[str, set[str | int]] = {}

    def check(self, collection: str, position: int, row_id: str | int | None, tenant_id: str | None) -> bool:
        """Check one row, and tell whether it is sound so far; `None` stands for an id that is not to be checked."""
        known = self.problems.count
        if row_id is not None:
            self._check_id(collection, position, row_id)
        if tenant_id is not None and tenant_id not in self._ids.get("tenants", ()):
            self.problems.add(Problem(f"{collection}[{position}].tenant_id", f"there is no tenant {tenant_id!r}"))
        return self.problems.count == known

    def require_none(self) -> None:
        """Raise `InvalidDirectory` if there are problems."""
        if self.problems.count:
            raise InvalidDirectory(self.problems.first, self.problems.count)

    def _check_id(self, collection: str, position: int, row_id: str | int) -> None:
        ids = self._ids.setdefault(collection, set())
        if row_id in ids:
            self.problems.add(Problem(f"{collection}[{position}].id", f"{row_id!r} is there already"))
        ids.add(row_id)
