"""Each sort of set of calls that there is, made of the ids that part it from the others.

Where a tenant is `None`, it is one that the directory does not have.
"""

from __future__ import annotations

from neo_routing.analysis.call_set import CallSet
from neo_routing.analysis.which import Layer, Which
from neo_routing.directory import ManagedAgentKey


def installation(bot_id: str, m365_tenant_id: str, client_id: Which) -> CallSet:
    """Return the calls with a bot and an M365 tenant for which a white-label channel is installed."""
    layer, one = Layer.INSTALLATION, Which.ONE
    return CallSet(layer, Which.ANY, None, client_id, one, bot_id, one, m365_tenant_id)


def with_channel(
    layer: Layer, target_id: str, bot_id: str, m365_tenant: Which, m365_tenant_id: str | None = None
) -> CallSet:
    """Return the calls with a bot of which the target tenant has a channel, active or paused."""
    return CallSet(layer, Which.ONE, target_id, Which.ANY, Which.ONE, bot_id, m365_tenant, m365_tenant_id)


def without_channel(target_id: str | None, bot: Which, m365_tenant: Which) -> CallSet:
    """Return the calls with a bot of this sort of which the target tenant has no channel."""
    return CallSet(Layer.NO_CHANNEL, _one(target_id), target_id, Which.ANY, bot, None, m365_tenant)


def without_bot(target_id: str | None, client_id: Which, m365_tenant: Which) -> CallSet:
    """Return the calls without a bot."""
    return CallSet(Layer.NO_BOT, _one(target_id), target_id, client_id, Which.ABSENT, None, m365_tenant)


def own_agent(home_id: str, agent_id: int) -> CallSet:
    """Return the calls for an agent of the caller's home tenant."""
    return _of_others(Layer.OWN_AGENT, home_id, Which.ONE, agent_id)


def no_own_agent(home_id: str | None, agent: Which) -> CallSet:
    """Return the calls for another tenant's agent, or for one that is not there."""
    return _of_others(Layer.OWN_AGENT, home_id, agent)


def own_managed_agent(home_id: str | None, key: ManagedAgentKey) -> CallSet:
    """Return the calls for a managed agent of the caller's home tenant."""
    return _of_others(Layer.OWN_MANAGED_AGENT, home_id, key=key)


def _of_others(
    layer: Layer,
    home_id: str | None,
    agent: Which = Which.ABSENT,
    agent_id: int | None = None,
    key: ManagedAgentKey | None = None,
) -> CallSet:
    absent, ignored = Which.ABSENT, Which.ANY
    return CallSet(layer, _one(home_id), home_id, absent, ignored, None, ignored, None, agent, agent_id, key)


def _one(tenant_id: str | None) -> Which:
    return Which.UNKNOWN if tenant_id is None else Which.ONE
