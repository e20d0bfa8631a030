"""Calls to the endpoint, put to it as an ASGI server would put them; and what stands around it in tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote, unquote
from uuid import UUID

from starlette.types import ASGIApp, Message

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    DirectoryUnavailable,
    ManagedAgentKey,
    PolicyEngine,
    Rows,
    RowsNeeded,
    Tenant,
)
from neo_routing_adapters.http import (
    AuthenticationUnavailable,
    Endpoint,
    Identity,
    MemorySessions,
    Unauthenticated,
    application,
)
from neo_routing_adapters.memory import MemoryDirectory

PATIENCE: Final = 60.0
"""In seconds: how long a test waits for what should come at once."""
SESSIONS: Final = "/public-api/chat/sessions"
CONTRACT: Final = "/public-api/openapi.json"
NOON: Final = datetime(2026, 11, 29, 12, tzinfo=UTC)
SESSION_ID: Final = UUID("019acf84-8800-7000-8000-000000000001")
SECRET: Final = b"a secret of 32 bytes, or of more"
USER: Final = Identity(caller=Caller(CallerKind.USER, "msp-a"), user_id="oid-1")
SERVICE_ACCOUNT: Final = Identity(caller=Caller(CallerKind.SERVICE_ACCOUNT, "msp-a"))
PLATFORM: Final = Identity(caller=Caller(CallerKind.PLATFORM, "platform"))
GOOD: Final = b'{"agent_id": 12, "title": "Printer"}'


_Result = TypeVar("_Result")


class TokensThatSayWhoCalls:
    """Believes what a token says of its bearer."""

    async def authenticate(self, headers: Mapping[str, str], /) -> Identity | Unauthenticated:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        parts = [unquote(part) for part in token.split("/")]
        if scheme != "Bearer" or len(parts) != 3:
            return Unauthenticated("no_token")
        kind, tenant_id, user_id = parts
        return Identity(caller=Caller(CallerKind(kind), tenant_id), user_id=user_id or None)


def token_of(identity: Identity) -> str:
    parts = (identity.caller.kind, identity.caller.tenant_id, identity.user_id or "")
    return "/".join(quote(part, safe="") for part in parts)


def headers_of(identity: Identity | None, **more: str) -> dict[str, str]:
    headers = {"content-type": "application/json"}
    if identity is not None:
        headers["authorization"] = f"Bearer {token_of(identity)}"
    return headers | {name.replace("_", "-"): value for name, value in more.items()}


def a_directory() -> MemoryDirectory:
    return MemoryDirectory(
        tenants=[Tenant(id="msp-a"), Tenant(id="msp-b"), Tenant(id="platform")],
        agents=[
            Agent(id=11, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT),
            Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL),
            Agent(id=21, tenant_id="msp-b", kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT),
            Agent(id=91, tenant_id="platform", kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT),
        ],
    )


def an_endpoint(directory: Any = None, **fields: Any) -> Endpoint:
    return Endpoint(
        **{
            "policy": PolicyEngine(a_directory() if directory is None else directory),
            "authenticator": TokensThatSayWhoCalls(),
            "sessions": MemorySessions(now=lambda: NOON),
            "idempotency_secret": SECRET,
            "now": lambda: NOON,
        }
        | fields
    )


class Response(NamedTuple):
    """What came back of a call."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str | None:
        return self.document.get("error", {}).get("code")

    @property
    def but_for_its_id(self) -> tuple[int, dict[str, str], bytes]:
        """All of it, byte for byte, with the request's id blanked out."""
        request_id: str = self.document["meta"]["request_id"]
        assert self.content.count(request_id.encode()) == 1
        return self.status, self.headers, self.content.replace(request_id.encode(), b"-" * 36)


async def call(
    app: ASGIApp,
    body: bytes | Sequence[bytes] = GOOD,
    *,
    headers: Mapping[str, str] | Sequence[tuple[bytes, bytes]] | None = None,
    method: str = "POST",
    path: str = SESSIONS,
    receive: Callable[[], Awaitable[Message]] | None = None,
    **scope: Any,
) -> Response | None:
    """Make a call, and return what came back; `None` if nothing did. A body may come in parts."""
    parts = [body] if isinstance(body, bytes) else [*body]
    coming = iter([*({"type": "http.request", "body": part, "more_body": True} for part in parts[:-1])])
    sent: list[Message] = []

    async def next_part() -> Message:
        await asyncio.sleep(0)
        return next(coming, {"type": "http.request", "body": parts[-1], "more_body": False})

    async def send(message: Message) -> None:
        sent.append(message)

    given = headers_of(USER) if headers is None else headers
    pairs = [(n.encode(), v.encode("latin-1")) for n, v in given.items()] if isinstance(given, Mapping) else [*given]
    asked = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "root_path": "",
        "query_string": b"",
        "headers": pairs,
        "client": ("192.0.2.7", 1234),
    }
    await app(asked | scope, receive or next_part, send)
    if not sent:
        return None
    start, *rest = sent
    answered = [(name.decode(), value.decode()) for name, value in start["headers"]]
    assert len(dict(answered)) == len(answered), "no header is there twice"
    return Response(start["status"], dict(answered), b"".join(message.get("body", b"") for message in rest))


def ask(app: ASGIApp | Endpoint, body: Any = GOOD, identity: Identity | None = USER, **given: Any) -> Response:
    """Make one call in an event loop of its own. A body that is not bytes, nor parts of them, is written as JSON."""
    content = body if isinstance(body, bytes | list) else json.dumps(body).encode()
    given.setdefault("headers", headers_of(identity))
    app = application(app) if isinstance(app, Endpoint) else app
    response = run(call(app, content, **given))
    assert response is not None
    return response


def run(awaited: Coroutine[Any, Any, _Result]) -> _Result:
    """Run something in an event loop of its own, for as long as it can take at most."""
    return asyncio.run(asyncio.wait_for(awaited, PATIENCE))


class Down:
    """A directory that cannot answer."""

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        raise DirectoryUnavailable from OSError("connection refused by 192.0.2.1")


class DownAuthenticator:
    """Does not know who calls, because it cannot ask."""

    async def authenticate(self, headers: Mapping[str, str], /) -> Unauthenticated:
        raise AuthenticationUnavailable from OSError("refused by 192.0.2.1")


class Waiting:
    """A directory that answers when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.answers = asyncio.Event()

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        self.asked.set()
        await self.answers.wait()
        return a_directory().look_up(needed)


class Limits:
    """A limiter that says what it is told to say, and counts."""

    def __init__(self, *, hit: Any = None, blocked: Any = None) -> None:
        self._hit, self._blocked = hit, blocked
        self.hits: list[Caller] = []
        self.failures: list[str] = []

    async def hit(self, caller: Caller, /) -> float | None:
        self.hits.append(caller)
        return _said(self._hit)

    async def blocked(self, address: str, /) -> float | None:
        return _said(self._blocked)

    async def failed(self, address: str, /) -> None:
        self.failures.append(address)


def _said(what: Any) -> Any:
    if isinstance(what, BaseException):
        raise what
    return what


class Broken:
    """A store of sessions that raises at one of its steps."""

    has_directory = False

    def __init__(self, error: BaseException, *, at: str) -> None:
        self._error, self._at = error, at
        self.memory = MemorySessions(now=lambda: NOON)

    async def find(self, *given: Any) -> Any:
        self._reach("find")
        return await self.memory.find(*given)

    async def keep(self, *given: Any) -> Any:
        self._reach("keep")
        return await self.memory.keep(*given)

    def _reach(self, step: str) -> None:
        if step == self._at:
            raise self._error
