"""The nearest miss: each of them by an example, and what holds of all of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    HeldRows,
    ManagedAgentKey,
    Tenant,
    Verdict,
    content_of,
    decide,
    decide_body,
    decision_data,
    decision_of,
    rows_needed,
)
from neo_routing.nearest_miss import IdsSought, Miss, NearestMiss, ids_sought, nearest_misses
from neo_routing.testing import World
from neo_routing.testing.strategies import Case, cases, directories

KEY = ManagedAgentKey.NEO_SUPPORT
PLATFORM, USER = Caller(CallerKind.PLATFORM, "hq"), Caller(CallerKind.USER, "msp-a")
FOR_A = {"managed_agent_key": "NEO_SUPPORT", "client_id": "msp-a"}
ABOUT_BOT = FOR_A | {"bot_id": "bot", "inbound_tenant_id": "x"}
INSTALLATION, ACTIVE, SUPPORT, COMPANY = (
    Clause.WHITE_LABEL_INSTALLATION,
    Clause.ACTIVE_CHANNEL,
    Clause.NEO_SUPPORT,
    Clause.END_COMPANY,
)


def channel(row_id: str, tenant_id: str = "msp-b", bot_id: str = "bot", **more: Any) -> Channel:
    return Channel(id=row_id, tenant_id=tenant_id, agent_id=more.pop("agent_id", 1), bot_id=bot_id, **more)


def white_label(row_id: str, *installed: str, **more: Any) -> Channel:
    return channel(row_id, white_label=True, installed_m365_tenant_ids=installed, **more)


def world(*rows: Channel | EndCompany | Agent | Tenant) -> World:
    tenants = [Tenant(id="msp-a"), Tenant(id="msp-b"), *(row for row in rows if isinstance(row, Tenant))]
    return World(
        tenants,
        [row for row in rows if isinstance(row, Agent)],
        [row for row in rows if isinstance(row, Channel)],
        [row for row in rows if isinstance(row, EndCompany)],
    )


def misses(there: World, body: dict[str, Any], caller: Caller = PLATFORM) -> dict[Clause, NearestMiss]:
    decision = decide_body(caller, body, there.directory())
    found = nearest_misses(decision, there.content)
    assert [near.clause for near in found] == [
        step.clause for step in decision.trace if step.clause in {near.clause for near in found}
    ]
    return {near.clause: near for near in found}


PAUSED = ChannelStatus.DISCONNECTED


@pytest.mark.parametrize(
    ("rows", "body", "clause", "miss", "ids"),
    [
        (
            [white_label("ch", "x", status=PAUSED)],
            ABOUT_BOT,
            INSTALLATION,
            Miss.INSTALLED_ON_A_DISCONNECTED_CHANNEL,
            "ch",
        ),
        (
            [channel("ch", installed_m365_tenant_ids=["x"]), white_label("w", "y")],
            ABOUT_BOT,
            INSTALLATION,
            Miss.INSTALLED_ON_A_STANDARD_CHANNEL,
            "ch",
        ),
        (
            [channel("ch", installed_m365_tenant_ids=["y"]), white_label("w", "y"), white_label("v")],
            ABOUT_BOT,
            INSTALLATION,
            Miss.NOT_AMONG_THE_INSTALLATIONS,
            "v w",
        ),
        (
            [channel("ch"), white_label("w", "x", bot_id="other")],
            ABOUT_BOT,
            INSTALLATION,
            Miss.ON_STANDARD_CHANNELS_ONLY,
            "ch",
        ),
        (
            [white_label("w", "x", bot_id="other"), white_label("v", "x", "y", bot_id="other", status=PAUSED)],
            ABOUT_BOT,
            INSTALLATION,
            Miss.INSTALLED_WITH_ANOTHER_BOT,
            "v w",
        ),
        ([white_label("w", "y", bot_id="other")], ABOUT_BOT, INSTALLATION, Miss.BOT_UNKNOWN, ""),
        (
            [white_label("w", "x"), channel("ch")],
            FOR_A | {"bot_id": "bot"},
            INSTALLATION,
            Miss.M365_TENANT_NOT_SAID,
            "w",
        ),
        (
            [channel("ch", "msp-a", status=PAUSED), channel("b")],
            ABOUT_BOT,
            ACTIVE,
            Miss.OWN_CHANNEL_DISCONNECTED,
            "ch",
        ),
        (
            [channel("c", status=PAUSED), channel("b")],
            ABOUT_BOT,
            ACTIVE,
            Miss.CHANNEL_OF_ANOTHER_TENANT,
            "b c",
        ),
        ([channel("ch", "msp-a", "other")], ABOUT_BOT, ACTIVE, Miss.BOT_UNKNOWN, ""),
        (
            [Tenant(id="MSP-\uff21 "), Tenant(id="msp-c")],
            FOR_A | {"client_id": "msp-a "},
            SUPPORT,
            Miss.TENANT_IN_ANOTHER_SPELLING,
            "MSP-\uff21 |msp-a",
        ),
        (
            [
                Agent(id=1, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL),
                Agent(id=2, tenant_id="msp-a", kind=AgentKind.TRIGGERED),
                Agent(id=3, tenant_id="msp-b", kind=AgentKind.CONVERSATIONAL),
            ],
            FOR_A,
            SUPPORT,
            Miss.AGENTS_WITHOUT_THE_KEY,
            "1",
        ),
        (
            [
                white_label("ch", "x"),
                EndCompany(id="co-1", tenant_id="msp-a", m365_tenant_ids=["x"]),
                EndCompany(id="co-2", tenant_id="msp-b"),
            ],
            ABOUT_BOT,
            COMPANY,
            Miss.LINKED_BY_ANOTHER_TENANT,
            "co-1",
        ),
        (
            [
                white_label("ch", "x"),
                EndCompany(id="co-1", tenant_id="msp-a"),
                EndCompany(id="co-2", tenant_id="msp-b"),
                EndCompany(id="co-3", tenant_id="msp-b", m365_tenant_ids=["y"]),
            ],
            ABOUT_BOT,
            COMPANY,
            Miss.COMPANIES_WITHOUT_A_LINK,
            "co-2",
        ),
        (
            [
                white_label("ch", "x"),
                EndCompany(id="co-1", tenant_id="msp-a"),
                EndCompany(id="co-3", tenant_id="msp-b", m365_tenant_ids=["y", "z"]),
            ],
            ABOUT_BOT,
            COMPANY,
            Miss.COMPANIES_LINKED_ELSEWHERE,
            "co-3",
        ),
    ],
)
def test_each_is_told_with_the_rows_that_came_near(
    rows: list[Any], body: dict[str, Any], clause: Clause, miss: Miss, ids: str
) -> None:
    near = misses(world(*rows), body)[clause]
    told = [*near.tenant_ids, *(str(row.id) for row in (*near.agents, *near.channels, *near.end_companies))]
    assert (near.miss, told) == (miss, ids.split("|" if "|" in ids else None))


@pytest.mark.parametrize("body", [{"agent_id": 12}, {"agent_id": 1}, {"managed_agent_key": "NEO_SUPPORT"}])
@pytest.mark.parametrize(
    ("tenant_id", "miss"), [("msp-gone", Miss.TENANT_UNKNOWN), ("Msp-A", Miss.TENANT_IN_ANOTHER_SPELLING)]
)
def test_a_caller_whose_tenant_is_not_there_is_told_so(body: dict[str, Any], tenant_id: str, miss: Miss) -> None:
    foreign = Agent(id=1, tenant_id="msp-b", kind=AgentKind.CONVERSATIONAL)
    [near] = misses(world(foreign), body, Caller(CallerKind.USER, tenant_id)).values()
    assert near.miss is miss


@pytest.mark.parametrize(
    ("rows", "body", "caller"),
    [
        ([], {"agent_id": 12}, USER),
        ([Agent(id=12, tenant_id="msp-b", kind=AgentKind.CONVERSATIONAL)], {"agent_id": 12}, USER),
        ([], {"managed_agent_key": "NEO_SUPPORT"}, USER),
        ([], {"agent_id": "12"}, USER),
        ([], FOR_A, PLATFORM),
        ([], FOR_A | {"client_id": "msp-gone"}, PLATFORM),
        ([Agent(id=1, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, managed_key=KEY)], FOR_A, PLATFORM),
        ([channel("ch")], FOR_A | {"bot_id": "bot", "client_id": "msp-b"}, PLATFORM),
        ([white_label("ch", "x")], ABOUT_BOT, PLATFORM),
    ],
)
def test_there_is_none_where_nothing_came_near(rows: list[Any], body: dict[str, Any], caller: Caller) -> None:
    assert misses(world(*rows), body, caller) == {}


WORLDS = st.shared(directories(), key="world")
CASES = WORLDS.flatmap(cases)
NEARNESS = list(Miss)


@given(WORLDS, CASES)
def test_a_step_that_was_passed_over_has_one(there: World, case: Case) -> None:
    decision = decide(*case, there.directory())
    passed_over = {step.clause for step in decision.trace if step.verdict is Verdict.PASSED_OVER}
    assert passed_over <= {near.clause for near in nearest_misses(decision, there.content)}


@given(WORLDS, CASES)
def test_a_slice_tells_of_fewer_rows_and_nothing_nearer(there: World, case: Case) -> None:
    decision = decide(*case, there.directory())
    whole = {near.clause: near for near in nearest_misses(decision, there.content)}
    needed = rows_needed(*case)
    for near in nearest_misses(decision, there.content.needed([] if needed is None else [needed])):
        assert NEARNESS.index(near.miss) >= NEARNESS.index(whole[near.clause].miss)
        if near.miss is whole[near.clause].miss:
            assert {*near.channels} <= {*whole[near.clause].channels}


@given(WORLDS, CASES)
def test_a_decision_that_was_read_has_the_same(there: World, case: Case) -> None:
    decision = decide(*case, there.directory())
    read = decision_of(decision_data(decision, trace=True))
    assert nearest_misses(read, there.content) == nearest_misses(decision, there.content)


@given(WORLDS, CASES)
def test_they_do_not_depend_on_the_order_of_rows(there: World, case: Case) -> None:
    decision = decide(*case, there.directory())
    reverse = World(there.tenants[::-1], there.agents[::-1], there.channels[::-1], there.end_companies[::-1])
    assert nearest_misses(decision, reverse.content) == nearest_misses(decision, there.content)


def test_the_ids_by_which_nothing_was_found_are_told() -> None:
    decision: Decision = decide_body(PLATFORM, ABOUT_BOT, HeldRows(content_of()))
    assert ids_sought(decision) == IdsSought(frozenset({"msp-a"}), frozenset({"bot"}), frozenset({"x"}))
    assert not any(ids_sought(decide_body(USER, {}, HeldRows(content_of()))))


def test_the_ids_of_what_blocks_a_call_are_told_too_as_it_is_mended_there() -> None:
    linked = EndCompany(id="co-1", tenant_id="msp-b", m365_tenant_ids=["x"])
    without_agent = decide_body(PLATFORM, ABOUT_BOT, world(white_label("ch-1", "x", agent_id=9), linked).directory())
    assert ids_sought(without_agent) == IdsSought(frozenset({"msp-b"}), frozenset({"bot"}), frozenset({"x"}))
    clashing = world(white_label("ch-1", "x"), white_label("ch-2", "x")).directory()
    ambiguous = decide_body(PLATFORM, ABOUT_BOT, clashing)
    assert ids_sought(ambiguous) == IdsSought(frozenset(), frozenset({"bot"}), frozenset({"x"}))
