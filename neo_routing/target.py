"""Where a session goes: the answer of a decision that refuses nothing."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from neo_routing.complaints import IllFormed
from neo_routing.names import Name


class Outcome(Name):
    """By which way the agent was found."""

    OWN_TENANT = "own_tenant"
    PLATFORM_OVERRIDE = "platform_override"
    WHITE_LABEL_CHANNEL = "white_label_channel"
    ACTIVE_CHANNEL = "active_channel"
    NEO_SUPPORT_FALLBACK = "neo_support_fallback"


# Reading a member off its enumeration costs as much as a look-up.
_WHITE_LABEL_CHANNEL: Final = Outcome.WHITE_LABEL_CHANNEL
_ON_A_CHANNEL: Final = frozenset([Outcome.WHITE_LABEL_CHANNEL, Outcome.ACTIVE_CHANNEL])


_NONE: Final = type(None)
_KINDS: Final[tuple[tuple[str, tuple[type, ...]], ...]] = (
    ("outcome", (Outcome,)),
    ("tenant_id", (str,)),
    ("agent_id", (int,)),
    ("channel_id", (str, _NONE)),
    ("end_company_id", (str, _NONE)),
    ("show_agent_progress_steps", (bool, _NONE)),
)


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

    outcome: Outcome
    tenant_id: str
    agent_id: int
    channel_id: str | None = None
    end_company_id: str | None = None
    show_agent_progress_steps: bool | None = None

    def __attrs_post_init__(self) -> None:
        for name, kinds in _KINDS:
            if type(getattr(self, name)) not in kinds:
                raise IllFormed(f"must be {kinds[0].__name__}", place=f"SessionTarget.{name}")
        if (self.outcome in _ON_A_CHANNEL) is (self.channel_id is None):
            raise IllFormed("SessionTarget: a session has a channel exactly if its outcome says so")
        if self.end_company_id is None:
            if self.outcome is _WHITE_LABEL_CHANNEL:
                raise IllFormed("SessionTarget: a session on a white-label channel has an end-company")
        elif self.channel_id is None:
            raise IllFormed("SessionTarget: a session without a channel has no end-company")
        if self.channel_id is None and self.show_agent_progress_steps is not None:
            raise IllFormed("SessionTarget: a session without a channel has no setting of a channel")
