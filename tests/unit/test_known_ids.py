"""One object for each id, and only its normal form remembered."""

from __future__ import annotations

import pytest

from neo_routing import well_formed
from neo_routing.complaints import IllFormed
from neo_routing.known_ids import each_once


class Impostor(str):
    """Takes itself for any other text."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash("helpdesk")

    def __eq__(self, other: object) -> bool:
        return True


def test_an_id_is_one_object_in_whatever_spellings_it_comes() -> None:
    bot_id = each_once(well_formed.bot_id)
    first = bot_id("28:HelpDesk")
    assert first == "helpdesk"
    assert all(bot_id(spelling) is first for spelling in ("helpdesk", "HELPDESK", "{helpdesk}"))


def test_each_look_at_ids_knows_its_own_only() -> None:
    bot_id, m365_tenant_id = each_once(well_formed.bot_id), each_once(well_formed.m365_tenant_id)
    assert bot_id("28:28") == "28"
    assert m365_tenant_id("28") == "28"
    with pytest.raises(IllFormed):
        m365_tenant_id("28:28")


def test_what_takes_itself_for_an_id_that_is_known_is_read_as_what_it_is() -> None:
    bot_id = each_once(well_formed.bot_id)
    bot_id("helpdesk")
    assert bot_id(Impostor("28:Another")) == "another"
    assert bot_id("helpdesk") == "helpdesk"
    assert type(bot_id(Impostor("Third"))) is str


def test_what_is_no_id_is_refused_each_time() -> None:
    bot_id = each_once(well_formed.bot_id)
    for _ in range(2):
        with pytest.raises(IllFormed, match="must not be blank"):
            bot_id("28:")
        with pytest.raises(IllFormed, match="must be a string"):
            bot_id([])  # type: ignore[arg-type]
