"""A load on a server of HTTP/1.1: so many connections that stay, and on each the next request after each answer.

It does little for a request, some 30 us: no client library, no headers taken apart, one write and mostly one read.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import NamedTuple

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length: "
_GOOD = b"HTTP/1.1 200 "


class Load(NamedTuple):
    """What came of it."""

    seconds: float
    latencies: list[float]
    """Of each request, in seconds."""


class _Connection(asyncio.Protocol):
    def __init__(self, request: bytes, turns: Iterator[int], latencies: list[float]) -> None:
        self._request = request
        self._turns = turns
        self._latencies = latencies
        self._received = b""
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not _is_whole(self._received):
            return
        self._latencies.append(time.perf_counter() - self._began)
        if self._received.startswith(_GOOD):
            self._next()
        else:
            self._end(RuntimeError(f"no session: {self._received!r}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or RuntimeError("the server has closed the connection"))

    def _next(self) -> None:
        if next(self._turns, None) is None:
            self._end(None)
            return
        self._received = b""
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def _end(self, error: Exception | None) -> None:
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)
        self._transport.abort()


def _is_whole(answer: bytes) -> bool:
    head = answer.find(_END_OF_HEAD)
    if head < 0:
        return False
    start = answer.index(_LENGTH) + len(_LENGTH)
    return len(answer) >= head + len(_END_OF_HEAD) + int(answer[start : answer.index(b"\r", start)])


async def load(port: int, request: bytes, *, connections: int, count: int, seconds: float) -> Load:
    """Send a request so often, within so many seconds, or raise `TimeoutError`; each must be answered with 200."""
    loop, turns, latencies = asyncio.get_running_loop(), iter(range(count)), list[float]()
    began = time.perf_counter()
    async with asyncio.timeout(seconds):
        opened = [
            await loop.create_connection(lambda: _Connection(request, turns, latencies), "127.0.0.1", port)
            for _ in range(connections)
        ]
        await asyncio.gather(*(connection.ended for _, connection in opened))
    return Load(time.perf_counter() - began, latencies)
