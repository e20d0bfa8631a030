"""Prints what a session over HTTP costs, as ratios to the same stack that runs the same statements by hand.

    python tests/bench/http_ratios.py             SQLite, PostgreSQL with asyncpg and with psycopg
    python tests/bench/http_ratios.py --small     in half a minute

Each server is one process on a processor of its own, as long as there are two; the load, and PostgreSQL, which is
started for it, have the others. So the load hides the ratio only where it takes longer for a request than the server
does, and then the server is idle: how busy it was is printed, and so is the ratio of the processor time that both
processes say they have taken, in which nothing else takes part. Rounds of both alternate, and the best round of each
counts: machines are noisy. Databases lie in memory where they can, and nothing waits for a disk.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import create_engine, event, make_url

sys.path.append(str(Path(__file__).parents[2]))

import http_stacks
import world
from http_load import Load, load
from neo_routing import Caller, CallerKind, content_of
from neo_routing_adapters.http.callers import Peppers, issue_key
from neo_routing_adapters.http.credentials_kept import add_key
from neo_routing_adapters.http.tables.upgrade import upgrade as sessions_upgrade
from neo_routing_adapters.sql.tables.directory_import import import_directory
from neo_routing_adapters.sql.tables.upgrade import upgrade
from report import report
from tests.programs.servers.postgres_server import PostgresServer

TENANTS = 1_000
ROUND, ROUNDS, FEW = 400, 10, 3
"""Requests in a round, and rounds of each."""
PATIENCE = 60.0
PROCESSORS = sorted(os.sched_getaffinity(0))
STACKS = ("endpoint", "by_hand")


class Round(NamedTuple):
    load: Load
    processor_seconds: float
    """Of the server's process."""


class Server:
    """A process that serves one of the stacks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdin and process.stdout
        self._tell, self._told = process.stdin, process.stdout
        self._port = int(self._told.readline())

    def processor_seconds(self) -> float:
        self._tell.write("\n")
        self._tell.flush()
        return float(self._told.readline())

    def round(self, request: bytes, count: int) -> Round:
        before = self.processor_seconds()
        loaded = asyncio.run(
            load(self._port, request, connections=http_stacks.CONNECTIONS, count=count, seconds=PATIENCE)
        )
        return Round(loaded, self.processor_seconds() - before)


@contextmanager
def serving(stack: str, url: str) -> Iterator[Server]:
    command = [sys.executable, str(Path(http_stacks.__file__)), stack, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        os.sched_setaffinity(process.pid, {PROCESSORS[-1]})
        try:
            yield Server(process)
        finally:
            assert process.stdin
            process.stdin.close()
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()


def filled(url: str) -> str:
    """Make all the tables and a directory in a database, and return a key of the tenant who calls."""
    issued = issue_key(
        Caller(CallerKind.SERVICE_ACCOUNT, http_stacks.TENANT),
        "live",
        Peppers((http_stacks.PEPPER,)),
        now=datetime.now(UTC),
    )
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = on").close())
    upgrade(engine)
    sessions_upgrade(engine)
    import_directory(
        engine,
        content_of(
            tenants=world.tenants(TENANTS),
            agents=world.agents(TENANTS),
            channels=world.channels(TENANTS),
            end_companies=world.end_companies(TENANTS),
        ),
    )
    with engine.begin() as connection:
        add_key(connection, issued.stored)
    engine.dispose()
    return issued.text


def request_with(key: str) -> bytes:
    head = (
        f"POST {http_stacks.PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(http_stacks.BODY)}\r\n\r\n"
    )
    return head.encode() + http_stacks.BODY


def compare(name: str, url: str, key: str, rounds: int) -> None:
    request = request_with(key)
    done: dict[str, list[Round]] = {stack: [] for stack in STACKS}
    with ExitStack() as stack:
        servers = {each: stack.enter_context(serving(each, url)) for each in STACKS}
        for server in servers.values():
            server.round(request, ROUND)  # unmeasured: drivers prepare their statements
        for _ in range(rounds):
            for each, server in servers.items():
                done[each].append(server.round(request, ROUND))
    best = {each: min(one.load.seconds for one in done[each]) / ROUND for each in STACKS}
    spent = {each: min(one.processor_seconds for one in done[each]) / ROUND for each in STACKS}
    served, by_hand = best["endpoint"], best["by_hand"]
    print(f"\n{name}: {1 / served:,.0f} sessions a second, by hand {1 / by_hand:,.0f}")
    report("sessions a second, against those by hand", by_hand / served, 0.5, at_least=True)
    pairs = zip(done["by_hand"], done["endpoint"], strict=True)
    in_pairs = statistics.median(one.load.seconds / other.load.seconds for one, other in pairs)
    report("    the median of the rounds that followed each other", in_pairs)
    report("processor time of the serving process, against by hand", spent["endpoint"] / spent["by_hand"])
    for each in STACKS:
        latencies = sorted(1e3 * latency for one in done[each] for latency in one.load.latencies)
        report(f"    {each}: processor time of a session", spent[each] * 1e6, unit="us")
        busy = max(one.processor_seconds / one.load.seconds for one in done[each])
        report(f"    {each}: the serving process was busy", 100 * busy, unit="%")
        report(f"    {each}: half of {http_stacks.CONNECTIONS} at once took", statistics.median(latencies), unit="ms")
        report(f"    {each}: p99", latencies[len(latencies) * 99 // 100], unit="ms")


def require_the_same_statements(server: PostgresServer, url: str, key: str) -> None:
    """Have the server note what it runs for a session of each stack, and compare."""
    database = make_url(url).database or ""
    with server.connect(database) as connection:
        connection.execute(f"ALTER DATABASE {database} SET log_statement = 'all'")
    noted = {}
    for each in STACKS:
        with serving(each, url) as serves:
            serves.round(request_with(key), ROUND)
            before = server.log.stat().st_size
            serves.round(request_with(key), 1)
        with server.log.open("rb") as log:
            log.seek(before)
            noted[each] = statements_in(log.read().decode())
    with server.connect(database) as connection:
        connection.execute(f"ALTER DATABASE {database} RESET log_statement")
    if noted["endpoint"] != noted["by_hand"]:
        raise SystemExit(f"not the same statements: {noted}")
    print(f"    {len(noted['endpoint'])} statements for a session, the same in both")


def statements_in(log: str) -> list[str]:
    texts = re.findall(r"LOG: +(?:statement|execute [^:]+): (.*?)(?=\n\d{4}-\d\d-\d\d |\Z)", log, re.DOTALL)
    return ["BEGIN" if text.startswith("BEGIN") else " ".join(text.rstrip("; ").split()) for text in texts]


def databases(stack: ExitStack) -> Iterator[tuple[str, str, str]]:
    """Yield a name, a URL and a key for each driver."""
    memory = Path("/dev/shm")
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)))
    path = folder / "sessions.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = wal")
    key = filled(f"sqlite:///{path}")
    yield "SQLite", f"sqlite+aiosqlite:///{path}", key
    server = stack.enter_context(PostgresServer())
    for name, driver in (("asyncpg", "asyncpg"), ("psycopg", "psycopg_async")):
        server.create_database(name)
        key = filled(server.url(database=name))
        url = server.url(driver, name)
        yield f"PostgreSQL, {name}", url, key
        require_the_same_statements(server, url, key)


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="fewer rounds")
    options = parser.parse_args(arguments)
    if len(PROCESSORS) > 1:
        os.sched_setaffinity(0, set(PROCESSORS[:-1]))  # and so for the server that is started from here
    print(f"CPython {sys.version.split()[0]}, {len(PROCESSORS)} processors, {http_stacks.CONNECTIONS} calls at once")
    with ExitStack() as stack:
        for name, url, key in databases(stack):
            compare(name, url, key, FEW if options.small else ROUNDS)


if __name__ == "__main__":
    main()
