"""Whatever befalls the database, an answer is right or `DirectoryUnavailable`, and all is well again afterwards.

Machines are shared, so times are bounded only to tell what hangs: `tests/programs/databases/faults.py` measures them.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from neo_routing import DirectoryUnavailable, adecide, decide
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from tests.programs.databases import faults
from tests.programs.databases.faults import (
    APPLICATION,
    DRIVERS,
    FAULTS,
    ISOLATION_LEVELS,
    MESSAGES,
    POOL_SIZE,
    Altered,
    Fault,
    Reader,
    Site,
    host,
    known,
    strike,
    wait_until_nothing_is_left,
)
from tests.programs.servers.postgres_server import PATIENCE, PostgresServer, wait_until
from tests.programs.thoroughness import first_always

pytestmark = pytest.mark.no_cover  # there are too many decisions to trace each line of them

ASYNC_DRIVERS = DRIVERS[1:]
# Of the two halves, with and without autocommit, so many each.
TIMES = {"psycopg": 25, "asyncpg": 25, "psycopg_async": 5}
FEW_TIMES = 5
HANGS = 5.0
# A deadline for what must be answered.
AMPLE = 20.0
CASE, RIGHT = known()[0]

every_driver = pytest.mark.parametrize("driver", first_always(DRIVERS))
every_async_driver = pytest.mark.parametrize("driver", first_always(ASYNC_DRIVERS))
both_isolation_levels = pytest.mark.parametrize(
    "isolation_level", first_always(ISOLATION_LEVELS), ids=["default", "autocommit"]
)


@pytest.fixture(scope="module")
def site(postgres: PostgresServer) -> Iterator[Site]:
    with Site(postgres) as site:
        yield site


@both_isolation_levels
@every_driver
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_under_a_fault_every_answer_is_right_or_there_is_none_and_after_it_all_are_right(
    site: Site, fault: type[Fault], driver: str, isolation_level: str | None, thorough: bool
) -> None:
    times = TIMES[driver] if thorough else FEW_TIMES
    # What must not be noticed has all the time in the world.
    deadline, longest = (AMPLE, 0.03) if fault is Altered else (0.06, 0.12)
    seen = strike(site, fault, driver, isolation_level, times=times, deadline=deadline, longest=longest, seed=1)
    assert seen.wrong == []
    assert seen.right > 0
    assert seen.overrun < HANGS
    if fault.must_be_noticed is not None:
        assert bool(seen.unavailable) is fault.must_be_noticed, seen.causes


# Pooled connections that are dead


def terminate(site: Site) -> None:
    site.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{APPLICATION}'")
    wait_until(lambda: site.backends(site.server) == 0)


def restart(site: Site) -> None:
    site.server.stop()
    site.server.start()


@both_isolation_levels
@every_driver
@pytest.mark.parametrize("befall", [terminate, restart], ids=["terminated", "restarted"])
def test_pooled_connections_that_died_while_idle_are_replaced_unnoticed(
    site: Site, befall: Callable[[Site], None], driver: str, isolation_level: str | None
) -> None:
    with host(driver, site.url(site.server.port), isolation_level, AMPLE) as one:
        assert one.decide(CASE) == RIGHT
        one.give_back(one.take_all())
        assert one.engine.pool.checkedin() == POOL_SIZE
        befall(site)
        assert one.decide(CASE) == RIGHT
        wait_until_nothing_is_left(one, site, site.server)


@every_driver
def test_pooled_connections_that_died_are_replaced_for_all_who_come_at_once(site: Site, driver: str) -> None:
    with host(driver, site.url(site.server.port), None, AMPLE) as one, ThreadPoolExecutor(12) as callers:
        for _ in range(5):
            one.give_back(one.take_all())
            terminate(site)
            assert set(callers.map(one.decide, [CASE] * 12)) == {RIGHT}
        wait_until_nothing_is_left(one, site, site.server)


# Deadlines


@every_driver
def test_a_deadline_at_the_moment_of_the_answer_costs_nobody_else_a_connection(site: Site, driver: str) -> None:
    with host(driver, site.url(site.server.port), None, AMPLE) as one, ThreadPoolExecutor(2) as callers:
        one.start()
        usual = statistics.median(duration(one) for _ in range(100))
        chance = random.Random(1)
        hasty = Reader(0, 0.0)
        for deadline in [0.0001, *(usual * chance.uniform(0.3, 1.5) for _ in range(20)), 0.003]:
            directory = one.directory(deadline)
            [*callers.map(lambda case, directory=directory: ask(one, case, directory, hasty), islice(hasty.cases, 40))]
        one.stop()
        wait_until_nothing_is_left(one, site, site.server)
    assert hasty.seen.wrong == one.complaints == []
    assert hasty.seen.unavailable > 0
    for patient in one.readers:
        assert (patient.seen.wrong, patient.seen.unavailable) == ([], 0)


def duration(one: faults.Host) -> float:
    begun = time.perf_counter()
    one.decide(CASE)
    return time.perf_counter() - begun


def ask(one: faults.Host, known_case: Any, directory: Any, asking: Reader) -> None:
    case, right = known_case
    begun = time.perf_counter()
    try:
        decision = one.decide(case, directory)
    except DirectoryUnavailable as error:
        asking.failed(begun, error)
    else:
        asking.answered(begun, decision, right)


def test_the_thread_that_watches_deadlines_ends_when_nobody_asks_any_more(site: Site) -> None:
    before = set(threading.enumerate())
    with host("psycopg", site.url(site.server.port), None, 0.1) as one:
        with suppress(DirectoryUnavailable):
            one.decide(CASE)
        assert set(threading.enumerate()) - before
        wait_until(lambda: not set(threading.enumerate()) - before)


# Cancellation by the host


@asynccontextmanager
async def opened(
    site: Site, driver: str, *, port: int = 0, deadline: float = AMPLE
) -> AsyncIterator[tuple[AsyncEngine, AsyncSqlDirectory]]:
    """An engine with a directory that leave nothing behind."""
    url = make_url(site.url(port or site.server.port)).set(drivername=f"postgresql+{driver}")
    engine = create_async_engine(url, pool_size=4, max_overflow=2)
    yield engine, AsyncSqlDirectory(engine, deadline=deadline)
    assert await adecide(*CASE, AsyncSqlDirectory(engine)) == RIGHT
    await until(lambda: engine.sync_engine.pool.checkedout() == 0)  # what was cancelled may still be connecting
    gc.collect()  # see `wait_until_nothing_is_left`
    await until(lambda: site.backends(site.server) <= engine.sync_engine.pool.checkedin())
    await until(lambda: len(asyncio.all_tasks()) == 1)
    await engine.dispose()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  # it is the server's
            await asyncio.sleep(0.01)


@contextmanager
def locked(site: Site, table: str = "routing_tenant") -> Iterator[None]:
    with site.server.connect(site.database) as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        yield


def waits_for_a_lock(site: Site) -> bool:
    with site.server.connect() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = %s"
        [row] = connection.execute(query, [APPLICATION])
    return row[0] > 0


async def cancelled(asked: asyncio.Task[Any]) -> None:
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert asked.cancelled()


@every_async_driver
def test_a_host_that_cancels_in_the_middle_of_a_query_gets_its_cancellation(site: Site, driver: str) -> None:
    async def main() -> None:
        async with opened(site, driver) as (engine, directory):
            await adecide(*CASE, directory)
            with locked(site):
                asked = asyncio.create_task(adecide(*CASE, directory))
                await until(lambda: waits_for_a_lock(site))
                await cancelled(asked)
                assert engine.sync_engine.pool.checkedout() == 0

    asyncio.run(main())


@every_async_driver
def test_a_host_that_cancels_while_the_pool_is_exhausted_gets_its_cancellation(site: Site, driver: str) -> None:
    async def main() -> None:
        async with opened(site, driver) as (engine, directory):
            taken = [await engine.connect() for _ in range(6)]
            asked = asyncio.create_task(adecide(*CASE, directory))
            await asyncio.sleep(0.05)
            await cancelled(asked)
            for connection in taken:
                await connection.close()

    asyncio.run(main())


@every_async_driver
def test_a_host_that_cancels_while_it_is_being_connected_gets_its_cancellation(site: Site, driver: str) -> None:
    async def main() -> None:
        async with opened(site, driver, port=site.proxy.port) as (_, directory):
            site.proxy.hold(True)
            asked = asyncio.create_task(adecide(*CASE, directory))
            await until(lambda: site.proxy.connections == 1)
            await cancelled(asked)
            site.proxy.hold(False)

    asyncio.run(main())


@every_async_driver
def test_a_host_that_sets_a_time_limit_of_its_own_gets_its_own_error(site: Site, driver: str) -> None:
    async def main() -> None:
        async with opened(site, driver) as (_, directory):
            with locked(site), pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await adecide(*CASE, directory)
            this = asyncio.current_task()
            assert this and not this.cancelling()

    asyncio.run(main())


@every_async_driver
def test_a_deadline_leaves_no_cancellation_in_the_task_that_asked(site: Site, driver: str) -> None:
    async def main() -> None:
        async with opened(site, driver, deadline=0.05) as (engine, directory):
            taken = [await engine.connect() for _ in range(6)]
            this = asyncio.current_task()
            for _ in range(3):
                with pytest.raises(DirectoryUnavailable, match="in time"):
                    await adecide(*CASE, directory)
                assert this and not this.cancelling()
            for connection in taken:
                await connection.close()

    asyncio.run(main())


@every_async_driver
def test_cancellation_at_any_moment_leaves_nothing_and_disturbs_nobody(site: Site, driver: str) -> None:
    async def main() -> None:
        async with opened(site, driver) as (_, directory):
            others = [asyncio.create_task(others_decide(directory)) for _ in range(2)]
            chance = random.Random(1)
            came = [await answered_before(adecide(*CASE, directory), chance.uniform(0, 0.003)) for _ in range(300)]
            for other in others:
                assert not other.done()
                await cancelled(other)
            assert False in came

    asyncio.run(main())


async def others_decide(directory: AsyncSqlDirectory) -> None:
    while True:
        assert await adecide(*CASE, directory) == RIGHT


async def answered_before(asked: Awaitable[Any], seconds: float) -> bool:
    task = asyncio.ensure_future(asked)
    await asyncio.sleep(seconds)
    task.cancel()
    try:
        assert await task == RIGHT
    except asyncio.CancelledError:
        return False
    return True


# A process that forks

FORKED = """
import os, sys, traceback
from contextlib import suppress
from tests.programs.databases.faults import known
from neo_routing import DirectoryUnavailable, decide
from neo_routing_adapters.sql import SqlDirectory
from sqlalchemy import create_engine, text

url, administrators_url = sys.argv[1:]
engine = create_engine(url, pool_size=4, max_overflow=2)
patient, directory = SqlDirectory(engine, deadline=20.0), SqlDirectory(engine, deadline=0.5)
case, right = known()[0]

def forked():
    engine.dispose(close=False)
    assert decide(*case, patient) == right
    with create_engine(administrators_url).begin() as migration:
        migration.execute(text("LOCK TABLE routing_tenant IN ACCESS EXCLUSIVE MODE"))
        try:
            decide(*case, directory)
        except DirectoryUnavailable as unavailable:
            assert str(unavailable) == "The directory did not answer in time."
        else:
            raise AssertionError("it answered")
    assert decide(*case, patient) == right
    engine.dispose()

assert decide(*case, patient) == right
with suppress(DirectoryUnavailable):
    decide(*case, directory)
child = os.fork()
if not child:
    try:
        forked()
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
assert decide(*case, patient) == right
engine.dispose()
"""


def test_a_directory_works_in_a_process_that_was_forked_and_keeps_its_deadline_there(site: Site) -> None:
    urls = site.url(site.server.port), site.server.url(database=site.database)
    subprocess.run(
        # Python warns of a fork with threads: the one that watches the deadlines is there.
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED, *urls],
        check=True,
        timeout=2 * PATIENCE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


CUT_IN_THE_CHILD = """
import os, signal, threading
from neo_routing_adapters.sql.look_up.deadlines import Call, Watch

class Noted:
    def __init__(self):
        self.cut_off = threading.Event()

    def cut(self):
        self.cut_off.set()

watch, parents = Watch(0.01), Noted()
call = Call(60)
watch.begin(call)
call.enter(parents)
held, done = threading.Event(), threading.Event()

def hold():
    with watch._lock:
        held.set()
        done.wait()

threading.Thread(target=hold).start()
held.wait()
child = os.fork()
if not child:
    signal.alarm(20)
    call.expires_at = 0
    for _ in range(2):  # when the second is cut off, all that were due at the first are
        own = Noted()
        call = Call(0.01)
        call.enter(own)
        watch.begin(call)
        own.cut_off.wait()
    os._exit(parents.cut_off.is_set())
_, status = os.waitpid(child, 0)
done.set()
assert status == 0, status
"""


def test_a_forked_child_keeps_its_own_deadlines_and_cuts_off_no_call_of_its_parent() -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", CUT_IN_THE_CHILD]
    subprocess.run(command, check=True, timeout=2 * PATIENCE)


# SQLite


class File:
    """A directory in a SQLite file, and its host's engine."""

    def __init__(self, path: Path, driver: str, deadline: float) -> None:
        self.path = path
        engine = create_engine(f"sqlite:///{path}")
        faults.load(engine)
        engine.dispose()
        url = f"sqlite+{driver}:///{path}"
        kind = faults.SyncHost if driver == "pysqlite" else faults.AsyncHost
        self.host = kind(url, None, deadline)
        self._patient = self.host.directory(AMPLE)

    def are_right(self) -> bool:
        return all(self.host.decide(case, self._patient) == right for case, right in known())

    def is_unavailable(self) -> bool:
        begun = time.perf_counter()
        with pytest.raises(DirectoryUnavailable) as raised:
            self.host.decide(CASE)
        assert str(raised.value) in MESSAGES
        assert raised.value.__cause__
        return time.perf_counter() - begun < HANGS

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, isolation_level=None)) as connection:
            yield connection

    def execute(self, statements: str) -> None:
        with self.writing() as connection:
            connection.executescript(statements)


@pytest.fixture(params=["pysqlite", "aiosqlite"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[File]:
    """A file whose one pooled connection is the same before and after."""
    file = File(tmp_path / "directory.sqlite", request.param, 0.2)
    opened = []
    event.listen(file.host.engine, "connect", lambda *_: opened.append(True))
    with file.host:
        with suppress(DirectoryUnavailable):
            file.host.decide(CASE)  # who comes first says how long the connection waits for a lock
        assert file.are_right()
        yield file
        assert file.are_right()
        # While a call that has given up still has the connection, the next one may open another.
        assert opened == [True] or (request.param == "aiosqlite" and opened == [True, True])
        assert file.host.engine.pool.checkedout() == 0


def test_a_file_that_a_writer_has_locked_makes_the_directory_unavailable(file: File) -> None:
    with file.writing() as connection:
        connection.execute("BEGIN EXCLUSIVE")
        assert file.is_unavailable()
        connection.execute("ROLLBACK")


def test_a_table_that_is_missing_makes_the_directory_unavailable(file: File) -> None:
    file.execute("ALTER TABLE routing_agent RENAME TO aside")
    assert file.is_unavailable()
    file.execute("ALTER TABLE aside RENAME TO routing_agent")


def test_a_table_that_is_altered_in_sqlite_is_not_noticed(file: File) -> None:
    file.execute("ALTER TABLE routing_agent ADD COLUMN added TEXT")
    assert file.are_right()
    file.execute("ALTER TABLE routing_agent DROP COLUMN added")


def test_a_file_that_is_no_database_makes_the_directory_unavailable(file: File) -> None:
    content = file.path.read_bytes()
    file.path.write_bytes(b"no database at all" * 1000)
    assert file.is_unavailable()
    file.path.write_bytes(content)


def test_a_query_that_takes_for_ever_is_cut_off(file: File) -> None:
    file.execute(
        """
        ALTER TABLE routing_tenant RENAME TO aside;
        CREATE VIEW routing_tenant AS
            WITH RECURSIVE endless(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM endless)
            SELECT id, '' AS name FROM endless
        """
    )
    assert file.is_unavailable()
    assert file.is_unavailable()
    file.execute("DROP VIEW routing_tenant; ALTER TABLE aside RENAME TO routing_tenant")


@pytest.mark.parametrize("driver", ["pysqlite", "aiosqlite"])
def test_a_pool_of_a_file_that_has_nothing_to_give_makes_the_directory_unavailable(tmp_path: Path, driver: str) -> None:
    file = File(tmp_path / "directory.sqlite", driver, 0.2)
    with file.host:
        taken = file.host.take_all()
        assert file.is_unavailable()
        file.host.give_back(taken)
        assert file.are_right()
        wait_until(lambda: file.host.engine.pool.checkedout() == 0)


def test_a_database_in_memory_survives_an_error() -> None:
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    faults.load(engine)
    directory = SqlDirectory(engine, deadline=AMPLE)
    for _ in range(2):
        rename(engine, "routing_agent", "aside")
        with pytest.raises(DirectoryUnavailable):
            decide(*CASE, directory)
        rename(engine, "aside", "routing_agent")
        assert decide(*CASE, directory) == RIGHT
    engine.dispose()


def test_an_asynchronous_database_in_memory_survives_an_error() -> None:
    async def main() -> None:
        engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
        directory = AsyncSqlDirectory(engine, deadline=AMPLE)
        async with engine.connect() as connection:
            await connection.run_sync(lambda _: faults.load(engine.sync_engine))
        for _ in range(2):
            async with engine.connect() as connection:
                await connection.run_sync(lambda _: rename(engine.sync_engine, "routing_agent", "aside"))
            with pytest.raises(DirectoryUnavailable):
                await adecide(*CASE, directory)
            async with engine.connect() as connection:
                await connection.run_sync(lambda _: rename(engine.sync_engine, "aside", "routing_agent"))
            assert await adecide(*CASE, directory) == RIGHT
        await engine.dispose()

    asyncio.run(main())


def rename(engine: Engine, table: str, name: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {name}")
