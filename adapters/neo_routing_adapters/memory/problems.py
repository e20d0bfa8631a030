"""What is wrong with a directory that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen


@frozen
class Problem:
    """One thing that is wrong, and its place, such as `channels[3].bot_id`."""

    place: str
    complaint: str

    def __str__(self) -> str:
        return f"{self.place}: {self.complaint}"


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
