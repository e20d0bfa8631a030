"""What one account can mend: each remedy by an example, and nothing where nothing of its own stands in the way."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    Clause,
    EndCompany,
    ManagedAgentKey,
    RefusalCode,
    Tenant,
    decide,
    parse_session_request,
)
from neo_routing.account_remedy import AccountRemedy, RemedyOfAccount, account_remedies
from neo_routing.testing import World
from neo_routing.testing.strategies import Case, cases, directories

KEY = ManagedAgentKey.NEO_SUPPORT
PLATFORM, USER = Caller(CallerKind.PLATFORM, "hq"), Caller(CallerKind.USER, "msp-a")
FOR_A = {"managed_agent_key": "NEO_SUPPORT", "client_id": "msp-a"}
ABOUT_BOT = FOR_A | {"bot_id": "bot", "inbound_tenant_id": "x"}
BY_KEY = {"managed_agent_key": "NEO_SUPPORT"}
PAUSED = ChannelStatus.DISCONNECTED


def agent(row_id: int, tenant_id: str = "msp-a", *, triggered: bool = False, managed: bool = False) -> Agent:
    kind = AgentKind.TRIGGERED if triggered else AgentKind.CONVERSATIONAL
    return Agent(id=row_id, tenant_id=tenant_id, kind=kind, managed_key=KEY if managed else None)


def channel(row_id: str, *installed: str, tenant_id: str = "msp-a", agent_id: int = 1, **more: Any) -> Channel:
    return Channel(
        id=row_id, tenant_id=tenant_id, agent_id=agent_id, bot_id="bot", installed_m365_tenant_ids=installed, **more
    )


def company(row_id: str, *linked: str, tenant_id: str = "msp-a") -> EndCompany:
    return EndCompany(id=row_id, tenant_id=tenant_id, m365_tenant_ids=linked)


def refused(rows: list[Any], body: dict[str, Any], caller: Caller, account: str) -> tuple[str, list[RemedyOfAccount]]:
    world = World(
        [Tenant(id="msp-a"), Tenant(id="msp-b")],
        [row for row in rows if isinstance(row, Agent)],
        [row for row in rows if isinstance(row, Channel)],
        [row for row in rows if isinstance(row, EndCompany)],
    )
    request = parse_session_request(body).unwrap()
    refusal = decide(caller, request, world.directory()).refusal
    assert refusal is not None
    return refusal.code, [*account_remedies(refusal, caller, request, account, world.content)]


WHITE = {"white_label": True}


@pytest.mark.parametrize(
    ("rows", "body", "caller", "code", "remedy", "ids"),
    [
        (
            [channel("ch", "x", **WHITE), company("co-1"), company("co-2", "y"), company("co-3", tenant_id="msp-b")],
            ABOUT_BOT,
            PLATFORM,
            RefusalCode.END_COMPANY_NOT_MAPPED,
            AccountRemedy.LINK_ONE_COMPANY,
            "ch co-1",
        ),
        (
            [channel("ch", **WHITE)],
            ABOUT_BOT,
            PLATFORM,
            RefusalCode.END_COMPANY_NOT_MAPPED,
            AccountRemedy.LINK_ONE_COMPANY,
            "ch",
        ),
        (
            [channel("ch", "x", **WHITE), company("co-1", "x"), company("co-2", "x"), company("co-3", "y")],
            ABOUT_BOT,
            PLATFORM,
            RefusalCode.END_COMPANY_NOT_MAPPED,
            AccountRemedy.KEEP_ONE_LINK,
            "ch co-1 co-2",
        ),
        (
            [channel("ch", **WHITE)],
            FOR_A | {"bot_id": "bot"},
            PLATFORM,
            RefusalCode.END_COMPANY_NOT_MAPPED,
            AccountRemedy.SAY_THE_M365_TENANT,
            "ch",
        ),
        (
            [channel("ch", "x", status=PAUSED, **WHITE), channel("b", "x", tenant_id="msp-b", status=PAUSED, **WHITE)],
            ABOUT_BOT,
            PLATFORM,
            RefusalCode.CHANNEL_NOT_ACTIVE,
            AccountRemedy.RECONNECT_THE_CHANNEL,
            "ch",
        ),
        (
            [channel("ch", "x", **WHITE), channel("b", "x", tenant_id="msp-b", **WHITE)],
            ABOUT_BOT,
            PLATFORM,
            RefusalCode.CHANNEL_AMBIGUOUS,
            AccountRemedy.KEEP_ONE_INSTALLATION,
            "ch",
        ),
        (
            [channel("ch-1"), channel("ch-2"), channel("b", tenant_id="msp-b")],
            ABOUT_BOT,
            PLATFORM,
            RefusalCode.CHANNEL_AMBIGUOUS,
            AccountRemedy.KEEP_ONE_ACTIVE_CHANNEL,
            "ch-1 ch-2",
        ),
        (
            [channel("ch", agent_id=2), agent(1), agent(2, "msp-b"), agent(3, triggered=True)],
            ABOUT_BOT,
            PLATFORM,
            RefusalCode.CHANNEL_AGENT_UNAVAILABLE,
            AccountRemedy.CHOOSE_AN_AGENT_FOR_THE_CHANNEL,
            "1 ch",
        ),
        (
            [agent(1, managed=True), agent(2, managed=True), agent(3), agent(4, "msp-b", managed=True)],
            FOR_A,
            PLATFORM,
            RefusalCode.MANAGED_AGENT_UNAVAILABLE,
            AccountRemedy.HAVE_ONE_MANAGED_AGENT,
            "1 2",
        ),
        (
            [agent(1, managed=True, triggered=True)],
            BY_KEY,
            USER,
            RefusalCode.MANAGED_AGENT_UNAVAILABLE,
            AccountRemedy.HAVE_ONE_MANAGED_AGENT,
            "1",
        ),
        ([agent(1)], BY_KEY, USER, RefusalCode.MANAGED_AGENT_NOT_FOUND, AccountRemedy.HAVE_A_MANAGED_AGENT_SET_UP, ""),
        (
            [agent(1), agent(2, "msp-b"), agent(3, triggered=True)],
            {"agent_id": 2},
            USER,
            RefusalCode.AGENT_NOT_FOUND,
            AccountRemedy.ASK_FOR_AN_OWN_AGENT,
            "1",
        ),
        (
            [agent(1), agent(3, triggered=True)],
            {"agent_id": 3},
            USER,
            RefusalCode.AGENT_NOT_CONVERSATIONAL,
            AccountRemedy.ASK_FOR_AN_OWN_AGENT,
            "1",
        ),
    ],
)
def test_each_is_told_with_the_rows_of_the_account_that_it_concerns(
    rows: list[Any], body: dict[str, Any], caller: Caller, code: RefusalCode, remedy: AccountRemedy, ids: str
) -> None:
    found_code, [found] = refused(rows, body, caller, "msp-a")
    told = [str(row.id) for row in (*found.agents, *found.channels, *found.end_companies)]
    assert (found_code, found.remedy, told) == (code, remedy, ids.split())
    assert refused(rows, body, caller, "msp-c")[1] == []


def test_an_account_that_is_not_there_is_told_so() -> None:
    body = FOR_A | {"client_id": "msp-gone"}
    [found] = refused([], body, PLATFORM, "msp-gone")[1]
    assert found == RemedyOfAccount(AccountRemedy.HAVE_THE_ACCOUNT_SET_UP)
    assert refused([], body, PLATFORM, "msp-a")[1] == []


@pytest.mark.parametrize("body", [{}, {"agent_id": 1, "client_id": "msp-b"}])
def test_a_mistake_of_the_caller_is_nothing_to_mend(body: dict[str, Any]) -> None:
    assert refused([agent(1)], body, USER, "msp-a")[1] == []


WHITE_B = {"tenant_id": "msp-b", **WHITE}


@pytest.mark.parametrize(
    ("rows", "own"),
    [
        ([channel("b", "x", **WHITE_B), channel("ch"), company("co", "y")], []),
        ([channel("b", "x", **WHITE_B), channel("ch", **WHITE)], [AccountRemedy.LINK_ONE_COMPANY]),
        ([channel("b", "x", **WHITE_B), channel("ch", **WHITE), company("co", "x")], []),
        ([channel("b", "x", **WHITE_B), company("co", "y")], []),
        (
            [
                *(channel("b", "x", **WHITE_B), channel("ch", **WHITE), company("co", "x")),
                *(company("b-1", "x", tenant_id="msp-b"), company("b-2", "x", tenant_id="msp-b")),
            ],
            [],
        ),
        (
            [
                *(channel("b", "x", **WHITE_B), company("co-1", "x"), company("co-2", "x")),
                *(company("b-1", "x", tenant_id="msp-b"), company("b-2", "x", tenant_id="msp-b")),
            ],
            [],
        ),
        ([channel("b", "x", status=PAUSED, **WHITE_B), channel("ch", **WHITE)], []),
        ([channel("b-1", "x", **WHITE_B), channel("b-2", "x", **WHITE_B), channel("ch", **WHITE)], []),
        (
            [
                *(channel("b", "x", agent_id=9, **WHITE_B), company("b-1", "x", tenant_id="msp-b")),
                *(agent(1), channel("ch", **WHITE)),
            ],
            [],
        ),
    ],
)
def test_of_what_others_have_to_mend_an_account_is_told_its_own_part(rows: list[Any], own: list[AccountRemedy]) -> None:
    _, told = refused(rows, ABOUT_BOT, PLATFORM, "msp-a")
    assert [found.remedy for found in told] == own
    ids = {row.id for found in told for row in (*found.channels, *found.end_companies, *found.agents)}
    assert ids <= {row.id for row in rows if row.tenant_id == "msp-a"}


WORLDS = st.shared(directories(), key="world")


@given(WORLDS, WORLDS.flatmap(cases))
def test_what_the_directory_blocks_some_account_can_mend(world: World, case: Case) -> None:
    decision = decide(*case, world.directory())
    refusal = decision.refusal
    assume(refusal is not None and refusal.status == 409)
    assert refusal is not None
    able = {each.id for each in world.tenants if account_remedies(refusal, *case, each.id, world.content)}
    last = decision.trace[-1]
    concerned = {row.tenant_id for row in (*last.channels, *last.agents)} | {
        str(value) for name, value in last.sought if name == "tenant_id"
    }
    assert able & concerned
    if last.clause in (Clause.END_COMPANY, Clause.NEO_SUPPORT, Clause.OWN_MANAGED_AGENT):
        assert concerned <= able
