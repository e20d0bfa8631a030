"""One spelling for each bot and each M365 tenant.

Where a spelling is not recognised, the rules go on to a step that sees more. So what a request says and what a
directory holds pass through the same functions before they are compared, and what cannot be an id at all is refused.
The ids of tenants have one spelling only.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from neo_routing.plain_text import plain_text

WIRE_PREFIXES: Final = ("28:gcch-global:", "28:dod-global:", "28:orgid:", "28:gcch:", "28:dod:", "28:")
"""What Teams puts before a bot id on the wire, in one cloud or another; the longest that fits comes first."""

_is_wire_prefix: Final = re.compile("|".join(WIRE_PREFIXES), re.ASCII | re.IGNORECASE).match
_are_digits_of_a_guid: Final = re.compile("[0-9a-fA-F]{32}").fullmatch
_holds_an_id: Final = re.compile("[a-z0-9._-]+").fullmatch
_TO_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def normal_bot_id(bot_id: str) -> str:
    """Return the bot id in normal form; the empty string if nothing is left of it.

    >>> normal_bot_id(" 28:orgid:{6F0C2E7A51B84D0C9A3E7D1F2B3C4D5E} ")
    '6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e'
    >>> normal_bot_id("28: {}")
    ''
    """
    return _normal_form(plain_text(bot_id), True)


def normal_m365_tenant_id(m365_tenant_id: str) -> str:
    """Return the M365 tenant id in normal form; the empty string if nothing is left of it.

    >>> normal_m365_tenant_id("{9B1D04E2-77C5-4E7B-8A50-3C1F0E9D2B6A}")
    '9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a'
    >>> normal_m365_tenant_id("Contoso.Example")
    'contoso.example'
    """
    return _normal_form(plain_text(m365_tenant_id), False)


def is_usable(normal_form: str) -> bool:
    """Tell whether a normal form can be the id of a bot or an M365 tenant; no directory has another one.

    >>> is_usable("contoso.example"), is_usable('"contoso.example"'), is_usable("")
    (True, False, False)
    """
    return _holds_an_id(normal_form) is not None


@lru_cache(maxsize=1024)  # bots are few, and each stands in very many requests and rows
def _normal_form(spelling: str, may_have_wire_prefix: bool) -> str:
    bare = _without_wrapping(spelling, may_have_wire_prefix)
    digits = bare.replace("-", "")
    if _are_digits_of_a_guid(digits):
        digits = digits.lower()
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    return bare.translate(_TO_ASCII_LOWER)


def _without_wrapping(spelling: str, may_have_wire_prefix: bool) -> str:
    start, end = 0, len(spelling)
    while True:
        while start < end and spelling[start].isspace():
            start += 1
        while start < end and spelling[end - 1].isspace():
            end -= 1
        if end - start > 1 and spelling[start] == "{" and spelling[end - 1] == "}":
            start, end = start + 1, end - 1
        elif may_have_wire_prefix and (prefix := _is_wire_prefix(spelling, start, end)):
            start = prefix.end()
        else:
            return spelling[start:end]
