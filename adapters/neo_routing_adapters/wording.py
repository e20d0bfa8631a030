"""Sentences for a person: one for every step, outcome and warning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from neo_routing import (
    Clause,
    Outcome,
    Reason,
    TraceStep,
    Verdict,
    WarningCode,
    steps,
)
from neo_routing.step import Step

SENTENCES: Final[Mapping[Step, str]] = {
    steps.WELL_FORMED: "Every field that was given has the type and the length that it should have.",
    steps.MALFORMED: "What was sent cannot be read as a request; nothing was looked up.",
    steps.PLATFORM_CALLER: "The caller is the platform, which may act for any tenant.",
    steps.NO_CLIENT_ID: "No client_id was given, so the call is for the caller's own tenant.",
    steps.CLIENT_ID_GIVEN: "Only the platform may give a client_id; for anybody else even their own is refused.",
    steps.AGENT_ID_SELECTS: "The agent is asked for by agent_id, and by nothing else.",
    steps.MANAGED_KEY_SELECTS: "The agent is asked for by managed_agent_key, and by nothing else.",
    steps.NO_SELECTOR: "Neither agent_id nor managed_agent_key says which agent is meant.",
    steps.TWO_SELECTORS: "Both agent_id and managed_agent_key were given; only one may say which agent is meant.",
    steps.NO_AGENT_ID: "The platform did not try to pick an agent by agent_id.",
    steps.AGENT_ID_GIVEN: "The platform may not pick an agent by agent_id; none was looked up, so no id can be probed.",
    steps.IDS_USABLE: "Every id that the platform gave can be one.",
    steps.BLANK_ID: "An id that the platform gave is blank, and blank never counts as left out.",
    steps.UNUSABLE_ID: "What the platform gave as an id cannot be one; no row of a directory could ever match it.",
    steps.OWN_AGENT.available: "The agent is the caller's own and can hold a conversation.",
    steps.OWN_AGENT.missing: "There is no agent with this id.",
    steps.OWN_AGENT.foreign: "The agent is another tenant's; the caller is told the same as if it did not exist.",
    steps.OWN_AGENT.triggered: "The agent is the caller's own, but it runs on triggers and cannot hold a conversation.",
    steps.OWN_MANAGED_AGENT.available: "The caller's tenant has exactly one agent for this key, and it can converse.",
    steps.OWN_MANAGED_AGENT.missing: "The caller's tenant has no agent for this key.",
    steps.OWN_MANAGED_AGENT.several: "The caller's tenant has several agents for this key; none of them is guessed.",
    steps.OWN_MANAGED_AGENT.triggered: "The tenant's agent for this key runs on triggers and cannot converse.",
    steps.INSTALLATION_WITHOUT_BOT: "No bot_id was given, so no white-label installation can match.",
    steps.INSTALLATION_WITHOUT_M365_TENANT: "No inbound_tenant_id was given, so no white-label installation can match.",
    steps.ONE_ACTIVE_INSTALLATION: (
        "Exactly one active white-label channel with this bot is installed for this M365 tenant; it is taken, "
        "whatever client_id says."
    ),
    steps.NO_INSTALLATION: "No white-label channel with this bot is installed for this M365 tenant.",
    steps.SEVERAL_ACTIVE_INSTALLATIONS: (
        "Several active white-label channels with this bot are installed for this M365 tenant; none of them is guessed."
    ),
    steps.INSTALLATION_DISCONNECTED: (
        "The bot is installed for this M365 tenant, but only on a disconnected channel; "
        "a pause never hands the user on to a wider agent."
    ),
    steps.CHANNEL_WITHOUT_BOT: "No bot_id was given, so no channel can match.",
    steps.ONE_ACTIVE_CHANNEL: "The target tenant has exactly one active channel with this bot.",
    steps.NO_ACTIVE_CHANNEL: "The target tenant has no active channel with this bot.",
    steps.SEVERAL_ACTIVE_CHANNELS: (
        "The target tenant has several active channels with this bot; none of them is guessed."
    ),
    steps.NEO_SUPPORT_WITHOUT_TENANT: "There is no tenant with this id.",
    steps.NEO_SUPPORT.available: "No channel decides, so the target tenant's Neo Support answers.",
    steps.NEO_SUPPORT.missing: "The target tenant has no Neo Support agent.",
    steps.NEO_SUPPORT.several: "The target tenant has several Neo Support agents; none of them is guessed.",
    steps.NEO_SUPPORT.triggered: "The target tenant's Neo Support runs on triggers and cannot hold a conversation.",
    steps.STANDARD_CHANNEL: "The channel is not white-label, so the session belongs to no end-company.",
    steps.ONE_COMPANY_LINKED: "The channel's owner has linked this M365 tenant to exactly one end-company.",
    steps.COMPANY_WITHOUT_M365_TENANT: (
        "A white-label session belongs to one end-company, and without inbound_tenant_id nobody knows to which."
    ),
    steps.NO_COMPANY_LINKED: "The channel's owner has linked this M365 tenant to no end-company.",
    steps.SEVERAL_COMPANIES_LINKED: (
        "The channel's owner has linked this M365 tenant to several end-companies; none of them is guessed."
    ),
    steps.CHANNEL_AGENT.available: "The channel's agent is its owner's own and can hold a conversation.",
    steps.CHANNEL_AGENT.missing: "The channel names an agent that does not exist.",
    steps.CHANNEL_AGENT.foreign: "The channel names an agent of another tenant.",
    steps.CHANNEL_AGENT.triggered: "The channel names an agent that runs on triggers and cannot hold a conversation.",
}

VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.PASSED: "passed",
    Verdict.MATCHED: "taken",
    Verdict.PASSED_OVER: "passed over",
    Verdict.NOT_APPLICABLE: "does not apply",
    Verdict.REFUSED: "refused",
}

OUTCOMES: Final[Mapping[Outcome, str]] = {
    Outcome.OWN_TENANT: "an agent of the tenant that asked",
    Outcome.PLATFORM_OVERRIDE: "Neo Support of the tenant that the platform named",
    Outcome.WHITE_LABEL_CHANNEL: "the white-label channel that is installed for the M365 tenant",
    Outcome.ACTIVE_CHANNEL: "the target tenant's own channel",
    Outcome.NEO_SUPPORT_FALLBACK: "Neo Support, because no channel with the bot matched",
}

WARNINGS: Final[Mapping[WarningCode, str]] = {
    WarningCode.BOT_ID_IGNORED: "bot_id has no effect unless the platform gives it.",
    WarningCode.BOT_UNKNOWN: "No channel of anybody has this bot; it may be misspelt.",
    WarningCode.CHANNEL_PAUSED: "The target tenant has a channel with this bot, but it is disconnected.",
    WarningCode.CLIENT_ID_OVERRIDDEN: "The white-label channel that matched is not of the tenant that client_id names.",
    WarningCode.INBOUND_TENANT_ID_IGNORED: "inbound_tenant_id has no effect unless the platform gives it.",
    WarningCode.INBOUND_TENANT_ID_WITHOUT_BOT_ID: "inbound_tenant_id has no effect without bot_id.",
    WarningCode.UNKNOWN_FIELD_IGNORED: "The request has fields that nobody knows; they have no effect.",
    WarningCode.WHITE_LABEL_BOT_NOT_INSTALLED: (
        "This is a white-label bot, and none of its installations decided; nothing else confines a session to one "
        "end-company."
    ),
}

_SENTENCE_OF: Final[Mapping[tuple[Clause, Verdict, Reason], str]] = {
    (step.clause, step.verdict, step.reason): sentence for step, sentence in SENTENCES.items()
}


def sentence(step: TraceStep) -> str:
    """Return what a step of a trace says, in plain words."""
    return sentence_of(step.clause, step.verdict, step.reason)


def sentence_of(clause: Clause, verdict: Verdict, reason: Reason) -> str:
    """Return what a clause says with this verdict, for this reason."""
    return _SENTENCE_OF[clause, verdict, reason]
