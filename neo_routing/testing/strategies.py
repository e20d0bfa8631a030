"""Strategies for Hypothesis: directories and calls, small and adversarial.

The ids are few, so rows clash, cross over and go missing all the time: several MSPs share one bot, channels are paused
or name agents that are missing, triggered or somebody else's, an M365 tenant is linked by two MSPs or to two
companies. Each of the 18 outcomes is frequent. And what Hypothesis shrinks becomes readable: a world of the rows that
matter, with plain ids, and a call of the fields that matter. So is each warning, and ids that cannot be one.

    from hypothesis import given, strategies as st
    from neo_routing import decide
    from neo_routing.testing import World, cases, directories

    @given(directories(), st.data())
    def test_my_host_decides_as_the_library(world: World, data: st.DataObject) -> None:
        caller, request = data.draw(cases(world))
        assert my_host(world, caller, request) == decide(caller, request, world.directory()).result
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache, partial
from itertools import combinations, product
from typing import Any, Final, TypeAlias, TypeVar

from attrs import astuple, evolve, frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

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
    normal_bot_id,
    normal_m365_tenant_id,
    parse_session_request,
)
from neo_routing.testing.world import World
from neo_routing.well_formed import LONGEST_ID

_Drawn = TypeVar("_Drawn")
_AskedOfChannel: TypeAlias = tuple[str, str | None, tuple[bool, bool, bool, int]]

Case: TypeAlias = tuple[Caller, SessionRequest]
"""Who asks, and for what."""

# Ids and names that occur in no message by accident.
TENANT_IDS: Final = ("msp-a", "msp-b", "msp-c")
"""The MSPs of the worlds that are drawn."""
PLATFORM_TENANT_ID: Final = "hq"
"""The home of the platform, which may be missing."""
AGENT_IDS: Final = (11, 12, 21, 22, 31, 32)
"""Their agents: usually two of each MSP, the first of them its Neo Support."""
BOT_IDS: Final = ("helpdesk", "6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e")
"""Their bots, which MSPs share."""
M365_TENANT_IDS: Final = ("contoso.example", "9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a")
"""The M365 tenants that they are installed for, and that end-companies are linked to."""
CHANNEL_IDS: Final = ("ch-1", "ch-2", "ch-3", "ch-4", "ch-5")
"""Their channels, all but the last with the first bot."""
END_COMPANY_IDS: Final = ("co-1", "co-2", "co-3")
"""Their end-companies, usually one of each MSP."""
ABSENT_TENANT_ID: Final = "msp-gone"
"""A tenant that is in no world that is drawn."""
ABSENT_AGENT_ID: Final = 99
"""An agent that is in none, though channels name it."""

_ALL_TENANT_IDS: Final = (*TENANT_IDS, PLATFORM_TENANT_ID)
_ABSENT_BOT_ID: Final = "bot-gone"
_ABSENT_M365_TENANT_ID: Final = "gone.example"
_SPELLINGS: Final = (
    "%s",
    "{%s}",
    " %s",
    "%s\n",
    "28:%s",
    "28:{%s}",
    "{28:%s}",
    "28:28:%s",
    "{{%s}}",
    "\u00a0{ %s }\t",
    " 28: {%s}",
    "28:orgid:%s",
    "28:ORGID:28:%s",
    "28:gcch:{%s}",
    "28:GCCH-Global: %s",
    "{28:dod:%s}",
    "28:dod-global:%s",
)


def bot_id_spellings(bot_id: str) -> SearchStrategy[str]:
    r"""Draw an accepted spelling of a bot id.

    >>> from hypothesis import find
    >>> find(bot_id_spellings("helpdesk"), lambda spelling: spelling.endswith("}"))
    '{helpdesk}'
    """
    return st.sampled_from(_spellings(normal_bot_id(bot_id), normal_bot_id))


def m365_tenant_id_spellings(m365_tenant_id: str) -> SearchStrategy[str]:
    """Draw an accepted spelling of an M365 tenant id.

    >>> from hypothesis import find
    >>> find(m365_tenant_id_spellings("contoso.example"), lambda spelling: spelling != "contoso.example")
    '{contoso.example}'
    """
    return st.sampled_from(_spellings(normal_m365_tenant_id(m365_tenant_id), normal_m365_tenant_id))


@lru_cache(maxsize=1024)
def _spellings(normal_id: str, normal_form: Callable[[str], str]) -> tuple[str, ...]:
    digits = normal_id.replace("-", "")
    bare = dict.fromkeys((normal_id, normal_id.upper(), digits.upper(), f"{digits[:3]}--{digits[3:]}-"))
    written = dict.fromkeys(spelling % each for each, spelling in product(bare, _SPELLINGS))
    return tuple(each for each in written if normal_form(each) == normal_id and len(each) <= LONGEST_ID)


def _rows(usual: Any, **others: Collection[Any]) -> SearchStrategy[Any]:
    """Draw no row, a row as it usually is, or one in which one or two fields are otherwise.

    A directory in which everything is wrong would show one fault only. The rows are made beforehand, so that one draw
    makes one row; what comes first is what they shrink to.
    """
    changes = [{name: value} for name, values in others.items() for value in values]
    pairs = [{**one, **other} for one, other in combinations(changes, 2) if one.keys() != other.keys()]
    singles = [evolve(usual, **change) for change in changes]
    rows = [None, usual, *singles, *(evolve(usual, **pair) for pair in pairs)]
    often = [usual] * 2 * len(pairs) + singles * (2 * len(pairs) // len(singles)) + [None] * (len(pairs) // 2)
    return st.sampled_from(rows + often)


_INSTALLED: Final = (frozenset[str](), frozenset(M365_TENANT_IDS), *map(frozenset, zip(M365_TENANT_IDS, strict=True)))

_AGENTS: Final = [
    _rows(
        Agent(
            id=agent_id,
            tenant_id=TENANT_IDS[place // 2],
            kind=AgentKind.CONVERSATIONAL,
            managed_key=None if place % 2 else ManagedAgentKey.NEO_SUPPORT,
        ),
        tenant_id=_ALL_TENANT_IDS,
        kind=[AgentKind.TRIGGERED] * 2,
        managed_key=[None, ManagedAgentKey.NEO_SUPPORT],
        name=[f"Qx Agent {agent_id}"],
    )
    for place, agent_id in enumerate(AGENT_IDS)
]
_CHANNELS: Final = [
    _rows(
        Channel(
            id=channel_id,
            tenant_id=TENANT_IDS[place % 3],
            agent_id=AGENT_IDS[2 * (place % 3) + 1],
            bot_id=BOT_IDS[place // 4],
            white_label=channel_id not in {"ch-3", "ch-5"},
            installed_m365_tenant_ids=frozenset(M365_TENANT_IDS[place % 2 :][:1]),
            show_agent_progress_steps=[None, True, False][place % 3],
        ),
        tenant_id=TENANT_IDS,
        agent_id=[ABSENT_AGENT_ID, *AGENT_IDS],
        bot_id=BOT_IDS,
        status=[ChannelStatus.DISCONNECTED] * 4,  # as often as a change of another field
        white_label=[True, False],
        installed_m365_tenant_ids=_INSTALLED,
    )
    for place, channel_id in enumerate(CHANNEL_IDS)
]
_END_COMPANIES: Final = [
    _rows(
        EndCompany(id=company_id, tenant_id=TENANT_IDS[place], m365_tenant_ids=frozenset(M365_TENANT_IDS)),
        tenant_id=TENANT_IDS,
        m365_tenant_ids=_INSTALLED,
        name=[f"Qx Industries {place}"],
    )
    for place, company_id in enumerate(END_COMPANY_IDS)
]
# Tenants that are there even if nothing is theirs.
_OTHER_TENANTS: Final = st.sampled_from(
    [(), *([_ALL_TENANT_IDS] * 4), *([TENANT_IDS] * 3), *combinations(_ALL_TENANT_IDS, 2)]
)
_SPELLINGS_OF_ALL: Final = st.sampled_from(
    [
        (),
        *((spelling,) for bot_id in BOT_IDS for spelling in _spellings(bot_id, normal_bot_id)),
        *((spelling,) for each in M365_TENANT_IDS for spelling in _spellings(each, normal_m365_tenant_id)),
        *zip(
            *(_spellings(bot_id, normal_bot_id) for bot_id in BOT_IDS),
            *(_spellings(each, normal_m365_tenant_id) for each in M365_TENANT_IDS),
            strict=False,
        ),
    ]
)


def directories() -> SearchStrategy[World]:
    """Draw a world: up to three MSPs, the platform's own tenant, and rows that may contradict each other.

    >>> from hypothesis import find
    >>> len(find(directories(), lambda world: len(world.agents) == 1).content)  # the agent and its owner
    2
    """
    return st.builds(
        _world,
        _OTHER_TENANTS,
        st.booleans(),
        st.tuples(*_AGENTS),
        st.tuples(*_CHANNELS),
        st.tuples(*_END_COMPANIES),
        _SPELLINGS_OF_ALL,
    )


def _world(others: Collection[str], named: bool, *drawn: Any) -> World:
    *collections, spellings = drawn
    agents, channels, end_companies = ([row for row in rows if row is not None] for rows in collections)
    there = {*others, *(row.tenant_id for row in (*agents, *channels, *end_companies))}
    names = {each: f"Qx Services {each[-1].upper()}" if named else each for each in _ALL_TENANT_IDS}
    tenants = [Tenant(id=each, name=name) for each, name in names.items() if each in there]
    return World(tenants, agents, channels, end_companies, spellings)


def _parsed(body: dict[str, Any]) -> SessionRequest:
    return parse_session_request(body).unwrap()


_BY_KEY: Final[dict[str, Any]] = {"managed_agent_key": str(ManagedAgentKey.NEO_SUPPORT)}
_BLANK: Final[Sequence[dict[str, Any]]] = ({"client_id": " "}, {"bot_id": "28:{ }"}, {"inbound_tenant_id": ""})
_UNUSABLE: Final[Sequence[dict[str, Any]]] = (
    {"bot_id": f'"{BOT_IDS[0]}"'},
    {"bot_id": f"\ufeff{BOT_IDS[1]}"},
    {"inbound_tenant_id": f"urn:uuid:{M365_TENANT_IDS[1]}"},
    {"bot_id": f"29:{BOT_IDS[0]}", "inbound_tenant_id": M365_TENANT_IDS[0].replace(".", "\uff0e")},
)
"""Ids of the worlds, as other programs may write them, and as no directory can."""
_MORE: Final = st.sampled_from(
    [*([{}] * 30), {"title": "Printer on fire"}, *[{"colour": "red"}] * 2, *_BLANK, *_UNUSABLE]
)
_MALFORMED: Final[Sequence[dict[str, Any]]] = (
    {"agent_id": "11"},
    {"agent_id": True},
    {"agent_id": 11.5, "title": 7},
    {"managed_agent_key": "NEO"},
    {"bot_id": 7},
    {"client_id": "msp-a\0"},
    {"inbound_tenant_id": "\ud800"},
    {"bot_id": "x" * (LONGEST_ID + 1)},
)
_MORE_OR_MALFORMED: Final = st.sampled_from(
    [*([{}] * 36), {"title": "Printer on fire"}, *_BLANK, *_UNUSABLE, *_MALFORMED]
)


@frozen
class _Ids:
    """What calls are about: ids of a world, or those of all worlds that are drawn.

    The second where they fit, so that one set of strategies does for all of them, and so that a call stays as it is
    when Hypothesis takes a row away.
    """

    tenant_ids: tuple[str, ...] = _ALL_TENANT_IDS
    agent_ids: tuple[int, ...] = AGENT_IDS
    bot_ids: tuple[str, ...] = BOT_IDS
    m365_tenant_ids: tuple[str, ...] = M365_TENANT_IDS
    channel_ids: tuple[str, ...] = CHANNEL_IDS


_USUAL_IDS: Final = _Ids()


def _ids_of(world: World) -> _Ids:
    m365_tenant_ids = {each for channel in world.channels for each in channel.installed_m365_tenant_ids}
    m365_tenant_ids |= {each for company in world.end_companies for each in company.m365_tenant_ids}
    present = _Ids(
        tuple(tenant.id for tenant in world.tenants),
        tuple(agent.id for agent in world.agents),
        tuple(dict.fromkeys(channel.bot_id for channel in world.channels)),
        tuple(sorted(m365_tenant_ids)),
        tuple(channel.id for channel in world.channels),
    )
    pairs = zip(astuple(present), astuple(_USUAL_IDS), strict=True)
    return _USUAL_IDS if all({*some} <= {*usual} for some, usual in pairs) else present


def callers(world: World) -> SearchStrategy[Caller]:
    """Draw who asks: of any kind, at home at a tenant of the world or at one that is not there.

    >>> from hypothesis import find
    >>> find(callers(World([Tenant(id="msp-z")])), lambda caller: caller.is_platform)
    Caller(kind=<CallerKind.PLATFORM: 'platform'>, tenant_id='msp-z')
    """
    return _callers(_ids_of(world), *CallerKind, CallerKind.PLATFORM, often=2)


def bodies(world: World) -> SearchStrategy[dict[str, Any]]:
    """Draw the raw body of a call, with ids in any spelling; some of them malformed.

    >>> from hypothesis import find
    >>> find(bodies(World()), lambda body: parse_session_request(body).value_or(None) is None)
    {'agent_id': '11'}
    """
    return st.builds(operator.or_, _aimed_bodies(world), _MORE_OR_MALFORMED)


def session_requests(world: World) -> SearchStrategy[SessionRequest]:
    """Draw what is asked for: about rows of the world, or about some that are not there.

    >>> from hypothesis import find
    >>> find(session_requests(World()), lambda request: request.client_id == ABSENT_TENANT_ID).client_id
    'msp-gone'
    """
    return st.builds(operator.or_, _aimed_bodies(world), _MORE).map(_parsed)


def cases(world: World) -> SearchStrategy[Case]:
    """Draw a call: most of them such as this caller may make.

    >>> from hypothesis import find
    >>> caller, request = find(cases(World()), lambda case: case[1].agent_id is not None)
    >>> caller.is_platform, request.agent_id
    (False, 99)
    """
    ids = _ids_of(world)
    own, platform, odd, platform_callers_and_channels = _cases(ids)
    about_an_agent = st.sampled_from((ABSENT_AGENT_ID, *ids.agent_ids)).map(partial(_case_about_agent, world))
    about_a_channel = platform_callers_and_channels.map(partial(_case_about_channel, world))
    return _one_of(own, about_an_agent, *[platform] * 3, *[about_a_channel] * 3, odd)


def _one_of(*ways: SearchStrategy[_Drawn]) -> SearchStrategy[_Drawn]:
    """Draw in one of these ways; `st.one_of` would count a way once that is given twice."""
    return st.integers(0, len(ways) - 1).flatmap(ways.__getitem__)


def _case_about_agent(world: World, agent_id: int) -> Case:
    owners = {agent.id: agent.tenant_id for agent in world.agents}
    return Caller(CallerKind.USER, owners.get(agent_id, ABSENT_TENANT_ID)), SessionRequest(agent_id=agent_id)


def _case_about_channel(world: World, caller_and_asked: tuple[Caller, _AskedOfChannel]) -> Case:
    caller, asked = caller_and_asked
    return caller, _parsed(_body_about_channel(world, asked))


def _body_about_channel(world: World, asked: _AskedOfChannel) -> dict[str, Any]:
    channel_id, m365_tenant_id, (owner_is_named, is_installed, is_paused, spelling) = asked
    # If Hypothesis takes the channel away, the call shall be about one that is left.
    found = next((each for each in world.channels if each.id == channel_id), next(iter(world.channels), None))
    if found is None:
        return _BY_KEY
    if is_paused:
        found = next((each for each in world.channels if each.status is ChannelStatus.DISCONNECTED), found)
    if is_installed and m365_tenant_id not in found.installed_m365_tenant_ids:
        m365_tenant_id = min(found.installed_m365_tenant_ids, default=None)
    return _body(
        _BY_KEY,
        found.tenant_id if owner_is_named else None,
        _spelled(found.bot_id, normal_bot_id, spelling),
        m365_tenant_id and _spelled(m365_tenant_id, normal_m365_tenant_id, spelling),
        {},
    )


def _spelled(normal_id: str, normal_form: Callable[[str], str], which: int) -> str:
    spellings = _spellings(normal_id, normal_form)
    return spellings[which % len(spellings)]


# It takes longer to make a strategy than to draw from it.


@lru_cache(maxsize=64)
def _cases(
    ids: _Ids,
) -> tuple[
    SearchStrategy[Case], SearchStrategy[Case], SearchStrategy[Case], SearchStrategy[tuple[Caller, _AskedOfChannel]]
]:
    others = _callers(ids, CallerKind.SERVICE_ACCOUNT, CallerKind.USER)
    return (
        st.tuples(others, _own_bodies(ids).map(_parsed)),
        st.tuples(_callers(ids, CallerKind.PLATFORM), _platform_bodies(ids).map(_parsed)),
        st.tuples(_callers(ids, *CallerKind), _odd_bodies(ids).map(_parsed)),
        st.tuples(_callers(ids, CallerKind.PLATFORM), _asked_of_channels(ids)),
    )


# Whether the owner is named, whether the M365 tenant is one that the channel is installed for, if any, whether a paused
# channel is preferred, and how the ids are spelled; one draw for all of them.
_HOW_CHANNELS_ARE_ASKED_ABOUT: Final = st.sampled_from(
    [*product((False, True), (False, True, True), (False, False, True), range(len(_SPELLINGS)))]
)


@lru_cache(maxsize=64)
def _asked_of_channels(ids: _Ids) -> SearchStrategy[_AskedOfChannel]:
    return st.tuples(
        st.sampled_from(ids.channel_ids or CHANNEL_IDS),
        st.sampled_from((None, *ids.m365_tenant_ids)),
        _HOW_CHANNELS_ARE_ASKED_ABOUT,
    )


def _aimed_bodies(world: World) -> SearchStrategy[dict[str, Any]]:
    """Draw a body without looking at who sends it, so that each outcome is frequent whoever does."""
    ids = _ids_of(world)
    own, platform, odd, of_a_client = _bodies_of(ids)
    about_an_agent = _asked_of_agents(ids).map(partial(_body_about_agent, world))
    about_a_channel = _asked_of_channels(ids).map(partial(_body_about_channel, world))
    return _one_of(own, *[about_an_agent] * 6, platform, odd, *[of_a_client] * 2, *[about_a_channel] * 12)


@lru_cache(maxsize=64)
def _bodies_of(ids: _Ids) -> tuple[SearchStrategy[dict[str, Any]], ...]:
    of_a_client = st.sampled_from([{**_BY_KEY, "client_id": each} for each in (*ids.tenant_ids, ABSENT_TENANT_ID)])
    return _own_bodies(ids), _platform_bodies(ids), _odd_bodies(ids), of_a_client


@lru_cache(maxsize=64)
def _asked_of_agents(ids: _Ids) -> SearchStrategy[tuple[int, bool]]:
    return st.tuples(st.sampled_from((ABSENT_AGENT_ID, *ids.agent_ids)), st.sampled_from((False, True, True)))


def _body_about_agent(world: World, asked: tuple[int, bool]) -> dict[str, Any]:
    agent_id, is_triggered = asked
    triggered = (agent.id for agent in world.agents if agent.kind is AgentKind.TRIGGERED)
    return {"agent_id": next(triggered, agent_id) if is_triggered else agent_id}


def _callers(ids: _Ids, *kinds: CallerKind, often: int = 1) -> SearchStrategy[Caller]:
    return st.sampled_from(
        [Caller(kind, each) for each in (*ids.tenant_ids * often, ABSENT_TENANT_ID) for kind in kinds]
    )


def _own_bodies(ids: _Ids) -> SearchStrategy[dict[str, Any]]:
    """What a caller asks for that is not the platform."""
    selectors = [{"agent_id": each} for each in (ABSENT_AGENT_ID, *ids.agent_ids * 2, 0, 10**30)]
    return st.sampled_from(selectors + [_BY_KEY] * (len(selectors) // 3))


def _platform_bodies(ids: _Ids) -> SearchStrategy[dict[str, Any]]:
    """What the platform asks for: mostly about a bot."""
    return st.builds(_body, st.just(_BY_KEY), *_ids_given(ids), _MORE)


def _odd_bodies(ids: _Ids) -> SearchStrategy[dict[str, Any]]:
    """What nobody should ask for: no selector or two, or what is not the caller's to give."""
    some = [{"agent_id": each} for each in (ABSENT_AGENT_ID, *ids.agent_ids)]
    selectors = [{}, *some, *[_BY_KEY] * len(some), {**_BY_KEY, "agent_id": ABSENT_AGENT_ID}]
    return st.builds(_body, st.sampled_from(selectors), *_ids_given(ids), _MORE)


def _ids_given(ids: _Ids) -> tuple[SearchStrategy[str | None], ...]:
    bot_ids = [spelling for each in ids.bot_ids for spelling in _spellings(each, normal_bot_id)]
    m365_tenant_ids = [spelling for each in ids.m365_tenant_ids for spelling in _spellings(each, normal_m365_tenant_id)]
    return (
        _some_of(ids.tenant_ids, ABSENT_TENANT_ID),
        _some_of(bot_ids, _ABSENT_BOT_ID),
        _some_of(m365_tenant_ids, _ABSENT_M365_TENANT_ID),
    )


def _some_of(present: Sequence[str], absent: str) -> SearchStrategy[str | None]:
    """Draw one that is present in most cases, else none or, less often, an absent one."""
    share = 1 + len(present) // 6
    return st.sampled_from([*([None] * 3 * share), *present, *([absent] * share)])


def _body(
    selector: dict[str, Any],
    client_id: str | None,
    bot_id: str | None,
    m365_tenant_id: str | None,
    more: dict[str, Any],
) -> dict[str, Any]:
    ids = {"client_id": client_id, "bot_id": bot_id, "inbound_tenant_id": m365_tenant_id}
    return selector | {name: value for name, value in ids.items() if value is not None} | more
