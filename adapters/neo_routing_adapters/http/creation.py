"""The session that a decision leads to, and the name of the way in."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from neo_routing import Caller, CallerKind, SessionRequest, SessionTarget, WarningCode
from neo_routing.well_formed import identifier
from neo_routing_adapters.http.ports import ChatSession


def channel_name(caller: Caller, request: SessionRequest, _target: SessionTarget) -> str:
    """Name the way in: `teams` where a bot id counted, `dashboard` for a user, `api` for any other service account.

    A bot id counts if the platform gave it, whichever agent it led to; anybody else's is ignored.

    >>> from neo_routing import Outcome
    >>> target = SessionTarget(outcome=Outcome.OWN_TENANT, tenant_id="msp-a", agent_id=12)
    >>> channel_name(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=12, bot_id="helpdesk"), target)
    'dashboard'
    """
    if caller.is_platform and request.bot_id is not None:
        return "teams"
    return "dashboard" if caller.kind is CallerKind.USER else "api"


def new_session(
    target: SessionTarget,
    *,
    id: UUID,  # noqa: A002  # its name in the session
    title: str | None,
    channel: str,
    warnings: tuple[WarningCode, ...],
    now: datetime,
) -> ChatSession:
    """Make the session, with the end-company that it belongs to. Raises `ValueError` if a host names no channel."""
    return ChatSession(
        id=id,
        tenant_id=target.tenant_id,
        agent_id=target.agent_id,
        title=title,
        channel=identifier(channel),
        channel_id=target.channel_id,
        end_company_id=target.end_company_id,
        show_agent_progress_steps=target.show_agent_progress_steps,
        warnings=warnings,
        created_at=now,
        updated_at=now,
    )
