"""From a request of ASGI to its response: whatever happens in between, there is one answer, and it is an envelope."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from attrs import frozen
from starlette.types import Receive, Scope, Send

from neo_routing_adapters.http.answers import Answer, Created, Document, Headers, Refused
from neo_routing_adapters.http.body import CallerGone
from neo_routing_adapters.http.call import AnsweredCall, Call, call_of
from neo_routing_adapters.http.envelope import error_document, session_document
from neo_routing_adapters.http.faults import fault_answer, fault_in_words

log: Final = logging.getLogger("neo_routing.http")

_ON_EVERY_ANSWER: Final = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
_write: Final = msgspec.json.Encoder().encode


@frozen(kw_only=True)
class Responder:
    """An ASGI application that answers each request by one function, and tells of each answer."""

    answer: Callable[[Call], Awaitable[Answer | CallerGone]]
    route: str
    new_request_id: Callable[[], UUID]
    seconds: Callable[[], float]
    body_deadline: float
    on_answer: Callable[[AnsweredCall], None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Nothing but the end of the task or of the process goes through."""
        call = call_of(scope, receive, str(self.new_request_id()))
        started = 0.0 if self.on_answer is None else self.seconds()
        answer, content, error = await self._answered(call)
        if isinstance(answer, CallerGone):
            return
        if self.on_answer is not None:
            took_ms = round((self.seconds() - started) * 1000, 3)
            self._tell(self.on_answer, _answered_call(call, self.route, answer, took_ms, error))
        ends = await self._body_ends(call)
        await _send(send, scope, answer, content, () if ends else call.body.closing)

    async def _answered(self, call: Call) -> tuple[Answer | CallerGone, bytes, Exception | None]:
        try:
            answer = await self.answer(call)
            return answer, _content(call, answer), None
        except Exception as error:  # noqa: BLE001  # it is told, and answered: no text of it may leave
            log.error("%s: %s", call.request_id, fault_in_words(error))  # noqa: TRY400  # a traceback quotes callers
            failed = fault_answer(error)
            return failed, _content(call, failed), error

    async def _body_ends(self, call: Call) -> bool:
        try:
            return (call.body.ended or await call.body.ends(seconds=self.body_deadline)) and not _two_lengths(call)
        except Exception as error:  # noqa: BLE001  # the answer is there, and is sent
            log.error("%s: the body: %s", call.request_id, fault_in_words(error))  # noqa: TRY400  # as above
            return False

    def _tell(self, on_answer: Callable[[AnsweredCall], None], told: AnsweredCall) -> None:
        try:
            on_answer(told)
        except Exception as error:  # noqa: BLE001  # the host's, and the call has been answered
            log.error("%s: on_answer failed: %s", told.request_id, fault_in_words(error))  # noqa: TRY400


def _content(call: Call, answer: Answer | CallerGone) -> bytes:
    if isinstance(answer, CallerGone):
        return b""
    if isinstance(answer, Created):
        return _write(session_document(answer.session, request_id=call.request_id, timings_ms=call.timings_ms))
    if isinstance(answer, Document):
        return answer.content
    return _write(error_document(answer.code, answer.message, request_id=call.request_id, details=answer.details))


async def _send(send: Send, scope: Mapping[str, Any], answer: Answer, content: bytes, closing: Headers) -> None:
    status, headers = 200, [*_ON_EVERY_ANSWER, (b"content-length", b"%d" % len(content)), *closing]
    if isinstance(answer, Refused):
        status = answer.status
        headers += answer.headers
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else content})


def _two_lengths(call: Call) -> bool:
    """Tell whether there are two: somebody before us may have seen another end, and no more of the connection counts.

    RFC 9112, 6.1: what follows could be a call that was smuggled in.
    """
    return "transfer-encoding" in call.headers and "content-length" in call.headers


def _answered_call(call: Call, route: str, answer: Answer, took_ms: float, error: Exception | None) -> AnsweredCall:
    session = answer.session if isinstance(answer, Created) else None
    return AnsweredCall(
        request_id=call.request_id,
        method=call.method,
        route=route,
        address=call.address,
        status=answer.status if isinstance(answer, Refused) else 200,
        code=answer.code if isinstance(answer, Refused) else None,
        cause=call.cause,
        caller=call.caller,
        session_id=None if session is None else session.id,
        outcome=answer.outcome if isinstance(answer, Created) else None,
        warnings=() if session is None else session.warnings,
        timings_ms={**call.timings_ms},  # a decision that was given up may end in its thread after this
        took_ms=took_ms,
        error=error,
    )
