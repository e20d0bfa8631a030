"""CORS: which pages in a browser may read the answers. Off unless a host names origins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from neo_routing_adapters.http.answers import Headers
from neo_routing_adapters.http.incoming import Unread
from neo_routing_adapters.origins import ANY_ORIGIN

_VARY: Final = (b"vary", b"Origin")
_MAY_BE_READ: Final = (b"access-control-expose-headers", b"Retry-After")
_MAY_BE_SENT: Final = (
    (b"access-control-allow-methods", b"GET, POST"),
    (b"access-control-allow-headers", b"Authorization, Content-Type, Idempotency-Key"),
    (b"access-control-max-age", b"600"),
    (b"cache-control", b"no-store"),
)


@frozen
class CrossOrigin:
    """An ASGI application whose answers pages of these origins may read; `*` stands for all. No cookies are taken."""

    application: ASGIApp
    origins: frozenset[str]
    body_deadline: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer what a browser asks beforehand, and say on every other answer who may read it."""
        if scope["type"] != "http":
            await self.application(scope, receive, send)
            return
        asked = {name: value for name, value in scope["headers"] if name in _ASKED}
        allowed = self._allowed(asked)
        if allowed and scope["method"] == "OPTIONS" and b"access-control-request-method" in asked:
            await Unread(_Preflight((*allowed, *_MAY_BE_SENT)), self.body_deadline)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *(allowed or (_VARY,))]
            await send(message)

        await self.application(scope, receive, send_with_headers)

    def _allowed(self, asked: Mapping[bytes, bytes]) -> Headers:
        origin = asked.get(b"origin")
        if origin is None or not ({origin.decode("latin-1"), ANY_ORIGIN} & self.origins):
            return ()
        return (b"access-control-allow-origin", origin), _MAY_BE_READ, _VARY


@frozen
class _Preflight:
    headers: Headers

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": self.headers})
        await send({"type": "http.response.body"})


_ASKED: Final = frozenset([b"origin", b"access-control-request-method"])
