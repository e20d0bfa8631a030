"""Where a session goes: the answer of a decision that refuses nothing (section 5)."""

from __future__ import annotations

from attrs import frozen

from neo_routing.names import Name


class Outcome(Name):
    """By which way the agent was found."""

    OWN_TENANT = "own_tenant"
    PLATFORM_OVERRIDE = "platform_override"
    WHITE_LABEL_CHANNEL = "white_label_channel"
    ACTIVE_CHANNEL = "active_channel"
    NEO_SUPPORT_FALLBACK = "neo_support_fallback"


@frozen(kw_only=True)
class SessionTarget:
    """Which agent answers, as which tenant, and in which end-company's scope.

    `tenant_id` is the acting tenant, whose agent, channel and end-company the others are. `channel_id` and
    `show_agent_progress_steps` are a channel's and otherwise `None`; `end_company_id` is set for white-label
    channels, and for no other session.

    >>> SessionTarget(outcome=Outcome.OWN_TENANT, tenant_id="msp-a", agent_id=12).end_company_id is None
    True
    """

    outcome: Outcome
    tenant_id: str
    agent_id: int
    channel_id: str | None = None
    end_company_id: str | None = None
    show_agent_progress_steps: bool | None = None
