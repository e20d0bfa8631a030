"""Rows as a value: what makes two of them equal, and how they are printed."""

from __future__ import annotations

from attrs import evolve, fields

import neo_routing.rows as rows_module
from neo_routing import Channel, Rows, RowsBuilder, Tenant, content_of


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


def test_rows_are_true_even_if_there_are_none_because_that_is_an_answer_as_well() -> None:
    assert RowsBuilder().rows()
    assert len(RowsBuilder().rows()) == 0
