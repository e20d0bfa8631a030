"""What is asked for, and the boundary clause `request-shape` that turns raw input into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, cast, final

from attrs import define, field, frozen
from returns.result import Failure, Result, Success

from neo_routing import well_formed
from neo_routing.complaints import Complaint, IllFormed
from neo_routing.directory import ManagedAgentKey
from neo_routing.directory import managed_agent_key as checked_managed_agent_key
from neo_routing.messages import malformed
from neo_routing.normal_forms import is_usable, normal_bot_id, normal_m365_tenant_id
from neo_routing.plain_text import plain_text
from neo_routing.refusals import Refusal

# The shape of a request: which fields are there, and which of those are blank or cannot be an id.
HAS_AGENT_ID: Final = 1
HAS_MANAGED_AGENT_KEY: Final = 2
HAS_CLIENT_ID: Final = 4
HAS_BOT_ID: Final = 8
HAS_M365_TENANT_ID: Final = 16
BLANK_CLIENT_ID: Final = 32
BLANK_BOT_ID: Final = 64
BLANK_M365_TENANT_ID: Final = 128
HAS_UNKNOWN_FIELDS: Final = 256
UNUSABLE_BOT_ID: Final = 512
UNUSABLE_M365_TENANT_ID: Final = 1024


@define(init=False, eq=False, repr=False)
class _Draft:
    """The fields of a request that is still being made.

    A field of a frozen instance can only be set through `object.__setattr__`, which takes ten times as long. So a
    request is filled in as a draft, which then becomes a `SessionRequest`: the same object, frozen.
    """

    agent_id: int | None
    managed_agent_key: ManagedAgentKey | None
    bot_id: str | None
    client_id: str | None
    m365_tenant_id: str | None
    title: str | None
    unknown_fields: tuple[str, ...]
    shape: int = field(init=False, eq=False, repr=False)


@final
@frozen(init=False)  # pyright: ignore[reportGeneralTypeIssues]  # of a frozen class with an open base
class SessionRequest(_Draft):
    """What a caller asks for; in every field `None` means "not given".

    `bot_id` and `m365_tenant_id` (`inbound_tenant_id` in the HTTP contract) are kept in normal form, the empty
    string if nothing is left of them. Raises `ValueError` where `parse_session_request` refuses.

    >>> SessionRequest(bot_id="28:HelpDesk").bot_id
    'helpdesk'
    """

    def __new__(  # there is no subclass
        cls,
        *,
        agent_id: int | None = None,
        managed_agent_key: ManagedAgentKey | None = None,
        bot_id: str | None = None,
        client_id: str | None = None,
        m365_tenant_id: str | None = None,
        title: str | None = None,
        unknown_fields: tuple[str, ...] = (),
    ) -> SessionRequest:
        """Check and normalise what is given, as `parse_session_request` does."""
        body = dict.fromkeys(_names(unknown_fields)) | {
            "agent_id": agent_id,
            "managed_agent_key": managed_agent_key,
            "bot_id": bot_id,
            "client_id": client_id,
            "inbound_tenant_id": m365_tenant_id,
            "title": title,
        }
        parsed = parse_session_request(body)
        if isinstance(parsed, Failure):
            listed = (f"{_PLACES[name]} {complaint.words}" for name, complaint in _complaints(body).items())
            raise ValueError("; ".join(listed))  # noqa: TRY004  # it is the value that is wrong
        return parsed.unwrap()

    def __reduce__(self) -> tuple[Callable[..., SessionRequest], tuple[dict[str, Any]]]:
        # The shape is left out: another version may number it otherwise.
        return _request_again, ({name: getattr(self, name) for name in _KEPT},)


_KEPT: Final = ("agent_id", "managed_agent_key", "bot_id", "client_id", "m365_tenant_id", "title", "unknown_fields")


def _request_again(kept: dict[str, Any]) -> SessionRequest:
    return SessionRequest(**kept)


def _names(unknown_fields: tuple[str, ...]) -> list[str]:
    try:
        return [plain_text(name) for name in well_formed.collection(unknown_fields)]
    except IllFormed as error:
        raise IllFormed(error.words, error.complaint, "SessionRequest.unknown_fields") from None


def _title(value: str) -> str:
    return well_formed.text(value, well_formed.LONGEST_TITLE)


_KEYS: Final = well_formed.members_of(ManagedAgentKey)


# Spellings recur: there are few bots, and an M365 tenant writes many messages.
@lru_cache(maxsize=8192)
def _bot_id(spelling: str) -> tuple[str, int]:
    bot_id = normal_bot_id(well_formed.text(spelling))
    if not bot_id:
        return bot_id, HAS_BOT_ID | BLANK_BOT_ID
    return bot_id, HAS_BOT_ID if is_usable(bot_id) else HAS_BOT_ID | UNUSABLE_BOT_ID


@lru_cache(maxsize=8192)
def _m365_tenant_id(spelling: str) -> tuple[str, int]:
    m365_tenant_id = normal_m365_tenant_id(well_formed.text(spelling))
    if not m365_tenant_id:
        return m365_tenant_id, HAS_M365_TENANT_ID | BLANK_M365_TENANT_ID
    return m365_tenant_id, HAS_M365_TENANT_ID if is_usable(m365_tenant_id) else (
        HAS_M365_TENANT_ID | UNUSABLE_M365_TENANT_ID
    )


_new: Final = object.__new__


_FIELDS: Final[Mapping[str, Callable[[Any], object]]] = {
    "agent_id": well_formed.integer,
    "managed_agent_key": checked_managed_agent_key,
    "bot_id": well_formed.text,
    "client_id": well_formed.text,
    "inbound_tenant_id": well_formed.text,
    "title": _title,
}
_PLACES: Final = {
    name: f"SessionRequest.{'m365_tenant_id' if name == 'inbound_tenant_id' else name}" for name in _FIELDS
}


def parse_session_request(raw: object) -> Result[SessionRequest, Refusal]:  # noqa: C901  # see below
    """`request-shape`: turn the body of a call into a request, or name every field that is wrong with it.

    Takes any Python object at all, which must not be changed meanwhile. An object in the sense of JSON is a `dict`
    whose keys are all plain `str`.
    Unknown fields are let through; the decision carries the warning `unknown_field_ignored`.

    >>> parse_session_request({"agent_id": 42.0}).unwrap().agent_id
    42
    >>> parse_session_request({"agent_id": "42", "title": 7}).failure().details["complaints"]
    {'agent_id': 'not_an_integer', 'title': 'not_a_string'}
    """
    body = raw if type(raw) is dict else _plain_dict(raw)
    if body is None:
        return _NOT_AN_OBJECT
    shape = 0
    for name in body:
        if type(name) is not str:
            return _NOT_AN_OBJECT
        if name not in _FIELDS:
            shape = HAS_UNKNOWN_FIELDS
    # Written out, because a call of a function costs more than most of what is done here, and most fields of most
    # requests are `None`: a converter on each field, called for each, would take longer than the decision.
    try:
        agent_id = body.get("agent_id")
        managed_agent_key: Any = body.get("managed_agent_key")
        bot_id = body.get("bot_id")
        client_id = body.get("client_id")
        m365_tenant_id = body.get("inbound_tenant_id")
        title = body.get("title")
        if agent_id is not None:
            shape |= HAS_AGENT_ID
            if type(agent_id) is not int or agent_id.bit_length() > well_formed.BITS_OF_AN_ID:
                agent_id = well_formed.integer(agent_id)
        if managed_agent_key is not None:
            shape |= HAS_MANAGED_AGENT_KEY
            known = _KEYS.get(managed_agent_key) if type(managed_agent_key) is str else None
            managed_agent_key = known or checked_managed_agent_key(managed_agent_key)
        if bot_id is not None:
            bot_id, given = _bot_id(bot_id if type(bot_id) is str else plain_text(bot_id))
            shape |= given
        if client_id is not None:
            client_id = well_formed.text(client_id)
            shape |= HAS_CLIENT_ID if client_id.strip() else HAS_CLIENT_ID | BLANK_CLIENT_ID
        if m365_tenant_id is not None:
            m365_tenant_id, given = _m365_tenant_id(
                m365_tenant_id if type(m365_tenant_id) is str else plain_text(m365_tenant_id)
            )
            shape |= given
        if title is not None:
            title = _title(title)
        draft: Any = _new(_Draft)
        draft.agent_id = agent_id
        draft.managed_agent_key = managed_agent_key
        draft.bot_id = bot_id
        draft.client_id = client_id
        draft.m365_tenant_id = m365_tenant_id
        draft.title = title
        draft.unknown_fields = tuple(sorted(body.keys() - _FIELDS.keys())) if shape & HAS_UNKNOWN_FIELDS else ()
        draft.shape = shape
    except IllFormed:
        return Failure(malformed(_complaints(body)))
    draft.__class__ = SessionRequest
    return Success(draft)


_NOT_AN_OBJECT: Final = Failure(malformed({"request": IllFormed("must be an object", Complaint.NOT_AN_OBJECT)}))


def _plain_dict(raw: object) -> dict[Any, Any] | None:
    # Through `dict` itself: a subclass may override any method, and its keys may run code when they are compared.
    if not issubclass(type(raw), dict):
        return None
    items: list[tuple[Any, Any]] = list(dict.items(cast(dict[Any, Any], raw)))
    return dict(items) if all(type(name) is str for name, _ in items) else None


def _complaints(body: dict[str, Any]) -> dict[str, IllFormed]:
    complaints = {}
    for name, check in _FIELDS.items():
        try:
            if body.get(name) is not None:
                check(body[name])
        except IllFormed as error:
            complaints[name] = error
    return complaints
