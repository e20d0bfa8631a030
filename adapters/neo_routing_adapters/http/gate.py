"""Who may go on: the caller is told from the headers of a call, and has not called too often."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from neo_routing_adapters.http.answers import UNAUTHENTICATED, Refused, rate_limited
from neo_routing_adapters.http.ports import Authenticator, Identity, RateLimiter, Unauthenticated


@frozen
class Stranger:
    """Who could not be authenticated, and the cause for the log."""

    refused: Refused
    cause: str


async def admitted(
    headers: Mapping[str, str], address: str | None, *, authenticator: Authenticator, limiter: RateLimiter | None
) -> Identity | Refused | Stranger:
    """Tell who calls, unless that is nobody we know, or somebody who has to wait.

    Where the address of a connection is not known, failures are not counted by it. Raises `AuthenticationUnavailable`
    and `RateLimitUnavailable`.
    """
    if limiter is not None and address is not None:
        seconds = await limiter.blocked(address)
        if seconds is not None:
            return rate_limited(seconds)
    found = await authenticator.authenticate(headers)
    if isinstance(found, Unauthenticated):
        if limiter is not None and address is not None:
            await limiter.failed(address)
        return Stranger(UNAUTHENTICATED, found.cause)
    identity = found if isinstance(found, Identity) else Identity(caller=found)
    seconds = None if limiter is None else await limiter.hit(identity.caller)
    return identity if seconds is None else rate_limited(seconds)
