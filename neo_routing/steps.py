"""Every step that a decision can take: a clause, its verdict and the reason.

These constants are the rules' whole vocabulary. A trace consists of them, a refusal comes from one of them, and
the tables of the documentation are drawn from them.
"""

from __future__ import annotations

from typing import Final

from returns.result import Failure

from neo_routing.clauses import Clause, Reason, Verdict
from neo_routing.directory import ChannelStatus
from neo_routing.messages import SEVERAL_INSTALLATIONS, refusal
from neo_routing.refusals import RefusalCode
from neo_routing.step import AgentSteps, ManagedAgentSteps, Step

RULES_VERSION: Final = 2
"""The version of the rules that all of this is: see the first lines of their page."""


_made: Final[list[Step]] = []


def _step(clause: Clause, verdict: Verdict, reason: Reason, *, status: ChannelStatus | None = None) -> Step:
    return _noted(Step(clause, verdict, reason, status=status))


def _refused(
    clause: Clause,
    reason: Reason,
    code: RefusalCode,
    *,
    message: str | None = None,
    status: ChannelStatus | None = None,
) -> Step:
    failure = Failure(refusal(code, reason, message=message))
    return _noted(Step(clause, Verdict.REFUSED, reason, code, failure, status=status))


def _refused_in_words(clause: Clause, reason: Reason, code: RefusalCode) -> Step:
    return _noted(Step(clause, Verdict.REFUSED, reason, code))


def _noted(step: Step) -> Step:
    _made.append(step)
    return step


WELL_FORMED: Final = _step(Clause.REQUEST_SHAPE, Verdict.PASSED, Reason.WELL_FORMED)
MALFORMED: Final = _refused_in_words(Clause.REQUEST_SHAPE, Reason.MALFORMED, RefusalCode.VALIDATION_ERROR)

PLATFORM_CALLER: Final = _step(Clause.CLIENT_ID_RESERVED, Verdict.PASSED, Reason.PLATFORM_CALLER)
NO_CLIENT_ID: Final = _step(Clause.CLIENT_ID_RESERVED, Verdict.PASSED, Reason.NO_CLIENT_ID)
CLIENT_ID_GIVEN: Final = _refused(Clause.CLIENT_ID_RESERVED, Reason.CLIENT_ID_GIVEN, RefusalCode.CLIENT_ID_FORBIDDEN)

AGENT_ID_SELECTS: Final = _step(Clause.ONE_SELECTOR, Verdict.PASSED, Reason.AGENT_ID_GIVEN)
MANAGED_KEY_SELECTS: Final = _step(Clause.ONE_SELECTOR, Verdict.PASSED, Reason.MANAGED_KEY_GIVEN)
NO_SELECTOR: Final = _refused(Clause.ONE_SELECTOR, Reason.NO_SELECTOR, RefusalCode.AGENT_SELECTOR_INVALID)
TWO_SELECTORS: Final = _refused(Clause.ONE_SELECTOR, Reason.TWO_SELECTORS, RefusalCode.AGENT_SELECTOR_INVALID)

NO_AGENT_ID: Final = _step(Clause.PLATFORM_CONFINED, Verdict.PASSED, Reason.NO_AGENT_ID)
AGENT_ID_GIVEN: Final = _refused(Clause.PLATFORM_CONFINED, Reason.AGENT_ID_GIVEN, RefusalCode.AGENT_ID_FORBIDDEN)

IDS_USABLE: Final = _step(Clause.PLATFORM_IDS, Verdict.PASSED, Reason.IDS_USABLE)
BLANK_ID: Final = _refused_in_words(Clause.PLATFORM_IDS, Reason.BLANK_ID, RefusalCode.VALIDATION_ERROR)
UNUSABLE_ID: Final = _refused_in_words(Clause.PLATFORM_IDS, Reason.UNUSABLE_ID, RefusalCode.VALIDATION_ERROR)

OWN_AGENT: Final = AgentSteps(
    available=_step(Clause.OWN_AGENT, Verdict.MATCHED, Reason.AGENT_AVAILABLE),
    missing=_refused(Clause.OWN_AGENT, Reason.AGENT_MISSING, RefusalCode.AGENT_NOT_FOUND),
    foreign=_refused(Clause.OWN_AGENT, Reason.AGENT_OF_ANOTHER_TENANT, RefusalCode.AGENT_NOT_FOUND),
    triggered=_refused(Clause.OWN_AGENT, Reason.AGENT_NOT_CONVERSATIONAL, RefusalCode.AGENT_NOT_CONVERSATIONAL),
)
OWN_MANAGED_AGENT: Final = ManagedAgentSteps(
    available=_step(Clause.OWN_MANAGED_AGENT, Verdict.MATCHED, Reason.AGENT_AVAILABLE),
    missing=_refused(Clause.OWN_MANAGED_AGENT, Reason.AGENT_MISSING, RefusalCode.MANAGED_AGENT_NOT_FOUND),
    several=_refused(Clause.OWN_MANAGED_AGENT, Reason.SEVERAL_AGENTS, RefusalCode.MANAGED_AGENT_UNAVAILABLE),
    triggered=_refused(
        Clause.OWN_MANAGED_AGENT, Reason.AGENT_NOT_CONVERSATIONAL, RefusalCode.MANAGED_AGENT_UNAVAILABLE
    ),
)

INSTALLATION_WITHOUT_BOT: Final = _step(Clause.WHITE_LABEL_INSTALLATION, Verdict.NOT_APPLICABLE, Reason.NO_BOT_ID)
INSTALLATION_WITHOUT_M365_TENANT: Final = _step(
    Clause.WHITE_LABEL_INSTALLATION, Verdict.NOT_APPLICABLE, Reason.NO_INBOUND_TENANT_ID
)
ONE_ACTIVE_INSTALLATION: Final = _step(
    Clause.WHITE_LABEL_INSTALLATION,
    Verdict.MATCHED,
    Reason.ONE_ACTIVE_INSTALLATION,
    status=ChannelStatus.ACTIVE,
)
NO_INSTALLATION: Final = _step(Clause.WHITE_LABEL_INSTALLATION, Verdict.PASSED_OVER, Reason.NO_INSTALLATION)
SEVERAL_ACTIVE_INSTALLATIONS: Final = _refused(
    Clause.WHITE_LABEL_INSTALLATION,
    Reason.SEVERAL_ACTIVE_INSTALLATIONS,
    RefusalCode.CHANNEL_AMBIGUOUS,
    message=SEVERAL_INSTALLATIONS,
    status=ChannelStatus.ACTIVE,
)
INSTALLATION_DISCONNECTED: Final = _refused(
    Clause.WHITE_LABEL_INSTALLATION,
    Reason.INSTALLATION_DISCONNECTED,
    RefusalCode.CHANNEL_NOT_ACTIVE,
    status=ChannelStatus.DISCONNECTED,
)

CHANNEL_WITHOUT_BOT: Final = _step(Clause.ACTIVE_CHANNEL, Verdict.NOT_APPLICABLE, Reason.NO_BOT_ID)
ONE_ACTIVE_CHANNEL: Final = _step(
    Clause.ACTIVE_CHANNEL, Verdict.MATCHED, Reason.ONE_ACTIVE_CHANNEL, status=ChannelStatus.ACTIVE
)
NO_ACTIVE_CHANNEL: Final = _step(
    Clause.ACTIVE_CHANNEL, Verdict.PASSED_OVER, Reason.NO_ACTIVE_CHANNEL, status=ChannelStatus.DISCONNECTED
)
SEVERAL_ACTIVE_CHANNELS: Final = _refused(
    Clause.ACTIVE_CHANNEL,
    Reason.SEVERAL_ACTIVE_CHANNELS,
    RefusalCode.CHANNEL_AMBIGUOUS,
    status=ChannelStatus.ACTIVE,
)

NEO_SUPPORT_WITHOUT_TENANT: Final = _refused(Clause.NEO_SUPPORT, Reason.TENANT_MISSING, RefusalCode.TENANT_NOT_FOUND)
NEO_SUPPORT: Final = ManagedAgentSteps(
    available=_step(Clause.NEO_SUPPORT, Verdict.MATCHED, Reason.AGENT_AVAILABLE),
    missing=_refused(Clause.NEO_SUPPORT, Reason.AGENT_MISSING, RefusalCode.MANAGED_AGENT_NOT_FOUND),
    several=_refused(Clause.NEO_SUPPORT, Reason.SEVERAL_AGENTS, RefusalCode.MANAGED_AGENT_UNAVAILABLE),
    triggered=_refused(Clause.NEO_SUPPORT, Reason.AGENT_NOT_CONVERSATIONAL, RefusalCode.MANAGED_AGENT_UNAVAILABLE),
)

STANDARD_CHANNEL: Final = _step(Clause.END_COMPANY, Verdict.NOT_APPLICABLE, Reason.STANDARD_CHANNEL)
ONE_COMPANY_LINKED: Final = _step(Clause.END_COMPANY, Verdict.PASSED, Reason.ONE_COMPANY_LINKED)
COMPANY_WITHOUT_M365_TENANT: Final = _refused(
    Clause.END_COMPANY, Reason.NO_INBOUND_TENANT_ID, RefusalCode.END_COMPANY_NOT_MAPPED
)
NO_COMPANY_LINKED: Final = _refused_in_words(
    Clause.END_COMPANY, Reason.NO_COMPANY_LINKED, RefusalCode.END_COMPANY_NOT_MAPPED
)
SEVERAL_COMPANIES_LINKED: Final = _refused_in_words(
    Clause.END_COMPANY, Reason.SEVERAL_COMPANIES_LINKED, RefusalCode.END_COMPANY_NOT_MAPPED
)

CHANNEL_AGENT: Final = AgentSteps(
    available=_step(Clause.CHANNEL_AGENT, Verdict.PASSED, Reason.AGENT_AVAILABLE),
    missing=_refused(Clause.CHANNEL_AGENT, Reason.AGENT_MISSING, RefusalCode.CHANNEL_AGENT_UNAVAILABLE),
    foreign=_refused(Clause.CHANNEL_AGENT, Reason.AGENT_OF_ANOTHER_TENANT, RefusalCode.CHANNEL_AGENT_UNAVAILABLE),
    triggered=_refused(Clause.CHANNEL_AGENT, Reason.AGENT_NOT_CONVERSATIONAL, RefusalCode.CHANNEL_AGENT_UNAVAILABLE),
)

STEPS: Final = tuple(_made)
"""All of them, in the order of the clauses."""
