"""A part of what is stored: the rows of one tenant, and those among which the nearest misses of a decision are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    EndCompany,
    Tenant,
    decide,
    decide_body,
)
from neo_routing.analysis import Action, decision_remedies, request_classes
from neo_routing.nearest_miss import Miss, ids_sought, nearest_misses
from neo_routing.own_rows import rows_of_tenant
from neo_routing.testing import World
from neo_routing.testing.strategies import TENANT_IDS, cases, directories
from neo_routing_adapters.sql.tables.stored_part import stored_near, stored_of_tenant
from tests.programs.databases.administered import upgraded
from tests.programs.databases.stored import store


@pytest.fixture
def engine(any_database_url: str) -> Iterator[Engine]:
    with upgraded(any_database_url) as engine:
        yield engine


def test_a_tenant_has_the_same_rows_in_a_database_as_in_memory(engine: Engine) -> None:
    @settings(max_examples=15)
    @given(directories())
    def holds(world: World) -> None:
        store(engine, world)
        for tenant_id in (*TENANT_IDS, "msp-gone"):
            stored = stored_of_tenant(engine, tenant_id)
            assert stored == rows_of_tenant(tenant_id, world.content)
            assert stored.is_slice

    holds()


def test_the_nearest_misses_are_the_same_in_a_database_as_in_memory(engine: Engine) -> None:
    @settings(max_examples=15, phases=[Phase.explicit, Phase.generate])  # to shrink takes minutes in a database
    @given(directories(), st.data())
    def holds(world: World, data: st.DataObject) -> None:
        store(engine, world)
        for _ in range(4):
            decision = decide(*data.draw(cases(world)), world.directory())
            near = stored_near(engine, ids_sought(decision))
            assert nearest_misses(decision, near) == nearest_misses(decision, world.content)

    holds()


NEAR = World(
    [Tenant(id="msp-a"), Tenant(id="msp-b")],
    [],
    [
        Channel(id="ch-1", tenant_id="msp-a", agent_id=1, bot_id="bot", installed_m365_tenant_ids=["x"]),
        Channel(id="ch-2", tenant_id="msp-a", agent_id=1, bot_id="white", white_label=True),
        Channel(
            id="ch-3", tenant_id="msp-b", agent_id=1, bot_id="white", white_label=True, installed_m365_tenant_ids=["y"]
        ),
    ],
    [
        EndCompany(id="co-1", tenant_id="msp-b"),
        EndCompany(id="co-2", tenant_id="msp-a", m365_tenant_ids=["y", "z"]),
        EndCompany(id="co-3", tenant_id="msp-a"),
    ],
)


@pytest.mark.parametrize(
    ("bot_id", "m365_tenant_id", "misses"),
    [
        ("bot", "x", [Miss.INSTALLED_ON_A_STANDARD_CHANNEL, Miss.CHANNEL_OF_ANOTHER_TENANT]),
        ("bot", "y", [Miss.ON_STANDARD_CHANNELS_ONLY, Miss.CHANNEL_OF_ANOTHER_TENANT]),
        ("gone", "y", [Miss.INSTALLED_WITH_ANOTHER_BOT, Miss.BOT_UNKNOWN]),
        ("white", "x", [Miss.NOT_AMONG_THE_INSTALLATIONS, Miss.CHANNEL_OF_ANOTHER_TENANT]),
        ("white", "y", [Miss.LINKED_BY_ANOTHER_TENANT]),
    ],
)
def test_each_of_them_is_found_by_what_the_steps_sought(
    engine: Engine, bot_id: str, m365_tenant_id: str, misses: list[Miss]
) -> None:
    store(engine, NEAR)
    body = {"managed_agent_key": "NEO_SUPPORT", "bot_id": bot_id, "inbound_tenant_id": m365_tenant_id}
    decision = decide_body(Caller(CallerKind.PLATFORM, "hq"), body, NEAR.directory())
    near = nearest_misses(decision, stored_near(engine, ids_sought(decision)))
    assert near == nearest_misses(decision, NEAR.content)
    assert [each.miss for each in near] == misses


def test_a_tenant_in_another_spelling_is_found_among_all(engine: Engine) -> None:
    world = World([Tenant(id="MSP-A"), Tenant(id="msp-\uff41"), Tenant(id="msp-b")])
    store(engine, world)
    decision = decide_body(Caller(CallerKind.USER, "msp-a"), {"agent_id": 1}, world.directory())
    [near] = nearest_misses(decision, stored_near(engine, ids_sought(decision)))
    assert (near.miss, near.tenant_ids) == (Miss.TENANT_IN_ANOTHER_SPELLING, ("MSP-A", "msp-\uff41"))


def white_label(channel_id: str, bot_id: str, **more: Any) -> Channel:
    given: dict[str, Any] = {"tenant_id": "msp-a", "agent_id": 12, "installed_m365_tenant_ids": ["x"]}
    return Channel(id=channel_id, bot_id=bot_id, white_label=True, **{**given, **more})


BLOCKED = World(
    [Tenant(id="msp-a"), Tenant(id="msp-b")],
    [Agent(id=number, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL) for number in (11, 12)],
    [
        white_label("ch-1", "twice"),
        white_label("ch-2", "twice", tenant_id="msp-b"),
        white_label("ch-3", "paused", status=ChannelStatus.DISCONNECTED),
        white_label("ch-4", "broken", agent_id=99, installed_m365_tenant_ids=["y"]),
        white_label("ch-5", "own", agent_id=99, installed_m365_tenant_ids=[]),
        white_label("ch-6", "clashing", installed_m365_tenant_ids=[]),
        white_label("ch-7", "clashing", installed_m365_tenant_ids=[]),
        white_label("ch-8", "linked", installed_m365_tenant_ids=["x", "z"]),
    ],
    [
        EndCompany(id="co-1", tenant_id="msp-a", m365_tenant_ids=["x", "y"]),
        EndCompany(id="co-2", tenant_id="msp-a", m365_tenant_ids=["x"]),
    ],
)


def test_the_remedies_of_whatever_blocks_a_call_are_the_same_in_a_database_as_in_memory(engine: Engine) -> None:
    store(engine, BLOCKED)
    mended = set()
    for each in request_classes(BLOCKED.content):
        decision = each.decision
        there = decision_remedies(decision, BLOCKED.content)
        near = stored_near(engine, ids_sought(decision)) if there else BLOCKED.content
        assert [one.data() for one in decision_remedies(decision, near)] == [one.data() for one in there]
        mended |= {change.action for one in there for change in one.amendments}
    assert mended == {*Action}
