"""What a host holds: a directory, the numbers of what was decided on it, and a hook that is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from neo_routing.bodies import asked_for
from neo_routing.caller import Caller
from neo_routing.counts import Counts
from neo_routing.decide import adecide, adecide_many, decide, decide_many
from neo_routing.decision import Decision
from neo_routing.hook import Hook
from neo_routing.outage import Outage, outage_on
from neo_routing.port import AsyncSessionDirectory, DirectoryUnavailable, HoldingDirectory, SessionDirectory
from neo_routing.record import DecisionRecord, decision_record
from neo_routing.request import SessionRequest

_Directory = TypeVar("_Directory", bound=SessionDirectory | AsyncSessionDirectory)
_Directory_co = TypeVar("_Directory_co", bound=SessionDirectory | AsyncSessionDirectory, covariant=True)
Notice: TypeAlias = DecisionRecord | Outage
_Asked: TypeAlias = tuple[Caller, SessionRequest | Decision]


class PolicyEngine(Generic[_Directory_co]):
    """Decides bodies of calls on a directory, counts the answers, and tells a hook of them.

    Any number of threads and tasks may share one. The hook gets a `DecisionRecord` for each decision and an `Outage`
    for each case that an outage left undecided, in the thread that asked and before that has its answer; so it should
    hand over, and not wait. It can neither change nor fail a decision: what goes wrong in it is counted, and
    `last_hook_error` has the last of it. `new_id` and `now`, an aware time, are wanted exactly if there is a hook.

    >>> from neo_routing import Agent, AgentKind, CallerKind, HeldRows, Tenant, content_of
    >>> agent = Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL)
    >>> engine = PolicyEngine(HeldRows(content_of(tenants=[Tenant(id="msp-a")], agents=[agent])))
    >>> user = Caller(CallerKind.USER, "msp-a")
    >>> engine.decide(user, {"agent_id": 12}).target.tenant_id, engine.decide(user, {}).refusal.status
    ('msp-a', 422)
    >>> engine.counts()["outcome"]["own_tenant"], engine.counts()["refusal"]["agent_selector_invalid"]
    (1, 1)
    """

    def __init__(
        self,
        directory: _Directory_co,
        *,
        on_decision: Callable[[Notice], None] | None = None,
        new_id: Callable[[], str] | None = None,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._directory = directory
        self._counts = Counts()
        self._hook = _hook(on_decision, new_id, now, self._counts)

    def within(self, directory: _Directory) -> PolicyEngine[_Directory]:
        """Return an engine on another directory, one within a transaction for example: it counts and tells as this one.

        >>> from neo_routing import CallerKind, HeldRows, content_of
        >>> engine, user = PolicyEngine(HeldRows(content_of())), Caller(CallerKind.USER, "msp-a")
        >>> engine.within(HeldRows(content_of())).decide(user, {"agent_id": 12}).refusal.status
        404
        >>> engine.counts()["refusal"]["agent_not_found"]
        1
        """
        other: PolicyEngine[_Directory] = PolicyEngine.__new__(PolicyEngine)
        other._directory, other._counts, other._hook = directory, self._counts, self._hook  # of one class
        return other

    def decide(self: PolicyEngine[SessionDirectory], caller: Caller, body: object) -> Decision:
        """Decide the body of a call as it came, as `decide_body` does. Raises what the directory raises."""
        asked = asked_for(caller, body)
        try:
            decision = asked if isinstance(asked, Decision) else decide(caller, asked, self._directory)
        except DirectoryUnavailable as error:
            self._outage([(caller, asked)], error)
            raise
        self._counts.decided(decision)
        self._tell(caller, asked, decision)
        return decision

    async def adecide(
        self: PolicyEngine[AsyncSessionDirectory | HoldingDirectory], caller: Caller, body: object
    ) -> Decision:
        """Decide as `decide` does, and await the directory."""
        asked = asked_for(caller, body)
        try:
            decision = asked if isinstance(asked, Decision) else await adecide(caller, asked, self._directory)
        except DirectoryUnavailable as error:
            self._outage([(caller, asked)], error)
            raise
        self._counts.decided(decision)
        self._tell(caller, asked, decision)
        return decision

    def decide_many(self: PolicyEngine[SessionDirectory], cases: Iterable[tuple[Caller, object]]) -> list[Decision]:
        """Decide callers' bodies with a single look-up, in order. An outage is one of the whole batch."""
        asked = [(caller, asked_for(caller, body)) for caller, body in cases]
        try:
            decisions = decide_many(_requests(asked), self._directory)
        except DirectoryUnavailable as error:
            self._outage(asked, error)
            raise
        return self._all_decided(asked, decisions)

    async def adecide_many(
        self: PolicyEngine[AsyncSessionDirectory | HoldingDirectory], cases: Iterable[tuple[Caller, object]]
    ) -> list[Decision]:
        """Decide as `decide_many` does, and await the directory once."""
        asked = [(caller, asked_for(caller, body)) for caller, body in cases]
        try:
            decisions = await adecide_many(_requests(asked), self._directory)
        except DirectoryUnavailable as error:
            self._outage(asked, error)
            raise
        return self._all_decided(asked, decisions)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return how often there was each `outcome`, `refusal` and warning, and what went wrong, since the start.

        A `session_warning` stood beside an outcome, a `refusal_warning` beside a refusal. `undecided` is the cases
        without a decision because of an outage, and `hook` what the hook did not take. Every name is there from the
        start. The dicts are the caller's own.
        """
        return self._counts.as_dicts()

    @property
    def last_hook_error(self) -> str | None:
        """What went wrong in the hook when it last did, in words and with its place, or `None`."""
        return None if self._hook is None else self._hook.last_error

    def _tell(self, caller: Caller, asked: SessionRequest | Decision, decision: Decision) -> None:
        if self._hook is not None:
            self._hook.tell(partial(decision_record, decision, caller=caller, request=_request(asked)))

    def _all_decided(self, asked: Sequence[_Asked], decisions: Iterable[Decision]) -> list[Decision]:
        looked_up = iter(decisions)
        every = [each if isinstance(each, Decision) else next(looked_up) for _, each in asked]
        for decision in every:
            self._counts.decided(decision)
        for (caller, each), decision in zip(asked, every, strict=True):
            self._tell(caller, each, decision)
        return every

    def _outage(self, asked: Sequence[_Asked], error: DirectoryUnavailable) -> None:
        self._counts.undecided(len(asked))
        if self._hook is not None:
            for caller, each in asked:
                self._hook.tell(partial(outage_on, caller, _request(each), error))


def _requests(asked: Sequence[_Asked]) -> list[tuple[Caller, SessionRequest]]:
    return [(caller, each) for caller, each in asked if not isinstance(each, Decision)]


def _request(asked: SessionRequest | Decision) -> SessionRequest | None:
    return None if isinstance(asked, Decision) else asked


def _hook(
    on_decision: Callable[[Notice], None] | None,
    new_id: Callable[[], str] | None,
    now: Callable[[], datetime] | None,
    counts: Counts,
) -> Hook[Notice] | None:
    if on_decision is None and new_id is None and now is None:
        return None
    if on_decision is None or new_id is None or now is None:
        raise TypeError(
            "on_decision, new_id and now go together: each record has an id and a time, which the host gives"
        )
    return Hook(on_decision, new_id, now, counts)
