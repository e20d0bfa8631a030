"""The log of a server: a JSON object on a line of standard error, or a line for a person on a terminal.

Nothing in it is of a header, a body or a title, and of an error that was not expected only its class and place.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from neo_routing.printable import printable
from neo_routing_adapters.command.secrets import starred
from neo_routing_adapters.http import AnsweredCall
from neo_routing_adapters.http.faults import fault_in_words

log: Final = logging.getLogger("neo_routing.serve")

_CALL: Final = "call"
_AUTO: Final = "auto"
_TEXT: Final = "text"


def set_up_log(form: str, secrets: frozenset[str]) -> None:
    """Write what is logged in this process to standard error, with stars for these secrets."""
    if form == _AUTO:
        form = _TEXT if sys.stderr is not None and sys.stderr.isatty() else "json"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_ForAPerson(secrets) if form == _TEXT else _ForPrograms(secrets))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("neo_routing", "uvicorn"):
        logging.getLogger(name).setLevel(logging.INFO)


def log_call(call: AnsweredCall) -> None:
    """Write a line on an answered call."""
    level = logging.ERROR if call.error is not None else logging.INFO
    log.log(level, _CALL, extra={_CALL: call_data(call)})


def call_data(call: AnsweredCall) -> dict[str, Any]:
    """Return what is logged of a call; what does not apply is left out."""
    data = {
        "request_id": call.request_id,
        "method": call.method,
        "route": call.route,
        "status": call.status,
        "code": None if call.code is None else str(call.code),
        "cause": call.cause,
        "caller_kind": None if call.caller is None else str(call.caller.kind),
        "tenant_id": None if call.caller is None else call.caller.tenant_id,
        "session_id": None if call.session_id is None else str(call.session_id),
        "outcome": None if call.outcome is None else str(call.outcome),
        "warnings": [*map(str, call.warnings)],
        "address": call.address,
        "timings_ms": {**call.timings_ms},
        "took_ms": call.took_ms,
    }
    return {name: value for name, value in data.items() if value not in (None, "", [], {})}


class _Formatter(logging.Formatter):
    def __init__(self, secrets: frozenset[str]) -> None:
        super().__init__()
        self._secrets = secrets

    def message(self, record: logging.LogRecord) -> str:
        """Return what was logged, with the class and the place of an error instead of a traceback."""
        message, error = record.getMessage(), record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception):
            message = f"{message}: {fault_in_words(error)}"
        return starred(message, self._secrets)


class _ForPrograms(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        data = {"time": _time(record).isoformat(timespec="milliseconds"), "level": record.levelname.lower()}
        call = getattr(record, _CALL, None)
        rest = {"event": _CALL, **call} if call else {"logger": record.name, "message": self.message(record)}
        return json.dumps(data | rest)


class _ForAPerson(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        call = getattr(record, _CALL, None)
        return f"{_time(record):%H:%M:%S} {_in_brief(call) if call else printable(self.message(record))}"


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _in_brief(call: dict[str, Any]) -> str:
    named = (call.get(name) for name in ("code", "cause", "outcome", "tenant_id"))
    words = (call["method"], call.get("route", "elsewhere"), call["status"], *filter(None, named))
    return printable(f"{' '.join(map(str, words))}, {call['took_ms']:.1f} ms, {call['request_id']}")
