"""A directory that follows a database keeps the contract of directories, on PostgreSQL and on SQLite."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest
from sqlalchemy import Engine, event

from neo_routing import SessionDirectory
from neo_routing.testing import Relation, SessionDirectoryContract, World
from neo_routing_adapters.live import LiveDirectory, State
from neo_routing_adapters.sql import change_token
from neo_routing_adapters.sql.tables import follow
from neo_routing_adapters.sql.tables.directory_import import import_directory
from tests.programs.databases.administered import upgraded
from tests.programs.databases.tables_taken_away import taken_away, taken_for_a_view
from tests.programs.servers.database_fixtures import empty_database
from tests.programs.servers.postgres_server import wait_until
from tests.programs.thoroughness import first_always

pytestmark = pytest.mark.no_cover

EXAMPLES, FEW_EXAMPLES = 8, 2
AMPLE = 60.0
"""Long enough for a machine that has other things to do: this is about what is answered, not when."""


@pytest.fixture(scope="class", params=first_always(["postgresql", "sqlite"]))
def followed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Engine, LiveDirectory]]:
    """A database that all tests share, and the directory that follows it: each of them replaces what is there."""
    with ExitStack() as opened:
        if request.param == "sqlite":
            url = f"sqlite:///{tmp_path_factory.mktemp('followed') / 'directory.sqlite'}"
        else:
            url = opened.enter_context(empty_database(request.getfixturevalue("postgres_url")))
        engine = opened.enter_context(upgraded(url))
        if request.param == "sqlite":
            event.listen(engine, "connect", _in_wal_mode)
            engine.dispose()
        else:
            follow.install(engine)
        yield engine, opened.enter_context(LiveDirectory(engine, max_staleness=AMPLE, poll=0.02))


class TestLiveDirectory(SessionDirectoryContract):
    @pytest.fixture(autouse=True)
    def _turns(self) -> Iterator[None]:
        """Have threads that read without a pause leave the interpreter to those that write, and do so soon."""
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-4)
        yield
        sys.setswitchinterval(interval)

    @pytest.fixture(autouse=True)
    def _examples(self, thorough: bool) -> None:
        self.examples = EXAMPLES if thorough else FEW_EXAMPLES

    @pytest.fixture(autouse=True)
    def _followed(self, followed: tuple[Engine, LiveDirectory]) -> None:
        self.engine, self.live = followed

    @contextmanager
    def directory(self, world: World) -> Iterator[SessionDirectory]:
        self.replace(self.live, world)
        yield self.live

    def replace(self, _: SessionDirectory, world: World) -> None:
        import_directory(self.engine, world.content, allow_removals=True)
        with self.engine.begin() as connection:
            token = change_token(connection)
        self.live.wait_until(token, AMPLE)

    @pytest.mark.thorough
    def test_one_snapshot_a_batch_is_of_one_state(self) -> None:
        """What it answers with is the same value for one decision and for a batch."""
        super().test_one_snapshot_a_batch_is_of_one_state()

    @contextmanager
    def outage(self) -> Iterator[SessionDirectory]:
        with self._without(taken_away(self.engine, Relation.END_COMPANIES)) as directory:
            yield directory

    def broken(self, relation: Relation) -> AbstractContextManager[SessionDirectory]:
        return self._without(taken_away(self.engine, relation))

    def spoilt(self, relation: Relation) -> AbstractContextManager[SessionDirectory]:
        return self._without(taken_for_a_view(self.engine, relation))

    @contextmanager
    def _without(self, taken: AbstractContextManager[None]) -> Iterator[SessionDirectory]:
        """Yield another directory, which has what the other one has until it notices that it cannot go on."""
        with LiveDirectory(self.engine, max_staleness=0.3, poll=0.02) as directory:
            directory.wait_until_ready(AMPLE)
            with taken:
                wait_until(lambda: directory.status().state is not State.READY)
                yield directory


def _in_wal_mode(connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode = wal").close()
    connection.execute("PRAGMA synchronous = off").close()
