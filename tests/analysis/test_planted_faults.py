"""Each law of the analysis can fail: a fault planted in it is found in some small world."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve

from neo_routing import Agent, AgentKind, Channel, ChannelStatus, EndCompany, ManagedAgentKey, Tenant
from neo_routing.analysis import Action, Layer, Severity, Which
from neo_routing.clauses import Reason
from neo_routing.testing import World
from neo_routing.testing.laws import LAWS, Seen
from neo_routing.testing.small_worlds import SCOPES, A
from tests.programs.analysis_laws import (
    SMALL_CALLS,
    assert_difference,
    assert_remedies_work,
    assert_sound_and_complete,
    drawn_pair,
)

pytestmark = pytest.mark.no_cover  # there are too many decisions to trace each line of them

Fault = Callable[..., Any]
# As attributes of the package, some of these are the functions of the same name.
partition, classes, bots, refused, remedies, changed_rows, resting, regions, region_finder, points = (
    sys.modules[f"neo_routing.analysis.{name}"]
    for name in (
        *("partition", "classes", "bots", "refused", "remedies"),
        *("changed_rows", "resting", "regions", "region_finder", "points"),
    )
)
of_target, sort_of_bot, no_own_agent = partition._of_target, partition.sort_of_bot, partition.no_own_agent
installations, rows_changed = classes.installations, changed_rows.changed_rows
difference = sys.modules["neo_routing.analysis.difference"]


def worlds() -> Iterator[World]:
    scope = SCOPES["small"]
    for pair in scope.channel_pairs[::19]:
        yield from [*scope.worlds([pair])][::41]


def takes_a_paused_channel_for_none(*given: Any) -> Any:
    calls = of_target(*given)
    if calls.layer is not Layer.PAUSED_CHANNEL:
        return calls
    return calls._replace(layer=Layer.NO_CHANNEL, bot=Which.WHITE_LABEL, bot_id=None)


def takes_no_note_of_links(*given: Any) -> Any:
    calls = of_target(*given)
    return calls._replace(m365_tenant=Which.OTHER, m365_tenant_id=None) if calls.m365_tenant_id else calls


def takes_standard_bots_for_unknown(*given: Any) -> Any:
    sort = sort_of_bot(*given)
    return Which.UNKNOWN if sort is Which.STANDARD else sort


def takes_foreign_agents_for_unknown(home_id: Any, _: Any) -> Any:
    return no_own_agent(home_id, Which.UNKNOWN)


def leaves_out_another_client_id(rows: Any) -> Any:
    return (each for each in installations(rows) if each.client_id is not Which.ANOTHER)


def has_a_channel_with_no_bot(*_: Any) -> bool:
    return False


PARTITION: list[tuple[Any, str, Fault]] = [
    (partition, "_of_target", takes_a_paused_channel_for_none),
    (partition, "_of_target", takes_no_note_of_links),
    (partition, "sort_of_bot", takes_standard_bots_for_unknown),
    (partition, "no_own_agent", takes_foreign_agents_for_unknown),
    (classes, "installations", leaves_out_another_client_id),
    (bots.Bots, "_has_channel", has_a_channel_with_no_bot),
]


@pytest.mark.parametrize(("where", "name", "fault"), PARTITION, ids=[fault.__name__ for _, _, fault in PARTITION])
def test_a_fault_in_the_classes_breaks_the_law_of_partition(
    where: Any, name: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, name, fault)
    assert any([*LAWS["partition"](Seen(world))] for world in worlds())


def is_broken(law: Callable[..., Any], *given: Any) -> bool:
    try:
        law(*given)
    except AssertionError:
        return True
    return False


def finds_nothing(*_: Any) -> Iterator[Any]:
    return iter(())


def finds_links_everywhere(self: Any, channel: Any, m365_tenant_id: str, step: Any, calls: Any) -> None:
    if step.reason is not Reason.SEVERAL_COMPANIES_LINKED:
        RIGHT_NOTE(self, channel, m365_tenant_id, step, calls)


RIGHT_NOTE = refused.Refused._note_links


def calls_all_errors(self: Any, _: Severity, *given: Any) -> Any:
    return RIGHT_FINDING(self, Severity.ERROR, *given)


RIGHT_FINDING = refused.Refused._finding


AUDIT: list[tuple[str, Fault]] = [
    ("_installations", finds_nothing),
    ("_channels", finds_nothing),
    ("_linked", finds_nothing),
    ("_links", finds_nothing),
    ("_managed_agents", finds_nothing),
    ("_note_links", finds_links_everywhere),
]


@pytest.mark.parametrize(("name", "fault"), AUDIT)
def test_a_fault_in_the_audit_is_neither_sound_nor_complete(
    name: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused.Refused, name, fault)
    assert any(is_broken(assert_sound_and_complete, world) for world in worlds())


def test_an_audit_that_knows_no_expected_refusals_is_not_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused.Refused, "_finding", calls_all_errors)
    assert any(is_broken(assert_sound_and_complete, world) for world in worlds())


def takes_the_installation_away(subject: Any, directory: Any) -> Iterator[Any]:
    [bot_id], [m365_tenant_id] = subject.bot_ids, subject.m365_tenant_ids
    taken = [
        remedies._of_channel(Action.UNINSTALL, bot_id, each, m365_tenant_id=m365_tenant_id)
        for each in directory.rows.disconnected_installations[bot_id, m365_tenant_id]
    ]
    yield "Take it away.", tuple(taken)


CHANNEL = Channel(
    id="ch-1", tenant_id=A, agent_id=11, bot_id="helpdesk", white_label=True, installed_m365_tenant_ids=["x"]
)
SUPPORT = Agent(id=11, tenant_id=A, kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT)
COMPANIES = [EndCompany(id=each, tenant_id=A, m365_tenant_ids=["x"]) for each in ("co-1", "co-2")]
TWICE_LINKED = World([Tenant(id=A)], [SUPPORT], [evolve(CHANNEL, installed_m365_tenant_ids=[])], COMPANIES)
PAUSED = World([Tenant(id=A)], [SUPPORT], [evolve(CHANNEL, status=ChannelStatus.DISCONNECTED)], COMPANIES[:1])


@pytest.mark.parametrize(
    ("world", "reason", "fault"),
    [
        (TWICE_LINKED, Reason.SEVERAL_COMPANIES_LINKED, lambda subject, directory: [("Do nothing.", ())]),
        (PAUSED, Reason.INSTALLATION_DISCONNECTED, takes_the_installation_away),
    ],
    ids=["mends nothing", "opens Neo Support"],
)
def test_a_remedy_that_mends_nothing_or_opens_something_is_found(
    world: World, reason: Reason, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert assert_remedies_work(world)
    monkeypatch.setitem(remedies._OFFERING, reason, fault)
    assert is_broken(assert_remedies_work, world)


def forgets(**forgotten: Any) -> Fault:
    return lambda *directories: evolve(rows_changed(*directories), **forgotten)


DIFFERENCE: dict[str, tuple[Any, str, Fault]] = {
    "agents": (difference, "changed_rows", forgets(agents=set())),
    "homes": (difference, "changed_rows", forgets(homes=set())),
    "channels": (difference, "changed_rows", forgets(channels=set())),
    "installations": (difference, "changed_rows", forgets(installations=set())),
    "links": (difference, "changed_rows", forgets(links=set())),
    "bots": (difference, "changed_rows", forgets(bots=set())),
    "regions": (region_finder.RegionFinder, "of_installations", finds_nothing),
    "regions of bots": (region_finder.RegionFinder, "of_bots", finds_nothing),
    "that regions are told once": (difference, "is_in_installation_region", has_a_channel_with_no_bot),
    "that bots are told once": (difference, "is_in_bot_region", has_a_channel_with_no_bot),
}


@pytest.mark.thorough
@pytest.mark.parametrize("what", DIFFERENCE)
def test_a_difference_that_forgets_something_is_found(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, fault = DIFFERENCE[what]
    monkeypatch.setattr(where, name, fault)
    chance = random.Random(what)
    assert any(is_broken(assert_difference, *drawn_pair(SCOPES["small"], chance), SMALL_CALLS) for _ in range(200))


def test_a_difference_that_forgets_what_rests_on_agents_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    one = World([Tenant(id=A)], [SUPPORT], [CHANNEL], COMPANIES[:1])
    other = evolve(one, agents=[evolve(SUPPORT, kind=AgentKind.TRIGGERED)])
    assert_difference(one.content, other.content, [])
    monkeypatch.setattr(resting, "_on", finds_nothing)
    assert is_broken(assert_difference, one.content, other.content, [])
