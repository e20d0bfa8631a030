"""`Idempotency-Key`: what tells one from another, and from the same text with another body."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from neo_routing import CallerKind
from neo_routing_adapters.http.answers import IDEMPOTENCY_KEY_INVALID, IDEMPOTENCY_KEY_OF_NO_USER, Refused
from neo_routing_adapters.http.ports import IdempotencyKey, Identity

KEPT_FOR: Final = timedelta(hours=24)
LONGEST_KEY: Final = 255
SHORTEST_SECRET: Final = 32
"""In bytes."""

_write: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def idempotency_key(
    headers: Mapping[str, str], identity: Identity, body: object, *, secret: bytes, now: datetime
) -> IdempotencyKey | Refused | None:
    """Return the key that a call came with, or `None` if it came with none.

    The body is what was read: in another order or with other white space it is the same.
    """
    key = headers.get("idempotency-key")
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not all("!" <= character <= "~" for character in key):
        return IDEMPOTENCY_KEY_INVALID
    caller, is_user = identity.caller, identity.caller.kind is CallerKind.USER
    if is_user and not identity.user_id:
        return IDEMPOTENCY_KEY_OF_NO_USER
    return IdempotencyKey(
        key=key,
        caller_kind=caller.kind,
        tenant_id=caller.tenant_id,
        user_id=identity.user_id if is_user else None,
        body_mac=body_mac(body, secret),
        expires_at=now + KEPT_FOR,
    )


def body_mac(body: Any, secret: bytes) -> bytes:
    """Return the HMAC-SHA-256 of what was read from a body: who reads it in a store cannot guess the body from it.

    >>> body_mac({"agent_id": 12, "title": None}, b"s") == body_mac({"title": None, "agent_id": 12}, b"s")
    True
    """
    return hmac.digest(secret, _write(body).encode(), "sha256")
