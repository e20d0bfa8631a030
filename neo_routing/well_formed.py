"""What a single value must be: the limits of clause `request-shape`, for requests and directory rows alike.

Each function takes what the caller claims to be of the annotated type, whatever it is in truth, and returns
the plain value or raises `ValueError`, whose message completes "this field …". None of them runs code of the
value's own class: an object may lie about its class, and a subclass may override any method.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final, TypeVar

from neo_routing.normal_forms import normal_bot_id, normal_m365_tenant_id

LONGEST_ID: Final = 256
LONGEST_TITLE: Final = 500
LARGEST_AGENT_ID: Final = 2**63 - 1
BITS_OF_AN_ID: Final = 63
BEYOND_ALL_IDS: Final = 10**600
"""What stands for integers that are larger still: Python may refuse to write or to read more than 640 digits."""
MOST_DIGITS: Final = len(str(BEYOND_ALL_IDS)) - 1

_Member = TypeVar("_Member", bound=StrEnum)


def text(value: str, longest: int = LONGEST_ID) -> str:
    r"""Accept valid Unicode of at most so many code points, without NUL or lone surrogates.

    >>> text("MSP A")
    'MSP A'
    >>> text("MSP\0A")
    Traceback (most recent call last):
    ValueError: must be valid Unicode without NUL or lone surrogates
    """
    if type(value) is not str:
        value = plain_text(value)
    if len(value) > longest:
        raise ValueError(f"must be at most {longest} characters long")
    if "\0" in value or not (value.isascii() or _is_encodable(value)):
        raise ValueError("must be valid Unicode without NUL or lone surrogates")
    return value


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain_text(value: str) -> str:
    """Accept text of any content and length.

    >>> plain_text(b"MSP A")
    Traceback (most recent call last):
    ValueError: must be a string
    """
    if issubclass(type(value), str):
        return str.__str__(value)
    raise ValueError("must be a string")


def identifier(value: str) -> str:
    """Accept text that holds something besides white space.

    >>> identifier("  ")
    Traceback (most recent call last):
    ValueError: must not be blank
    """
    return _not_blank(text(value))


def bot_id(value: str) -> str:
    """Accept a bot id in any spelling, and return its normal form."""
    return _not_blank(normal_bot_id(text(value)))


def m365_tenant_id(value: str) -> str:
    """Accept an M365 tenant id in any spelling, and return its normal form."""
    return _not_blank(normal_m365_tenant_id(text(value)))


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


def integer(value: int) -> int:
    """Accept an integer as JSON Schema means it: 42 and 42.0 are one, `True` and "42" are not.

    One that is too long for Python to write down comes back as another that is no id either.

    >>> integer(42.0)
    42
    >>> integer(True)
    Traceback (most recent call last):
    ValueError: must be an integer
    """
    kind = type(value)
    if issubclass(kind, int) and kind is not bool:
        return max(-BEYOND_ALL_IDS, min(int.__int__(value), BEYOND_ALL_IDS))
    if issubclass(kind, float) and float.is_integer(value):
        return float.__int__(value)
    raise ValueError("must be an integer")


def integer_literal(literal: str) -> int:
    """Read an integer of any length, written in digits with a minus sign or none, with the limits of `integer`.

    >>> integer_literal("-42"), integer_literal("9" * 5000) == BEYOND_ALL_IDS
    (-42, True)
    """
    if len(literal.lstrip("-")) <= MOST_DIGITS:
        return int(literal)
    return -BEYOND_ALL_IDS if literal.startswith("-") else BEYOND_ALL_IDS


def agent_id(value: int) -> int:
    """Accept the id of an agent that can be stored: a Python integer from 1 to 2^63 - 1."""
    if type(value) is not int:
        raise ValueError("must be an integer")
    if not 1 <= value <= LARGEST_AGENT_ID:
        raise ValueError("must be from 1 to 2^63 - 1")
    return value


def boolean(value: bool) -> bool:
    """Accept `True` and `False`, and nothing that merely equals them."""
    if type(value) is not bool:
        raise ValueError("must be true or false")
    return value


def members_of(kind: type[_Member]) -> Mapping[str, _Member]:
    """Return the members of an enumeration by the text that names each."""
    return {str(member): member for member in kind}


def member(value: _Member | str, members: Mapping[str, _Member]) -> _Member:
    """Accept a member of an enumeration, or the text that names one."""
    found = members.get(value if type(value) is str else plain_text(value))
    if found is None:
        raise ValueError(f"must be {' or '.join(members)}")
    return found


def m365_tenant_ids(values: Collection[str]) -> frozenset[str]:
    """Accept a list, tuple or set of M365 tenant ids; the same one twice, in any spelling, counts once."""
    return frozenset([m365_tenant_id(value) for value in collection(values)])


def collection(values: Collection[str]) -> Collection[str]:
    """Accept a list, a tuple or a set."""
    if type(values) not in {list, tuple, set, frozenset}:
        raise ValueError("must be a list")
    return values
