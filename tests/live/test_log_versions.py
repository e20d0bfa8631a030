"""The change log has a version: an older one is brought to the newest, and none but that is followed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, event, inspect

from neo_routing_adapters.live import LiveDirectory, State
from neo_routing_adapters.sql import change_log, change_log_version
from neo_routing_adapters.sql.tables import follow
from neo_routing_adapters.sql.tables.log_migration import TableInTheWay, UnknownLogVersion
from tests.live.test_change_log import A_TENANT, do, ours
from tests.programs.databases.administered import upgraded
from tests.programs.servers.postgres_server import wait_until

__all__ = ["ours"]  # a fixture

AMPLE = 60.0
WITHOUT_VERSION = "DROP TABLE routing_change_version"
"""What a log is like that was made before there were versions."""
OF_A_NEWER = "UPDATE routing_change_version SET version_num = '0002'"
ALL_THERE_IS = """
    SELECT
        (SELECT array_agg(relname || oid::text || xmin::text ORDER BY oid) FROM pg_class WHERE relname ~ '^routing_'),
        (SELECT array_agg(tgname || oid::text || xmin::text ORDER BY oid) FROM pg_trigger),
        (SELECT array_agg(proname || oid::text || xmin::text ORDER BY oid) FROM pg_proc WHERE proname ~ '^routing_'),
        (SELECT json_agg(routing_change) FROM routing_change)"""


def asked(engine: Engine, query: str) -> list[object]:
    with engine.connect() as connection:
        return [*connection.exec_driver_sql(query).one()]


def version_of(engine: Engine) -> list[object]:
    return asked(engine, "SELECT array_agg(version_num::text) FROM routing_change_version")


def all_there_is(engine: Engine) -> list[object]:
    has_version = asked(engine, "SELECT to_regclass('routing_change_version') IS NOT NULL") == [True]
    return [*asked(engine, ALL_THERE_IS), *(version_of(engine) if has_version else ())]


def becomes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the library one of later, whose log has another column."""
    monkeypatch.setattr(change_log_version, "VERSIONS", ("0001", "0002"))
    monkeypatch.setattr(change_log, "_TABLES", change_log._TABLES.replace("id text,", "id text, host text,", 1))


def test_to_install_again_changes_nothing_in_the_log(ours: Engine) -> None:
    do(ours, A_TENANT)
    log = asked(ours, "SELECT 'routing_change'::regclass::oid, count(*) FROM routing_change")
    assert follow.install(ours) == "0001"
    assert asked(ours, "SELECT 'routing_change'::regclass::oid, count(*) FROM routing_change") == log
    assert version_of(ours) == [["0001"]]


@pytest.mark.parametrize("former", [WITHOUT_VERSION, "DELETE FROM routing_change_version"])
def test_a_log_without_a_version_is_made_anew_with_all_its_triggers(ours: Engine, former: str) -> None:
    do(
        ours,
        A_TENANT,
        former,
        "CREATE TABLE of_a_host (id text)",
        "ALTER FUNCTION routing_log_change_of_agent RENAME TO routing_log_change_of_4711",
        "CREATE TRIGGER routing_log_truncate AFTER TRUNCATE ON of_a_host EXECUTE FUNCTION routing_log_change_of_4711()",
    )
    said = "the change log is of no version, and 0001 is needed: run neo-routing db follow install"
    assert said in str(follow.status(ours).fault)
    assert follow.install(ours) == "0001"
    assert follow.status(ours) == follow.LogStatus(version="0001", rows=0, fault=None, unfollowed=())
    assert asked(ours, "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'of_a_host'::regclass") == [0]
    do(ours, "DELETE FROM routing_tenant")
    assert follow.status(ours).rows == 1


def test_a_log_of_an_older_version_becomes_one_of_the_newest(ours: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    do(ours, A_TENANT)
    becomes_later(monkeypatch)
    assert "of version 0001, and 0002 is needed" in str(follow.status(ours).fault)
    with LiveDirectory(ours, max_staleness=AMPLE, poll=0.02) as directory:
        wait_until(lambda: directory.status().state is State.FAILED)
        assert "of version 0001, and 0002 is needed" in str(directory.status().reason)
        assert follow.install(ours) == "0002"
        directory.wait_until_ready(AMPLE)
    assert "host" in str(columns_of_log(ours))
    assert version_of(ours) == [["0002"]]
    assert follow.status(ours) == follow.LogStatus(version="0002", rows=0, fault=None, unfollowed=())


def columns_of_log(engine: Engine) -> list[object]:
    return asked(
        engine,
        "SELECT array_agg(attname::text) FROM pg_attribute WHERE attrelid = 'routing_change'::regclass AND attnum > 0",
    )


@pytest.mark.parametrize("newer", [OF_A_NEWER, "INSERT INTO routing_change_version VALUES ('0002')"])
def test_a_log_of_a_version_that_is_not_known_is_left_alone_by_everybody(ours: Engine, newer: str) -> None:
    do(ours, A_TENANT, newer)
    there = all_there_is(ours)
    for change in (follow.install, follow.uninstall):
        with pytest.raises(UnknownLogVersion, match=r"0002, which this version of neo_routing does not know"):
            change(ours)
    with pytest.raises(follow.CannotPrune, match="0002"):
        follow.prune(ours)
    found = follow.status(ours)
    assert found.rows is None
    assert "0002, which this version of neo_routing does not know" in str(found.fault)
    assert all_there_is(ours) == there


@pytest.mark.parametrize(
    ("former", "said"),
    [
        (WITHOUT_VERSION, "run neo-routing db follow install"),
        (OF_A_NEWER, "take the one that made it, or a newer one"),
        ("UPDATE routing_change_version SET version_num = '0000'", "take the one that made it"),
    ],
)
def test_a_log_of_another_version_is_not_followed(ours: Engine, former: str, said: str) -> None:
    do(ours, former)
    with LiveDirectory(ours, max_staleness=AMPLE, poll=0.02) as directory:
        wait_until(lambda: directory.status().state is State.FAILED)
        assert said in str(directory.status().reason)


@pytest.mark.parametrize(
    "change", [OF_A_NEWER, WITHOUT_VERSION, "ALTER TABLE routing_change_version RENAME TO was_version"]
)
def test_who_follows_notices_another_version_and_then_the_migration(ours: Engine, change: str) -> None:
    with LiveDirectory(ours, max_staleness=AMPLE, poll=0.02) as directory:
        directory.wait_until_ready(AMPLE)
        do(ours, change)
        wait_until(lambda: directory.status().state is State.FAILED)
        assert "change log is of" in str(directory.status().reason)
        do(ours, "DROP TABLE IF EXISTS routing_change_version")
        follow.install(ours)
        directory.wait_until_ready(AMPLE)


@pytest.mark.parametrize("last", ["DROP TABLE", "INSERT INTO public.routing_change_version", "ENABLE ALWAYS"])
def test_a_migration_that_is_interrupted_leaves_what_was_there(ours: Engine, last: str) -> None:
    do(ours, A_TENANT, WITHOUT_VERSION)
    there = all_there_is(ours)

    @event.listens_for(ours, "after_cursor_execute")
    def interrupted(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(last) or (last in statement and "ALTER" in statement):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow.install(ours)
    event.remove(ours, "after_cursor_execute", interrupted)
    assert all_there_is(ours) == there
    assert follow.install(ours) == "0001"


def test_several_migrations_at_a_time_are_as_good_as_one(ours: Engine) -> None:
    do(ours, WITHOUT_VERSION)
    dropped = []
    event.listen(
        ours,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: dropped.append(1) if "DROP TABLE" in statement else None,
    )
    waiting = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"
    with ThreadPoolExecutor(2) as both:
        with ours.begin() as writer, ours.connect() as other:
            writer.exec_driver_sql("DELETE FROM routing_end_company_link")
            installed = [both.submit(follow.install, ours) for _ in range(2)]
            wait_until(lambda: other.exec_driver_sql(waiting).scalar() == 2)
        assert [one.result(AMPLE) for one in installed] == ["0001", "0001"]
    assert dropped == [1]
    assert follow.status(ours).fault is None


def test_who_installs_waits_for_no_follower_who_waits_for_him(ours: Engine) -> None:
    """A follower has a lock of the log, and takes one of a table while somebody installs."""
    installs = threading.Thread(target=follow.install, args=(ours,))
    do(ours, WITHOUT_VERSION)
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with ours.connect() as follower:
        follower.exec_driver_sql("SELECT count(*) FROM routing_change")
        installs.start()
        with ours.connect() as other:
            wait_until(lambda: other.exec_driver_sql(waits).scalar())
        follower.exec_driver_sql("SELECT count(*) FROM routing_tenant")
    installs.join(AMPLE)
    assert follow.status(ours).version == "0001"


def test_what_is_uninstalled_has_no_version_either(ours: Engine) -> None:
    follow.uninstall(ours)
    there = "SELECT count(*) FROM pg_class WHERE relname ~ '^routing_change'"
    functions = "SELECT count(*) FROM pg_proc WHERE proname ~ '^routing_(log|prune|note_pruned)'"
    assert asked(ours, there) + asked(ours, functions) == [0, 0]
    assert follow.status(ours).version is None


def test_a_table_of_somebody_else_is_left_alone(ours: Engine) -> None:
    follow.uninstall(ours)
    do(ours, "CREATE TABLE routing_change (reason text)")
    for change in (follow.install, follow.uninstall):
        with pytest.raises(TableInTheWay, match="nothing was changed"):
            change(ours)
    assert columns_of_log(ours) == [["reason"]]


def test_a_file_has_no_log_and_no_version_of_one(sqlite_url: str) -> None:
    with upgraded(sqlite_url) as engine:
        with pytest.raises(follow.NoChangeLog):
            follow.install(engine)
        assert not [name for name in inspect(engine).get_table_names() if name.startswith("routing_change")]
