"""A slice: what some decisions can look at, each point of it by an example, and nothing beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NoReturn

import pytest
from attrs import evolve, fields
from hypothesis import given, settings
from hypothesis import strategies as st

from neo_routing import (
    Agent,
    AgentKind,
    Channel,
    ChannelStatus,
    EndCompany,
    HeldRows,
    ManagedAgentKey,
    Rows,
    RowsNeeded,
    Tenant,
    content_of,
    decide,
    decide_many,
)
from neo_routing.testing import World
from neo_routing.testing.contract_cases import all_needed, needed_by
from neo_routing.testing.strategies import cases, directories

KEY = ManagedAgentKey.NEO_SUPPORT
NOTHING: RowsNeeded = ("nobody", None, None, None, None)
WORLD = World(
    [Tenant(id="msp-a", name="MSP A"), Tenant(id="msp-b"), Tenant(id="msp-c")],
    [
        Agent(id=1, tenant_id="msp-a", name="One", kind=AgentKind.CONVERSATIONAL, managed_key=KEY),
        Agent(id=2, tenant_id="msp-a", kind=AgentKind.TRIGGERED, managed_key=KEY),
        Agent(id=3, tenant_id="msp-b", kind=AgentKind.CONVERSATIONAL, managed_key=KEY),
        Agent(id=4, tenant_id="msp-c", name="Four", kind=AgentKind.CONVERSATIONAL),
        Agent(id=5, tenant_id="msp-c", kind=AgentKind.TRIGGERED),
        Agent(id=6, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL),
        Agent(id=7, tenant_id="msp-c", kind=AgentKind.CONVERSATIONAL),
    ],
    [
        Channel(id="own", tenant_id="msp-a", agent_id=4, bot_id="bot", installed_m365_tenant_ids=["m-1"]),
        Channel(id="paused", tenant_id="msp-a", agent_id=99, bot_id="bot", status=ChannelStatus.DISCONNECTED),
        Channel(
            id="foreign",
            tenant_id="msp-b",
            agent_id=3,
            bot_id="bot",
            white_label=True,
            installed_m365_tenant_ids=["m-1", "m-2"],
        ),
        Channel(
            id="halted",
            tenant_id="msp-c",
            agent_id=5,
            bot_id="bot",
            status=ChannelStatus.DISCONNECTED,
            white_label=True,
            installed_m365_tenant_ids=["m-1"],
        ),
        Channel(id="elsewhere", tenant_id="msp-c", agent_id=5, bot_id="plain"),
        Channel(id="second", tenant_id="msp-a", agent_id=6, bot_id="second"),
        Channel(id="third", tenant_id="msp-a", agent_id=6, bot_id="third", status=ChannelStatus.DISCONNECTED),
        Channel(
            id="abroad",
            tenant_id="msp-b",
            agent_id=4,
            bot_id="abroad",
            white_label=True,
            installed_m365_tenant_ids=["m-4"],
        ),
    ],
    [
        EndCompany(id="co-1", tenant_id="msp-a", m365_tenant_ids=["m-1", "m-3", "m-4"]),
        EndCompany(id="co-2", tenant_id="msp-b", name="Contoso", m365_tenant_ids=["m-1"]),
        EndCompany(id="co-3", tenant_id="msp-c"),
        EndCompany(id="co-4", tenant_id="msp-c", m365_tenant_ids=["m-3", "m-4"]),
    ],
)
CONTENT = WORLD.content
OWN = ("own", "msp-a", 4, False, None)
PAUSED = ("paused", "msp-a", 99, False, None)
FOREIGN = ("foreign", "msp-b", 3, True, None)
HALTED = ("halted", "msp-c", 5, True, None)
ABROAD = ("abroad", "msp-b", 4, True, None)


def held(rows: Rows) -> dict[str, Any]:
    """What is there at all."""
    names = [name for name in dir(Rows) if not name.startswith("_") and name not in {"needed", "revision", "is_slice"}]
    found = {name: getattr(rows, name) for name in names}
    found["managed_agents"] = {key: owners for key, owners in rows.managed_agents.items() if owners}
    return {
        name: {*value} if name in {"tenants", "white_label_bots", "known_bots"} else value
        for name, value in found.items()
        if value
    }


EXAMPLES: list[tuple[RowsNeeded, dict[str, Any]]] = [
    (NOTHING, {}),
    (("msp-a", None, None, None, None), {"tenants": {"msp-a"}}),
    (
        ("nobody", 4, None, None, None),
        {"conversational_agents": {4: "msp-c"}, "agent_names": {4: "Four"}},
    ),
    (("nobody", 5, None, None, None), {"triggered_agents": {5: "msp-c"}}),
    (("nobody", 99, KEY, "x", "m-1"), {}),
    (
        ("msp-a", None, KEY, None, None),
        {
            "tenants": {"msp-a"},
            "managed_agents": {KEY: {"msp-a": (1, 2)}},
            "conversational_agents": {1: "msp-a"},
            "triggered_agents": {2: "msp-a"},
            "agent_names": {1: "One"},
        },
    ),
    (
        ("msp-a", None, None, "bot", None),
        {
            "tenants": {"msp-a"},
            "active_channels": {("msp-a", "bot"): (OWN,)},
            "disconnected_channels": {("msp-a", "bot"): (PAUSED,)},
            "conversational_agents": {4: "msp-c"},
            "agent_names": {4: "Four"},
            "white_label_bots": {"bot"},
            "known_bots": {"bot"},
        },
    ),
    (
        ("nobody", None, None, "bot", "m-1"),
        {
            "active_installations": {("bot", "m-1"): (FOREIGN,)},
            "disconnected_installations": {("bot", "m-1"): (HALTED,)},
            "conversational_agents": {3: "msp-b"},
            "triggered_agents": {5: "msp-c"},
            "end_companies": {("msp-b", "m-1"): ("co-2",)},
            "end_company_names": {"co-2": "Contoso"},
            "white_label_bots": {"bot"},
            "known_bots": {"bot"},
        },
    ),
    (
        ("msp-a", None, None, "bot", "m-3"),
        {
            "tenants": {"msp-a"},
            "active_channels": {("msp-a", "bot"): (OWN,)},
            "disconnected_channels": {("msp-a", "bot"): (PAUSED,)},
            "conversational_agents": {4: "msp-c"},
            "agent_names": {4: "Four"},
            "end_companies": {("msp-a", "m-3"): ("co-1",)},
            "white_label_bots": {"bot"},
            "known_bots": {"bot"},
        },
    ),
    (("nobody", None, None, "plain", "m-1"), {"known_bots": {"plain"}}),
    (("nobody", None, None, None, "m-1"), {}),
    # An agent that carries the key, by its id: the other carriers of its owner are not asked for.
    (
        ("msp-a", 1, None, None, None),
        {"tenants": {"msp-a"}, "conversational_agents": {1: "msp-a"}, "agent_names": {1: "One"}},
    ),
    # The tenant's companies, where it has no channel with the bot: nobody else has one there, another has, or no bot
    # was given. The owner of the agent that the other's channel names has linked a company as well.
    (("msp-a", None, None, "plain", "m-1"), {"tenants": {"msp-a"}, "known_bots": {"plain"}}),
    (
        ("msp-a", None, None, "abroad", "m-4"),
        {
            "tenants": {"msp-a"},
            "active_installations": {("abroad", "m-4"): (ABROAD,)},
            "conversational_agents": {4: "msp-c"},
            "agent_names": {4: "Four"},
            "white_label_bots": {"abroad"},
            "known_bots": {"abroad"},
        },
    ),
    (("msp-a", None, None, None, "m-1"), {"tenants": {"msp-a"}}),
]


@pytest.mark.parametrize(("needed", "expected"), EXAMPLES)
def test_each_point_of_what_is_needed_is_cut_out_and_nothing_else(needed: RowsNeeded, expected: dict[str, Any]) -> None:
    assert held(CONTENT.needed([needed])) == expected


@pytest.mark.parametrize("needed", [NOTHING, [*NOTHING], ("msp-a", None, None, None, None), ["a"]], ids=str)
def test_what_one_decision_needs_is_no_batch(needed: Any) -> None:
    with pytest.raises(TypeError, match=r"^there must be a list of what each decision needs, and not what one needs$"):
        CONTENT.needed(needed)


def test_the_slice_for_a_batch_has_what_each_needs() -> None:
    one, other = ("msp-a", 5, None, None, None), ("msp-b", None, KEY, "bot", "m-1")
    both = CONTENT.needed(iter([one, other]))
    for needed in (one, other):
        assert both.needed([needed]) == CONTENT.needed([needed])
    linked, linked_too = (("msp-a", None, None, "bot", m365_tenant_id) for m365_tenant_id in ("m-1", "m-3"))
    both = CONTENT.needed([linked, linked_too])
    for needed in (linked, linked_too):
        assert both.needed([needed]) == CONTENT.needed([needed])
    assert held(CONTENT.needed([])) == {}


@pytest.mark.parametrize(("needed", "expected"), EXAMPLES)
def test_the_slice_for_a_batch_has_nothing_that_none_of_it_needs(needed: RowsNeeded, expected: dict[str, Any]) -> None:
    for other, expected_too in EXAMPLES:
        assert held(CONTENT.needed([other, needed])) == _both(expected_too, expected)


def _both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return one | {name: one[name] | value if name in one else value for name, value in other.items()}


class OnlyLookUps:
    """Of what it holds it tells what is looked up, and fails whoever goes through it, or asks how much it is."""

    def __init__(self, held: Any) -> None:
        self._held = held

    def __contains__(self, key: object) -> bool:
        return key in self._held

    def __iter__(self) -> NoReturn:
        raise AssertionError("something goes through all that a directory holds")

    def __len__(self) -> NoReturn:
        raise AssertionError("something asks how much a directory holds")


class LookedUpMapping(OnlyLookUps, Mapping[Any, Any]):
    def __getitem__(self, key: Any) -> Any:
        return self._held[key]


class LookedUpSet(OnlyLookUps, AbstractSet[Any]):
    pass


def looked_up(held: Any) -> OnlyLookUps:
    return LookedUpMapping(held) if isinstance(held, Mapping) else LookedUpSet(held)


@pytest.mark.parametrize("needed", [needed for needed, _ in EXAMPLES])
def test_what_a_decision_needs_is_looked_up_and_nothing_else_is_gone_through(needed: RowsNeeded) -> None:
    held_by_name = {each.name: getattr(CONTENT, each.name) for each in fields(Rows)}
    managed = {key: looked_up(owners) for key, owners in CONTENT.managed_agents.items()}
    parts = {
        name: looked_up(value)
        for name, value in (held_by_name | {"managed_agents": managed}).items()
        if isinstance(value, Mapping | AbstractSet)
    }
    found = evolve(CONTENT, **parts).needed([needed, NOTHING])
    assert found == CONTENT.needed([needed])


def test_a_slice_is_of_the_revision_of_the_directory() -> None:
    later = content_of(tenants=WORLD.tenants, revision="42")
    assert later.needed([NOTHING]).revision == "42"
    assert CONTENT.needed([NOTHING]).revision is None


@given(directories().flatmap(lambda world: st.tuples(st.just(world), st.lists(cases(world), min_size=1, max_size=5))))
@settings(max_examples=100)
def test_a_decision_on_a_slice_is_the_decision_on_all(drawn: Any) -> None:
    world, asked = drawn
    content, directory = world.content, world.directory()
    for case in asked:
        for needed in needed_by(case):
            found = content.needed([needed])
            assert found.needed([needed]) == found
            assert decide(*case, HeldRows(found)) == decide(*case, directory)
    together = content.needed([needed for case in asked for needed in needed_by(case)])
    assert decide_many(asked, HeldRows(together)) == decide_many(asked, directory)


def test_no_row_of_a_slice_can_be_spared() -> None:
    """Every group of each slice is one that a decision which needs it looks at: without it, the slice is another."""
    for needed in all_needed(WORLD):
        found = CONTENT.needed([needed])
        for spoilt in _without_one(found):
            assert spoilt != found
            assert spoilt.needed([needed]) != found


def _without_one(rows: Rows) -> Iterator[Rows]:
    for name, value in held(rows).items():
        if name not in {"tenants", "white_label_bots", "known_bots", "managed_agents"}:
            for key in value:
                yield evolve(rows, **{name: {each: value[each] for each in value if each != key}})
