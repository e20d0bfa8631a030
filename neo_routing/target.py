"""Where a session goes: the answer of a decision that refuses nothing."""

from __future__ import annotations

from attrs import field, frozen
from attrs.validators import instance_of

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

    Raises `ValueError` where these do not fit together.

    >>> SessionTarget(outcome=Outcome.OWN_TENANT, tenant_id="msp-a", agent_id=12).end_company_id is None
    True
    """

    outcome: Outcome = field(validator=instance_of(Outcome))
    tenant_id: str
    agent_id: int
    channel_id: str | None = None
    end_company_id: str | None = None
    show_agent_progress_steps: bool | None = None

    def __attrs_post_init__(self) -> None:
        on_channel = self.outcome in {Outcome.WHITE_LABEL_CHANNEL, Outcome.ACTIVE_CHANNEL}
        if on_channel is (self.channel_id is None):
            raise ValueError("a session has a channel exactly if its outcome says so")
        if self.end_company_id is None and self.outcome is Outcome.WHITE_LABEL_CHANNEL:
            raise ValueError("a session on a white-label channel has an end-company")
        if not on_channel and (self.end_company_id, self.show_agent_progress_steps) != (None, None):
            raise ValueError("only a session on a channel has an end-company or shows progress steps")
