"""The laws of the rules, each by its name, over generated worlds."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, Phase, assume, example, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample
from returns.result import Success

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    Clause,
    Decision,
    EndCompany,
    ManagedAgentKey,
    Outcome,
    RefusalCode,
    Rows,
    SessionRequest,
    SessionTarget,
    Tenant,
    Verdict,
    WarningCode,
    decide,
    decide_many,
    normal_bot_id,
    normal_m365_tenant_id,
    parse_session_request,
    resolve_session_target,
)
from neo_routing.testing import World, callers, cases, directories
from neo_routing.testing.strategies import (
    ABSENT_AGENT_ID,
    ABSENT_TENANT_ID,
    AGENT_IDS,
    BOT_IDS,
    CHANNEL_IDS,
    END_COMPANY_IDS,
    M365_TENANT_IDS,
    PLATFORM_TENANT_ID,
    TENANT_IDS,
    Case,
    bot_id_spellings,
    m365_tenant_id_spellings,
)
from tests.programs.slicing_directory import SlicingDirectory

pytestmark = pytest.mark.no_cover  # there are too many decisions to trace each line of them

RARE = settings(suppress_health_check=[HealthCheck.filter_too_much])
"""For laws about what few worlds show."""

WORLDS = st.shared(directories(), key="world")
CASES = WORLDS.flatmap(cases)


def platform_cases() -> st.SearchStrategy[Case]:
    """Calls that tend to reach a channel."""
    body = st.fixed_dictionaries(
        {
            "managed_agent_key": st.just("NEO_SUPPORT"),
            "client_id": st.sampled_from([*TENANT_IDS, None]),
            "bot_id": st.sampled_from(BOT_IDS),
            "inbound_tenant_id": st.sampled_from(M365_TENANT_IDS),
        }
    )
    caller = Caller(CallerKind.PLATFORM, PLATFORM_TENANT_ID)
    return st.tuples(st.just(caller), body.map(lambda given: parse_session_request(given).unwrap()))


def succeeded(decision: Decision) -> SessionTarget | None:
    return decision.result.unwrap() if isinstance(decision.result, Success) else None


@given(WORLDS, CASES)
def test_total_every_call_has_exactly_one_outcome_and_nothing_raises(world: World, case: Case) -> None:
    decision = decide(*case, world.directory())
    target = succeeded(decision)
    if target is None:
        assert decision.result.failure().code in RefusalCode
    else:
        assert target.outcome in Outcome
    assert resolve_session_target(*case, world.directory()) == decision.result


@given(WORLDS, CASES)
def test_total_the_trace_ends_with_what_decided(world: World, case: Case) -> None:
    decision = decide(*case, world.directory())
    *before, last = decision.trace
    assert (last.verdict is Verdict.REFUSED) == (succeeded(decision) is None)
    assert all(step.verdict is not Verdict.REFUSED for step in before)
    assert [step.clause for step in decision.trace] == sorted(
        {step.clause for step in decision.trace}, key=_in_order_of_application
    )


def _in_order_of_application(clause: Clause) -> int:
    # A matched channel is followed by end-company and channel-agent, and never by neo-support.
    return list(Clause).index(clause)


@given(WORLDS, CASES)
def test_home_a_success_of_another_caller_acts_as_its_home_tenant(world: World, case: Case) -> None:
    caller, _ = case
    target = succeeded(decide(*case, world.directory()))
    assert caller.is_platform or target is None or target.tenant_id == caller.tenant_id


@RARE
@given(WORLDS, CASES)
def test_ownership_the_agent_is_conversational_and_of_the_acting_tenant(world: World, case: Case) -> None:
    target = succeeded(decide(*case, world.directory()))
    assume(target)
    assert target is not None
    [agent] = [agent for agent in world.agents if agent.id == target.agent_id]
    assert (agent.tenant_id, agent.kind) == (target.tenant_id, AgentKind.CONVERSATIONAL)


@RARE
@given(WORLDS, st.one_of(CASES, platform_cases()))
def test_scope_an_end_company_if_and_only_if_the_channel_is_white_label(world: World, case: Case) -> None:
    _, request = case
    target = succeeded(decide(*case, world.directory()))
    assume(target)
    assert target is not None
    white_label = {channel.id for channel in world.channels if channel.white_label}
    assert (target.channel_id in white_label) == (target.end_company_id is not None)
    if target.end_company_id is not None:
        [company] = [company for company in world.end_companies if company.id == target.end_company_id]
        assert company.tenant_id == target.tenant_id
        assert request.m365_tenant_id in company.m365_tenant_ids


@RARE
@given(WORLDS, st.one_of(CASES, platform_cases()))
def test_confinement_the_platform_reaches_channels_and_neo_support_only(world: World, case: Case) -> None:
    caller, request = case
    assume(caller.is_platform)
    target = succeeded(decide(*case, world.directory()))
    target_tenant_id = request.client_id if request.client_id is not None else caller.tenant_id
    installed = {
        channel.agent_id
        for channel in world.channels
        if channel.white_label
        and channel.bot_id == request.bot_id
        and request.m365_tenant_id in channel.installed_m365_tenant_ids
    }
    active = {
        channel.agent_id
        for channel in world.channels
        if channel.tenant_id == target_tenant_id
        and channel.bot_id == request.bot_id
        and channel.status is ChannelStatus.ACTIVE
    }
    support = {agent.id for agent in world.agents if agent.tenant_id == target_tenant_id and agent.managed_key}
    assert target is None or target.agent_id in installed | active | support


@RARE
@given(WORLDS, st.one_of(CASES, platform_cases()), st.sampled_from([None, *TENANT_IDS, ABSENT_TENANT_ID]))
def test_override_where_the_installation_decides_client_id_does_not(
    world: World, case: Case, client_id: str | None
) -> None:
    caller, request = case
    decision = decide(caller, request, world.directory())
    assume(any(_decides(step.clause, step.verdict) for step in decision.trace))
    other = decide(caller, evolve(request, client_id=client_id), world.directory())
    assert other.result == decision.result


def _decides(clause: Clause, verdict: Verdict) -> bool:
    return clause is Clause.WHITE_LABEL_INSTALLATION and verdict in {Verdict.MATCHED, Verdict.REFUSED}


@RARE
@given(
    WORLDS,
    CASES,
    st.sampled_from([None, " ", f"({BOT_IDS[0]})", *BOT_IDS]),
    st.sampled_from([None, "", f"<{M365_TENANT_IDS[0]}>", *M365_TENANT_IDS]),
)
def test_ignored_bot_and_m365_tenant_mean_nothing_from_another_caller(
    world: World, case: Case, bot_id: str | None, m365_tenant_id: str | None
) -> None:
    caller, request = case
    assume(not caller.is_platform)
    other = evolve(request, bot_id=bot_id, m365_tenant_id=m365_tenant_id)
    assert decide(caller, other, world.directory()).result == decide(caller, request, world.directory()).result


@given(WORLDS, st.one_of(CASES, platform_cases()))
def test_locality_deciding_on_the_rows_that_were_needed_is_deciding_on_all(world: World, case: Case) -> None:
    directory = SlicingDirectory(world)
    assert decide(*case, directory) == decide(*case, world.directory())
    assert directory.look_ups <= 1


def test_locality_what_the_shape_refuses_is_never_looked_up() -> None:
    @given(WORLDS, CASES)
    def looked_up(world: World, case: Case) -> None:
        directory = SlicingDirectory(world)
        decision = decide(*case, directory)
        by_shape = decision.trace[-1].clause in {
            Clause.CLIENT_ID_RESERVED,
            Clause.ONE_SELECTOR,
            Clause.PLATFORM_CONFINED,
            Clause.PLATFORM_IDS,
        }
        assert directory.look_ups == (0 if by_shape else 1)

    looked_up()


@given(WORLDS, st.one_of(CASES, platform_cases()), st.randoms(use_true_random=False))
def test_locality_the_order_of_rows_means_nothing(world: World, case: Case, chance: random.Random) -> None:
    def shuffled(rows: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(chance.sample(rows, len(rows)))

    other = World(*map(shuffled, (world.tenants, world.agents, world.channels, world.end_companies)))
    assert decide(*case, other.directory()) == decide(*case, world.directory())


@example(
    World(tenants=[Tenant(id=TENANT_IDS[0])]),
    (
        Caller(CallerKind.PLATFORM, TENANT_IDS[0]),
        SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT, bot_id=BOT_IDS[0]),
    ),
)
@given(WORLDS, st.one_of(CASES, platform_cases()))
def test_locality_rows_that_no_clause_looks_at_mean_nothing(world: World, case: Case) -> None:
    stranger = "qx-stranger"
    grown = World(
        (*world.tenants, Tenant(id=stranger)),
        (
            *world.agents,
            Agent(id=1, tenant_id=stranger, kind=AgentKind.TRIGGERED, managed_key=ManagedAgentKey.NEO_SUPPORT),
        ),
        (
            *world.channels,
            Channel(id="qx-a", tenant_id=stranger, agent_id=1, bot_id=BOT_IDS[0]),
            Channel(
                id="qx-b",
                tenant_id=stranger,
                agent_id=1,
                bot_id="qx-another-bot",
                white_label=True,
                installed_m365_tenant_ids=frozenset(M365_TENANT_IDS),
            ),
        ),
        (
            *world.end_companies,
            EndCompany(id="qx-c", tenant_id=stranger, m365_tenant_ids=frozenset(M365_TENANT_IDS)),
        ),
    )
    before, after = decide(*case, world.directory()), decide(*case, grown.directory())
    assert (after.result, after.trace) == (before.result, before.trace)
    # That the stranger has a channel with the bot is looked at in one place: it makes the bot known.
    _, request = case
    made_known = request.bot_id == BOT_IDS[0] and all(channel.bot_id != BOT_IDS[0] for channel in world.channels)
    assert {*after.warnings} == {*before.warnings} - ({WarningCode.BOT_UNKNOWN} if made_known else set())


def _without(**emptied: Any) -> Callable[[Rows], Rows]:
    return lambda rows: evolve(rows, **emptied)


UNDER_FETCHING: dict[str, Callable[[Rows], Rows]] = {
    "tenants": _without(tenants={}),
    "agents of other owners": lambda rows: evolve(
        rows,
        conversational_agents={
            each: owner for each, owner in rows.conversational_agents.items() if owner != TENANT_IDS[0]
        },
        managed_agents={
            key: {owner: ids for owner, ids in owners.items() if owner != TENANT_IDS[0]}
            for key, owners in rows.managed_agents.items()
        },
    ),
    "managed agents": lambda rows: evolve(rows, managed_agents={key: {} for key in rows.managed_agents}),
    "active installations": _without(active_installations={}),
    "disconnected installations": _without(disconnected_installations={}),
    "active channels": _without(active_channels={}),
    "disconnected channels": _without(disconnected_channels={}),
    "white-label bots": _without(white_label_bots=frozenset()),
    "known bots": _without(known_bots=frozenset()),
    "bots that are known by their own channels alone": lambda rows: evolve(
        rows, known_bots={bot_id for _, bot_id in (*rows.active_channels, *rows.disconnected_channels)}
    ),
    "end-companies": _without(end_companies={}),
    "agent names": _without(agent_names={}),
    "end-company names": _without(end_company_names={}),
    "all but one of a group": lambda rows: evolve(
        rows, active_installations={key: group[:1] for key, group in rows.active_installations.items()}
    ),
}


@pytest.mark.parametrize("spoil", UNDER_FETCHING.values(), ids=UNDER_FETCHING.keys())
def test_locality_catches_a_directory_that_fetches_too_little(spoil: Callable[[Rows], Rows]) -> None:
    def differs(world_and_case: tuple[World, Case]) -> bool:
        world, case = world_and_case
        return decide(*case, SlicingDirectory(world, spoil)) != decide(*case, world.directory())

    find(
        st.tuples(WORLDS, st.one_of(CASES, platform_cases())),
        differs,
        settings=settings(max_examples=5_000, phases=[Phase.generate], suppress_health_check=list(HealthCheck)),
        random=random.Random(1),
    )


def test_locality_finds_nothing_where_nothing_is_left_out() -> None:
    def differs(world_and_case: tuple[World, Case]) -> bool:
        world, case = world_and_case
        return decide(*case, SlicingDirectory(world)) != decide(*case, world.directory())

    with pytest.raises(NoSuchExample):
        find(
            st.tuples(WORLDS, st.one_of(CASES, platform_cases())),
            differs,
            settings=settings(max_examples=1_000, phases=[Phase.generate], suppress_health_check=list(HealthCheck)),
            random=random.Random(1),
        )


@given(WORLDS, st.one_of(CASES, platform_cases()))
def test_silence_a_refusal_tells_nothing_that_the_request_did_not(world: World, case: Case) -> None:
    caller, request = case
    decision = decide(caller, request, world.directory())
    assume(succeeded(decision) is None)
    refusal = decision.result.failure()
    said = f"{refusal.message} {refusal.details}".lower()
    asked = {str(value).lower() for value in (request.client_id, request.bot_id, request.m365_tenant_id)}
    for secret in _secrets(world, caller):
        assert secret.lower() not in said or secret.lower() in asked
    for given_id in asked:
        said = said.replace(given_id, "")
    assert not any(character.isdigit() for character in said.replace("m365", ""))


def _secrets(world: World, caller: Caller) -> set[str]:
    rows = (*world.tenants, *world.agents, *world.channels, *world.end_companies)
    return {caller.tenant_id, *(str(row.id) for row in rows), *(row.name for row in rows if hasattr(row, "name"))}


@RARE
@given(WORLDS, WORLDS.flatmap(callers), st.sampled_from(AGENT_IDS))
def test_silence_another_tenants_agent_answers_as_an_absent_one(world: World, caller: Caller, agent_id: int) -> None:
    assume(not caller.is_platform)
    assume(all(agent.tenant_id != caller.tenant_id for agent in world.agents if agent.id == agent_id))
    foreign = decide(caller, SessionRequest(agent_id=agent_id), world.directory())
    absent = decide(caller, SessionRequest(agent_id=ABSENT_AGENT_ID), world.directory())
    assert foreign.result == absent.result
    assert foreign.result.failure().code is RefusalCode.AGENT_NOT_FOUND


@RARE
@given(WORLDS, platform_cases(), st.sampled_from(CHANNEL_IDS), st.sampled_from(END_COMPANY_IDS), st.integers(0, 2))
def test_no_widening_a_broken_channel_or_link_never_leads_to_another_agent(
    world: World, case: Case, channel_id: str, company_id: str, change: int
) -> None:
    before = succeeded(decide(*case, world.directory()))
    assume(before and before.outcome is Outcome.WHITE_LABEL_CHANNEL)
    assert before is not None
    changed = [_disconnected, _duplicated, _unlinked][change](world, channel_id, company_id)
    after = succeeded(decide(*case, changed.directory()))
    assert after is None or after.agent_id == before.agent_id


def _disconnected(world: World, channel_id: str, _: str) -> World:
    return evolve(
        world,
        channels=tuple(
            evolve(channel, status=ChannelStatus.DISCONNECTED) if channel.id == channel_id else channel
            for channel in world.channels
        ),
    )


def _duplicated(world: World, channel_id: str, _: str) -> World:
    copies = tuple(evolve(channel, id="qx-copy") for channel in world.channels if channel.id == channel_id)
    return evolve(world, channels=(*world.channels, *copies))


def _unlinked(world: World, _: str, company_id: str) -> World:
    return evolve(
        world,
        end_companies=tuple(
            evolve(company, m365_tenant_ids=frozenset()) if company.id == company_id else company
            for company in world.end_companies
        ),
    )


@given(WORLDS, platform_cases(), st.data())
def test_normal_forms_another_spelling_in_the_request_never_changes_the_answer(
    world: World, case: Case, data: st.DataObject
) -> None:
    caller, request = case
    assert request.bot_id is not None and request.m365_tenant_id is not None
    respelled = evolve(
        request,
        bot_id=data.draw(bot_id_spellings(request.bot_id)),
        m365_tenant_id=data.draw(m365_tenant_id_spellings(request.m365_tenant_id)),
    )
    assert decide(caller, respelled, world.directory()) == decide(caller, request, world.directory())


@given(WORLDS, platform_cases(), st.data())
def test_normal_forms_another_spelling_in_the_directory_never_changes_the_answer(
    world: World, case: Case, data: st.DataObject
) -> None:
    def respelled(ids: frozenset[str]) -> frozenset[str]:
        return frozenset(data.draw(m365_tenant_id_spellings(each)) for each in sorted(ids))

    other = evolve(
        world,
        channels=tuple(
            evolve(
                channel,
                bot_id=data.draw(bot_id_spellings(channel.bot_id)),
                installed_m365_tenant_ids=respelled(channel.installed_m365_tenant_ids),
            )
            for channel in world.channels
        ),
        end_companies=tuple(
            evolve(company, m365_tenant_ids=respelled(company.m365_tenant_ids)) for company in world.end_companies
        ),
    )
    assert decide(*case, other.directory()) == decide(*case, world.directory())


PARTS_OF_IDS = ["28:", "29:", "orgid:", "ORGID:", "Gcch", "dod", "-global", ":", "{", "}", " ", "-", "0aF", "8" * 31]


@given(
    st.text(max_size=60)
    | st.text(alphabet="28:{} -0aAfF\u00a0\n", max_size=60)
    | st.lists(st.sampled_from(PARTS_OF_IDS), max_size=12).map("".join)
)
def test_normal_forms_normalising_twice_is_normalising_once(spelling: str) -> None:
    for normal in (normal_bot_id, normal_m365_tenant_id):
        assert normal(normal(spelling)) == normal(spelling)


def test_normal_forms_every_short_spelling_has_one_normal_form() -> None:
    for length in range(6):
        for spelling in map("".join, product("28:{} aA", repeat=length)):
            for normal in (normal_bot_id, normal_m365_tenant_id):
                assert normal(normal(spelling)) == normal(spelling)


@given(WORLDS, st.lists(st.one_of(CASES, platform_cases()), max_size=6))
def test_one_answer_everywhere_in_a_batch_as_one_by_one(world: World, batch: list[Case]) -> None:
    slicing = SlicingDirectory(world)
    one_by_one = [decide(*case, world.directory()) for case in batch]
    assert decide_many(batch, world.directory()) == one_by_one
    assert decide_many(iter(batch), slicing) == one_by_one
    assert slicing.look_ups <= 1


@pytest.mark.thorough
def test_the_generated_worlds_meet_every_outcome() -> None:
    met: set[str] = set()

    @settings(max_examples=1_500, phases=[Phase.generate], derandomize=True, database=None)
    @given(WORLDS, st.one_of(CASES, platform_cases()))
    def meet(world: World, case: Case) -> None:
        decision = decide(*case, world.directory())
        target = succeeded(decision)
        met.add(decision.result.failure().code if target is None else target.outcome)

    meet()
    assert met == {*Outcome, *RefusalCode}
