"""Whatever the host has hooked on its pool, an answer is right, or an outage at the deadline, and nothing is left."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from ctypes import c_ulong, py_object, pythonapi
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import psycopg
import pytest
from sqlalchemy import Engine, NullPool, StaticPool, create_engine, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

from neo_routing import DirectoryUnavailable, adecide, decide
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.look_up import threads
from neo_routing_adapters.sql.look_up.deadlines import Call, Watch
from neo_routing_adapters.sql.look_up.tasks import MOST_LATE
from neo_routing_adapters.sql.look_up.threads import MOST_THREADS
from tests.programs.databases import faults
from tests.programs.databases.faults import (
    APPLICATION,
    DRIVERS,
    MAX_OVERFLOW,
    MESSAGES,
    POOL_SIZE,
    Host,
    Site,
    SyncHost,
    host,
    known,
    wait_until_nothing_is_left,
)
from tests.programs.servers.postgres_server import PATIENCE, PostgresServer, wait_until
from tests.programs.thoroughness import first_always

pytestmark = pytest.mark.no_cover  # threads of ours that hang are not traced

DEADLINE = 0.2
# Beyond the deadline, on a machine that others use as well; the faults last until they are ended.
HANGS = 3.0
AMPLE = 20.0
CALLERS = 12
CASE, RIGHT = known()[0]

EVENTS = ("do_connect", "connect", "checkout", "reset", "checkin")
every_driver = pytest.mark.parametrize("driver", first_always(DRIVERS))
every_async_driver = pytest.mark.parametrize("driver", first_always(DRIVERS[1:]))


@pytest.fixture(scope="module")
def site(postgres: PostgresServer) -> Iterator[Site]:
    with Site(postgres) as site:
        yield site


class Gate:
    """What hooks pass, at once while it is open."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self._open.set()

    def wait(self) -> None:
        """Wait as the host's driver does."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._open.wait(PATIENCE)
        else:
            await_only(self.awaited())

    async def awaited(self) -> None:
        while not self._open.is_set():  # noqa: ASYNC110  # a thread opens it
            await asyncio.sleep(0.01)

    @contextmanager
    def closed(self) -> Iterator[None]:
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()


def opened(driver: str, site: Site, deadline: float = DEADLINE, **options: Any) -> Host:
    return host(driver, site.url(site.server.port), "AUTOCOMMIT", deadline, **options)


def creator(driver: str, site: Site, gate: Gate) -> dict[str, Any]:
    """Return the options of an engine whose host connects by himself."""
    arguments = {"host": "127.0.0.1", "port": site.server.port, "user": APPLICATION}

    def creates() -> Any:
        gate.wait()
        return psycopg.connect(dbname=site.database, **arguments)

    async def creates_psycopg() -> Any:
        await gate.awaited()
        return await psycopg.AsyncConnection.connect(dbname=site.database, **arguments)

    async def creates_asyncpg() -> Any:
        await gate.awaited()
        return await asyncpg.connect(database=site.database, **arguments)

    if driver == "psycopg":
        return {"creator": creates}
    return {"async_creator": creates_psycopg if driver == "psycopg_async" else creates_asyncpg}


@contextmanager
def first_of_all(name: str, hook: Callable[..., Any]) -> Iterator[None]:
    """Hook before any directory can: on all engines."""
    event.listen(Engine, name, hook)
    try:
        yield
    finally:
        event.remove(Engine, name, hook)


def pooled_connections_die(one: Host, site: Site) -> None:
    one.give_back(one.take_all())
    site.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{APPLICATION}'")


def outage_after(one: Host, _: object = None) -> float:
    """Return how long it took to be told that there is no answer."""
    begun = time.perf_counter()
    with pytest.raises(DirectoryUnavailable) as raised:
        one.decide(CASE)
    assert str(raised.value) in MESSAGES
    assert raised.value.__cause__
    return time.perf_counter() - begun


def all_have_outages_in_time(one: Host, count: int = CALLERS) -> None:
    with ThreadPoolExecutor(count) as callers:
        assert max(callers.map(partial(outage_after, one), range(count))) < one.deadline + HANGS


def right_again(one: Host, site: Site) -> None:
    """Return when it is, and nothing is left behind."""
    wait_until(lambda: is_right(one))
    wait_until_nothing_is_left(one, site, site.server)


def is_right(one: Host) -> bool:
    with suppress(DirectoryUnavailable):
        assert one.decide(CASE) == RIGHT
        return True
    return False


# Hooks that wait


@every_driver
@pytest.mark.parametrize("name", EVENTS)
def test_a_hook_that_waits_for_ever_makes_an_outage_at_the_deadline_for_all_who_come(
    site: Site, driver: str, name: str
) -> None:
    gate = Gate()
    with first_of_all(name, lambda *_: gate.wait()), opened(driver, site) as one:
        wait_until(lambda: is_right(one))
        if "connect" in name:
            pooled_connections_die(one, site)
        with gate.closed():
            all_have_outages_in_time(one, 1)
            all_have_outages_in_time(one)
        right_again(one, site)


@every_driver
def test_a_host_that_connects_by_himself_and_never_comes_back_makes_an_outage_at_the_deadline(
    site: Site, driver: str
) -> None:
    gate = Gate()
    with opened(driver, site, **creator(driver, site, gate)) as one:
        wait_until(lambda: is_right(one))
        pooled_connections_die(one, site)
        with gate.closed():
            all_have_outages_in_time(one, 1)
            all_have_outages_in_time(one)
        right_again(one, site)


def run_statement(connection: Any, *_: object) -> None:
    if connection is None:  # it was thrown away
        return
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    cursor.close()


@every_driver
@pytest.mark.parametrize("name", ["connect", "checkout", "checkin"])
def test_a_hook_that_runs_a_statement_on_a_frozen_server_makes_an_outage_at_the_deadline(
    site: Site, driver: str, name: str
) -> None:
    with opened(driver, site) as one:
        event.listen(one.engine, name, run_statement)
        wait_until(lambda: is_right(one))
        one.give_back(one.take_all())
        site.server.freeze()
        try:
            all_have_outages_in_time(one)
        finally:
            site.server.thaw()
        right_again(one, site)


def test_a_listener_that_opens_the_connection_to_a_frozen_server_makes_an_outage_at_the_deadline(site: Site) -> None:
    with (
        first_of_all("do_connect", lambda *given: psycopg.connect(*given[2], **given[3])),
        opened("psycopg", site) as one,
    ):
        pooled_connections_die(one, site)
        wait_until(lambda: site.backends(site.server) == 0)
        site.server.freeze()
        try:
            all_have_outages_in_time(one, 1)
            all_have_outages_in_time(one)
        finally:
            site.server.thaw()
        right_again(one, site)


@every_driver
def test_a_pool_that_pings_first_keeps_the_deadline_on_a_frozen_server(site: Site, driver: str) -> None:
    with opened(driver, site, pool_pre_ping=True) as one:
        one.give_back(one.take_all())
        site.server.freeze()
        try:
            all_have_outages_in_time(one)
        finally:
            site.server.thaw()
        right_again(one, site)


def call_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "neo_routing call"]


def test_however_many_call_few_threads_hang_and_they_end_when_they_may(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "IDLE", 0.1)
    wait_until(lambda: not call_threads())
    gate = Gate()
    with opened("psycopg", site) as one:
        event.listen(one.engine, "checkout", lambda *_: gate.wait())
        with gate.closed():
            all_have_outages_in_time(one, MOST_THREADS + 20)
            assert len(call_threads()) == MOST_THREADS
            all_have_outages_in_time(one)
            assert len(call_threads()) == MOST_THREADS
        right_again(one, site)
        wait_until(lambda: not call_threads())
        assert one.decide(CASE) == RIGHT


@every_async_driver
def test_however_many_call_few_tasks_are_left_waiting(site: Site, driver: str) -> None:
    gate = Gate()
    with opened(driver, site, deadline=0.1) as one:
        assert isinstance(one, faults.AsyncHost)
        event.listen(one.engine, "checkout", lambda *_: gate.wait())
        with gate.closed():
            for _ in range(5):
                all_have_outages_in_time(one, 20)
            wait_until(lambda: one.tasks() <= 16)
        right_again(one, site)


@every_async_driver
def test_tasks_that_will_not_be_cancelled_make_outages_at_once_instead_of_ever_more_tasks(
    site: Site, driver: str
) -> None:
    def clings(*_: object) -> None:
        while not released:
            with suppress(asyncio.CancelledError):
                await_only(asyncio.sleep(0.01))

    async def main() -> None:
        async with directory_on(site, driver, deadline=0.1, poolclass=NullPool) as directory:
            outages = await asyncio.gather(
                *(adecide(*CASE, directory) for _ in range(MOST_LATE + 6)), return_exceptions=True
            )
            assert {type(outage) for outage in outages} == {DirectoryUnavailable}
            left = len(asyncio.all_tasks())
            for _ in range(20):
                with pytest.raises(DirectoryUnavailable):
                    await adecide(*CASE, directory)
            assert len(asyncio.all_tasks()) == left
            released.append(True)
            async with asyncio.timeout(PATIENCE):
                while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110  # they end one by one
                    await asyncio.sleep(0.01)
            async with directory_on(site, driver) as patient:
                assert await adecide(*CASE, patient) == RIGHT

    released: list[bool] = []
    with first_of_all("do_connect", clings):
        asyncio.run(main())


# Hooks that raise, or call


@every_driver
@pytest.mark.parametrize("name", [*EVENTS, "invalidate"])
def test_a_hook_that_raises_makes_an_outage_and_costs_the_pool_no_place(site: Site, driver: str, name: str) -> None:
    def raises(*_: object) -> None:
        if raising:
            raise LookupError("no token")

    raising = False
    with opened(driver, site, deadline=AMPLE) as one:
        event.listen(one.engine, name, raises)
        wait_until(lambda: is_right(one))
        if "connect" in name:
            one.dispose()
        raising = True
        for _ in range(POOL_SIZE + MAX_OVERFLOW + 1):
            if name == "reset":  # SQLAlchemy replaces the connection
                assert is_right(one)
            elif name == "invalidate":
                site.execute("ALTER TABLE routing_tenant RENAME TO aside")
                outage_after(one)
                site.execute("ALTER TABLE aside RENAME TO routing_tenant")
            else:
                outage_after(one)
        assert one.engine.pool.checkedout() == 0
        raising = False
        right_again(one, site)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit])
def test_a_hook_that_would_end_its_thread_makes_an_outage(site: Site, error: type[BaseException]) -> None:
    def raises(*_: object) -> None:
        if raising:
            raise error

    with opened("psycopg", site, deadline=AMPLE) as one:
        event.listen(one.engine, "checkout", raises)
        raising = True
        for _ in range(5):
            outage_after(one)
        raising = False
        right_again(one, site)


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
@pytest.mark.parametrize("name", EVENTS)
def test_a_hook_that_decides_by_itself_once_gets_its_own_answer(site: Site, driver: str, name: str) -> None:
    found = []

    def decides(*_: object) -> None:
        if armed and not deciding.get():
            deciding.set(True)
            found.append(decided_within(one))

    armed = False
    deciding: ContextVar[bool] = ContextVar("deciding", default=False)
    with opened(driver, site, deadline=AMPLE) as one:
        event.listen(one.engine, name, decides)
        assert one.decide(CASE) == RIGHT  # SQLAlchemy holds a lock while an engine connects for the first time
        if "connect" in name:
            pooled_connections_die(one, site)
        armed = True
        assert one.decide(CASE) == RIGHT
        assert found
        assert all(decision == RIGHT for decision in found)
        wait_until_nothing_is_left(one, site, site.server)


def decided_within(one: Host) -> Any:
    """Decide from within a hook."""
    directory = one.directory(one.deadline)
    return decide(*CASE, directory) if isinstance(one, SyncHost) else await_only(adecide(*CASE, directory))


@every_driver
def test_a_hook_that_always_decides_by_itself_is_an_outage_at_the_deadline(site: Site, driver: str) -> None:
    deciding = True
    with opened(driver, site, pool_timeout=1) as one:
        event.listen(one.engine, "checkout", lambda *_: deciding and decided_within(one))
        for _ in range(2):
            all_have_outages_in_time(one, 2)
        deciding = False
        right_again(one, site)


asked_by: ContextVar[str] = ContextVar("asked_by", default="nobody")


@every_driver
def test_a_hook_sees_the_context_variables_of_the_caller(site: Site, driver: str) -> None:
    seen = []
    with opened(driver, site, deadline=AMPLE) as one:
        event.listen(one.engine, "checkout", lambda *_: seen.append(asked_by.get()))
        for name in ("msp-a", "msp-b"):
            asked_by.set(name)
            assert one.decide(CASE) == RIGHT
        asked_by.set("nobody")
    assert seen == ["msp-a", "msp-b"]


# Opening takes longer than the deadline


@every_driver
def test_a_connection_that_takes_longer_to_open_than_a_call_may_wait_is_there_for_a_later_call(
    site: Site, driver: str
) -> None:
    def takes_long(*_: object) -> None:
        began = time.perf_counter()
        while time.perf_counter() < began + 3 * DEADLINE:
            if driver == "psycopg":
                threading.Event().wait(0.01)
            else:
                await_only(asyncio.sleep(0.01))

    with opened(driver, site) as one:
        event.listen(one.engine, "do_connect", takes_long)
        outage_after(one)
        wait_until(lambda: one.engine.pool.checkedin() > 0)
        assert [is_right(one) for _ in range(20)].count(True) > 0
        right_again(one, site)


# Cancellation


@asynccontextmanager
async def directory_on(
    site: Site, driver: str, *, deadline: float = AMPLE, **options: Any
) -> AsyncIterator[AsyncSqlDirectory]:
    engine = create_async_engine(make_url(site.url(site.server.port)).set(drivername=f"postgresql+{driver}"), **options)
    yield AsyncSqlDirectory(engine, deadline=deadline)
    await engine.dispose()


@every_async_driver
def test_a_host_that_cancels_on_a_frozen_server_is_not_kept_waiting(site: Site, driver: str) -> None:
    async def main() -> None:
        async with directory_on(site, driver) as directory:
            await adecide(*CASE, directory)
            site.server.freeze()
            try:
                asked = asyncio.create_task(adecide(*CASE, directory))
                await asyncio.wait([asked], timeout=0.2)
                began = time.perf_counter()
                asked.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await asked
                assert time.perf_counter() - began < HANGS
            finally:
                site.server.thaw()
            assert await adecide(*CASE, directory) == RIGHT

    asyncio.run(main())


# Other pools


@pytest.mark.parametrize(("kind", "pool"), [("sqlite", NullPool), ("sqlite", StaticPool), ("postgresql", NullPool)])
def test_on_a_pool_of_any_kind_that_is_taken_threads_get_right_answers(
    site: Site, tmp_path: Path, kind: str, pool: type[Any]
) -> None:
    url = site.url(site.server.port)
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path / 'directory.sqlite'}"
        engine = create_engine(url)
        faults.load(engine)
        engine.dispose()
    unchecked = {"connect_args": {"check_same_thread": False}} if kind == "sqlite" else {}
    engine = create_engine(url, poolclass=pool, **unchecked)
    directory = SqlDirectory(engine, deadline=2.0)

    def is_right(known_case: Any) -> bool:
        case, right = known_case
        return decide(*case, directory) == right

    assert is_right(known()[0])
    with ThreadPoolExecutor(6) as callers:
        assert all(callers.map(is_right, [*known()] * 5))
    assert all(is_right(each) for each in known())
    engine.dispose()
    gc.collect()


@every_async_driver
def test_where_each_call_connects_tasks_get_right_answers_or_outages(site: Site, driver: str) -> None:
    async def main() -> None:
        async with directory_on(site, driver, poolclass=NullPool) as directory:

            async def is_right(known_case: Any) -> bool:
                case, right = known_case
                try:
                    assert await adecide(*case, directory) == right
                except DirectoryUnavailable:
                    return False
                return True

            assert await is_right(known()[0])
            await asyncio.gather(*map(is_right, [*known()] * 3))
            assert await is_right(known()[0])

    asyncio.run(main())


# Nobody can close a connection whose event loop is closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
@every_async_driver
def test_an_engine_that_comes_to_another_event_loop_gives_right_answers_or_outages(site: Site, driver: str) -> None:
    url = make_url(site.url(site.server.port)).set(drivername=f"postgresql+{driver}")
    engine = create_async_engine(url, pool_size=4, max_overflow=2)
    directory = AsyncSqlDirectory(engine, deadline=AMPLE)
    answered = []

    async def decide_all() -> None:
        for case, right in known() * 3:
            with suppress(DirectoryUnavailable):
                assert await adecide(*case, directory) == right
                answered.append(True)

    for _ in range(3):  # one after the other, each finds connections of the loop before, which is closed
        asyncio.run(decide_all())
    assert len(answered) == 9 * len(known())
    with ThreadPoolExecutor(2) as loops:
        for each in [loops.submit(asyncio.run, decide_all()) for _ in range(4)]:
            each.result(PATIENCE)
    engine.sync_engine.dispose(close=False)
    gc.collect()


# SQLite


@pytest.mark.parametrize("driver", ["pysqlite", "aiosqlite"])
@pytest.mark.parametrize("name", EVENTS)
def test_a_hook_that_waits_for_ever_on_a_file_makes_an_outage_at_the_deadline(
    tmp_path: Path, driver: str, name: str
) -> None:
    path, gate = tmp_path / "directory.sqlite", Gate()
    engine = create_engine(f"sqlite:///{path}")
    faults.load(engine)
    engine.dispose()
    kind = SyncHost if driver == "pysqlite" else faults.AsyncHost
    with kind(f"sqlite+{driver}:///{path}", None, DEADLINE) as one:
        event.listen(one.engine, name, lambda *_: gate.wait())
        wait_until(lambda: is_right(one))
        if "connect" in name:
            one.dispose()
        with gate.closed():
            all_have_outages_in_time(one)
        wait_until(lambda: is_right(one))
        wait_until(lambda: one.engine.pool.checkedout() == 0)


# Threads that die


class Noted:
    """A line that notes that it was cut."""

    def __init__(self) -> None:
        self.cut_off = threading.Event()

    def cut(self) -> None:
        self.cut_off.set()


def throw(error: type[BaseException], thread: threading.Thread) -> None:
    """Throw an exception into a thread, as some hosts do to end what takes too long."""
    pythonapi.PyThreadState_SetAsyncExc(c_ulong(thread.ident or 0), py_object(error))


def test_an_exception_thrown_into_the_thread_that_watches_deadlines_disarms_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    watch = Watch(0.05)
    noted = []
    for _ in range(20):
        line, call = Noted(), Call(0.1)
        call.enter(line)
        watch.begin(call)
        noted.append(line)
        thread = watch._thread
        assert thread
        throw(SystemExit, thread)
        wait_until(lambda thread=thread: not thread.is_alive())
    for line in noted:
        assert line.cut_off.wait(PATIENCE)
    wait_until(lambda: watch._thread is None)


def test_calls_that_begin_while_the_thread_looks_at_the_deadlines_do_not_end_it() -> None:
    watch, line = Watch(0.01), Noted()

    def begin_one(*_: object) -> None:
        if threading.current_thread() is watch._thread:
            watch._calls.add(Call(0.01))

    threshold = gc.get_threshold()
    gc.callbacks.append(begin_one)
    gc.set_threshold(1)
    try:
        first = Call(0.01)
        watch.begin(first)
        thread = watch._thread
        wait_until(lambda: first.expired)
        call = Call(0.05)
        call.enter(line)
        watch.begin(call)
        assert line.cut_off.wait(PATIENCE)
        assert watch._thread is thread
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(begin_one)


def test_a_finalizer_of_the_hosts_that_decides_by_itself_stops_nobody(site: Site) -> None:
    def decides(*_: object) -> None:
        if not deciding:
            deciding.append(True)
            wait = one.decide(CASE)
            assert wait == RIGHT
            deciding.clear()

    deciding: list[bool] = []
    threshold = gc.get_threshold()
    with opened("psycopg", site, deadline=AMPLE) as one:
        assert one.decide(CASE) == RIGHT
        gc.callbacks.append(decides)
        gc.set_threshold(20)
        try:
            for case, right in known()[:10]:
                assert one.decide(case) == right
        finally:
            gc.callbacks.remove(decides)
            gc.set_threshold(*threshold)
        right_again(one, site)


# A token as the password


def documented(place: int) -> str:
    """Return one of the snippets of the documentation that hook on `do_connect`."""
    page = Path(__file__).parents[2] / "docs" / "connections.md"
    snippets = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    return [snippet for snippet in snippets if "do_connect" in snippet][place]


@every_driver
def test_the_documented_hook_gives_each_new_connection_its_token(site: Site, driver: str) -> None:
    def noted(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        passwords.append(parameters["password"])

    passwords: list[str] = []
    with opened(driver, site, deadline=AMPLE) as one:
        if isinstance(one, faults.AsyncHost):
            snippet = re.sub("async_engine = .*", "", documented(1))
            exec(snippet, {"event": event, "async_engine": one._engine})
        else:
            exec(documented(0), {"engine": one.engine})
        event.listen(one.engine, "do_connect", noted)
        assert one.decide(CASE) == RIGHT
        one.dispose()
        assert one.decide(CASE) == RIGHT
    assert passwords == ["a token that is valid for some minutes"] * 2


# eventlet


def test_eventlet_is_refused_because_nothing_else_runs_while_a_driver_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    patcher: Any = ModuleType("eventlet.patcher")
    patcher.is_monkey_patched = lambda name: name == "thread"
    monkeypatch.setitem(sys.modules, "eventlet.patcher", patcher)
    engine = create_engine("sqlite://")
    with pytest.raises(ValueError, match="eventlet"):
        SqlDirectory(engine)
    patcher.is_monkey_patched = lambda _: False
    SqlDirectory(engine)
    engine.dispose()
