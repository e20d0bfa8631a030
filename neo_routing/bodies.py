"""From the body of a call to a decision: parse it, and decide what it asks for or say what is wrong with it."""

from __future__ import annotations

from returns.result import Failure

from neo_routing.caller import Caller
from neo_routing.decide import adecide, decide
from neo_routing.decision import Decision, malformed_decision
from neo_routing.port import AsyncSessionDirectory, HoldingDirectory, SessionDirectory
from neo_routing.request import SessionRequest
from neo_routing.request_shape import parse_session_request


def decide_body(caller: Caller, body: object, directory: SessionDirectory) -> Decision:
    """Decide the body of a call as it came, whatever it is; a malformed one is a decision too.

    It is `decide` behind `parse_session_request`, with `malformed_decision` where that refuses. Raises what the
    directory raises, `DirectoryUnavailable` above all.

    >>> from neo_routing import Agent, AgentKind, CallerKind, HeldRows, Tenant, content_of
    >>> agent = Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL)
    >>> directory = HeldRows(content_of(tenants=[Tenant(id="msp-a")], agents=[agent]))
    >>> user = Caller(CallerKind.USER, "msp-a")
    >>> decide_body(user, {"agent_id": 12}, directory).target.tenant_id
    'msp-a'
    >>> decide_body(user, "agent 12, please", directory).refusal.fields
    ('request',)
    """
    asked = asked_for(caller, body)
    return asked if isinstance(asked, Decision) else decide(caller, asked, directory)


async def adecide_body(caller: Caller, body: object, directory: AsyncSessionDirectory | HoldingDirectory) -> Decision:
    """Decide as `decide_body` does, and await the directory, unless that holds its rows itself.

    >>> import asyncio
    >>> from neo_routing import CallerKind, HeldRows, content_of
    >>> user, empty = Caller(CallerKind.USER, "msp-a"), HeldRows(content_of())
    >>> [asyncio.run(adecide_body(user, body, empty)).refusal.status for body in ({"agent_id": 12}, None)]
    [404, 422]
    """
    asked = asked_for(caller, body)
    return asked if isinstance(asked, Decision) else await adecide(caller, asked, directory)


def asked_for(caller: Caller, body: object) -> SessionRequest | Decision:
    """Return the request that a body makes, or the decision on a malformed one. Raises `TypeError` on misuse."""
    parsed = parse_session_request(body)
    if not isinstance(parsed, Failure):
        return parsed.unwrap()
    if not isinstance(caller, Caller):
        raise TypeError(f"the caller must be a Caller, and not {type(caller).__name__}")
    if type(body) is SessionRequest:
        raise TypeError("the body must be as it came, and not a SessionRequest: decide takes one of those")
    return malformed_decision(parsed.failure())
