"""The calls to look at where two directories differ: one for each class that may be told otherwise.

They are about the keys under which rows changed, and about what rests on those: a channel on its agent, a session on a
white-label channel on its owner's links, what ends at Neo Support on the tenant. What is told as a region is not here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import TypeAlias

from neo_routing.analysis.changed_rows import ChangedRows
from neo_routing.analysis.common import Both
from neo_routing.analysis.representatives import ASKED_OF_MANAGED_AGENT, asked, asked_of_agent, caller_of
from neo_routing.analysis.resting import Resting
from neo_routing.caller import Caller, CallerKind
from neo_routing.directory import ManagedAgentKey
from neo_routing.request import SessionRequest

Point: TypeAlias = tuple[Caller, SessionRequest]


def points(both: Both, changed: ChangedRows, resting: Resting) -> Iterator[Point]:
    """Yield a call for each class of calls that may be told otherwise, some of them more than once."""
    yield from _others(both, changed)
    yield from _neo_support(both, changed, resting)
    yield from _channels(both, resting)
    yield from _installations(both, resting)


def _others(both: Both, changed: ChangedRows) -> Iterator[Point]:
    for home_id, key in product(changed.homes, ManagedAgentKey):
        yield caller_of(CallerKind.USER, home_id), ASKED_OF_MANAGED_AGENT[key]
    for agent_id in changed.agents:
        for rows in both.sides:
            for owners in (rows.conversational_agents, rows.triggered_agents):
                if agent_id in owners:
                    yield caller_of(CallerKind.USER, owners[agent_id]), asked_of_agent(agent_id)


def _neo_support(both: Both, changed: ChangedRows, resting: Resting) -> Iterator[Point]:
    m365_tenant_ids = (None, both.nowhere.m365_tenant_id)
    for target_id in changed.homes:
        caller = caller_of(CallerKind.PLATFORM, target_id)
        for client_id, m365_tenant_id in product((None, target_id), m365_tenant_ids):
            yield caller, asked(client_id, None, m365_tenant_id)
        without_channel = (both.nowhere.bot_id, *resting.bots.without_channel_of(target_id))
        paused = resting.paused_bots.get(target_id, ())
        for bot_id, m365_tenant_id in product((*without_channel, *paused), m365_tenant_ids):
            yield caller, asked(target_id, bot_id, m365_tenant_id)


def _channels(both: Both, resting: Resting) -> Iterator[Point]:
    for target_id, bot_id in resting.channels:
        caller = caller_of(CallerKind.PLATFORM, target_id)
        linked = resting.m365_tenants_linked_by.get(target_id, ())
        for m365_tenant_id in (None, both.nowhere.m365_tenant_id, *linked):
            yield caller, asked(target_id, bot_id, m365_tenant_id)
    for target_id, bot_id, m365_tenant_id in resting.links:
        yield caller_of(CallerKind.PLATFORM, target_id), asked(target_id, bot_id, m365_tenant_id)


def _installations(both: Both, resting: Resting) -> Iterator[Point]:
    anybody = caller_of(CallerKind.PLATFORM, both.nowhere.tenant_id)
    for key in resting.installations:
        if not resting.is_one_sided(key):
            for client_id in (None, both.nowhere.tenant_id, *resting.owners_installed(key)):
                yield anybody, asked(client_id, *key)
