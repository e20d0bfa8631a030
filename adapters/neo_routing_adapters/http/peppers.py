"""The secrets under which API keys are found: without one, what is stored of a key tells nothing."""

from __future__ import annotations

import hmac
from typing import Final

from attrs import field, frozen

_FEWEST_BYTES: Final = 32


def _usable(values: tuple[bytes, ...]) -> tuple[bytes, ...]:
    peppers = tuple(map(bytes, values))
    if not peppers:
        raise ValueError("there must be a pepper")
    if any(len(pepper) < _FEWEST_BYTES for pepper in peppers):
        raise ValueError(f"a pepper has at least {_FEWEST_BYTES} bytes")
    if len(set(peppers)) < len(peppers):
        raise ValueError("the peppers must differ")
    return peppers


@frozen
class Peppers:
    """One or more peppers: new keys are made under the first, and keys are found under each.

    To change the pepper, put a new one first, rotate the keys that were made under the old one, and take that one away;
    `neo-routing keys list --json` tells which keys these are. Raises `ValueError` for none, for a short one, and for
    the same one twice.

    >>> Peppers([bytes(32), b"x" * 32])
    Peppers()
    """

    values: tuple[bytes, ...] = field(converter=_usable, repr=False)

    def mac(self, key_text: str) -> bytes:
        """Return what is stored of a new key."""
        return _mac(self.values[0], key_text)

    def macs(self, key_text: str) -> tuple[bytes, ...]:
        """Return under what a key may be stored."""
        return tuple(_mac(pepper, key_text) for pepper in self.values)

    @property
    def newest_id(self) -> str:
        """A name of the first pepper, which tells nothing of it."""
        return _mac(self.values[0], "the name of this pepper").hex()[:8]


def _mac(pepper: bytes, text: str) -> bytes:
    return hmac.digest(pepper, text.encode(), "sha256")


def read_peppers(text: str) -> Peppers:
    """Read peppers in hexadecimal digits, newest first, with white space or commas between. Raises `ValueError`.

    No message holds any of what was read.

    >>> read_peppers("00" * 32 + ", " + "01" * 32)
    Peppers()
    """
    try:
        values = tuple(map(bytes.fromhex, text.replace(",", " ").split()))
    except ValueError:
        raise ValueError("a pepper is written in hexadecimal digits") from None
    return Peppers(values)
