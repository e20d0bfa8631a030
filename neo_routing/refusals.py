"""Why a call is refused: a closed set of codes, each with its status, and the value that carries one."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from attrs import field, frozen

from neo_routing.clauses import Reason
from neo_routing.complaints import Complaint, IllFormed, naming_its_fields
from neo_routing.names import Name
from neo_routing.plain_text import plain_text
from neo_routing.printable import printable


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


WITH_A_REASON: Final = frozenset({RefusalCode.END_COMPANY_NOT_MAPPED, RefusalCode.CHANNEL_AMBIGUOUS})
"""The codes whose details say the reason. Any other would tell what the caller may not know: whether a foreign agent
exists, say."""


def _code(value: RefusalCode) -> RefusalCode:
    if type(value) is not RefusalCode:
        raise IllFormed("must be a RefusalCode")
    return value


def _complaints(value: tuple[tuple[str, Complaint], ...]) -> tuple[tuple[str, Complaint], ...]:
    if type(value) is not tuple or not all(
        type(pair) is tuple and len(pair) == 2 and type(pair[1]) is Complaint  # noqa: PLR2004  # a pair
        for pair in value
    ):
        raise IllFormed("must be a tuple of pairs of a field's name and a Complaint")
    complaints = tuple((plain_text(name), complaint) for name, complaint in value)
    for name, times in Counter(name for name, _ in complaints).items():
        if times > 1:
            raise IllFormed(f"must name each field once, and {printable(name)} is there twice")
    return complaints


def _reason(value: Reason | None) -> Reason | None:
    if value is not None and type(value) is not Reason:
        raise IllFormed("must be a Reason, or None")
    return value


def _optional_text(value: str | None) -> str | None:
    return None if value is None else plain_text(value)


@frozen(kw_only=True, field_transformer=naming_its_fields)
class Refusal:
    """Why a call is refused, in a form that the caller may see.

    Besides the message, which is for a person, a refusal has what a program needs to say the same in other words or
    another language: `complaints` of a `validation_error`, the bad fields by their names in the HTTP contract; `reason`
    of an `end_company_not_mapped` or a `channel_ambiguous`; and the `m365_tenant_id` that no single company is linked
    to, in normal form. None of it holds a name or an id that was not in the request.

    Raises `ValueError` where these do not fit together.

    >>> refusal = Refusal(code=RefusalCode.AGENT_NOT_FOUND, message="There is no such agent.")
    >>> refusal.status, refusal.details
    (404, {})
    """

    code: RefusalCode = field(converter=_code)
    message: str = field(converter=plain_text)
    complaints: tuple[tuple[str, Complaint], ...] = field(default=(), converter=_complaints)
    reason: Reason | None = field(default=None, converter=_reason)
    m365_tenant_id: str | None = field(default=None, converter=_optional_text)

    def __attrs_post_init__(self) -> None:
        if bool(self.complaints) is not (self.code is RefusalCode.VALIDATION_ERROR):
            raise IllFormed("are a validation_error's, and nothing else's", place="Refusal.complaints")
        if (self.reason is not None) is not (self.code in WITH_A_REASON):
            raise IllFormed(f"is wanted of {' and '.join(sorted(WITH_A_REASON))} alone", place="Refusal.reason")
        if self.m365_tenant_id is not None and self.code is not RefusalCode.END_COMPANY_NOT_MAPPED:
            raise IllFormed("is an end_company_not_mapped's, and nothing else's", place="Refusal.m365_tenant_id")

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return self.code.status

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the request's fields that it is about: the bad ones, or the one that names a wrong agent."""
        if self.code is RefusalCode.AGENT_NOT_CONVERSATIONAL:
            return ("agent_id",)
        return tuple([name for name, _ in self.complaints])

    @property
    def details(self) -> dict[str, Any]:
        """What of it goes into JSON besides code and message, made anew at each call: see "details" in the rules."""
        details: dict[str, Any] = {}
        if self.complaints:
            details["fields"] = list(self.fields)
            details["complaints"] = {name: str(complaint) for name, complaint in self.complaints}
        elif self.fields:
            [details["field"]] = self.fields
        if self.reason is not None:
            details["reason"] = str(self.reason)
        if self.m365_tenant_id is not None:
            details["inbound_tenant_id"] = self.m365_tenant_id
        return details
