"""The laws of the rules, each by its name, in every world of a small universe: nothing is drawn, nothing left out.

The universe: MSPs A and B, one bot, one M365 tenant. A has a conversational and a triggered agent, and so has B; B has
its Neo Support agent. A channel slot is empty or holds any of 64 channels of the bot: owner A or B; its agent the
owner's conversational one, the other tenant's, the owner's triggered one or one that is missing; ACTIVE or
DISCONNECTED; white-label or standard; installed for the M365 tenant or not. Two companies of A and one of B are each
linked to the M365 tenant or not (8 ways). Three complete products:

* *two channels*: every pair of slots, mirror images once (65 * 66 / 2 = 2145), and all links, with A's Neo Support fine
  and the platform's home tenant there. Each with the platform's calls about the bot: `client_id` absent, A, B or
  unknown, M365 tenant absent or the one.
* *one channel*: every slot (65), all links, A's Neo Support agent fine, missing, there twice or triggered, the
  platform's home tenant with a Neo Support agent or missing. Each with more calls of the platform: about the bot, an
  unknown one and none, `client_id` as above, M365 tenant absent, the one or another.
* *other callers*: every slot, all companies linked or none, A's Neo Support and the home tenant as before. Each with
  users of A and service accounts of B, who ask for each agent, for an absent one and by the managed key, with and
  without bot and M365 tenant; and with the shapes of request that admission refuses.

No clause looks at more than two rows of a group, so the reverse order of rows is the only other one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from functools import cache
from itertools import combinations_with_replacement, islice, product
from typing import Any

import pytest
from attrs import evolve, frozen
from returns.result import Success

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    Decision,
    EndCompany,
    ManagedAgentKey,
    Outcome,
    Refusal,
    RefusalCode,
    SessionDirectory,
    SessionRequest,
    SessionTarget,
    Tenant,
    Verdict,
    decide,
    decide_many,
    normal_bot_id,
    normal_m365_tenant_id,
    resolve_session_target,
    routing,
    steps,
)
from neo_routing_adapters.memory import MemoryDirectory
from worlds import (
    ABSENT_AGENT_ID,
    ABSENT_TENANT_ID,
    BOT_IDS,
    CHANNEL_IDS,
    COMPANY_IDS,
    COMPANY_NAMES,
    M365_TENANT_IDS,
    PLATFORM_TENANT_ID,
    TENANT_IDS,
    TENANT_NAMES,
    SlicingDirectory,
    World,
)

# The rows

A, B, _ = TENANT_IDS
BOT, ABSENT_BOT = BOT_IDS
M365_TENANT, ANOTHER_M365_TENANT = M365_TENANT_IDS
CONVERSATIONAL_IDS, TRIGGERED_IDS = {A: 770001, B: 770002}, {A: 770003, B: 770004}
SUPPORT_IDS, SPARE_SUPPORT_ID = {A: 770005, B: 770006, PLATFORM_TENANT_ID: 770007}, 770008
AGENT_IDS = [*CONVERSATIONAL_IDS.values(), *TRIGGERED_IDS.values(), *SUPPORT_IDS.values(), SPARE_SUPPORT_ID]


def _agent(agent_id: int, owner_id: str, kind: AgentKind, key: ManagedAgentKey | None = None) -> Agent:
    return Agent(id=agent_id, tenant_id=owner_id, name=f"Qx Agent {agent_id}", kind=kind, managed_key=key)


def _support(agent_id: int, owner_id: str, kind: AgentKind = AgentKind.CONVERSATIONAL) -> Agent:
    return _agent(agent_id, owner_id, kind, ManagedAgentKey.NEO_SUPPORT)


USUAL_AGENTS = (
    *(_agent(agent_id, owner_id, AgentKind.CONVERSATIONAL) for owner_id, agent_id in CONVERSATIONAL_IDS.items()),
    *(_agent(agent_id, owner_id, AgentKind.TRIGGERED) for owner_id, agent_id in TRIGGERED_IDS.items()),
    _support(SUPPORT_IDS[B], B),
)
FINE = (_support(SUPPORT_IDS[A], A),)
SUPPORT_OF_A: list[tuple[Agent, ...]] = [
    FINE,
    (),
    (*FINE, _support(SPARE_SUPPORT_ID, A)),
    (_support(SUPPORT_IDS[A], A, AgentKind.TRIGGERED),),
]
TENANTS = tuple(Tenant(id=each, name=TENANT_NAMES[each]) for each in (A, B))
THERE = (
    (Tenant(id=PLATFORM_TENANT_ID, name=TENANT_NAMES[PLATFORM_TENANT_ID]),),
    (_support(SUPPORT_IDS[PLATFORM_TENANT_ID], PLATFORM_TENANT_ID),),
)
Home = tuple[tuple[Tenant, ...], tuple[Agent, ...]]
HOMES: list[Home] = [THERE, ((), ())]


def _slot(channel_id: str, show_agent_progress_steps: bool | None) -> list[tuple[Channel, ...]]:
    channels = [
        Channel(
            id=channel_id,
            tenant_id=owner_id,
            agent_id=agent_id,
            bot_id=BOT,
            status=status,
            white_label=white_label,
            installed_m365_tenant_ids=installed,
            show_agent_progress_steps=show_agent_progress_steps,
        )
        for owner_id, other_id in [(A, B), (B, A)]
        for agent_id in [
            CONVERSATIONAL_IDS[owner_id],
            CONVERSATIONAL_IDS[other_id],
            TRIGGERED_IDS[owner_id],
            ABSENT_AGENT_ID,
        ]
        for status in ChannelStatus
        for white_label in [True, False]
        for installed in [frozenset[str](), frozenset({M365_TENANT})]
    ]
    return [(), *((channel,) for channel in channels)]


ONE_SLOT = _slot(CHANNEL_IDS[0], show_agent_progress_steps=True)
_OTHER_SLOT = _slot(CHANNEL_IDS[1], show_agent_progress_steps=None)
TWO_SLOTS = [
    (*ONE_SLOT[one], *_OTHER_SLOT[other]) for one, other in combinations_with_replacement(range(len(ONE_SLOT)), 2)
]
LINKS = [
    tuple(
        EndCompany(
            id=company_id,
            tenant_id=owner_id,
            name=COMPANY_NAMES[company_id],
            m365_tenant_ids=frozenset({M365_TENANT} if linked else ()),
        )
        for company_id, owner_id, linked in zip(COMPANY_IDS, [A, A, B], each, strict=True)
    )
    for each in product([False, True], repeat=3)
]


def _world(
    channels: tuple[Channel, ...], links: tuple[EndCompany, ...], support: tuple[Agent, ...], home: Home
) -> World:
    tenants, agents = home
    return World((*TENANTS, *tenants), (*USUAL_AGENTS, *support, *agents), channels, links)


# The calls


@frozen(eq=False)
class Call:
    """A call, and the requests that the laws compare it with."""

    caller: Caller
    request: SessionRequest
    elsewhere: tuple[SessionRequest, ...]
    bare: SessionRequest
    respelled: SessionRequest


CLIENT_IDS = [None, A, B, ABSENT_TENANT_ID]
KEY = ManagedAgentKey.NEO_SUPPORT
PLATFORM = Caller(CallerKind.PLATFORM, PLATFORM_TENANT_ID)
OTHERS = [Caller(CallerKind.USER, A), Caller(CallerKind.SERVICE_ACCOUNT, B)]


def _call(caller: Caller, **fields: Any) -> Call:
    def but(**changes: Any) -> SessionRequest:
        return SessionRequest(**{**fields, **changes})

    request = but()
    bot_id, m365_tenant_id = request.bot_id, request.m365_tenant_id
    return Call(
        caller,
        request,
        elsewhere=tuple(but(client_id=each) for each in CLIENT_IDS),
        bare=but(bot_id=None, m365_tenant_id=None),
        respelled=but(
            bot_id=bot_id and f" {{28:{bot_id.upper()}}}\n",
            m365_tenant_id=m365_tenant_id and f"{{ {m365_tenant_id.upper()}}}\u00a0",
        ),
    )


def _platform_calls(bot_ids: Sequence[str | None], m365_tenant_ids: Sequence[str | None]) -> list[Call]:
    return [
        _call(PLATFORM, managed_agent_key=KEY, client_id=client_id, bot_id=bot_id, m365_tenant_id=m365_tenant_id)
        for client_id, bot_id, m365_tenant_id in product(CLIENT_IDS, bot_ids, m365_tenant_ids)
    ]


def _all_of(*choices: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for chosen in product(*choices):
        yield {name: value for one in chosen for name, value in one.items()}


SELECTORS: list[dict[str, Any]] = [
    *({"agent_id": agent_id} for agent_id in [*AGENT_IDS, ABSENT_AGENT_ID]),
    {"managed_agent_key": KEY},
]
WRONG_SELECTORS: list[dict[str, Any]] = [{}, {"agent_id": CONVERSATIONAL_IDS[A], "managed_agent_key": KEY}]
BOT_AND_M365_TENANT: list[dict[str, Any]] = [{}, {"bot_id": BOT, "m365_tenant_id": M365_TENANT}]
BLANK = [{"client_id": " "}, {"bot_id": "28:"}, {"m365_tenant_id": "{}"}]
REFUSED_BY_SHAPE: list[tuple[list[Caller], Iterable[dict[str, Any]]]] = [
    (OTHERS, _all_of(SELECTORS[-1:], [{"client_id": client_id} for client_id in ["", A, B]], BOT_AND_M365_TENANT)),
    ([PLATFORM, *OTHERS], _all_of(WRONG_SELECTORS, BOT_AND_M365_TENANT)),
    ([PLATFORM], _all_of(SELECTORS[:-1], BOT_AND_M365_TENANT)),
    ([PLATFORM], _all_of(SELECTORS[-1:], BLANK)),
]
OTHER_CALLS = [
    _call(caller, **fields)
    for callers, shapes in [(OTHERS, _all_of(SELECTORS, BOT_AND_M365_TENANT)), *REFUSED_BY_SHAPE]
    for caller, fields in product(callers, list(shapes))
]


# The universe


@frozen(eq=False)
class Universe:
    """All combinations of rows, and the calls that are made in each world of them."""

    choices: tuple[Sequence[Any], ...]
    calls: list[Call]
    size: int  # pairs of a world and a call
    parts: int

    def worlds(self, start: int = 0, step: int = 1) -> Iterator[World]:
        for chosen in islice(product(*self.choices), start, None, step):
            yield _world(*chosen)


UNIVERSE = {
    "two channels": Universe(
        (TWO_SLOTS, LINKS, [FINE], [THERE]), _platform_calls([BOT], [None, M365_TENANT]), size=17_160 * 8, parts=8
    ),
    "one channel": Universe(
        (ONE_SLOT, LINKS, SUPPORT_OF_A, HOMES),
        _platform_calls([BOT, ABSENT_BOT, None], [None, *M365_TENANT_IDS]),
        size=4_160 * 36,
        parts=7,
    ),
    "other callers": Universe(
        (ONE_SLOT, [LINKS[0], LINKS[-1]], SUPPORT_OF_A, HOMES), OTHER_CALLS, size=1_040 * 85, parts=3
    ),
}


class Seen:
    """A world, and what every call is told there."""

    def __init__(self, world: World, calls: Sequence[Call]) -> None:
        self.world = world
        self.directory = world.directory()
        # A decision makes its trace whenever it is asked for it; a copy of one keeps it.
        self.decided = [(call, copy(decide(call.caller, call.request, self.directory))) for call in calls]
        self.reached: list[tuple[Call, SessionTarget]] = [
            (call, decision.result.unwrap()) for call, decision in self.decided if _succeeded(decision)
        ]

    def answer(self, call: Call, request: SessionRequest) -> Any:
        return resolve_session_target(call.caller, request, self.directory)


def _succeeded(decision: Decision) -> bool:
    return isinstance(decision.result, Success)


# The laws: each finds the calls that break it


def total(seen: Seen) -> Iterator[Call]:
    for call, decision in seen.decided:
        succeeded = _succeeded(decision)
        of_the_closed_set = (
            decision.result.unwrap().outcome in Outcome if succeeded else decision.result.failure().code in RefusalCode
        )
        refusals = [step for step in decision.trace if step.verdict is Verdict.REFUSED]
        if not of_the_closed_set or refusals != ([] if succeeded else [decision.trace[-1]]):
            yield call


def home(seen: Seen) -> Iterator[Call]:
    for call, target in seen.reached:
        if not call.caller.is_platform and target.tenant_id != call.caller.tenant_id:
            yield call


def ownership(seen: Seen) -> Iterator[Call]:
    agents = {agent.id: (agent.tenant_id, agent.kind) for agent in seen.world.agents}
    for call, target in seen.reached:
        if agents.get(target.agent_id) != (target.tenant_id, AgentKind.CONVERSATIONAL):
            yield call


def scope(seen: Seen) -> Iterator[Call]:
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


def override(seen: Seen) -> Iterator[Call]:
    for call, decision in seen.decided:
        decides = call.caller.is_platform and any(
            _is_installed(channel, call.request) for channel in seen.world.channels
        )
        if decides and any(seen.answer(call, request) != decision.result for request in call.elsewhere):
            yield call


def ignored(seen: Seen) -> Iterator[Call]:
    for call, decision in seen.decided:
        if not call.caller.is_platform and seen.answer(call, call.bare) != decision.result:
            yield call


def locality(seen: Seen) -> Iterator[Call]:
    directories: list[SessionDirectory] = [
        SlicingDirectory(seen.world),
        _reversed(seen.world).directory(),
        _grown(seen.world).directory(),
    ]
    for call, decision in seen.decided:
        for directory in directories:
            other = decide(call.caller, call.request, directory)
            if (other.result, other.warnings) != (decision.result, decision.warnings):
                yield call


def _reversed(world: World) -> World:
    return World(world.tenants[::-1], world.agents[::-1], world.channels[::-1], world.end_companies[::-1])


STRANGER = "qx-stranger"
STRANGERS = World(
    (Tenant(id=STRANGER),),
    (Agent(id=1, tenant_id=STRANGER, kind=AgentKind.TRIGGERED, managed_key=KEY),),
    (
        Channel(id="qx-a", tenant_id=STRANGER, agent_id=1, bot_id=BOT),
        Channel(
            id="qx-b",
            tenant_id=STRANGER,
            agent_id=1,
            bot_id="qx-another-bot",
            white_label=True,
            installed_m365_tenant_ids=frozenset(M365_TENANT_IDS),
        ),
    ),
    (EndCompany(id="qx-c", tenant_id=STRANGER, m365_tenant_ids=frozenset(M365_TENANT_IDS)),),
)


def _grown(world: World) -> World:
    return World(
        (*STRANGERS.tenants, *world.tenants),
        (*STRANGERS.agents, *world.agents),
        (*STRANGERS.channels, *world.channels),
        (*STRANGERS.end_companies, *world.end_companies),
    )


def silence(seen: Seen) -> Iterator[Call]:
    own = {(agent.id, agent.tenant_id) for agent in seen.world.agents}
    absent = {
        call.caller: decision.result
        for call, decision in seen.decided
        if call.request.agent_id == ABSENT_AGENT_ID and call.bare == call.request
    }
    for call, decision in seen.decided:
        request = call.request
        asked = (request.client_id, request.bot_id, request.m365_tenant_id)
        foreign = request.agent_id is not None and (request.agent_id, call.caller.tenant_id) not in own
        if (not _succeeded(decision) and _leaks(decision.result.failure(), asked)) or (
            foreign and _is_routable(call) and decision.result != absent[call.caller]
        ):
            yield call


def _is_routable(call: Call) -> bool:
    return not call.caller.is_platform and call.request.client_id is None and call.request.managed_agent_key is None


SECRETS = {
    *map(str, AGENT_IDS),
    *(f"qx agent {agent_id}" for agent_id in AGENT_IDS),
    *CHANNEL_IDS,
    *(text.lower() for names in (TENANT_NAMES, COMPANY_NAMES) for each in names.items() for text in each),
}


@cache
def _leaks(refusal: Refusal, asked: tuple[str | None, ...]) -> bool:
    said = f"{refusal.message} {refusal.details}".lower()
    for given_id in asked:
        said = said.replace(given_id, "") if given_id and given_id.strip() else said
    return any(secret in said for secret in SECRETS) or any(map(str.isdigit, said.replace("m365", "")))


def no_widening(seen: Seen) -> Iterator[Call]:
    scoped = [(call, target) for call, target in seen.reached if target.outcome is Outcome.WHITE_LABEL_CHANNEL]
    for directory in _broken(seen.world) if scoped else ():
        for call, before in scoped:
            after = resolve_session_target(call.caller, call.request, directory)
            if isinstance(after, Success) and after.unwrap().agent_id != before.agent_id:
                yield call


def _broken(world: World) -> Iterator[MemoryDirectory]:
    for place, channel in enumerate(world.channels):
        others = (*world.channels[:place], *world.channels[place + 1 :])
        paused = evolve(channel, status=ChannelStatus.DISCONNECTED)
        yield evolve(world, channels=(*others, paused)).directory()
        yield evolve(world, channels=(*world.channels, evolve(channel, id="qx-copy"))).directory()
    for place, company in enumerate(world.end_companies):
        left = (*world.end_companies[:place], *world.end_companies[place + 1 :])
        unlinked = evolve(company, m365_tenant_ids=frozenset())
        yield evolve(world, end_companies=(*left, unlinked)).directory()


def normal_forms(seen: Seen) -> Iterator[Call]:
    respelled = _respelled(seen.world).directory()
    for call, decision in seen.decided:
        if (
            seen.answer(call, call.respelled) != decision.result
            or resolve_session_target(call.caller, call.request, respelled) != decision.result
        ):
            yield call


def _respelled(world: World) -> World:
    return evolve(
        world,
        channels=tuple(map(_respelled_channel, world.channels)),
        end_companies=tuple(map(_respelled_company, world.end_companies)),
    )


@cache
def _respelled_channel(channel: Channel) -> Channel:
    installed = frozenset(f"{{{each.upper()}}} " for each in channel.installed_m365_tenant_ids)
    return evolve(channel, bot_id=f"28:{{{channel.bot_id.upper()}}}", installed_m365_tenant_ids=installed)


@cache
def _respelled_company(company: EndCompany) -> EndCompany:
    return evolve(company, m365_tenant_ids=frozenset(f" {each.upper()}\t" for each in company.m365_tenant_ids))


def one_answer_everywhere(seen: Seen) -> Iterator[Call]:
    batch = decide_many([(call.caller, call.request) for call, _ in seen.decided], seen.directory)
    for (call, decision), in_batch in zip(seen.decided, batch, strict=True):
        if in_batch != decision or seen.answer(call, call.request) != decision.result:
            yield call


Law = Callable[[Seen], Iterator[Call]]
LAWS: list[Law] = [
    total,
    home,
    ownership,
    scope,
    confinement,
    override,
    ignored,
    locality,
    silence,
    no_widening,
    normal_forms,
    one_answer_everywhere,
]

# The tests

PARTS = [(name, part) for name, universe in UNIVERSE.items() for part in range(universe.parts)]


@pytest.mark.parametrize(("name", "part"), PARTS, ids=[f"{name} {part + 1}" for name, part in PARTS])
def test_every_law_holds_in_every_small_world(name: str, part: int) -> None:
    universe = UNIVERSE[name]
    broken: dict[str, tuple[World, Call]] = {}
    for world in universe.worlds(part, universe.parts):
        seen = Seen(world, universe.calls)
        for law in LAWS:
            for call in law(seen):
                broken.setdefault(law.__name__, (world, call))
    assert broken == {}


@pytest.mark.parametrize("universe", UNIVERSE.values(), ids=UNIVERSE.keys())
def test_the_universe_has_not_shrunk_and_its_parts_make_it_up(universe: Universe) -> None:
    worlds = {world for part in range(universe.parts) for world in universe.worlds(part, universe.parts)}
    calls = {(call.caller, call.request) for call in universe.calls}
    assert len(worlds) * len(calls) == universe.size
    assert len(universe.calls) == len(calls)
    assert len([*universe.worlds()]) == len(worlds)


def test_the_universe_meets_every_outcome() -> None:
    met: set[str] = set()
    for universe in UNIVERSE.values():
        for world in universe.worlds(step=5):
            directory = world.directory()
            answers = [resolve_session_target(call.caller, call.request, directory) for call in universe.calls]
            met |= {
                answer.unwrap().outcome if isinstance(answer, Success) else answer.failure().code for answer in answers
            }
    assert met == {*Outcome, *RefusalCode}
    assert len(met) == 18


def test_normal_forms_every_short_spelling_has_one_normal_form() -> None:
    for length in range(6):
        for spelling in map("".join, product("28:{} aA", repeat=length)):
            for normal in (normal_bot_id, normal_m365_tenant_id):
                assert normal(normal(spelling)) == normal(spelling)


RIGHT = {name: getattr(routing, name) for name in ["_agent_of", "white_label_installation", "end_company"]}


def takes_anybodys_agent(tenant_id: str, agent_id: int, rows: Any, named: Any) -> Any:
    step, found = RIGHT["_agent_of"](tenant_id, agent_id, rows, named)
    return (named.available if step is named.foreign else step), found


def tells_a_foreign_agent_from_an_absent_one(tenant_id: str, agent_id: int, rows: Any, named: Any) -> Any:
    step, found = RIGHT["_agent_of"](tenant_id, agent_id, rows, named)
    return (named.triggered if step is named.foreign else step), found


def passes_over_a_paused_installation(bot_id: Any, m365_tenant_id: Any, rows: Any) -> Any:
    step, found = RIGHT["white_label_installation"](bot_id, m365_tenant_id, rows)
    return (steps.NO_INSTALLATION, ()) if step is steps.INSTALLATION_DISCONNECTED else (step, found)


def takes_the_first_installation(bot_id: Any, m365_tenant_id: Any, rows: Any) -> Any:
    step, found = RIGHT["white_label_installation"](bot_id, m365_tenant_id, rows)
    several = step is steps.SEVERAL_ACTIVE_INSTALLATIONS
    return (steps.ONE_ACTIVE_INSTALLATION, found[:1]) if several else (step, found)


def takes_anybodys_company(owner_id: str, white_label: bool, m365_tenant_id: Any, rows: Any) -> Any:
    step, found = RIGHT["end_company"](owner_id, white_label, m365_tenant_id, rows)
    linked = [companies for companies in rows.end_companies.values() if len(companies) == 1]
    return (steps.ONE_COMPANY_LINKED, linked[0]) if step is steps.NO_COMPANY_LINKED and linked else (step, found)


def takes_the_first_company(owner_id: str, white_label: bool, m365_tenant_id: Any, rows: Any) -> Any:
    step, found = RIGHT["end_company"](owner_id, white_label, m365_tenant_id, rows)
    return (steps.ONE_COMPANY_LINKED, found[:1]) if step is steps.SEVERAL_COMPANIES_LINKED else (step, found)


FAULTS: list[tuple[str, Callable[..., Any], list[Law]]] = [
    ("_agent_of", takes_anybodys_agent, [ownership, silence]),
    ("_agent_of", tells_a_foreign_agent_from_an_absent_one, [silence]),
    ("white_label_installation", passes_over_a_paused_installation, [override, no_widening]),
    ("white_label_installation", takes_the_first_installation, [locality]),
    ("end_company", takes_anybodys_company, [scope, locality]),
    ("end_company", takes_the_first_company, [locality]),
]


@pytest.mark.parametrize(("rule", "fault", "laws"), FAULTS, ids=[fault.__name__ for _, fault, _ in FAULTS])
def test_a_planted_fault_breaks_its_laws_somewhere(
    rule: str, fault: Callable[..., Any], laws: list[Law], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, rule, fault)
    unbroken = laws
    for universe in UNIVERSE.values():
        for world in universe.worlds(step=23):
            seen = Seen(world, universe.calls)
            unbroken = [law for law in unbroken if not any(law(seen))]
            if not unbroken:
                return
    assert unbroken == []
