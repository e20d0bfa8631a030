"""Requests made of ids that a directory has: they are in normal form already, so nothing has to be read."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from neo_routing.caller import Caller, CallerKind
from neo_routing.directory import ManagedAgentKey
from neo_routing.request import RequestDraft, SessionRequest
from neo_routing.shape import HAS_BOT_ID, HAS_CLIENT_ID, HAS_M365_TENANT_ID, HAS_MANAGED_AGENT_KEY

_NEO_SUPPORT: Final = ManagedAgentKey.NEO_SUPPORT


def asked(client_id: str | None, bot_id: str | None, m365_tenant_id: str | None) -> SessionRequest:
    """Return what the platform asks for with these ids, which must be in normal form and usable.

    To build a `SessionRequest` of them would read each again, and take longer than to decide on it.

    >>> asked("msp-a", "helpdesk", None) == SessionRequest(
    ...     managed_agent_key=ManagedAgentKey.NEO_SUPPORT, client_id="msp-a", bot_id="helpdesk"
    ... )
    True
    """
    shape = HAS_MANAGED_AGENT_KEY
    if client_id is not None:
        shape |= HAS_CLIENT_ID
    if bot_id is not None:
        shape |= HAS_BOT_ID
    if m365_tenant_id is not None:
        shape |= HAS_M365_TENANT_ID
    draft: Any = RequestDraft(
        managed_agent_key=_NEO_SUPPORT, client_id=client_id, bot_id=bot_id, m365_tenant_id=m365_tenant_id
    )
    draft.shape = shape
    draft.__class__ = SessionRequest
    request: SessionRequest = draft
    return request


# One tenant's classes come one after the other.
@lru_cache(maxsize=64)
def caller_of(kind: CallerKind, tenant_id: str) -> Caller:
    """Return who asks, made once as long as it is asked for again.

    >>> caller_of(CallerKind.USER, "msp-z").tenant_id
    'msp-z'
    """
    return Caller(kind, tenant_id)


@lru_cache(maxsize=64)
def asked_of_agent(agent_id: int) -> SessionRequest:
    """Return what asks for an agent, likewise.

    >>> asked_of_agent(1017).agent_id
    1017
    """
    return SessionRequest(agent_id=agent_id)


ASKED_OF_MANAGED_AGENT: Final = {key: SessionRequest(managed_agent_key=key) for key in ManagedAgentKey}
"""What asks for each managed agent."""
