"""A directory that follows a SQLite file: whatever becomes of that file, what it answers with stands there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from neo_routing import DirectoryUnavailable, Rows, Tenant
from neo_routing_adapters.live import LiveDirectory, State, on_sqlite
from neo_routing_adapters.live.bell import Bell
from neo_routing_adapters.live.on_sqlite import SqliteSource
from neo_routing_adapters.live.source import MustLoad
from neo_routing_adapters.sql import SqlDirectoryWriter
from tests.programs.databases.administered import engine_at, upgraded
from tests.programs.servers.postgres_server import wait_until

AMPLE = 60.0


@pytest.fixture(params=["delete", "wal"])
def engine(sqlite_url: str, request: pytest.FixtureRequest) -> Iterator[Engine]:
    with upgraded(sqlite_url) as engine:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA journal_mode = {request.param}")
        yield engine


def put(engine: Engine, tenant_id: str) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.commit()
        SqlDirectoryWriter(connection).put_tenant(Tenant(id=tenant_id))
        connection.commit()


def ids(rows: Rows) -> list[str]:
    return sorted(rows.tenants)


def test_what_another_process_writes_is_followed(engine: Engine) -> None:
    with LiveDirectory(engine, max_staleness=AMPLE, poll=0.02) as directory:
        directory.wait_until_ready(AMPLE)
        written = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"
        for statement, found in (
            ("INSERT INTO routing_tenant VALUES ('msp-a', '')", ["msp-a"]),
            ("INSERT OR REPLACE INTO routing_tenant VALUES ('msp-a', 'another')", ["msp-a"]),
            ("UPDATE routing_tenant SET id = 'msp-b'", ["msp-b"]),
            ("DELETE FROM routing_tenant", []),
        ):
            subprocess.run([sys.executable, "-c", written, str(engine.url.database), statement], check=True)
            directory.wait_until("sqlite", AMPLE)
            assert ids(directory.look_up(())) == found


def test_what_is_committed_while_it_is_read_comes_with_the_next_load(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or where somebody commits all the time, it would never be ready."""
    read, number = on_sqlite.stored_content, iter(range(1_000_000))

    def read_while_others_write(followed: Engine) -> Rows:
        rows = read(followed)
        put(engine, f"msp-{next(number)}")
        return rows

    monkeypatch.setattr(on_sqlite, "stored_content", read_while_others_write)
    with LiveDirectory(engine, max_staleness=AMPLE, poll=0.02) as directory:
        directory.wait_until_ready(AMPLE)
        wait_until(lambda: len(directory.look_up(())) >= 3)


def test_a_copy_that_is_put_into_the_file_is_noticed(sqlite_url: str, tmp_path: Path) -> None:
    """With `cp` it stays the same file, and may have had as many changes as the one before."""
    other = tmp_path / "other.sqlite"
    with upgraded(sqlite_url) as engine, upgraded(f"sqlite:///{other}") as copied:
        put(engine, "msp-a")
        put(copied, "msp-b")
        copied.dispose()
        with LiveDirectory(engine, max_staleness=AMPLE, poll=0.02) as directory:
            directory.wait_until_ready(AMPLE)
            assert ids(directory.look_up(())) == ["msp-a"]
            shutil.copyfile(other, str(engine.url.database))
            wait_until(lambda: answered(directory) == ["msp-b"])


def answered(directory: LiveDirectory) -> list[str]:
    """Return what it answers with: nothing while it has seen the file half copied."""
    try:
        return ids(directory.look_up(()))
    except DirectoryUnavailable:
        return []


def test_no_two_states_have_the_same_name(engine: Engine) -> None:
    """Not in two processes either, whose connections count for themselves."""
    bell, source, names = Bell(), SqliteSource(engine), list[str]()
    for tenant_id in ("msp-a", "msp-b"):
        connected = source.connect(bell)
        connected.load(lambda: None)
        names.append(connected.poll().revision)
        put(engine, tenant_id)
        with pytest.raises(MustLoad):
            connected.poll()
        connected.load(lambda: None)
        names.append(connected.poll().revision)
        connected.close()
    bell.close()
    assert len({*names}) == 4


def test_a_file_without_tables_says_what_helps(sqlite_url: str) -> None:
    with engine_at(sqlite_url) as engine, LiveDirectory(engine, poll=0.02) as directory:
        wait_until(lambda: directory.status().state is State.FAILED)
        assert "run neo-routing db upgrade" in str(directory.status().reason)


@pytest.mark.parametrize(
    "url", ["sqlite:///file:x?mode=memory&cache=shared&uri=true", "sqlite:///file::memory:?uri=true"]
)
def test_what_is_in_memory_has_no_file_to_follow(url: str) -> None:
    with pytest.raises(ValueError, match="LiveDirectory follows a SQLite file, and none in memory"):
        LiveDirectory(create_engine(url, poolclass=NullPool))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_that_is_forked_follows_the_file_by_itself(engine: Engine) -> None:
    with LiveDirectory(engine, max_staleness=AMPLE, poll=0.02) as directory:
        directory.wait_until_ready(AMPLE)
        child = os.fork()
        if not child:
            try:
                wait_until(lambda: ids(directory.look_up(())) == ["msp-a"])
                os._exit(0)
            except BaseException:  # noqa: BLE001  # this process is no test
                traceback.print_exc()
            finally:
                os._exit(9)
        # Not the child: SQLite counts there the locks that the parent had when it forked, and nobody ends them.
        put(engine, "msp-a")
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        wait_until(lambda: ids(directory.look_up(())) == ["msp-a"])


def test_an_engine_that_its_host_disposes_of_is_followed_on(engine: Engine) -> None:
    with LiveDirectory(engine, max_staleness=AMPLE, poll=0.02) as directory:
        directory.wait_until_ready(AMPLE)
        engine.dispose()
        put(engine, "msp-a")
        wait_until(lambda: ids(directory.look_up(())) == ["msp-a"])
