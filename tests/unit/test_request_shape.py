"""The boundary clause `request-shape`: whatever comes in, every bad field is named at once, and nothing raises."""

from __future__ import annotations

import math
import pickle
import re
from collections import Counter, OrderedDict, UserDict, defaultdict
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from fractions import Fraction
from types import MappingProxyType, SimpleNamespace
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.pipeline import is_successful

from neo_routing import (
    ManagedAgentKey,
    Refusal,
    RefusalCode,
    SessionRequest,
    normal_bot_id,
    normal_m365_tenant_id,
    parse_session_request,
)

FIELDS = ("agent_id", "managed_agent_key", "bot_id", "client_id", "inbound_tenant_id", "title")
TEXT_FIELDS = ("bot_id", "client_id", "inbound_tenant_id", "title")
ATTRIBUTES = {name: "m365_tenant_id" if name == "inbound_tenant_id" else name for name in FIELDS}


def refuse(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("code of the value's own class ran")


HostileText = type(
    "HostileText",
    (str,),
    {
        **dict.fromkeys(("__str__", "__len__", "__iter__", "__contains__", "__eq__", "__hash__"), refuse),
        **dict.fromkeys(("__getitem__", "__format__", "strip", "lower", "translate", "isspace"), refuse),
        **dict.fromkeys(("isascii", "removeprefix", "encode"), refuse),
    },
)
HostileInteger = type(
    "HostileInteger",
    (int,),
    dict.fromkeys(("__int__", "__index__", "__eq__", "__hash__", "__lt__", "__le__", "__bool__", "__str__"), refuse),
)
HostileFloat = type(
    "HostileFloat",
    (float,),
    dict.fromkeys(("__int__", "is_integer", "__eq__", "__hash__", "__lt__", "__bool__", "__str__"), refuse),
)
Hostile = type(
    "Hostile",
    (),
    {
        "__class__": property(refuse),
        **dict.fromkeys(("__eq__", "__hash__", "__bool__", "__len__", "__iter__", "__getitem__"), refuse),
        **dict.fromkeys(("__int__", "__index__", "__float__", "__str__", "__contains__"), refuse),
        "__getattr__": refuse,
    },
)


def lying_about_its_class(claimed: type) -> object:
    return type("Liar", (), {"__class__": property(lambda self: claimed)})()


class IntegerLike:
    """As numpy's integers are: no `int`, but ready to become one."""

    def __int__(self) -> int:
        return 42

    __index__ = __int__


class Number(IntEnum):
    FORTY_TWO = 42


class Title(StrEnum):
    GREETING = "Hello"


class PlainMember(Enum):
    NEO_SUPPORT = "NEO_SUPPORT"


def deep_list() -> list[Any]:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    return nested


def deep_dict() -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for _ in range(100_000):
        nested = {"agent_id": nested}
    return nested


def cycle() -> dict[str, Any]:
    body: dict[str, Any] = {}
    body["title"] = body
    return body


def exhausted() -> Iterator[str]:
    yield from ()


ANYTHING_ELSE: dict[str, Callable[[], object]] = {
    "a list": lambda: ["x"],
    "a tuple": lambda: ("x",),
    "a set": lambda: {"x"},
    "a frozenset": lambda: frozenset({"x"}),
    "bytes": lambda: b"NEO_SUPPORT",
    "a bytearray": lambda: bytearray(b"42"),
    "a memoryview": lambda: memoryview(b"42"),
    "a generator": exhausted,
    "a dict": lambda: {"x": 1},
    "an empty dict": dict,
    "a mapping proxy": lambda: MappingProxyType({"x": 1}),
    "an object": object,
    "a class": lambda: str,
    "a function": lambda: len,
    "a range": lambda: range(3),
    "a namespace": lambda: SimpleNamespace(agent_id=12),
    "an ellipsis": lambda: ...,
    "NotImplemented": lambda: NotImplemented,
    "an exception": lambda: ValueError("x"),
    "a decimal": lambda: Decimal(42),
    "a signalling decimal": lambda: Decimal("sNaN"),
    "a fraction": lambda: Fraction(42),
    "a complex number": lambda: complex(42),
    "something that has __int__ and __index__": IntegerLike,
    "a member of an enumeration that is no text": lambda: PlainMember.NEO_SUPPORT,
    "an object whose every method raises": Hostile,
    "an object that says it is text": lambda: lying_about_its_class(str),
    "an object that says it is an integer": lambda: lying_about_its_class(int),
    "an object that says it is a dict": lambda: lying_about_its_class(dict),
    "a deep list": deep_list,
    "true": lambda: True,
    "false": lambda: False,
    "not a number": lambda: math.nan,
    "infinity": lambda: math.inf,
    "minus infinity": lambda: -math.inf,
    "a fraction of a float": lambda: 42.5,
}

NUMBERS: dict[str, Callable[[], object]] = {
    "zero": lambda: 0,
    "a float": lambda: 42.0,
    "a huge integer": lambda: 10**5000,
}

TEXTS: dict[str, Callable[[], object]] = {
    "digits": lambda: "42",
    "the empty string": str,
    "text that is hostile": lambda: HostileText("42"),
    "huge text": lambda: "x" * 10**7,
}

BAD_TEXTS: dict[str, Callable[[], object]] = {
    "NUL": lambda: "a\0b",
    "only NUL": lambda: "\0",
    "a lone high surrogate": lambda: "a\ud800",
    "a lone low surrogate": lambda: "\udfffb",
    "a pair of surrogates": lambda: "\ud83d\ude00",
    "a surrogate behind much ASCII": lambda: "x" * 200 + "\udc80",
    "NUL behind an astral character": lambda: "\U0001f600\0",
    "a huge text": lambda: "x" * 10**7,
    "a huge text beyond ASCII": lambda: "\U0001f600" * 10**6,
    "one character too many": lambda: "x" * 257,
    "one astral character too many": lambda: "\U0001f600" * 257,
    "one white space too many": lambda: " " * 257,
    "hostile text that is too long": lambda: HostileText("x" * 501),
    "hostile text with NUL": lambda: HostileText("\0"),
}

BAD_TITLES: dict[str, Callable[[], object]] = {
    **{name: make for name, make in BAD_TEXTS.items() if not name.startswith("one ")},
    "one character too many": lambda: "x" * 501,
    "one astral character too many": lambda: "\U0001f600" * 501,
}

BAD_KEYS: dict[str, Callable[[], object]] = {
    "another key": lambda: "SALES",
    "a key in lower case": lambda: "neo_support",
    "a key with white space": lambda: "NEO_SUPPORT ",
    "a key with NUL": lambda: "NEO_SUPPORT\0",
    "a key with a lone surrogate": lambda: "NEO_SUPPORT\ud800",
    "the empty string": str,
    "hostile text": lambda: HostileText("neo"),
    "a huge text": lambda: "NEO_SUPPORT" * 10**6,
}

BAD = [
    *[(field, make, name) for field in FIELDS for name, make in ANYTHING_ELSE.items()],
    *[(field, make, name) for field in FIELDS[1:] for name, make in NUMBERS.items()],
    *[("agent_id", make, name) for name, make in TEXTS.items()],
    *[("managed_agent_key", make, name) for name, make in BAD_KEYS.items()],
    *[
        (field, make, name)
        for field in ("bot_id", "client_id", "inbound_tenant_id")
        for name, make in BAD_TEXTS.items()
    ],
    *[("title", make, name) for name, make in BAD_TITLES.items()],
]


def refusal_of(raw: object) -> Refusal:
    refusal = parse_session_request(raw).failure()
    assert refusal.code is RefusalCode.VALIDATION_ERROR
    assert refusal.status == 422
    assert refusal.details["fields"] == [*refusal.details["complaints"]] == list(refusal.fields)
    return refusal


def built(field: str, value: object) -> SessionRequest:
    arguments: dict[str, Any] = {ATTRIBUTES[field]: value}
    return SessionRequest(**arguments)


# Fields


@pytest.mark.parametrize(("field", "make"), [bad[:2] for bad in BAD], ids=[f"{bad[0]}: {bad[2]}" for bad in BAD])
def test_a_bad_value_is_refused_by_the_name_of_its_field(field: str, make: Callable[[], object]) -> None:
    refusal = refusal_of({field: make()})
    assert refusal.fields == (field,)
    with pytest.raises(ValueError, match=rf"^SessionRequest\.{ATTRIBUTES[field]} must "):
        built(field, make())


INTEGERS: dict[str, tuple[Callable[[], object], int]] = {
    "an integer": (lambda: 42, 42),
    "zero": (lambda: 0, 0),
    "a negative integer": (lambda: -1, -1),
    "a float without a fraction": (lambda: 42.0, 42),
    "minus zero": (lambda: -0.0, 0),
    "a large float": (lambda: 1e30, int(1e30)),
    "the largest float": (lambda: 1.7976931348623157e308, int(1.7976931348623157e308)),
    "2^63 - 1": (lambda: 2**63 - 1, 2**63 - 1),
    "2^63": (lambda: 2**63, 2**63),
    "10^30": (lambda: 10**30, 10**30),
    "10^5000": (lambda: 10**5000, 10**600),
    "-10^5000": (lambda: -(10**5000), -(10**600)),
    "a member of an integer enumeration": (lambda: Number.FORTY_TWO, 42),
    "an integer of a hostile class": (lambda: HostileInteger(42), 42),
    "a float of a hostile class": (lambda: HostileFloat(42.0), 42),
}


@pytest.mark.parametrize(("make", "expected"), INTEGERS.values(), ids=INTEGERS)
def test_an_integer_of_any_size_and_spelling_becomes_a_plain_one(make: Callable[[], object], expected: int) -> None:
    for request in (parse_session_request({"agent_id": make()}).unwrap(), built("agent_id", make())):
        assert type(request.agent_id) is int
        assert request.agent_id == expected
        assert str(expected) in repr(request)


def test_a_hostile_float_with_a_fraction_is_refused() -> None:
    for value in (42.5, math.nan, math.inf):
        assert refusal_of({"agent_id": HostileFloat(value)}).fields == ("agent_id",)


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_text_is_measured_in_characters_not_in_bytes(field: str) -> None:
    limit = 500 if field == "title" else 256
    for character in ("x", "\u00e9", "\u20ac", "\U0001f600"):
        assert is_successful(parse_session_request({field: character * limit}))
        assert refusal_of({field: character * (limit + 1)}).fields == (field,)


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_the_neighbours_of_what_is_not_valid_text_are_valid(field: str) -> None:
    text = "a\1b\ud7ffc\ue000d\ufffee\uffffg\U00010000h\U0010ffff"
    request = parse_session_request({field: text}).unwrap()
    assert getattr(request, ATTRIBUTES[field]) == text


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_text_of_a_hostile_class_becomes_plain_text(field: str) -> None:
    for request in (parse_session_request({field: HostileText("hello")}).unwrap(), built(field, HostileText("hello"))):
        assert type(getattr(request, ATTRIBUTES[field])) is str
        assert getattr(request, ATTRIBUTES[field]) == "hello"


def test_a_member_of_a_text_enumeration_becomes_plain_text() -> None:
    title = parse_session_request({"title": Title.GREETING}).unwrap().title
    assert type(title) is str
    assert title == "Hello"


@pytest.mark.parametrize("value", ["NEO_SUPPORT", ManagedAgentKey.NEO_SUPPORT, HostileText("NEO_SUPPORT")], ids=type)
def test_a_managed_key_becomes_a_member_of_its_enumeration(value: object) -> None:
    assert parse_session_request({"managed_agent_key": value}).unwrap().managed_agent_key is ManagedAgentKey.NEO_SUPPORT
    assert built("managed_agent_key", value).managed_agent_key is ManagedAgentKey.NEO_SUPPORT


@pytest.mark.parametrize("field", FIELDS)
def test_null_is_the_same_as_leaving_a_field_out(field: str) -> None:
    assert parse_session_request({field: None}).unwrap() == parse_session_request({}).unwrap() == SessionRequest()


def test_ids_are_kept_in_normal_form_and_client_id_and_title_as_they_are() -> None:
    raw = {"bot_id": " 28:{HelpDesk} ", "inbound_tenant_id": "{A.B}", "client_id": " {A} ", "title": " {A} "}
    request = parse_session_request(raw).unwrap()
    assert (request.bot_id, request.m365_tenant_id) == ("helpdesk", "a.b")
    assert (request.client_id, request.title) == (" {A} ", " {A} ")


@pytest.mark.parametrize("field", TEXT_FIELDS)
def test_blank_text_is_well_formed(field: str) -> None:
    for blank in ("", " ", "\u3000\t"):
        assert is_successful(parse_session_request({field: blank}))


def test_every_bad_field_is_named_at_once_and_the_good_ones_are_not() -> None:
    bad: dict[str, object] = {"agent_id": True, "managed_agent_key": 1, "bot_id": [], "client_id": {}}
    bad |= {"inbound_tenant_id": "\0", "title": "x" * 501}
    good = {"agent_id": 1, "managed_agent_key": "NEO_SUPPORT", **dict.fromkeys(TEXT_FIELDS, "x")}
    assert sorted(refusal_of(bad).fields) == sorted(FIELDS)
    for chosen in range(1, 2 ** len(FIELDS)):
        names = [name for position, name in enumerate(FIELDS) if chosen >> position & 1]
        body = {name: bad[name] if name in names else good[name] for name in reversed(FIELDS)}
        assert list(refusal_of(body).fields) == names


def test_a_message_names_the_bad_fields_and_echoes_no_value_and_no_unknown_name() -> None:
    secret = "s3cr3t"
    bodies: list[dict[str, object]] = [
        {"agent_id": secret, "managed_agent_key": secret, secret: secret},
        {"agent_id": 987654321.5, "managed_agent_key": 987654321, "title": secret * 100, "bot_id": secret + "\0"},
        {"client_id": [secret], "inbound_tenant_id": {secret: secret}, "title": secret.encode()},
    ]
    for body in bodies:
        refusal = refusal_of(body)
        told = f"{refusal.message} {refusal.details}"
        assert secret not in told
        assert "987654321" not in told
        assert len(refusal.message) < 500
        assert all(name in refusal.message for name in body if name in FIELDS)
    assert secret not in refusal_of([secret]).message
    assert secret not in refusal_of({1: secret}).message


# Unknown fields


def test_unknown_fields_are_kept_by_name_whatever_they_hold() -> None:
    values = [None, True, math.nan, "\ud800", "x" * 10**6, Hostile(), deep_list(), deep_dict(), cycle(), 10**5000]
    for value in values:
        assert parse_session_request({"agent_id": 12, "note": value}).unwrap().unknown_fields == ("note",)


@pytest.mark.parametrize("name", ["", " agent_id", "Agent_Id", "m365_tenant_id", "x" * 10**6, "\ud800", "\0", "shape"])
def test_any_other_text_is_the_name_of_an_unknown_field(name: str) -> None:
    assert parse_session_request({name: 1}).unwrap().unknown_fields == (name,)


ODD_NAMES = {
    "empty": "",
    "blank": " ",
    "long": "x" * 257,
    "huge": "x" * 10**6,
    "a lone surrogate": "\ud800",
    "NUL": "\0",
}


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
def test_a_request_with_an_odd_unknown_field_can_be_built_and_pickled_like_any_other(name: str) -> None:
    request = parse_session_request({"agent_id": 12, name: 1}).unwrap()
    assert SessionRequest(agent_id=12, unknown_fields=(name,)) == request
    assert pickle.loads(pickle.dumps(request)) == request


def test_requests_that_differ_in_the_order_of_their_fields_are_equal() -> None:
    body = {"note": 1, "agent_id": 12, "alpha": 2, "\ud800": 3}
    reversed_body = dict(reversed(body.items()))
    assert parse_session_request(body) == parse_session_request(reversed_body)
    assert parse_session_request(body).unwrap().unknown_fields == ("alpha", "note", "\ud800")


@pytest.mark.parametrize("names", [["b", "a"], ("a", "b"), {"a", "b"}], ids=["list", "tuple", "set"])
def test_the_names_of_unknown_fields_may_come_in_any_collection(names: Any) -> None:
    request = SessionRequest(unknown_fields=names)
    assert request == SessionRequest(unknown_fields=("a", "b"))
    assert hash(request) == hash(SessionRequest(unknown_fields=("a", "b")))


def test_many_unknown_fields_are_all_kept() -> None:
    names = [f"field-{number}" for number in range(2_000)]
    request = parse_session_request({"agent_id": 12, **dict.fromkeys(names, 0)}).unwrap()
    assert sorted(request.unknown_fields) == sorted(names)
    assert request.agent_id == 12


def test_unknown_fields_do_not_hide_a_bad_field() -> None:
    assert refusal_of({"note": 1, "agent_id": "12", "more": "\ud800"}).fields == ("agent_id",)


# Bodies

NOT_OBJECTS: dict[str, Callable[[], object]] = {
    **{name: make for name, make in ANYTHING_ELSE.items() if name not in ("a dict", "an empty dict")},
    **NUMBERS,
    **TEXTS,
    "None": lambda: None,
    "JSON as text": lambda: '{"agent_id": 12}',
    "pairs": lambda: [("agent_id", 12)],
    "the view of a dict's items": {"agent_id": 12}.items,
    "a user dict": lambda: UserDict(agent_id=12),
    "the class of dicts": lambda: dict,
    "a request": SessionRequest,
}


@pytest.mark.parametrize("make", NOT_OBJECTS.values(), ids=NOT_OBJECTS)
def test_what_is_not_an_object_is_refused_as_the_request(make: Callable[[], object]) -> None:
    assert refusal_of(make()).fields == ("request",)


@pytest.mark.parametrize("key", [1, None, True, 1.5, b"agent_id", ("agent_id",), frozenset({"agent_id"})], ids=repr)
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_a_key_that_is_not_text_makes_no_object(key: object, first: bool) -> None:
    body: dict[Any, Any] = {key: 1, "agent_id": 12} if first else {"agent_id": 12, key: 1}
    assert refusal_of(body).fields == ("request",)


class Trap:
    """A key that lands where the text lands, and raises as soon as it is armed."""

    armed = False

    def __init__(self, text: str) -> None:
        self._hash = hash(text)

    def __hash__(self) -> int:
        if self.armed:
            refuse()
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self.armed:
            refuse()
        return self is other


class TextTrap(str):
    """Text that raises as soon as it is hashed or compared again."""

    __slots__ = ()
    armed = False

    def __hash__(self) -> int:
        if self.armed:
            refuse()
        return str.__hash__(self)

    def __eq__(self, other: object) -> bool:
        if self.armed:
            refuse()
        return str.__eq__(self, other)


class Subclassed(dict[Any, Any]):
    """A dict with methods of its own."""

    def __iter__(self) -> Iterator[Any]:
        return super().__iter__()


@pytest.mark.parametrize("trap", [Trap, TextTrap])
@pytest.mark.parametrize("kind", [dict, Subclassed, OrderedDict])
@pytest.mark.parametrize("field", FIELDS)
def test_a_key_that_raises_when_it_is_compared_makes_no_object(
    trap: type[Trap | TextTrap], kind: type[dict[Any, Any]], field: str
) -> None:
    body = kind()
    key = trap(field)
    body[key] = 1
    body["note"] = 1
    trap.armed = True
    try:
        assert refusal_of(body).fields == ("request",)
    finally:
        trap.armed = False


OVERRIDES: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("get", "keys", "items", "values", "copy", "pop", "__iter__", "__contains__")},
    **{name: (name,) for name in ("__getitem__", "__len__", "__missing__", "__eq__", "__bool__", "__or__", "__repr__")},
    "__iter__ and keys": ("__iter__", "keys"),
    "__iter__ and __getitem__": ("__iter__", "__getitem__"),
}
OVERRIDES["everything"] = tuple(sorted({name for names in OVERRIDES.values() for name in names} | {"__getattr__"}))


@pytest.mark.parametrize("names", OVERRIDES.values(), ids=OVERRIDES)
def test_a_dict_whose_methods_raise_is_read_by_what_it_holds(names: tuple[str, ...]) -> None:
    kind = type("HostileDict", (dict,), dict.fromkeys(names, refuse))
    for entries in ({"agent_id": 12, "note": 1}, {"agent_id": "12"}, {}):
        assert parse_session_request(kind(entries)) == parse_session_request(dict(entries))


def test_a_dict_that_hides_its_entries_is_read_by_what_it_holds() -> None:
    hiding = {"__iter__": lambda self: iter(()), "keys": lambda self: [], "__len__": lambda self: 0}
    kind = type("HidingDict", (dict,), {**hiding, "get": lambda self, name, default=None: default})
    assert refusal_of(kind(agent_id="12")).fields == ("agent_id",)
    assert refusal_of(kind({1: 1})).fields == ("request",)


@pytest.mark.parametrize("kind", [OrderedDict, Subclassed, lambda body: defaultdict(refuse, body), Counter])
def test_other_dicts_are_objects(kind: Callable[[Mapping[str, Any]], object]) -> None:
    body = {"agent_id": 12, "note": 1}
    assert parse_session_request(kind(body)) == parse_session_request(body)
    assert refusal_of(kind({"agent_id": 12, "title": 5})).fields == ("title",)


def test_the_body_is_left_as_it_was() -> None:
    body = defaultdict(list, {"agent_id": 12.0, "bot_id": "28:X"})
    parse_session_request(body)
    assert body == {"agent_id": 12.0, "bot_id": "28:X"}


def test_a_request_does_not_change_with_the_body_it_came_from() -> None:
    body: dict[str, Any] = {"agent_id": 12, "note": 1}
    request = parse_session_request(body).unwrap()
    body.clear()
    assert request.agent_id == 12
    assert request.unknown_fields == ("note",)


def test_a_deep_or_endless_body_is_refused_like_any_other() -> None:
    assert refusal_of(deep_dict()).fields == ("agent_id",)
    assert refusal_of(cycle()).fields == ("title",)


def test_the_constructor_knows_no_other_arguments() -> None:
    arguments: dict[str, Any] = {"inbound_tenant_id": "a"}
    with pytest.raises(TypeError):
        SessionRequest(**arguments)


# Anything at all

any_text = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    [*FIELDS, "NEO_SUPPORT", "x" * 256, "x" * 257, "\U0001f600" * 500, "x" * 501, "28:{X}"]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from([2**63, 10**30, 10**4000, 42.0, -0.0, math.nan, math.inf]),
    any_text,
    st.binary(max_size=8),
    st.decimals(),
    st.fractions(),
    st.dates(),
    st.uuids(),
    st.builds(object),
    st.builds(Hostile),
    any_text.map(HostileText),
    st.integers().map(HostileInteger),
)
hashable = st.one_of(st.none(), st.booleans(), st.integers(), any_text, st.binary(max_size=8), st.tuples(any_text))


def containers(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.sets(hashable, max_size=4),
        st.dictionaries(hashable, inner, max_size=4),
        st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
        st.dictionaries(st.sampled_from(FIELDS) | any_text, inner, max_size=6).map(OrderedDict),
    )


anything = st.recursive(scalars, containers, max_leaves=12)
mostly_good = {
    "agent_id": st.integers() | st.floats() | anything,
    "managed_agent_key": st.just("NEO_SUPPORT") | anything,
    **dict.fromkeys(TEXT_FIELDS, any_text | anything),
}
bodies = st.fixed_dictionaries({}, optional=mostly_good)


def is_well_shaped(field: str, value: Any) -> bool:
    """The boundary once more, in other words, to judge by."""
    kinds = type(value).__mro__
    if value is None:
        return True
    if field == "agent_id":
        return float.__mod__(value, 1) == 0 if float in kinds else int in kinds and bool not in kinds
    return str in kinds and is_well_shaped_text(field, "".join(str.__iter__(value)))


def is_well_shaped_text(field: str, text: str) -> bool:
    if field == "managed_agent_key":
        return text == "NEO_SUPPORT"
    clean = not any(ord(character) == 0 or 0xD800 <= ord(character) < 0xE000 for character in text)
    return clean and len(text) <= (500 if field == "title" else 256)


@given(anything)
def test_any_object_at_all_is_a_request_or_a_validation_error(raw: object) -> None:
    result = parse_session_request(raw)
    if is_successful(result):
        request = result.unwrap()
        parts: dict[str, Any] = {name: getattr(request, name) for name in (*ATTRIBUTES.values(), "unknown_fields")}
        assert SessionRequest(**parts) == request
        assert hash(SessionRequest(**parts)) == hash(request)
        assert dict in type(raw).__mro__
    else:
        assert set(refusal_of(raw).fields) <= {"request", *FIELDS}
        assert refusal_of(raw).fields


@given(bodies)
def test_exactly_the_fields_that_are_not_well_shaped_are_named(body: dict[str, object]) -> None:
    bad = [name for name in FIELDS if not is_well_shaped(name, body.get(name))]
    result = parse_session_request(body)
    assert is_successful(result) is (not bad)
    assert bad == list(result.swap().map(lambda refusal: refusal.fields).value_or(()))


@given(bodies)
def test_the_constructor_refuses_exactly_what_the_boundary_refuses(body: dict[str, Any]) -> None:
    arguments = {ATTRIBUTES[name]: value for name, value in body.items()}
    result = parse_session_request(body)
    if is_successful(result):
        assert SessionRequest(**arguments) == result.unwrap()
    else:
        said = result.failure().message.removeprefix("The request is not valid: ").removesuffix(".")
        for name, attribute in ATTRIBUTES.items():
            said = re.sub(rf"(^|; ){name} must", rf"\1SessionRequest.{attribute} must", said)
        with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
            SessionRequest(**arguments)


@given(bodies)
def test_a_request_holds_plain_values_in_normal_form(body: dict[str, Any]) -> None:
    for request in parse_session_request(body).map(lambda request: [request]).value_or([]):
        assert type(request.agent_id) in (int, type(None))
        assert type(request.managed_agent_key) in (ManagedAgentKey, type(None))
        for text in (request.bot_id, request.client_id, request.m365_tenant_id, request.title):
            assert type(text) in (str, type(None))
        assert request.bot_id is None or request.bot_id == normal_bot_id(request.bot_id)
        assert request.m365_tenant_id is None or request.m365_tenant_id == normal_m365_tenant_id(request.m365_tenant_id)


def test_a_body_with_a_key_that_is_no_text_is_no_object_whatever_else_is_wrong_with_it() -> None:
    refusal = parse_session_request({"agent_id": "12", 3: 4}).failure()
    assert refusal.details["complaints"] == {"request": "not_an_object"}
