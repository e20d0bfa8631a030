"""What the contract asks of a directory: worlds and keys that are chosen, not drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, product
from typing import Any, Final

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
    RowsNeeded,
    SessionRequest,
    Tenant,
    decide,
)
from neo_routing.rows import NO_ROWS
from neo_routing.testing.strategies import ABSENT_TENANT_ID, Case
from neo_routing.testing.world import World

NEAR: Final = World(
    [Tenant(id="msp-ä")],
    [
        Agent(id=11, tenant_id="msp-ä", kind=AgentKind.CONVERSATIONAL),
        Agent(id=12, tenant_id="msp-ä", kind=AgentKind.TRIGGERED, managed_key=ManagedAgentKey.NEO_SUPPORT),
    ],
    [
        Channel(
            id="ch-1",
            tenant_id="msp-ä",
            agent_id=11,
            bot_id="helpdesk-ä",
            white_label=True,
            installed_m365_tenant_ids=frozenset(["firma-ä.example"]),
        )
    ],
    [EndCompany(id="co-1", tenant_id="msp-ä", m365_tenant_ids=frozenset(["firma-ä.example"]))],
)
"""A white-label session, whose ids other ids can be near to."""

_UNUSUAL: Final = "'\";--\\%_$1:x{0}\r\n\t\x01\u2028é😀\U0010ffff"
_LONG: Final = f"{_UNUSUAL}{'x' * 256}"[:256]
EXTREMES: Final = World(
    [Tenant(id=" msp-a", name=""), Tenant(id=_LONG, name=_LONG)],
    [
        Agent(
            id=2**31,
            tenant_id=" msp-a",
            name="",
            kind=AgentKind.TRIGGERED,
            managed_key=ManagedAgentKey.NEO_SUPPORT,
        ),
        Agent(id=2**63 - 1, tenant_id=_LONG, name=_LONG, kind=AgentKind.CONVERSATIONAL),
    ],
    [
        Channel(
            id=" ch-1",
            tenant_id=" msp-a",
            agent_id=2**31,
            bot_id=_UNUSUAL,
            status=ChannelStatus.DISCONNECTED,
            white_label=True,
            installed_m365_tenant_ids=frozenset([_UNUSUAL]),
            show_agent_progress_steps=True,
        ),
        Channel(
            id=_LONG,
            tenant_id=_LONG,
            agent_id=2**63 - 1,
            bot_id=_LONG,
            white_label=True,
            installed_m365_tenant_ids=frozenset([_LONG]),
            show_agent_progress_steps=False,
        ),
    ],
    [
        EndCompany(id=" co-1", tenant_id=" msp-a", name="", m365_tenant_ids=frozenset([_UNUSUAL])),
        EndCompany(id=_LONG, tenant_id=_LONG, name=_LONG, m365_tenant_ids=frozenset([_LONG])),
    ],
)
"""Values at the limits of what the model allows."""


def _moved(owner_id: str, agent_id: int, company_id: str) -> World:
    return World(
        [Tenant(id="msp-a"), Tenant(id="msp-b")],
        [Agent(id=agent_id, tenant_id=owner_id, kind=AgentKind.CONVERSATIONAL)],
        [
            Channel(
                id=f"ch-{bot_id}",
                tenant_id=owner_id,
                agent_id=agent_id,
                bot_id=bot_id,
                white_label=True,
                installed_m365_tenant_ids=frozenset(["contoso.example"]),
            )
            for bot_id in ("bot-1", "bot-2")
        ],
        [EndCompany(id=company_id, tenant_id=owner_id, m365_tenant_ids=frozenset(["contoso.example"]))],
    )


MOVED: Final = (_moved("msp-a", 11, "co-1"), _moved("msp-b", 21, "co-2"))
"""Two channels that move, with their agent and their link, from one MSP to another.

Whoever reads channels of the one state, and agents or links of the other, finds nothing of the owner's and refuses.
"""
MOVED_CASES: Final = tuple(
    (
        Caller(CallerKind.PLATFORM, "hq"),
        SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT, bot_id=bot_id, m365_tenant_id="contoso.example"),
    )
    for bot_id in ("bot-1", "bot-2")
)


class _Recorder:
    def __init__(self) -> None:
        self.needed: Sequence[RowsNeeded] = ()

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        self.needed = needed
        return NO_ROWS


def needed_by(case: Case) -> Sequence[RowsNeeded]:
    """Return the rows that the case needs, or nothing if it is refused without any."""
    recorder = _Recorder()
    decide(*case, recorder)
    return recorder.needed


def every_case(world: World) -> Iterator[Case]:
    """Yield calls about every row of a world, from each of its tenants and from one that is not there."""
    key = ManagedAgentKey.NEO_SUPPORT
    tenant_ids = [ABSENT_TENANT_ID, *(tenant.id for tenant in world.tenants)]
    bot_ids = {channel.bot_id for channel in world.channels}
    m365_tenant_ids = {each for channel in world.channels for each in channel.installed_m365_tenant_ids}
    for tenant_id, bot_id, m365_tenant_id in product(tenant_ids, sorted(bot_ids), [None, *sorted(m365_tenant_ids)]):
        request = SessionRequest(managed_agent_key=key, bot_id=bot_id, m365_tenant_id=m365_tenant_id)
        yield Caller(CallerKind.PLATFORM, tenant_id), request
    for agent in world.agents:
        yield Caller(CallerKind.USER, agent.tenant_id), SessionRequest(agent_id=agent.id)


def all_needed(world: World) -> list[RowsNeeded]:
    """Return what finds every row of a world in which each company has a channel of its owner."""
    by_channel: list[RowsNeeded] = [
        (channel.tenant_id, channel.agent_id, ManagedAgentKey.NEO_SUPPORT, channel.bot_id, m365_tenant_id)
        for channel in world.channels
        for m365_tenant_id in sorted(channel.installed_m365_tenant_ids)
    ]
    return [*by_channel, *((agent.tenant_id, agent.id, None, None, None) for agent in world.agents)]


def _each_replaced(needed: RowsNeeded, *others: RowsNeeded) -> Iterator[RowsNeeded]:
    """Yield what is needed with one key of another at a time, and then the other as it is."""
    for other in others:
        for place, key in enumerate(other):
            replaced: list[Any] = [*needed]
            replaced[place] = key
            tenant_id, agent_id, managed_key, bot_id, m365_tenant_id = replaced
            yield tenant_id, agent_id, managed_key, bot_id, m365_tenant_id
        yield other


def nearly_needed(sound: RowsNeeded) -> Iterator[RowsNeeded]:
    """Yield keys that are near to those of `NEAR` and find nothing there, beside keys that may find something."""
    numbers = (-11, 11 + 2**32, 11 + 2**64, 1, 110)
    tenant_ids = [*_nearly("msp-ä"), "MSP-Ä", "msp-ä ", " msp-ä"]
    ids = zip(tenant_ids, cycle(numbers), *map(cycle, map(_nearly, ("helpdesk-ä", "firma-ä.example"))), strict=False)
    nearly = [
        (tenant_id, number, ManagedAgentKey.NEO_SUPPORT, bot_id, m365_tenant_id)
        for tenant_id, number, bot_id, m365_tenant_id in ids
    ]
    return _each_replaced(sound, *nearly)


def _nearly(text: str) -> list[str]:
    """Return other ids in normal form that a collation, a pattern or a careless store may take for this one."""
    return [
        text.replace("ä", "Ä"),
        text.replace("ä", "a"),
        text.replace("ä", "a\u0308"),
        text[:-1],
        f"{text}x",
        f"x{text}",
        "%",
        "_" * len(text),
        "*",
        f"{text}\u200b",
    ]


def hostile_needed(sound: RowsNeeded) -> Iterator[RowsNeeded]:
    """Yield keys that no row can have, beside keys that may find something."""
    texts = ("\0", "msp-a\0", "\ud800", "x" * 10_000, "", " ", "'; drop table tenant; --", "\\", "%s ? :id $1 {0}")
    numbers = (2**63, -(2**63) - 1, 0, -1, 2**64, 10**600, -(10**600), 2**31, 2**63 - 1)
    hostile = [
        (text, number, ManagedAgentKey.NEO_SUPPORT, text, text) for text, number in zip(texts, numbers, strict=True)
    ]
    return _each_replaced(sound, *hostile)
