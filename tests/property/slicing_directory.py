"""A directory that answers with the rows that were needed, and with no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve

from neo_routing import Rows, RowsBuilder, RowsNeeded
from neo_routing.testing import World


def needed_rows(world: World, needed: Sequence[RowsNeeded]) -> Rows:  # noqa: C901  # four sorts of rows
    """Fetch what the port's contract promises, and nothing else: the smallest directory that is complete."""
    builder = RowsBuilder()
    found = World((), (), (), ())
    for one in needed:
        found = _joined(found, _slice(world, one))
    for tenant in found.tenants:
        builder.add_tenant(tenant.id)
    for agent in found.agents:
        builder.add_agent(agent.id, agent.tenant_id, agent.name, agent.kind, agent.managed_key)
    for channel in found.channels:
        row = (channel.id, channel.tenant_id, channel.agent_id, channel.white_label, channel.show_agent_progress_steps)
        builder.add_channel(row, channel.bot_id, channel.status, channel.installed_m365_tenant_ids)
    for company in found.end_companies:
        for m365_tenant_id in company.m365_tenant_ids:
            builder.add_link(company.tenant_id, m365_tenant_id, company.id, company.name)
    for _, _, _, bot_id, _ in needed:
        if any(channel.white_label and channel.bot_id == bot_id for channel in world.channels):
            builder.add_white_label_bot(str(bot_id))
        if any(channel.bot_id == bot_id for channel in world.channels):
            builder.add_known_bot(str(bot_id))
    return builder.rows()


def _slice(world: World, needed: RowsNeeded) -> World:
    tenant_id, agent_id, key, bot_id, m365_tenant_id = needed
    channels = [
        channel
        for channel in world.channels
        if channel.bot_id == bot_id
        and (
            channel.tenant_id == tenant_id
            or (channel.white_label and m365_tenant_id in channel.installed_m365_tenant_ids)
        )
    ]
    installed_here = frozenset([m365_tenant_id] if m365_tenant_id else [])
    owner_ids = {channel.tenant_id for channel in channels}
    agent_ids = {channel.agent_id for channel in channels} | {agent_id}
    return World(
        tuple(tenant for tenant in world.tenants if tenant.id == tenant_id),
        tuple(
            agent
            for agent in world.agents
            if agent.id in agent_ids or (agent.tenant_id == tenant_id and key and agent.managed_key == key)
        ),
        tuple(
            evolve(channel, installed_m365_tenant_ids=channel.installed_m365_tenant_ids & installed_here)
            for channel in channels
        ),
        tuple(
            evolve(company, m365_tenant_ids=company.m365_tenant_ids & installed_here)
            for company in world.end_companies
            if company.tenant_id in owner_ids
        ),
    )


def _joined(one: World, other: World) -> World:
    def rows(collection: str, ids: str | None = None) -> tuple[Any, ...]:
        found: dict[Any, Any] = {}
        for row in (*getattr(one, collection), *getattr(other, collection)):
            known = found.get(row.id)
            found[row.id] = evolve(row, **{ids: getattr(row, ids) | getattr(known, ids)}) if known and ids else row
        return tuple(found.values())

    return World(
        rows("tenants"),
        rows("agents"),
        rows("channels", "installed_m365_tenant_ids"),
        rows("end_companies", "m365_tenant_ids"),
    )


class SlicingDirectory:
    """Answers with what was needed and nothing else, perhaps spoilt on purpose, and counts its look-ups."""

    def __init__(self, world: World, spoil: Callable[[Rows], Rows] = lambda rows: rows) -> None:
        self._world = world
        self._spoil = spoil
        self.look_ups = 0

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        self.look_ups += 1
        return self._spoil(needed_rows(self._world, needed))
