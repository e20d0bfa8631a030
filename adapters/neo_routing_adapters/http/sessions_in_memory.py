"""Sessions in memory: for tests and for trying out. They end with the process."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from uuid import UUID

from neo_routing import Refusal
from neo_routing_adapters.http.ports import ChatSession, DecidedSession, Deciding, IdempotencyKey, Kept, OtherBody


class MemorySessions:
    """A store that holds everything in memory, for one event loop. Expired keys are forgotten, sessions are not."""

    has_directory = False

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._kept: dict[UUID, DecidedSession] = {}
        self._keys: dict[tuple[object, ...], tuple[IdempotencyKey, UUID]] = {}

    @property
    def kept(self) -> Mapping[UUID, DecidedSession]:
        """All sessions, in the order in which they were kept."""
        return MappingProxyType(self._kept)

    async def find(self, key: IdempotencyKey, /) -> ChatSession | OtherBody | None:
        """Tell what is stored under a key."""
        self._forget_expired()
        if key.scope not in self._keys:
            return None
        stored, session_id = self._keys[key.scope]
        same = hmac.compare_digest(stored.body_mac, key.body_mac)
        return self._kept[session_id].session if same else OtherBody()

    async def keep(self, decide: Deciding, key: IdempotencyKey | None, /) -> Kept:
        """Decide and keep, while nothing else happens. Raises `ValueError` for an id that is there already."""
        found = None if key is None else await self.find(key)
        if found is not None:
            return found
        decided = decide(None)
        if isinstance(decided, Refusal):
            return decided
        if decided.session.id in self._kept:
            raise ValueError("there is a session with this id")
        self._kept[decided.session.id] = decided
        if key is not None:
            self._keys[key.scope] = key, decided.session.id
        return decided

    def _forget_expired(self) -> None:
        now = self._now()
        while self._keys:
            oldest = next(iter(self._keys))
            if self._keys[oldest][0].expires_at > now:
                return
            del self._keys[oldest]
