"""No session is kept on a state of the directory that is gone; and the measure is one that sees such sessions."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.programs.databases.stale import SETTINGS, Mode, run
from tests.programs.servers.postgres_server import NoPostgres, PostgresServer


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server that keeps the times of commits."""
    try:
        server = PostgresServer(settings=SETTINGS)
    except NoPostgres as reason:
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(str(reason))
    with server:
        yield server


@pytest.mark.parametrize("mode", [Mode.LOCK, Mode.STORE])
def test_no_session_of_2000_commits_after_the_state_that_it_was_decided_on_was_replaced(
    server: PostgresServer, mode: Mode
) -> None:
    server.create_database(mode.name.lower())
    found = run(server.url(database=mode.name.lower()), 2000, mode)
    assert (found.sessions, found.stale) == (2000, 0)
    assert (found.given_up, found.deadlocks) == (0, 0)
    assert found.changes > 100


@pytest.mark.parametrize("mode", [Mode.READ_COMMITTED, Mode.SERIALIZABLE])
def test_without_the_lock_there_are_such_sessions(server: PostgresServer, mode: Mode) -> None:
    server.create_database(mode.name.lower())
    assert run(server.url(database=mode.name.lower()), 1000, mode).stale > 0
