"""The boundary clause `request-shape`: it turns the body of a call into a request."""

from __future__ import annotations

from typing import Any, Final, cast

from returns.result import Failure, Result, Success

from neo_routing import well_formed
from neo_routing.complaints import Complaint, IllFormed
from neo_routing.directory import MANAGED_AGENT_KEYS
from neo_routing.directory import managed_agent_key as checked_managed_agent_key
from neo_routing.messages import malformed
from neo_routing.plain_text import plain_text
from neo_routing.refusals import Refusal
from neo_routing.request import RequestDraft, SessionRequest
from neo_routing.request_fields import FIELDS, bot_id_of, m365_tenant_id_of, title_of
from neo_routing.shape import BLANK_CLIENT_ID, HAS_AGENT_ID, HAS_CLIENT_ID, HAS_MANAGED_AGENT_KEY, HAS_UNKNOWN_FIELDS

_new: Final = object.__new__
_NOT_AN_OBJECT: Final = Failure(malformed({"request": IllFormed("must be an object", Complaint.NOT_AN_OBJECT)}))


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
        if name not in FIELDS:
            shape = HAS_UNKNOWN_FIELDS
    # Written out, and not as a loop over `FIELDS`: to call a function for each of them takes longer than the decision.
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
            known = MANAGED_AGENT_KEYS.get(managed_agent_key) if type(managed_agent_key) is str else None
            managed_agent_key = known or checked_managed_agent_key(managed_agent_key)
        if bot_id is not None:
            bot_id, added = bot_id_of(bot_id if type(bot_id) is str else plain_text(bot_id))
            shape |= added
        if client_id is not None:
            client_id = well_formed.text(client_id)
            shape |= HAS_CLIENT_ID if client_id.strip() else HAS_CLIENT_ID | BLANK_CLIENT_ID
        if m365_tenant_id is not None:
            plain = m365_tenant_id if type(m365_tenant_id) is str else plain_text(m365_tenant_id)
            m365_tenant_id, added = m365_tenant_id_of(plain)
            shape |= added
        if title is not None:
            title = title_of(title)
        draft: Any = _new(RequestDraft)
        draft.agent_id = agent_id
        draft.managed_agent_key = managed_agent_key
        draft.bot_id = bot_id
        draft.client_id = client_id
        draft.m365_tenant_id = m365_tenant_id
        draft.title = title
        draft.unknown_fields = tuple(sorted(body.keys() - FIELDS.keys())) if shape & HAS_UNKNOWN_FIELDS else ()
        draft.shape = shape
    except IllFormed:
        return _refused(body)
    draft.__class__ = SessionRequest
    return Success(draft)


def _plain_dict(raw: object) -> dict[Any, Any] | None:
    # Through `dict` itself: a subclass may override any method, and its keys may run code when they are compared.
    if not issubclass(type(raw), dict):
        return None
    items: list[tuple[Any, Any]] = list(dict.items(cast(dict[Any, Any], raw)))
    return dict(items) if all(type(name) is str for name, _ in items) else None


def _refused(body: dict[str, Any]) -> Failure[Refusal]:
    """Name everything that is wrong, in the order of the contract and not of the body."""
    complaints = {}
    for name, field in FIELDS.items():
        try:
            if body.get(name) is not None:
                field.read(body[name])
        except IllFormed as error:
            complaints[name] = error
    return Failure(malformed(complaints))
