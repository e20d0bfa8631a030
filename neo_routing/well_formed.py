"""What a single value must be: the limits of clause `request-shape`, for requests and directory rows alike.

Each function takes what the caller claims to be of the annotated type, whatever it is in truth, and returns
the plain value or raises `IllFormed`, whose words complete "this field …". None of them runs code of the value's own
class, nor of that class's class: an object may lie about its class, and a subclass may override any method.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final, TypeVar

from neo_routing.complaints import Complaint, IllFormed
from neo_routing.normal_forms import is_usable, normal_bot_id, normal_m365_tenant_id
from neo_routing.plain_text import plain_text

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
    neo_routing.complaints.IllFormed: must be valid Unicode without NUL or lone surrogates
    """
    if type(value) is not str:
        value = plain_text(value)
    if len(value) > longest:
        raise IllFormed(f"must be at most {longest} characters long", Complaint.TOO_LONG)
    if "\0" in value or not (value.isascii() or _is_encodable(value)):
        raise IllFormed("must be valid Unicode without NUL or lone surrogates", Complaint.NOT_TEXT)
    return value


def _is_encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def identifier(value: str) -> str:
    """Accept text that holds something besides white space.

    >>> identifier("  ")
    Traceback (most recent call last):
    neo_routing.complaints.IllFormed: must not be blank
    """
    return _not_blank(text(value))


def bot_id(value: str) -> str:
    """Accept a bot id in any spelling, and return its normal form."""
    return _usable(normal_bot_id(text(value)))


def m365_tenant_id(value: str) -> str:
    """Accept an M365 tenant id in any spelling, and return its normal form."""
    return _usable(normal_m365_tenant_id(text(value)))


def _not_blank(value: str) -> str:
    if not value.strip():
        raise blank()
    return value


def _usable(normal_form: str) -> str:
    if not is_usable(_not_blank(normal_form)):
        raise unusable()
    return normal_form


def blank() -> IllFormed:
    """Make the error of an id that nothing is left of."""
    return IllFormed("must not be blank", Complaint.BLANK)


def unusable() -> IllFormed:
    """Make the error of what no bot and no M365 tenant can have as its id."""
    return IllFormed(
        "must be a GUID, or a name of ASCII letters, digits, hyphens, dots and underscores", Complaint.UNUSABLE
    )


def integer(value: int) -> int:
    """Accept an integer as JSON Schema means it: 42 and 42.0 are one, `True` and "42" are not.

    One that is too long for Python to write down comes back as another that is no id either.

    >>> integer(42.0)
    42
    >>> integer(True)
    Traceback (most recent call last):
    neo_routing.complaints.IllFormed: must be an integer
    """
    kind = type(value)
    if kind is int and value.bit_length() <= BITS_OF_AN_ID:
        return value
    if issubclass(kind, int) and kind is not bool:
        return max(-BEYOND_ALL_IDS, min(int.__int__(value), BEYOND_ALL_IDS))
    if issubclass(kind, float) and float.is_integer(value):
        return float.__int__(value)
    raise IllFormed("must be an integer", Complaint.NOT_AN_INTEGER)


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
        raise IllFormed("must be an integer", Complaint.NOT_AN_INTEGER)
    if not 1 <= value <= LARGEST_AGENT_ID:
        raise IllFormed("must be from 1 to 2^63 - 1")
    return value


def boolean(value: bool) -> bool:
    """Accept `True` and `False`, and nothing that merely equals them."""
    if type(value) is not bool:
        raise IllFormed("must be true or false")
    return value


def members_of(kind: type[_Member]) -> Mapping[str, _Member]:
    """Return the members of an enumeration by the text that names each."""
    return {str(member): member for member in kind}


def member(value: _Member | str, members: Mapping[str, _Member]) -> _Member:
    """Accept a member of an enumeration, or the text that names one."""
    found = members.get(value if type(value) is str else plain_text(value))
    if found is None:
        raise IllFormed(f"must be {' or '.join(members)}", Complaint.UNKNOWN_KEY)
    return found


def m365_tenant_ids(values: Collection[str]) -> frozenset[str]:
    """Accept a list, tuple or set of M365 tenant ids; the same one twice, in any spelling, counts once."""
    return frozenset([m365_tenant_id(value) for value in collection(values)])


def collection(values: Collection[str]) -> Collection[str]:
    """Accept a list, a tuple or a set."""
    kind = type(values)
    # One by one: to look it up in a set would hash it, which is its own class's to do.
    if not (kind is list or kind is tuple or kind is set or kind is frozenset):
        raise IllFormed("must be a list")
    return values
