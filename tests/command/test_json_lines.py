"""The JSON Lines form: what is read, how strictly, and what is written."""

from __future__ import annotations

import json

import pytest

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    SessionRequest,
    Tenant,
    decide,
    malformed_decision,
    parse_session_request,
)
from neo_routing_adapters.json_lines import answer_line, decision_line, integer_or_text, read_case
from neo_routing_adapters.memory import MemoryDirectory

CALLER = '"caller": {"kind": "user", "tenant_id": "msp-a"}'
GOOD = "{" + CALLER + ', "request": {"agent_id": 12}}'

NOT_A_CASE = {
    "blank": b"",
    "white space": b" \t ",
    "CR alone": b"\r\n",
    "words": b"hello",
    "null": b"null",
    "array": b"[]",
    "number": b"12",
    "string": b'"case"',
    "cut short": GOOD[:-1].encode(),
    "two values": (GOOD + GOOD).encode(),
    "trailing comma": GOOD.replace("12}", "12,}").encode(),
    "comment": (GOOD + " // 12").encode(),
    "single quotes": GOOD.replace('"', "'").encode(),
    "NaN": GOOD.replace("12", "NaN").encode(),
    "Infinity": GOOD.replace("12", "Infinity").encode(),
    "-Infinity": GOOD.replace("12", "-Infinity").encode(),
    "NaN in an ignored key": GOOD.replace("{", '{"note": NaN, ', 1).encode(),
    "leading zero": GOOD.replace("12", "012").encode(),
    "plus sign": GOOD.replace("12", "+12").encode(),
    "bare point": GOOD.replace("12", "12.").encode(),
    "Arabic digits": GOOD.replace("12", "١٢").encode(),
    "duplicate key": GOOD.replace('"agent_id": 12', '"agent_id": 12, "agent_id": 12').encode(),
    "duplicate caller": ("{" + CALLER + ", " + GOOD[1:]).encode(),
    "duplicate key, escaped": GOOD.replace('"agent_id": 12', '"agent_id": 12, "agent\\u005fid": 12').encode(),
    "duplicate key deep in an ignored one": GOOD.replace("{", '{"note": [{"a": 1, "a": 2}], ', 1).encode(),
    "BOM": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-32": GOOD.encode("utf-32-le"),
    "invalid UTF-8": GOOD.encode().replace(b"msp-a", b"msp-\xff"),
    "surrogate in UTF-8": GOOD.encode().replace(b"msp-a", b"msp-\xed\xa0\x80"),
    "control character": GOOD.replace("msp-a", "msp\x01a").encode(),
    "NUL": GOOD.encode() + b"\0",
    "form feed": GOOD.encode() + b"\f",
    "no-break space": GOOD.encode() + "\u00a0".encode(),
    "nested deeply": b"[" * 200_000 + b"]" * 200_000,
    "nested deeply, never closed": b'{"a":' * 200_000,
    "nested deeply in an ignored key": GOOD.replace("{", '{"note": %s, ' % ("[" * 200_000 + "]" * 200_000), 1).encode(),
}


@pytest.fixture
def world() -> MemoryDirectory:
    return MemoryDirectory(
        tenants=[Tenant(id="msp-a")],
        agents=[
            Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL),
            Agent(id=2**53, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL),
        ],
    )


def fields(line: bytes | str) -> tuple[str, ...]:
    return read_case(line).failure().fields


@pytest.mark.parametrize("line", NOT_A_CASE.values(), ids=NOT_A_CASE.keys())
def test_what_is_not_a_json_object_is_a_bad_request(line: bytes, world: MemoryDirectory) -> None:
    assert fields(line) == ("request",)
    answer = json.loads(answer_line(line, world, trace=True))
    details = {"fields": ["request"], "complaints": {"request": "no_case"}}
    assert (answer["code"], answer["details"]) == ("validation_error", details)
    assert [step["reason"] for step in answer["trace"]] == ["malformed"]


def test_text_with_a_lone_surrogate_is_not_json() -> None:
    assert fields(GOOD.replace("msp-a", "msp-\udcff")) == ("request",)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r", " \r\n"])
@pytest.mark.parametrize("start", ["", " ", "\t"])
def test_a_case_is_read_whatever_ends_its_line(start: str, end: str) -> None:
    expected = (Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=12))
    assert read_case(f"{start}{GOOD}{end}").unwrap() == expected
    assert read_case(f"{start}{GOOD}{end}".encode()).unwrap() == expected


def test_other_keys_of_case_and_caller_are_ignored() -> None:
    line = '{"note": 1, "caller": {"kind": "user", "tenant_id": "a", "name": []}, "request": {"agent_id": 1}}'
    _, request = read_case(line).unwrap()
    assert request.unknown_fields == ()


@pytest.mark.parametrize(
    "caller",
    [
        "null",
        "[]",
        '"platform"',
        "{}",
        '{"kind": "user"}',
        '{"tenant_id": "msp-a"}',
        '{"kind": "robot", "tenant_id": "msp-a"}',
        '{"kind": "PLATFORM", "tenant_id": "msp-a"}',
        '{"kind": ["user"], "tenant_id": "msp-a"}',
        '{"kind": {}, "tenant_id": "msp-a"}',
        '{"kind": true, "tenant_id": "msp-a"}',
        '{"kind": "user", "tenant_id": null}',
        '{"kind": "user", "tenant_id": 12}',
        '{"kind": "user", "tenant_id": ["msp-a"]}',
        '{"kind": "user", "tenant_id": ""}',
        '{"kind": "user", "tenant_id": " \\u00a0"}',
        '{"kind": "user", "tenant_id": "msp\\u0000a"}',
        '{"kind": "user", "tenant_id": "msp\\ud800a"}',
        '{"kind": "user", "tenant_id": "%s"}' % ("x" * 257),
    ],
)
def test_an_unusable_caller_is_named(caller: str) -> None:
    assert fields('{"caller": ' + caller + ', "request": {"agent_id": 12}}') == ("caller",)


def test_what_makes_a_caller_usable_is_told_in_full() -> None:
    message = read_case('{"request": {"agent_id": 12}}').failure().message
    for phrase in ("platform, service_account or user", "not blank", "256 characters", "NUL or lone surrogates"):
        assert phrase in message


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{}", ("caller", "request")),
        ('{"request": {"agent_id": 12}}', ("caller",)),
        ('{"caller": 1, "request": {"agent_id": "12", "title": 7}}', ("caller", "agent_id", "title")),
        ("{" + CALLER + "}", ("request",)),
        ("{" + CALLER + ', "request": null}', ("request",)),
        ("{" + CALLER + ', "request": []}', ("request",)),
        ("{" + CALLER + ', "request": {"agent_id": true, "bot_id": 1}}', ("agent_id", "bot_id")),
    ],
)
def test_every_bad_field_is_named(line: str, expected: tuple[str, ...]) -> None:
    refusal = read_case(line).failure()
    assert refusal.fields == expected
    assert all(name in refusal.message for name in expected)


@pytest.mark.parametrize(
    ("literal", "agent_id"),
    [
        ("12", 12),
        ("12.0", 12),
        ("1.2e1", 12),
        ("120E-1", 12),
        ("0.12e+2", 12),
        ("12e0000000000000000000", 12),
        ("12." + "0" * 5000, 12),
        ("0." + "0" * 5000 + "12e5002", 12),
        ("12" + "0" * 5000 + "e-5000", 12),
        ("-0", 0),
        ("-0.0", 0),
        ("0e99999999999999999999", 0),
        ("-12.0", -12),
        ("9007199254740993.0", 2**53 + 1),
        ("9007199254740993", 2**53 + 1),
        ("1e30", 10**30),
    ],
)
def test_an_integer_is_read_exactly_however_it_is_written(literal: str, agent_id: int) -> None:
    assert read_case(GOOD.replace("12", literal)).unwrap()[1].agent_id == agent_id


@pytest.mark.parametrize(
    "literal",
    [
        "12.5",
        "1e-1",
        "12.00000000000000000000000000000001",
        "1e-99999999999999999999",
        "1e-400",
        "true",
        '"12"',
        "[12]",
    ],
)
def test_what_is_not_an_integer_is_refused(literal: str) -> None:
    assert fields(GOOD.replace("12", literal)) == ("agent_id",)


@pytest.mark.parametrize(
    "literal", ["9" * 5000, "-" + "9" * 5000, "1e400", "-1e400", "1e99999999999999999999", "1" * 700 + ".0", "9" * 601]
)
def test_a_huge_integer_is_simply_not_found(literal: str, world: MemoryDirectory) -> None:
    answer = json.loads(answer_line(GOOD.replace("12", literal), world, trace=True))
    assert answer["code"] == "agent_not_found"
    assert (answer["trace"][-1]["agent_id"] < 0) is literal.startswith("-")


def test_a_huge_integer_in_an_unknown_or_ignored_field_is_no_trouble(world: MemoryDirectory) -> None:
    line = GOOD.replace("12", '12, "size": %s' % ("9" * 5000)).replace("{", '{"n": %s, ' % ("8" * 5000), 1)
    assert json.loads(answer_line(line, world))["warnings"] == ["unknown_field_ignored"]


def test_a_huge_integer_that_a_program_made_is_written_too(world: MemoryDirectory) -> None:
    decision = decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=10**5000), world)
    assert '"agent_missing"' in decision_line(decision, trace=True)


def test_text_is_an_integer_only_where_json_says_so() -> None:
    assert [integer_or_text(text) for text in ["12", "-5", "0", "9" * 20]] == [12, -5, 0, int("9" * 20)]
    assert [integer_or_text(text) for text in ["12.0", "1e3", "-120E-1", "-0"]] == [12, 1000, -12, 0]
    others = ["", "012", "+1", " 1", "1 ", "1_0", "12.", ".5", "1.5", "1e", "e3", "1e-1", "١٢", "0x1f", "12\n", "NaN"]
    assert [integer_or_text(text) for text in others] == others
    assert isinstance(integer_or_text("9" * 9999), int)


def test_a_success_has_its_keys_in_their_order(world: MemoryDirectory) -> None:
    assert answer_line(GOOD, world) == (
        '{"outcome": "own_tenant", "tenant_id": "msp-a", "agent_id": 12, "channel_id": null, '
        '"end_company_id": null, "show_agent_progress_steps": null, "warnings": []}'
    )


def test_a_refusal_has_its_keys_in_their_order(world: MemoryDirectory) -> None:
    answer = json.loads(answer_line(GOOD.replace("12", "13"), world))
    assert list(answer) == ["outcome", "status", "code", "message", "details", "warnings"]
    assert (answer["outcome"], answer["status"]) == ("refused", 404)


def test_a_trace_lists_what_was_sought_and_only_the_rows_there_are(world: MemoryDirectory) -> None:
    trace = json.loads(answer_line(GOOD, world, trace=True))["trace"]
    assert trace[0] == {"clause": "request-shape", "verdict": "passed", "reason": "well_formed"}
    assert trace[-1] == {
        "clause": "own-agent",
        "verdict": "matched",
        "reason": "agent_available",
        "tenant_id": "msp-a",
        "agent_id": 12,
        "agents": [{"id": 12, "tenant_id": "msp-a", "name": "12", "kind": "CONVERSATIONAL"}],
    }


def test_a_line_is_printable_and_holds_letters_as_they_are() -> None:
    names = ["Zürich", "東京", "a\u2028b", "\u202e", "\u0085", "\x7f", "\ud800", "\U000e0001", "😀"]
    decision = decide(
        Caller(CallerKind.USER, "a"), parse_session_request(dict.fromkeys(names)).unwrap(), MemoryDirectory()
    )
    line = decision_line(decision, trace=True)
    assert line.isprintable()
    assert "Zürich" in line
    assert "東京" in line
    assert "😀" in line
    assert line.encode().count(b"\n") == 0
    assert json.loads(line)["trace"][0]["unknown_fields"] == sorted(names)


def test_a_malformed_request_names_its_fields_in_the_trace() -> None:
    decision = malformed_decision(parse_session_request({"title": 7}).failure())
    assert json.loads(decision_line(decision, trace=True))["trace"] == [
        {"clause": "request-shape", "verdict": "refused", "reason": "malformed", "fields": ["title"]}
    ]
