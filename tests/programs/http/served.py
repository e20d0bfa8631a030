"""The endpoint behind a real uvicorn on loopback, in a thread of this process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from threading import Event, Thread
from typing import Literal

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.programs.http.calls import PATIENCE


class Counting:
    """Counts what an application is given of bodies, and tells when it has answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.received = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted() -> Message:
            message = await receive()
            self.received += len(message.get("body", b""))
            return message

        await self._app(scope, counted, send)


@contextmanager
def served(
    app: ASGIApp,
    *,
    then: Callable[[], Awaitable[None]] | None = None,
    http: type[asyncio.Protocol] | Literal["auto"] = "auto",
) -> Iterator[int]:
    """Serve an application on a free port of loopback, and give the port; what is to be done then, its loop does."""
    began = Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            began.set()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await super().shutdown(sockets)
            if then is not None:
                await then()

    # With its protocol named, or asyncio leaves out TCP_NODELAY, and an answer waits 40 ms for an acknowledgement.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = Server(uvicorn.Config(app, http=http, lifespan="off", log_config=None, access_log=False))
    thread = Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        assert began.wait(PATIENCE), "uvicorn did not start"
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive(), "uvicorn did not end"
        listening.close()


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) as connection:
        yield connection


def is_open(port: int) -> bool:
    """Tell whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


def head(path: str, headers: dict[str, str], *, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def answer_on(connection: socket.socket) -> tuple[int, bytes, bool]:
    """Read an answer, and return its status, its body, and whether the connection ended with it."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65_536)
        assert part, "the connection ended before there was an answer"
        got += part
    start, _, body = got.partition(b"\r\n\r\n")
    lines = start.decode("latin-1").lower().split("\r\n")
    length = next((int(line.partition(":")[2]) for line in lines if line.startswith("content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return int(lines[0].split()[1]), body, "connection: close" in lines
