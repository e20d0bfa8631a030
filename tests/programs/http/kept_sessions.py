"""Sessions as a store gets them, for tests."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Decision,
    Refusal,
    SessionDirectory,
    SessionRequest,
    Tenant,
    WarningCode,
    decide,
    decision_record,
)
from neo_routing.testing import World
from neo_routing_adapters.http.ports import ChatSession, DecidedSession, IdempotencyKey
from neo_routing_adapters.http.tables.upgrade import upgrade
from tests.programs.databases.stored import engine_with_tables, store

WHEN = datetime(2026, 11, 29, 12, 0, 0, 123456, tzinfo=UTC)
USER = Caller(CallerKind.USER, "msp-a")
REQUEST = SessionRequest(agent_id=12, title="Printer")
WORLD = World((Tenant(id="msp-a"),), (Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL),), (), ())


def engine_with_sessions(url: str) -> Engine:
    """Return an engine on a database that has all tables and the world, and no sessions."""
    engine = engine_with_tables(url)
    store(engine, WORLD)
    upgrade(engine)
    return engine


def session_of(decision: Decision, **others: Any) -> ChatSession:
    target = decision.result.unwrap()
    values = {
        "id": uuid.uuid4(),
        "tenant_id": target.tenant_id,
        "agent_id": target.agent_id,
        "title": "Printer",
        "channel": "dashboard",
        "channel_id": "ch-1",
        "end_company_id": "co-1",
        "show_agent_progress_steps": False,
        "warnings": (WarningCode.BOT_ID_IGNORED, WarningCode.INBOUND_TENANT_ID_IGNORED),
        "created_at": WHEN,
        "updated_at": WHEN,
    }
    return ChatSession(**{**values, **others})


def record(decision: Decision):
    return decision_record(decision, id="r-1", time=WHEN, caller=USER, request=REQUEST)


def decided(directory: SessionDirectory | None, **others: Any) -> DecidedSession | Refusal:
    """Decide as the endpoint does, for a store."""
    assert directory is not None
    decision = decide(USER, REQUEST, directory)
    return decision.refusal or DecidedSession(session_of(decision, **others), record(decision))


def key(text: str = "k-1", **others: Any) -> IdempotencyKey:
    values = {
        "key": text,
        "caller_kind": CallerKind.USER,
        "tenant_id": "msp-a",
        "user_id": "u-1",
        "body_mac": b"m" * 32,
        "expires_at": WHEN + timedelta(hours=24),
    }
    return IdempotencyKey(**{**values, **others})
