"""One spelling for each bot and each M365 tenant.

Where a spelling is not recognised, the rules go on to a step that sees more. So what a request says and what a
directory holds pass through the same functions before they are compared. The ids of tenants have one spelling only.
"""

from __future__ import annotations

import re
from functools import lru_cache

_GUID = r"([0-9a-f]{8})(-?)([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{4})\2([0-9a-f]{12})"
_TO_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}

WIRE_PREFIX = "28:"
"""What Teams puts before a bot id on the wire."""


def normal_bot_id(bot_id: str) -> str:
    """Return the bot id in normal form; the empty string if nothing is left of it.

    >>> normal_bot_id(" 28:{6F0C2E7A51B84D0C9A3E7D1F2B3C4D5E} ")
    '6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e'
    >>> normal_bot_id("28: {}")
    ''
    """
    return _normal_form(bot_id, WIRE_PREFIX)


def normal_m365_tenant_id(m365_tenant_id: str) -> str:
    """Return the M365 tenant id in normal form; the empty string if nothing is left of it.

    >>> normal_m365_tenant_id("{9B1D04E2-77C5-4E7B-8A50-3C1F0E9D2B6A}")
    '9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a'
    >>> normal_m365_tenant_id("Contoso.Example")
    'contoso.example'
    """
    return _normal_form(m365_tenant_id, None)


@lru_cache(maxsize=1024)  # bots are few, and each stands in very many requests and rows
def _normal_form(spelling: str, prefix: str | None) -> str:
    bare = _without_wrapping(spelling, prefix).translate(_TO_ASCII_LOWER)
    guid = re.fullmatch(_GUID, bare)
    return "-".join(guid.group(1, 3, 4, 5, 6)) if guid else bare


def _without_wrapping(spelling: str, prefix: str | None) -> str:
    start, end = 0, len(spelling)
    while True:
        while start < end and spelling[start].isspace():
            start += 1
        while start < end and spelling[end - 1].isspace():
            end -= 1
        if end - start > 1 and spelling[start] == "{" and spelling[end - 1] == "}":
            start, end = start + 1, end - 1
        elif prefix is not None and spelling.startswith(prefix, start, end):
            start += len(prefix)
        else:
            return spelling[start:end]
