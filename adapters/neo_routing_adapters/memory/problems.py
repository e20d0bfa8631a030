"""What is wrong with a directory that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable

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


class InvalidDirectory(ValueError):
    """A directory that cannot be used; it lists every problem, and nothing was loaded.

    >>> print(InvalidDirectory([Problem("tenants[0].id", "must not be blank")]))
    1 problem in the directory
      tenants[0].id: must not be blank
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        many = "problem" if len(self.problems) == 1 else "problems"
        super().__init__("\n  ".join([f"{len(self.problems)} {many} in the directory", *map(str, self.problems)]))

    def __reduce__(self) -> tuple[type[InvalidDirectory], tuple[tuple[Problem, ...]]]:
        return InvalidDirectory, (self.problems,)


class References:
    """Checks, row by row and tenants first, that ids are unique and that owners are there."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._ids: dict[str, set[str | int]] = {}

    def check(self, collection: str, position: int, row_id: str | int | None, tenant_id: str | None) -> bool:
        """Check one row, and tell whether it is sound so far; `None` stands for an id that is not to be checked."""
        known = len(self.problems)
        if row_id is not None:
            self._check_id(collection, position, row_id)
        if tenant_id is not None and tenant_id not in self._ids.get("tenants", ()):
            self.problems.append(Problem(f"{collection}[{position}].tenant_id", f"there is no tenant {tenant_id!r}"))
        return len(self.problems) == known

    def _check_id(self, collection: str, position: int, row_id: str | int) -> None:
        ids = self._ids.setdefault(collection, set())
        if row_id in ids:
            self.problems.append(Problem(f"{collection}[{position}].id", f"{row_id!r} is there already"))
        ids.add(row_id)
