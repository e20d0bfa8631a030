"""What is asked for: a request as the clauses see it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, final

from attrs import define, field, fields, frozen

from neo_routing import well_formed
from neo_routing.complaints import IllFormed
from neo_routing.directory import ManagedAgentKey
from neo_routing.plain_text import plain_text
from neo_routing.request_fields import FIELDS
from neo_routing.shape import HAS_UNKNOWN_FIELDS


@define(kw_only=True, eq=False, repr=False)
class RequestDraft:
    """The fields of a request that is still being made.

    A field of a frozen instance can only be set through `object.__setattr__`, which takes ten times as long. So
    `parse_session_request` fills in a draft, which then becomes a `SessionRequest`: the same object, frozen. Without
    that, parsing would take a quarter longer.
    """

    agent_id: int | None = None
    managed_agent_key: ManagedAgentKey | None = None
    bot_id: str | None = None
    client_id: str | None = None
    m365_tenant_id: str | None = None
    title: str | None = None
    unknown_fields: tuple[str, ...] = ()
    shape: int = field(init=False, eq=False, repr=False)


@final
@frozen(kw_only=True)  # pyright: ignore[reportGeneralTypeIssues]  # of a frozen class with an open base
class SessionRequest(RequestDraft):
    """What a caller asks for; in every field `None` means "not given".

    `bot_id` and `m365_tenant_id` (`inbound_tenant_id` in the HTTP contract) are kept in normal form, the empty
    string if nothing is left of them. Raises `ValueError` where `parse_session_request` refuses.

    >>> SessionRequest(bot_id="28:HelpDesk").bot_id
    'helpdesk'
    """

    def __attrs_post_init__(self) -> None:
        unknown_fields = sorted({*_names(self.unknown_fields)} - FIELDS.keys())
        shape = HAS_UNKNOWN_FIELDS if unknown_fields else 0
        complaints: list[str] = []
        for each in FIELDS.values():
            value = getattr(self, each.attribute)
            try:
                if value is not None:
                    value, added = each.read(value)
                    object.__setattr__(self, each.attribute, value)
                    shape |= added
            except IllFormed as error:
                complaints.append(f"SessionRequest.{each.attribute} {error.words}")
        if complaints:
            raise ValueError("; ".join(complaints))
        object.__setattr__(self, "unknown_fields", tuple(unknown_fields))
        object.__setattr__(self, "shape", shape)

    def __reduce__(self) -> tuple[Callable[..., SessionRequest], tuple[dict[str, Any]]]:
        # The shape is left out: another version may number it otherwise.
        return _request_again, ({each.name: getattr(self, each.name) for each in fields(RequestDraft) if each.init},)


def _request_again(kept: dict[str, Any]) -> SessionRequest:
    return SessionRequest(**kept)


def _names(unknown_fields: Collection[str]) -> list[str]:
    try:
        return [plain_text(name) for name in well_formed.collection(unknown_fields)]
    except IllFormed as error:
        raise IllFormed(error.words, error.complaint, "SessionRequest.unknown_fields") from None
