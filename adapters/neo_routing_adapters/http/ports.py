"""What the endpoint asks of others: who calls, whether they may call so often, and where sessions are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol, TypeAlias
from uuid import UUID

from attrs import field, frozen

from neo_routing import (
    AsyncSessionDirectory,
    Caller,
    CallerKind,
    DecisionRecord,
    HoldingDirectory,
    Refusal,
    SessionDirectory,
    WarningCode,
)

AwaitedDirectory: TypeAlias = AsyncSessionDirectory | HoldingDirectory
"""What an event loop can decide on: a directory that is awaited, or one that never waits."""


@frozen
class Unauthenticated:
    """Nobody that we know. The answer is the same for every cause."""

    cause: str = ""
    """Why, as one of a closed set of names: for logs and numbers, never for the answer."""


@frozen(kw_only=True)
class Identity:
    """A caller, and which of the tenant's users it is."""

    caller: Caller
    user_id: str | None = None
    """What tells a user from the tenant's others for good (`oid` of Microsoft Entra ID); `None` for who is no user."""


class AuthenticationUnavailable(Exception):
    """Whoever knows the callers cannot be asked: the key store, or the keys that tokens are signed with.

    Its message holds no text of a driver; the driver's error is its `__cause__`.
    """

    def __init__(self, message: str = "Callers cannot be authenticated at the moment.") -> None:
        super().__init__(message)


class Authenticator(Protocol):
    """Tells who calls."""

    async def authenticate(self, headers: Mapping[str, str], /) -> Caller | Identity | Unauthenticated:
        """Tell who sends these headers, whose names are in lower case. Raises `AuthenticationUnavailable`.

        A header that came more than once is there once, its values joined with a comma, as RFC 9110 has it.
        """
        ...


class RateLimitUnavailable(Exception):
    """Nobody can tell how often a caller has called, and whoever set that up wants no call to pass then."""

    def __init__(self, message: str = "Calls cannot be counted at the moment.") -> None:
        super().__init__(message)


class RateLimiter(Protocol):
    """Counts calls of callers, and failed authentications of addresses. Each may raise `RateLimitUnavailable`."""

    async def hit(self, caller: Caller, /) -> float | None:
        """Count a call, and return the seconds to wait if it is one too many, or `None` if it may pass."""
        ...

    async def blocked(self, address: str, /) -> float | None:
        """Return the seconds until calls from this address are looked at again, or `None` if they are. Counts nothing.

        It is asked before each authentication.
        """
        ...

    async def failed(self, address: str, /) -> None:
        """Count an authentication from this address that failed."""
        ...


@frozen(kw_only=True)
class ChatSession:
    """A session as it is kept. All times know their zone.

    The end-company is kept with it, and never in an answer: what the agent reads for the session must be that
    company's.
    """

    id: UUID
    """Of version 7."""
    tenant_id: str
    """The acting tenant, `client_id` in the HTTP contract."""
    agent_id: int
    title: str | None
    channel: str
    """The way in: `teams`, `dashboard`, `api`, or a name of the host's."""
    channel_id: str | None
    """The channel of the directory, if it came in by one."""
    end_company_id: str | None
    show_agent_progress_steps: bool | None
    warnings: tuple[WarningCode, ...] = ()
    """Those of the decision; a replay has them again."""
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None


@frozen(kw_only=True)
class IdempotencyKey:
    """An `Idempotency-Key` with all that tells it from the same text of somebody else, and the body it came with."""

    key: str
    caller_kind: CallerKind
    tenant_id: str
    """The caller's home tenant."""
    user_id: str | None
    """Of a user, who else would get another user's session; `None` for any other caller."""
    body_mac: bytes = field(repr=False)
    """The HMAC-SHA-256 of the body as it was read."""
    expires_at: datetime
    """When the key is forgotten; it knows its zone."""

    @property
    def scope(self) -> tuple[CallerKind, str, str | None, str]:
        """What tells it from all others, with whatever body."""
        return self.caller_kind, self.tenant_id, self.user_id, self.key


class SessionStoreUnavailable(Exception):
    """Sessions cannot be read or kept. Whether this one was kept is not known if its transaction was being committed.

    Its message holds no text of a driver; the driver's error is its `__cause__`.
    """

    def __init__(self, message: str = "Sessions cannot be kept at the moment.") -> None:
        super().__init__(message)


@frozen
class InProgress:
    """Another call has the key, and has not ended."""


@frozen
class OtherBody:
    """The key was used with another body."""


KeyTaken: TypeAlias = ChatSession | InProgress | OtherBody
"""What a key that is not free leads to: the session that is stored under it, or why there is none."""


@frozen
class DecidedSession:
    """A session, and the record of the decision that led there."""

    session: ChatSession
    record: DecisionRecord


Deciding: TypeAlias = Callable[[SessionDirectory | None], DecidedSession | Refusal]
"""What decides, on the directory within a transaction if there is one."""

Kept: TypeAlias = DecidedSession | Refusal | KeyTaken
"""What comes of a call: the session that was decided, the refusal, or what its key leads to."""


class SessionStore(Protocol):
    """Keeps sessions, each with the record of its decision and the key that it was asked for with.

    All of it may raise `SessionStoreUnavailable`, and never waits for a key that somebody else has.
    """

    @property
    def has_directory(self) -> bool:
        """Whether `keep` has a directory to decide on, and so promises that no session is on a state that is gone.

        Else the decision comes before it, on the application's own directory, and `find` before that.
        """
        ...

    async def find(self, key: IdempotencyKey, /) -> ChatSession | OtherBody | None:
        """Tell what is stored under a key, and do not take it: whoever has it goes on."""
        ...

    async def keep(self, decide: Deciding, key: IdempotencyKey | None, /) -> Kept:
        """Take the key, decide, and keep the session, in one transaction: all of it, or nothing.

        Only if the key is free is `decide` called, once, on the directory within the transaction; it may be in another
        thread. A refusal leaves nothing, and neither does what `decide` raises, which is raised from here.
        """
        ...
