"""On a real server, whatever a caller sends is bounded and answered, or its connection ends; others go on."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx2
import pytest

from neo_routing_adapters.http import MemorySessions, application
from tests.programs.http.calls import GOOD, NOON, PATIENCE, SESSIONS, USER, an_endpoint, headers_of
from tests.programs.http.served import Counting, answer_on, connected, head, served

MIB = 1 << 20


class Server:
    """A served endpoint, and what it was given and has kept."""

    def __init__(self, port: int, counting: Counting, sessions: MemorySessions, client: httpx2.Client) -> None:
        self.port, self.counting, self.sessions, self.client = port, counting, sessions, client

    def post(self, body: Any = GOOD, **headers: str) -> httpx2.Response:
        return self.client.post(SESSIONS, content=body, headers=headers_of(USER, **headers))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    sessions = MemorySessions(now=lambda: NOON)
    counting = Counting(application(an_endpoint(sessions=sessions, body_deadline=0.5)))
    with served(counting) as port, httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
        yield Server(port, counting, sessions, client)


@pytest.fixture(autouse=True)
def it_goes_on(server: Server) -> Iterator[None]:
    """After each test another caller is answered as ever."""
    yield
    assert server.post().status_code == 200


def test_a_session_is_created_over_the_wire(server: Server) -> None:
    answer = server.post()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["data"]["client_id"] == "msp-a"
    with connected(server.port) as connection:
        for _ in range(3):
            connection.sendall(head(SESSIONS, headers_of(USER, content_length=str(len(GOOD)))) + GOOD)
            assert answer_on(connection)[0] == 200


def test_a_body_of_100_mb_that_is_announced_is_refused_unread(server: Server) -> None:
    before = server.counting.received
    with connected(server.port) as connection:
        connection.sendall(head(SESSIONS, headers_of(USER, content_length=str(100 * MIB))))
        status, body, ends = answer_on(connection)
    assert (status, json.loads(body)["error"]["code"], ends) == (400, "body_too_large", True)
    assert server.counting.received == before


def test_a_body_of_100_mb_in_chunks_is_received_in_part_and_answered_or_closed(server: Server) -> None:
    before = server.counting.received
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    with connected(server.port) as connection:
        connection.sendall(head(SESSIONS, headers_of(USER, transfer_encoding="chunked")))
        with suppress(ConnectionError):
            for _ in range(100 * MIB // 65_536):
                connection.sendall(chunk)
            pytest.fail("all of it was taken")
        with suppress(ConnectionError, AssertionError):
            assert answer_on(connection)[0] == 400
    assert MIB < server.counting.received - before <= 2 * MIB


def test_a_body_that_is_too_long_by_little_is_answered_on_a_connection_that_goes_on(server: Server) -> None:
    with connected(server.port) as connection:
        for body, expected in ((b" " * 70_000, 400), (GOOD, 200)):
            connection.sendall(head(SESSIONS, headers_of(USER, content_length=str(len(body)))) + body)
            status, _, ends = answer_on(connection)
            assert (status, ends) == (expected, False)


@pytest.mark.parametrize("sent", [b"", GOOD[:-1]])
def test_a_body_that_does_not_come_is_answered_and_the_connection_ends(server: Server, sent: bytes) -> None:
    kept = len(server.sessions.kept)
    with connected(server.port) as connection:
        connection.sendall(head(SESSIONS, headers_of(USER, content_length=str(len(GOOD)))) + sent)
        status, body, ends = answer_on(connection)
        assert (status, json.loads(body)["error"]["code"], ends) == (400, "body_too_slow", True)
        assert connection.recv(1) == b""
    assert len(server.sessions.kept) == kept


def test_a_call_with_two_lengths_is_the_last_of_its_connection_and_none_is_smuggled_in_behind_it(
    server: Server,
) -> None:
    kept = len(server.sessions.kept)
    hidden = head(SESSIONS, headers_of(USER, content_length=str(len(GOOD)))) + GOOD
    lengths = {"transfer_encoding": "chunked", "content_length": str(5 + len(hidden))}
    with connected(server.port) as connection:
        connection.sendall(head(SESSIONS, headers_of(USER, **lengths)) + b"0\r\n\r\n" + hidden)
        status, _, ends = answer_on(connection)
        assert (status, ends) == (400, True)
        assert connection.recv(1) == b""
    assert len(server.sessions.kept) == kept


def test_slow_bodies_do_not_keep_others_waiting(server: Server) -> None:
    slow = head(SESSIONS, headers_of(USER, content_length="9"))
    connections = [socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) for _ in range(50)]
    try:
        for connection in connections:
            connection.sendall(slow)
        assert server.post().status_code == 200
        assert [answer_on(connection)[0] for connection in connections] == [400] * 50
    finally:
        for connection in connections:
            connection.close()


def test_ten_thousand_headers_are_answered_or_the_connection_ends(server: Server) -> None:
    many = {f"x-{number}": "v" for number in range(10_000)}
    with connected(server.port) as connection, suppress(ConnectionError):
        connection.sendall(head(SESSIONS, headers_of(USER, content_length=str(len(GOOD))) | many) + GOOD)
        assert connection.recv(12).split()[1:] in ([b"200"], [b"400"], [b"431"], [])


def test_deep_json_is_refused(server: Server) -> None:
    for body in (b"[" * 60_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000):
        answer = server.post(body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_json")


def test_a_caller_who_goes_amid_the_body_leaves_nothing(server: Server) -> None:
    kept = len(server.sessions.kept)
    for _ in range(20):
        with connected(server.port) as connection:
            connection.sendall(head(SESSIONS, headers_of(USER, content_length=str(len(GOOD)))) + GOOD[:-1])
    assert server.post().status_code == 200
    assert len(server.sessions.kept) == kept + 1


def test_races_on_one_key_over_the_wire_make_one_session(server: Server) -> None:
    kept = len(server.sessions.kept)
    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(lambda _: server.post(idempotency_key="over-the-wire"), range(40))]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.json()["data"]["id"] for answer in answers if answer.status_code == 200}) == 1
    assert len(server.sessions.kept) == kept + 1
