"""A call while it is being answered, and what is told of it once it has been."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from attrs import define, field, frozen
from starlette.types import Receive

from neo_routing import Caller, Outcome, WarningCode
from neo_routing_adapters.http.incoming import Incoming, incoming


@define(eq=False)
class Call:
    """One request of HTTP, and what has been found out of it so far."""

    request_id: str
    method: str
    headers: Mapping[str, str]
    """By names in lower case; what came more than once is joined with commas."""
    address: str | None
    """The address that the connection comes from, as the server has it."""
    body: Incoming
    caller: Caller | None = None
    cause: str = ""
    timings_ms: dict[str, float] = field(factory=dict)


@frozen(kw_only=True)
class AnsweredCall:
    """What is told of a call: no header, nothing of the body, no title, and of its path only where it led."""

    request_id: str
    method: str
    route: str
    """The path of the contract that it led to; empty for any other."""
    address: str | None
    status: int
    code: str | None
    """The error's code, or `None` if there is a session."""
    cause: str
    """Why the caller was not authenticated; empty if it was, or if nobody asked."""
    caller: Caller | None
    session_id: UUID | None
    outcome: Outcome | None
    """The outcome of the decision; `None` for an error, and for a session that is answered with again."""
    warnings: tuple[WarningCode, ...]
    timings_ms: Mapping[str, float]
    took_ms: float
    """From the head of the request until its answer was there; the rest of a body that nobody reads is not in it."""
    error: Exception | None
    """What went wrong on our side. It may quote what a caller sent: think before it is written anywhere."""


def call_of(scope: Mapping[str, Any], receive: Receive, request_id: str) -> Call:
    """Return the call that an ASGI server tells of."""
    client = scope.get("client")
    address = str(client[0]) if client else ""
    body = incoming(scope, receive)
    return Call(request_id, scope["method"], body.headers, address or None, body)
