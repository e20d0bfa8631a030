"""A record of a decision: who asked, for what, the rows that it rests on, and what was decided.

It is all that is needed to decide the case again, elsewhere and later, and to see whether that comes to the same.
"""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Any, Final, cast

from attrs import field, frozen

from neo_routing import well_formed
from neo_routing.caller import Caller
from neo_routing.complaints import IllFormed, naming_its_fields
from neo_routing.content import HeldRows
from neo_routing.decide import decide, rows_needed
from neo_routing.decision import Decision, MadeDecision, is_malformed
from neo_routing.needed import RowsNeeded, needed_for
from neo_routing.request import RequestDraft, SessionRequest
from neo_routing.rows import Rows
from neo_routing.rows_builder import NO_ROWS
from neo_routing.steps import RULES_VERSION
from neo_routing.version import __version__

_but_the_title: Final = attrgetter(
    *("agent_id", "managed_agent_key", "bot_id", "client_id", "m365_tenant_id", "unknown_fields")
)

MASKED_TITLE: Final = "***"
"""What stands in a record for the title of a session, which somebody has typed; no clause looks at it."""


def aware_time(value: datetime) -> datetime:
    """Accept a time that knows its zone."""
    if not isinstance(value, datetime) or value.utcoffset() is None:
        raise IllFormed("must be a datetime that knows its zone")
    return datetime.fromisoformat(datetime.isoformat(value))  # without what the host's class or zone add to it


def caller_itself(value: Caller) -> Caller:
    """Accept a caller."""
    if not isinstance(value, Caller):
        raise IllFormed("must be a Caller")
    return value


@frozen(kw_only=True, field_transformer=naming_its_fields)
class DecisionRecord:
    """A decision with all that it rests on. `decision_record` makes one.

    `id` and `time`, an aware datetime, are the host's. Of a malformed call there is no request: its body is not kept.
    `needed` and `found` are `None` where nothing was looked up, because the shape of the request was refused.
    Raises `ValueError` where these do not fit together.
    """

    id: str = field(converter=well_formed.identifier)
    time: datetime = field(converter=aware_time)
    caller: Caller = field(converter=caller_itself)
    request: SessionRequest | None
    needed: RowsNeeded | None
    found: Rows | None = field(hash=False)
    decision: Decision
    library_version: str = field(default=__version__, converter=well_formed.text)
    rules_version: int = field(default=RULES_VERSION, converter=well_formed.integer)

    def __attrs_post_init__(self) -> None:
        for name, kind in (("request", SessionRequest), ("found", Rows), ("decision", Decision)):
            value = getattr(self, name)
            if not isinstance(value, kind) and (value is not None or name == "decision"):
                raise IllFormed(f"must be of type {kind.__name__}", place=f"DecisionRecord.{name}")
        if (self.request is None) is not is_malformed(self.decision):
            raise IllFormed("is there exactly if the call was not malformed", place="DecisionRecord.request")
        needed = None if self.request is None else rows_needed(self.caller, self.request)
        if self.needed != needed:
            raise IllFormed("is not what is needed to decide this request", place="DecisionRecord.needed")
        object.__setattr__(self, "needed", needed)  # and not what is merely equal, as 12.0 is to 12
        if (self.found is None) is not (self.needed is None):
            raise IllFormed("is there exactly if rows were needed", place="DecisionRecord.found")
        if self.found is not None and self.found.revision != self.revision:
            raise IllFormed("is of another revision than the decision", place="DecisionRecord.found")
        self._hold_no_more_than_is_needed()

    def _hold_no_more_than_is_needed(self) -> None:
        """Cut the rows out of what may be a whole directory, and have the decision rest on them and this request."""
        found, decision = self._needed_of(self.found), self.decision
        if isinstance(decision, MadeDecision) and self.request is not None:
            if (decision.caller, _but_the_title(decision.request)) != (self.caller, _but_the_title(self.request)):
                raise IllFormed("is not one on this request of this caller", place="DecisionRecord.decision")
            if decision.rows is not self.found and self._needed_of(decision.rows) != found:
                raise IllFormed("rests on other rows than were found", place="DecisionRecord.decision")
            rests_on = (self.caller, self.request, found, decision.routing_warnings, decision.findings)
            object.__setattr__(self, "decision", MadeDecision(decision.result, *rests_on))
        object.__setattr__(self, "found", found)

    def _needed_of(self, rows: Rows | None) -> Rows | None:
        return None if rows is None or self.needed is None else rows.needed([self.needed])

    @property
    def revision(self) -> str | None:
        """What the directory calls the state that the rows are of."""
        return self.decision.revision

    def decide_again(self) -> Decision:
        """Decide on the rows that were found. Raises `ValueError` if the call was malformed, as nothing was asked then.

        The result is the recorded decision, unless the rules have changed meanwhile, or the record has.
        """
        if self.request is None:
            raise ValueError("a malformed call cannot be decided again: its body is not kept")
        return decide(self.caller, self.request, HeldRows(NO_ROWS if self.found is None else self.found))


def decision_record(
    decision: Decision,
    *,
    id: str,  # noqa: A002  # its name in the record
    time: datetime,
    caller: Caller,
    request: SessionRequest | None,
    with_title: bool = False,
) -> DecisionRecord:
    """Make the record of a decision that was just made on this request; of a malformed call, `request` is `None`.

    The title is masked unless told otherwise. Raises `ValueError` if the decision is another caller's or on another
    request, or if it has left its rows behind: pickled, or read from its plain form. Who made a malformed call, no
    decision knows: that is taken as it is said.

    >>> from datetime import UTC
    >>> from neo_routing import CallerKind
    >>> user, request = Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=12, title="Printer")
    >>> decision, now = decide(user, request, HeldRows(NO_ROWS)), datetime(2026, 11, 29, tzinfo=UTC)
    >>> record = decision_record(decision, id="1", time=now, caller=user, request=request)
    >>> record.request.title, record.decide_again() == decision
    ('***', True)
    """
    needed, found = None, None
    if request is not None:
        made = _made(decision, caller, request)
        request, found = request if with_title else without_title(request), made.rows
        needed = None if found is None else needed_for(caller, request)
    return DecisionRecord(
        id=id, time=time, caller=caller, request=request, needed=needed, found=found, decision=decision
    )


def without_title(request: SessionRequest) -> SessionRequest:
    """Return the request with its title masked, if it has one."""
    if request.title is None:
        return request
    # The other fields have been read, and a title adds nothing to the shape: `evolve` would read them all again.
    masked: Any = RequestDraft(
        agent_id=request.agent_id,
        managed_agent_key=request.managed_agent_key,
        bot_id=request.bot_id,
        client_id=request.client_id,
        m365_tenant_id=request.m365_tenant_id,
        title=MASKED_TITLE,
        unknown_fields=request.unknown_fields,
    )
    masked.shape = request.shape
    masked.__class__ = SessionRequest
    return cast(SessionRequest, masked)


def _made(decision: Decision, caller: Caller, request: SessionRequest) -> MadeDecision:
    if not isinstance(decision, MadeDecision):
        raise ValueError("the decision has left behind what it rests on: make its record before it is pickled")  # noqa: TRY004  # of the same type to whoever calls
    if (decision.caller, decision.request) != (caller, request):
        raise ValueError("the decision is not one on this request of this caller")
    return decision
