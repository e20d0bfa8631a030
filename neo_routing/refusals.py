"""Why a call is refused: a closed set of codes, each with its status, and the value that carries one."""

from __future__ import annotations

from typing import Final

from attrs import field, frozen
from attrs.validators import instance_of

from neo_routing.names import Name


class RefusalCode(Name):
    """What stands in the way, as a stable name, and its HTTP status.

    422 says that something is wrong with the request, 403 that this caller may not make it, 404 that it names something
    which this caller does not have, and 409 that the directory is in a state that an administrator has to mend.

    >>> RefusalCode("channel_ambiguous").status
    409
    """

    VALIDATION_ERROR = "validation_error"
    AGENT_SELECTOR_INVALID = "agent_selector_invalid"
    AGENT_NOT_CONVERSATIONAL = "agent_not_conversational"
    CLIENT_ID_FORBIDDEN = "client_id_forbidden"
    AGENT_ID_FORBIDDEN = "agent_id_forbidden"
    AGENT_NOT_FOUND = "agent_not_found"
    MANAGED_AGENT_NOT_FOUND = "managed_agent_not_found"
    TENANT_NOT_FOUND = "tenant_not_found"
    END_COMPANY_NOT_MAPPED = "end_company_not_mapped"
    CHANNEL_NOT_ACTIVE = "channel_not_active"
    CHANNEL_AMBIGUOUS = "channel_ambiguous"
    CHANNEL_AGENT_UNAVAILABLE = "channel_agent_unavailable"
    MANAGED_AGENT_UNAVAILABLE = "managed_agent_unavailable"

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return next(status for status, codes in _STATUSES.items() if self in codes)


_STATUSES: Final = {
    403: {RefusalCode.CLIENT_ID_FORBIDDEN, RefusalCode.AGENT_ID_FORBIDDEN},
    404: {RefusalCode.AGENT_NOT_FOUND, RefusalCode.MANAGED_AGENT_NOT_FOUND, RefusalCode.TENANT_NOT_FOUND},
    409: {
        RefusalCode.END_COMPANY_NOT_MAPPED,
        RefusalCode.CHANNEL_NOT_ACTIVE,
        RefusalCode.CHANNEL_AMBIGUOUS,
        RefusalCode.CHANNEL_AGENT_UNAVAILABLE,
        RefusalCode.MANAGED_AGENT_UNAVAILABLE,
    },
    422: {
        RefusalCode.VALIDATION_ERROR,
        RefusalCode.AGENT_SELECTOR_INVALID,
        RefusalCode.AGENT_NOT_CONVERSATIONAL,
    },
}


@frozen(kw_only=True)
class Refusal:
    """Why a call is refused, in a form that the caller may see.

    `fields` are the names, in the HTTP contract, of the request's fields that it is about: the bad ones of a
    `validation_error`, `agent_id` of `agent_not_conversational`, none otherwise.
    Neither they nor the message hold a name or an id that was not in the request.

    >>> refusal = Refusal(code=RefusalCode.AGENT_NOT_FOUND, message="There is no such agent.")
    >>> refusal.status, refusal.details
    (404, {})
    """

    code: RefusalCode = field(validator=instance_of(RefusalCode))
    message: str
    fields: tuple[str, ...] = field(default=(), validator=instance_of(tuple))

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return self.code.status

    @property
    def details(self) -> dict[str, str | list[str]]:
        """The JSON form of `fields`: `{"fields": [...]}`, `{"field": ...}` or `{}`; a new one at each call."""
        if self.code is RefusalCode.VALIDATION_ERROR:
            return {"fields": list(self.fields)}
        return {"field": self.fields[0]} if self.fields else {}
