"""All request classes of a directory: each once, and none that is empty."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from neo_routing.analysis.analysed import Analysed, Directory, analysed
from neo_routing.analysis.bots import Bots
from neo_routing.analysis.layers import active_channels, installations, paused_channels
from neo_routing.analysis.partition import call_set_of, sort_of_bot
from neo_routing.analysis.request_class import RequestClass
from neo_routing.analysis.sets import no_own_agent, own_agent, own_managed_agent, without_bot, without_channel
from neo_routing.analysis.which import Which
from neo_routing.caller import Caller
from neo_routing.directory import ManagedAgentKey
from neo_routing.request import SessionRequest
from neo_routing.rows import Rows


def request_classes(directory: Directory) -> Iterator[RequestClass]:
    """Yield every class of the calls that can be made on a whole directory.

    Each call that admission lets through belongs to exactly one of them. There are as many as there are rows, some
    times over, and within a tenant as many as it has white-label bots times links; they are yielded one by one, so that
    they take no more memory than the directory has already. Raises `ValueError` for a slice.

    >>> from neo_routing import Tenant, content_of
    >>> classes = [*request_classes(content_of(tenants=[Tenant(id="msp-a")]))]
    >>> len(classes), classes[0].words
    (16, 'the platform for msp-a, client_id absent, without a bot, without an M365 tenant')
    """
    return classes_of(analysed(directory))


def class_of(caller: Caller, request: SessionRequest, directory: Directory) -> RequestClass | None:
    """Return the class that a call belongs to; `None` where admission refuses the call.

    >>> from neo_routing import CallerKind, content_of
    >>> class_of(Caller(CallerKind.PLATFORM, "hq"), SessionRequest(), content_of()) is None
    True
    """
    return class_in(analysed(directory), caller, request)


def class_in(directory: Analysed, caller: Caller, request: SessionRequest) -> RequestClass | None:
    """Return the class that a call belongs to in a directory that is being analysed."""
    calls = call_set_of(caller, request, directory.rows)
    if calls is None:
        return None
    example = request.agent_id if calls.agent is Which.FOREIGN else request.bot_id
    return RequestClass(calls, directory, example)


def classes_of(directory: Analysed) -> Iterator[RequestClass]:
    """Yield every class of a directory that is being analysed."""
    rows = directory.rows
    for calls in chain(installations(rows), active_channels(rows), paused_channels(rows)):
        yield RequestClass(calls, directory)
    bots = Bots(rows)
    for tenant_id in chain(rows.tenants, [None]):
        yield from neo_support_classes(directory, tenant_id, bots)
        for key in ManagedAgentKey:
            yield RequestClass(own_managed_agent(tenant_id, key), directory)
    yield from _own_agents(directory)


def neo_support_classes(directory: Analysed, tenant_id: str | None, bots: Bots) -> Iterator[RequestClass]:
    """Yield those that end at the Neo Support of a tenant for want of a channel; `None` is one that is not there."""
    for client_id in (Which.ABSENT, Which.GIVEN):
        for m365_tenant in (Which.ABSENT, Which.GIVEN):
            yield RequestClass(without_bot(tenant_id, client_id, m365_tenant), directory)
    for bot_id in (directory.nowhere.bot_id, *bots.without_channel_of(tenant_id)):
        for m365_tenant in (Which.ABSENT, Which.OTHER):
            calls = without_channel(tenant_id, sort_of_bot(bot_id, directory.rows), m365_tenant)
            yield RequestClass(calls, directory, bot_id)


def _own_agents(directory: Analysed) -> Iterator[RequestClass]:
    rows = directory.rows
    for agent_id, owner_id in chain(rows.conversational_agents.items(), rows.triggered_agents.items()):
        yield RequestClass(own_agent(owner_id, agent_id), directory)
    examples = _agents_of_two_tenants(rows)
    for tenant_id in chain(rows.tenants, [None]):
        yield RequestClass(no_own_agent(tenant_id, Which.UNKNOWN), directory)
        foreign = next((agent_id for agent_id, owner_id in examples if owner_id != tenant_id), None)
        if foreign is not None:
            yield RequestClass(no_own_agent(tenant_id, Which.FOREIGN), directory, foreign)


def _agents_of_two_tenants(rows: Rows) -> list[tuple[int, str]]:
    """Return an agent, and one of another tenant, as far as there are such: for each tenant, one is foreign."""
    found: list[tuple[int, str]] = []
    for agent_id, owner_id in chain(rows.conversational_agents.items(), rows.triggered_agents.items()):
        if not any(owner_id == known_id for _, known_id in found):
            found.append((agent_id, owner_id))
        if len(found) > 1:
            break
    return found
