"""What takes a whole directory takes nothing less."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from neo_routing import (
    Channel,
    HeldRows,
    InvalidDirectory,
    Problem,
    RowsBuilder,
    Tenant,
    content_of,
    directory_data,
    directory_of,
    rows,
)
from neo_routing.analysis import request_classes
from neo_routing.content import require_whole
from neo_routing.testing import World
from neo_routing_adapters.memory import MemoryDirectory

TENANTS = [Tenant(id="msp-a")]
CONTENT = content_of(
    tenants=TENANTS, channels=[Channel(id="ch-1", tenant_id="msp-a", agent_id=1, bot_id="bot", white_label=True)]
)
TAKERS: list[Callable[[Any], object]] = [directory_data, World.of, MemoryDirectory.holding, request_classes]


@pytest.mark.parametrize("take", TAKERS)
def test_what_takes_a_whole_directory_takes_no_slice(take: Callable[[Any], object]) -> None:
    take(CONTENT)
    for needed in ([], [("msp-a", None, None, "bot", None)]):
        with pytest.raises(ValueError, match="these rows are a slice of a directory, and not the whole"):
            take(CONTENT.needed(needed))


@pytest.mark.parametrize("take", TAKERS)
@pytest.mark.parametrize("note", [RowsBuilder.add_known_bot, RowsBuilder.add_white_label_bot])
def test_what_takes_a_whole_directory_takes_no_bot_without_its_channels(
    take: Callable[[Any], object], note: Callable[[RowsBuilder, str], None]
) -> None:
    builder = RowsBuilder()
    note(builder, "bot")
    with pytest.raises(ValueError, match="of some bots these rows say that there are channels, and do not have them"):
        take(builder.rows())


def test_a_bot_of_a_standard_channel_alone_is_no_white_label_bot() -> None:
    builder = RowsBuilder()
    builder.add_tenant("msp-a")
    builder.add_channel(("ch-1", "msp-a", 1, False, None), "bot", "ACTIVE", [])
    directory_data(builder.rows())
    builder.add_white_label_bot("bot")
    with pytest.raises(ValueError, match="do not have them"):
        directory_data(builder.rows())


@pytest.mark.parametrize("take", TAKERS)
@pytest.mark.parametrize(
    ("add", "place"),
    [
        (lambda builder: builder.add_agent(12, "ghost", "Desk", "CONVERSATIONAL", None), "agents[1]"),
        (lambda builder: builder.add_agent(12, "ghost", "Desk", "TRIGGERED", None), "agents[1]"),
        (lambda builder: builder.add_channel(("ch-2", "ghost", 1, True, None), "bot", "ACTIVE", ["m"]), "channels[1]"),
        (
            lambda builder: builder.add_channel(("ch-2", "ghost", 1, False, None), "b", "DISCONNECTED", []),
            "channels[1]",
        ),
        (lambda builder: builder.add_link("ghost", "m-1", "co-2", "Contoso"), "end_companies[1]"),
        (lambda builder: builder.add_end_company("ghost", "co-2", "Contoso"), "end_companies[1]"),
    ],
    ids=["an agent", "a triggered one", "a channel", "a paused one", "a linked company", "a company without links"],
)
def test_what_takes_a_whole_directory_takes_no_row_whose_owner_is_not_there(
    take: Callable[[Any], object], add: Callable[[RowsBuilder], None], place: str
) -> None:
    builder = RowsBuilder()
    builder.add_tenant("msp-a")
    builder.add_agent(1, "msp-a", "One", "TRIGGERED", None)
    builder.add_channel(("ch-1", "msp-a", 1, False, None), "bot", "ACTIVE", [])
    builder.add_end_company("msp-a", "co-1", "Co")
    take(builder.rows())
    add(builder)
    with pytest.raises(InvalidDirectory) as raised:
        take(builder.rows())
    assert raised.value.problems == (Problem(f"{place}.tenant_id", "there is no tenant 'ghost'"),)


@pytest.mark.parametrize("others", [0, 1])
def test_rows_are_gone_through_one_by_one_only_where_an_owner_is_not_there(
    others: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be millions."""
    builder = RowsBuilder()
    for number in range(1 + others):
        builder.add_tenant(f"msp-{number}")
    builder.add_channel(("ch-1", "msp-0", 1, False, None), "bot", "ACTIVE", [])
    builder.add_link("msp-0", "m-1", "co-1", "Co")
    monkeypatch.setattr(rows, "entities_of", lambda _: pytest.fail("all rows are gone through"))
    require_whole(builder.rows())


def test_of_many_rows_whose_owners_are_not_there_the_first_are_told() -> None:
    builder = RowsBuilder()
    for number in range(1, 1_235):
        builder.add_agent(number, f"ghost-{number}", "Desk", "TRIGGERED", None)
    with pytest.raises(InvalidDirectory) as raised:
        MemoryDirectory.holding(builder.rows())
    assert (len(raised.value.problems), raised.value.count) == (1_000, 1_234)
    assert str(raised.value.problems[999]) == "agents[999].tenant_id: there is no tenant 'ghost-1000'"


@pytest.mark.parametrize("take", [*TAKERS, HeldRows])
@pytest.mark.parametrize("given", [None, [5], TENANTS, {"tenants": []}])
def test_what_is_no_rows_is_told_at_once(take: Callable[[Any], object], given: object) -> None:
    with pytest.raises(TypeError, match="Rows, and not"):
        take(given)


@pytest.mark.parametrize("document", [{1: [], "a": []}, {None: []}, {"tenants": [{1: 2, "x": 3, "id": "a"}]}])
def test_keys_that_are_no_text_are_problems_of_the_document(document: object) -> None:
    with pytest.raises(InvalidDirectory, match="is not a known key"):
        directory_of(document)
