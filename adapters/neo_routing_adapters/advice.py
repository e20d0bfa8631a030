"""Sentences for a person: what came nearest to what a step looked for, and what can be done about a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from neo_routing import Clause, Decision, Reason, Verdict, steps
from neo_routing.account_remedy import AccountRemedy
from neo_routing.nearest_miss import Miss
from neo_routing.step import Step

MISSES: Final[Mapping[Miss, str]] = {
    Miss.TENANT_IN_ANOTHER_SPELLING: "The tenant is known, in another spelling: tenant ids are compared to the letter.",
    Miss.TENANT_UNKNOWN: "The caller's tenant itself is unknown.",
    Miss.AGENTS_WITHOUT_THE_KEY: "The tenant has conversational agents, but none of them carries the key.",
    Miss.INSTALLED_ON_A_DISCONNECTED_CHANNEL: "Installed, but the channel is disconnected.",
    Miss.M365_TENANT_NOT_SAID: "The bot has white-label channels, but the call does not say where it is from.",
    Miss.INSTALLED_ON_A_STANDARD_CHANNEL: "Installed, but on a standard channel.",
    Miss.NOT_AMONG_THE_INSTALLATIONS: "The bot is known, this M365 tenant is not among its installations.",
    Miss.ON_STANDARD_CHANNELS_ONLY: "The bot is known, but it has no white-label channel.",
    Miss.INSTALLED_WITH_ANOTHER_BOT: "The M365 tenant has installations, but of another bot.",
    Miss.OWN_CHANNEL_DISCONNECTED: "The target tenant has the channel, but it is disconnected.",
    Miss.CHANNEL_OF_ANOTHER_TENANT: "The bot is known, but on channels of other tenants.",
    Miss.BOT_UNKNOWN: "The bot is unknown: no channel of anybody has it.",
    Miss.LINKED_BY_ANOTHER_TENANT: "The link is at another MSP.",
    Miss.COMPANIES_WITHOUT_A_LINK: "The owner has end-companies that are linked to no M365 tenant yet.",
    Miss.COMPANIES_LINKED_ELSEWHERE: "The owner has end-companies, but they are linked to other M365 tenants.",
}

_ANOTHER_AGENT: Final = "Choose another agent for the channel."
_ONE_MANAGED_AGENT: Final = "Leave exactly one agent with the key, and a conversational one."
_SET_UP: Final = "Set up the tenant's Neo Support."
REMEDIES: Final[Mapping[Step, str]] = {
    steps.BLANK_ID: "Something upstream sends blank ids: mend that, and do not leave the id out.",
    steps.UNUSABLE_ID: (
        "Something upstream sends ids in a form that no directory has, in quotation marks for example, or after a "
        "prefix of another sort; the step shows them. Mend that: the bare id is a GUID or a name."
    ),
    steps.OWN_MANAGED_AGENT.missing: _SET_UP,
    steps.OWN_MANAGED_AGENT.several: _ONE_MANAGED_AGENT,
    steps.OWN_MANAGED_AGENT.triggered: _ONE_MANAGED_AGENT,
    steps.SEVERAL_ACTIVE_INSTALLATIONS: (
        "Agree on one of the channels in the step, and take the installation for this M365 tenant away from the "
        "others. To disconnect those would pause them for all their other users."
    ),
    steps.INSTALLATION_DISCONNECTED: (
        "Reconnect the channel. To take the installation away instead is no remedy: calls from there would go on to a "
        "wider agent, the target tenant's own channel or its Neo Support."
    ),
    steps.SEVERAL_ACTIVE_CHANNELS: "Agree on one of the channels in the step; disconnect the others.",
    steps.NEO_SUPPORT_WITHOUT_TENANT: (
        "The client_id is wrong, or the tenant has gone; a webhook may not have heard: find out which."
    ),
    steps.NEO_SUPPORT.missing: _SET_UP,
    steps.NEO_SUPPORT.several: _ONE_MANAGED_AGENT,
    steps.NEO_SUPPORT.triggered: _ONE_MANAGED_AGENT,
    steps.COMPANY_WITHOUT_M365_TENANT: "The host did not pass on where the message came from: look there.",
    steps.NO_COMPANY_LINKED: (
        "The owner of the channel links the M365 tenant to the company whose people write from it."
    ),
    steps.SEVERAL_COMPANIES_LINKED: "The owner of the channel keeps one of the links in the step.",
    steps.CHANNEL_AGENT.missing: _ANOTHER_AGENT,
    steps.CHANNEL_AGENT.foreign: _ANOTHER_AGENT,
    steps.CHANNEL_AGENT.triggered: _ANOTHER_AGENT,
}
"""What an operator can do about a refusing step; all others are mistakes of the caller, and the message says what."""

ACCOUNT_REMEDIES: Final[Mapping[AccountRemedy, str]] = {
    AccountRemedy.LINK_ONE_COMPANY: (
        "Link the M365 tenant that the message comes from to exactly one of your companies: the one whose people write "
        "from it."
    ),
    AccountRemedy.KEEP_ONE_LINK: "Several of your companies are linked to the M365 tenant. Keep one of the links.",
    AccountRemedy.SAY_THE_M365_TENANT: (
        "Your channel serves each company by itself, so the call has to say which M365 tenant it comes from."
    ),
    AccountRemedy.RECONNECT_THE_CHANNEL: "Your channel is paused: reconnect it, and of several only one.",
    AccountRemedy.KEEP_ONE_INSTALLATION: (
        "Several channels with this bot are installed for the M365 tenant, yours among them, and exactly one may stay. "
        "Ask the platform which, before you take this installation away from yours."
    ),
    AccountRemedy.KEEP_ONE_ACTIVE_CHANNEL: "Several of your channels have this bot. Keep one of them active.",
    AccountRemedy.CHOOSE_AN_AGENT_FOR_THE_CHANNEL: (
        "Your channel names an agent that cannot answer there. Choose one of your own conversational agents for it."
    ),
    AccountRemedy.HAVE_ONE_MANAGED_AGENT: (
        "Your account must have exactly one Neo Support, and a conversational one. Ask the platform to mend that."
    ),
    AccountRemedy.HAVE_A_MANAGED_AGENT_SET_UP: "Your account has no Neo Support. Ask the platform to set it up.",
    AccountRemedy.ASK_FOR_AN_OWN_AGENT: "Ask for one of your own conversational agents.",
    AccountRemedy.HAVE_THE_ACCOUNT_SET_UP: "The platform does not know your account. Ask it to set that up.",
}

NOTHING_TO_MEND: Final = "Nothing in your account stands in the way of this call."
"""What is said to an account that can do nothing about a refusal."""

_REMEDY_OF: Final = {(step.clause, step.verdict, step.reason): sentence for step, sentence in REMEDIES.items()}


def remedies(decision: Decision) -> list[str]:
    """Return what an operator can do about a refusal; nothing, if it is a mistake of the caller."""
    told = (_REMEDY_OF.get((step.clause, step.verdict, step.reason)) for step in decision.trace)
    return [sentence for sentence in told if sentence is not None]


def remedy_of(clause: Clause, reason: Reason) -> str | None:
    """Return what an operator can do where this clause refuses for this reason, if that is no mistake of the caller."""
    return _REMEDY_OF.get((clause, Verdict.REFUSED, reason))
