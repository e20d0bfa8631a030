"""Fuzzes what reads a case: `read_case`, `answer_line` and `parse_session_request`, on any bytes.

What holds of every line is said by `check`, which needs no fuzzer. To let Atheris look for a line that breaks it:

    pip install atheris
    python -m tests.programs.fuzz.fuzz case_lines -max_total_time=3600 -rss_limit_mb=2048 -timeout=25 corpus

The kept inputs and the cases of the conformance corpus are put into the folder first. All options are libFuzzer's;
it prints how many inputs it tried, and writes one that breaks something to a file, which can then be given instead of
the folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from attrs import frozen
from returns.result import Failure, Success

from neo_routing import (
    Caller,
    HeldRows,
    Refusal,
    SessionDirectory,
    SessionRequest,
    directory_of,
    normal_bot_id,
    normal_m365_tenant_id,
    parse_session_request,
)
from neo_routing.testing import reference
from neo_routing.testing.conformance import conformance_worlds
from neo_routing_adapters.json_lines import answer_line, read_case
from tests.programs.fuzz import strict_json

NO_CASE: Final = {
    "outcome": "refused",
    "status": 422,
    "code": "validation_error",
    "message": ("The request is not valid: request must be a JSON object with a caller and a request, on one line."),
    "details": {"fields": ["request"], "complaints": {"request": "no_case"}},
    "warnings": [],
    "trace": [
        {"clause": "request-shape", "verdict": "refused", "reason": "malformed", "fields": ["request"]},
    ],
}
KEYS_OF_SUCCESS: Final = [
    "outcome",
    "tenant_id",
    "agent_id",
    "channel_id",
    "end_company_id",
    "show_agent_progress_steps",
    "warnings",
    "trace",
]
KEYS_OF_REFUSAL: Final = ["outcome", "status", "code", "message", "details", "warnings", "trace"]
FIELDS: Final = ("agent_id", "managed_agent_key", "bot_id", "client_id", "inbound_tenant_id", "title")
USER: Final = {"kind": "user", "tenant_id": "msp-a"}

Answer = Callable[[bytes, SessionDirectory], str]


@frozen
class Directory:
    """A directory of the conformance corpus, for the core and for the reference model."""

    in_memory: HeldRows
    model: reference.Reference


def _directory(text: str) -> Directory:
    plain = json.loads(text)
    return Directory(HeldRows(directory_of(plain)), reference.Reference(plain))


# Between them they have every path through the rules, numbers that a rounding reader confuses, and ids in any spelling.
DIRECTORIES: Final = [
    _directory(world.directory_document)
    for world in conformance_worlds()
    if world.name in {"every-path", "lines", "spellings"}
]


def answer(line: bytes, directory: SessionDirectory) -> str:
    """Answer a line as the library does."""
    return answer_line(line, directory, trace=True)


def check(line: bytes, answer: Answer = answer) -> None:
    """Raise `AssertionError` if the library answers a line otherwise than the documentation says."""
    _check_decisions(line, answer)
    _check_that_a_case_survives_writing(line)
    for body in _bodies(line):
        _check_parser(body)


def seeds() -> Iterator[bytes]:
    """Yield the lines to begin with."""
    return (case.line for world in conformance_worlds() for case in world.cases)


def _check_decisions(line: bytes, answer: Answer) -> None:
    questions = _question(line)
    for directory in DIRECTORIES:
        text = answer(line, directory.in_memory)
        assert text.isprintable(), text
        given = json.loads(text)
        assert list(given) == (KEYS_OF_REFUSAL if given["outcome"] == "refused" else KEYS_OF_SUCCESS), text
        expected = NO_CASE
        if isinstance(questions, reference.Question):
            expected = directory.model.decision(questions)
        assert given == expected, f"expected {json.dumps(expected)}"


def _question(line: bytes) -> reference.Question | str:
    """Read the line by the second reader, and ask the reference model what can be said of it; "" is for no case."""
    try:
        case = strict_json.read(line.decode())
    except (UnicodeDecodeError, strict_json.NotJson):
        return ""
    return reference.question(case.get("caller"), case.get("request")) if isinstance(case, dict) else ""


def _check_that_a_case_survives_writing(line: bytes) -> None:
    read = read_case(line)
    if isinstance(read, Failure):
        assert set(read.failure().fields) <= {"caller", "request", *FIELDS}
        return
    assert read == read_case(line.decode())
    caller, request = read.unwrap()
    written = {"caller": {"kind": str(caller.kind), "tenant_id": caller.tenant_id}, "request": body_of(request)}
    assert read_case(json.dumps(written)) == Success((caller, request))
    assert caller == Caller(caller.kind, caller.tenant_id)


def body_of(request: SessionRequest) -> dict[str, Any]:
    """Write a request as the body of a call.

    >>> body_of(SessionRequest(agent_id=12, unknown_fields=("colour",)))
    {'agent_id': 12, 'colour': None}
    """
    values = (
        request.agent_id,
        request.managed_agent_key,
        request.bot_id,
        request.client_id,
        request.m365_tenant_id,
        request.title,
    )
    given = {name: value for name, value in zip(FIELDS, values, strict=True) if value is not None}
    return given | dict.fromkeys(request.unknown_fields)


def _bodies(line: bytes) -> Iterator[object]:
    """Yield Python values that the line may stand for, when it is read as laxly as Python reads JSON."""
    try:
        value = json.loads(line.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return
    yield value
    if isinstance(value, dict) and "request" in value:
        yield value["request"]


class _Dict(dict[Any, Any]):
    """An object whose class is not `dict`."""


class _Text(str):
    """A text whose class is not `str`."""

    __slots__ = ()


class _Integer(int):
    """An integer whose class is not `int`."""


def _subclassed(value: object) -> object:
    if type(value) is dict:
        return _Dict({name: _subclassed(each) for name, each in value.items()})
    kind = {str: _Text, int: _Integer}.get(type(value))
    return value if kind is None else kind(value)


def _check_parser(body: object) -> None:
    parsed = parse_session_request(body)
    assert parse_session_request(_subclassed(body)) == parsed
    wrong = reference.malformed(USER, body)
    if isinstance(parsed, Failure):
        refusal: Refusal = parsed.failure()
        assert (refusal.fields, refusal.message) == (wrong["fields"], wrong["not_valid"])
        return
    assert not wrong["fields"], wrong
    request = parsed.unwrap()
    asked = reference.understood(USER, body)
    assert request.unknown_fields == asked["unknown_fields"]
    understood = body_of(request)
    assert understood == {
        **{
            name: asked[name]
            for name in ("client_id", "agent_id", "managed_agent_key", "bot_id")
            if asked[name] is not None
        },
        **({} if asked["m365_tenant_id"] is None else {"inbound_tenant_id": asked["m365_tenant_id"]}),
        **({} if request.title is None else {"title": request.title}),
        **dict.fromkeys(request.unknown_fields),
    }
    assert parse_session_request(understood) == parsed
    assert normal_bot_id(request.bot_id or "") == (request.bot_id or "")
    assert normal_m365_tenant_id(request.m365_tenant_id or "") == (request.m365_tenant_id or "")
