"""Every directory up to a small size, and every call that means something there: nothing is drawn, nothing left out.

There are MSPs A and B, the platform's own tenant, one bot and two M365 tenants, one of these with a GUID and one with a
name, since the two have different normal forms. A *scope* is a complete product of
choices: what stands in two slots for channels and in two for companies, and which agents carry the managed key. Worlds
that differ only in which MSP is called A, which M365 tenant comes first or which slot is which are one world, because
nothing in the rules looks into an id; of these, one is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations_with_replacement, product
from typing import Any, Final, TypeAlias, TypeVar

from attrs import evolve, frozen

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    EndCompany,
    ManagedAgentKey,
    SessionRequest,
    Tenant,
    parse_session_request,
)
from neo_routing.testing.world import World

A: Final = "msp-a"
B: Final = "msp-b"
PLATFORM_TENANT_ID: Final = "provider"
UNKNOWN_TENANT_ID: Final = "msp-unknown"
BOT_ID: Final = "6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e"
UNKNOWN_BOT_ID: Final = "nobodys-bot"
M365_TENANT_IDS: Final = ("contoso.example", "9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a")
UNKNOWN_M365_TENANT_ID: Final = "tailspin.example"
UNKNOWN_AGENT_ID: Final = 99
KEY: Final = ManagedAgentKey.NEO_SUPPORT

_MSPS: Final = (A, B)
_OWNERS: Final = (A, B, PLATFORM_TENANT_ID)
_CONVERSATIONAL: Final = {A: 11, B: 21, PLATFORM_TENANT_ID: 31}
_TRIGGERED: Final = {A: 12, B: 22, PLATFORM_TENANT_ID: 32}
_SUPPORT: Final = {A: (13, 14), B: (23, 24), PLATFORM_TENANT_ID: (33, 34)}
_SUBSETS: Final = (frozenset[str](), *map(frozenset, zip(M365_TENANT_IDS)), frozenset(M365_TENANT_IDS))


def _agent(agent_id: int, tenant_id: str, kind: AgentKind, key: ManagedAgentKey | None = None) -> Agent:
    return Agent(id=agent_id, tenant_id=tenant_id, name=f"agent {agent_id}", kind=kind, managed_key=key)


_USUAL_AGENTS: Final = {
    owner: (
        _agent(_CONVERSATIONAL[owner], owner, AgentKind.CONVERSATIONAL),
        _agent(_TRIGGERED[owner], owner, AgentKind.TRIGGERED),
    )
    for owner in _OWNERS
}


# What may stand in each place


def _supports(owner: str) -> list[tuple[Agent, ...]]:
    """One managed agent as it should be; none; two; a triggered one."""
    first, second = _SUPPORT[owner]
    fine = _agent(first, owner, AgentKind.CONVERSATIONAL, KEY)
    return [
        (fine,),
        (),
        (fine, _agent(second, owner, AgentKind.CONVERSATIONAL, KEY)),
        (_agent(first, owner, AgentKind.TRIGGERED, KEY),),
    ]


def _channels(channel_id: str, owners: Sequence[str], show_agent_progress_steps: bool | None) -> list[Channel | None]:
    """No channel; or one of any owner, agent, status, sort and installations."""
    return [
        None,
        *(
            Channel(
                id=channel_id,
                tenant_id=owner,
                agent_id=agent_id,
                bot_id=BOT_ID,
                status=status,
                white_label=white_label,
                installed_m365_tenant_ids=installed,
                show_agent_progress_steps=show_agent_progress_steps,
            )
            for owner in owners
            for agent_id in (
                _CONVERSATIONAL[owner],
                _TRIGGERED[owner],
                *(_CONVERSATIONAL[other] for other in _MSPS if other != owner),
                UNKNOWN_AGENT_ID,
            )
            for status in ChannelStatus
            for white_label, installed in [
                *((True, each) for each in _SUBSETS),
                *((False, each) for each in _SUBSETS[:3]),
            ]
        ),
    ]


def _companies(company_id: str) -> list[EndCompany | None]:
    """No company, which is as good as one without links; or one of any MSP, with any links."""
    return [
        None,
        *(
            EndCompany(id=company_id, tenant_id=owner, name=f"{company_id} Ltd", m365_tenant_ids=linked)
            for owner in _MSPS
            for linked in _SUBSETS[1:]
        ),
    ]


_Pair: TypeAlias = tuple[int, int]
_Agents: TypeAlias = tuple[int, int, int]
"""What the managed agents of A, of B and of the platform are, by number; the last of the platform is no tenant."""
_FINE, _FAULTY, _HOME_MISSING = 0, (1, 2, 3), 4

# The symmetries: A for B, one M365 tenant for the other, and both


@frozen(eq=False)
class _Renaming:
    """Another name for each MSP, or for each M365 tenant, or for both."""

    names: Mapping[Any, Any]

    def of_channel(self, channel: Channel) -> Channel:
        return evolve(
            channel,
            tenant_id=self._name(channel.tenant_id),
            agent_id=self._name(channel.agent_id),
            installed_m365_tenant_ids=frozenset(map(self._name, channel.installed_m365_tenant_ids)),
        )

    def of_company(self, company: EndCompany) -> EndCompany:
        m365_tenant_ids = frozenset(map(self._name, company.m365_tenant_ids))
        return evolve(company, tenant_id=self._name(company.tenant_id), m365_tenant_ids=m365_tenant_ids)

    def of_agents(self, agents: _Agents) -> _Agents:
        of_a, of_b, home = agents
        return (of_b, of_a, home) if A in self.names else agents

    def _name(self, name: _Name) -> _Name:
        renamed: _Name = self.names.get(name, name)
        return renamed


_Name = TypeVar("_Name", str, int)
_Row = TypeVar("_Row", Channel, EndCompany)


def _swapped(*pairs: tuple[Any, Any]) -> dict[Any, Any]:
    return {old: new for one, other in pairs for old, new in [(one, other), (other, one)]}


_MSPS_SWAPPED: Final = _swapped((A, B), (_CONVERSATIONAL[A], _CONVERSATIONAL[B]), (_TRIGGERED[A], _TRIGGERED[B]))
_M365_TENANTS_SWAPPED: Final = _swapped(M365_TENANT_IDS)
_RENAMINGS: Final = tuple(map(_Renaming, (_MSPS_SWAPPED, _M365_TENANTS_SWAPPED, _MSPS_SWAPPED | _M365_TENANTS_SWAPPED)))


def _numbers_of(rows: Sequence[_Row | None], renamed: Callable[[_Row], _Row]) -> list[int]:
    """Return for each of these rows the number of the one that it becomes."""
    return [rows.index(None if row is None else renamed(row)) for row in rows]


# Scopes


@frozen(eq=False)
class Scope:
    """A complete product of choices."""

    name: str
    about: str
    """What varies besides channels, companies and calls."""
    channel_owners: tuple[str, ...]
    agents: tuple[_Agents, ...]

    @property
    def channel_pairs(self) -> list[_Pair]:
        """What stands in the two slots for channels, by number, without what is another pair renamed."""
        pairs = combinations_with_replacement(range(len(self._slots[0])), 2)
        return [pair for pair in pairs if all(pair <= self._renamed(pair, renaming) for renaming in _RENAMINGS)]

    def worlds(self, channel_pairs: Iterable[_Pair]) -> Iterator[World]:
        """Yield every world with these channels."""
        for pair in channel_pairs:
            channels = _present(self._slots, pair)
            for companies, agents in self._rest(pair):
                yield _world(channels, _present(_COMPANY_SLOTS, companies), agents)

    def count(self) -> int:
        """Return how many worlds there are."""
        return sum(len(self._rest(pair)) for pair in self.channel_pairs)

    @property
    def _slots(self) -> tuple[list[Channel | None], ...]:
        return _channel_slots(self.channel_owners)

    def _renamed(self, pair: _Pair, renaming: _Renaming) -> _Pair:
        return _sorted(pair, _numbers(self.channel_owners, renaming))

    def _rest(self, pair: _Pair) -> list[tuple[_Pair, _Agents]]:
        """Return what may stand beside these channels: companies and agents, by number."""
        # Where a renaming leaves the channels as they are, it makes of one rest another, which is not taken.
        symmetries = tuple(renaming for renaming in _RENAMINGS if self._renamed(pair, renaming) == pair)
        needs_platform = any(each.tenant_id == PLATFORM_TENANT_ID for each in _present(self._slots, pair))
        return _rests(self.agents, symmetries, needs_platform)


@cache
def _channel_slots(owners: tuple[str, ...]) -> tuple[list[Channel | None], ...]:
    return _channels("channel-1", owners, True), _channels("channel-2", owners, None)


_COMPANY_SLOTS: Final = (_companies("company-1"), _companies("company-2"))


@cache
def _numbers(owners: tuple[str, ...], renaming: _Renaming) -> list[int]:
    return _numbers_of(_channel_slots(owners)[0], renaming.of_channel)


@cache
def _rests(
    agents: tuple[_Agents, ...], symmetries: tuple[_Renaming, ...], needs_platform: bool
) -> list[tuple[_Pair, _Agents]]:
    pairs = list(combinations_with_replacement(range(len(_COMPANY_SLOTS[0])), 2))
    numbers = {renaming: _numbers_of(_COMPANY_SLOTS[0], renaming.of_company) for renaming in symmetries}
    return [
        rest
        for rest in product(pairs, agents)
        if not (needs_platform and rest[1][2] == _HOME_MISSING)
        and all(rest <= (_sorted(rest[0], numbers[each]), each.of_agents(rest[1])) for each in symmetries)
    ]


def _sorted(pair: _Pair, numbers: Sequence[int]) -> _Pair:
    one, other = numbers[pair[0]], numbers[pair[1]]
    return (one, other) if one <= other else (other, one)


def _present(slots: Sequence[Sequence[_Row | None]], numbers: Sequence[int]) -> tuple[_Row, ...]:
    rows = (slot[number] for slot, number in zip(slots, numbers, strict=True))
    return tuple(row for row in rows if row is not None)


def _world(channels: tuple[Channel, ...], end_companies: tuple[EndCompany, ...], agents: _Agents) -> World:
    tenants, agent_rows = _tenants_and_agents(agents)
    return World(tenants, agent_rows, channels, end_companies)


@cache
def _tenants_and_agents(numbers: _Agents) -> tuple[tuple[Tenant, ...], tuple[Agent, ...]]:
    present = _OWNERS if numbers[2] != _HOME_MISSING else _MSPS
    return (
        tuple(Tenant(id=owner, name=f"{owner} Ltd") for owner in present),
        tuple(
            agent
            for owner, number in zip(present, numbers, strict=False)
            for agent in (*_USUAL_AGENTS[owner], *_supports(owner)[number])
        ),
    )


SECRETS: Final = frozenset(
    str(said).lower()
    for owner in _OWNERS
    for said in (
        owner,
        f"{owner} Ltd",
        *(word for agent in (*_USUAL_AGENTS[owner], *_supports(owner)[2]) for word in (agent.id, agent.name)),
    )
) | {"channel-1", "channel-2", "company-1", "company-2"}
"""What no refusal may hold that was not in the request, in lower case."""

_ONE_FAULTY: Final = ((_FINE, _FINE), *((each, _FINE) for each in _FAULTY), *((_FINE, each) for each in _FAULTY))

SCOPES: Final[Mapping[str, Scope]] = {
    scope.name: scope
    for scope in (
        Scope("tiny", "", _MSPS, ((_FINE, _FINE, _FINE),)),
        Scope(
            "small",
            "the managed agents of A or of B may be at fault",
            _MSPS,
            tuple((*each, _FINE) for each in _ONE_FAULTY),
        ),
        Scope(
            "large",
            "the platform may own channels, everybody's managed agents may be at fault, its tenant may be missing",
            _OWNERS,
            tuple(product(range(4), range(4), range(_HOME_MISSING + 1))),
        ),
    )
}

# The calls

Case: TypeAlias = Mapping[str, Mapping[str, Any]]
"""A caller and a request in their JSON form."""


@frozen(eq=False)
class Call:
    """Who asks for what, as rows of the model and as they came."""

    caller: Caller
    request: SessionRequest
    document: Case
    """Both in their JSON form."""


def _call(kind: CallerKind, tenant_id: str, **body: Any) -> Call:
    given = {name: value for name, value in body.items() if value is not None}
    document = {"caller": {"kind": str(kind), "tenant_id": tenant_id}, "request": given}
    return Call(Caller(kind, tenant_id), parse_session_request(given).unwrap(), document)


def _platform_calls() -> Iterator[Call]:
    for client_id, bot_id, m365_tenant_id in product(
        (None, *_OWNERS, UNKNOWN_TENANT_ID),
        (None, BOT_ID, UNKNOWN_BOT_ID),
        (None, *M365_TENANT_IDS, UNKNOWN_M365_TENANT_ID),
    ):
        yield _call(
            CallerKind.PLATFORM,
            PLATFORM_TENANT_ID,
            managed_agent_key=str(KEY),
            client_id=client_id,
            bot_id=bot_id,
            inbound_tenant_id=m365_tenant_id,
        )


def _other_calls() -> Iterator[Call]:
    selectors: list[dict[str, Any]] = [{"managed_agent_key": str(KEY)}]
    agent_ids = [*_CONVERSATIONAL.values(), *_TRIGGERED.values(), UNKNOWN_AGENT_ID]
    selectors += [{"agent_id": agent_id} for agent_id in agent_ids]
    about: list[dict[str, Any]] = [{}, *({"bot_id": BOT_ID, "inbound_tenant_id": each} for each in M365_TENANT_IDS)]
    for kind, selector, more in product((CallerKind.USER, CallerKind.SERVICE_ACCOUNT), selectors, about):
        for tenant_id in _MSPS:
            yield _call(kind, tenant_id, **selector, **more)


CALLS: Final = (*_platform_calls(), *_other_calls())
"""Every call that admission lets through, of every caller and shape."""


def _shapes() -> Iterator[Case]:
    for kind, fields in product(CallerKind, product(*_SHAPES.values())):
        request = {name: value for name, value in zip(_SHAPES, fields, strict=True) if value is not None}
        yield {"caller": {"kind": str(kind), "tenant_id": A}, "request": request}


_SHAPES: Final[Mapping[str, tuple[Any, ...]]] = {
    "agent_id": (None, _CONVERSATIONAL[A], "11"),
    "managed_agent_key": (None, str(KEY), "OTHER"),
    "bot_id": (None, BOT_ID, "28:orgid:{ }", f"urn:uuid:{BOT_ID}", 7),
    "client_id": (None, A, "", " ", "\0"),
    "inbound_tenant_id": (None, M365_TENANT_IDS[0], "{}", f"({M365_TENANT_IDS[0]})", "\ud800"),
    "title": (None, "x" * 501),
    "colour": (None, "red"),
}
SHAPES: Final = tuple(_shapes())
"""Requests of every shape: each field left out, as it should be, and in each way in which admission refuses it."""
