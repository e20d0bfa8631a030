"""Each sort of set of calls that there is, made of the ids that part it from the others.

Where a tenant is `None`, it is one that the directory does not have.
"""

from __future__ import annotations

from typing import Final

from neo_routing.analysis.call_set import CallSet
from neo_routing.analysis.which import Layer, Which
from neo_routing.directory import ManagedAgentKey

# An audit makes millions of sets, and to ask an enumeration for a member takes as long as a quarter of one.
_ABSENT: Final = Which.ABSENT
_ANY: Final = Which.ANY
_ONE: Final = Which.ONE
_UNKNOWN: Final = Which.UNKNOWN
_INSTALLATION: Final = Layer.INSTALLATION
_NO_BOT: Final = Layer.NO_BOT
_NO_CHANNEL: Final = Layer.NO_CHANNEL
_OWN_AGENT: Final = Layer.OWN_AGENT
_OWN_MANAGED_AGENT: Final = Layer.OWN_MANAGED_AGENT


def installation(bot_id: str, m365_tenant_id: str, client_id: Which) -> CallSet:
    """Return the calls with a bot and an M365 tenant for which a white-label channel is installed."""
    return CallSet(_INSTALLATION, _ANY, None, client_id, _ONE, bot_id, _ONE, m365_tenant_id)


def with_channel(
    layer: Layer, target_id: str, bot_id: str, m365_tenant: Which, m365_tenant_id: str | None = None
) -> CallSet:
    """Return the calls with a bot of which the target tenant has a channel, active or paused."""
    return CallSet(layer, _ONE, target_id, _ANY, _ONE, bot_id, m365_tenant, m365_tenant_id)


def without_channel(target_id: str | None, bot: Which, m365_tenant: Which) -> CallSet:
    """Return the calls with a bot of this sort of which the target tenant has no channel."""
    return CallSet(_NO_CHANNEL, _one(target_id), target_id, _ANY, bot, None, m365_tenant)


def without_bot(target_id: str | None, client_id: Which, m365_tenant: Which) -> CallSet:
    """Return the calls without a bot."""
    return CallSet(_NO_BOT, _one(target_id), target_id, client_id, _ABSENT, None, m365_tenant)


def own_agent(home_id: str, agent_id: int) -> CallSet:
    """Return the calls for an agent of the caller's home tenant."""
    return _of_others(_OWN_AGENT, home_id, _ONE, agent_id)


def no_own_agent(home_id: str | None, agent: Which) -> CallSet:
    """Return the calls for another tenant's agent, or for one that is not there."""
    return _of_others(_OWN_AGENT, home_id, agent)


def own_managed_agent(home_id: str | None, key: ManagedAgentKey) -> CallSet:
    """Return the calls for a managed agent of the caller's home tenant."""
    return _of_others(_OWN_MANAGED_AGENT, home_id, key=key)


def _of_others(
    layer: Layer,
    home_id: str | None,
    agent: Which = _ABSENT,
    agent_id: int | None = None,
    key: ManagedAgentKey | None = None,
) -> CallSet:
    return CallSet(layer, _one(home_id), home_id, _ABSENT, _ANY, None, _ANY, None, agent, agent_id, key)


def _one(tenant_id: str | None) -> Which:
    return _UNKNOWN if tenant_id is None else _ONE
