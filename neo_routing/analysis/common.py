"""What two directories have in common: calls that are alike in each of them."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from neo_routing.analysis.call_set import CallSet
from neo_routing.analysis.nowhere import Nowhere
from neo_routing.analysis.partition import call_set_of
from neo_routing.caller import Caller
from neo_routing.request import SessionRequest
from neo_routing.rows import Rows


@frozen
class Both:
    """Two whole directories that are compared."""

    before: Rows = field(eq=False, repr=False)
    after: Rows = field(eq=False, repr=False)
    nowhere: Nowhere
    """Ids that stand in neither."""

    @property
    def sides(self) -> tuple[Rows, Rows]:
        """The one, and the other."""
        return self.before, self.after

    def call_sets(self, caller: Caller, request: SessionRequest) -> tuple[CallSet | None, CallSet | None]:
        """Return the sets that a call belongs to, in the one directory and in the other."""
        return call_set_of(caller, request, self.before), call_set_of(caller, request, self.after)


@frozen(kw_only=True)
class CommonClass:
    """Calls that are alike in two directories: what a class of the one and a class of the other have in common."""

    before: CallSet
    after: CallSet
    caller: Caller = field(eq=False)
    """Who makes the call that stands for all."""
    request: SessionRequest = field(eq=False)
    """What that asks for."""
    both: Both = field(eq=False, repr=False)
    """The directories."""

    @property
    def words(self) -> str:
        """The set in words, for an operator: it names ids."""
        before, after = self.before.words, self.after.words
        return before if before == after else f"{before}; then: {after}"

    def data(self) -> dict[str, Any]:
        """Return the set as plain data, made anew."""
        return {"sort": "common", "before": self.before.data(), "after": self.after.data()}

    def holds(self, caller: Caller, request: SessionRequest) -> bool:
        """Tell whether a call belongs to the set."""
        return self.both.call_sets(caller, request) == (self.before, self.after)
