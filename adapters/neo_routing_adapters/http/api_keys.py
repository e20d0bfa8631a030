"""API keys: how one is issued, and whose one is."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from attrs import field, frozen

from neo_routing import Caller
from neo_routing_adapters.http.causes import Cause
from neo_routing_adapters.http.key_store import KeyState, KeyStore, StoredKey, is_one_of
from neo_routing_adapters.http.key_text import environment_name, environment_of, new_key_text
from neo_routing_adapters.http.peppers import Peppers
from neo_routing_adapters.http.ports import AuthenticationUnavailable, Unauthenticated

_ID_BYTES: Final = 8
_CAUSES: Final = {KeyState.REVOKED: Cause.REVOKED_KEY, KeyState.EXPIRED: Cause.EXPIRED_KEY}


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


@frozen
class IssuedKey:
    """A new key, and what is to be stored of it. The text is nowhere else: whoever loses it needs another key."""

    text: str = field(repr=False)
    stored: StoredKey


def issue_key(
    caller: Caller,
    environment: str,
    peppers: Peppers,
    *,
    name: str = "",
    now: datetime,
    expires_at: datetime | None = None,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> IssuedKey:
    """Draw a key for a tenant or for the platform; nothing is stored yet.

    Raises `ValueError` for a dashboard user, and for what is no environment's name.
    """
    text, key_id = new_key_text(environment, random), random(_ID_BYTES).hex()
    stored = StoredKey(
        id=key_id,
        mac=peppers.mac(text),
        pepper_id=peppers.newest_id,
        environment=environment,
        caller=caller,
        name=name or key_id,
        created_at=now,
        expires_at=expires_at,
    )
    return IssuedKey(text, stored)


class ApiKeys:
    """Tells whose a key is, by asking the store each time."""

    def __init__(
        self, store: KeyStore, peppers: Peppers, *, environment: str, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._store = store
        self._peppers = peppers
        self._environment = environment_name(environment)
        self._now = now

    async def authenticate(self, text: str) -> Caller | Unauthenticated:
        """Return whose key it is. Raises `AuthenticationUnavailable`."""
        environment = environment_of(text)
        if environment is None:
            return Unauthenticated(Cause.MALFORMED_KEY)
        if environment != self._environment:
            return Unauthenticated(Cause.KEY_OF_ANOTHER_ENVIRONMENT)
        macs = self._peppers.macs(text)
        stored = await self._store.find(macs)
        return Unauthenticated(Cause.UNKNOWN_KEY) if stored is None else self._caller(stored, macs)

    def _caller(self, stored: StoredKey, macs: tuple[bytes, ...]) -> Caller | Unauthenticated:
        if not is_one_of(stored.mac, macs):
            raise AuthenticationUnavailable("the store of keys has answered another question")
        cause = _CAUSES.get(stored.state(self._now()))
        return stored.caller if cause is None else Unauthenticated(cause)
