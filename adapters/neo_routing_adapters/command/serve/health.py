"""Whether the server is there, and whether it could answer: for whoever sends calls to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import uuid4

from attrs import frozen
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from neo_routing import DirectoryUnavailable
from neo_routing_adapters.command.serve.logs import log
from neo_routing_adapters.command.serve.metrics import Metrics
from neo_routing_adapters.http import AuthenticationUnavailable, RateLimitUnavailable, SessionStoreUnavailable
from neo_routing_adapters.http.answers import Answer, method_not_allowed
from neo_routing_adapters.http.call import Call
from neo_routing_adapters.http.faults import fault_in_words
from neo_routing_adapters.http.in_time import in_time
from neo_routing_adapters.http.incoming import Unread
from neo_routing_adapters.http.paths import WrittenOut
from neo_routing_adapters.http.responding import Responder

Question = Callable[[], Awaitable[object]]
"""Asks somebody anything, and raises if there is no answer."""

_SILENCE: Final = (
    TimeoutError,
    AuthenticationUnavailable,
    DirectoryUnavailable,
    RateLimitUnavailable,
    SessionStoreUnavailable,
)
_NO_STORE = {"cache-control": "no-store"}


@frozen(kw_only=True)
class Health:
    """Who must answer, so that calls can be answered, and in how many seconds."""

    asked: Mapping[str, Question]
    seconds: float
    metrics: Metrics
    body_deadline: float

    def routes(self) -> list[Route]:
        """Return the paths beside the endpoint's."""
        answers = {"/healthz": self._healthy, "/readyz": self._ready, "/metrics": self._metrics}
        unread = [Middleware(Unread, self.body_deadline)]
        reading = [WrittenOut(path, answer, methods=["GET"], middleware=unread) for path, answer in answers.items()]
        return [*reading, *(WrittenOut(path, self._other_methods()) for path in answers)]

    def _other_methods(self) -> Responder:
        return Responder(
            answer=_only_reading,
            route="",
            new_request_id=uuid4,
            seconds=time.perf_counter,
            body_deadline=self.body_deadline,
        )

    async def _healthy(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=_NO_STORE)

    async def _ready(self, _request: Request) -> Response:
        answered = await asyncio.gather(*(self._answers(name, question) for name, question in self.asked.items()))
        silent = [name for name, answers in zip(self.asked, answered, strict=True) if not answers]
        if silent:
            return JSONResponse({"status": "not ready", "unavailable": silent}, 503, headers=_NO_STORE)
        return JSONResponse({"status": "ready"}, headers=_NO_STORE)

    async def _answers(self, name: str, question: Question) -> bool:
        try:
            await in_time(_awaited(question), self.seconds)
        except _SILENCE as error:
            log.warning("not ready, %s: %s", name, fault_in_words(error))
            return False
        return True

    async def _metrics(self, _request: Request) -> Response:
        return PlainTextResponse(self.metrics.text(), media_type="text/plain; version=0.0.4", headers=_NO_STORE)


async def _awaited(question: Question) -> object:
    return await question()


async def _only_reading(_call: Call) -> Answer:
    return method_not_allowed("GET", "HEAD")
