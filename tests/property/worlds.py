"""Generated worlds and calls: small and adversarial, with few ids, so that rows clash, cross over and go missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from attrs import evolve, frozen
from hypothesis import strategies as st

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    EndCompany,
    ManagedAgentKey,
    Rows,
    RowsBuilder,
    RowsNeeded,
    SessionRequest,
    Tenant,
    parse_session_request,
)
from neo_routing_adapters.memory import MemoryDirectory

# Ids and names that occur in no message by accident.
TENANT_IDS = ["qx-tenant-a", "qx-tenant-b", "qx-tenant-c"]
PLATFORM_TENANT_ID = "qx-platform"
AGENT_IDS = [770001, 770002, 770003, 770004, 770005, 770006]
BOT_IDS = ["6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e", "qx-helpdesk-bot"]
M365_TENANT_IDS = ["9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a", "qx-contoso.example"]
CHANNEL_IDS = ["qx-channel-1", "qx-channel-2", "qx-channel-3", "qx-channel-4"]
COMPANY_IDS = ["qx-company-1", "qx-company-2", "qx-company-3"]
ABSENT_TENANT_ID, ABSENT_AGENT_ID = "qx-tenant-gone", 779999


@frozen
class World:
    """The rows of a directory."""

    tenants: tuple[Tenant, ...]
    agents: tuple[Agent, ...]
    channels: tuple[Channel, ...]
    end_companies: tuple[EndCompany, ...]

    def directory(self) -> MemoryDirectory:
        return MemoryDirectory(
            tenants=self.tenants, agents=self.agents, channels=self.channels, end_companies=self.end_companies
        )


def _named(ids: Sequence[str], name: str) -> dict[str, str]:
    return {each: f"Qx {name} {each[-1].upper()}" for each in ids}


TENANT_NAMES = _named([*TENANT_IDS, PLATFORM_TENANT_ID], "Services")
COMPANY_NAMES = _named(COMPANY_IDS, "Industries")


def _variants(usual: Any, **others: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Draw a row as it usually is, one in which one or two fields are otherwise, or none.

    A directory in which everything is wrong would show one fault only. The rows are made beforehand, so that one draw
    makes one row.
    """
    changes = [{name: value} for name, values in others.items() for value in values]
    pairs = [{**one, **other} for one, other in combinations(changes, 2) if one.keys() != other.keys()]
    singles = [evolve(usual, **change) for change in changes]
    rows = [usual, None, *singles, *(evolve(usual, **pair) for pair in pairs)]
    return st.sampled_from([usual] * len(singles) + singles * 3 + rows)


AGENTS = [
    _variants(
        Agent(
            id=agent_id,
            tenant_id=TENANT_IDS[place // 2],
            name=f"Qx Agent {agent_id}",
            kind=AgentKind.CONVERSATIONAL,
            managed_key=None if place % 2 else ManagedAgentKey.NEO_SUPPORT,
        ),
        tenant_id=[*TENANT_IDS, PLATFORM_TENANT_ID],
        kind=[AgentKind.TRIGGERED],
        managed_key=[None, ManagedAgentKey.NEO_SUPPORT],
    )
    for place, agent_id in enumerate(AGENT_IDS)
]
CHANNELS = [
    _variants(
        Channel(
            id=channel_id,
            tenant_id=TENANT_IDS[place % 3],
            agent_id=AGENT_IDS[2 * (place % 3) + 1],
            bot_id=BOT_IDS[place // 3],
            white_label=place != 2,
            installed_m365_tenant_ids=frozenset(M365_TENANT_IDS[place % 2 :][:1]),
            show_agent_progress_steps=[None, True, False][place % 3],
        ),
        tenant_id=TENANT_IDS,
        agent_id=[ABSENT_AGENT_ID, *AGENT_IDS],
        bot_id=BOT_IDS,
        status=[ChannelStatus.DISCONNECTED],
        white_label=[True, False],
        installed_m365_tenant_ids=[frozenset(), frozenset(M365_TENANT_IDS), *map(frozenset, zip(M365_TENANT_IDS))],
    )
    for place, channel_id in enumerate(CHANNEL_IDS)
]
END_COMPANIES = [
    _variants(
        EndCompany(
            id=company_id,
            tenant_id=TENANT_IDS[place],
            name=COMPANY_NAMES[company_id],
            m365_tenant_ids=frozenset(M365_TENANT_IDS),
        ),
        tenant_id=TENANT_IDS,
        m365_tenant_ids=[frozenset(), *map(frozenset, zip(M365_TENANT_IDS))],
    )
    for place, company_id in enumerate(COMPANY_IDS)
]


def worlds() -> st.SearchStrategy[World]:
    """Three MSPs and the platform's own tenant, which may be missing."""
    return st.builds(_world, st.booleans(), st.tuples(*AGENTS), st.tuples(*CHANNELS), st.tuples(*END_COMPANIES))


def _world(whole: bool, agents: Sequence[Any], channels: Sequence[Any], end_companies: Sequence[Any]) -> World:
    tenant_ids = [*TENANT_IDS, PLATFORM_TENANT_ID] if whole else TENANT_IDS

    def present(rows: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(row for row in rows if row is not None and row.tenant_id in tenant_ids)

    return World(
        tuple(Tenant(id=each, name=TENANT_NAMES[each]) for each in tenant_ids),
        present(agents),
        present(channels),
        present(end_companies),
    )


def callers() -> st.SearchStrategy[Caller]:
    platform = st.just(Caller(CallerKind.PLATFORM, PLATFORM_TENANT_ID))
    others = st.builds(
        Caller, st.sampled_from([CallerKind.USER, CallerKind.SERVICE_ACCOUNT]), st.sampled_from(TENANT_IDS)
    )
    return st.one_of(platform, platform, others)


SELECTORS: list[dict[str, Any]] = [
    *([{"managed_agent_key": "NEO_SUPPORT"}] * 8),
    *({"agent_id": agent_id} for agent_id in [*AGENT_IDS, ABSENT_AGENT_ID, 10**30]),
    {},
    {"managed_agent_key": "NEO_SUPPORT", "agent_id": AGENT_IDS[0]},
]


def bodies() -> st.SearchStrategy[dict[str, Any]]:
    """Well-shaped bodies of calls: mostly with one selector, some with none or two, some with blank ids."""
    bots = [*BOT_IDS * 3, "28:{QX-Helpdesk-Bot}", None, None, None, " "]
    m365_tenants = [*M365_TENANT_IDS * 3, "QX-Contoso.example ", None, None, "{}"]
    return st.builds(
        lambda selector, client_id, bot_id, m365_tenant_id, more: {
            **selector,
            "client_id": client_id,
            "bot_id": bot_id,
            "inbound_tenant_id": m365_tenant_id,
            **more,
        },
        st.sampled_from(SELECTORS),
        st.sampled_from([None, None, None, *TENANT_IDS, ABSENT_TENANT_ID, " "]),
        st.sampled_from(bots),
        st.sampled_from(m365_tenants),
        st.sampled_from([{}, {}, {"title": "Printer on fire"}, {"colour": "red"}]),
    )


def cases() -> st.SearchStrategy[tuple[Caller, SessionRequest]]:
    return st.tuples(callers(), bodies().map(lambda body: parse_session_request(body).unwrap()))


def platform_cases() -> st.SearchStrategy[tuple[Caller, SessionRequest]]:
    """Calls that tend to reach a channel."""
    body = st.fixed_dictionaries(
        {
            "managed_agent_key": st.just("NEO_SUPPORT"),
            "client_id": st.sampled_from([*TENANT_IDS, None]),
            "bot_id": st.sampled_from(BOT_IDS),
            "inbound_tenant_id": st.sampled_from(M365_TENANT_IDS),
        }
    )
    caller = Caller(CallerKind.PLATFORM, PLATFORM_TENANT_ID)
    return st.tuples(st.just(caller), body.map(lambda given: parse_session_request(given).unwrap()))


def bot_spellings(normal: str) -> st.SearchStrategy[str]:
    """Accepted ways to write a bot id."""
    return _spellings(normal, ("{%s}", " %s", "%s\n", "28:%s", "\u00a0%s\t"))


def m365_spellings(normal: str) -> st.SearchStrategy[str]:
    """Accepted ways to write an M365 tenant id."""
    return _spellings(normal, ("{%s}", " %s", "%s\n", "\u00a0%s\t"))


def _spellings(normal: str, wrappings: Sequence[str]) -> st.SearchStrategy[str]:
    bare = [normal, normal.upper()] + ([normal.replace("-", "").upper()] if len(normal) == 36 else [])

    def wrap(spelling: str, chosen: list[str]) -> str:
        for wrapping in chosen:
            spelling = wrapping % spelling
        return spelling

    return st.builds(wrap, st.sampled_from(bare), st.lists(st.sampled_from(wrappings), max_size=3))


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
