"""What is kept of an API key, and the port by which it is found."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

import attrs
from attrs import field, frozen

from neo_routing import Caller, CallerKind
from neo_routing.names import Name


class KeyState(Name):
    """Whether a key opens anything."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


def _no_user(_key: object, _attribute: object, caller: Caller) -> None:
    if caller.kind is CallerKind.USER:
        raise ValueError("a dashboard user has no API key")


@frozen(kw_only=True)
class StoredKey:
    """A key without its secret: whose it is, and until when it is good.

    Raises `ValueError` for a dashboard user's: users have tokens.
    """

    id: str
    mac: bytes = field(repr=False)
    pepper_id: str
    environment: str
    caller: Caller = field(validator=_no_user)
    name: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, now: datetime) -> KeyState:
        """Return whether it is good now."""
        if self.revoked_at is not None:
            return KeyState.REVOKED
        return KeyState.EXPIRED if self.expires_at is not None and self.expires_at <= now else KeyState.ACTIVE


class KeyStore(Protocol):
    """Where keys are found, each time anew: what is remembered of a key would outlive its revocation."""

    async def find(self, macs: Collection[bytes]) -> StoredKey | None:
        """Return the key that is stored under one of these, whatever its state, or nothing if none is.

        Raises `AuthenticationUnavailable` if that cannot be told.
        """
        ...


class MemoryKeyStore:
    """Keys in memory, for tests and trials."""

    def __init__(self, keys: Iterable[StoredKey] = ()) -> None:
        self._keys = {key.id: key for key in keys}

    def add(self, key: StoredKey) -> None:
        """Keep a key."""
        self._keys[key.id] = key

    def revoke(self, key_id: str, now: datetime) -> None:
        """Let a key open nothing any more. Raises `KeyError` if there is none."""
        self._keys[key_id] = attrs.evolve(self._keys[key_id], revoked_at=now)

    async def find(self, macs: Collection[bytes]) -> StoredKey | None:
        """Return the key that is stored under one of these."""
        return next((key for key in self._keys.values() if is_one_of(key.mac, macs)), None)


def is_one_of(mac: bytes, macs: Collection[bytes]) -> bool:
    """Tell whether it is one of these, in a time that does not tell where it differs."""
    return any(hmac.compare_digest(mac, one) for one in macs)
