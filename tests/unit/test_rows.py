"""Rows as a value: what makes two of them equal, and how they are printed."""

from __future__ import annotations

from itertools import product

import pytest
from attrs import evolve, fields

import neo_routing.rows as rows_module
from neo_routing import Agent, AgentKind, Channel, ChannelStatus, EndCompany, Rows, RowsBuilder, Tenant, content_of
from neo_routing.content import require_whole


def test_rows_are_printed_as_how_many_they_are_because_they_may_be_millions() -> None:
    content = content_of(tenants=[Tenant(id=f"msp-{number}") for number in range(1234)], revision="r\n1")
    assert repr(content) == "<rows of 1,234 tenants, revision 'r\\n1'>"
    assert repr(RowsBuilder().rows()) == "<rows of 0 tenants>"


def test_every_field_of_rows_but_the_revision_is_compared() -> None:
    compared = {*rows_module._PLAIN, *rows_module._NAMES, *rows_module._GROUPS, "managed_agents"}
    assert compared == {each.name for each in fields(Rows)} - {"revision", "is_slice"}


CONTENT = content_of(
    tenants=[Tenant(id="msp-a")],
    channels=[Channel(id="ch-1", tenant_id="msp-a", agent_id=1, bot_id="bot", white_label=True)],
)


def test_rows_with_one_twice_are_others() -> None:
    group = {key: channels * 2 for key, channels in CONTENT.active_channels.items()}
    assert evolve(CONTENT, active_channels=group) != CONTENT


def test_rows_are_a_whole_directory_unless_they_are_said_to_be_a_slice() -> None:
    given = {each.name: getattr(CONTENT, each.name) for each in fields(Rows) if each.name != "is_slice"}
    require_whole(Rows(**given))
    with pytest.raises(ValueError, match="a slice of a directory"):
        require_whole(Rows(**given, is_slice=True))


def test_rows_are_true_even_if_there_are_none_because_that_is_an_answer_as_well() -> None:
    assert RowsBuilder().rows()
    assert len(RowsBuilder().rows()) == 0


def test_a_group_is_compared_as_a_whole_and_without_its_order() -> None:
    one, other, third = (("ch-1", "msp-a", number, True, None) for number in (1, 2, 3))
    groups = [(one, other), (other, one), (one,), (one, third), (third, one), (one, one), (one, other, third)]
    twice = [(one, one, other), (one, other, one), (one, other, other)]
    for first, second in product(groups + twice, repeat=2):
        alike = sorted(first) == sorted(second)
        rows = [evolve(CONTENT, active_channels={("msp-a", "bot"): group}) for group in (first, second)]
        assert (rows[0] == rows[1]) is alike, (first, second)


def test_names_are_compared_and_one_that_is_absent_is_the_id() -> None:
    named, by_id, absent, others = (
        evolve(CONTENT, agent_names=names) for names in ({1: "Desk", 2: "2"}, {1: "1"}, {}, {1: "Help", 2: "2"})
    )
    assert by_id == absent
    assert named not in (by_id, others)
    assert evolve(CONTENT, agent_names={1: "Desk"}) == named


def test_everything_that_a_directory_holds_is_counted_and_comes_as_it_was() -> None:
    tenants = [Tenant(id="msp-a", name="MSP")]
    kinds = [AgentKind.CONVERSATIONAL, AgentKind.CONVERSATIONAL, AgentKind.TRIGGERED]
    agents = [Agent(id=each, tenant_id="msp-a", name="Desk", kind=kind) for each, kind in enumerate(kinds, start=1)]
    channels = [
        Channel(id=each, tenant_id="msp-a", agent_id=1, bot_id="bot", status=status, show_agent_progress_steps=True)
        for each, status in (("ch-1", ChannelStatus.DISCONNECTED), ("ch-2", ChannelStatus.ACTIVE))
    ]
    companies = [
        EndCompany(id=each, tenant_id="msp-a", name="Co", m365_tenant_ids=()) for each in ("co-1", "co-2", "co-3")
    ]
    content = content_of(tenants=tenants, agents=agents, channels=channels, end_companies=companies)
    assert (len(content), [*content]) == (9, [*tenants, *agents, *channels, *companies])


def test_rows_with_a_group_more_are_others_whichever_is_compared_with_which() -> None:
    without = evolve(CONTENT, active_channels={})
    assert CONTENT.active_channels
    assert [one == other for one, other in ((CONTENT, without), (without, CONTENT))] == [False, False]


def test_a_large_group_is_compared_without_its_order_too() -> None:
    group = tuple((f"ch-{number}", "msp-a", number, True, None) for number in range(300))
    one, other = (evolve(CONTENT, active_channels={("msp-a", "bot"): each}) for each in (group, group[::-1]))
    assert one == other
