"""Which bodies are read, which are not, and how long and how slow one may be."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import Any

import pytest

from neo_routing_adapters.http import MemorySessions, application
from tests.programs.http.calls import GOOD, USER, an_endpoint, ask, call, headers_of, run

MIB = 1 << 20


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        'Application/JSON;Charset="UTF-8"',
        "application/json; charset=utf8; profile=x",
        "application/json;",
    ],
)
def test_json_in_utf_8_is_read(media_type: str) -> None:
    assert ask(an_endpoint(), headers=headers_of(USER, content_type=media_type)).status == 200


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/json",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "application/problem+json",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json, application/json",
        "multipart/form-data; boundary=application/json",
    ],
)
def test_any_other_media_type_is_refused(media_type: str) -> None:
    answer = ask(an_endpoint(), headers=headers_of(USER, content_type=media_type))
    assert (answer.status, answer.code) == (400, "unsupported_media_type")


def test_a_body_of_no_media_type_is_refused() -> None:
    headers = headers_of(USER)
    del headers["content-type"]
    assert ask(an_endpoint(), headers=headers).code == "unsupported_media_type"


def test_a_compressed_body_is_refused_and_one_that_says_it_is_not_is_read() -> None:
    for coding, status in (("gzip", 400), ("br", 400), ("identity, gzip", 400), ("identity", 200), ("Identity", 200)):
        assert ask(an_endpoint(), headers=headers_of(USER, content_encoding=coding)).status == status


def padded(length: int) -> bytes:
    return GOOD + b" " * (length - len(GOOD))


@pytest.mark.parametrize(("length", "status"), [(65_536, 200), (65_537, 400), (MIB, 400), (3 * MIB, 400)])
@pytest.mark.parametrize("parts", [1, 7])
def test_a_body_has_64_kib_at_most_in_however_many_parts(length: int, status: int, parts: int) -> None:
    body, each = padded(length), length // parts + 1
    answer = ask(an_endpoint(), [body[start : start + each] for start in range(0, length, each)])
    assert (answer.status, answer.code) == (status, None if status == 200 else "body_too_large")


def test_a_body_that_is_announced_as_far_too_long_is_not_waited_for() -> None:
    async def never() -> Any:
        raise AssertionError("the body was asked for")

    for length in (f"{MIB + 1}", "104857600", "9" * 5000):
        answer = ask(an_endpoint(), headers=headers_of(USER, content_length=length), receive=never)
        assert (answer.code, answer.headers["connection"]) == ("body_too_large", "close")


def test_a_body_without_an_end_is_received_up_to_a_mebibyte() -> None:
    parts = count()

    async def without_end() -> Any:
        assert next(parts) < 100
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    answer = ask(an_endpoint(), receive=without_end)
    assert (answer.code, answer.headers["connection"]) == ("body_too_large", "close")
    assert next(parts) == MIB // 65_536 + 1


def test_a_body_that_does_not_come_in_time_is_refused_and_the_connection_ends() -> None:
    async def never() -> Any:
        await asyncio.Event().wait()

    for version, connection in (("1.0", "close"), ("1.1", "close"), ("2", None), ("3", None)):
        app = application(an_endpoint(body_deadline=0.01))
        in_time = asyncio.wait_for(call(app, receive=never, http_version=version), timeout=2)
        answer = run(in_time)
        assert answer is not None
        assert (answer.status, answer.code, answer.headers.get("connection")) == (400, "body_too_slow", connection)


def test_a_caller_who_goes_before_the_body_is_complete_gets_no_session_and_no_answer() -> None:
    messages: list[Any] = [
        {"type": "http.request", "body": GOOD, "more_body": True},
        {"type": "http.disconnect"},
    ]
    told: list[Any] = []
    sessions = MemorySessions()

    async def receive() -> Any:
        return messages.pop(0)

    endpoint = an_endpoint(sessions=sessions, on_answer=told.append)
    assert run(call(application(endpoint), receive=receive)) is None
    assert not sessions.kept
    assert told == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b'{"agent_id": 12} {}', "Extra data"),
        (b'{"agent_id": 12, "agent_id": 21}', 'the key "agent_id" is there twice'),
        (b'{"agent_id": NaN}', "NaN is not JSON"),
        (b'{"title": "caf\xe9"}', "it is not UTF-8 text"),
        (b'\xef\xbb\xbf{"agent_id": 12}', "byte order mark"),
        ('{"agent_id": 12}'.encode("utf-16"), "it is not UTF-8 text"),
        (b"[" * 129 + b"]" * 129, "nested more than 128 levels deep"),
        (b"[" * 65_536, "nested more than 128 levels deep"),
        (b'{"a":' * 13_000, "nested more than 128 levels deep"),
        (b"agent_id=12", "Expecting value"),
        (rb'{"\ud800": 1, "\ud800": 2}', r'the key "\ud800" is there twice'),
    ],
    ids=[str(number) for number in range(13)],
)
def test_what_is_no_json_text_is_refused_with_the_reason(body: bytes, told: str) -> None:
    answer = ask(an_endpoint(), body)
    assert (answer.status, answer.code) == (400, "invalid_json")
    assert told in answer.document["error"]["message"]
    assert len(answer.content) < 400


@pytest.mark.parametrize("body", [b"null", b"[]", b"12", b'"x"', b"[" * 128 + b"]" * 128])
def test_json_that_is_no_object_is_what_the_rules_refuse(body: bytes) -> None:
    answer = ask(an_endpoint(), body)
    assert (answer.status, answer.code) == (422, "validation_error")
    assert answer.document["error"]["details"]["complaints"] == {"request": "not_an_object"}


def test_ids_are_not_rounded() -> None:
    assert ask(an_endpoint(), b'{"agent_id": 12.0}').status == 200
    assert ask(an_endpoint(), b'{"agent_id": 12.0000000000000001}').code == "validation_error"
    assert ask(an_endpoint(), b'{"agent_id": 1%s}' % (b"0" * 5000)).code == "agent_not_found"


def test_ten_thousand_headers_are_answered() -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers_of(USER).items()]
    for more in ([(b"x-%d" % number, b"v") for number in range(10_000)], [(b"x-same", b"v" * 20)] * 10_000):
        assert ask(an_endpoint(), headers=[*pairs, *more]).status == 200


def test_a_header_that_comes_twice_is_not_one_of_the_two() -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers_of(USER).items()]
    assert ask(an_endpoint(), headers=[*pairs, pairs[1]]).code == "unauthenticated"
    assert ask(an_endpoint(), headers=[*pairs, (b"content-type", b"application/json")]).code == "unsupported_media_type"


def test_a_title_is_kept_as_it_was_written() -> None:
    title = 'Drucker "brennt" \u00e4\u2028\U0001f525\x7f'
    answer = ask(an_endpoint(), {"agent_id": 12, "title": title})
    assert answer.document["data"]["title"] == title
