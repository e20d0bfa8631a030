"""The servers that tests and benchmarks run against do what they say."""

from __future__ import annotations

import math
import os
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from tests.programs.servers.postgres_server import HOST, NoPostgres, PostgresServer, wait_until
from tests.programs.servers.proxy import Proxy

ROOT = Path(__file__).parents[2]

KILLED = """
import os, signal, sys
from tests.programs.servers.postgres_server import PostgresServer

server = PostgresServer()
print(server.port, server.folder, flush=True)
if sys.argv[1] == "frozen":
    server.freeze()
os.kill(os.getpid(), signal.SIGKILL)
"""


def started(version: int = 18) -> PostgresServer:
    try:
        return PostgresServer(version)
    except NoPostgres as reason:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with started() as server:
        yield server


@pytest.fixture
def connection(server: PostgresServer) -> Iterator[psycopg.Connection]:
    with server.connect() as connection:
        yield connection


@pytest.fixture
def proxy(server: PostgresServer) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def proxied(server: PostgresServer, proxy: Proxy) -> Iterator[psycopg.Connection]:
    with server.connect(port=proxy.port) as connection:
        yield connection


def answer(connection: psycopg.Connection, query: str = "SELECT 1") -> object:
    [row] = connection.execute(query)
    return row[0]


def listens(port: int) -> bool:
    with suppress(OSError), socket.create_server((HOST, port)):
        return False
    return True


def test_a_stopped_server_starts_again_on_its_port_with_its_data(server: PostgresServer) -> None:
    server.create_database("kept")
    port = server.port
    server.stop()
    assert not listens(port)
    server.start()
    with server.connect("kept") as connection:
        assert answer(connection, "SELECT current_database()") == "kept"
        assert connection.info.port == port


def test_a_crash_ends_connections_and_the_next_start_recovers(server: PostgresServer) -> None:
    with server.connect() as connection:
        connection.execute("CREATE TABLE crashed AS SELECT 7 AS number")
        server.kill()
        with pytest.raises(psycopg.OperationalError):
            answer(connection)
    server.start()
    with server.connect() as connection:
        assert answer(connection, "SELECT number FROM crashed") == 7


def test_a_running_server_is_not_started_twice(server: PostgresServer) -> None:
    with pytest.raises(RuntimeError, match="is running"):
        server.start()


def test_a_frozen_server_answers_nothing_until_it_is_thawed(
    server: PostgresServer, connection: psycopg.Connection
) -> None:
    with ThreadPoolExecutor() as pool:
        server.freeze()
        try:
            late = pool.submit(answer, connection)
            with pytest.raises(TimeoutError):
                late.result(0.2)
        finally:
            server.thaw()
        assert late.result(10) == 1


def test_a_frozen_server_can_be_stopped() -> None:
    with started() as server:
        server.freeze()
        server.stop()
        server.start()
        server.freeze()


def test_a_standby_shows_what_is_written_on_its_primary(server: PostgresServer, connection: psycopg.Connection) -> None:
    with server.standby() as standby, standby.connect() as other:
        assert standby.port != server.port
        assert answer(other, "SELECT pg_is_in_recovery()") is True
        connection.execute("CREATE TABLE followed AS SELECT 7 AS number")
        wait_until(lambda: answer(other, "SELECT to_regclass('followed') IS NOT NULL"))
        assert answer(other, "SELECT number FROM followed") == 7
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            other.execute("DROP TABLE followed")


def test_an_older_version_runs_with_settings_of_ones_own() -> None:
    with started(16) as server:
        server.stop()
        server.settings["work_mem"] = "1MB"
        server.start()
        with server.connect() as connection:
            assert answer(connection, "SHOW server_version").startswith("16.")
            assert answer(connection, "SHOW work_mem") == "1MB"


def test_a_version_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no PostgreSQL 17 to start, but 16 and 18"):
        PostgresServer(17)


def test_a_setting_that_is_refused_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    with started() as server:
        folder = server.folder
        server.stop()
        server.settings["shared_buffers"] = "little"
        with pytest.raises(RuntimeError, match='invalid value for parameter "shared_buffers"'):
            server.start()
    assert not folder.exists()


def test_nothing_is_left_of_a_closed_server() -> None:
    with started() as server:
        import psutil  # noqa: PLC0415  # it comes with the server

        postmaster = psutil.Process(server.pid)
        processes = [postmaster, *postmaster.children(), psutil.Process(server._watchdog.pid)]
    assert len(processes) > 2
    assert not any(process.is_running() for process in processes)
    assert not listens(server.port)
    assert not server.folder.exists()
    server.close()


@pytest.mark.parametrize("state", ["running", "frozen"])
@pytest.mark.usefixtures("server")  # where there is none to start, this is skipped
def test_nothing_is_left_when_the_tests_are_killed(state: str) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, state], check=False, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    port, folder = killed.stdout.split()
    wait_until(lambda: not Path(folder).exists())
    wait_until(lambda: not listens(int(port)))


def test_a_round_trip_through_a_slow_proxy_takes_at_least_the_delay(proxy: Proxy, proxied: psycopg.Connection) -> None:
    def round_trip() -> float:
        begun = time.perf_counter()
        answer(proxied)
        return time.perf_counter() - begun

    quick = min(round_trip() for _ in range(20))
    proxy.delay = 0.02
    slow = min(round_trip() for _ in range(10))
    assert 0.02 <= slow < 0.02 + quick + 0.01


def test_dropped_connections_are_reset_and_new_ones_are_served(
    server: PostgresServer, proxy: Proxy, proxied: psycopg.Connection
) -> None:
    assert proxy.connections == proxy.drop_all() == 1
    assert proxy.connections == 0
    with pytest.raises(psycopg.OperationalError):
        answer(proxied)
    with server.connect(port=proxy.port) as connection:
        assert answer(connection) == 1
    wait_until(lambda: proxy.connections == 0)


def test_a_query_that_is_cut_in_the_middle_of_its_answer_fails(
    server: PostgresServer, proxy: Proxy, proxied: psycopg.Connection
) -> None:
    assert proxy.drop_after(1000) == 1
    with pytest.raises(psycopg.OperationalError):
        answer(proxied, "SELECT repeat('x', 100000)")
    assert proxy.connections == 0
    with server.connect(port=proxy.port) as connection:
        assert answer(connection) == 1


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with suppress(ConnectionError):
            while data := self.request.recv(4096):
                self.request.sendall(data)


@pytest.fixture
def echo() -> Iterator[Proxy]:
    """A proxy to a server that says what it hears."""
    with socketserver.ThreadingTCPServer((HOST, 0), Echo) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        try:
            with Proxy(server.server_address[1]) as proxy:
                yield proxy
        finally:
            server.shutdown()
            serving.join()


def receive(client: socket.socket, received: bytearray, most: float = math.inf) -> None:
    while len(received) < most and (data := client.recv(65_536)):
        received += data


@pytest.mark.parametrize("count", [0, 1, 999, 1000])
def test_just_so_many_bytes_come_before_the_cut(echo: Proxy, count: int) -> None:
    with socket.create_connection((HOST, echo.port), timeout=10) as client:
        client.sendall(b"hello")
        assert client.recv(5, socket.MSG_WAITALL) == b"hello"
        echo.drop_after(count)
        client.sendall(b"x" * 1000)
        received = bytearray()
        with pytest.raises(ConnectionResetError):
            receive(client, received)
        assert received == b"x" * count


def test_much_at_once_arrives_whole_at_one_who_reads_late(echo: Proxy) -> None:
    much = os.urandom(5_000_000)
    with ThreadPoolExecutor() as pool, socket.create_connection((HOST, echo.port), timeout=10) as client:
        sent = pool.submit(client.sendall, much)
        sent.result(10)
        received = bytearray()
        receive(client, received, len(much))
    assert received == much


def test_a_proxy_that_refuses_closes_new_connections_only(
    server: PostgresServer, proxy: Proxy, proxied: psycopg.Connection
) -> None:
    proxy.refuse(True)
    with pytest.raises(psycopg.OperationalError):
        server.connect(port=proxy.port)
    assert answer(proxied) == 1
    proxy.refuse(False)
    with server.connect(port=proxy.port) as connection:
        assert answer(connection) == 1


def test_a_server_that_is_away_looks_closed(server: PostgresServer, proxy: Proxy) -> None:
    server.stop()
    try:
        with pytest.raises(psycopg.OperationalError):
            server.connect(port=proxy.port)
    finally:
        server.start()
    with server.connect(port=proxy.port) as connection:
        assert answer(connection) == 1


def test_what_is_held_goes_on_afterwards(proxy: Proxy, proxied: psycopg.Connection) -> None:
    with ThreadPoolExecutor() as pool:
        proxy.hold(True)
        try:
            late = pool.submit(answer, proxied)
            with pytest.raises(TimeoutError):
                late.result(0.2)
        finally:
            proxy.hold(False)
        assert late.result(10) == 1


def test_nothing_is_left_of_a_closed_proxy(server: PostgresServer) -> None:
    before = set(threading.enumerate())
    with Proxy(server.port) as proxy, server.connect(port=proxy.port) as connection:
        assert len(set(threading.enumerate()) - before) == 1
        proxy.close()
        with pytest.raises(psycopg.OperationalError):
            answer(connection)
    assert set(threading.enumerate()) == before
    assert not listens(proxy.port)
