"""The laws of the rules, each as what finds the calls that break it in one small world.

They are written on what was decided, on the rows and on nothing else: not on the steps of the core. The law of evidence
is about what a store returns, and is not among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, TypeAlias

from attrs import evolve
from returns.result import Result, Success

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    Channel,
    ChannelStatus,
    EndCompany,
    HeldRows,
    Outcome,
    Refusal,
    RefusalCode,
    Rows,
    RowsNeeded,
    SessionDirectory,
    SessionRequest,
    SessionTarget,
    Tenant,
    decide_many,
    parse_session_request,
    resolve_session_target,
)
from neo_routing.testing.class_laws import partition
from neo_routing.testing.small_worlds import (
    BOT_ID,
    CALLS,
    KEY,
    M365_TENANT_IDS,
    SECRETS,
    UNKNOWN_AGENT_ID,
    Call,
)
from neo_routing.testing.world import World

Answer: TypeAlias = Result[SessionTarget, Refusal]


class Seen:
    """A world, and what every call is told there."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.directory = world.directory()
        self.answers = answers_of(self.directory, _CASES)
        self.reached = [
            (call, answer.unwrap())
            for call, answer in zip(CALLS, self.answers, strict=True)
            if isinstance(answer, Success)
        ]

    def differing(self, answers: Sequence[Answer]) -> Iterator[Call]:
        """Yield the calls that are told something else in these answers."""
        if answers != self.answers:
            for call, answer, other in zip(CALLS, self.answers, answers, strict=True):
                if answer != other:
                    yield call


_Case: TypeAlias = tuple[Caller, SessionRequest]
_CASES: Final = tuple((call.caller, call.request) for call in CALLS)


def answers_of(directory: SessionDirectory, cases: Sequence[_Case]) -> list[Answer]:
    """Return what each call is told by a directory, one after the other."""
    return [resolve_session_target(caller, request, directory) for caller, request in cases]


def total(seen: Seen) -> Iterator[Call]:
    """One of the 18 outcomes comes out, and no exception."""
    for call, answer in zip(CALLS, seen.answers, strict=True):
        if not (
            answer.unwrap().outcome in Outcome if isinstance(answer, Success) else answer.failure().code in RefusalCode
        ):
            yield call


def home(seen: Seen) -> Iterator[Call]:
    """When a caller that is not the platform succeeds, the session acts as its home tenant."""
    for call, target in seen.reached:
        if not call.caller.is_platform and target.tenant_id != call.caller.tenant_id:
            yield call


def ownership(seen: Seen) -> Iterator[Call]:
    """The agent of a success is conversational, and the acting tenant owns it."""
    agents = {agent.id: (agent.tenant_id, agent.kind) for agent in seen.world.agents}
    for call, target in seen.reached:
        if agents.get(target.agent_id) != (target.tenant_id, AgentKind.CONVERSATIONAL):
            yield call


def scope(seen: Seen) -> Iterator[Call]:
    """A success has an end-company if, and only if, its channel is white-label; the acting tenant owns it."""
    white_label = {channel.id for channel in seen.world.channels if channel.white_label}
    linked = {
        (company.id, company.tenant_id, m365_tenant_id)
        for company in seen.world.end_companies
        for m365_tenant_id in company.m365_tenant_ids
    }
    for call, target in seen.reached:
        if (target.channel_id in white_label) != (target.end_company_id is not None) or (
            target.end_company_id is not None
            and (target.end_company_id, target.tenant_id, call.request.m365_tenant_id) not in linked
        ):
            yield call


def confinement(seen: Seen) -> Iterator[Call]:
    """A success of the platform is on an installed channel, a channel or the Neo Support of the target tenant."""
    for call, target in seen.reached:
        if call.caller.is_platform and (target.channel_id, target.agent_id) not in _within_reach(seen.world, call):
            yield call


def _within_reach(world: World, call: Call) -> Iterator[tuple[str | None, int]]:
    request = call.request
    tenant_id = call.caller.tenant_id if request.client_id is None else request.client_id
    for channel in world.channels:
        own = channel.tenant_id == tenant_id and channel.bot_id == request.bot_id
        if channel.status is ChannelStatus.ACTIVE and (own or _is_installed(channel, request)):
            yield channel.id, channel.agent_id
    for agent in world.agents:
        if agent.tenant_id == tenant_id and agent.managed_key is KEY:
            yield None, agent.id


def _is_installed(channel: Channel, request: SessionRequest) -> bool:
    return (
        channel.white_label
        and channel.bot_id == request.bot_id
        and request.m365_tenant_id in channel.installed_m365_tenant_ids
    )


def _groups(places: Iterator[int], key: Callable[[Call], Any]) -> list[list[int]]:
    """Put the places of calls together that have the same key."""
    groups: dict[Any, list[int]] = {}
    for place in places:
        groups.setdefault(key(CALLS[place]), []).append(place)
    return [*groups.values()]


_PLACES: Final = range(len(CALLS))
# The platform's calls that differ in `client_id` alone; the others' that differ in bot and M365 tenant alone.
_ELSEWHERE: Final = _groups(
    (place for place in _PLACES if CALLS[place].caller.is_platform),
    lambda call: (call.request.bot_id, call.request.m365_tenant_id),
)
_ABOUT: Final = _groups(
    (place for place in _PLACES if not CALLS[place].caller.is_platform),
    lambda call: (call.caller, call.request.agent_id, call.request.managed_agent_key),
)


def override(seen: Seen) -> Iterator[Call]:
    """Where `white-label-installation` decides, another `client_id` gives the same answer."""
    for places in _ELSEWHERE:
        request = CALLS[places[0]].request
        if any(_is_installed(channel, request) for channel in seen.world.channels):
            yield from _differing(seen, places)


def ignored(seen: Seen) -> Iterator[Call]:
    """For a caller that is not the platform, another `bot_id` or `inbound_tenant_id` gives the same answer."""
    for places in _ABOUT:
        yield from _differing(seen, places)
    answers = answers_of(seen.directory, [_about_nothing(CALLS[places[0]]) for places in _ABOUT])
    for places, answer in zip(_ABOUT, answers, strict=True):
        if answer != seen.answers[places[0]]:
            yield CALLS[places[0]]


@cache
def _about_nothing(call: Call) -> _Case:
    """Make the call with ids that are none: one that is unusable, one that is blank."""
    body = {**call.document["request"], "bot_id": f'"{BOT_ID}"', "inbound_tenant_id": "{ }"}
    return call.caller, parse_session_request(body).unwrap()


def _differing(seen: Seen, places: Sequence[int]) -> Iterator[Call]:
    for place in places:
        if seen.answers[place] != seen.answers[places[0]]:
            yield CALLS[place]


def locality(seen: Seen) -> Iterator[Call]:
    """The answer depends neither on rows that no clause looks at, nor on the order of rows."""
    reverse = World(*(rows[::-1] for rows in _rows_of(seen.world)))
    grown = World(*(a + b for a, b in zip(_rows_of(_STRANGERS), _rows_of(seen.world), strict=True)))
    for directory in (reverse.directory(), grown.directory(), _Slices(seen.directory.content)):
        yield from seen.differing(answers_of(directory, _CASES))


def _rows_of(world: World) -> tuple[Any, ...]:
    return world.tenants, world.agents, world.channels, world.end_companies


_STRANGER: Final = "stranger"
_STRANGERS: Final = World(
    (Tenant(id=_STRANGER),),
    (Agent(id=1, tenant_id=_STRANGER, kind=AgentKind.TRIGGERED, managed_key=KEY),),
    (
        Channel(id="strange-1", tenant_id=_STRANGER, agent_id=1, bot_id=BOT_ID),
        Channel(
            id="strange-2",
            tenant_id=_STRANGER,
            agent_id=1,
            bot_id="strange-bot",
            white_label=True,
            installed_m365_tenant_ids=frozenset(M365_TENANT_IDS),
        ),
    ),
    (EndCompany(id="strange-3", tenant_id=_STRANGER, m365_tenant_ids=frozenset(M365_TENANT_IDS)),),
)


class _Slices:
    """Answers with the rows that were needed, and no others."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._known: dict[RowsNeeded, Rows] = {}

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        [one] = needed
        if one not in self._known:
            self._known[one] = self._rows.needed([one])
        return self._known[one]


def silence(seen: Seen) -> Iterator[Call]:
    """Refusals reveal nothing; somebody else's `agent_id` answers as an absent one."""
    for call, answer in zip(CALLS, seen.answers, strict=True):
        request = call.request
        asked = (request.client_id, request.bot_id, request.m365_tenant_id)
        if not isinstance(answer, Success) and _leaks(answer.failure(), asked):
            yield call
    own = {(agent.id, agent.tenant_id) for agent in seen.world.agents}
    for places in _BY_AGENT_ID:
        absent = next(place for place in places if CALLS[place].request.agent_id == UNKNOWN_AGENT_ID)
        for place in places:
            foreign = (CALLS[place].request.agent_id, CALLS[place].caller.tenant_id) not in own
            if foreign and seen.answers[place] != seen.answers[absent]:
                yield CALLS[place]


_BY_AGENT_ID: Final = _groups(
    (place for place in _PLACES if CALLS[place].request.agent_id is not None),
    lambda call: (call.caller, call.request.bot_id, call.request.m365_tenant_id),
)


@cache
def _leaks(refusal: Refusal, asked: tuple[str | None, ...]) -> bool:
    said = f"{refusal.message} {refusal.details}".lower()
    for given_id in asked:
        said = said.replace(given_id, "") if given_id else said
    return any(secret in said for secret in SECRETS) or any(map(str.isdigit, said.replace("m365", "")))


def no_widening(seen: Seen) -> Iterator[Call]:
    """What breaks a white-label session refuses it, or leaves it on the same agent."""
    scoped = [(call, target) for call, target in seen.reached if target.outcome is Outcome.WHITE_LABEL_CHANNEL]
    for directory in _broken(seen.world) if scoped else ():
        for call, before in scoped:
            after = resolve_session_target(call.caller, call.request, directory)
            if isinstance(after, Success) and after.unwrap().agent_id != before.agent_id:
                yield call


def _broken(world: World) -> Iterator[HeldRows]:
    for channel in world.channels:
        paused = evolve(channel, status=ChannelStatus.DISCONNECTED)
        yield evolve(world, channels=[paused if each is channel else each for each in world.channels]).directory()
        yield evolve(world, channels=[*world.channels, evolve(channel, id="another copy")]).directory()
    for company in world.end_companies:
        for m365_tenant_id in company.m365_tenant_ids:
            unlinked = evolve(company, m365_tenant_ids=company.m365_tenant_ids - {m365_tenant_id})
            companies = [unlinked if each is company else each for each in world.end_companies]
            yield evolve(world, end_companies=companies).directory()


def normal_forms(seen: Seen) -> Iterator[Call]:
    """A request or a row that spells an id differently changes no answer."""
    yield from seen.differing(answers_of(seen.directory, _RESPELLED_CASES))
    respelled = evolve(
        seen.world,
        channels=map(_respelled_channel, seen.world.channels),
        end_companies=map(_respelled_company, seen.world.end_companies),
    )
    yield from seen.differing(answers_of(respelled.directory(), _CASES))


# One for each prefix of a bot, in turn.
_BOT_SPELLINGS: Final = (
    " {28:%s}\n",
    "28:orgid:%s",
    "28:GCCH-Global: %s",
    "{ 28:dod-global:{%s}}",
    "28:gcch:28:%s ",
    "28:DOD:%s",
)
_DIGITS_OF_A_GUID: Final = 32


def _respelled(normal_id: str, spelling: str) -> str:
    """Spell an id in capitals, with the hyphens of a GUID in odd places."""
    digits = normal_id.replace("-", "")
    if len(digits) == _DIGITS_OF_A_GUID:
        normal_id = f"{digits[:5]}--{digits[5:-1]}-{digits[-1]}"
    return spelling % normal_id.upper()


def _respelled_case(number: int, call: Call) -> _Case:
    body = dict(call.document["request"])
    spellings = {"bot_id": _BOT_SPELLINGS[number % len(_BOT_SPELLINGS)], "inbound_tenant_id": "{ %s}\u00a0"}
    return call.caller, parse_session_request(
        body | {name: _respelled(body[name], spelling) for name, spelling in spellings.items() if name in body}
    ).unwrap()


_RESPELLED_CASES: Final = tuple(_respelled_case(number, call) for number, call in enumerate(CALLS))


@cache
def _respelled_channel(channel: Channel) -> Channel:
    installed = [_respelled(each, "{%s} ") for each in channel.installed_m365_tenant_ids]
    spelling = "28:ORGID:{%s}" if channel.white_label else "28:{%s}"
    return evolve(channel, bot_id=_respelled(channel.bot_id, spelling), installed_m365_tenant_ids=installed)


@cache
def _respelled_company(company: EndCompany) -> EndCompany:
    return evolve(company, m365_tenant_ids=[_respelled(each, " %s\t") for each in company.m365_tenant_ids])


def one_answer_everywhere(seen: Seen) -> Iterator[Call]:
    """The same rows give the same decision, one by one or in a batch."""
    yield from seen.differing([decision.result for decision in decide_many(_CASES, seen.directory)])


LAWS: Final[Mapping[str, Callable[[Seen], Iterator[Call]]]] = {
    "total": total,
    "home": home,
    "ownership": ownership,
    "scope": scope,
    "confinement": confinement,
    "override": override,
    "ignored": ignored,
    "locality": locality,
    "silence": silence,
    "no widening": no_widening,
    "normal forms": normal_forms,
    "one answer everywhere": one_answer_everywhere,
    "partition": partition,
}
"""Every law of a decision by its name, and that of request classes; each yields the calls of a world that break it."""
