"""What takes a whole directory takes nothing less."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from neo_routing import (
    Channel,
    HeldRows,
    InvalidDirectory,
    RowsBuilder,
    Tenant,
    content_of,
    directory_data,
    directory_of,
)
from neo_routing.testing import World
from neo_routing_adapters.memory import MemoryDirectory

TENANTS = [Tenant(id="msp-a")]
CONTENT = content_of(
    tenants=TENANTS, channels=[Channel(id="ch-1", tenant_id="msp-a", agent_id=1, bot_id="bot", white_label=True)]
)
TAKERS: list[Callable[[Any], object]] = [directory_data, World.of, MemoryDirectory.holding]


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


@pytest.mark.parametrize("take", [*TAKERS, HeldRows])
@pytest.mark.parametrize("given", [None, [5], TENANTS, {"tenants": []}])
def test_what_is_no_rows_is_told_at_once(take: Callable[[Any], object], given: object) -> None:
    with pytest.raises(TypeError, match="Rows, and not"):
        take(given)


@pytest.mark.parametrize("document", [{1: [], "a": []}, {None: []}, {"tenants": [{1: 2, "x": 3, "id": "a"}]}])
def test_keys_that_are_no_text_are_problems_of_the_document(document: object) -> None:
    with pytest.raises(InvalidDirectory, match="is not a known key"):
        directory_of(document)
