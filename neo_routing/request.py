"""What is asked for, and the boundary clause `request-shape` that turns raw input into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

from attrs import field, fields, frozen
from returns.result import Failure, Result, Success

from neo_routing import well_formed
from neo_routing.directory import ManagedAgentKey
from neo_routing.directory import managed_agent_key as checked_managed_agent_key
from neo_routing.messages import malformed
from neo_routing.normal_forms import normal_bot_id, normal_m365_tenant_id
from neo_routing.refusals import Refusal

# The shape of a request: which fields are there, and which of those are blank.
HAS_AGENT_ID: Final = 1
HAS_MANAGED_AGENT_KEY: Final = 2
HAS_CLIENT_ID: Final = 4
HAS_BOT_ID: Final = 8
HAS_M365_TENANT_ID: Final = 16
BLANK_CLIENT_ID: Final = 32
BLANK_BOT_ID: Final = 64
BLANK_M365_TENANT_ID: Final = 128
HAS_UNKNOWN_FIELDS: Final = 256


@frozen(init=False)
class SessionRequest:
    """What a caller asks for; in every field `None` means "not given".

    `bot_id` and `m365_tenant_id` (`inbound_tenant_id` in the HTTP contract) are kept in normal form, the empty
    string if nothing is left of them. Raises `ValueError` where `parse_session_request` refuses.

    >>> SessionRequest(bot_id="28:HelpDesk").bot_id
    'helpdesk'
    """

    agent_id: int | None
    managed_agent_key: ManagedAgentKey | None
    bot_id: str | None
    client_id: str | None
    m365_tenant_id: str | None
    title: str | None
    unknown_fields: tuple[str, ...]
    shape: int = field(eq=False, repr=False)

    def __init__(
        self,
        *,
        agent_id: int | None = None,
        managed_agent_key: ManagedAgentKey | None = None,
        bot_id: str | None = None,
        client_id: str | None = None,
        m365_tenant_id: str | None = None,
        title: str | None = None,
        unknown_fields: tuple[str, ...] = (),
    ) -> None:
        given = {
            "agent_id": agent_id,
            "managed_agent_key": managed_agent_key,
            "bot_id": bot_id,
            "client_id": client_id,
            "inbound_tenant_id": m365_tenant_id,
            "title": title,
        }
        _fill(self, given.get, unknown_fields)


def _title(value: str) -> str:
    return well_formed.text(value, well_formed.LONGEST_TITLE)


# Spellings recur: there are few bots, and an M365 tenant writes many messages.
@lru_cache(maxsize=8192)
def _bot_id(spelling: str) -> str:
    return normal_bot_id(well_formed.text(spelling))


@lru_cache(maxsize=8192)
def _m365_tenant_id(spelling: str) -> str:
    return normal_m365_tenant_id(well_formed.text(spelling))


# A call of a function costs more than most of what is done here, and most fields of most requests are `None`: a
# converter on each field, called for each, would take longer than the decision.
def _fill(request: SessionRequest, read: Callable[[str], Any], unknown_fields: tuple[str, ...]) -> None:
    shape = HAS_UNKNOWN_FIELDS if unknown_fields else 0
    agent_id = read("agent_id")
    managed_agent_key = read("managed_agent_key")
    bot_id = read("bot_id")
    client_id = read("client_id")
    m365_tenant_id = read("inbound_tenant_id")
    title = read("title")
    if agent_id is not None:
        shape |= HAS_AGENT_ID
        if type(agent_id) is not int:
            agent_id = well_formed.integer(agent_id)
    if managed_agent_key is not None:
        shape |= HAS_MANAGED_AGENT_KEY
        managed_agent_key = checked_managed_agent_key(managed_agent_key)
    if bot_id is not None:
        bot_id = _bot_id(bot_id if type(bot_id) is str else well_formed.text(bot_id))
        shape |= HAS_BOT_ID if bot_id else HAS_BOT_ID | BLANK_BOT_ID
    if client_id is not None:
        client_id = well_formed.text(client_id)
        shape |= HAS_CLIENT_ID | BLANK_CLIENT_ID if well_formed.is_blank(client_id) else HAS_CLIENT_ID
    if m365_tenant_id is not None:
        m365_tenant_id = _m365_tenant_id(
            m365_tenant_id if type(m365_tenant_id) is str else well_formed.text(m365_tenant_id)
        )
        shape |= HAS_M365_TENANT_ID if m365_tenant_id else HAS_M365_TENANT_ID | BLANK_M365_TENANT_ID
    if title is not None:
        title = _title(title)
    _set_agent_id(request, agent_id)
    _set_managed_agent_key(request, managed_agent_key)
    _set_bot_id(request, bot_id)
    _set_client_id(request, client_id)
    _set_m365_tenant_id(request, m365_tenant_id)
    _set_title(request, title)
    _set_unknown_fields(request, unknown_fields)
    _set_shape(request, shape)


(
    _set_agent_id,
    _set_managed_agent_key,
    _set_bot_id,
    _set_client_id,
    _set_m365_tenant_id,
    _set_title,
    _set_unknown_fields,
    _set_shape,
) = [getattr(SessionRequest, attribute.name).__set__ for attribute in fields(SessionRequest)]


_FIELDS: Final[Mapping[str, Callable[[Any], object]]] = {
    "agent_id": well_formed.integer,
    "managed_agent_key": checked_managed_agent_key,
    "bot_id": well_formed.text,
    "client_id": well_formed.text,
    "inbound_tenant_id": well_formed.text,
    "title": _title,
}


def parse_session_request(raw: object) -> Result[SessionRequest, Refusal]:
    """`request-shape`: turn the body of a call into a request, or name every field that is wrong with it.

    Takes any Python object at all. An object in the sense of JSON is a `dict` whose keys are all strings.
    Unknown fields are let through; the decision carries the warning `unknown_field_ignored`.

    >>> parse_session_request({"agent_id": 42.0}).unwrap().agent_id
    42
    >>> parse_session_request({"agent_id": "42", "title": 7}).failure().fields
    ('agent_id', 'title')
    """
    body = raw if type(raw) is dict else _plain_dict(raw)
    if body is None:
        return _NOT_AN_OBJECT
    unknown: tuple[str, ...] = ()
    for name in body:
        if type(name) is not str:
            return _NOT_AN_OBJECT
        if name not in _FIELDS:
            unknown = (*unknown, name)
    request: SessionRequest = _new(SessionRequest)
    try:
        _fill(request, body.get, unknown)
    except ValueError:
        return Failure(malformed(_complaints(body)))
    return Success(request)


_new: Final = object.__new__
_NOT_AN_OBJECT: Final = Failure(malformed({"request": "must be an object"}))


def _plain_dict(raw: object) -> dict[Any, Any] | None:
    return dict.copy(raw) if issubclass(type(raw), dict) else None  # type: ignore[arg-type]


def _complaints(body: dict[str, Any]) -> dict[str, str]:
    complaints = {}
    for name, check in _FIELDS.items():
        try:
            if body.get(name) is not None:
                check(body[name])
        except ValueError as error:
            complaints[name] = str(error)
    return complaints
