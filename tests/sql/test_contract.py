"""The directory in a database keeps the contract: on PostgreSQL and SQLite, with every driver, awaited or not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, ClassVar

import pytest
from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from administered import upgraded
from neo_routing import AsyncSessionDirectory, SessionDirectory
from neo_routing.testing import AsyncSessionDirectoryContract, SessionDirectoryContract, World
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.directory_import import import_directory

pytestmark = pytest.mark.no_cover  # there are too many decisions to trace each line of them

EXAMPLES = 8
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
    examples = EXAMPLES

    @pytest.fixture(autouse=True)
    def _database(self, any_database_url: str) -> Iterator[None]:
        self.url = any_database_url
        with database(any_database_url) as self.engine:
            self.reading = create_engine(any_database_url, isolation_level="AUTOCOMMIT")
            yield
            self.reading.dispose()

    @contextmanager
    def directory(self, world: World) -> Iterator[SessionDirectory]:
        import_directory(self.engine, world)
        yield SqlDirectory(self.reading, deadline=DEADLINE)

    @contextmanager
    def outage(self) -> Iterator[SessionDirectory]:
        with self.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE routing_end_company RENAME TO elsewhere")
        yield SqlDirectory(self.reading, deadline=DEADLINE)

    def replace(self, _: SessionDirectory, world: World) -> None:
        import_directory(self.engine, world)


class AsyncDrivers(AsyncSessionDirectoryContract):
    """The same with one asynchronous driver after the other."""

    examples = EXAMPLES
    driver: ClassVar[str]

    def open_database(self, url: str) -> Iterator[None]:
        self.url = make_url(url)
        with database(url) as self.engine:
            yield

    @asynccontextmanager
    async def directory(self, world: World) -> AsyncIterator[AsyncSessionDirectory]:
        import_directory(self.engine, world)
        async with self._opened_engine() as directory:
            yield directory

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[AsyncSessionDirectory]:
        with self.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE routing_end_company RENAME TO elsewhere")
        async with self._opened_engine() as directory:
            yield directory

    def replace(self, _: AsyncSessionDirectory, world: World) -> None:
        import_directory(self.engine, world)

    @asynccontextmanager
    async def _opened_engine(self) -> AsyncIterator[AsyncSessionDirectory]:
        drivername = f"{self.engine.dialect.name}+{self.driver}"
        reading = create_async_engine(self.url.set(drivername=drivername), isolation_level="AUTOCOMMIT")
        try:
            yield AsyncSqlDirectory(reading, deadline=DEADLINE)
        finally:
            await reading.dispose()


class TestAiosqlite(AsyncDrivers):
    driver = "aiosqlite"

    @pytest.fixture(autouse=True)
    def _database(self, sqlite_url: str) -> Iterator[None]:
        yield from self.open_database(sqlite_url)


class TestAsyncpg(AsyncDrivers):
    driver = "asyncpg"

    @pytest.fixture(autouse=True)
    def _database(self, database_url: str) -> Iterator[None]:
        yield from self.open_database(database_url)


class TestPsycopg(TestAsyncpg):
    driver = "psycopg_async"
