"""A remedy: changes to a directory that mend a finding, and all that they do besides."""

from __future__ import annotations

from functools import reduce
from typing import Any

from attrs import field, frozen

from neo_routing.analysis.amendment import Amendment, amended
from neo_routing.analysis.difference import Difference, difference
from neo_routing.rows import Rows


@frozen(kw_only=True)
class Remedy:
    """Changes that, made together, mend a finding."""

    sentence: str
    """What to do, for whoever administers the tenant; it names ids."""
    amendments: tuple[Amendment, ...]
    """The changes, as data."""
    before: Rows = field(eq=False, repr=False)
    """The directory that they are made to."""

    def applied(self) -> Rows:
        """Return the directory with the changes made."""
        return reduce(amended, self.amendments, self.before)

    @property
    def effects(self) -> tuple[Difference, ...]:
        """All that is answered otherwise then: the difference of the two directories, worked out anew at each call."""
        return difference(self.before, self.applied())

    def data(self) -> dict[str, Any]:
        """Return the remedy as plain data, made anew; without its effects, which take long."""
        return {"sentence": self.sentence, "amendments": [each.data() for each in self.amendments]}
