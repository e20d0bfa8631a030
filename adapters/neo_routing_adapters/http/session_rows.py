"""Sessions and keys as rows of their tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from neo_routing import DecisionRecord, WarningCode
from neo_routing.plain_data.records import record_data
from neo_routing_adapters.http.ports import ChatSession, IdempotencyKey
from neo_routing_adapters.json_lines import record_line

_AS_THEY_ARE: Final = (
    "id",
    "tenant_id",
    "agent_id",
    "title",
    "channel",
    "channel_id",
    "end_company_id",
    "created_at",
    "updated_at",
    "archived_at",
)


def session_row(session: ChatSession, record: DecisionRecord) -> dict[str, Any]:
    """Return the row of a session."""
    shown = session.show_agent_progress_steps
    return {
        **{name: getattr(session, name) for name in _AS_THEY_ARE},
        "show_agent_progress_steps": shown,
        "warnings": " ".join(session.warnings),
        "record": _text_of(record),
    }


def _text_of(record: DecisionRecord) -> str:
    """Return the JSON form of a record. What prints lines of it takes as long for that as for all of the record."""
    try:
        return msgspec.json.encode(record_data(record)).decode()
    except UnicodeEncodeError:  # a lone surrogate, in the name of an unknown field
        return record_line(record)


def session_of(row: Mapping[str, Any]) -> ChatSession:
    """Return the session of a row. Raises `ValueError` for a row that makes no sense."""
    shown = row["show_agent_progress_steps"]
    return ChatSession(
        **{name: row[name] for name in _AS_THEY_ARE},
        show_agent_progress_steps=None if shown is None else bool(shown),
        warnings=tuple(map(WarningCode, row["warnings"].split())),
    )


def key_scope(key: IdempotencyKey) -> dict[str, str]:
    """Return what tells a key from all others, by the columns of its table."""
    caller_kind, tenant_id, user_id, text = key.scope
    return {"caller_kind": str(caller_kind), "tenant_id": tenant_id, "user_id": user_id or "", "key": text}


def lock_number(key: IdempotencyKey) -> int:
    """Return the number that whoever has a key locks: 64 bits, of which two keys hardly ever have the same."""
    text = json.dumps([*key_scope(key).values()]).encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big", signed=True)
