"""The endpoint as an ASGI application, to be mounted in a host's or to be served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Final

from attrs import frozen
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from neo_routing_adapters.http.answers import NOT_FOUND, Answer, Document, method_not_allowed
from neo_routing_adapters.http.body import CallerGone
from neo_routing_adapters.http.call import Call
from neo_routing_adapters.http.contract import CONTRACT_PATH, PREFIX, SESSIONS_PATH, contract_document
from neo_routing_adapters.http.cross_origin import CrossOrigin
from neo_routing_adapters.http.endpoint import Endpoint
from neo_routing_adapters.http.paths import WrittenOut, require_prefix
from neo_routing_adapters.http.responding import Responder
from neo_routing_adapters.origins import read_origins

_READING: Final = ("GET", "HEAD")
_ONLY_READING: Final = method_not_allowed(*_READING)


def application(endpoint: Endpoint, *, prefix: str = PREFIX, cross_origins: Collection[str] = ()) -> ASGIApp:
    """Return the ASGI application that answers `prefix` + `/chat/sessions`, and `prefix` + `/openapi.json`.

    It needs no lifespan, and may be mounted at any path. Pages of `cross_origins`, such as `https://dashboard.example`,
    may read its answers; where that holds `*`, all pages. Raises `ValueError` for a prefix that no path begins with and
    for an origin that no browser sends, and `TypeError` for one text instead of several origins.
    """
    origins = read_origins(cross_origins)
    require_prefix(prefix)
    router = Router(
        [
            WrittenOut(prefix + SESSIONS_PATH, _responder(endpoint, endpoint.answer, SESSIONS_PATH)),
            WrittenOut(prefix + CONTRACT_PATH, _responder(endpoint, _contract, CONTRACT_PATH)),
        ],
        redirect_slashes=False,
        default=_Elsewhere(_responder(endpoint, _nothing, "")),
    )
    return CrossOrigin(router, origins, endpoint.body_deadline) if origins else router


def _responder(endpoint: Endpoint, answer: Callable[[Call], Awaitable[Answer | CallerGone]], route: str) -> Responder:
    return Responder(
        answer=answer,
        route=route,
        new_request_id=endpoint.new_request_id,
        seconds=endpoint.seconds,
        body_deadline=endpoint.body_deadline,
        on_answer=endpoint.on_answer,
    )


async def _contract(call: Call) -> Answer:
    return Document(contract_document()) if call.method in _READING else _ONLY_READING


async def _nothing(_call: Call) -> Answer:
    return NOT_FOUND


@frozen
class _Elsewhere:
    responder: Responder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (self.responder if scope["type"] == "http" else WebSocketClose())(scope, receive, send)
