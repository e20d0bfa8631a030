"""Reach: every class that arrives somewhere, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from neo_routing import (
    Agent,
    AgentKind,
    Channel,
    ChannelStatus,
    EndCompany,
    HeldRows,
    ManagedAgentKey,
    Rows,
    Tenant,
    content_of,
)
from neo_routing.analysis import reach, request_classes
from neo_routing.analysis.destination import Destination
from neo_routing.analysis.partition import call_set_of
from neo_routing.testing.small_worlds import (
    BOT_ID,
    CALLS,
    M365_TENANT_IDS,
    SCOPES,
    UNKNOWN_BOT_ID,
    UNKNOWN_M365_TENANT_ID,
    A,
    B,
)

ROWS = content_of(
    tenants=[Tenant(id="msp-a"), Tenant(id="msp-b")],
    agents=[
        Agent(id=11, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT),
        Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL),
    ],
    channels=[
        Channel(
            id="ch-1",
            tenant_id="msp-a",
            agent_id=12,
            bot_id="helpdesk",
            white_label=True,
            installed_m365_tenant_ids=["x"],
        ),
        Channel(id="ch-2", tenant_id="msp-a", agent_id=12, bot_id="desk", status=ChannelStatus.DISCONNECTED),
    ],
    end_companies=[
        EndCompany(id="co-1", tenant_id="msp-a", m365_tenant_ids=["x"]),
        EndCompany(id="co-2", tenant_id="msp-a", m365_tenant_ids=["y"]),
    ],
)
ON_INSTALLATION = {
    "the platform for any tenant, client_id the owner's or absent, bot helpdesk, M365 tenant x",
    "the platform for any tenant, another client_id than the owner's, bot helpdesk, M365 tenant x",
}
LINKED = "the platform for msp-a, bot helpdesk, M365 tenant y"
PAUSED = {f"the platform for msp-a, bot desk, {which}" for which in ("without an M365 tenant", "any other M365 tenant")}


def reached(**wanted: Any) -> set[str]:
    words = [each.request_class.words for each in reach(ROWS, **wanted)]
    assert len({*words}) == len(words)
    return {*words}


def test_who_arrives_at_an_agent_a_channel_or_an_end_company() -> None:
    assert reached(channel_id="ch-1") == {*ON_INSTALLATION, LINKED}
    assert reached(agent_id=12) == {*ON_INSTALLATION, LINKED, "users and service accounts of msp-a, agent 12"}
    assert reached(end_company_id="co-1") == ON_INSTALLATION
    assert reached(end_company_id="co-2") == {LINKED}
    assert reached(agent_id=11) >= PAUSED
    assert reached(tenant_id="msp-a") == reached(agent_id=11) | reached(agent_id=12)


def test_nobody_is_an_answer() -> None:
    for wanted in ({"channel_id": "ch-2"}, {"tenant_id": "msp-b"}, {"tenant_id": "nobody"}, {"agent_id": 99}):
        assert reached(**wanted) == set()
    assert reached(end_company_id="nobody") == reached(agent_id=12, tenant_id="msp-b") == set()


def test_an_arrival_says_in_which_scope() -> None:
    [arrival] = reach(HeldRows(ROWS), end_company_id="co-2")
    target = arrival.decision.target
    assert target is not None
    assert (target.agent_id, target.end_company_id) == (12, "co-2")
    assert arrival.data()["decision"]["end_company_id"] == "co-2"
    assert arrival.data()["request_class"] == arrival.request_class.data()


def test_a_destination_can_be_narrowed_to_calls_with_a_bot_or_an_m365_tenant() -> None:
    assert reached(agent_id=12, m365_tenant_id="y") == {LINKED}
    assert reached(agent_id=12, bot_id="helpdesk") == {*ON_INSTALLATION, LINKED}
    assert reached(agent_id=12, bot_id="desk") == set()
    assert reached(agent_id=11, bot_id="unheard-of", m365_tenant_id="x") == {
        "the platform for msp-a, any bot that nobody has, any other M365 tenant"
    }


def test_of_a_bot_and_an_m365_tenant_it_says_every_answer() -> None:
    assert reached(bot_id="helpdesk", m365_tenant_id="x") == ON_INSTALLATION
    answers = {
        arrival.request_class.words: arrival.decision.refusal is None
        for arrival in reach(ROWS, bot_id="helpdesk", m365_tenant_id="z")
    }
    assert answers == {
        "the platform for msp-a, bot helpdesk, any other M365 tenant": False,
        "the platform for msp-b, any white-label bot that it has no channel with, any other M365 tenant": False,
        "the platform for a tenant that is not there, any white-label bot that it has no channel with, "
        "any other M365 tenant": False,
    }
    assert all(each.request.m365_tenant_id == "z" for each in reach(ROWS, bot_id="helpdesk", m365_tenant_id="z"))


def test_of_an_m365_tenant_alone_it_says_every_answer_too() -> None:
    answers = reached(m365_tenant_id="x")
    assert answers > {*ON_INSTALLATION, "the platform for msp-a, client_id given, without a bot, any M365 tenant"}
    assert not any("without an M365 tenant" in each or "users" in each for each in answers)
    assert LINKED not in answers


@pytest.mark.parametrize("installed", ["bot-1", "bot-2"])
def test_a_class_of_any_white_label_bot_is_told_though_one_of_them_is_installed_there(installed: str) -> None:
    channels = [
        Channel(
            id=bot_id,
            tenant_id="msp-a",
            agent_id=11,
            bot_id=bot_id,
            white_label=True,
            installed_m365_tenant_ids=["x"] if bot_id == installed else [],
        )
        for bot_id in ("bot-1", "bot-2")
    ]
    support = Agent(id=21, tenant_id="msp-b", kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT)
    rows = content_of(tenants=[Tenant(id="msp-a"), Tenant(id="msp-b")], agents=[support], channels=channels)
    of_b = "the platform for msp-b, any white-label bot that it has no channel with, any other M365 tenant"
    for wanted in ({}, {"tenant_id": "msp-b"}, {"agent_id": 21}):
        [found] = [each for each in reach(rows, m365_tenant_id="x", **wanted) if each.request_class.words == of_b]
        assert found.request.bot_id != installed


def test_it_must_be_told_where_or_about_what() -> None:
    with pytest.raises(ValueError, match="needs to be told where"):
        reach(ROWS)


WANTED: list[dict[str, Any]] = [
    *({"agent_id": each} for each in (11, 12, 13, 14, 21, 99)),
    *({"end_company_id": each} for each in ("company-1", "company-2")),
    *({"tenant_id": each} for each in (A, B, "provider")),
    {"channel_id": "channel-1"},
    {"channel_id": "channel-2", "tenant_id": A},
    {"end_company_id": "company-1", "tenant_id": B},
]


def assert_complete(rows: Rows) -> None:
    classes = [(each, each.decision.target) for each in request_classes(rows)]
    for wanted in WANTED:
        arriving = [each.request_class.calls for each in reach(rows, **wanted)]
        assert len(arriving) == len({*arriving})
        assert {*arriving} == {each.calls for each, target in classes if Destination(**wanted).has(target)}
    for bot_id in (BOT_ID, UNKNOWN_BOT_ID, None):
        for m365_tenant_id in (*M365_TENANT_IDS, UNKNOWN_M365_TENANT_ID, *([] if bot_id is None else [None])):
            assert_every_answer(rows, bot_id, m365_tenant_id)


def assert_every_answer(rows: Rows, bot_id: str | None, m365_tenant_id: str | None) -> None:
    arrivals = [*reach(rows, bot_id=bot_id, m365_tenant_id=m365_tenant_id)]
    for each in arrivals:
        assert each.request_class.holds(each.caller, each.request)
        assert bot_id in (None, each.request.bot_id)
        assert m365_tenant_id in (None, each.request.m365_tenant_id)
    sets = {each.request_class.calls for each in arrivals}
    assert len(sets) == len(arrivals)
    for call in CALLS:
        asked = call.request
        if (
            call.caller.is_platform
            and bot_id in (None, asked.bot_id)
            and m365_tenant_id in (None, asked.m365_tenant_id)
        ):
            assert call_set_of(call.caller, asked, rows) in sets


@pytest.mark.no_cover
@pytest.mark.parametrize("scope", SCOPES)
def test_in_small_worlds_reach_is_every_class_that_arrives_and_no_other(scope: str, thorough: bool) -> None:
    parts = {"tiny": 800, "small": 8_000, "large": 60_000}[scope] // (4 if thorough else 1)
    for pair in SCOPES[scope].channel_pairs[5::parts]:
        for world in [*SCOPES[scope].worlds([pair])][::40]:
            assert_complete(world.content)
