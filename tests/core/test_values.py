"""The values of the model: what makes no sense can't be built, and what was built never changes."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from decimal import Decimal
from enum import Enum, StrEnum
from inspect import Parameter, signature
from typing import Any

import attrs
import pytest

import neo_routing
from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    EndCompany,
    ManagedAgentKey,
    Outcome,
    Problem,
    Refusal,
    RefusalCode,
    SessionRequest,
    SessionTarget,
    Tenant,
    decide,
)
from neo_routing_adapters.memory import MemoryDirectory

GOOD: dict[type[Any], dict[str, Any]] = {
    Tenant: {"id": "msp-a", "name": "MSP A"},
    Agent: {"id": 12, "tenant_id": "msp-a", "name": "Desk", "kind": "CONVERSATIONAL", "managed_key": "NEO_SUPPORT"},
    Channel: {
        "id": "ch-1",
        "tenant_id": "msp-a",
        "agent_id": 12,
        "bot_id": "bot",
        "status": "DISCONNECTED",
        "white_label": True,
        "installed_m365_tenant_ids": ["contoso.example"],
        "show_agent_progress_steps": False,
    },
    EndCompany: {"id": "co-1", "tenant_id": "msp-a", "name": "Contoso", "m365_tenant_ids": ["contoso.example"]},
    Caller: {"kind": "user", "tenant_id": "msp-a"},
}

NEEDED = {
    Tenant: {"id"},
    Agent: {"id", "tenant_id", "kind"},
    Channel: {"id", "tenant_id", "agent_id", "bot_id"},
    EndCompany: {"id", "tenant_id"},
    Caller: {"kind", "tenant_id"},
}


class OtherText(StrEnum):
    CONVERSATIONAL = "CONVERSATIONAL"
    TRIGGER = "TRIGGER"


class PlainMember(Enum):
    ACTIVE = "ACTIVE"


class LyingAboutItsClass:
    """Says that it is a list, by raising where it is asked."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        raise RuntimeError("asked for its class")


NO_TEXTS = [None, 0, 12, 1.5, True, b"msp-a", ["msp-a"], ("msp-a",), {"msp-a"}, {}, object(), str, Decimal(1)]
BAD_TEXTS = [*NO_TEXTS, "a\0b", "\0", "a\ud800", "\udfff", "x" * 257, "\U0001f600" * 257, "x" * 10**6]
BLANKS = ["", " ", "\t\r\n", "\u00a0\u3000\x1f"]
BAD_IDS = [*BAD_TEXTS, *BLANKS]
BAD_BOT_IDS = [*BAD_IDS, "28:", "{}", " 28:{ {28:} } "]
BAD_M365_TENANT_IDS = [*BAD_IDS, "{}", " { {} } "]
BAD_AGENT_IDS = [
    None,
    True,
    False,
    0,
    -1,
    2**63,
    10**30,
    10**5000,
    12.5,
    math.nan,
    math.inf,
    "12",
    b"12",
    [12],
    object(),
]
BAD_AGENT_IDS += [Decimal(12)]
BAD_BOOLEANS = [0, 1, 1.0, "true", "True", "", [], object()]
BAD_MEMBERS = [0, True, b"ACTIVE", ["ACTIVE"], {}, object(), PlainMember.ACTIVE, OtherText.TRIGGER]
BAD_MEMBERS += ["", "OTHER", "active", "ACTIVE ", "ACTIVE\0"]
BAD_LISTS: list[Any] = [
    None,
    "contoso.example",
    b"contoso.example",
    12,
    True,
    {"contoso.example": 1},
    iter(()),
    object(),
]
BAD_LISTS += [LyingAboutItsClass()]

BAD: dict[tuple[type[Any], str], list[Any]] = {
    (Tenant, "id"): BAD_IDS,
    (Tenant, "name"): BAD_TEXTS,
    (Agent, "id"): BAD_AGENT_IDS,
    (Agent, "tenant_id"): BAD_IDS,
    (Agent, "name"): BAD_TEXTS,
    (Agent, "kind"): [None, "conversational", "CHAT", *BAD_MEMBERS],
    (Agent, "managed_key"): ["neo_support", "SALES", *BAD_MEMBERS],
    (Channel, "id"): BAD_IDS,
    (Channel, "tenant_id"): BAD_IDS,
    (Channel, "agent_id"): BAD_AGENT_IDS,
    (Channel, "bot_id"): BAD_BOT_IDS,
    (Channel, "status"): [None, "PAUSED", *BAD_MEMBERS],
    (Channel, "white_label"): [None, *BAD_BOOLEANS],
    (Channel, "installed_m365_tenant_ids"): [*BAD_LISTS, *([bad] for bad in BAD_M365_TENANT_IDS)],
    (Channel, "show_agent_progress_steps"): BAD_BOOLEANS,
    (EndCompany, "id"): BAD_IDS,
    (EndCompany, "tenant_id"): BAD_IDS,
    (EndCompany, "name"): BAD_TEXTS,
    (EndCompany, "m365_tenant_ids"): [*BAD_LISTS, *(["contoso.example", bad] for bad in BAD_M365_TENANT_IDS)],
    (Caller, "kind"): [None, "PLATFORM", "admin", *BAD_MEMBERS],
    (Caller, "tenant_id"): BAD_IDS,
}
NONSENSE = [(model, field, value) for (model, field), values in BAD.items() for value in values]


def test_the_table_of_nonsense_holds_every_field_of_the_model() -> None:
    assert set(BAD) == {(model, field) for model, good in GOOD.items() for field in good}
    assert set(BAD) == {
        (model, field.name) for model in GOOD for field in attrs.fields(model) if field.name != "is_platform"
    }


@pytest.mark.parametrize(
    ("model", "field", "value"),
    NONSENSE,
    ids=[f"{model.__name__}.{field}-{position}" for position, (model, field, _) in enumerate(NONSENSE)],
)
def test_nonsense_cannot_be_built(model: type[Any], field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{model.__name__}\.{field} must ") as raised:
        model(**{**GOOD[model], field: value})
    assert "msp" not in str(raised.value)
    assert len(str(raised.value)) < 140


@pytest.mark.parametrize("model", GOOD)
def test_only_what_has_a_default_may_be_left_out(model: type[Any]) -> None:
    for field in GOOD[model]:
        arguments = {name: value for name, value in GOOD[model].items() if name != field}
        if field in NEEDED[model]:
            with pytest.raises(TypeError):
                model(**arguments)
        else:
            model(**arguments)


@pytest.mark.parametrize("model", GOOD)
def test_an_unknown_field_is_an_error(model: type[Any]) -> None:
    with pytest.raises(TypeError):
        model(**GOOD[model], colour="red")


def test_limits_are_counted_in_characters_and_hold_on_both_sides() -> None:
    for longest in ("x" * 256, "\U0001f600" * 256):
        assert Tenant(id=longest, name=longest).id == longest
        assert Caller(CallerKind.USER, longest).tenant_id == longest
    assert Channel(id="ch", tenant_id="msp-a", agent_id=1, bot_id="x" * 256).bot_id == "x" * 256
    for agent_id in (1, 2**63 - 1):
        assert Agent(id=agent_id, tenant_id="msp-a", kind=AgentKind.TRIGGERED).id == agent_id


def test_text_names_the_members_of_enumerations() -> None:
    agent = Agent(**GOOD[Agent])
    assert agent.kind is AgentKind.CONVERSATIONAL
    assert agent.managed_key is ManagedAgentKey.NEO_SUPPORT
    assert Channel(**GOOD[Channel]).status is ChannelStatus.DISCONNECTED
    assert Caller(**GOOD[Caller]).kind is CallerKind.USER


def test_tenant_channel_and_company_ids_have_no_other_form() -> None:
    odd = " {28:MSP-A} "
    assert Tenant(id=odd).id == odd
    assert Caller(CallerKind.USER, odd).tenant_id == odd
    assert Agent(id=1, tenant_id=odd, kind=AgentKind.TRIGGERED).tenant_id == odd
    channel = Channel(id=odd, tenant_id=odd, agent_id=1, bot_id="bot")
    assert (channel.id, channel.tenant_id) == (odd, odd)
    company = EndCompany(id=odd, tenant_id=odd)
    assert (company.id, company.tenant_id) == (odd, odd)


# Values

REFUSAL = Refusal(code=RefusalCode.AGENT_NOT_FOUND, message="There is no such agent.")
TARGET = SessionTarget(
    outcome=Outcome.WHITE_LABEL_CHANNEL,
    tenant_id="msp-a",
    agent_id=12,
    channel_id="ch-1",
    end_company_id="co-1",
    show_agent_progress_steps=True,
)
REQUEST = SessionRequest(agent_id=12, bot_id="28:X", unknown_fields=("note",))

VALUES: dict[str, Callable[[], Any]] = {
    **{model.__name__: lambda model=model: model(**GOOD[model]) for model in GOOD},  # type: ignore[misc]
    "Refusal": lambda: attrs.evolve(REFUSAL),
    "SessionTarget": lambda: attrs.evolve(TARGET),
    "SessionRequest": lambda: copy.copy(REQUEST),
}

every_value = pytest.mark.parametrize("make", VALUES.values(), ids=VALUES)


@every_value
def test_a_value_is_frozen(make: Callable[[], Any]) -> None:
    value = make()
    for field in attrs.fields(type(value)):
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, field.name, getattr(value, field.name))
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            delattr(value, field.name)
    with pytest.raises((attrs.exceptions.FrozenInstanceError, AttributeError)):
        value.colour = "red"
    assert value == make()


@every_value
def test_equal_values_are_equal_and_hash_alike(make: Callable[[], Any]) -> None:
    assert make() == make()
    assert hash(make()) == hash(make())
    assert len({make(), make()}) == 1


@every_value
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_value_survives_pickling(make: Callable[[], Any], protocol: int) -> None:
    again = pickle.loads(pickle.dumps(make(), protocol))
    assert again == make()
    assert hash(again) == hash(make())
    assert repr(again) == repr(make())


@every_value
def test_a_value_survives_copying(make: Callable[[], Any]) -> None:
    assert copy.copy(make()) == copy.deepcopy(make()) == make()


@pytest.mark.parametrize("model", GOOD)
def test_values_that_differ_in_one_field_differ(model: type[Any]) -> None:
    other: dict[str, Any] = {
        "id": 13 if model is Agent else "other",
        "tenant_id": "other",
        "name": "other",
        "kind": "TRIGGERED",
        "managed_key": None,
        "agent_id": 13,
        "bot_id": "other",
        "status": "ACTIVE",
        "white_label": False,
        "installed_m365_tenant_ids": [],
        "show_agent_progress_steps": None,
        "m365_tenant_ids": [],
    }
    if model is Caller:
        other["kind"] = "platform"
    for field in GOOD[model]:
        assert model(**{**GOOD[model], field: other[field]}) != model(**GOOD[model])


def test_a_pickled_caller_and_request_are_decided_alike() -> None:
    directory = MemoryDirectory(tenants=[Tenant(id="msp-a")])
    for kind in CallerKind:
        caller = Caller(kind, "msp-a")
        for request in (REQUEST, SessionRequest(), SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT)):
            caller_again, request_again = pickle.loads(pickle.dumps((caller, request)))
            assert decide(caller_again, request_again, directory) == decide(caller, request, directory)


PUBLIC = [getattr(neo_routing, name) for name in neo_routing.__all__]


@pytest.mark.parametrize("value", [each for each in PUBLIC if attrs.has(each) and each not in {Caller, Problem}])
def test_what_has_many_fields_is_built_by_their_names(value: type[Any]) -> None:
    assert {each.kind for each in signature(value).parameters.values()} == {Parameter.KEYWORD_ONLY}
