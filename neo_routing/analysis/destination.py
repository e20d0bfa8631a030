"""Where sessions may go: an agent, an end-company, a tenant, a channel; and the classes that may arrive there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from attrs import evolve, frozen

from neo_routing.analysis.analysed import Analysed
from neo_routing.analysis.bots import Bots
from neo_routing.analysis.call_set import CallSet
from neo_routing.analysis.classes import neo_support_classes
from neo_routing.analysis.layers import by_owner, installations_of, is_installed, pauses_of
from neo_routing.analysis.partition import is_scoped
from neo_routing.analysis.request_class import RequestClass
from neo_routing.analysis.sets import own_agent, own_managed_agent, with_channel
from neo_routing.analysis.which import Layer, Which
from neo_routing.directory import ManagedAgentKey
from neo_routing.rows import ChannelRow, Rows
from neo_routing.target import SessionTarget


@frozen(kw_only=True)
class Destination:
    """Where a session goes; what is `None` may be anything."""

    agent_id: int | None = None
    end_company_id: str | None = None
    tenant_id: str | None = None
    """The acting tenant."""
    channel_id: str | None = None

    @property
    def is_anywhere(self) -> bool:
        """Whether nothing is said."""
        return self == Destination()

    def has(self, target: SessionTarget | None) -> bool:
        """Tell whether a session goes there."""
        return target is not None and all(
            wanted in (None, found)
            for wanted, found in (
                (self.agent_id, target.agent_id),
                (self.end_company_id, target.end_company_id),
                (self.tenant_id, target.tenant_id),
                (self.channel_id, target.channel_id),
            )
        )

    def may_be_on(self, channel: ChannelRow) -> bool:
        """Tell whether a session on the channel may go there."""
        channel_id, owner_id, agent_id, _, _ = channel
        return (
            self.agent_id in (None, agent_id)
            and self.tenant_id in (None, owner_id)
            and self.channel_id in (None, channel_id)
        )


def classes_to(destination: Destination, directory: Analysed) -> Iterator[RequestClass]:
    """Yield every class that may arrive there, and some that do not."""
    rows = directory.rows
    if destination.end_company_id is not None and destination.tenant_id is None:
        owner_id = _owner_of_company(destination.end_company_id, rows)
        if owner_id is not None:
            yield from classes_to(evolve(destination, tenant_id=owner_id), directory)
        return
    for calls in chain(_installations(destination, rows), _channels(destination, rows)):
        yield RequestClass(calls, directory)
    if destination.channel_id is None and destination.end_company_id is None:
        for tenant_id in _tenants(destination, rows):
            yield from _without_channel(tenant_id, destination.agent_id, directory)


def _owner_of_company(end_company_id: str, rows: Rows) -> str | None:
    return next((owner_id for (owner_id, _), group in rows.end_companies.items() if end_company_id in group), None)


def _installations(destination: Destination, rows: Rows) -> Iterator[CallSet]:
    for (bot_id, m365_tenant_id), channels in rows.active_installations.items():
        if any(map(destination.may_be_on, channels)):
            yield from installations_of(bot_id, m365_tenant_id)


def _channels(destination: Destination, rows: Rows) -> Iterator[CallSet]:
    keys = [key for key, channels in rows.active_channels.items() if any(map(destination.may_be_on, channels))]
    for owner_id, bot_id in keys:
        yield with_channel(Layer.ACTIVE_CHANNEL, owner_id, bot_id, Which.ABSENT)
        yield with_channel(Layer.ACTIVE_CHANNEL, owner_id, bot_id, Which.OTHER)
    bots = by_owner(key for key in keys if is_scoped(rows.active_channels[key]))
    for owner_id, m365_tenant_id in rows.end_companies:
        for bot_id in bots.get(owner_id, ()):
            if not is_installed(bot_id, m365_tenant_id, rows):
                yield with_channel(Layer.ACTIVE_CHANNEL, owner_id, bot_id, Which.ONE, m365_tenant_id)


def _tenants(destination: Destination, rows: Rows) -> list[str]:
    tenant_id, agent_id = destination.tenant_id, destination.agent_id
    if agent_id is None:
        return [tenant_id] if tenant_id is not None and tenant_id in rows.tenants else []
    owner_id = rows.conversational_agents.get(agent_id)
    return [owner_id] if owner_id is not None and tenant_id in (None, owner_id) else []


def _without_channel(tenant_id: str, agent_id: int | None, directory: Analysed) -> Iterator[RequestClass]:
    rows = directory.rows
    agent_ids = [each for each, owner_id in rows.conversational_agents.items() if owner_id == tenant_id]
    own = (own_agent(tenant_id, each) for each in agent_ids if agent_id in (None, each))
    managed = (own_managed_agent(tenant_id, key) for key in ManagedAgentKey)
    paused = (pauses_of(*key) for key in rows.disconnected_channels if _is_paused(key, tenant_id, rows))
    for calls in chain(own, managed, chain.from_iterable(paused)):
        yield RequestClass(calls, directory)
    yield from neo_support_classes(directory, tenant_id, Bots(rows))


def _is_paused(key: tuple[str, str], tenant_id: str, rows: Rows) -> bool:
    owner_id, _ = key
    return owner_id == tenant_id and key not in rows.active_channels
