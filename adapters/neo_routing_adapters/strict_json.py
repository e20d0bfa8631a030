"""JSON read strictly, as RFC 8259 has it: the one reader of cases, of directory documents and of a host's bodies.

Python's own takes more, each of which another reader takes otherwise: NaN and infinities, a key twice in an object. It
rounds numbers, so that one id becomes another's, and gives up at a depth that depends on who calls.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, Final, NoReturn, TypeAlias

from neo_routing.printable import printable
from neo_routing.well_formed import MOST_DIGITS, integer_literal

DEEPEST: Final = 128
"""How many arrays and objects may stand in each other."""

_Literal: TypeAlias = Callable[[str], object]
_Members: TypeAlias = Callable[[list[tuple[str, Any]]], object]

_LONGEST_SHOWN: Final = 60
_LARGEST_BESIDE_A_FRACTION: Final = 2.0**52 - 1
_CHUNK: Final = 1 << 16
_OPENING: Final = b"[{"
_BUT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def read_json(body: bytes | str) -> Any:
    r"""Read one JSON text, such as the body of a call. Raises `ValueError`, which says what is wrong, and where.

    Bytes must be UTF-8 without a byte order mark. A number that is an integer is an `int`, with a fraction of zeros or
    an exponent too; one beyond 10^600, of either sign, is 10^600 with that sign. Any other is the `float` next to it
    that is no integer either. Arrays and objects stand in each other 128 deep at most. How long a text is is not
    limited: a host does that before it has read it.

    >>> read_json(b'{"agent_id": 1003.0, "title": "\\u00e4"}')
    {'agent_id': 1003, 'title': 'ä'}
    >>> read_json('[1003.0000000000000001, 12.5]')
    [1003.0000000000001, 12.5]
    >>> read_json('{"agent_id": 1003, "agent_id": 1004}')
    Traceback (most recent call last):
    ValueError: the key "agent_id" is there twice in an object
    """
    return _read(clean_text(body))


def clean_text(body: bytes | str) -> str:
    r"""Return a text, which in bytes must be UTF-8 without a byte order mark. Raises `ValueError`, which says where.

    >>> clean_text(b"caf\xe9")
    Traceback (most recent call last):
    ValueError: it is not UTF-8 text, see byte 4
    """
    try:
        text = (body.encode() if isinstance(body, str) else body).decode()
    except UnicodeEncodeError as error:
        raise ValueError(f"it has a lone surrogate, see character {error.start + 1}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text, see byte {error.start + 1}") from error
    if text.startswith("\ufeff"):
        raise ValueError("it starts with a byte order mark, which must not be there")
    return text


def strict_json_reader(
    *, integer: _Literal, other_number: _Literal, members: _Members, deepest: int
) -> Callable[[str], Any]:
    """Return what reads a text as `read_json` does, but makes of numbers and of objects what these do."""
    decode = json.JSONDecoder(
        object_pairs_hook=members, parse_constant=_no_number, parse_int=integer, parse_float=other_number
    ).decode

    def read(text: str) -> Any:
        # As many brackets as that are no deeper either, whatever they are: so most texts are spared the closer look.
        if text.count("[") + text.count("{") > deepest and _nesting(text) > deepest:
            raise ValueError(f"it is nested more than {deepest} levels deep")
        return decode(text)

    return read


def exact_number(literal: str) -> int | float:
    """Read a number with a fraction or an exponent: an integer exactly, as a rounded id would be somebody else's.

    >>> exact_number("9007199254740993.0"), exact_number("1e3"), exact_number("1e-400")
    (9007199254740993, 1000, 5e-324)
    """
    mantissa, _, exponent = literal.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).rstrip("0")
    zeros = _signed(exponent) + len(whole) - len(digits)
    if not digits.strip("-0"):
        return 0
    return _beside_integers(float(literal)) if zeros < 0 else _signed(digits + "0" * min(zeros, MOST_DIGITS))


def _signed(digits: str) -> int:
    return integer_literal(("-" if digits.startswith("-") else "") + (digits.lstrip("+-0") or "0"))


def _beside_integers(number: float) -> float:
    if not number.is_integer() and math.isfinite(number):
        return number
    near = max(-_LARGEST_BESIDE_A_FRACTION, min(number, _LARGEST_BESIDE_A_FRACTION))
    return math.nextafter(near, math.inf)


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        twice = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
        raise ValueError(f'the key "{printable(twice[:_LONGEST_SHOWN])}" is there twice in an object')
    return members


def _nesting(text: str) -> int:
    """Return how many arrays and objects stand in each other; of what is no JSON, up to where that shows."""
    deepest = depth = within_string = 0
    for chunk in _chunks(text):
        parts = chunk.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')
        brackets = b"".join(parts[within_string::2]).translate(None, _BUT_BRACKETS)
        within_string = (within_string + len(parts) - 1) % 2
        depths = [*accumulate((1 if bracket in _OPENING else -1 for bracket in brackets), initial=depth)]
        deepest, depth = max(deepest, *depths), depths[-1]
    return deepest


def _chunks(text: str) -> Iterator[bytes]:
    """Yield the text some at a time, and never a backslash without what it escapes."""
    start = 0
    while start < len(text):
        end = min(start + _CHUNK, len(text))
        while end < len(text) and text[end - 1] == "\\":
            end += 1
        yield text[start:end].encode("utf-8", "surrogatepass")
        start = end


_read: Final = strict_json_reader(
    integer=integer_literal, other_number=exact_number, members=_no_key_twice, deepest=DEEPEST
)
