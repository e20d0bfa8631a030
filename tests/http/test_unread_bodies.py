"""Whatever is answered before a body is read, the body gets an end: what is short comes in, and all else ends with us.

On a real server: the endpoint with every answer that it gives early, and what `serve` answers beside it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import httpx2
import pytest
from starlette.routing import Router

from neo_routing import Caller
from neo_routing_adapters.command.serve import server as serve_module
from neo_routing_adapters.command.serve.health import Health
from neo_routing_adapters.command.serve.in_turns import InTurns
from neo_routing_adapters.command.serve.metrics import Metrics
from neo_routing_adapters.command.serve.settings import Settings
from neo_routing_adapters.http import application
from neo_routing_adapters.http.callers import JwksCache, JwksFile, RateLimits
from neo_routing_adapters.http.callers import Limits as Rates
from tests.programs.http.calls import (
    CONTRACT,
    GOOD,
    PATIENCE,
    PLATFORM,
    SESSIONS,
    USER,
    DownAuthenticator,
    Limits,
    an_endpoint,
    ask,
    call,
    headers_of,
    run,
)
from tests.programs.http.served import Counting, answer_on, connected, head, served

KIB, MIB = 1 << 10, 1 << 20
PAGE = "https://dashboard.example"
ENOUGH = 64 * MIB
"""Bytes: more than a server takes, together with all that lies in buffers on the way."""


class Early(NamedTuple):
    """A call that is answered before its body is read."""

    status: int
    method: str = "POST"
    path: str = SESSIONS
    headers: dict[str, str] = headers_of(USER)  # nobody changes it

    def head(self, **more: str) -> bytes:
        return head(self.path, self.headers | {n.replace("_", "-"): v for n, v in more.items()}, method=self.method)


EARLY = {
    "another path": Early(404, path="/elsewhere"),
    "another method": Early(405, method="PUT"),
    "a stranger": Early(401, headers=headers_of(None)),
    "too many calls": Early(429, headers=headers_of(PLATFORM)),
    "another media type": Early(400, headers=headers_of(USER, content_type="text/plain")),
    "the contract": Early(200, method="GET", path=CONTRACT),
    "the contract, otherwise": Early(405, method="DELETE", path=CONTRACT),
    "a preflight": Early(204, "OPTIONS", headers={"origin": PAGE, "access-control-request-method": "POST"}),
    "whether it is healthy": Early(200, method="GET", path="/healthz"),
    "whether it is ready": Early(200, method="GET", path="/readyz"),
    "its numbers": Early(200, method="GET", path="/metrics"),
    "whether it is healthy, otherwise": Early(405, method="POST", path="/healthz"),
}


class PlatformCallsTooOften(Limits):
    async def hit(self, caller: Caller, /) -> float | None:
        return 7.0 if caller == PLATFORM.caller else None


class Server(NamedTuple):
    port: int
    counting: Counting
    client: httpx2.Client

    def good(self) -> int:
        return self.client.post(SESSIONS, content=GOOD, headers=headers_of(USER)).status_code


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    numbers = Metrics(tmp_path_factory.mktemp("numbers"), RateLimits(Rates()), JwksCache(JwksFile(Path("none"))))
    endpoint = an_endpoint(rate_limiter=PlatformCallsTooOften(), body_deadline=0.3)
    health = Health(asked={}, seconds=1.0, metrics=numbers, body_deadline=0.3)
    routes = Router(health.routes(), default=application(endpoint, cross_origins=[PAGE]))
    counting = Counting(routes)
    with (
        served(counting, http=InTurns) as port,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client,
    ):
        yield Server(port, counting, client)


@pytest.fixture(autouse=True)
def it_goes_on(server: Server) -> Iterator[None]:
    """After each test another caller is answered as ever."""
    yield
    assert server.good() == 200


def sent_until_the_end(connection: socket.socket, part: bytes) -> int:
    """Send for as long as the other side takes it, and return how much that was."""
    sent = 0
    with suppress(ConnectionError):
        while sent < ENOUGH:
            connection.sendall(part)
            sent += len(part)
    return sent


each_early = pytest.mark.parametrize("early", EARLY.values(), ids=EARLY)


@each_early
def test_a_body_that_is_announced_too_long_is_not_waited_for(server: Server, early: Early) -> None:
    before = server.counting.received
    with connected(server.port) as connection:
        connection.sendall(early.head(content_length=str(500 * MIB)))
        assert answer_on(connection)[::2] == (early.status, True)
    with connected(server.port) as connection:
        connection.sendall(early.head(content_length=str(500 * MIB)))
        assert sent_until_the_end(connection, b"a" * 64 * KIB) < ENOUGH
    assert server.counting.received == before


@each_early
@pytest.mark.parametrize("chunk", [b"10000\r\n" + b"a" * 64 * KIB + b"\r\n", b"1\r\na\r\n" * 5_000], ids=["64k", "1"])
def test_a_body_of_chunks_without_end_is_taken_in_part_and_others_are_answered(
    server: Server, early: Early, chunk: bytes
) -> None:
    before = server.counting.received
    with ThreadPoolExecutor(1) as pool, connected(server.port) as connection:
        connection.sendall(early.head(transfer_encoding="chunked"))
        sending = pool.submit(sent_until_the_end, connection, chunk)
        assert [server.good() for _ in range(3)] == [200] * 3
        assert sending.result(PATIENCE) < ENOUGH
    assert server.counting.received - before <= 64 * KIB + 256 * KIB + 3 * len(GOOD)


def test_bodies_that_trickle_are_given_up_with_the_answer(server: Server) -> None:
    slow = [early.head(content_length="500") + b"a" for early in EARLY.values()]
    slow += [early.head(transfer_encoding="chunked") + b"1\r\na\r\n" for early in EARLY.values()]
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(server.port)) for _ in slow]
        for connection, sent in zip(connections, slow, strict=True):
            connection.sendall(sent)
        assert server.good() == 200
        answers = [answer_on(connection)[::2] for connection in connections]
        assert answers == [(early.status, True) for early in EARLY.values()] * 2
        assert {connection.recv(1) for connection in connections} == {b""}


@each_early
def test_a_body_that_ends_is_passed_over_and_the_connection_goes_on(server: Server, early: Early) -> None:
    with connected(server.port) as connection:
        for body in (b"", GOOD, b"a" * 70_000, b"a" * MIB):
            connection.sendall(early.head(content_length=str(len(body))))
            connection.sendall(body)
            assert answer_on(connection)[::2] == (early.status, False)
        connection.sendall(early.head(transfer_encoding="chunked") + b"24\r\n" + GOOD)
        connection.sendall(b"\r\n0\r\n\r\n")
        assert answer_on(connection)[::2] == (early.status, False)
        connection.sendall(early.head())
        assert answer_on(connection)[::2] == (early.status, False)


@each_early
def test_who_asks_before_sending_a_body_is_not_told_to_go_on(server: Server, early: Early) -> None:
    with connected(server.port) as connection:
        connection.sendall(early.head(content_length="500", expect="100-continue"))
        assert answer_on(connection)[::2] == (early.status, True)
        assert connection.recv(1) == b""


def test_who_asks_before_sending_a_body_that_is_read_is_told_to_go_on(server: Server) -> None:
    with connected(server.port) as connection:
        connection.sendall(head(SESSIONS, headers_of(USER, content_length=str(len(GOOD)), expect="100-continue")))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(GOOD)
        assert answer_on(connection)[::2] == (200, False)


def test_of_one_connection_little_is_read_at_once(server: Server) -> None:
    came: list[int] = []

    class Noted(InTurns):
        def data_received(self, data: bytes) -> None:
            came.append(len(data))
            super().data_received(data)

    sent = EARLY["a stranger"].head(content_length=str(MIB)) + b"a" * MIB
    with served(server.counting, http=Noted) as port, connected(port) as connection:
        connection.sendall(sent)
        assert answer_on(connection)[::2] == (401, False)
    assert sum(came) == len(sent)
    assert max(came) <= 8 * KIB


def test_a_server_of_ours_reads_so(monkeypatch: pytest.MonkeyPatch) -> None:
    configured: dict[str, Any] = {}

    class Configured(Exception):
        pass

    def config(*_: Any, **given: Any) -> None:
        configured.update(given)
        raise Configured

    monkeypatch.setattr(serve_module, "Config", config)
    worker: Any = SimpleNamespace(settings=Settings())
    with socket.socket() as made, pytest.raises(Configured):
        serve_module.serve_on(made, worker, lambda: None)
    assert configured["http"] is InTurns


# In a host, whose channel it is


class Channel:
    """A body as a host hands it on: parts, and then nothing more."""

    def __init__(self, *parts: Any) -> None:
        self.parts, self.asked = [*parts], 0

    async def __call__(self) -> Any:
        self.asked += 1
        if not self.parts:
            await asyncio.Event().wait()
        part = self.parts.pop(0)
        if isinstance(part, BaseException):
            raise part
        return part


def part(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


STRANGER = headers_of(None)
CHUNKED = headers_of(None, transfer_encoding="chunked")


@pytest.mark.parametrize(
    ("headers", "parts", "asked", "ends"),
    [
        (STRANGER, [], 0, False),
        (STRANGER | {"content-length": "0"}, [], 0, False),
        (STRANGER | {"content-length": "5"}, [part(b"12345", more=False)], 1, False),
        (STRANGER | {"content-length": str(MIB)}, [*[part(b"a" * 64 * KIB)] * 15, part(b"", more=False)], 16, False),
        (STRANGER | {"content-length": str(MIB + 1)}, [], 0, True),
        (STRANGER | {"content-length": "5"}, [part(b"1234")], 2, True),
        (STRANGER | {"content-length": "5"}, [], 1, True),
        (STRANGER | {"content-length": "5"}, [{"type": "http.disconnect"}], 1, True),
        (STRANGER | {"content-length": "5"}, [OSError("a host's")], 1, True),
        (CHUNKED, [part(b"a" * 64 * KIB), part(b"", more=False)], 2, False),
        (CHUNKED, [part(b"a" * 64 * KIB), part(b"a"), part(b"a")], 2, True),
        (CHUNKED | {"content-length": "5"}, [part(b"12345", more=False)], 1, True),
        (STRANGER | {"content-length": "5", "expect": "100-Continue"}, [part(b"12345", more=False)], 0, True),
    ],
)
def test_what_nobody_reads_is_received_within_bounds(headers: Any, parts: Any, asked: int, ends: bool) -> None:
    told: list[Any] = []
    endpoint = an_endpoint(on_answer=told.append, body_deadline=0.05)
    for app in (application(endpoint), application(endpoint, cross_origins=[PAGE])):
        channel = Channel(*parts)
        answer = run(call(app, headers=headers, receive=channel))
        assert answer is not None
        assert (answer.code, "connection" in answer.headers) == ("unauthenticated", ends)
        assert channel.asked == asked
    assert [each.code for each in told] == ["unauthenticated"] * 2


def test_in_later_versions_of_http_nothing_need_be_announced_and_there_is_no_such_header() -> None:
    for parts, asked in (([part(b"a", more=False)], 1), ([part(b"a" * 64 * KIB), part(b"a")], 2), ([], 1)):
        channel = Channel(*parts)
        app = application(an_endpoint(body_deadline=0.05))
        answer = run(call(app, headers=STRANGER, receive=channel, http_version="2"))
        assert answer is not None
        assert (answer.status, "connection" in answer.headers, channel.asked) == (401, False, asked)


@pytest.mark.parametrize(
    "fields", [{"rate_limiter": Limits(blocked=7.2)}, {"authenticator": DownAuthenticator()}], ids=["blocked", "down"]
)
def test_who_is_blocked_or_cannot_be_known_sends_no_more_than_others(fields: dict[str, Any]) -> None:
    for length, asked, ends in ((str(500 * MIB), 0, True), ("5", 1, False)):
        channel = Channel(part(b"12345", more=False))
        headers = headers_of(USER, content_length=length)
        answer = ask(an_endpoint(**fields), headers=headers, receive=channel)
        assert answer.status in {429, 500}
        assert (channel.asked, "connection" in answer.headers) == (asked, ends)


def test_a_body_that_was_read_is_not_asked_for_again() -> None:
    channel = Channel(part(GOOD, more=False))
    assert ask(an_endpoint(), receive=channel).status == 200
    assert channel.asked == 1


def test_how_long_a_body_took_that_nobody_read_is_not_told_of_the_answer() -> None:
    ticks, told = iter([0.0, 0.0, 0.0, 0.5, 9.0]), []
    endpoint = an_endpoint(seconds=lambda: next(ticks), on_answer=told.append, body_deadline=0.01)
    assert ask(endpoint, headers=STRANGER | {"content-length": "5"}, receive=Channel()).status == 401
    assert told[0].took_ms == 500.0
