"""JSON as RFC 8259 has it, read a second time: by hand, with exact numbers, and without the standard library's reader.

What both readers share would be seen by no comparison of the two, so this one shares nothing with the library.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

DEEPEST: Final = 128
"""How many objects and arrays may stand in each other."""

_MOST_DIGITS: Final = 700
_LARGEST_EXPONENT: Final = 10**9
_white_space: Final = re.compile(r"[ \t\n\r]*").match
_string: Final = re.compile(r'"((?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*)"').match
_number: Final = re.compile(r"(-?)(0|[1-9][0-9]*)(\.[0-9]+)?(?:[eE]([+-]?[0-9]+))?").match
_pair_or_escape: Final = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|\\(.)"
)
_LETTERS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: Final = {"true": True, "false": False, "null": None}


class NotJson(ValueError):
    """A text that is no JSON, that is nested too deeply, or in which a key stands twice in an object."""


def read(text: str) -> Any:
    r"""Read one JSON text. Its numbers are integers where no fraction and no exponent is written.

    >>> read('{"agent_id": 1.2e1, "x": ["\\u00e4", -0, true]}')
    {'agent_id': Decimal('12'), 'x': ['ä', 0, True]}
    >>> read('[18446744073709551616, "", {}]')
    [18446744073709551616, '', {}]
    """
    value, end = _value(text, _after(text, 0), 0)
    _expect(end == len(text), end)
    return value


def _expect(holds: object, place: int) -> None:
    if not holds:
        raise NotJson(f"at {place}")


def _after(text: str, start: int) -> int:
    space = _white_space(text, start)
    assert space is not None
    return space.end()


def _value(text: str, start: int, depth: int) -> tuple[Any, int]:
    first = text[start : start + 1]
    _expect(depth < DEEPEST or first not in {"{", "["}, start)
    if first == "{":
        return _object(text, start, depth)
    if first == "[":
        return _array(text, start, depth)
    if first == '"':
        return _text(text, start)
    for word, value in _WORDS.items():
        if text.startswith(word, start):
            return value, _after(text, start + len(word))
    return _numeral(text, start)


def _object(text: str, start: int, depth: int) -> tuple[dict[str, Any], int]:
    members: dict[str, Any] = {}
    end = _after(text, start + 1)
    while text[end : end + 1] != "}" or members:
        name, colon = _text(text, end)
        _expect(text[colon : colon + 1] == ":" and name not in members, colon)
        members[name], end = _value(text, _after(text, colon + 1), depth + 1)
        if text[end : end + 1] != ",":
            break
        end = _after(text, end + 1)
    _expect(text[end : end + 1] == "}", end)
    return members, _after(text, end + 1)


def _array(text: str, start: int, depth: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    end = _after(text, start + 1)
    while text[end : end + 1] != "]" or items:
        item, end = _value(text, end, depth + 1)
        items.append(item)
        if text[end : end + 1] != ",":
            break
        end = _after(text, end + 1)
    _expect(text[end : end + 1] == "]", end)
    return items, _after(text, end + 1)


def _text(text: str, start: int) -> tuple[str, int]:
    found = _string(text, start)
    if found is None:
        raise NotJson(f"at {start}")
    return _pair_or_escape.sub(_unescaped, found.group(1)), _after(text, found.end())


def _unescaped(escape: re.Match[str]) -> str:
    high, low, code_point, letter = escape.groups()
    if high is not None:
        return chr(0x10000 + (int(high, 16) - 0xD800) * 0x400 + int(low, 16) - 0xDC00)
    return chr(int(code_point, 16)) if code_point is not None else _LETTERS.get(letter, letter)


def _numeral(text: str, start: int) -> tuple[int | Decimal, int]:
    found = _number(text, start)
    if found is None:
        raise NotJson(f"at {start}")
    sign, whole, fraction, exponent = found.groups()
    end = _after(text, found.end())
    if fraction is None and exponent is None:
        # One that is longer is beyond whatever a number may be in any field.
        return int(sign + whole[:_MOST_DIGITS]), end
    digits = (whole + (fraction or "")[1:]).lstrip("0")
    if not digits:
        return Decimal(0), end
    power = int(Decimal(exponent or "0").max(-_LARGEST_EXPONENT).min(_LARGEST_EXPONENT)) - len((fraction or "")[1:])
    return Decimal(f"{sign}{digits}e{power}"), end
