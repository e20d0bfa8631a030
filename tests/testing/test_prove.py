"""What `neo-routing prove` rests on: complete worlds, each once, and faults that it finds."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from typing import Any

import pytest
from attrs import evolve

from neo_routing import (
    Channel,
    ChannelStatus,
    EndCompany,
    Outcome,
    Verdict,
    decide,
    normal_forms,
    request_fields,
    routing,
    steps,
)
from neo_routing.steps import STEPS
from neo_routing.testing import World
from neo_routing.testing import laws as law_module
from neo_routing.testing.laws import LAWS, Seen
from neo_routing.testing.prove import AGREEMENT, Agreement, Counterexample, laws_broken_by
from neo_routing.testing.small_worlds import CALLS, M365_TENANT_IDS, SCOPES, SHAPES, A, B, Call, Scope
from neo_routing_adapters.json_lines import answer_line

pytestmark = pytest.mark.no_cover  # there are too many decisions to trace each line of them

PAIRS = {"tiny": 7_443_540, "small": 51_998_076, "large": 1_362_869_664}
FIRST, SECOND = M365_TENANT_IDS


def some_worlds(scope: Scope = SCOPES["small"], each: int = 97) -> Iterator[World]:
    return islice(scope.worlds(scope.channel_pairs[::7]), 0, None, each)


@pytest.mark.parametrize("name", SCOPES)
def test_no_scope_has_shrunk(name: str) -> None:
    assert SCOPES[name].count() * len(CALLS) == PAIRS[name]


def test_as_many_worlds_come_as_are_counted() -> None:
    scope = SCOPES["tiny"]
    assert len({*scope.worlds(scope.channel_pairs)}) == scope.count()


# One world of each set of those that only differ in names


def renamed(world: World, names: dict[Any, Any]) -> World:
    def name(value: Any) -> Any:
        return names.get(value, value)

    def channel(row: Channel) -> Channel:
        installed = map(name, row.installed_m365_tenant_ids)
        return evolve(
            row,
            tenant_id=name(row.tenant_id),
            agent_id=name(row.agent_id),
            installed_m365_tenant_ids=frozenset(installed),
        )

    def company(row: EndCompany) -> EndCompany:
        return evolve(row, tenant_id=name(row.tenant_id), m365_tenant_ids=frozenset(map(name, row.m365_tenant_ids)))

    return World(world.tenants, world.agents, map(channel, world.channels), map(company, world.end_companies))


MSPS_SWAPPED = {A: B, B: A, 11: 21, 21: 11, 12: 22, 22: 12}
M365_TENANTS_SWAPPED = {FIRST: SECOND, SECOND: FIRST}
RENAMINGS: list[dict[Any, Any]] = [{}, MSPS_SWAPPED, M365_TENANTS_SWAPPED, {**MSPS_SWAPPED, **M365_TENANTS_SWAPPED}]


def content(world: World) -> frozenset[Any]:
    """What there is, but for which slot it is in."""
    return frozenset(Counter(map(without_slot, (*world.channels, *world.end_companies))).items())


@cache
def without_slot(row: Channel | EndCompany) -> Channel | EndCompany:
    if isinstance(row, Channel):
        return evolve(row, id="-", show_agent_progress_steps=None)
    return evolve(row, id="-", name="-")


@pytest.mark.thorough
def test_every_combination_is_there_under_exactly_one_of_its_names() -> None:
    scope = SCOPES["tiny"]
    found = Counter(
        each
        for world in scope.worlds(scope.channel_pairs)
        for each in {content(renamed(world, names)) for names in RENAMINGS}
    )
    assert set(found.values()) == {1}
    channels = 1 + 2 * 4 * 2 * 7  # none; or of an owner, an agent, a status, white-label or not with installations
    companies = 1 + 2 * 3  # none; or of an owner, linked
    assert len(found) == pairs_of(channels) * pairs_of(companies)


def pairs_of(choices: int) -> int:
    return choices * (choices + 1) // 2


# What is met there


def test_every_step_of_the_rules_is_met() -> None:
    met = set()
    for world in some_worlds():
        directory = world.directory()
        met |= {
            (step.clause, step.verdict, step.reason)
            for call in CALLS
            for step in decide(call.caller, call.request, directory).trace
        }
    homeless = World(agents=(), tenants=())
    met |= {
        (step.clause, step.verdict, step.reason)
        for call in CALLS
        for step in decide(call.caller, call.request, homeless.directory()).trace
    }
    shaped = [answer_line(json.dumps(case), homeless.directory(), trace=True) for case in SHAPES]
    met |= {(step["clause"], step["verdict"], step["reason"]) for line in shaped for step in json.loads(line)["trace"]}
    assert met == {(step.clause, step.verdict, step.reason) for step in STEPS}


@pytest.mark.parametrize(("scope", "each"), [("small", 389), pytest.param("large", 16_001, marks=pytest.mark.thorough)])
def test_nothing_is_found_in_the_library_as_it_is(scope: str, each: int) -> None:
    agreement = Agreement()
    for world in some_worlds(SCOPES[scope], each):
        assert [*agreement.broken_by(world), *laws_broken_by(world)] == []


# Faults


RIGHT = {
    name: getattr(routing, name)
    for name in ["_agent_of", "white_label_installation", "end_company", "_channel_session", "_support_session"]
}


def takes_anybodys_agent(tenant_id: str, agent_id: int, rows: Any, named: Any) -> Any:
    step, *sought, found = RIGHT["_agent_of"](tenant_id, agent_id, rows, named)
    return (named.available if step is named.foreign else step), *sought, found


def tells_a_foreign_agent_from_an_absent_one(tenant_id: str, agent_id: int, rows: Any, named: Any) -> Any:
    step, *sought, found = RIGHT["_agent_of"](tenant_id, agent_id, rows, named)
    return (named.triggered if step is named.foreign else step), *sought, found


def passes_over_a_paused_installation(bot_id: Any, m365_tenant_id: Any, rows: Any) -> Any:
    step, *sought, found = RIGHT["white_label_installation"](bot_id, m365_tenant_id, rows)
    paused = step is steps.INSTALLATION_DISCONNECTED
    return (steps.NO_INSTALLATION, *sought, ()) if paused else (step, *sought, found)


def takes_the_first_installation(bot_id: Any, m365_tenant_id: Any, rows: Any) -> Any:
    step, *sought, found = RIGHT["white_label_installation"](bot_id, m365_tenant_id, rows)
    several = step is steps.SEVERAL_ACTIVE_INSTALLATIONS
    return (steps.ONE_ACTIVE_INSTALLATION, *sought, found[:1]) if several else (step, *sought, found)


def takes_anybodys_company(owner_id: str, white_label: bool, m365_tenant_id: Any, rows: Any) -> Any:
    step, *sought, found = RIGHT["end_company"](owner_id, white_label, m365_tenant_id, rows)
    linked = [companies for companies in rows.end_companies.values() if len(companies) == 1]
    found_elsewhere = step is steps.NO_COMPANY_LINKED and linked
    return (steps.ONE_COMPANY_LINKED, *sought, linked[0]) if found_elsewhere else (step, *sought, found)


def takes_the_first_company(owner_id: str, white_label: bool, m365_tenant_id: Any, rows: Any) -> Any:
    step, *sought, found = RIGHT["end_company"](owner_id, white_label, m365_tenant_id, rows)
    several = step is steps.SEVERAL_COMPANIES_LINKED
    return (steps.ONE_COMPANY_LINKED, *sought, found[:1]) if several else (step, *sought, found)


def knows_bots_of_the_target_alone(tenant_id: str, asked: Any, rows: Any, *given: Any) -> Any:
    own = {bot_id for owner, bot_id in (*rows.active_channels, *rows.disconnected_channels) if owner == tenant_id}
    return RIGHT["_support_session"](tenant_id, asked, evolve(rows, known_bots=own), *given)


def knows_bots_of_active_channels_alone(tenant_id: str, asked: Any, rows: Any, *given: Any) -> Any:
    active = {bot_id for _, bot_id in rows.active_channels}
    return RIGHT["_support_session"](tenant_id, asked, evolve(rows, known_bots=active), *given)


def forgets_that_a_channel_is_paused(tenant_id: str, asked: Any, rows: Any, _: Any, findings: Any) -> Any:
    return RIGHT["_support_session"](tenant_id, asked, rows, (), findings)


def lets_a_standard_channel_answer_in_silence(*given: Any) -> Any:
    *matched, warnings, findings = given
    kept = () if matched[0] is Outcome.ACTIVE_CHANNEL else warnings
    return RIGHT["_channel_session"](*matched, kept, findings)


def warns_of_a_white_label_channel_that_is_scoped(*given: Any) -> Any:
    outcome, channel, *others, warnings, findings = given
    own = outcome is Outcome.ACTIVE_CHANNEL and channel[3]
    return RIGHT["_channel_session"](outcome, channel, *others, routing._NOT_INSTALLED if own else warnings, findings)


FAULTS: list[tuple[str, Callable[..., Any], set[str]]] = [
    ("_support_session", knows_bots_of_the_target_alone, set()),
    ("_support_session", knows_bots_of_active_channels_alone, set()),
    ("_support_session", forgets_that_a_channel_is_paused, set()),
    ("_channel_session", lets_a_standard_channel_answer_in_silence, set()),
    ("_channel_session", warns_of_a_white_label_channel_that_is_scoped, set()),
    ("_agent_of", takes_anybodys_agent, {"ownership", "silence"}),
    ("_agent_of", tells_a_foreign_agent_from_an_absent_one, {"silence"}),
    ("white_label_installation", passes_over_a_paused_installation, {"override", "no widening"}),
    ("white_label_installation", takes_the_first_installation, {"locality"}),
    ("end_company", takes_anybodys_company, {"scope", "locality"}),
    ("end_company", takes_the_first_company, {"locality"}),
]


@pytest.mark.thorough
@pytest.mark.parametrize(("rule", "fault", "laws"), FAULTS, ids=[fault.__name__ for _, fault, _ in FAULTS])
def test_a_planted_fault_is_no_agreement_and_breaks_its_laws(
    rule: str, fault: Callable[..., Any], laws: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing, rule, fault)
    agreement, unbroken = Agreement(), {AGREEMENT, *laws}
    for world in some_worlds(each=11):
        broken = (*agreement.broken_by(world), *(laws_broken_by(world) if laws else ()))
        unbroken -= {proposition for proposition, _ in broken}
        if not unbroken:
            return
    assert unbroken == set()


@pytest.fixture
def nothing_remembered() -> Iterator[None]:
    """Forget what was worked out: what is right would hide a fault, what is wrong would outlive it."""
    remembered = (normal_forms._normal_form, request_fields.bot_id_of, request_fields.m365_tenant_id_of)
    for each in remembered:
        each.cache_clear()
    yield
    for each in (*remembered, law_module._respelled_channel, law_module._respelled_company):
        each.cache_clear()


@pytest.mark.usefixtures("nothing_remembered")
@pytest.mark.parametrize("name", ["UNUSABLE_BOT_ID", "UNUSABLE_M365_TENANT_ID"])
def test_an_id_that_is_looked_for_though_it_is_none_is_no_agreement(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_fields, name, 0)
    found = {proposition for proposition, _ in Agreement().broken_by(World())}
    assert found == {AGREEMENT}


def one_installed() -> World:
    scope = SCOPES["tiny"]
    return next(
        world
        for world in scope.worlds(scope.channel_pairs)
        if [(each.status, each.installed_m365_tenant_ids) for each in world.channels]
        == [(ChannelStatus.ACTIVE, frozenset(M365_TENANT_IDS))]
        and world.end_companies
    )


def broken_normal_forms(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Find the calls that break the law, with what it keeps for all worlds made anew."""
    respelled = tuple(law_module._respelled_case(number, call) for number, call in enumerate(CALLS))
    monkeypatch.setattr(law_module, "_RESPELLED_CASES", respelled)
    law_module._respelled_channel.cache_clear()
    return LAWS["normal forms"](Seen(world))


@pytest.mark.usefixtures("nothing_remembered")
@pytest.mark.parametrize("prefix", normal_forms.WIRE_PREFIXES)
def test_a_prefix_that_is_forgotten_breaks_the_law_of_normal_forms(
    prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = one_installed()
    others = [each for each in normal_forms.WIRE_PREFIXES if each != prefix]
    knows_others = re.compile("|".join(others), re.IGNORECASE).match
    monkeypatch.setattr(normal_forms, "_is_wire_prefix", knows_others)
    assert next(broken_normal_forms(world, monkeypatch), None) is not None


@pytest.mark.usefixtures("nothing_remembered")
def test_hyphens_that_count_break_the_law_of_normal_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    world = one_installed()
    monkeypatch.setattr(normal_forms, "_are_digits_of_a_guid", lambda _: None)
    assert next(broken_normal_forms(world, monkeypatch), None) is not None


def test_a_fault_in_what_a_trace_tells_is_not_taken_for_what_was_told_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = routing.active_channel

    def tells_of_one_paused_channel(tenant_id: str, bot_id: Any, rows: Any) -> Any:
        step, *sought, found = right(tenant_id, bot_id, rows)
        return step, *sought, (found[-1:] if step is steps.NO_ACTIVE_CHANNEL else found)

    monkeypatch.setattr(routing, "active_channel", tells_of_one_paused_channel)
    agreement = Agreement()
    scope = SCOPES["tiny"]
    two_paused = next(
        world
        for world in scope.worlds(scope.channel_pairs)
        if [(each.tenant_id, each.status, each.agent_id) for each in world.channels]
        == [(A, ChannelStatus.DISCONNECTED, 11), (A, ChannelStatus.DISCONNECTED, 11)]
    )
    one_paused = evolve(two_paused, channels=two_paused.channels[1:])
    assert [*agreement.broken_by(one_paused)] == []
    assert [*agreement.broken_by(two_paused)] != []


def raises(owner_id: str, white_label: bool, m365_tenant_id: Any, rows: Any) -> Any:
    step, *sought, found = RIGHT["end_company"](owner_id, white_label, m365_tenant_id, rows)
    return step, *sought, (found[7:][0] if step is steps.SEVERAL_COMPANIES_LINKED else found)


def test_what_raises_is_a_counterexample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "end_company", raises)
    agreement = Agreement()
    world, broken = next((world, broken) for world in some_worlds() if (broken := [*agreement.broken_by(world)]))
    assert {proposition for proposition, _ in broken} == {AGREEMENT}
    assert [*laws_broken_by(world)] == [("total", call) for _, call in broken]
    [case] = Counterexample(*broken[0][:1], world, broken[0][1]).document()["cases"]
    assert case["given"] == {"raised": "IndexError('tuple index out of range')"}
    assert case["decision"]["code"] == "end_company_not_mapped"


def test_a_counterexample_is_a_file_of_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "white_label_installation", takes_the_first_installation)
    agreement = Agreement()
    proposition, world, broken = next(
        (proposition, world, case) for world in some_worlds() for proposition, case in agreement.broken_by(world)
    )
    file = json.loads(json.dumps(Counterexample(proposition, world, broken).document()))
    [case] = file["cases"]
    assert file["directory"]["document"]["channels"]
    assert case["decision"]["code"] == "channel_ambiguous"
    assert case["given"]["outcome"] == "white_label_channel"
    assert case["decision"]["trace"][-1]["verdict"] == Verdict.REFUSED
