"""A decision sees one committed state, and so does a batch, whatever is written meanwhile.

`NEO_ROUTING_TEST_SNAPSHOTS` says how many decisions to take on each database.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event

from neo_routing import Rows, RowsNeeded, decide, decide_many
from neo_routing_adapters.sql import SqlDirectory
from neo_routing_adapters.sql.look_up.rows import FoundRows
from neo_routing_adapters.sql.look_up.sorts import Sort
from neo_routing_adapters.sql.look_up.statements import Statements
from tests.programs.databases.moves import answer, answers, case, load, move

pytestmark = pytest.mark.no_cover  # there are too many decisions to trace each line of them

READERS, WRITERS = 8, 4
# Each writer moves two slots together.
SLOTS = 2 * WRITERS


@pytest.fixture
def decisions(thorough: bool) -> int:
    """How many single decisions to take; of batches there are fewer."""
    return int(os.environ.get("NEO_ROUTING_TEST_SNAPSHOTS") or (25_000 if thorough else 5_000))


@pytest.fixture
def engine(any_database_url: str) -> Iterator[Engine]:
    """A database in which channels and links are being moved."""
    options: dict[str, Any] = {"connect_args": {"timeout": 60}} if any_database_url.startswith("sqlite") else {}
    engine = create_engine(any_database_url, pool_size=READERS + WRITERS, **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _in_wal_mode)
    load(engine, SLOTS)
    try:
        with moved(engine):
            yield engine
    finally:
        engine.dispose()


def _in_wal_mode(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA journal_mode = wal").close()
    connection.execute("PRAGMA synchronous = off").close()


@contextmanager
def moved(engine: Engine) -> Iterator[None]:
    """Let writers move all slots to and fro meanwhile."""
    over = threading.Event()
    # A SQLite file takes one writer at a time; those who queue here lose less time than those who try again and again.
    turn_to_write = threading.Lock() if engine.dialect.name == "sqlite" else nullcontext()

    def write(writer: int) -> int:
        for turn in count(1):
            with turn_to_write, engine.begin() as connection:
                move(connection, writer, turn % 2)
                move(connection, writer + WRITERS, turn % 2)
            if over.is_set():
                return turn
        raise AssertionError

    with ThreadPoolExecutor(WRITERS) as writers:
        turns = [writers.submit(write, writer) for writer in range(WRITERS)]
        try:
            yield
        finally:
            over.set()
    assert sum(turn.result() for turn in turns) > 2 * WRITERS, "there was something to tear"


def torn(check: Callable[[int], int], decisions: int) -> int:
    """Let readers take so many decisions at the same time, and return how many of them were of no committed state."""

    def read(reader: int) -> int:
        return sum(check((reader + turn) % WRITERS) for turn in range(decisions // READERS))

    with ThreadPoolExecutor(READERS) as readers:
        return sum(readers.map(read, range(READERS)))


def test_each_decision_is_that_of_a_committed_state(engine: Engine, decisions: int) -> None:
    directory = SqlDirectory(engine, deadline=60)

    def is_torn(slot: int) -> bool:
        return decide(*case(slot), directory).result not in answers(slot)

    assert torn(is_torn, decisions) == 0


def test_all_decisions_of_a_batch_are_those_of_one_committed_state(engine: Engine, decisions: int) -> None:
    directory = SqlDirectory(engine, deadline=60)

    def is_torn(slot: int) -> bool:
        together = [slot, slot + WRITERS]
        results = [decision.result for decision in decide_many(map(case, together), directory)]
        return results not in [[answer(each, state) for each in together] for state in (0, 1)]

    assert torn(is_torn, decisions // 10) == 0


def test_a_batch_in_slices_is_of_one_committed_state_too(engine: Engine, thorough: bool) -> None:
    directory = SqlDirectory(engine, deadline=60)

    def is_torn(slot: int) -> bool:
        # The one is decided on the first slice, the other on the last.
        together = [slot] * 2000 + [slot + WRITERS]
        results = [decision.result for decision in decide_many(map(case, together), directory)]
        return [results[0], results[-1]] not in [
            [answer(each, state) for each in (slot, slot + WRITERS)] for state in (0, 1)
        ]

    assert torn(is_torn, 40 if thorough else 16) == 0


class TwoStatements:
    """Reads the links in a second statement: what must not be done."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._statements = Statements(engine.dialect)

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        statement = self._statements.for_one(needed[0])
        with self._engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            first = connection.exec_driver_sql(statement.sql, statement.arguments).fetchall()
            time.sleep(0)  # other threads may run, as they do during a round trip to a server
            second = connection.exec_driver_sql(statement.sql, statement.arguments).fetchall()
        found = FoundRows(statement.asked)
        found.add(row for row in first[1:] if row[0] != Sort.LINK)
        found.add(row for row in second if row[0] == Sort.LINK)
        return found.rows()


def test_to_read_channel_and_links_in_two_statements_would_be_noticed(engine: Engine, decisions: int) -> None:
    directory = TwoStatements(engine)

    def is_torn(slot: int) -> bool:
        return decide(*case(slot), directory).result not in answers(slot)

    few = decisions // 10
    assert torn(is_torn, few) > few / 100
