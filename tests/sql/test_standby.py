"""A hot standby answers as its primary did at some moment, never with a bit of one moment and a bit of another."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from neo_routing import DirectoryUnavailable, adecide, adecide_many, decide, decide_many
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from tests.programs.databases import moves
from tests.programs.databases.faults import DRIVERS, ISOLATION_LEVELS, MESSAGES
from tests.programs.servers.postgres_server import PATIENCE, PostgresServer, wait_until
from tests.programs.thoroughness import first_always

pytestmark = pytest.mark.no_cover  # there are too many decisions to trace each line of them

SLOTS = 8
EACH = range(SLOTS)
READERS = 3
AMPLE = 20.0

Answers = list[tuple[int, object]]
"""Slots, each with what was answered; nothing for an outage."""


@pytest.fixture(scope="module")
def database(postgres: PostgresServer) -> Iterator[str]:
    """A database on the primary, with slots."""
    name = f"moves_{random.SystemRandom().getrandbits(64):x}"
    postgres.create_database(name)
    engine = create_engine(postgres.url(database=name))
    moves.load(engine, SLOTS)
    engine.dispose()
    yield name
    with postgres.connect() as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def standby(postgres: PostgresServer, database: str) -> Iterator[PostgresServer]:
    with postgres.standby() as standby:
        yield standby


@pytest.fixture
def primary(postgres: PostgresServer, database: str) -> Iterator[Engine]:
    engine = create_engine(postgres.url(database=database))
    yield engine
    engine.dispose()


class Mover:
    """Moves slots without a pause, and knows in which state it left each."""

    def __init__(self, engine: Engine) -> None:
        self.states = [0] * SLOTS
        self.moved = 0
        self._engine = engine
        self._stopping = threading.Event()

    def move(self) -> None:
        chance = random.Random(1)
        with self._engine.connect() as connection:
            with connection.begin():
                for slot in EACH:
                    moves.move(connection, slot, 0)
            while not self._stopping.is_set():
                slot = chance.randrange(SLOTS)
                state = 1 - self.states[slot]
                with connection.begin():
                    moves.move(connection, slot, state)
                self.states[slot] = state
                self.moved += 1

    def stop(self) -> None:
        self._stopping.set()


@contextmanager
def moving(engine: Engine) -> Iterator[Mover]:
    mover = Mover(engine)
    with ThreadPoolExecutor(1) as thread:
        moved = thread.submit(mover.move)
        try:
            wait_until(lambda: mover.moved or moved.done())
            yield mover
        finally:
            mover.stop()
            moved.result(PATIENCE)


def read(directory: SqlDirectory, rounds: int) -> Answers:
    """Decide round by round, first one by one and then all slots together."""
    found: Answers = []
    for _ in range(rounds):
        for slot in EACH:
            try:
                found.append((slot, decide(*moves.case(slot), directory).result))
            except DirectoryUnavailable as unavailable:
                found.append(_outage(slot, unavailable))
        try:
            decisions = decide_many(map(moves.case, EACH), directory)
        except DirectoryUnavailable as unavailable:
            found.append(_outage(0, unavailable))
        else:
            found += [(slot, decision.result) for slot, decision in zip(EACH, decisions, strict=True)]
    return found


async def aread(directory: AsyncSqlDirectory, rounds: int) -> Answers:
    found: Answers = []
    for _ in range(rounds):
        for slot in EACH:
            try:
                found.append((slot, (await adecide(*moves.case(slot), directory)).result))
            except DirectoryUnavailable as unavailable:
                found.append(_outage(slot, unavailable))
        try:
            decisions = await adecide_many(map(moves.case, EACH), directory)
        except DirectoryUnavailable as unavailable:
            found.append(_outage(0, unavailable))
        else:
            found += [(slot, decision.result) for slot, decision in zip(EACH, decisions, strict=True)]
    return found


def _outage(slot: int, unavailable: DirectoryUnavailable) -> tuple[int, None]:
    assert str(unavailable) in MESSAGES
    assert unavailable.__cause__
    return slot, None


def read_at_once(url: str, isolation_level: str | None, rounds: int) -> list[Answers]:
    """Read with several threads."""
    engine = create_engine(url, **_options(isolation_level))
    with ThreadPoolExecutor(READERS) as readers:
        found = [*readers.map(read, [SqlDirectory(engine, deadline=AMPLE)] * READERS, [rounds] * READERS)]
    assert engine.pool.checkedout() == 0
    engine.dispose()
    return found


def aread_at_once(url: str, isolation_level: str | None, rounds: int) -> list[Answers]:
    """Read with several tasks."""

    async def main() -> list[Answers]:
        engine = create_async_engine(url, **_options(isolation_level))
        directory = AsyncSqlDirectory(engine, deadline=AMPLE)
        found = await asyncio.gather(*[aread(directory, rounds) for _ in range(READERS)])
        assert engine.sync_engine.pool.checkedout() == 0
        await engine.dispose()
        return found

    return asyncio.run(main())


def _options(isolation_level: str | None) -> dict[str, str]:
    return {} if isolation_level is None else {"isolation_level": isolation_level}


def wait_until_all_is_as_on_the_primary(url: str, states: list[int]) -> None:
    engine = create_engine(url)
    directory = SqlDirectory(engine, deadline=AMPLE)
    last = [moves.answer(slot, states[slot]) for slot in EACH]
    wait_until(lambda: [decide(*moves.case(slot), directory).result for slot in EACH] == last)
    engine.dispose()


@pytest.mark.parametrize("isolation_level", first_always(ISOLATION_LEVELS), ids=["default", "autocommit"])
@pytest.mark.parametrize("driver", first_always(DRIVERS))
def test_on_a_standby_each_answer_is_that_of_a_committed_state_and_the_last_one_comes(
    primary: Engine, standby: PostgresServer, database: str, driver: str, isolation_level: str | None
) -> None:
    reading = read_at_once if driver == "psycopg" else aread_at_once
    with moving(primary) as mover:
        before = mover.moved
        found = reading(standby.url(driver, database), isolation_level, 60)
        assert mover.moved > before
    for slot, result in chain.from_iterable(found):
        assert result in moves.answers(slot)
    assert len(set(chain.from_iterable(found))) > SLOTS, "nothing was seen to move"
    wait_until_all_is_as_on_the_primary(standby.url(database=database), mover.states)


@pytest.mark.parametrize("driver", first_always(DRIVERS))
def test_a_standby_that_ends_queries_for_what_it_replays_gives_right_answers_or_none(
    primary: Engine, standby: PostgresServer, database: str, driver: str
) -> None:
    reading = read_at_once if driver == "psycopg" else aread_at_once
    with impatient(standby), moving(primary) as mover, migrating(primary):
        found = reading(standby.url(driver, database), None, 15)
    for slot, result in chain.from_iterable(found):
        assert result is None or result in moves.answers(slot)
    assert any(result for _, result in chain.from_iterable(found))
    assert any(result is None for _, result in chain.from_iterable(found)), "nothing was in the way"
    wait_until_all_is_as_on_the_primary(standby.url(database=database), mover.states)


@contextmanager
def impatient(standby: PostgresServer) -> Iterator[None]:
    with standby.connect() as connection:
        try:
            connection.execute("ALTER SYSTEM SET max_standby_streaming_delay = 0")
            connection.execute("SELECT pg_reload_conf()")
            wait_until(lambda: _delay(standby) == "0")
            yield
        finally:
            connection.execute("ALTER SYSTEM RESET max_standby_streaming_delay")
            connection.execute("SELECT pg_reload_conf()")


def _delay(standby: PostgresServer) -> str:
    with standby.connect() as connection:
        [row] = connection.execute("SHOW max_standby_streaming_delay")
    return row[0]


@contextmanager
def migrating(primary: Engine) -> Iterator[None]:
    """Rewrite and alter the tables, one after the other, without a pause."""
    stopping = threading.Event()

    def migrate() -> None:
        with primary.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while not stopping.is_set():
                for table in ("routing_channel", "routing_end_company_link", "routing_agent"):
                    connection.exec_driver_sql(f"VACUUM FULL {table}")
                    connection.exec_driver_sql(f"ALTER TABLE {table} ADD CONSTRAINT added CHECK (true)")
                    connection.exec_driver_sql(f"ALTER TABLE {table} DROP CONSTRAINT added")

    with ThreadPoolExecutor(1) as thread:
        migrated = thread.submit(migrate)
        try:
            yield
        finally:
            stopping.set()
            migrated.result(PATIENCE)
