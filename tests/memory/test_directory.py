"""A directory built from model objects."""

from __future__ import annotations

import gc

import pytest

from neo_routing import Agent, AgentKind, Caller, CallerKind, Channel, InvalidDirectory, SessionRequest, Tenant, decide
from neo_routing_adapters.memory import MemoryDirectory


def test_unknown_owners_and_duplicates_are_listed_and_nothing_is_loaded() -> None:
    with pytest.raises(InvalidDirectory) as raised:
        MemoryDirectory(
            tenants=iter([Tenant(id="a"), Tenant(id="a")]),
            channels=iter([Channel(id="c", tenant_id="b", agent_id=1, bot_id="bot")]),
        )
    assert [str(problem) for problem in raised.value.problems] == [
        "tenants[1].id: 'a' is there already",
        "channels[0].tenant_id: there is no tenant 'b'",
    ]


def test_it_answers_with_itself_and_copies_nothing() -> None:
    directory = MemoryDirectory(tenants=[Tenant(id="a")])
    needed = ("a", None, None, None, None)
    assert directory.look_up([needed]) is directory.look_up([needed, needed])


def test_it_cannot_be_given_attributes() -> None:
    with pytest.raises(AttributeError):
        MemoryDirectory().rows = ()  # type: ignore[attr-defined]


def test_the_garbage_collector_leaves_a_large_directory_alone() -> None:
    size = 100_001
    directory = MemoryDirectory(
        tenants=[Tenant(id="a")],
        agents=(Agent(id=number, tenant_id="a", kind=AgentKind.CONVERSATIONAL) for number in range(1, size + 1)),
        channels=(Channel(id=f"c-{n}", tenant_id="a", agent_id=1, bot_id=f"b-{n}") for n in range(1000)),
    )
    gc.collect()
    rows = directory.look_up([])
    large = [rows.conversational_agents, rows.active_channels, *rows.active_channels.values()]
    assert not any(map(gc.is_tracked, large))
    decision = decide(Caller(CallerKind.USER, "a"), SessionRequest(agent_id=size), directory)
    assert decision.result.unwrap().agent_id == size
