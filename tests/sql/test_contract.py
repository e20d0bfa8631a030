"""The directory in a database keeps the contract: on PostgreSQL and SQLite, with every driver, awaited or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from typing import Any, ClassVar

import pytest
from sqlalchemy import Engine, create_engine, event, make_url

from neo_routing import AsyncSessionDirectory, SessionDirectory
from neo_routing.testing import AsyncSessionDirectoryContract, Relation, SessionDirectoryContract, World
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.tables.directory_import import import_directory
from tests.programs.databases.administered import upgraded
from tests.programs.databases.tables_taken_away import taken_away, taken_for_a_view
from tests.programs.http.engines import engine_of

pytestmark = pytest.mark.no_cover  # there are too many decisions to trace each line of them

EXAMPLES, FEW_EXAMPLES = 8, 3
"""Most of the time goes into replacing what a database holds; test_conformance.py decides thousands of cases."""

DEADLINE = 60
"""Long enough for a machine that has other things to do: this is about what is answered, not when."""


@contextmanager
def database(url: str) -> Iterator[Engine]:
    """Open a database with the tables, in which nobody who reads waits for who writes."""
    with upgraded(url) as engine:
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _in_wal_mode)
            engine.dispose()
        yield engine


def _in_wal_mode(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA journal_mode = wal").close()
    connection.execute("PRAGMA synchronous = off").close()


class TestSqlDirectory(SessionDirectoryContract):
    @pytest.fixture(autouse=True)
    def _examples(self, thorough: bool) -> None:
        self.examples = EXAMPLES if thorough else FEW_EXAMPLES

    @pytest.fixture(autouse=True)
    def _database(self, any_database_url: str) -> Iterator[None]:
        self.url = any_database_url
        with database(any_database_url) as self.engine:
            self.reading = create_engine(any_database_url, isolation_level="AUTOCOMMIT")
            yield
            self.reading.dispose()

    @contextmanager
    def directory(self, world: World) -> Iterator[SessionDirectory]:
        import_directory(self.engine, world.content, allow_removals=True)
        yield SqlDirectory(self.reading, deadline=DEADLINE)

    @contextmanager
    def outage(self) -> Iterator[SessionDirectory]:
        with taken_away(self.engine, Relation.END_COMPANIES):
            yield SqlDirectory(self.reading, deadline=DEADLINE)

    def broken(self, relation: Relation) -> AbstractContextManager[None]:
        return taken_away(self.engine, relation)

    def spoilt(self, relation: Relation) -> AbstractContextManager[None]:
        return taken_for_a_view(self.engine, relation)

    def replace(self, _: SessionDirectory, world: World) -> None:
        import_directory(self.engine, world.content, allow_removals=True)


class AsyncDrivers(AsyncSessionDirectoryContract):
    """The same with one asynchronous driver after the other."""

    driver: ClassVar[str]

    @pytest.fixture(autouse=True)
    def _examples(self, thorough: bool) -> None:
        self.examples = EXAMPLES if thorough else FEW_EXAMPLES

    def open_database(self, url: str) -> Iterator[None]:
        self.url = make_url(url)
        with database(url) as self.engine:
            yield

    @asynccontextmanager
    async def directory(self, world: World) -> AsyncIterator[AsyncSessionDirectory]:
        import_directory(self.engine, world.content, allow_removals=True)
        async with self._opened_engine() as directory:
            yield directory

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[AsyncSessionDirectory]:
        with taken_away(self.engine, Relation.END_COMPANIES):
            async with self._opened_engine() as directory:
                yield directory

    def broken(self, relation: Relation) -> AbstractContextManager[None]:
        return taken_away(self.engine, relation)

    def spoilt(self, relation: Relation) -> AbstractContextManager[None]:
        return taken_for_a_view(self.engine, relation)

    def replace(self, _: AsyncSessionDirectory, world: World) -> None:
        import_directory(self.engine, world.content, allow_removals=True)

    @asynccontextmanager
    async def _opened_engine(self) -> AsyncIterator[AsyncSessionDirectory]:
        async with engine_of(self.url, self.driver, isolation_level="AUTOCOMMIT") as reading:
            yield AsyncSqlDirectory(reading, deadline=DEADLINE)


class TestInThreads(AsyncDrivers):
    driver = "sqlite"

    @pytest.fixture(autouse=True)
    def _database(self, sqlite_url: str) -> Iterator[None]:
        yield from self.open_database(sqlite_url)


@pytest.mark.thorough
class TestAiosqlite(TestInThreads):
    driver = "sqlite+aiosqlite"


class TestAsyncpg(AsyncDrivers):
    driver = "postgresql+asyncpg"

    @pytest.fixture(autouse=True)
    def _database(self, database_url: str) -> Iterator[None]:
        yield from self.open_database(database_url)


@pytest.mark.thorough
class TestPsycopg(TestAsyncpg):
    driver = "postgresql+psycopg_async"
