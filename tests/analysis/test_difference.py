"""The difference of two directories: a call is told otherwise if and only if a difference holds it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    EndCompany,
    ManagedAgentKey,
    SessionRequest,
    Tenant,
)
from neo_routing.analysis import (
    BotRegion,
    Change,
    CommonClass,
    Difference,
    InstallationRegion,
    Side,
    difference,
    region_finder,
)
from neo_routing.analysis.regions import is_in_bot_region, own_answer
from neo_routing.testing import World, directories
from neo_routing.testing.small_worlds import SCOPES
from tests.programs.analysis_laws import SMALL_CALLS, assert_difference, drawn_pair

KEY = ManagedAgentKey.NEO_SUPPORT
PLATFORM = Caller(CallerKind.PLATFORM, "hq")


def channel(channel_id: str, owner: str = "msp-a", agent_id: int = 12, **more: Any) -> Channel:
    given: dict[str, Any] = {"bot_id": "helpdesk", "white_label": True, "installed_m365_tenant_ids": ["x"]}
    return Channel(id=channel_id, tenant_id=owner, agent_id=agent_id, **{**given, **more})


def company(company_id: str, owner: str = "msp-a", *linked: str) -> EndCompany:
    return EndCompany(id=company_id, tenant_id=owner, m365_tenant_ids=linked or ["x"])


BEFORE = World(
    [Tenant(id=each) for each in ("msp-a", "msp-b", "msp-c")],
    [
        Agent(
            id=number * 10 + place,
            tenant_id=owner,
            kind=AgentKind.CONVERSATIONAL,
            managed_key=KEY if place == 1 else None,
        )
        for number, owner in enumerate(("msp-a", "msp-b"), start=1)
        for place in (1, 2)
    ],
    [channel("ch-1"), channel("ch-2", "msp-b", 22, bot_id="desk", white_label=False, installed_m365_tenant_ids=[])],
    [company("co-1"), company("co-2", "msp-a", "y")],
)
"""A white-label channel that is installed for one M365 tenant, a standard one, and a tenant without anything."""


def changed(**rows: Any) -> tuple[Difference, ...]:
    after = evolve(BEFORE, **rows)
    assert_difference(BEFORE.content, after.content, SMALL_CALLS)
    assert_difference(after.content, BEFORE.content, SMALL_CALLS)
    return difference(BEFORE.content, after.content)


def told(found: tuple[Difference, ...]) -> list[tuple[str, str]]:
    return [(str(each.change), each.request_class.words) for each in found]


def request(**fields: Any) -> SessionRequest:
    return SessionRequest(managed_agent_key=KEY, **fields)


def test_the_same_rows_in_another_order_and_other_names_are_no_difference() -> None:
    assert changed(tenants=[evolve(each, name="another") for each in reversed(BEFORE.tenants)]) == ()
    assert changed(end_companies=[evolve(each, name="another") for each in BEFORE.end_companies]) == ()
    twice = evolve(BEFORE, channels=[channel("ch-1"), channel("ch-3")])
    other = evolve(twice, channels=twice.channels[::-1])
    assert difference(twice.content, other.content) == ()


def test_an_installation_that_goes_is_told_as_a_region_for_each_way_in_which_targets_answer() -> None:
    found = changed(channels=[channel("ch-1", installed_m365_tenant_ids=["z"]), BEFORE.channels[1]])
    gone = [each for each in found if "M365 tenant x" in each.request_class.words]
    about = "the platform for any tenant, bot helpdesk, M365 tenant x, whose own answer is by"
    assert told(tuple(gone)) == [
        ("wider", f"{about} neo-support, agent_available"),
        ("refused", f"{about} neo-support, agent_missing"),
        ("refused", f"{about} neo-support, tenant_missing"),
        ("another_agent", f"{about} channel-agent, agent_available, scoped"),
    ]
    assert {type(each.request_class) for each in gone} == {InstallationRegion}
    [wider] = [each for each in found if each.change is Change.WIDER]
    assert wider.request_class.holds(PLATFORM, request(client_id="msp-b", bot_id="helpdesk", m365_tenant_id="x"))
    assert wider.request_class.holds(Caller("platform", "msp-b"), request(bot_id="helpdesk", m365_tenant_id="x"))
    for other in (
        (PLATFORM, request(client_id="msp-a", bot_id="helpdesk", m365_tenant_id="x")),
        (PLATFORM, request(client_id="msp-b", bot_id="helpdesk", m365_tenant_id="y")),
        (PLATFORM, request(client_id="nobody", bot_id="helpdesk", m365_tenant_id="x")),
        (PLATFORM, request(client_id="msp-b", bot_id="helpdesk")),
        (Caller("user", "msp-b"), request(bot_id="helpdesk", m365_tenant_id="x")),
    ):
        assert not wider.request_class.holds(*other)
    assert wider.request_class.data() == {
        "sort": "installation_region",
        "bot_id": "helpdesk",
        "m365_tenant_id": "x",
        "installed_in": "before",
        "client_id": "any",
        "own_answer": {
            "clause": "neo-support",
            "reason": "agent_available",
            "scoped": False,
            "warnings": ["white_label_bot_not_installed"],
        },
    }


def test_an_installation_that_comes_is_a_region_from_the_targets_own_answer_to_that() -> None:
    found = changed(channels=[channel("ch-1", installed_m365_tenant_ids=["x", "y"]), BEFORE.channels[1]])
    assert {each.change for each in found} == {Change.ANOTHER_TENANT, Change.ANSWERED, Change.ANOTHER_AGENT}
    assert {each.request_class.data()["installed_in"] for each in found} == {"after"}


def test_a_region_is_told_below_the_worst_change_of_its_targets() -> None:
    """Once the installation has gone, the owner's own users keep their agent, and those of msp-b get msp-b's."""
    another = channel("ch-3", "msp-b", 22, installed_m365_tenant_ids=[])
    linked = [*BEFORE.end_companies, company("co-3", "msp-b")]
    before = evolve(BEFORE, channels=[*BEFORE.channels, another], end_companies=linked)
    gone = channel("ch-1", installed_m365_tenant_ids=[])
    after = evolve(before, channels=[gone, *before.channels[1:]])
    for one, other in ((before, after), (after, before)):
        assert_difference(one.content, other.content, SMALL_CALLS)
        regions = [each for each in difference(one.content, other.content) if each.change is Change.ANOTHER_TENANT]
        assert [each.request_class.words.partition("by ")[2] for each in regions] == [
            "channel-agent, agent_available, scoped"
        ]


@pytest.mark.parametrize("order", [("msp-a", "msp-b"), ("msp-b", "msp-a")])
def test_so_it_is_where_the_owner_has_its_channel_in_one_of_them_alone(order: tuple[str, ...]) -> None:
    after = World([Tenant(id=each) for each in order], BEFORE.agents, [channel("ch-1")], [company("co-1")])
    before = evolve(after, channels=[])
    assert_difference(before.content, after.content, SMALL_CALLS)
    found = difference(before.content, after.content)
    regions = [each.change for each in found if isinstance(each.request_class, InstallationRegion)]
    assert regions == [Change.ANOTHER_TENANT, Change.ANSWERED]


def test_what_a_difference_costs_grows_with_targets_and_bots_and_never_with_their_product(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at: list[object] = []

    def counted(*given: Any) -> Any:
        looked_at.append(given)
        return own_answer(*given)

    monkeypatch.setattr(region_finder, "own_answer", counted)
    tenants = [Tenant(id=f"msp-{each}") for each in range(60)]
    shared = [channel(f"ch-{each.id}", each.id, installed_m365_tenant_ids=[f"of-{each.id}"]) for each in tenants]
    bare = [evolve(each, installed_m365_tenant_ids=[]) for each in shared]
    found = difference(World(tenants, [], shared).content, World(tenants, [], bare).content)
    assert len([each for each in found if isinstance(each.request_class, InstallationRegion)]) > 60
    assert len(looked_at) < 3 * 60


def test_a_bot_of_which_something_else_is_known_is_looked_for_at_no_target_that_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at: list[object] = []

    def counted(*given: Any) -> bool:
        looked_at.append(given)
        return is_in_bot_region(*given)

    monkeypatch.setattr(region_finder, "is_in_bot_region", counted)
    before, after = (
        World(
            [Tenant(id=f"{name}-{each}") for each in range(30)],
            [],
            [channel(f"{name}-{each}", f"{name}-{each}", bot_id=f"{name}-{each}") for each in range(30)],
        )
        for name in ("old", "new")
    )
    difference(before.content, after.content)
    assert looked_at == []


def test_where_a_refusal_stays_the_same_the_region_is_of_the_warnings_alone() -> None:
    # At msp-b the own channel's agent is missing; then so is that of the installation.
    channels = [channel("ch-1", installed_m365_tenant_ids=["z"]), channel("ch-3", "msp-b", 99, white_label=False)]
    one = World(BEFORE.tenants, [], [channels[0], evolve(channels[1], installed_m365_tenant_ids=[])], [company("c")])
    other = evolve(
        one, channels=[evolve(one.channels[0], installed_m365_tenant_ids=["x", "z"], agent_id=98), one.channels[1]]
    )
    assert_difference(one.content, other.content, SMALL_CALLS)
    warned = [each for each in difference(one.content, other.content) if not each.answer_changed]
    assert {str(each.request_class.data()["client_id"]) for each in warned} == {"owner_or_absent", "another"}
    absent, another = [each.request_class for each in warned]
    given_id = (PLATFORM, request(client_id="msp-b", bot_id="helpdesk", m365_tenant_id="x"))
    assert (absent.holds(*given_id), another.holds(*given_id)) == (False, True)


def test_a_bot_of_which_something_else_is_known_is_a_region_of_warnings() -> None:
    found = changed(channels=BEFORE.channels[:1])
    [region] = [each for each in found if isinstance(each.request_class, BotRegion)]
    assert (region.change, region.answer_changed) == (Change.WARNING, False)
    assert region.request_class.words == (
        "the platform for any tenant without an active channel, bot desk, known as standard, then as unknown"
    )
    assert region.request_class.data() == {
        "sort": "bot_region",
        "bot_id": "desk",
        "before": "standard",
        "after": "unknown",
    }
    assert found[-1] == region, "what hardly matters comes last"
    assert region.request_class.holds(PLATFORM, request(client_id="msp-c", bot_id="desk", m365_tenant_id="x"))
    for target in ("msp-b", "nobody"):
        assert not region.request_class.holds(PLATFORM, request(client_id=target, bot_id="desk"))
    assert not region.request_class.holds(PLATFORM, request(client_id="msp-c", bot_id="helpdesk"))
    assert not region.request_class.holds(PLATFORM, request(client_id="msp-c"))
    assert not region.request_class.holds(PLATFORM, SessionRequest(bot_id="desk"))


def test_what_is_told_as_a_region_is_not_told_again_of_a_tenant_that_is_visited_for_another_reason() -> None:
    found = changed(agents=[each for each in BEFORE.agents if each.id != 12], channels=BEFORE.channels[:1])
    call = (PLATFORM, request(client_id="msp-a", bot_id="desk"))
    assert len([each for each in found if each.request_class.holds(*call)]) == 1


def test_a_tenant_that_is_in_one_of_them_alone_is_told_as_such() -> None:
    found = changed(tenants=[*BEFORE.tenants, Tenant(id="msp-d")])
    assert {each.tenant_only_in for each in found} == {Side.AFTER}
    assert {each.change for each in found} == {Change.ANOTHER_REFUSAL}
    gone = difference(evolve(BEFORE, tenants=[*BEFORE.tenants, Tenant(id="msp-d")]).content, BEFORE.content)
    assert {each.tenant_only_in for each in gone} == {Side.BEFORE}


HELPDESK = "the platform for msp-a, bot helpdesk"
CHANGES: dict[str, tuple[dict[str, Any], set[tuple[str, str]]]] = {
    "another company is linked": (
        {"end_companies": [company("co-9"), BEFORE.end_companies[1]]},
        {
            ("another_scope", f"the platform for any tenant, {client_id}, bot helpdesk, M365 tenant x")
            for client_id in ("client_id the owner's or absent", "another client_id than the owner's")
        },
    ),
    "a link goes": (
        {"end_companies": BEFORE.end_companies[:1]},
        {("refused", f"{HELPDESK}, M365 tenant y; then: {HELPDESK}, any other M365 tenant")},
    ),
    "a channel has another agent": (
        {"channels": [BEFORE.channels[0], evolve(BEFORE.channels[1], agent_id=21)]},
        {
            ("another_agent", "the platform for msp-b, bot desk, without an M365 tenant"),
            ("another_agent", "the platform for msp-b, bot desk, any other M365 tenant"),
        },
    ),
    "an agent is triggered": (
        {"agents": [evolve(each, kind=AgentKind.TRIGGERED) if each.id == 22 else each for each in BEFORE.agents]},
        {
            ("refused", "the platform for msp-b, bot desk, without an M365 tenant"),
            ("refused", "the platform for msp-b, bot desk, any other M365 tenant"),
            ("refused", "users and service accounts of msp-b, agent 22"),
        },
    ),
    "a channel is paused": (
        {"channels": [BEFORE.channels[0], evolve(BEFORE.channels[1], status=ChannelStatus.DISCONNECTED)]},
        {
            ("another_agent", f"the platform for msp-b, bot desk, {which}")
            for which in ("without an M365 tenant", "any other M365 tenant")
        },
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_is_told_with_what_it_was(what: str) -> None:
    rows, expected = CHANGES[what]
    found = changed(**rows)
    assert {*told(found)} == expected
    assert {type(each.request_class) for each in found} == {CommonClass}
    for each in found:
        assert each.before != each.after
        assert each.data()["answer_changed"] is True


def test_all_that_rests_on_a_tenants_neo_support_is_told() -> None:
    agents = [each for each in BEFORE.agents if each.id != 21]
    found = changed(agents=agents)
    assert len(found) == 4 + 2 * 2 + 1 + 1  # no bot; the white-label one and any unknown one; its own users' two ways
    assert {each.change for each in found} == {Change.REFUSED}


def test_a_paused_channel_rests_on_neo_support_too() -> None:
    paused = [BEFORE.channels[0], evolve(BEFORE.channels[1], status=ChannelStatus.DISCONNECTED)]
    one = evolve(BEFORE, channels=paused)
    other = evolve(one, agents=[each for each in one.agents if each.id != 21])
    assert_difference(one.content, other.content, SMALL_CALLS)
    words = [each.request_class.words for each in difference(one.content, other.content)]
    assert "the platform for msp-b, bot desk, without an M365 tenant" in words


def test_the_worst_comes_first() -> None:
    everything = difference(BEFORE.content, World().content)
    order = [*Change]
    places = [order.index(each.change) for each in everything]
    assert places == sorted(places)


def test_a_difference_as_data() -> None:
    found = changed(end_companies=BEFORE.end_companies[:1])[0]
    data = found.data()
    assert data["request_class"]["sort"] == "common"
    assert (data["change"], data["answer_changed"], data["tenant_only_in"]) == ("refused", True, None)
    assert (data["before"]["outcome"], data["after"]["code"]) == ("active_channel", "end_company_not_mapped")
    added = difference(World().content, BEFORE.content)
    assert {each.data()["tenant_only_in"] for each in added} == {"after", None}


def test_a_slice_has_no_difference() -> None:
    with pytest.raises(ValueError, match="a slice of a directory"):
        difference(BEFORE.content, BEFORE.content.needed([]))


@pytest.mark.no_cover
@pytest.mark.parametrize(("scope", "pairs"), [("tiny", 40), ("small", 20), ("large", 15)])
def test_in_pairs_of_small_worlds_a_call_is_told_otherwise_if_and_only_if_one_difference_holds_it(
    scope: str, pairs: int, thorough: bool
) -> None:
    chance = random.Random(f"{scope} {thorough}")
    for _ in range(pairs * (6 if thorough else 1)):
        assert_difference(*drawn_pair(SCOPES[scope], chance), SMALL_CALLS)


@pytest.mark.no_cover
@settings(max_examples=25)
@given(st.tuples(directories(), directories()))
def test_that_holds_in_generated_worlds_as_well(worlds: tuple[World, World]) -> None:
    one, other = worlds
    assert_difference(one.content, other.content, [])
