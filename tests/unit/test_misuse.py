"""What a host may get wrong is told by its name, and never decided upon."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import attrs
import pytest

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    Complaint,
    EndCompany,
    ManagedAgentKey,
    Rows,
    RowsBuilder,
    RowsNeeded,
    SessionRequest,
    Tenant,
    adecide,
    adecide_many,
    aresolve_session_target,
    decide,
    decide_many,
    resolve_session_target,
    well_formed,
)
from neo_routing.complaints import IllFormed
from neo_routing_adapters.memory import MemoryDirectory

USER: Any = Caller(CallerKind.USER, "msp-a")
REQUEST: Any = SessionRequest(agent_id=12)
DIRECTORY: Any = MemoryDirectory(
    tenants=[Tenant(id="msp-a")],
    agents=[Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL)],
    channels=[Channel(id="ch-1", tenant_id="msp-a", agent_id=12, bot_id="bot-1", white_label=True)],
    end_companies=[EndCompany(id="co-1", tenant_id="msp-a", m365_tenant_ids=frozenset(["contoso.example"]))],
)


class Blocking:
    """A directory that is not awaited, and asks somebody."""

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        return RowsBuilder().rows()


class Awaited:
    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        return RowsBuilder().rows()


class Nothing:
    def look_up(self, needed: Sequence[RowsNeeded], /) -> Any:
        return None


class AwaitedNothing:
    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Any:
        return None


def many(caller: Any, request: Any, directory: Any) -> object:
    return decide_many([(caller, request)], directory)


def amany(caller: Any, request: Any, directory: Any) -> Coroutine[Any, Any, object]:
    return adecide_many([(caller, request)], directory)


@pytest.mark.parametrize("function", [decide, resolve_session_target, many])
@pytest.mark.parametrize(
    ("caller", "request_", "directory", "said"),
    [
        (USER, {"agent_id": 12}, DIRECTORY, "the request must be a SessionRequest, and not dict"),
        (USER, None, DIRECTORY, "the request must be a SessionRequest, and not NoneType"),
        ("msp-a", REQUEST, DIRECTORY, "the caller must be a Caller, and not str"),
        (USER, REQUEST, Awaited(), "Awaited.look_up must return Rows, and not coroutine"),
        (USER, REQUEST, Nothing(), "Nothing.look_up must return Rows, and not NoneType"),
    ],
)
def test_what_is_of_the_wrong_type_is_told_by_name(
    function: Callable[..., object], caller: Any, request_: Any, directory: Any, said: str
) -> None:
    with pytest.raises(TypeError, match=f"^{said}"):
        function(caller, request_, directory)


@pytest.mark.parametrize("function", [adecide, aresolve_session_target, amany])
@pytest.mark.parametrize(
    ("directory", "said"),
    [
        (Blocking(), "Blocking would block the event loop"),
        (AwaitedNothing(), "AwaitedNothing.look_up must return Rows, and not NoneType"),
    ],
)
def test_a_directory_that_is_not_awaited_is_refused_by_name(
    function: Callable[..., Coroutine[Any, Any, object]], directory: Any, said: str
) -> None:
    with pytest.raises(TypeError, match=f"^{said}"):
        asyncio.run(function(USER, REQUEST, directory))


def test_a_directory_in_memory_serves_asynchronous_hosts_too() -> None:
    assert asyncio.run(adecide(USER, REQUEST, DIRECTORY)) == decide(USER, REQUEST, DIRECTORY)
    assert asyncio.run(adecide_many([(USER, REQUEST)], DIRECTORY)) == [decide(USER, REQUEST, DIRECTORY)]
    assert asyncio.run(aresolve_session_target(USER, REQUEST, DIRECTORY)).unwrap().agent_id == 12


@pytest.mark.parametrize(
    "again",
    [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_directory_in_memory_can_be_copied_and_pickled(again: Callable[[Any], Any]) -> None:
    cases = [
        (USER, REQUEST),
        (
            Caller(CallerKind.PLATFORM, "msp-a"),
            SessionRequest(
                managed_agent_key=ManagedAgentKey.NEO_SUPPORT, bot_id="bot-1", m365_tenant_id="contoso.example"
            ),
        ),
    ]
    copied = again(DIRECTORY)
    assert decide_many(cases, copied) == decide_many(cases, DIRECTORY)
    assert copied.look_up(()).known_bots == {"bot-1"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"tenants": ["a"]}, r"tenants\[0\] of a directory must be of type Tenant, and not str"),
        ({"agents": [Tenant(id="a")]}, r"agents\[0\] of a directory must be of type Agent, and not Tenant"),
        ({"channels": [None]}, r"channels\[0\] of a directory must be of type Channel, and not NoneType"),
        ({"end_companies": [{}]}, r"end_companies\[0\] of a directory must be of type EndCompany, and not dict"),
        ({"tenants": 7}, r"the tenants of a directory must be rows, and not int"),
    ],
)
def test_what_is_no_row_is_told_by_its_place(rows: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=f"^{said}$"):
        MemoryDirectory(**rows)


def add_channel(**parts: Any) -> Callable[[RowsBuilder], None]:
    given = {"id": "ch-1", "tenant_id": "a", "agent_id": 1, "white_label": True, "show": None} | parts
    bot_id, status = given.pop("bot_id", "bot-1"), given.pop("status", ChannelStatus.ACTIVE)
    installed = given.pop("installed", ["contoso"])
    channel: Any = (*given.values(),)
    return lambda builder: builder.add_channel(channel, bot_id, status, installed)


def add_agent(*parts: Any) -> Callable[[RowsBuilder], None]:
    return lambda builder: builder.add_agent(*parts)


def add_link(*parts: Any) -> Callable[[RowsBuilder], None]:
    return lambda builder: builder.add_link(*parts)


WRONG: Any = None
CONVERSATIONAL = AgentKind.CONVERSATIONAL


@pytest.mark.parametrize(
    "add",
    [
        lambda builder: builder.add_tenant(WRONG),
        lambda builder: builder.add_tenant(b"msp-a"),
        add_agent("1", "a", "", CONVERSATIONAL, None),
        add_agent(True, "a", "", CONVERSATIONAL, None),
        add_agent(None, "a", "", CONVERSATIONAL, None),
        add_agent(1, None, "", CONVERSATIONAL, None),
        add_agent(1, "a", None, CONVERSATIONAL, None),
        add_agent(1, "a", "", None, None),
        add_agent(1, "a", "", "SLEEPING", None),
        add_agent(1, "a", "", CONVERSATIONAL, "OTHER"),
        add_channel(id=None),
        add_channel(tenant_id=b"a"),
        add_channel(agent_id=1.0),
        add_channel(white_label=None),
        add_channel(white_label="f"),
        add_channel(white_label=2),
        add_channel(show="t"),
        add_channel(bot_id=None),
        add_channel(status=None),
        add_channel(status="active"),
        add_channel(installed=[None]),
        add_link(None, "contoso", "co-1", ""),
        add_link("a", None, "co-1", ""),
        add_link("a", "contoso", None, ""),
        add_link("a", "contoso", "co-1", None),
        lambda builder: builder.add_white_label_bot(WRONG),
        lambda builder: builder.add_known_bot(WRONG),
        lambda builder: builder.add_known_bot("\u3164"),
        lambda builder: builder.add_tenant(" "),
        add_agent(-1, "a", "", CONVERSATIONAL, None),
        add_agent(1, "", "", CONVERSATIONAL, None),
        add_channel(bot_id="\ufeffbot"),
        add_channel(bot_id=" "),
        add_channel(agent_id=0),
        add_channel(installed="contoso.example"),
        add_channel(installed=["contoso.example", '"m"']),
        add_link("a", "28:contoso", "co-1", ""),
    ],
    ids=map(str, range(37)),
)
def test_a_row_with_a_part_missing_or_of_a_wrong_type_is_no_absent_row(add: Callable[[RowsBuilder], None]) -> None:
    builder = RowsBuilder()
    with pytest.raises(ValueError, match="must "):
        add(builder)
    rows, nothing = builder.rows(), RowsBuilder().rows()
    for field in attrs.fields(Rows):
        assert getattr(rows, field.name) == getattr(nothing, field.name)


def test_truth_values_of_a_database_are_truth_values() -> None:
    builder = RowsBuilder()
    add_channel(white_label=1, show=0)(builder)
    [[channel]] = builder.rows().active_channels.values()
    assert [channel[3], channel[4]] == [True, False]
    assert {type(channel[3]), type(channel[4])} == {bool}


class Vicious(type):
    """Any use of its classes but by identity runs code."""

    def __hash__(cls) -> int:
        raise AssertionError("a metaclass's code ran")

    def __eq__(cls, other: object) -> bool:
        raise AssertionError("a metaclass's code ran")

    def __instancecheck__(cls, instance: object) -> bool:
        raise AssertionError("a metaclass's code ran")

    def __subclasscheck__(cls, subclass: type) -> bool:
        raise AssertionError("a metaclass's code ran")


class ViciousText(str, metaclass=Vicious):
    __slots__ = ()


class ViciousNumber(int, metaclass=Vicious):
    __slots__ = ()


class ViciousList(list[str], metaclass=Vicious):
    __slots__ = ()


class ViciousThing(metaclass=Vicious):
    pass


CHECKS: list[Callable[[Any], object]] = [
    well_formed.text,
    well_formed.identifier,
    well_formed.bot_id,
    well_formed.m365_tenant_id,
    well_formed.integer,
    well_formed.agent_id,
    well_formed.boolean,
    well_formed.collection,
    well_formed.m365_tenant_ids,
    lambda value: well_formed.member(value, well_formed.members_of(AgentKind)),
]


@pytest.mark.parametrize("check", CHECKS, ids=map(str, range(len(CHECKS))))
@pytest.mark.parametrize(
    "make",
    [lambda: ViciousText("x"), lambda: ViciousNumber(1), ViciousList, ViciousThing],
    ids=["text", "number", "list", "thing"],
)
def test_no_code_of_a_metaclass_runs(check: Callable[[Any], object], make: Callable[[], object]) -> None:
    try:
        check(make())
    except ValueError as error:
        assert str(error).startswith("must ")


def test_the_error_of_a_wrong_value_can_be_pickled() -> None:
    with pytest.raises(ValueError, match="must not be blank") as raised:
        Tenant(id=" ")
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.__dict__) == (str(raised.value), raised.value.__dict__)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Tenant(id=7), Complaint.NOT_A_STRING),
        (lambda: Tenant(id="x" * 257), Complaint.TOO_LONG),
        (lambda: Agent(id="12", tenant_id="msp-a", kind=AgentKind.TRIGGERED), Complaint.NOT_AN_INTEGER),
    ],
)
def test_what_a_constructor_complains_of_is_kept_beside_its_words(make: Any, complaint: Complaint) -> None:
    with pytest.raises(IllFormed) as raised:
        make()
    assert raised.value.complaint is complaint
