"""Sessions in memory: for tests and for trying out. They end with the process."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType, TracebackType
from typing import Self, TypeAlias
from uuid import UUID

from attrs import frozen

from neo_routing import CallerKind, DecisionRecord
from neo_routing_adapters.http.ports import (
    AwaitedDirectory,
    ChatSession,
    Claimed,
    IdempotencyKey,
    InProgress,
    OtherBody,
)

_Scope: TypeAlias = tuple[CallerKind, str, str | None, str]


@frozen
class KeptSession:
    """A session, and the record of the decision that led there."""

    session: ChatSession
    record: DecisionRecord


class MemorySessions:
    """A store that holds everything in memory, for one event loop. Expired keys are forgotten, sessions are not."""

    def __init__(self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._now = now
        self._kept: dict[UUID, KeptSession] = {}
        self._keys: dict[_Scope, tuple[IdempotencyKey, UUID]] = {}
        self._in_progress: set[_Scope] = set()

    @property
    def kept(self) -> Mapping[UUID, KeptSession]:
        """All sessions, in the order in which they were kept."""
        return MappingProxyType(self._kept)

    def transaction(self) -> MemoryTransaction:
        """Begin a transaction."""
        return MemoryTransaction(self)

    def _claim(self, key: IdempotencyKey) -> ChatSession | Claimed | InProgress | OtherBody:
        self._forget_expired()
        scope = _scope(key)
        if scope in self._in_progress:
            return InProgress()
        if scope not in self._keys:
            self._in_progress.add(scope)
            return Claimed()
        stored, session_id = self._keys[scope]
        same = hmac.compare_digest(stored.body_mac, key.body_mac)
        return self._kept[session_id].session if same else OtherBody()

    def _keep(self, kept: KeptSession, key: IdempotencyKey | None) -> None:
        if kept.session.id in self._kept:
            raise ValueError("there is a session with this id")
        self._kept[kept.session.id] = kept
        if key is not None:
            self._keys[_scope(key)] = key, kept.session.id

    def _forget_expired(self) -> None:
        now = self._now()
        while self._keys:
            oldest = next(iter(self._keys))
            if self._keys[oldest][0].expires_at > now:
                return
            del self._keys[oldest]


class MemoryTransaction:
    """A transaction of `MemorySessions`: what is added is kept when it ends, and a key is claimed until then."""

    directory: AwaitedDirectory | None = None

    def __init__(self, sessions: MemorySessions) -> None:
        self._sessions = sessions
        self._claimed: set[_Scope] = set()
        self._added: list[tuple[KeptSession, IdempotencyKey | None]] = []

    async def claim(self, key: IdempotencyKey, /) -> ChatSession | Claimed | InProgress | OtherBody:
        """Take a key, unless it is somebody's or was used."""
        found = self._sessions._claim(key)  # noqa: SLF001  # of one module
        if isinstance(found, Claimed):
            self._claimed.add(_scope(key))
        return found

    async def add(self, session: ChatSession, record: DecisionRecord, key: IdempotencyKey | None, /) -> None:
        """Keep a session when the transaction ends. Raises `ValueError` for a key that was not claimed."""
        if key is not None and _scope(key) not in self._claimed:
            raise ValueError("the key was not claimed in this transaction")
        self._added.append((KeptSession(session, record), key))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._sessions._in_progress -= self._claimed  # noqa: SLF001
        if error is None:
            for kept, key in self._added:
                self._sessions._keep(kept, key)  # noqa: SLF001


def _scope(key: IdempotencyKey) -> _Scope:
    return key.caller_kind, key.tenant_id, key.user_id, key.key
