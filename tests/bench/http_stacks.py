"""Serves the endpoint, or the same by hand on the bare driver: one process, one database, for `http_ratios.py`.

    python tests/bench/http_stacks.py endpoint|by_hand URL

By hand means: Starlette, msgspec and uvicorn, the endpoint's reader of bodies, its statements in their order on a
connection that is held, that of aiosqlite for SQLite, and an answer of the same size. Nothing is decided there, no
fault is looked for, and there are no deadlines. It writes its port, and for each line that it reads the seconds of
processor time that it has taken.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from time import process_time
from typing import Any
from uuid import uuid4

import aiosqlite
import asyncpg
import msgspec
import psycopg
import uvicorn
from sqlalchemy import URL, Engine, bindparam, create_engine, insert, make_url
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from neo_routing import Caller, CallerKind, PolicyEngine, SessionRequest, rows_needed
from neo_routing_adapters.command.serve.engines import SETTINGS
from neo_routing_adapters.http import Endpoint, application
from neo_routing_adapters.http.body import ReadBody, read_body
from neo_routing_adapters.http.callers import ApiKeys, Credentials, Limit, Limits, Peppers, RateLimits
from neo_routing_adapters.http.contract import PREFIX, SESSIONS_PATH
from neo_routing_adapters.http.credentials_sql import SqlKeyStore, _question
from neo_routing_adapters.http.incoming import Incoming
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.http.tables.credentials import api_keys
from neo_routing_adapters.http.tables.sessions import sessions
from neo_routing_adapters.sql import AsyncSqlDirectory
from neo_routing_adapters.sql.look_up.share import _TAKE, HIDE_AS_BEFORE, timeouts
from neo_routing_adapters.sql.look_up.statements import Statements

PATH = PREFIX + SESSIONS_PATH
PEPPER = bytes(range(32))
TENANT, AGENT = "msp-0000000", 2
BODY = b'{"agent_id": 2, "title": "The printer does not print"}'
CONNECTIONS = 8
PATIENCE = 30.0
"""In seconds, instead of two: a machine that others use, too, may stand still for as long."""
RECORD = "-" * 600
"""As long as the record of such a decision."""


def endpoint(url: URL) -> ASGIApp:
    """Return the endpoint with engines as `serve` makes them."""
    engine: AsyncEngine | Engine
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url.set(drivername="sqlite"), **SETTINGS, pool_size=CONNECTIONS)
    else:
        engine = create_async_engine(url, **SETTINGS, pool_size=CONNECTIONS)
    directory = AsyncSqlDirectory(engine, deadline=PATIENCE)
    return application(
        Endpoint(
            policy=PolicyEngine(directory),
            authenticator=Credentials(
                api_keys=ApiKeys(SqlKeyStore(engine, seconds=PATIENCE), Peppers((PEPPER,)), environment="live"),
            ),
            sessions=SqlSessions(engine, directory, deadline=PATIENCE),
            idempotency_secret=PEPPER,
            rate_limiter=RateLimits(Limits(tenant=Limit(10**9))),
        )
    )


class Written:
    """A statement of SQLAlchemy's as its text, and how the driver takes its arguments."""

    def __init__(self, statement: Any, dialect: Dialect, **options: Any) -> None:
        compiled = statement.compile(dialect=dialect, **options)
        self.sql = str(compiled)
        self.names = None if compiled.positiontup is None else tuple(compiled.positiontup)

    def arguments(self, given: dict[str, Any]) -> Any:
        return given if self.names is None else tuple(given[name] for name in self.names)


class ByHand:
    """The statements of a session, on one of several connections."""

    def __init__(self, url: URL) -> None:
        self._url, dialect = url, url.get_dialect()()
        self._on_server = dialect.name == "postgresql"
        sought = bindparam("sought_0", type_=api_keys.c.mac.type)
        self._key = Written(_question(api_keys, api_keys.c.mac.in_([sought])), dialect)
        self._lock = Written(_TAKE, dialect)
        self._session = Written(insert(sessions), dialect, column_keys=[*sessions.c.keys()])
        needed = rows_needed(Caller(CallerKind.SERVICE_ACCOUNT, TENANT), SessionRequest(agent_id=AGENT))
        assert needed is not None
        self._decision = Statements(dialect).for_one(needed)
        self._timeouts = timeouts(PATIENCE)
        self._idle: asyncio.Queue[Callable[..., Awaitable[Sequence[Any]]]] = asyncio.Queue()
        self._closing: list[Callable[[], Awaitable[None]]] = []

    def application(self) -> ASGIApp:
        return Starlette(routes=[Route(PATH, self.answer, methods=["POST"])], lifespan=self.connected)

    @asynccontextmanager
    async def connected(self, _app: Starlette) -> AsyncIterator[None]:
        for _ in range(CONNECTIONS if self._on_server else 1):  # SQLite has one writer at a time
            self._idle.put_nowait(await self._opened())
        yield
        for close in self._closing:
            await close()

    async def _opened(self) -> Callable[..., Awaitable[Sequence[Any]]]:
        connection: Any
        if not self._on_server:
            assert self._url.database is not None
            connection = await aiosqlite.connect(self._url.database, isolation_level=None)
            self._closing.append(connection.close)
            return connection.execute_fetchall
        url = self._url.set(drivername="postgresql").render_as_string()
        if self._url.drivername.endswith("asyncpg"):
            connection = await asyncpg.connect(url)
            self._closing.append(connection.close)
            return lambda sql, arguments=(): connection.fetch(sql, *arguments) if arguments else connection.execute(sql)
        connection = await psycopg.AsyncConnection.connect(url, autocommit=True)
        self._closing.append(connection.close)

        async def fetch(sql: str, arguments: Any = None) -> Sequence[Any]:
            cursor = await connection.execute(sql, arguments)
            return await cursor.fetchall() if cursor.description else ()

        return fetch

    async def answer(self, request: Request) -> Response:
        body = await read_body(Incoming(request.receive, request.headers, "1.1"), deadline=10.0)
        assert isinstance(body, ReadBody)
        mac = hmac.digest(PEPPER, request.headers["authorization"].removeprefix("Bearer ").encode(), "sha256")
        session_id, now, token = uuid4(), datetime.now(UTC), uuid4().hex
        moment: Any = now if self._on_server else now.isoformat(timespec="microseconds")
        row = {
            "id": session_id if self._on_server else str(session_id),
            "tenant_id": TENANT,
            "agent_id": body.value["agent_id"],
            "title": body.value["title"],
            "channel": "api",
            "channel_id": None,
            "end_company_id": None,
            "show_agent_progress_steps": None,
            "warnings": "",
            "created_at": moment,
            "updated_at": moment,
            "archived_at": None,
            "record": RECORD,
        }
        fetch = await self._idle.get()
        found = await fetch(self._key.sql, self._key.arguments({"token": token, "sought_0": mac}))
        await fetch("BEGIN" if self._on_server else "BEGIN IMMEDIATE")
        if self._on_server:
            await fetch(self._lock.sql, self._lock.arguments({"token": token, **self._timeouts}))
        rows = await fetch(self._decision.sql, self._decision.arguments)
        if self._on_server:
            await fetch(HIDE_AS_BEFORE)
        await fetch(self._session.sql, self._session.arguments(row))
        await fetch("COMMIT")
        self._idle.put_nowait(fetch)
        assert found and rows
        content = {
            "data": {
                "id": str(session_id),
                "agent_id": body.value["agent_id"],
                "client_id": TENANT,
                "title": body.value["title"],
                "channel": "api",
                "created_at": now.isoformat(),
                "updated_at": now.isoformat(),
                "archived_at": None,
                "show_agent_progress_steps": None,
            },
            "meta": {
                "request_id": str(uuid4()),
                "timings_ms": {"authenticate": 0.543, "decide": 0.543, "store": 1.234},
                "warnings": [],
            },
        }
        headers = {"cache-control": "no-store"}
        return Response(msgspec.json.encode(content), media_type="application/json", headers=headers)


def main(stack: str, url: str) -> None:
    at = make_url(url)
    app = endpoint(at) if stack == "endpoint" else ByHand(at).application()
    # With its protocol named, or asyncio leaves out TCP_NODELAY.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))

    def tell() -> None:
        for _ in sys.stdin:
            print(process_time(), flush=True)
        server.should_exit = True

    threading.Thread(target=tell, daemon=True).start()
    listening.listen()
    print(listening.getsockname()[1], flush=True)
    server.run(sockets=[listening])


if __name__ == "__main__":
    main(*sys.argv[1:])
