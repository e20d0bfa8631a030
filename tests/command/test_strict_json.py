"""The reader of strict JSON: what it takes, what it makes of numbers, and where it gives up."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo_routing import parse_session_request
from neo_routing_adapters import strict_json
from neo_routing_adapters.strict_json import DEEPEST, read_json

NOT_READ = [
    ("", "Expecting value: line 1 column 1 (char 0)"),
    ('{"a": 1,\n}', "Expecting property name enclosed in double quotes: line 2 column 1 (char 9)"),
    ('{"a": NaN}', "NaN is not JSON"),
    ("[-Infinity]", "-Infinity is not JSON"),
    ('{"agent_id": 1, "agent\\u005fid": 2}', 'the key "agent_id" is there twice in an object'),
    ('[{"\\u202e": 1, "\\u202e": 2}]', 'the key "\\u202e" is there twice in an object'),
    (f'{{"{"x" * 999}": 1, "{"x" * 999}": 2}}', f'the key "{"x" * 60}" is there twice in an object'),
    (b'\xef\xbb\xbf{"a": 1}', "it starts with a byte order mark, which must not be there"),
    ("\ufeff{}", "it starts with a byte order mark, which must not be there"),
    ("{}".encode("utf-16"), "it is not UTF-8 text, see byte 1"),
    (b'{"a": "\xff"}', "it is not UTF-8 text, see byte 8"),
    ('{"a": "\ud800"}', "it has a lone surrogate, see character 8"),
    ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "it is nested more than 128 levels deep"),
    ('{"a": ' * 200_000, "it is nested more than 128 levels deep"),
]


@pytest.mark.parametrize(("body", "told"), NOT_READ, ids=map(str, range(len(NOT_READ))))
def test_what_is_no_strict_json_is_told_with_its_place(body: bytes | str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told) + r"\Z"):
        read_json(body)


@pytest.mark.parametrize(
    ("literal", "value"),
    [
        ("1003", 1003),
        ("1003.0", 1003),
        ("1.003e3", 1003),
        ("-0.0", 0),
        ("9007199254740993.0", 2**53 + 1),
        ("9" * 5000, 10**600),
        ("-1e400", -(10**400)),
        ("-1e601", -(10**600)),
        ("12.5", 12.5),
    ],
)
def test_numbers_are_read_exactly(literal: str, value: float) -> None:
    read = read_json(literal)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(
    "literal", ["1003.0000000000000001", "1e-400", "-1e-400", "9007199254740993.5", "1" * 400 + ".5"]
)
def test_a_number_with_a_fraction_never_becomes_an_integer(literal: str) -> None:
    read = read_json(literal)
    assert isinstance(read, float) and not read.is_integer() and abs(read) < 2**53
    assert parse_session_request({"agent_id": read}).failure().fields == ("agent_id",)
    assert parse_session_request({"agent_id": read_json("1003.0")}).unwrap().agent_id == 1003


@given(st.integers(-(10**20), 10**20), st.integers(-40, 40))
def test_what_is_written_with_an_exponent_is_the_integer_that_it_is(mantissa: int, exponent: int) -> None:
    exact = mantissa * Fraction(10) ** exponent
    read = read_json(f"{mantissa}e{exponent}")
    assert read == exact if exact.denominator == 1 else not float(read).is_integer()


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.text(max_size=6)
    | st.sampled_from(['"', "\\", "[{"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('[]{}"\\a', max_size=3), inner, max_size=3),
    max_leaves=30,
)


@given(VALUES, st.booleans(), st.integers(1, 9))
def test_any_json_is_read_back_and_its_depth_is_seen_whatever_its_strings_hold(
    value: Any, ascii_only: bool, size: int
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    assert read_json(text) == read_json(text.encode()) == value
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(strict_json, "_CHUNK", size)  # so that strings and escapes are cut at every place
        assert strict_json._nesting(text) == depth_of(value)


def depth_of(value: Any) -> int:
    if not isinstance(value, list | dict):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth_of, inner), default=0)


def test_many_brackets_side_by_side_are_not_deep() -> None:
    assert read_json("[" + ",".join(["[[]]"] * 5000) + "]") == [[[]]] * 5000
    assert read_json("[" * DEEPEST + "]" * DEEPEST)
