"""What operators do to the change log, or by way of it: whoever follows it loses nothing, and goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from neo_routing import Tenant
from neo_routing_adapters.live import LiveDirectory
from neo_routing_adapters.live.bell import Bell
from neo_routing_adapters.live.on_postgresql import PostgresFollower, PostgresSource
from neo_routing_adapters.live.source import MustLoad
from neo_routing_adapters.sql import change_token
from neo_routing_adapters.sql.tables import follow
from neo_routing_adapters.sql.tables.follow_script import CannotLog, follow_script
from tests.live.test_change_log import do, hosts, logged, ours, run_scripts
from tests.programs.servers.postgres_server import wait_until

__all__ = ["hosts", "ours"]  # fixtures

AMPLE = 60.0
A_TENANT = "INSERT INTO routing_tenant VALUES ('msp-a', '')"


@pytest.fixture
def follower(ours: Engine) -> Iterator[PostgresFollower]:
    """A connection that has read the whole."""
    bell = Bell()
    connected = PostgresSource(ours, AMPLE).connect(bell)
    connected.load(lambda: None)
    assert connected.poll().changes is None
    yield connected
    connected.close()
    bell.close()


@pytest.mark.parametrize(
    "removal",
    [
        "DELETE FROM routing_change",
        "TRUNCATE routing_change",
        "TRUNCATE routing_change_pruned",
        """ALTER TABLE routing_change DISABLE TRIGGER routing_note_pruned; DELETE FROM routing_change;
           ALTER TABLE routing_change ENABLE ALWAYS TRIGGER routing_note_pruned""",
    ],
)
def test_what_is_removed_from_the_log_by_hand_is_missed(ours: Engine, follower: PostgresFollower, removal: str) -> None:
    do(ours, A_TENANT)
    do(ours, removal)
    with pytest.raises(MustLoad):
        follower.poll()


def test_what_a_transaction_removes_of_its_own_is_missed_too(ours: Engine, follower: PostgresFollower) -> None:
    do(ours, A_TENANT, "DELETE FROM routing_change")
    with pytest.raises(MustLoad, match="the log was pruned"):
        follower.poll()


@pytest.mark.parametrize(("besides", "read"), [("channel", 1), ("everything", 0), ("client", 0)])
def test_where_the_whole_is_read_anyway_no_row_is_looked_for(
    ours: Engine, follower: PostgresFollower, besides: str, read: int
) -> None:
    """Each look takes long in a view whose ids no index finds."""
    do(ours, A_TENANT, f"INSERT INTO routing_change (sort, id) VALUES ('{besides}', '')")
    *_, tenants, _, _, _ = follower._polled(follower._position)
    assert len(tenants or []) == read


def test_who_installs_waits_for_no_writer_who_waits_for_him(ours: Engine) -> None:
    """A writer has a lock of the last table, and takes one of the first while somebody installs."""
    installs = threading.Thread(target=follow.install, args=(ours,))
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'routing_end_company_link'::regclass"
    with ours.begin() as writer:
        writer.exec_driver_sql("DELETE FROM routing_end_company_link")
        installs.start()
        with ours.connect() as other:
            wait_until(lambda: other.exec_driver_sql(waits).scalar())
        writer.exec_driver_sql(A_TENANT)
    installs.join(AMPLE)
    assert follow.status(ours) == follow.LogStatus(version="0001", rows=1, fault=None, unfollowed=())


OF_ANOTHER_SERVER = (
    "INSERT INTO routing_change VALUES ('5000000000000', 'everything', NULL, now() - interval '1 day')",
    "UPDATE routing_change_pruned SET xid = '4000000000000'",
)
"""What a dump brings along: numbers that no transaction here has had."""


def test_numbers_that_came_with_a_dump_count_for_nothing(ours: Engine) -> None:
    do(ours, *OF_ANOTHER_SERVER)
    with LiveDirectory(ours, max_staleness=AMPLE, poll=0.02) as directory:
        directory.wait_until_ready(AMPLE)
        with ours.begin() as connection:
            connection.exec_driver_sql(A_TENANT)
            token = change_token(connection)
        directory.wait_until(token, AMPLE)
        assert [*directory.look_up(())] == [Tenant(id="msp-a", name="")]
        assert directory.status().loads == 1


def test_what_is_pruned_after_a_dump_is_noted_all_the_same(ours: Engine, follower: PostgresFollower) -> None:
    do(ours, *OF_ANOTHER_SERVER)
    do(ours, A_TENANT, "UPDATE routing_change SET logged_at = now() - interval '2 hours'")
    assert follow.prune(ours) == 2
    with pytest.raises(MustLoad, match="the log was pruned"):
        follower.poll()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("SELECT 'everything', NULL FROM changed", {("everything", None)}),
        ("SELECT 'client', id FROM changed", {("client", "msp-a")}),
    ],
)
def test_keys_may_say_everything_and_what_they_say_amiss_is_that(
    hosts: Engine, keys: str, said: set[tuple[str, str | None]]
) -> None:
    run_scripts(hosts)
    with hosts.connect() as connection:
        script = follow_script(connection, "host.routing_tenant", keys)
    do(hosts, script.removeprefix("BEGIN;\n").removesuffix("COMMIT;\n"))
    with LiveDirectory(hosts, max_staleness=AMPLE, poll=0.02) as directory:
        directory.wait_until_ready(AMPLE)
        assert logged(hosts, "INSERT INTO host.routing_tenant VALUES ('msp-a', '')") == said
        with hosts.begin() as connection:
            token = change_token(connection)
        directory.wait_until(token, AMPLE)
        assert [*directory.look_up(())] == [Tenant(id="msp-a", name="")]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("SELECT 'tenant', number FROM changed", 'column "number" does not exist'),
        ("SELECT 'tenant', id FROM changed JOIN routing_agent USING (id)", 'relation "routing_agent" does not exist'),
        ("SELECT 'tenant' FROM changed", "has 1 columns available but 2 columns specified"),
        ("SELECT 'tenant', id FROM changed WHERE name LIKE '%s' -- all", "syntax error"),
    ],
)
def test_keys_that_no_trigger_could_run_are_refused_before_a_change_fails(hosts: Engine, keys: str, said: str) -> None:
    with hosts.connect() as connection:
        with pytest.raises(CannotLog, match=r"with each table named by its schema: .*" + said):
            follow_script(connection, "host.routing_tenant", keys)
        assert "msp-%" in follow_script(connection, "host.routing_tenant", _LIKE)
        assert "msp-%" in follow_script(connection, "host.routing_tenant", _LIKE)


_LIKE = "SELECT 'tenant', id FROM changed WHERE id LIKE 'msp-%'"


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ("SELECT id, name FROM host.routing_tenant WHERE age(now()) < '1 day'", "it calls age("),
        ("SELECT id, name FROM host.routing_tenant WHERE random() < 2", "it calls random()"),
        ("SELECT id, name FROM host.routing_tenant WHERE name <> CURRENT_USER", "turns on the time, on settings"),
        ("SELECT id, name FROM host.routing_tenant TABLESAMPLE system (50)", "or on chance"),
        (
            'SELECT rolname::text COLLATE "C" AS id, name FROM pg_roles, host.routing_tenant',
            "changes of pg_authid are not logged",
        ),
        (
            'SELECT last_value::text COLLATE "C" AS id, name FROM host.numbers, host.routing_tenant',
            "changes of host.numbers are not logged",
        ),
        ("SELECT id, name FROM host.routing_tenant WHERE id OPERATOR(host.~) ''", "what the function host.same"),
    ],
)
def test_what_changes_by_itself_is_named_however_a_view_comes_by_it(hosts: Engine, view: str, said: str) -> None:
    run_scripts(hosts)
    do(
        hosts,
        "CREATE SEQUENCE host.numbers",
        "CREATE FUNCTION host.same(text, text) RETURNS bool LANGUAGE plpgsql STABLE AS 'BEGIN RETURN true; END'",
        "CREATE OPERATOR host.~ (LEFTARG = text, RIGHTARG = text, FUNCTION = host.same)",
        f"CREATE OR REPLACE VIEW routing_tenant AS {view}",
    )
    assert any(said in sentence for sentence in follow.status(hosts).unfollowed)


def test_what_turns_on_nothing_but_its_arguments_is_followed(hosts: Engine) -> None:
    run_scripts(hosts)
    columns = "id, lpad(name, 9) || concat_ws('-', name, CAST(DATE '2026-11-29' AS text), 7) AS name"
    do(hosts, f"CREATE OR REPLACE VIEW routing_tenant AS SELECT {columns} FROM host.routing_tenant")
    assert follow.status(hosts).unfollowed == ()
