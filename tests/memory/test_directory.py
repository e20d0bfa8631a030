"""A directory built from model objects."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    EndCompany,
    InvalidDirectory,
    ManagedAgentKey,
    SessionRequest,
    Tenant,
    adecide,
    adecide_many,
    aresolve_session_target,
    decide,
    decide_many,
)
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


USER: Any = Caller(CallerKind.USER, "msp-a")

REQUEST: Any = SessionRequest(agent_id=12)

DIRECTORY: Any = MemoryDirectory(
    tenants=[Tenant(id="msp-a")],
    agents=[Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL)],
    channels=[Channel(id="ch-1", tenant_id="msp-a", agent_id=12, bot_id="bot-1", white_label=True)],
    end_companies=[EndCompany(id="co-1", tenant_id="msp-a", m365_tenant_ids=frozenset(["contoso.example"]))],
)


def test_a_directory_in_memory_serves_asynchronous_hosts_too() -> None:
    assert asyncio.run(adecide(USER, REQUEST, DIRECTORY)) == decide(USER, REQUEST, DIRECTORY)
    assert asyncio.run(adecide_many([(USER, REQUEST)], DIRECTORY)) == [decide(USER, REQUEST, DIRECTORY)]
    assert asyncio.run(aresolve_session_target(USER, REQUEST, DIRECTORY)).unwrap().agent_id == 12


@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_directory_in_memory_can_be_copied_and_pickled(again: Callable[[Any], Any]) -> None:
    cases = [
        (USER, REQUEST),
        (
            Caller(CallerKind.PLATFORM, "msp-a"),
            SessionRequest(
                managed_agent_key=ManagedAgentKey.NEO_SUPPORT, bot_id="bot-1", m365_tenant_id="contoso.example"
            ),
        ),
    ]
    copied = again(DIRECTORY)
    assert decide_many(cases, copied) == decide_many(cases, DIRECTORY)
    assert copied.look_up(()).known_bots == {"bot-1"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"tenants": ["a"]}, r"tenants\[0\] of a directory must be of type Tenant, and not str"),
        ({"agents": [Tenant(id="a")]}, r"agents\[0\] of a directory must be of type Agent, and not Tenant"),
        ({"channels": [None]}, r"channels\[0\] of a directory must be of type Channel, and not NoneType"),
        ({"end_companies": [{}]}, r"end_companies\[0\] of a directory must be of type EndCompany, and not dict"),
        ({"tenants": 7}, r"the tenants of a directory must be rows, and not int"),
    ],
)
def test_what_is_no_row_is_told_by_its_place(rows: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=f"^{said}$"):
        MemoryDirectory(**rows)
