"""What a check of a database has to say."""

from __future__ import annotations

from typing import TypeAlias

from attrs import frozen

from neo_routing.names import Name
from neo_routing.printable import printable

RowId: TypeAlias = str | int


class Severity(Name):
    """Whether decisions suffer: an `ERROR` makes them wrong, slow or impossible; a `NOTICE` is legal, and refused."""

    ERROR = "error"
    NOTICE = "notice"


@frozen
class Finding:
    r"""One thing that is found: in which relation, in which of its rows if it is about rows, and what.

    >>> print(Finding(Severity.ERROR, "routing_agent", (12,), "name must not be null"))
    error: routing_agent 12: name must not be null
    """

    severity: Severity
    relation: str
    row: tuple[RowId, ...]
    complaint: str

    def __str__(self) -> str:
        row = " " + ", ".join(map(str, self.row)) if self.row else ""
        return printable(f"{self.severity}: {self.relation}{row}: {self.complaint}")
