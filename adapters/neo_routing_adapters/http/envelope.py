"""The two documents of the HTTP contract, as plain data: a session that was created, and an error.

For hosts with an endpoint of their own, too: whatever writes JSON can write them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from neo_routing_adapters.http.ports import ChatSession


def session_document(session: ChatSession, *, request_id: str, timings_ms: Mapping[str, float]) -> dict[str, Any]:
    """Return the body of a success.

    >>> from datetime import UTC, datetime
    >>> from uuid import UUID
    >>> noon = datetime(2026, 11, 29, 12, tzinfo=UTC)
    >>> session = ChatSession(
    ...     id=UUID(int=7), tenant_id="msp-a", agent_id=12, title=None, channel="api", channel_id=None,
    ...     end_company_id=None, show_agent_progress_steps=None, created_at=noon, updated_at=noon,
    ... )
    >>> session_document(session, request_id="r-1", timings_ms={"decide": 0.4})["meta"]
    {'request_id': 'r-1', 'timings_ms': {'decide': 0.4}, 'warnings': []}
    """
    meta = {"request_id": request_id, "timings_ms": {**timings_ms}, "warnings": [*map(str, session.warnings)]}
    return {"data": session_resource(session), "meta": meta}


def session_resource(session: ChatSession) -> dict[str, Any]:
    """Return what the contract tells of a session: the end-company and the directory's channel are not in it."""
    archived_at = session.archived_at
    return {
        "id": str(session.id),
        "agent_id": session.agent_id,
        "client_id": session.tenant_id,
        "title": session.title,
        "channel": session.channel,
        "created_at": session.created_at.isoformat(),
        "updated_at": session.updated_at.isoformat(),
        "archived_at": None if archived_at is None else archived_at.isoformat(),
        "show_agent_progress_steps": session.show_agent_progress_steps,
    }


def error_document(
    code: str, message: str, *, request_id: str, details: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the body of an error; `refusal.code`, `message` and `details` of a `Refusal` go into it as they are.

    >>> error_document("agent_not_found", "There is no such agent.", request_id="r-1")
    {'error': {'code': 'agent_not_found', 'message': 'There is no such agent.'}, 'meta': {'request_id': 'r-1'}}
    """
    error: dict[str, Any] = {"code": str(code), "message": message}
    if details is not None:
        error["details"] = {**details}
    return {"error": error, "meta": {"request_id": request_id}}
