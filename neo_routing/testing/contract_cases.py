"""What the contract asks of a directory: worlds and keys that are chosen, not drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, cycle, product
from operator import attrgetter
from typing import Any, Final

from attrs import evolve

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
from neo_routing.rows_builder import NO_ROWS
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
            bot_id="help-desk",
            white_label=True,
            installed_m365_tenant_ids=frozenset(["firm-a.example"]),
        )
    ],
    [EndCompany(id="co-1", tenant_id="msp-ä", m365_tenant_ids=frozenset(["firm-a.example"]))],
)
"""A white-label session, whose ids other ids can be near to."""


def _twins() -> World:
    """Rows whose ids are nearly alike, each tenant with rows of its own under a bot of its own."""
    tenant_ids = ("msp-ä", "MSP-Ä", "msp-a", "MSP-A", "msp-a\u0308", "msp-a ", "msp-", "msp-%")
    bot_ids = ("help-desk", "help_desk", "help.desk", "helpdesk", "help-desk-", "help-des", "0", "00")
    m365_tenant_ids = ("firm-a", "firm_a", "firm.a", "firma", "firm-a-", "firm-", "1", "01")
    numbers = (11, 11 + 2**32, 11 + 2**62, 1, 110, 11 + 2**8, 11 + 2**16, 11 + 2**53)
    owned = [*zip(tenant_ids, numbers, bot_ids, map(frozenset[str], zip(m365_tenant_ids)), strict=True)]
    return World(
        [Tenant(id=owner_id) for owner_id in tenant_ids],
        [
            Agent(id=number, tenant_id=owner_id, kind=AgentKind.CONVERSATIONAL, managed_key=_KEY)
            for owner_id, number, _, _ in owned
        ],
        [
            Channel(
                id=f"ch-{bot_ids.index(bot_id)}",
                tenant_id=owner_id,
                agent_id=number,
                bot_id=bot_id,
                white_label=True,
                installed_m365_tenant_ids=installed,
            )
            for owner_id, number, bot_id, installed in owned
        ],
        [
            EndCompany(id=f"co-{number}", tenant_id=owner_id, m365_tenant_ids=linked)
            for owner_id, number, _, linked in owned
        ],
    )


_KEY: Final = ManagedAgentKey.NEO_SUPPORT
TWINS: Final = _twins()
"""Ids that a collation, a pattern or fewer bits take for one another, all of them there."""

_UNUSUAL: Final = "'\";--\\%_$1:x{0}\r\n\t\x01\u2028éÜßİ\u212a😀\U0010ffff"
_LONG: Final = f"{_UNUSUAL}{'x' * 256}"[:256]
_UNUSUAL_ID: Final = "-.__0"
_LONG_ID: Final = f"{_UNUSUAL_ID}{'x' * 256}"[:256]
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
            bot_id=_UNUSUAL_ID,
            status=ChannelStatus.DISCONNECTED,
            white_label=True,
            installed_m365_tenant_ids=frozenset([_UNUSUAL_ID]),
            show_agent_progress_steps=True,
        ),
        Channel(
            id=_LONG,
            tenant_id=_LONG,
            agent_id=2**63 - 1,
            bot_id=_LONG_ID,
            white_label=True,
            installed_m365_tenant_ids=frozenset([_LONG_ID]),
            show_agent_progress_steps=False,
        ),
    ],
    [
        EndCompany(id=" co-1", tenant_id=" msp-a", name="", m365_tenant_ids=frozenset([_UNUSUAL_ID])),
        EndCompany(id=_LONG, tenant_id=_LONG, name=_LONG, m365_tenant_ids=frozenset([_LONG_ID])),
    ],
)
"""Values at the limits of what the model allows."""


_CONTOSO: Final = frozenset(["contoso.example"])
_ROWS_OF_A_KEY: Final = 301
CROWDED: Final = World(
    [Tenant(id="msp-a"), Tenant(id="msp-b")],
    [
        Agent(id=number, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, managed_key=_KEY)
        for number in range(1, _ROWS_OF_A_KEY + 1)
    ],
    [
        Channel(
            id=f"ch-{owner_id}-{number:04}",
            tenant_id=owner_id,
            agent_id=number,
            bot_id="bot-1",
            white_label=owner_id == "msp-b",
            installed_m365_tenant_ids=_CONTOSO,
        )
        for owner_id in ("msp-a", "msp-b")
        for number in range(1, _ROWS_OF_A_KEY + 1)
    ],
    [
        EndCompany(id=f"co-{owner_id}-{number:04}", tenant_id=owner_id, m365_tenant_ids=_CONTOSO)
        for owner_id in ("msp-a", "msp-b")
        for number in range(1, _ROWS_OF_A_KEY + 1)
    ],
)
"""Very many channels, agents and links under each key."""
CROWDED_NEEDED: Final[RowsNeeded] = ("msp-a", None, _KEY, "bot-1", "contoso.example")
"""What finds them all."""

_CHANNEL: Final = Channel(
    id="ch-1",
    tenant_id="msp-a",
    agent_id=11,
    bot_id="bot-1",
    white_label=True,
    installed_m365_tenant_ids=_CONTOSO,
)
_PAUSED: Final = evolve(
    _CHANNEL, id="ch-2", tenant_id="msp-b", agent_id=21, bot_id="bot-2", status=ChannelStatus.DISCONNECTED
)
_STANDARD: Final = evolve(
    _PAUSED, id="ch-3", bot_id="bot-3", white_label=False, installed_m365_tenant_ids=frozenset[str]()
)
_AGENT: Final = Agent(id=11, tenant_id="msp-a", name="Qx Agent", kind=AgentKind.CONVERSATIONAL)
_CARRIERS: Final = (evolve(_AGENT, id=12, managed_key=_KEY), evolve(_AGENT, id=13))
_COMPANY: Final = EndCompany(id="co-1", tenant_id="msp-a", name="Qx Industries", m365_tenant_ids=_CONTOSO)
_OTHER_COMPANY: Final = evolve(_COMPANY, id="co-2", tenant_id="msp-b")
MOVED: Final = (
    World(
        [Tenant(id="hq"), Tenant(id="msp-a"), Tenant(id="msp-b")],
        [_AGENT, *_CARRIERS],
        [_CHANNEL, _PAUSED, _STANDARD],
        [_COMPANY, _OTHER_COMPANY],
    ),
    World(
        [Tenant(id="msp-a"), Tenant(id="msp-b")],
        [
            evolve(_AGENT, tenant_id="msp-b", name="Qx Automation", kind=AgentKind.TRIGGERED),
            *(evolve(each, managed_key=None if each.managed_key else _KEY) for each in _CARRIERS),
        ],
        [evolve(_CHANNEL, white_label=False), _PAUSED],
        [evolve(_COMPANY, name="Qx Holding"), evolve(_COMPANY, id="co-3"), _OTHER_COMPANY],
    ),
)
"""Two states of one directory: the same ids, and under each key of `MOVED_NEEDED` other rows.

So whoever reads some rows in the one state and some in the other, or keeps some, finds what is in neither. The second
MSP has linked the same M365 tenant, and the bot of its paused channel has no other. The third bot has a channel in the
first state only: a paused standard one, which makes the bot known to everybody and routes nothing.
"""
MOVED_NEEDED: Final[tuple[RowsNeeded, ...]] = (
    ("msp-a", None, _KEY, "bot-1", "contoso.example"),
    ("hq", None, _KEY, "bot-1", "contoso.example"),
    ("msp-a", None, _KEY, "bot-3", "contoso.example"),
)
"""Decisions that have other rows in each state; the tenant of the second is in the first state only."""


_CALLERS: Final = 24  # more than an engine of SQLAlchemy has connections, unless it is told otherwise


def _tenant_with_all(number: int) -> World:
    tenant_id, agent_id = f"msp-{number}", 2 * number + 1
    m365_tenant_ids = frozenset([f"firm-{number}.example"])
    agents = [
        Agent(id=agent_id, tenant_id=tenant_id, kind=AgentKind.CONVERSATIONAL),
        Agent(id=agent_id + 1, tenant_id=tenant_id, kind=AgentKind.CONVERSATIONAL, managed_key=_KEY),
    ]
    channel = Channel(
        id=f"ch-{number}",
        tenant_id=tenant_id,
        agent_id=agent_id,
        bot_id=f"bot-{number}",
        white_label=True,
        installed_m365_tenant_ids=m365_tenant_ids,
    )
    company = EndCompany(id=f"co-{number}", tenant_id=tenant_id, m365_tenant_ids=m365_tenant_ids)
    return World([Tenant(id=tenant_id)], agents, [channel], [company])


def _asked_by(number: int, world: World) -> RowsNeeded:
    """Return one of four questions: for all, for an agent, for the managed agent, for what is not there."""
    [tenant], [agent, _], [channel] = world.tenants, world.agents, world.channels
    [m365_tenant_id] = channel.installed_m365_tenant_ids
    questions: tuple[RowsNeeded, ...] = (
        (tenant.id, None, _KEY, channel.bot_id, m365_tenant_id),
        (tenant.id, agent.id, None, None, None),
        (tenant.id, None, _KEY, None, None),
        (f"{tenant.id}-gone", None, _KEY, f"{channel.bot_id}-gone", m365_tenant_id),
    )
    return questions[number % len(questions)]


_TENANTS_OF_CALLERS: Final = [_tenant_with_all(number) for number in range(_CALLERS)]
CALLERS: Final = World(
    *(
        chain.from_iterable(map(attrgetter(rows), _TENANTS_OF_CALLERS))
        for rows in ("tenants", "agents", "channels", "end_companies")
    )
)
"""Many tenants that have nothing in common."""
CALLERS_NEEDED: Final = tuple(_asked_by(number, world) for number, world in enumerate(_TENANTS_OF_CALLERS))
"""What as many callers need at the same time: no two of them the same row."""


def crowd_of_strangers(count: int) -> tuple[World, list[RowsNeeded]]:
    """Return the first state of `MOVED` with many agents more, and what finds one of them each and nothing else."""
    [world, _] = MOVED
    known = {agent.id for agent in world.agents}
    numbers = [number for number in range(1, count + len(known) + 1) if number not in known]
    agents = [evolve(_AGENT, id=number) for number in numbers]
    needed: list[RowsNeeded] = [
        (f"stranger-{each}", each, None, f"bot-of-{each}", f"{each}.example") for each in numbers
    ]
    return evolve(world, agents=(*world.agents, *agents)), needed


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
    """Yield calls about every row of a world and about a bot that is not there, from its tenants and from another."""
    tenant_ids = [ABSENT_TENANT_ID, *(tenant.id for tenant in world.tenants)]
    bot_ids = {channel.bot_id for channel in world.channels}
    m365_tenant_ids = {each for channel in world.channels for each in channel.installed_m365_tenant_ids}
    for tenant_id, bot_id, m365_tenant_id in product(tenant_ids, sorted(bot_ids), [None, *sorted(m365_tenant_ids)]):
        request = SessionRequest(managed_agent_key=_KEY, bot_id=bot_id, m365_tenant_id=m365_tenant_id)
        yield Caller(CallerKind.PLATFORM, tenant_id), request
    absent = SessionRequest(managed_agent_key=_KEY, bot_id="bot-gone")
    yield Caller(CallerKind.PLATFORM, tenant_ids[-1]), absent
    for agent in world.agents:
        yield Caller(CallerKind.USER, agent.tenant_id), SessionRequest(agent_id=agent.id)


def asked_of_relations(world: World) -> list[RowsNeeded]:
    """Return what calls about every row need, and about an agent that is not there."""
    asked = [needed for case in every_case(world) for needed in needed_by(case)]
    return [*asked, *((tenant.id, 2**40, None, None, None) for tenant in world.tenants)]


def all_needed(world: World) -> list[RowsNeeded]:
    """Return what finds every row of a world in which each company has a channel of its owner."""
    by_channel: list[RowsNeeded] = [
        (channel.tenant_id, channel.agent_id, ManagedAgentKey.NEO_SUPPORT, channel.bot_id, m365_tenant_id)
        for channel in world.channels
        for m365_tenant_id in sorted(channel.installed_m365_tenant_ids or ["nowhere.example"])
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
    tenant_ids = [*_nearly("msp-ä"), "MSP-Ä", "msp-ä ", " msp-ä", "msp-Ä", "msp-a", "msp-a\u0308"]
    ids = zip(tenant_ids, cycle(numbers), *map(cycle, map(_nearly, ("help-desk", "firm-a.example"))), strict=False)
    nearly = [
        (tenant_id, number, ManagedAgentKey.NEO_SUPPORT, bot_id, m365_tenant_id)
        for tenant_id, number, bot_id, m365_tenant_id in ids
    ]
    return _each_replaced(sound, *nearly)


def _nearly(text: str) -> list[str]:
    """Return other ids that a collation, a pattern, a range or a careless store may take for this one."""
    return [
        text.replace("-", "_"),
        text.replace("-", "."),
        text.replace("-", ""),
        text[:-1],
        f"{text}x",
        f"x{text}",
        f"{text}-",
        "%",
        "_" * len(text),
        "*",
        f"{text}\u200b",
        f"\ufeff{text}",
        text.replace("e", "\uff45"),
    ]


def hostile_needed(sound: RowsNeeded) -> Iterator[RowsNeeded]:
    """Yield keys that no row can have, beside keys that may find something."""
    texts = (
        "\0",
        f"{sound[0]}\0",
        "\ud800",
        "x" * 10_000,
        "",
        " ",
        "'; drop table tenant; --",
        "\\",
        "%s ? :id $1 {0}",
    )
    numbers = (2**63, -(2**63) - 1, 0, -1, 2**64, 10**600, -(10**600), 2**31, 2**63 - 1)
    hostile = [
        (text, number, ManagedAgentKey.NEO_SUPPORT, text, text) for text, number in zip(texts, numbers, strict=True)
    ]
    return _each_replaced(sound, *hostile)
