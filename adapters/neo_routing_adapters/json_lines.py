"""JSON Lines: a case on each line in, a decision on each line out; and records, which are both.

What comes in is read strictly, as RFC 8259 has it, and any line at all gets a decision. What goes out is one line of
printable text: line separators, lone surrogates and whatever else has no glyph is escaped.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from attrs import evolve
from returns.result import Failure, Result

from neo_routing import (
    Caller,
    Decision,
    Refusal,
    SessionDirectory,
    SessionRequest,
    decide,
    malformed_decision,
    parse_session_request,
)
from neo_routing.complaints import Complaint, IllFormed
from neo_routing.messages import malformed
from neo_routing.plain_data.calls import caller_of, decision_data
from neo_routing.plain_data.records import record_data, record_of
from neo_routing.printable import with_escapes
from neo_routing.record import DecisionRecord
from neo_routing_adapters.strict_json import exact_number, read_json

_USABLE_CALLER: Final = (
    "must be an object with a kind (platform, service_account or user) and a tenant_id "
    "(clean text without NUL or lone surrogates, not blank, at most 256 characters)"
)
_is_number_literal: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch


def read_case(line: bytes | str) -> Result[tuple[Caller, SessionRequest], Refusal]:
    r"""Read who asks, and for what, or name everything on the line that is wrong.

    >>> line = b'{"caller": {"kind": "user", "tenant_id": "msp-a"}, "request": {"agent_id": 12}}\r\n'
    >>> read_case(line).unwrap()[1].agent_id
    12
    >>> read_case('{"caller": {"kind": "robot"}, "request": []}').failure().fields
    ('caller', 'request')
    """
    case = _case(line)
    if case is None:
        return _NO_CASE
    caller = _caller(case.get("caller"))
    request = parse_session_request(case.get("request"))
    if isinstance(caller, Refusal):
        return Failure(_both(caller, request.failure()) if isinstance(request, Failure) else caller)
    return request.map(lambda parsed: (caller, parsed))


def decision_line(decision: Decision, *, trace: bool = False) -> str:
    """Return the JSON form of a decision as one line of printable text, without an end of line."""
    return plain_line(decision_data(decision, trace=trace))


def record_line(record: DecisionRecord) -> str:
    """Return the JSON form of a record as one line of printable text, without an end of line: a case, and more."""
    return plain_line(record_data(record))


def read_record(line: bytes | str) -> DecisionRecord:
    """Read a record, of one line or of several. Raises `ValueError`, which says what is wrong.

    >>> read_record('{"id": 7}')
    Traceback (most recent call last):
    neo_routing.complaints.IllFormed: record.time is missing
    """
    return record_of(read_json(line))


def plain_line(data: dict[str, Any]) -> str:
    r"""Return plain data as JSON on one line of printable text, without an end of line.

    >>> print(plain_line({"id": "a\u2028b"}))
    {"id": "a\u2028b"}
    """
    return with_escapes(_write(data), lambda character: json.dumps(character)[1:-1])


def answer_line(line: bytes | str, directory: SessionDirectory, *, trace: bool = False) -> str:
    """Decide the case on a line, and return the line that answers it. Raises `DirectoryUnavailable`.

    >>> from neo_routing_adapters.memory import MemoryDirectory
    >>> answer_line("[]", MemoryDirectory())[:34]
    '{"outcome": "refused", "status": 4'
    """
    return decision_line(decide_line(line, directory), trace=trace)


def decide_line(line: bytes | str, directory: SessionDirectory) -> Decision:
    """Decide the case on a line, or refuse what is none. Raises `DirectoryUnavailable`.

    >>> from neo_routing_adapters.memory import MemoryDirectory
    >>> decide_line("[]", MemoryDirectory()).result.failure().fields
    ('request',)
    """
    case = read_case(line)
    if isinstance(case, Failure):
        return malformed_decision(case.failure())
    caller, request = case.unwrap()
    return decide(caller, request, directory)


def read_answer(line: bytes | str) -> dict[str, Any]:
    """Read a line that answers a case. Raises `ValueError`, which says what is wrong, if it holds no JSON object.

    >>> read_answer('{"outcome": "own_tenant", "agent_id": 12.0}')
    {'outcome': 'own_tenant', 'agent_id': 12}
    >>> read_answer(b"12")
    Traceback (most recent call last):
    ValueError: is no JSON object
    """
    try:
        answer = read_json(line if isinstance(line, str) else line.decode())
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise ValueError("is no JSON object") from error
    if not isinstance(answer, dict):
        raise ValueError("is no JSON object")  # noqa: TRY004  # whoever wrote the line is told, not a programmer
    return answer


def integer_or_text(text: str) -> int | str:
    """Return the integer that a text writes as JSON may write it, and any other text as it is.

    An integer that no Python number may be printed as comes back as another one that is as far out of range.

    >>> integer_or_text("42"), integer_or_text("4.2e1"), integer_or_text("4_2")
    (42, 42, '4_2')
    """
    number = exact_number(text) if _is_number_literal(text) else text
    return number if isinstance(number, int) else text


def _case(line: bytes | str) -> dict[str, Any] | None:
    try:
        case = read_json(line)
    except (ValueError, RecursionError):
        return None
    return case if isinstance(case, dict) else None


def _caller(given: object) -> Caller | Refusal:
    try:
        return caller_of(given)
    except IllFormed:
        return _NO_CALLER


def _both(caller: Refusal, request: Refusal) -> Refusal:
    complaints = (*caller.complaints, *request.complaints)
    return evolve(request, message=f"{caller.message} {request.message}", complaints=complaints)


_NO_CASE: Final = Failure(
    malformed(
        {"request": IllFormed("must be a JSON object with a caller and a request, on one line", Complaint.NO_CASE)}
    )
)
_NO_CALLER: Final = malformed({"caller": IllFormed(_USABLE_CALLER, Complaint.NO_USABLE_CALLER)})


_write: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
