"""What the strategies draw: every outcome often, every spelling, and examples that can be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    Decision,
    EndCompany,
    Outcome,
    Reason,
    RefusalCode,
    SessionRequest,
    Tenant,
    WarningCode,
    decide,
    normal_bot_id,
    normal_m365_tenant_id,
    parse_session_request,
)
from neo_routing.normal_forms import WIRE_PREFIXES, is_usable
from neo_routing.testing import World, bodies, callers, cases, directories, session_requests
from neo_routing.testing.strategies import (
    ABSENT_AGENT_ID,
    ABSENT_TENANT_ID,
    Case,
    bot_id_spellings,
    m365_tenant_id_spellings,
)
from neo_routing_adapters.memory import read_directory

# There are too many draws to trace each line of them, and what is drawn changes with the strategies alone.
pytestmark = [pytest.mark.no_cover, pytest.mark.thorough]

WORLDS_AND_CASES = directories().flatmap(lambda world: st.tuples(st.just(world), cases(world)))
SEEDED = settings(
    max_examples=4_000,
    phases=[Phase.generate],
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def drawn(strategy: st.SearchStrategy[Any], times: int = 1_000) -> list[Any]:
    found: list[Any] = []

    @settings(SEEDED, max_examples=times)
    @given(strategy)
    def draw(each: Any) -> None:
        found.append(each)

    draw()
    return found


def outcome(decision: Decision) -> str:
    match decision.result:
        case Success(target):
            return target.outcome
        case Failure(refusal):
            return refusal.code
    raise AssertionError


@pytest.fixture(scope="module")
def decisions() -> list[Decision]:
    return [decide(*case, world.directory()) for world, case in drawn(WORLDS_AND_CASES, 4_000)]


def test_each_of_the_eighteen_outcomes_is_at_least_one_in_a_hundred(decisions: list[Decision]) -> None:
    found = Counter(map(outcome, decisions))
    shares = {str(each): found[each] / len(decisions) for each in [*Outcome, *RefusalCode]}
    assert len(decisions) == 4_000
    assert {each: share for each, share in shares.items() if share < 0.01} == {}


def test_each_warning_is_at_least_one_in_a_hundred(decisions: list[Decision]) -> None:
    found = Counter(warning for decision in decisions for warning in decision.warnings)
    assert {str(each): found[each] for each in WarningCode if found[each] < 40} == {}


def test_ids_that_are_blank_and_ids_that_are_unusable_are_at_least_one_in_a_hundred(decisions: list[Decision]) -> None:
    found = Counter(decision.trace[-1].reason for decision in decisions)
    assert min(found[Reason.BLANK_ID], found[Reason.UNUSABLE_ID]) >= 40


def test_a_standard_channel_of_a_white_label_bot_answers_once_in_a_hundred_times(decisions: list[Decision]) -> None:
    warned = [each for each in decisions if WarningCode.WHITE_LABEL_BOT_NOT_INSTALLED in each.warnings]
    assert sum(step.reason is Reason.ONE_ACTIVE_CHANNEL for each in warned for step in each.trace) >= 40


def outcome_of_body(caller: Caller, body: dict[str, Any], world: World) -> str:
    request = parse_session_request(body)
    if isinstance(request, Failure):
        return str(request.failure().code)
    return outcome(decide(caller, request.unwrap(), world.directory()))


APART: dict[str, tuple[Callable[[World], st.SearchStrategy[Any]], Callable[[Caller, Any, World], str]]] = {
    "bodies": (bodies, outcome_of_body),
    "session_requests": (
        session_requests,
        lambda caller, request, world: outcome(decide(caller, request, world.directory())),
    ),
}


@pytest.mark.parametrize("name", APART)
def test_each_outcome_is_met_by_a_caller_and_what_is_asked_drawn_apart(name: str) -> None:
    asked, told = APART[name]
    calls = drawn(directories().flatmap(lambda world: st.tuples(callers(world), asked(world), st.just(world))), 3_000)
    found = Counter(told(*call) for call in calls)
    shares = {str(each): found[each] / len(calls) for each in [*Outcome, *RefusalCode]}
    assert len(calls) == 3_000
    assert {each: share for each, share in shares.items() if share < 0.005} == {}


ACTIVE = ChannelStatus.ACTIVE


def channels_by_bot(world: World) -> Iterator[list[Channel]]:
    for bot_id in {channel.bot_id for channel in world.channels}:
        yield [channel for channel in world.channels if channel.bot_id == bot_id]


SIGHTS: dict[str, Callable[[World], bool]] = {
    "three MSPs on one bot": lambda world: any(
        len({channel.tenant_id for channel in world.channels if channel.bot_id == bot_id}) == 3
        for bot_id in {channel.bot_id for channel in world.channels}
    ),
    "a paused channel": lambda world: any(channel.status is ChannelStatus.DISCONNECTED for channel in world.channels),
    "a channel without its agent": lambda world: any(
        channel.agent_id not in {agent.id for agent in world.agents} for channel in world.channels
    ),
    "a channel with another MSP's agent": lambda world: any(
        agent.id == channel.agent_id and agent.tenant_id != channel.tenant_id
        for channel in world.channels
        for agent in world.agents
    ),
    "a triggered agent with a managed key": lambda world: any(
        agent.kind is AgentKind.TRIGGERED and agent.managed_key for agent in world.agents
    ),
    "two managed agents of one MSP": lambda world: (
        max(Counter(agent.tenant_id for agent in world.agents if agent.managed_key).values(), default=0) > 1
    ),
    "an M365 tenant that two MSPs link": lambda world: any(
        one.tenant_id != other.tenant_id and one.m365_tenant_ids & other.m365_tenant_ids
        for one in world.end_companies
        for other in world.end_companies
    ),
    "an M365 tenant with two companies of one MSP": lambda world: any(
        one.id != other.id and one.tenant_id == other.tenant_id and one.m365_tenant_ids & other.m365_tenant_ids
        for one in world.end_companies
        for other in world.end_companies
    ),
    "a standard channel with installations": lambda world: any(
        not channel.white_label and channel.installed_m365_tenant_ids for channel in world.channels
    ),
    "no tenant for the platform": lambda world: "hq" not in {tenant.id for tenant in world.tenants},
    "a bot that the document spells otherwise": lambda world: any(
        row["bot_id"] != normal_bot_id(row["bot_id"]) for row in world.document()["channels"]
    ),
    "an M365 tenant that the document spells otherwise": lambda world: any(
        each != normal_m365_tenant_id(each)
        for row in world.document()["end_companies"]
        for each in row["m365_tenant_ids"]
    ),
    "a bot that has paused standard channels and no others": lambda world: any(
        all(not each.white_label and each.status is ChannelStatus.DISCONNECTED for each in channels)
        for channels in channels_by_bot(world)
    ),
    "a standard channel beside another owner's white-label one": lambda world: any(
        one.tenant_id != other.tenant_id and other.white_label and not one.white_label and one.status is ACTIVE
        for channels in channels_by_bot(world)
        for one, other in permutations(channels, 2)
    ),
    "a row with a name of its own": lambda world: any(agent.name != str(agent.id) for agent in world.agents),
}


@pytest.fixture(scope="module")
def worlds() -> list[World]:
    return drawn(directories())


@pytest.mark.parametrize("sight", SIGHTS.values(), ids=SIGHTS.keys())
def test_worlds_are_adversarial(sight: Callable[[World], bool], worlds: list[World]) -> None:
    assert sum(map(sight, worlds)) >= 50


def test_the_document_of_a_world_is_the_same_directory(worlds: list[World], tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    for world in worlds[:100]:
        path.write_text(str(world))
        assert read_directory(path).content == world.content


# What is found is shrunk


def smallest(strategy: st.SearchStrategy[Any], condition: Callable[[Any], bool]) -> Any:
    return find(strategy, condition, settings=settings(max_examples=5_000, database=None, derandomize=True))


def test_the_smallest_world_is_empty() -> None:
    assert smallest(directories(), lambda _: True) == World()


def test_the_smallest_ambiguity_is_two_channels_and_their_owners() -> None:
    platform = Caller(CallerKind.PLATFORM, "hq")

    def is_ambiguous(world: World) -> bool:
        request = parse_session_request(
            {"managed_agent_key": "NEO_SUPPORT", "bot_id": "helpdesk", "inbound_tenant_id": "contoso.example"}
        ).unwrap()
        return outcome(decide(platform, request, world.directory())) == RefusalCode.CHANNEL_AMBIGUOUS

    world = smallest(directories(), is_ambiguous)
    one, other = world.channels
    assert (one.white_label, other.white_label, one.bot_id, other.bot_id) == (True, True, "helpdesk", "helpdesk")
    assert {tenant.id for tenant in world.tenants} == {one.tenant_id, other.tenant_id}
    assert (world.agents, world.end_companies, world.spellings) == ((), (), ())


def test_the_smallest_white_label_session_is_a_channel_its_agent_and_a_company() -> None:
    def is_white_label(pair: tuple[World, Case]) -> bool:
        world, case = pair
        return outcome(decide(*case, world.directory())) == Outcome.WHITE_LABEL_CHANNEL

    world, (_, request) = smallest(WORLDS_AND_CASES, is_white_label)
    assert [*map(len, (world.tenants, world.agents, world.channels, world.end_companies))] == [1, 1, 1, 1]
    assert (request.client_id, request.title, request.unknown_fields, world.spellings) == (None, None, (), ())


def test_the_smallest_world_with_a_paused_channel_is_that_and_its_owner() -> None:
    def is_paused(pair: tuple[World, Case]) -> bool:
        world, case = pair
        return outcome(decide(*case, world.directory())) == RefusalCode.CHANNEL_NOT_ACTIVE

    world, _ = smallest(WORLDS_AND_CASES, is_paused)
    assert (len(world.channels), len(world.content)) == (1, 2)


# Calls

SMALL = World(
    [Tenant(id="msp-z")],
    [Agent(id=77, tenant_id="msp-z", kind=AgentKind.CONVERSATIONAL)],
    [Channel(id="ch-z", tenant_id="msp-z", agent_id=77, bot_id="bot-z")],
    [EndCompany(id="co-z", tenant_id="msp-z", m365_tenant_ids=frozenset(["z.example"]))],
)


def test_calls_are_about_rows_of_the_world_or_about_absent_ones() -> None:
    found: list[SessionRequest] = drawn(session_requests(SMALL))
    assert {request.client_id for request in found} == {None, "msp-z", ABSENT_TENANT_ID, " "}
    bot_ids = {request.bot_id for request in found}
    m365_tenant_ids = {request.m365_tenant_id for request in found}
    assert {each for each in bot_ids if not each or is_usable(each)} == {None, "bot-z", "bot-gone", ""}
    assert {each for each in m365_tenant_ids if not each or is_usable(each)} == {None, "z.example", "gone.example", ""}
    assert sum(not is_usable(each) for each in (*bot_ids, *m365_tenant_ids) if each) == 5
    assert {request.agent_id for request in found} == {None, 77, ABSENT_AGENT_ID, 0, 10**30}
    assert {caller.tenant_id for caller in drawn(callers(SMALL))} == {"msp-z", ABSENT_TENANT_ID}
    assert {caller.kind for caller in drawn(callers(SMALL))} == {*CallerKind}


def test_bodies_are_raw_with_ids_in_any_spelling_and_some_malformed() -> None:
    found = drawn(bodies(SMALL))
    malformed = [body for body in found if isinstance(parse_session_request(body), Failure)]
    assert 50 <= len(malformed) <= 500
    assert len({body.get("bot_id") for body in found if normal_bot_id(str(body.get("bot_id"))) == "bot-z"}) > 5


@given(st.data())
def test_every_spelling_has_the_normal_form(data: st.DataObject) -> None:
    for normal_id in ("6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e", "strasse", "x" * 256):
        assert normal_bot_id(data.draw(bot_id_spellings(normal_id))) == normal_id
        assert normal_m365_tenant_id(data.draw(m365_tenant_id_spellings(normal_id))) == normal_id


def test_every_prefix_and_hyphens_in_odd_places_are_drawn() -> None:
    found = {spelling.lower() for spelling in drawn(bot_id_spellings("6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e"))}
    assert [prefix for prefix in WIRE_PREFIXES if not any(prefix in spelling for spelling in found)] == []
    assert any("--" in spelling for spelling in found)


def test_a_world_without_rows_has_cases_too() -> None:
    assert len(drawn(cases(World()), 100)) == 100
