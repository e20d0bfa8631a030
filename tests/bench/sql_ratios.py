"""Prints what a decision in a database costs, as ratios to the bare statement, run by the bare driver in the same run.

    python tests/bench/sql_ratios.py             1,000, 20,000 and 1,000,000 tenants, in minutes
    python tests/bench/sql_ratios.py --small     without the million

The client and its PostgreSQL, which it starts by itself, share one processor. Rounds of all the measured functions
alternate, they are short, and the best round of each counts: machines are noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from psycopg import RawCursor
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.ext.asyncio import create_async_engine

sys.path.append(str(Path(__file__).parents[2]))

import world
from neo_routing import (
    Caller,
    CallerKind,
    HeldRows,
    Rows,
    RowsNeeded,
    SessionRequest,
    adecide,
    content_of,
    decide,
    decide_many,
    parse_session_request,
)
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.look_up.deadlines import Call
from neo_routing_adapters.sql.look_up.evidence import Statement
from neo_routing_adapters.sql.look_up.statements import Statements
from neo_routing_adapters.sql.look_up.threads import threads_for
from neo_routing_adapters.sql.tables.directory_import import import_directory
from neo_routing_adapters.sql.tables.upgrade import upgrade
from report import best_rounds, report
from tests.programs.databases.query_plans import scans
from tests.programs.servers.postgres_server import PostgresServer
from tests.programs.servers.proxy import Proxy
from world import Asked

SMALL, MEDIUM, LARGE = 1_000, 20_000, 1_000_000
ROUND, ROUNDS = 14, 300
"""Calls in a round, and rounds: a round takes a millisecond or two, so in some of them nothing else runs."""
BATCH = 1_000
DELAY = 500e-6
ADVISED = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
"""How the documentation tells hosts to make their engines."""
PROCESSOR = max(os.sched_getaffinity(0))

Case = tuple[Caller, SessionRequest]
Loop = Callable[[], None]


def content(size: int) -> Rows:
    return content_of(
        tenants=world.tenants(size),
        agents=world.agents(size),
        channels=world.channels(size),
        end_companies=world.end_companies(size),
    )


def platform(number: int, **body: Any) -> world.Call:
    body = {"managed_agent_key": "NEO_SUPPORT", "client_id": world.tenant_id(number), **body}
    return Caller(CallerKind.PLATFORM, "platform"), body


def user(number: int, **body: Any) -> world.Call:
    return Caller(CallerKind.USER, world.tenant_id(number)), body


# Each takes the number of a tenant of sort 0.
SHAPES: dict[str, Callable[[int], world.Call]] = {
    "own agent": lambda n: user(n, agent_id=world.agent_id(n, 2)),
    "own managed key": lambda n: user(n, managed_agent_key="NEO_SUPPORT"),
    "platform": platform,
    "platform, bot": lambda n: platform(n + world.ROUTED, bot_id=world.bot_id(n + world.ROUTED)),
    "platform, bot, M365 tenant": lambda n: platform(
        n + world.ROUTED,
        bot_id=world.bot_id(n + world.ROUTED),
        inbound_tenant_id=world.m365_tenant_id(n + world.ROUTED),
    ),
}
MIX = "a mix of 14 outcomes"


def case(call: world.Call) -> Case:
    caller, body = call
    return caller, parse_session_request(body).unwrap()


def mixed_cases(size: int, count: int, *, refused_by_shape: bool = False) -> list[Case]:
    """Return calls that meet all outcomes equally often: those that ask the directory, or the others."""
    calls = world.calls(size, count * 5)
    return [case(call) for name, call in calls if (name in world.REFUSED_BY_SHAPE) == refused_by_shape][:count]


def cases_by_shape(size: int) -> dict[str, list[Case]]:
    blocks = [turn * 7919 % (size // world.SORTS) for turn in range(ROUND)]
    by_shape = {name: [case(shape(block * world.SORTS)) for block in blocks] for name, shape in SHAPES.items()}
    return {**by_shape, MIX: mixed_cases(size, ROUND)}


def needed_for(cases: Iterable[Case]) -> list[RowsNeeded]:
    asked = Asked()
    decide_many(cases, asked)
    return asked.needed


def statements_for(engine: Engine, cases: Iterable[Case]) -> list[Statement]:
    statements = Statements(engine.dialect)
    return [statements.for_one(needed) for needed in needed_for(cases)]


def pin(process: int) -> None:
    os.sched_setaffinity(process, {PROCESSOR})


@contextmanager
def unpinned(server: PostgresServer) -> Iterator[None]:
    """Load on all processors, and go back to one: what the server starts from then on stays there too."""
    everywhere = range(os.cpu_count() or 1)
    os.sched_setaffinity(0, everywhere)
    os.sched_setaffinity(server.pid, everywhere)
    yield
    pin(0)
    pin(server.pid)


def load(engine: Engine, size: int) -> None:
    started = time.perf_counter()
    upgrade(engine)
    import_directory(engine, content(size))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM")
    print(f"\n{engine.dialect.name}, {size:,} tenants, loaded in {time.perf_counter() - started:.0f} s", flush=True)


def databases(server: PostgresServer, sizes: Iterable[int]) -> None:
    for size in sizes:
        server.create_database(name_of(size))
        with unpinned(server):
            engine = create_engine(server.url(database=name_of(size)))
            load(engine, size)
            engine.dispose()


def name_of(size: int) -> str:
    return f"tenants_{size}"


def bare_loop(cursor: Any, statements: Iterable[Statement], **options: Any) -> Loop:
    return driver_loop(cursor, [(one.sql, one.arguments) for one in statements], **options)


def driver_loop(cursor: Any, taken: Iterable[tuple[str, Any]], **options: Any) -> Loop:
    def loop() -> None:
        for sql, arguments in taken:
            cursor.execute(sql, arguments, **options)
            cursor.fetchall()

    return loop


def decide_loop(cases: Iterable[Case], directory: SqlDirectory) -> Loop:
    def loop() -> None:
        for one in cases:
            decide(*one, directory)

    return loop


def warm(*loops: Loop) -> None:
    """Let drivers prepare their statements, and the server choose its plans for them."""
    for loop in loops:
        for _ in range(15):
            loop()


def compare(loops: dict[str, Loop], count: int, rounds: int = ROUNDS) -> dict[str, float]:
    warm(*loops.values())
    return best_rounds({name: (loop, count) for name, loop in loops.items()}, rounds)


def thread_loop(engine: Engine, count: int) -> Loop:
    """Do nothing as often, each time in a thread of the directory's."""
    threads = threads_for(engine)

    def loop() -> None:
        for _ in range(count):
            threads.run(int, Call(1.0))

    return loop


def require_the_same_answers(size: int, directory: SqlDirectory) -> None:
    in_memory = HeldRows(content(size))
    cases = [one for some in cases_by_shape(size).values() for one in some]
    for one in cases:
        expected, found = decide(*one, in_memory), decide(*one, directory)
        if (expected.result, expected.trace) != (found.result, found.trace):
            raise SystemExit(f"the database and the memory differ on {one}")


def on_postgresql(server: PostgresServer, size: int, *, port: int | None = None) -> None:
    url = server.url(database=name_of(size), port=port)
    engine, by_default = create_engine(url, **ADVISED), create_engine(url)
    directory, directory_by_default = SqlDirectory(engine), SqlDirectory(by_default)
    require_the_same_answers(size, directory)
    print("\nPostgreSQL: decide through a pooled engine, against the prepared statement on a psycopg connection")
    with server.connect(name_of(size), port=port) as bare:
        for shape, cases in cases_by_shape(size).items():
            best = compare(
                {
                    "bare": bare_loop(bare.cursor(), statements_for(engine, cases), prepare=True),
                    "decide": decide_loop(cases, directory),
                    "by default": decide_loop(cases, directory_by_default),
                    "thread": thread_loop(engine, len(cases)),
                },
                len(cases),
            )
            # The thread in which a call keeps its deadline costs what it costs, however little the server does.
            thread = best["thread"] / best["bare"]
            report(f"{shape} ({best['bare'] * 1e6:.0f} us)", best["decide"] / best["bare"], round(2.5 + thread, 2))
            report("    of that, a thread which does nothing", thread)
            report("    with the default isolation level", best["by default"] / best["bare"])
    engine.dispose()
    by_default.dispose()


def on_asyncpg(server: PostgresServer, size: int) -> None:
    print("\nPostgreSQL: adecide through a pooled engine, against the prepared statement on an asyncpg connection")
    url = make_url(server.url("asyncpg", name_of(size)))
    engine = create_async_engine(url, **ADVISED)
    of_psycopg = create_async_engine(server.url("psycopg_async", name_of(size)), **ADVISED)
    directory, directory_of_psycopg = AsyncSqlDirectory(engine), AsyncSqlDirectory(of_psycopg)
    with asyncio.Runner() as runner:
        bare = runner.run(asyncpg.connect(url.set(drivername="postgresql").render_as_string()))
        for shape, cases in cases_by_shape(size).items():
            statements = [
                (runner.run(bare.prepare(one.sql)), one.arguments) for one in statements_for(engine.sync_engine, cases)
            ]

            async def fetch() -> None:
                for prepared, arguments in statements:
                    await prepared.fetch(*arguments)

            async def decide_all(directory: AsyncSqlDirectory) -> None:
                for one in cases:
                    await adecide(*one, directory)

            best = compare(
                {
                    "bare": lambda: runner.run(fetch()),
                    "adecide": lambda: runner.run(decide_all(directory)),
                    "psycopg": lambda: runner.run(decide_all(directory_of_psycopg)),
                },
                len(cases),
            )
            report(f"{shape} ({best['bare'] * 1e6:.0f} us)", best["adecide"] / best["bare"], 3.5)
            report("    with psycopg", best["psycopg"] / best["bare"])
        runner.run(bare.close())
        runner.run(engine.dispose())
        runner.run(of_psycopg.dispose())


def through_proxy(server: PostgresServer, proxy: Proxy, size: int) -> None:
    print(f"\nPostgreSQL, {DELAY * 1e6:.0f} us away: a decision, against a round trip of its bare statement")
    database = name_of(size)
    engine = create_engine(server.url(database=database, port=proxy.port), **ADVISED)
    async_engine = create_async_engine(server.url("asyncpg", database, port=proxy.port), **ADVISED)
    directory, async_directory = SqlDirectory(engine), AsyncSqlDirectory(async_engine)
    with asyncio.Runner() as runner, server.connect(database, port=proxy.port) as bare:
        url = async_engine.url.set(drivername="postgresql").render_as_string()
        async_bare = runner.run(asyncpg.connect(url))
        empty = runner.run(async_bare.prepare("SELECT 1"))
        for shape, cases in cases_by_shape(size).items():
            few = cases[:: len(cases) // 3][:3]
            statements = [
                (runner.run(async_bare.prepare(one.sql)), one.arguments)
                for one in statements_for(async_engine.sync_engine, few)
            ]

            async def fetch_nothing() -> None:
                for _ in few:
                    await empty.fetch()

            async def fetch() -> None:
                for prepared, arguments in statements:
                    await prepared.fetch(*arguments)

            async def decide_all() -> None:
                for one in few:
                    await adecide(*one, async_directory)

            loops = {
                "empty": driver_loop(bare.cursor(), [("SELECT 1", ())] * len(few), prepare=True),
                "bare": bare_loop(bare.cursor(), statements_for(engine, few), prepare=True),
                "decide": decide_loop(few, directory),
                "async empty": lambda: runner.run(fetch_nothing()),
                "async bare": lambda: runner.run(fetch()),
                "adecide": lambda: runner.run(decide_all()),
            }
            best = compare(loops, len(few), 1_000)  # few calls, and each sleeps and wakes: the best is rare
            for name, kind in (("decide", ""), ("adecide", "async ")):
                figure = f"{shape}, {name} ({best[f'{kind}bare'] * 1e6:.0f} us)"
                report(figure, best[name] / best[f"{kind}bare"], 1.25)
                report("    against a round trip of SELECT 1", best[name] / best[f"{kind}empty"])
                report("    the bare statement, against that", best[f"{kind}bare"] / best[f"{kind}empty"])
        runner.run(async_bare.close())
        runner.run(async_engine.dispose())
    engine.dispose()


def on_sqlite(size: int, folder: str) -> None:
    path = Path(folder) / "directory.sqlite"
    engine = create_engine(f"sqlite:///{path}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = on").close())
    load(engine, size)
    directory = SqlDirectory(engine)
    require_the_same_answers(size, directory)
    async_engine = create_async_engine(f"sqlite+aiosqlite:///{path}")
    async_directory = AsyncSqlDirectory(async_engine)
    print("\nSQLite: decide, against the statement on a connection of sqlite3")
    with asyncio.Runner() as runner:
        for shape, cases in cases_by_shape(size).items():

            async def decide_all() -> None:
                for one in cases:
                    await adecide(*one, async_directory)

            loops = {
                "bare": bare_loop(sqlite3.connect(path).cursor(), statements_for(engine, cases)),
                "decide": decide_loop(cases, directory),
                "adecide": lambda: runner.run(decide_all()),
            }
            best = compare(loops, len(cases))
            report(f"{shape} ({best['bare'] * 1e6:.1f} us)", best["decide"] / best["bare"], 6)
            report("    adecide with aiosqlite", best["adecide"] / best["bare"])
        runner.run(async_engine.dispose())
    engine.dispose()


def in_batches(server: PostgresServer, size: int) -> None:
    print(f"\nPostgreSQL, {size:,} tenants: decide_many of {BATCH:,}")
    engine = create_engine(server.url(database=name_of(size)), **ADVISED)
    directory = SqlDirectory(engine, deadline=60)
    batches = {
        "messages": [case(SHAPES["platform, bot, M365 tenant"](block * world.SORTS)) for block in range(2 * BATCH)],
        MIX: mixed_cases(size, 2 * BATCH),
    }
    with server.connect(name_of(size)) as bare:
        for name, cases in batches.items():
            batch, some, few = cases[:BATCH], cases[: BATCH // 5], cases[: BATCH : BATCH // 100]
            needed = needed_for(batch)
            loops = {
                "bare": (
                    bare_loop(RawCursor(bare), [Statements(asyncpg_dialect()).for_many(needed)], prepare=True),
                    BATCH,
                ),
                "written": (
                    bare_loop(bare.cursor(), [Statements(engine.dialect).for_many(needed)], prepare=True),
                    BATCH,
                ),
                "many": (lambda: decide_many(batch, directory), BATCH),
                "one by one": (decide_loop(few, directory), len(few)),
                "larger": (lambda: decide_many(cases, directory), len(cases)),
                "smaller": (lambda: decide_many(some, directory), len(some)),
            }
            warm(*(loop for loop, _ in loops.values()))
            best = best_rounds(loops, 60)
            figure = f"{name} ({best['bare'] * 1e6:.1f} us), against its one statement"
            report(figure, best["many"] / best["bare"], 1.25)
            report("    against it with arrays written out as the directory does", best["many"] / best["written"])
            report("    one by one, against the batch", best["one by one"] / best["many"], 5, at_least=True)
            figure = f"    a decision among {len(cases):,}, against one among {len(some):,}"
            report(figure, best["larger"] / best["smaller"], 2)  # 10, if it grew with the square
    engine.dispose()


def growth(server: PostgresServer) -> None:
    print(f"\nPostgreSQL: a decision among {LARGE:,} tenants, against one among {SMALL:,}; {MIX}")
    best = {}
    for size, rounds in ((SMALL, 20), (LARGE, 20)):
        engine = create_engine(server.url(database=name_of(size)), **ADVISED)
        cases = mixed_cases(size, 1_400)  # so many that their rows do not stay in the processor's caches
        with server.connect(name_of(size)) as bare:
            loops = {
                "bare": bare_loop(bare.cursor(), statements_for(engine, cases), prepare=True),
                "decide": decide_loop(cases, SqlDirectory(engine)),
            }
            best[size] = best_rounds({name: (loop, len(cases)) for name, loop in loops.items()}, rounds)
        engine.dispose()
    bare, decided = (best[LARGE][name] / best[SMALL][name] for name in ("bare", "decide"))
    report("the bare statement", bare)
    report("decide", decided)
    # It would be 1, but for the noise of the machine.
    report("decide, against the growth of the bare statement", decided / bare, 1.1)


def plans(server: PostgresServer, size: int) -> None:
    """Count the plans in which anything is read from end to end."""
    engine = create_engine(server.url(database=name_of(size)))
    scanned = []
    with engine.connect() as connection:
        for shape, cases in cases_by_shape(size).items():
            for needed in needed_for(cases):
                for plan in ("custom", "generic"):
                    found = scans(connection, [needed], generic=plan == "generic")
                    scanned += [f"    {shape}, {plan} plan: {', '.join(found)}"] * bool(found)
    engine.dispose()
    report(f"plans with a table read from end to end, {size:,} tenants", len(scanned), 0, "")
    print("\n".join(scanned), end="\n" * bool(scanned))


def refused_by_shape(server: PostgresServer, size: int) -> None:
    engine = create_engine(server.url(database=name_of(size)))
    taken: list[Any] = []
    event.listen(engine, "checkout", lambda *checkout: taken.append(checkout))
    directory = SqlDirectory(engine)
    for one in mixed_cases(size, 100, refused_by_shape=True):
        decide(*one, directory)
    report("connections taken for requests that their shape refuses", len(taken), 0, "")
    engine.dispose()


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="without the million tenants")
    parser.add_argument("--postgres", type=int, choices=(16, 18), default=18, help="the version of PostgreSQL")
    options = parser.parse_args(arguments)
    sizes = [SMALL, MEDIUM] if options.small else [SMALL, MEDIUM, LARGE]
    print(f"CPython {sys.version.split()[0]}, PostgreSQL {options.postgres}, SQLite {sqlite3.sqlite_version}")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        shared_buffers = "256MB" if options.small else "2GB"
        server = stack.enter_context(PostgresServer(options.postgres, shared_buffers=shared_buffers))
        # On a processor of its own, as long as there is another.
        proxy = stack.enter_context(Proxy(server.port, delay=DELAY))
        databases(server, sizes)
        on_postgresql(server, SMALL)
        on_asyncpg(server, SMALL)
        through_proxy(server, proxy, SMALL)
        on_sqlite(SMALL, folder)
        for size in sizes[1:]:
            in_batches(server, size)
        if not options.small:
            growth(server)
        print()
        for size in sizes:
            plans(server, size)
        refused_by_shape(server, SMALL)


if __name__ == "__main__":
    main()
