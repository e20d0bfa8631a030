"""The call that creates a chat session, step by step, in the order in which errors apply."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from attrs import Attribute, Factory, field, frozen

from neo_routing import (
    Caller,
    Decision,
    PolicyEngine,
    Refusal,
    SessionDirectory,
    SessionRequest,
    SessionTarget,
    decision_record,
)
from neo_routing.decision import MadeDecision
from neo_routing_adapters.http.answers import (
    IDEMPOTENCY_KEY_IN_PROGRESS,
    IDEMPOTENCY_KEY_REUSED,
    Answer,
    Created,
    Refused,
    method_not_allowed,
    refused_by_rules,
)
from neo_routing_adapters.http.body import CallerGone, ReadBody, read_body
from neo_routing_adapters.http.call import AnsweredCall, Call
from neo_routing_adapters.http.creation import channel_name, new_session
from neo_routing_adapters.http.gate import Stranger, admitted
from neo_routing_adapters.http.idempotency import SHORTEST_SECRET, idempotency_key
from neo_routing_adapters.http.ports import (
    Authenticator,
    AwaitedDirectory,
    ChatSession,
    DecidedSession,
    IdempotencyKey,
    Identity,
    InProgress,
    KeyTaken,
    RateLimiter,
    SessionStore,
)
from neo_routing_adapters.http.session_ids import SessionIds

_ONLY_POST: Final = method_not_allowed("POST")


def _long_enough(_endpoint: object, attribute: Attribute[bytes], value: bytes) -> None:
    if not isinstance(value, bytes) or len(value) < SHORTEST_SECRET:
        raise ValueError(f"{attribute.name} must be at least {SHORTEST_SECRET} bytes, drawn at random")


def _now() -> datetime:
    return datetime.now(UTC)


@frozen(kw_only=True)
class Endpoint:
    """All that creates a session: who is let in, what decides, and where sessions are kept.

    `idempotency_secret` must be the same in all processes that share a store. Raises `ValueError` if it is shorter than
    32 bytes.
    """

    policy: PolicyEngine[AwaitedDirectory]
    authenticator: Authenticator
    sessions: SessionStore
    idempotency_secret: bytes = field(repr=False, validator=_long_enough)
    rate_limiter: RateLimiter | None = None
    channel_name: Callable[[Caller, SessionRequest, SessionTarget], str] = channel_name
    body_deadline: float = 10.0
    """In seconds, from when the caller was admitted."""
    on_answer: Callable[[AnsweredCall], None] | None = None
    """Is told of each answer before it is sent, and cannot change or fail it. It should hand over, and not wait."""
    now: Callable[[], datetime] = _now
    seconds: Callable[[], float] = time.perf_counter
    new_session_id: Callable[[], UUID] = Factory(SessionIds)
    new_request_id: Callable[[], UUID] = uuid4
    _in_progress: set[object] = field(init=False, factory=set, repr=False, eq=False)

    async def answer(self, call: Call) -> Answer | CallerGone:
        """Answer a call: the first error that applies, or the session. Raises what its parts raise."""
        if call.method != "POST":
            return _ONLY_POST
        identity = await self._identity(call)
        if not isinstance(identity, Identity):
            return identity
        body = await read_body(call.body, deadline=self.body_deadline)
        if not isinstance(body, ReadBody):
            return body
        now = self.now()
        key = idempotency_key(call.headers, identity, body.value, secret=self.idempotency_secret, now=now)
        if isinstance(key, Refused):
            return key
        return await self._stored(call, _Asked(identity.caller, body.value, key, now))

    async def _identity(self, call: Call) -> Identity | Refused:
        started = self.seconds()
        found = await admitted(call.headers, call.address, authenticator=self.authenticator, limiter=self.rate_limiter)
        call.timings_ms["authenticate"] = self._milliseconds(started)
        if isinstance(found, Stranger):
            call.cause = found.cause
            return found.refused
        if isinstance(found, Identity):
            call.caller = found.caller
        return found

    async def _stored(self, call: Call, asked: _Asked) -> Answer:
        started = self.seconds()
        found = await (self._made(call, asked) if asked.key is None else self._made_once(call, asked, asked.key))
        call.timings_ms["store"] = round(self._milliseconds(started) - call.timings_ms.get("decide", 0.0), 3)
        return _answer(found)

    async def _made_once(self, call: Call, asked: _Asked, key: IdempotencyKey) -> DecidedSession | Refusal | KeyTaken:
        # Of this event loop: another's may be that of a parent, whose calls never end in its forked child.
        in_progress = asyncio.get_running_loop(), key.scope
        if in_progress in self._in_progress:
            return await self.sessions.find(key) or InProgress()
        self._in_progress.add(in_progress)
        try:
            return await self._made(call, asked)
        finally:
            self._in_progress.remove(in_progress)

    async def _made(self, call: Call, asked: _Asked) -> DecidedSession | Refusal | KeyTaken:
        if self.sessions.has_directory:
            return await self.sessions.keep(partial(self._decided_within, call, asked), asked.key)
        return await self._decided_before(call, asked)

    def _decided_within(
        self, call: Call, asked: _Asked, directory: SessionDirectory | None
    ) -> DecidedSession | Refusal:
        assert directory is not None, "a store that has a directory decides on it"
        started = self.seconds()
        decision = self.policy.within(directory).decide(asked.caller, asked.body)
        call.timings_ms["decide"] = self._milliseconds(started)
        return self._decided(call, asked, decision)

    async def _decided_before(self, call: Call, asked: _Asked) -> DecidedSession | Refusal | KeyTaken:
        found = None if asked.key is None else await self.sessions.find(asked.key)
        if found is not None:
            return found
        started = self.seconds()
        decision = await self.policy.adecide(asked.caller, asked.body)
        call.timings_ms["decide"] = self._milliseconds(started)
        decided = self._decided(call, asked, decision)
        if isinstance(decided, Refusal):
            return decided
        return await self.sessions.keep(lambda _directory: decided, asked.key)

    def _decided(self, call: Call, asked: _Asked, decision: Decision) -> DecidedSession | Refusal:
        target, refusal = decision.target, decision.refusal
        if refusal is not None:
            return refusal
        assert target is not None and isinstance(decision, MadeDecision), "what is not refused was decided here"  # noqa: PT018
        session = new_session(
            target,
            id=self.new_session_id(),
            title=decision.request.title,
            channel=self.channel_name(asked.caller, decision.request, target),
            warnings=decision.warnings,
            now=asked.now,
        )
        record = decision_record(
            decision, id=call.request_id, time=asked.now, caller=asked.caller, request=decision.request
        )
        return DecidedSession(session, record)

    def _milliseconds(self, started: float) -> float:
        return round((self.seconds() - started) * 1000, 3)


@frozen
class _Asked:
    """What an admitted caller asks for, read and with its key."""

    caller: Caller
    body: object
    key: IdempotencyKey | None
    now: datetime


def _answer(found: DecidedSession | Refusal | KeyTaken) -> Refused | Created:
    if isinstance(found, DecidedSession):
        target = found.record.decision.target
        return Created(session=found.session, outcome=None if target is None else target.outcome)
    if isinstance(found, Refusal):
        return refused_by_rules(found)
    if isinstance(found, ChatSession):
        return Created(session=found, outcome=None)
    return IDEMPOTENCY_KEY_IN_PROGRESS if isinstance(found, InProgress) else IDEMPOTENCY_KEY_REUSED
