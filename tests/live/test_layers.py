"""An overlay over a base is the mapping, or the set, that both together are."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo_routing import RowsBuilder
from neo_routing.testing import World, directories
from neo_routing_adapters.live.changes import Changes
from neo_routing_adapters.live.content import Content
from neo_routing_adapters.live.layers import Layers

KEYS = st.sampled_from("abcdef")
STEPS = st.lists(st.tuples(KEYS, st.sampled_from([None, "x", "y"])))


@given(base=st.dictionaries(KEYS, st.just("base")), steps=STEPS)
def test_layers_are_what_a_dict_would_be(base: dict[str, str], steps: list[tuple[str, str | None]]) -> None:
    layers, plain = Layers(base), dict(base)
    for key, value in steps:
        layers.put(key, value)
        if value is None:
            plain.pop(key, None)
        else:
            plain[key] = value
    shown = layers.shown()
    assert shown == plain and plain == shown
    assert len(shown) == len(plain) and {*shown} == {*plain}
    assert [key in shown for key in "abcdef"] == [key in plain for key in "abcdef"]
    assert [shown.get(key, "?") for key in "abcdef"] == [plain.get(key, "?") for key in "abcdef"]
    assert isinstance(shown, Mapping) and pickle.loads(pickle.dumps(shown)) == plain


@given(base=st.sets(KEYS), steps=STEPS)
def test_layers_of_a_set_are_what_a_set_would_be(base: set[str], steps: list[tuple[str, str | None]]) -> None:
    layers, plain = Layers(dict.fromkeys(base).keys()), set(base)
    for key, value in steps:
        layers.put(key, value is not None)
        plain = plain | {key} if value is not None else plain - {key}
    shown = layers.shown()
    assert shown == plain and len(shown) == len(plain)
    assert [key in shown for key in "abcdef"] == [key in plain for key in "abcdef"]


def test_what_was_shown_stays_as_it_was() -> None:
    layers = Layers({"a": "1"})
    layers.put("a", "2")
    before = layers.shown()
    layers.put("a", "3")
    assert (before["a"], layers.shown()["a"]) == ("2", "3")
    with pytest.raises(KeyError):
        before["b"]


def changes_to(before: World, after: World) -> Changes:
    """All rows of both worlds as changed, and those of the later one as they are."""

    def ids(name: str) -> frozenset:
        return frozenset(row.id for world in (before, after) for row in getattr(world, name))

    return Changes(
        tenants=ids("tenants"),
        agents=ids("agents"),
        channels=ids("channels"),
        end_companies=ids("end_companies"),
        rows=after.content,
    )


@given(one=directories(), other=directories(), third=directories())
def test_content_that_has_changed_is_the_content_there_is(one: World, other: World, third: World) -> None:
    content = Content(one.content)
    content.change(changes_to(one, other))
    second = content.rows("2")
    assert second == other.content
    rebuilding = content.rebuilding()
    rebuilding.run()
    content.change(changes_to(other, third))
    content.rest_on(rebuilding)
    assert content.is_new
    assert content.rows("3") == third.content
    assert second == other.content


def test_content_without_a_change_is_what_it_was_made_of() -> None:
    rows = RowsBuilder().rows()
    assert Content(rows).rows("1") == rows
