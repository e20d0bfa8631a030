"""Prints what a directory costs that follows a database: decisions as ratios to one in memory, and how late it is.

    python tests/bench/live_ratios.py                 20,000 tenants, in a minute or two
    python tests/bench/live_ratios.py --large         the first load of a million from PostgreSQL too

PostgreSQL runs on the same machine. Rounds of what is compared alternate, and the best round of each counts.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, text

sys.path.append(str(Path(__file__).parents[2]))

import world
from neo_routing import HeldRows, Rows, content_of, decide, parse_session_request
from neo_routing_adapters.live import LiveDirectory, on_postgresql
from neo_routing_adapters.live.changes import Changes
from neo_routing_adapters.live.content import Content
from neo_routing_adapters.memory import MemoryDirectory
from neo_routing_adapters.sql import change_token
from neo_routing_adapters.sql.change_log import CHANNEL_OF_NOTICES
from neo_routing_adapters.sql.tables import follow
from neo_routing_adapters.sql.tables.directory_import import import_directory
from neo_routing_adapters.sql.tables.upgrade import upgrade
from report import best_rounds, report
from tests.programs.servers.postgres_server import PostgresServer

SIZE, LARGE = 20_000, 1_000_000
OVER = 1_000
"""So many tenants have all their rows in the overlay, of whom the calls are."""

AMPLE = 120.0


def content(size: int) -> Rows:
    return content_of(
        tenants=world.tenants(size),
        agents=world.agents(size),
        channels=world.channels(size),
        end_companies=world.end_companies(size),
    )


def cases(size: int, count: int) -> list[Any]:
    found = []
    for name, (caller, body) in world.calls(size, count):
        if name not in world.REFUSED_BY_SHAPE:
            found.append((caller, parse_session_request(body).unwrap()))
    return found


def loop(asked: Iterable[Any], directory: Any) -> Callable[[], None]:
    asked = list(asked)

    def run() -> None:
        for caller, request in asked:
            decide(caller, request, directory)

    return run


def following(rows: Rows) -> LiveDirectory:
    """A directory that has these rows, and follows nobody."""
    directory = LiveDirectory(create_engine("sqlite:///nowhere"))
    directory._freshness.rows, directory._freshness.fresh_until = rows, float("inf")
    return directory


def overlaid(rows: Rows, size: int) -> tuple[Content, Rows]:
    """The same rows, of which those of some tenants lie over the base."""
    part = min(OVER, size)
    changed = Changes(
        tenants=frozenset(row.id for row in world.tenants(part)),
        agents=frozenset(row.id for row in world.agents(part)),
        channels=frozenset(row.id for row in world.channels(part)),
        end_companies=frozenset(row.id for row in world.end_companies(part)),
        rows=content(part),
    )
    changing = Content(rows)
    changing.change(changed)
    return changing, changing.rows("1")


def decisions(size: int) -> None:
    rows = content(size)
    changing, layered = overlaid(rows, size)
    asked = cases(min(OVER, size), 18 * 40)
    memory, plain, over = MemoryDirectory.holding(rows), following(rows), following(layered)
    assert isinstance(memory, HeldRows)
    best = best_rounds(
        {
            name: (loop(asked, each), len(asked))
            for name, each in {"memory": memory, "plain": plain, "over": over}.items()
        },
        60,
    )
    report("decide, nothing over the base, to one in memory", best["plain"] / best["memory"], 1.35)
    report("decide, every row over the base, to one in memory", best["over"] / best["memory"], 1.35)
    one = Changes(channels=frozenset(["channel-0000002-0"]), rows=content_of(tenants=world.tenants(3)))
    took = []
    for _ in range(200):
        began = time.perf_counter()
        changing.change(one)
        following_rows = changing.rows("2")
        took.append(time.perf_counter() - began)
        assert following_rows is not None
    report("a change of one channel, to the state after it", statistics.median(took) * 1e6, unit="us")
    during_rebuilding(changing, asked)


def during_rebuilding(changing: Content, asked: list[Any]) -> None:
    directory, took = following(changing.rows("3")), []
    rebuilding = changing.rebuilding()
    thread = threading.Thread(target=rebuilding.run)
    thread.start()
    while thread.is_alive():
        for caller, request in asked:
            began = time.perf_counter()
            decide(caller, request, directory)
            took.append(time.perf_counter() - began)
    report("the slowest of 1,000 decisions during a rebuild", statistics.quantiles(took, n=1000)[-1] * 1e3, 5, "ms")


def lateness(engine: Engine, *, nudged: bool) -> None:
    poll, took = 0.25, list[float]()
    on_postgresql.CHANNEL_OF_NOTICES = CHANNEL_OF_NOTICES if nudged else "nobody_tells_anything_here"
    with LiveDirectory(engine, poll=poll, max_staleness=AMPLE) as directory:
        directory.wait_until_ready(AMPLE)
        for number in range(200 if nudged else 40):
            tenant_id = f"late-{nudged}-{number}"
            with engine.begin() as connection:
                connection.execute(text("INSERT INTO routing_tenant VALUES (:id, '')"), {"id": tenant_id})
            began = time.perf_counter()
            while tenant_id not in directory.look_up(()).tenants:
                time.sleep(0.0002)
            took.append(time.perf_counter() - began)
    limit = 25.0 if nudged else (poll + 0.05) * 1e3
    name = "with NOTIFY" if nudged else "by polls alone"
    report(
        f"from commit to the state that has it, {name}, p99", statistics.quantiles(took, n=100)[-1] * 1e3, limit, "ms"
    )


def writes(server: PostgresServer, logged: Engine) -> None:
    server.create_database("bare")
    bare = create_engine(server.url(database="bare"))
    upgrade(bare)
    import_directory(bare, content(SIZE), allow_removals=True)
    update = text("UPDATE routing_tenant SET name = :name WHERE id = :id")
    took: dict[Engine, list[float]] = {bare: [], logged: []}
    with bare.connect() as one, logged.connect() as other:
        for number in range(400):
            for engine, connection in ((bare, one), (logged, other)):
                began = time.perf_counter()
                connection.execute(update, {"name": str(number), "id": world.tenant_id(number)})
                connection.commit()
                took[engine].append(time.perf_counter() - began)
    bare.dispose()
    ratio = statistics.median(took[logged]) / statistics.median(took[bare])
    report("a write of one row with its COMMIT, to one that is not logged", ratio, 2)


def throughput(engine: Engine, seconds: float = 3.0) -> None:
    with LiveDirectory(engine, max_staleness=AMPLE) as directory:
        directory.wait_until_ready(AMPLE)
        began, number = time.perf_counter(), 0
        with engine.connect() as connection:
            while time.perf_counter() - began < seconds:
                for _ in range(20):
                    number += 1
                    update = "UPDATE routing_tenant SET name = :name WHERE id = :id"
                    connection.execute(text(update), {"name": str(number), "id": world.tenant_id(number % SIZE)})
                token = change_token(connection)
                connection.commit()
        written = time.perf_counter()
        directory.wait_until(token, AMPLE)
        report("changes a second, by one writer", number / (written - began), 1_000, unit="", at_least=True)
        report("after the last of them, until the directory has it", (time.perf_counter() - written) * 1e3, unit="ms")


_FILLED = (
    "INSERT INTO routing_tenant SELECT 'msp-' || n, 'MSP ' || n FROM generate_series(1, {size}) AS n",
    """INSERT INTO routing_agent SELECT n, 'msp-' || (n + 3) / 4, 'agent ' || n,
        CASE n % 4 WHEN 0 THEN 'TRIGGERED' ELSE 'CONVERSATIONAL' END, CASE n % 4 WHEN 1 THEN 'NEO_SUPPORT' END
        FROM generate_series(1, 4 * {size}) AS n""",
    """INSERT INTO routing_channel SELECT 'ch-' || n, 'msp-' || n, 4 * n - 2, 'bot-' || n / 1000, 'ACTIVE', TRUE, NULL
        FROM generate_series(1, {size} / 2) AS n""",
    """INSERT INTO routing_channel_installation SELECT id, 'm365-' || id, bot_id, status, white_label
        FROM routing_channel""",
    "INSERT INTO routing_end_company SELECT 'co-' || n, 'msp-' || n, 'Client' FROM generate_series(1, {size}) AS n",
    "INSERT INTO routing_end_company_link SELECT id, 'm365-' || id, tenant_id FROM routing_end_company",
)


def first_load(server: PostgresServer) -> None:
    server.create_database("large")
    engine = create_engine(server.url(database="large"))
    upgrade(engine)
    with engine.begin() as connection:
        for statement in _FILLED:
            connection.execute(text(statement.format(size=LARGE)))
    follow.install(engine)
    with LiveDirectory(engine, max_staleness=AMPLE) as directory:
        began = time.perf_counter()
        directory.wait_until_ready(1_000)
        report(f"first load of {LARGE:,} tenants", time.perf_counter() - began, 60, "s")
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        report("largest size of this process so far", largest, 2.5, "GiB")
    engine.dispose()


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Measure a directory in memory that follows a database.")
    parser.add_argument("--large", action="store_true", help="load a million tenants too")
    given = parser.parse_args(arguments)
    if given.large:  # first, as the size of the process counts
        with PostgresServer(shared_buffers="256MB") as server:
            first_load(server)
    decisions(SIZE)
    with PostgresServer() as server:
        engine = create_engine(server.url())
        upgrade(engine)
        import_directory(engine, content(SIZE), allow_removals=True)
        follow.install(engine)
        lateness(engine, nudged=True)
        writes(server, engine)
        throughput(engine)
        lateness(engine, nudged=False)
        engine.dispose()


if __name__ == "__main__":
    main()
