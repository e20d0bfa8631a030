"""The fields of a request: what each must be, and what it adds to the request's shape.

One table of them serves `SessionRequest`, which is made of its attributes, and `parse_session_request`, which reads
the body of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from attrs import frozen

from neo_routing import well_formed
from neo_routing.directory import managed_agent_key
from neo_routing.normal_forms import is_usable, normal_bot_id, normal_m365_tenant_id
from neo_routing.plain_text import plain_text
from neo_routing.shape import (
    BLANK_BOT_ID,
    BLANK_CLIENT_ID,
    BLANK_M365_TENANT_ID,
    HAS_AGENT_ID,
    HAS_BOT_ID,
    HAS_CLIENT_ID,
    HAS_M365_TENANT_ID,
    HAS_MANAGED_AGENT_KEY,
    UNUSABLE_BOT_ID,
    UNUSABLE_M365_TENANT_ID,
)


@frozen
class RequestField:
    """A field of a request: the attribute that it becomes, and how it is read.

    `read` takes whatever was given, returns what is kept of it and what it adds to the shape, or raises `IllFormed`.
    """

    attribute: str
    read: Callable[[Any], tuple[Any, int]]


def client_id_of(value: str) -> tuple[str, int]:
    """Return the id of a tenant as it is, and what it adds to the shape."""
    client_id = well_formed.text(value)
    return client_id, HAS_CLIENT_ID if client_id.strip() else HAS_CLIENT_ID | BLANK_CLIENT_ID


def title_of(value: str) -> str:
    """Return the title of a session as it is."""
    return well_formed.text(value, well_formed.LONGEST_TITLE)


# Spellings recur: there are few bots, and an M365 tenant writes many messages.
@lru_cache(maxsize=8192)
def bot_id_of(spelling: str) -> tuple[str, int]:
    """Return the normal form of a bot id that is plain text, and what it adds to the shape."""
    bot_id = normal_bot_id(well_formed.text(spelling))
    if not bot_id:
        return bot_id, HAS_BOT_ID | BLANK_BOT_ID
    return bot_id, HAS_BOT_ID if is_usable(bot_id) else HAS_BOT_ID | UNUSABLE_BOT_ID


@lru_cache(maxsize=8192)
def m365_tenant_id_of(spelling: str) -> tuple[str, int]:
    """Return the normal form of an M365 tenant id that is plain text, and what it adds to the shape."""
    m365_tenant_id = normal_m365_tenant_id(well_formed.text(spelling))
    if not m365_tenant_id:
        return m365_tenant_id, HAS_M365_TENANT_ID | BLANK_M365_TENANT_ID
    usable = is_usable(m365_tenant_id)
    return m365_tenant_id, HAS_M365_TENANT_ID if usable else HAS_M365_TENANT_ID | UNUSABLE_M365_TENANT_ID


FIELDS: Final[Mapping[str, RequestField]] = {
    "agent_id": RequestField("agent_id", lambda value: (well_formed.integer(value), HAS_AGENT_ID)),
    "managed_agent_key": RequestField(
        "managed_agent_key", lambda value: (managed_agent_key(value), HAS_MANAGED_AGENT_KEY)
    ),
    "bot_id": RequestField("bot_id", lambda value: bot_id_of(plain_text(value))),
    "client_id": RequestField("client_id", client_id_of),
    "inbound_tenant_id": RequestField("m365_tenant_id", lambda value: m365_tenant_id_of(plain_text(value))),
    "title": RequestField("title", lambda value: (title_of(value), 0)),
}
"""The fields by their names in the HTTP contract, in the order in which they are told."""
