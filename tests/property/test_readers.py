"""The leak rule, for what a user and an administrator are told: change everything of others, and it stays the same."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st
from rich.console import Console

from neo_routing import (
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    Decision,
    Tenant,
    decide,
    parse_session_request,
)
from neo_routing.account_remedy import account_remedies
from neo_routing.analysis import own_remedies
from neo_routing.testing import World
from neo_routing.testing.strategies import PLATFORM_TENANT_ID, TENANT_IDS, Case, cases, directories
from neo_routing_adapters.command.readers import OwnRemedy, Told, for_account, for_user

pytestmark = pytest.mark.no_cover

WORLDS = st.shared(directories(), key="world")
CASES = WORLDS.flatmap(cases)
ACCOUNTS = st.sampled_from([*TENANT_IDS, PLATFORM_TENANT_ID])
SECRET: Final = "secret"


def owner_of(row: Any) -> str:
    return str(row.id if isinstance(row, Tenant) else row.tenant_id)


def lists(world: World) -> tuple[Any, ...]:
    return world.tenants, world.agents, world.channels, world.end_companies


def disguised(row: Any) -> Any:
    """Give a row another name, and another id where nothing refers to it; agents and tenants keep theirs."""
    if isinstance(row, Channel):
        return evolve(row, id=f"{SECRET}-{row.id}")
    if not hasattr(row, "m365_tenant_ids"):
        return evolve(row, name=f"{SECRET} {row.name}")
    return evolve(row, id=f"{SECRET}-{row.id}", name=f"{SECRET} {row.name}")


def with_others_disguised(world: World, account: str | None) -> World:
    return World(*([row if owner_of(row) == account else disguised(row) for row in rows] for rows in lists(world)))


def with_the_others_of(world: World, other: World, account: str) -> World:
    """Keep what the account owns, and take everything else from another world."""
    parts = []
    for rows, strangers in zip(lists(world), lists(other), strict=True):
        own = [row for row in rows if owner_of(row) == account]
        ids = {row.id for row in own}
        parts.append(own + [row for row in strangers if owner_of(row) != account and row.id not in ids])
    there = {tenant.id for tenant in parts[0]}
    tenants = [Tenant(id=each) for each in sorted({owner_of(row) for rows in parts[1:] for row in rows} - there)]
    return World([*parts[0], *tenants], *parts[1:])


def shown(told: Told) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as captured:
        console.print(told.text)
    return captured.get() + json.dumps(told.data)


def to_user(decision: Decision) -> str:
    return shown(for_user(decision))


def to_account(case: Case, world: World, account: str) -> str:
    decision = decide(*case, world.directory())
    caller, request = case
    refusal, rows = decision.refusal, world.content
    found = () if refusal is None else account_remedies(refusal, caller, request, account, rows)
    ways = [OwnRemedy(one, own_remedies(one, account, request.bot_id, rows)) for one in found]
    return shown(for_account(decision, account, ways))


@given(WORLDS, CASES, ACCOUNTS)
def test_an_administrator_is_told_no_name_or_id_of_others(world: World, case: Case, account: str) -> None:
    told = to_account(case, with_others_disguised(world, account), account)
    assert SECRET not in told
    assert told == to_account(case, world, account)


@given(WORLDS, directories(), CASES, ACCOUNTS)
def test_an_administrator_is_told_the_same_whatever_others_have(
    world: World, other: World, case: Case, account: str
) -> None:
    otherwise = with_the_others_of(world, other, account)
    assume(decide(*case, world.directory()).refusal == decide(*case, otherwise.directory()).refusal)
    assert to_account(case, otherwise, account) == to_account(case, world, account)


@given(WORLDS, CASES, ACCOUNTS)
def test_an_administrator_is_told_the_same_if_others_have_nothing(world: World, case: Case, account: str) -> None:
    alone = with_the_others_of(world, World(), account)
    assume(decide(*case, world.directory()).refusal == decide(*case, alone.directory()).refusal)
    assert to_account(case, alone, account) == to_account(case, world, account)


BOT: Final = {"bot_id": "bot", "inbound_tenant_id": "x"}


@pytest.mark.parametrize("status", ChannelStatus)
@pytest.mark.parametrize("white_label", [False, True])
def test_a_warning_that_others_bring_about_reaches_neither(white_label: bool, status: ChannelStatus) -> None:
    other = Channel(id="b", tenant_id="msp-b", agent_id=1, bot_id="bot", white_label=white_label, status=status)
    alone, beside = World([Tenant(id="msp-a")]), World([Tenant(id="msp-a"), Tenant(id="msp-b")], [], [other])
    request = parse_session_request({"managed_agent_key": "NEO_SUPPORT", "client_id": "msp-a"} | BOT).unwrap()
    case = Caller(CallerKind.PLATFORM, "hq"), request
    decisions = [decide(*case, world.directory()) for world in (alone, beside)]
    assert decisions[0].warnings != decisions[1].warnings
    assert len({to_user(decision) for decision in decisions}) == 1
    assert len({to_account(case, world, "msp-a") for world in (alone, beside)}) == 1


@given(WORLDS, CASES)
def test_a_user_is_told_no_name_or_id_of_anybody(world: World, case: Case) -> None:
    told = to_user(decide(*case, with_others_disguised(world, None).directory()))
    assert SECRET not in told
    assert told == to_user(decide(*case, world.directory()))


@given(WORLDS, directories(), CASES)
def test_a_user_is_told_the_same_whatever_the_directory_holds(world: World, other: World, case: Case) -> None:
    here, there = decide(*case, world.directory()), decide(*case, other.directory())
    assume(here.refusal == there.refusal)
    assert to_user(here) == to_user(there)


@given(WORLDS, CASES)
def test_a_user_is_told_the_message_and_what_a_refusal_carries(world: World, case: Case) -> None:
    decision = decide(*case, world.directory())
    refusal, told = decision.refusal, for_user(decision)
    if refusal is None:
        assert told.data == {"for": "user", "outcome": "answered"}
        return
    assert {*told.data} == {"for", "outcome", "status", "code", "message", "details"}
    assert (str(told.text), told.data["message"], told.data["details"]) == (
        refusal.message,
        refusal.message,
        refusal.details,
    )
