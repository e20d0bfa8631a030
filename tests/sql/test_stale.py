"""No session is kept on a state of the directory that is gone; and the measure is one that sees such sessions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from tests.programs.databases import stale as program
from tests.programs.databases.stale import LOCKED, SETTINGS, Mode, Run, run
from tests.programs.servers.postgres_server import NoPostgres, PostgresServer


class AServer:
    """One that is never asked."""

    def create_database(self, _name: str) -> None: ...

    def url(self, **_: str) -> str:
        return ""


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


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("stale", [0, 1])
def test_the_program_ends_well_only_if_those_with_the_lock_hold_and_the_controls_do_not(
    mode: Mode, stale: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(_url: str, sessions: int, tried: Mode) -> Run:
        as_it_must_be = 0 if tried in LOCKED else 1
        some = stale if tried is mode else as_it_must_be
        return Run(sessions=sessions, stale=some, changes=9, given_up=0, deadlocks=0, seconds=1.0)

    monkeypatch.setattr(program, "run", found)
    monkeypatch.setattr(program, "PostgresServer", lambda **_: nullcontext(AServer()))
    assert program.main(2_000) == (0 if (stale == 0) is (mode in LOCKED) else 1)
