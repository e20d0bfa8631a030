"""The normal forms of version 2 of the rules, as they were when the tables came to hold them."""

from __future__ import annotations

import re
from typing import Final

# Without the flag ASCII, the long s and the Kelvin sign would be letters of a prefix too.
_PREFIX: Final = re.compile(r"28:(?:(?:gcch-global|dod-global|orgid|gcch|dod):)?", re.ASCII | re.IGNORECASE)
_GUID: Final = re.compile(r"([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})")
_USABLE: Final = re.compile(r"[a-z0-9._-]{1,256}")
_TO_ASCII_LOWER: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def usable_bot_id(stored: str) -> str | None:
    """Return the normal form of a bot id that stands in a table, or nothing if it is unusable.

    Version 1 took `28:` off and left what the clouds write behind it: `orgid:…` came from `28:orgid:…`.
    """
    return _usable(_normal_form(stored, bot=True)) or _usable(_normal_form(f"28:{stored}", bot=True))


def usable_m365_tenant_id(stored: str) -> str | None:
    """Return the normal form of an M365 tenant id that stands in a table, or nothing if it is unusable."""
    return _usable(_normal_form(stored, bot=False))


def _usable(normal_form: str) -> str | None:
    return normal_form if _USABLE.fullmatch(normal_form) else None


def _normal_form(spelling: str, *, bot: bool) -> str:
    bare = _without_wrapping(spelling, bot=bot).translate(_TO_ASCII_LOWER)
    guid = _GUID.fullmatch(bare.replace("-", ""))
    return "-".join(guid.groups()) if guid else bare


def _without_wrapping(spelling: str, *, bot: bool) -> str:
    before, bare = "", spelling
    while bare != before:
        before, bare = bare, bare.strip()
        if len(bare) > 1 and bare[0] == "{" and bare[-1] == "}":
            bare = bare[1:-1]
        elif bot and (prefix := _PREFIX.match(bare)):
            bare = bare[prefix.end() :]
    return bare
