"""Every text that a refused caller reads, in one place.

Whoever reads one may be an end user, so it is whole sentences and says what to do next. It tells nothing of the
directory: of names and ids it repeats only what the caller sent, and it never says how many there are of anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from neo_routing.clauses import Reason
from neo_routing.complaints import IllFormed
from neo_routing.refusals import WITH_A_REASON, Refusal, RefusalCode

_MESSAGES: Final[Mapping[RefusalCode, str]] = {
    RefusalCode.AGENT_SELECTOR_INVALID: "Give exactly one of agent_id and managed_agent_key.",
    RefusalCode.AGENT_NOT_CONVERSATIONAL: "This agent cannot hold a conversation. Choose a conversational agent.",
    RefusalCode.CLIENT_ID_FORBIDDEN: (
        "client_id is reserved for the platform. Leave it out: the session is always created for your own account."
    ),
    RefusalCode.AGENT_ID_FORBIDDEN: "The platform cannot choose an agent by agent_id. Give managed_agent_key instead.",
    RefusalCode.AGENT_NOT_FOUND: "There is no such agent in your account. Check agent_id.",
    RefusalCode.MANAGED_AGENT_NOT_FOUND: (
        "This account has no agent for that managed_agent_key. Ask the platform's support to set it up."
    ),
    RefusalCode.TENANT_NOT_FOUND: (
        "The account that this session is meant for does not exist. "
        "Check client_id, or your own account if you gave none."
    ),
    RefusalCode.END_COMPANY_NOT_MAPPED: (
        "This assistant needs to know which organisation you write from, and your message does not say. "
        "For administrators: send inbound_tenant_id, the M365 tenant that the message comes from, and link that to "
        "exactly one company."
    ),
    RefusalCode.CHANNEL_NOT_ACTIVE: (
        "This assistant is paused for your organisation. For administrators: reconnect its channel."
    ),
    RefusalCode.CHANNEL_AMBIGUOUS: (
        "It is not clear which assistant should answer here. "
        "For administrators: several active channels claim this bot; keep one of them active."
    ),
    RefusalCode.CHANNEL_AGENT_UNAVAILABLE: (
        "This assistant is not available at the moment. "
        "For administrators: choose one of your own conversational agents for its channel."
    ),
    RefusalCode.MANAGED_AGENT_UNAVAILABLE: (
        "The managed agent of this account is not available. "
        "For administrators: the account must have exactly one, and it must be conversational."
    ),
}

SEVERAL_INSTALLATIONS: Final = (
    "It is not clear which assistant should answer here. "
    "For administrators: this bot is installed for your organisation by several active channels; keep one of these "
    "installations."
)
_LINK_ONE_COMPANY = (
    "This assistant is not set up for your organisation yet. "
    "For administrators: link M365 tenant {} to exactly one company."
)
_KEEP_ONE_LINK = (
    "This assistant cannot tell which company you belong to. "
    "For administrators: M365 tenant {} is linked to several companies; keep one link of the several."
)


def refusal(code: RefusalCode, reason: Reason, *, message: str | None = None) -> Refusal:
    """Make the refusal of a code, with the code's own message or with one for a case of it.

    >>> refusal(RefusalCode.AGENT_NOT_FOUND, Reason.AGENT_MISSING).message
    'There is no such agent in your account. Check agent_id.'
    """
    shown_reason = reason if code in WITH_A_REASON else None
    return Refusal(code=code, message=message or _MESSAGES[code], reason=shown_reason)


def malformed(complaints: Mapping[str, IllFormed]) -> Refusal:
    """Make the refusal that says of each field, by its name in the HTTP contract, what is wrong with it.

    >>> from neo_routing.complaints import Complaint
    >>> malformed({"agent_id": IllFormed("must be an integer", Complaint.NOT_AN_INTEGER)}).message
    'The request is not valid: agent_id must be an integer.'
    """
    listed = "; ".join(f"{name} {complaint.words}" for name, complaint in complaints.items())
    named = tuple((name, complaint.complaint) for name, complaint in complaints.items() if complaint.complaint)
    return Refusal(code=RefusalCode.VALIDATION_ERROR, message=f"The request is not valid: {listed}.", complaints=named)


def no_company_linked(m365_tenant_id: str) -> Refusal:
    """Make the refusal for an M365 tenant that the channel's owner has linked to no company."""
    return _end_company_not_mapped(_LINK_ONE_COMPANY, Reason.NO_COMPANY_LINKED, m365_tenant_id)


def several_companies_linked(m365_tenant_id: str) -> Refusal:
    """Make the refusal for an M365 tenant that the channel's owner has linked to more than one company."""
    return _end_company_not_mapped(_KEEP_ONE_LINK, Reason.SEVERAL_COMPANIES_LINKED, m365_tenant_id)


def _end_company_not_mapped(message: str, reason: Reason, m365_tenant_id: str) -> Refusal:
    return Refusal(
        code=RefusalCode.END_COMPANY_NOT_MAPPED,
        message=message.format(m365_tenant_id),
        reason=reason,
        m365_tenant_id=m365_tenant_id,
    )
