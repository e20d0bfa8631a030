"""`neo-routing sessions` and `neo-routing db triggers`."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, insert

from neo_routing_adapters.http.tables.sessions import sessions

if TYPE_CHECKING:
    from tests.command.conftest import Run


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'sessions.sqlite'}"


def test_tables_are_made_and_old_sessions_are_removed_from_them(run: Run, url: str) -> None:
    assert run("sessions", "upgrade", url).stdout == b"the tables are of version 0001\n"
    assert run("sessions", "upgrade", url).stdout == b"the tables are of version 0001\n"
    engine, now = create_engine(url), datetime.now(UTC)
    values = {"tenant_id": "t", "agent_id": 1, "channel": "api", "warnings": "", "record": "{}"}
    with engine.begin() as connection:
        for days in (0, 10, 20):
            time = now - timedelta(days=days)
            row = {"id": uuid.uuid4(), "created_at": time, "updated_at": time, **values}
            connection.execute(insert(sessions).values(row))
    engine.dispose()
    assert run("sessions", "prune", url).stdout == b"removed 0 idempotency keys and 0 sessions\n"
    told = run("sessions", "prune", url, "--older-than-days", "15").stdout
    assert told == b"removed 0 idempotency keys and 1 sessions\n"


@pytest.mark.parametrize("days", ["0", "-1", "36501"])
def test_a_number_of_days_that_makes_no_sense_removes_nothing(run: Run, url: str, days: str) -> None:
    run("sessions", "upgrade", url)
    ended = run("sessions", "prune", url, f"--older-than-days={days}")
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"--older-than-days must be a number from 1 to 36500" in ended.stderr


def test_a_database_without_the_tables_is_told_of_in_a_line(run: Run, url: str) -> None:
    assert run("db", "upgrade", url).returncode == 0
    ended = run("sessions", "prune", url)
    assert ended.returncode != 0
    assert ended.stderr.count(b"\n") == 1
    assert b"no such table" in ended.stderr


def test_on_sqlite_there_are_no_triggers_to_print(run: Run, url: str) -> None:
    run("db", "upgrade", url)
    ended = run("db", "triggers", url)
    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"SQLite needs no triggers" in ended.stderr
