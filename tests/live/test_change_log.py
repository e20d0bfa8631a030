"""Whether each change is logged, in our tables and in a host's, and that it is said if one is not."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Connection, Engine, make_url

from neo_routing_adapters.live import LiveDirectory, State
from neo_routing_adapters.sql import change_token
from neo_routing_adapters.sql.change_triggers import KEYS
from neo_routing_adapters.sql.schema import RELATIONS, metadata
from neo_routing_adapters.sql.tables import follow
from neo_routing_adapters.sql.tables.directory_export import stored_content
from neo_routing_adapters.sql.tables.follow_script import CannotLog, follow_script
from neo_routing_adapters.sql.tables.our_tables import NotOurTables
from tests.programs.databases.administered import engine_at, upgraded
from tests.programs.servers.postgres_server import wait_until

AMPLE = 60.0


@pytest.fixture
def ours(database_url: str) -> Iterator[Engine]:
    with upgraded(database_url) as engine:
        follow.install(engine)
        yield engine


@pytest.fixture
def hosts(database_url: str) -> Iterator[Engine]:
    """Views on tables that a host has made."""
    with engine_at(database_url) as engine:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA host")
            connection.exec_driver_sql("SET LOCAL search_path = host")
            metadata.create_all(connection)
            for relation, columns in RELATIONS.items():
                connection.exec_driver_sql(
                    f"CREATE VIEW public.{relation} AS SELECT {', '.join(columns)} FROM host.{relation}"
                )
        yield engine


def do(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def logged(engine: Engine, change: str) -> set[tuple[str, str | None]]:
    """Make a change, and return what the log says of it."""
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM routing_change")
        connection.exec_driver_sql(change)
        return logged_in(connection)


def logged_in(connection: Connection) -> set[tuple[str, str | None]]:
    found = connection.exec_driver_sql("SELECT sort, id FROM routing_change WHERE xid = pg_current_xact_id()")
    return {(sort, row_id) for sort, row_id in found}


A_TENANT = "INSERT INTO routing_tenant VALUES ('msp-a', '')"


def test_a_statement_logs_what_it_touches_before_and_after(ours: Engine) -> None:
    assert logged(ours, A_TENANT) == {("tenant", "msp-a")}
    assert logged(ours, "UPDATE routing_tenant SET id = 'msp-b'") == {("tenant", "msp-a"), ("tenant", "msp-b")}
    assert logged(ours, "DELETE FROM routing_tenant") == {("tenant", "msp-b")}
    assert logged(ours, "DELETE FROM routing_tenant") == set()
    assert logged(ours, "TRUNCATE routing_end_company_link") == {("everything", None)}


def test_a_statement_that_touches_too_much_logs_everything(ours: Engine) -> None:
    many = "INSERT INTO routing_tenant SELECT 'msp-' || n, '' FROM generate_series(1, {}) AS n"
    assert len(logged(ours, many.format(10_000))) == 10_000
    do(ours, "DELETE FROM routing_tenant")
    assert ("everything", None) in logged(ours, many.format(10_001))


def test_what_goes_with_its_owner_is_logged(ours: Engine) -> None:
    do(
        ours,
        A_TENANT,
        "INSERT INTO routing_agent VALUES (12, 'msp-a', '', 'CONVERSATIONAL', NULL)",
        "INSERT INTO routing_end_company VALUES ('co-1', 'msp-a', '')",
    )
    assert logged(ours, "DELETE FROM routing_tenant") == {("tenant", "msp-a"), ("agent", "12"), ("end_company", "co-1")}


def test_a_child_is_logged_by_row(ours: Engine) -> None:
    do(ours, "CREATE TABLE child () INHERITS (routing_tenant)")
    assert [*follow.status(ours).unfollowed] == [
        "changes of child are not logged",
        "changes of routing_tenant are not logged",
    ]
    follow.install(ours)
    assert follow.status(ours).unfollowed == ()
    assert logged(ours, "INSERT INTO child VALUES ('msp-c', '')") == {("tenant", "msp-c")}
    assert logged(ours, "UPDATE child SET id = 'msp-d'") == {("tenant", "msp-c"), ("tenant", "msp-d")}
    assert logged(ours, "TRUNCATE child") == {("everything", None)}
    many = "INSERT INTO child SELECT 'msp-' || n, '' FROM generate_series(1, 10100) AS n"
    assert len(logged(ours, many) - {("everything", None)}) == 10_000
    with ours.connect() as connection:
        everything = "SELECT count(*) FROM routing_change WHERE sort = 'everything'"
        assert connection.exec_driver_sql(everything).scalar() == 1
    # Who sets what counts them makes it "everything", and never nothing.
    do(ours, "SET LOCAL neo_routing.logged_by_row = 99999", "DELETE FROM routing_change", "UPDATE child SET name = 'x'")
    with ours.connect() as connection:
        assert connection.exec_driver_sql("SELECT sort FROM routing_change").scalars().all() == ["everything"]


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE routing_agent DISABLE TRIGGER routing_log_delete",
        "ALTER TABLE routing_agent ENABLE TRIGGER routing_log_update",
        "DROP TRIGGER routing_log_truncate ON routing_agent",
        """DROP TRIGGER routing_log_delete ON routing_agent;
           CREATE TRIGGER less AFTER DELETE ON routing_agent REFERENCING OLD TABLE AS before
           FOR EACH STATEMENT WHEN (FALSE) EXECUTE FUNCTION routing_log_change_of_agent();
           ALTER TABLE routing_agent ENABLE ALWAYS TRIGGER less""",
    ],
)
def test_a_table_whose_changes_are_not_all_logged_is_named(ours: Engine, change: str) -> None:
    do(ours, change)
    assert follow.status(ours).unfollowed == ("changes of routing_agent are not logged",)
    follow.install(ours)
    assert follow.status(ours).unfollowed == ()


def test_what_is_uninstalled_is_gone_and_can_be_made_again(ours: Engine) -> None:
    follow.uninstall(ours)
    assert "there is no change log" in str(follow.status(ours).fault)
    do(ours, A_TENANT)
    follow.install(ours)
    assert follow.status(ours) == follow.LogStatus(version="0001", rows=0, fault=None, unfollowed=())


def test_pruning_notes_the_highest_transaction_that_it_removes(ours: Engine) -> None:
    do(ours, A_TENANT, "UPDATE routing_change SET logged_at = now() - interval '2 hours'")
    do(ours, "INSERT INTO routing_tenant VALUES ('msp-b', '')")
    with ours.connect() as connection:
        [old, new] = connection.exec_driver_sql("SELECT xid::text FROM routing_change ORDER BY xid").scalars()
    assert follow.prune(ours) == 1
    with ours.connect() as connection:
        assert connection.exec_driver_sql("SELECT xid::text FROM routing_change").scalars().all() == [new]
        assert connection.exec_driver_sql("SELECT xid::text FROM routing_change_pruned").scalars().all() == [old]


def test_nobody_else_may_put_the_logging_function_on_a_table(ours: Engine) -> None:
    with ours.connect() as connection:
        allowed = connection.exec_driver_sql(
            "SELECT bool_or(has_function_privilege('pg_monitor', oid, 'EXECUTE')) FROM pg_proc"
            " WHERE starts_with(proname, 'routing_log_change')"
        )
        assert allowed.scalars().all() == [False]


def test_views_are_not_our_tables(hosts: Engine) -> None:
    with pytest.raises(NotOurTables, match="neo-routing db follow print"):
        follow.install(hosts)


def test_nothing_is_pruned_where_nothing_is_logged(hosts: Engine) -> None:
    with pytest.raises(follow.CannotPrune, match="there is no change log"):
        follow.prune(hosts)


def test_who_may_read_the_views_may_read_the_log(hosts: Engine) -> None:
    do(hosts, "GRANT SELECT ON routing_tenant TO PUBLIC")
    run_scripts(hosts)
    with hosts.connect() as connection:
        granted = "SELECT has_table_privilege('pg_monitor', '{}', 'SELECT')"
        for table in ("routing_change", "routing_change_pruned", "routing_change_version"):
            assert connection.exec_driver_sql(granted.format(table)).scalar()


def run_scripts(engine: Engine) -> None:
    with engine.connect() as connection:
        scripts = [follow_script(connection, f"host.{table}", keys) for table, keys in KEYS.items()]
    with psycopg.connect(make_url(engine.url).set(drivername="postgresql").render_as_string(False)) as plain:
        plain.autocommit = True
        for script in scripts:
            plain.execute(script)


def test_the_printed_script_logs_what_the_keys_say(hosts: Engine) -> None:
    run_scripts(hosts)
    assert follow.status(hosts).unfollowed == ()
    assert logged(hosts, "INSERT INTO host.routing_tenant VALUES ('msp-a', '')") == {("tenant", "msp-a")}
    renamed = logged(hosts, "UPDATE host.routing_tenant SET id = 'msp-b'")
    assert renamed == {("tenant", "msp-a"), ("tenant", "msp-b")}
    do(hosts, "CREATE TABLE host.child () INHERITS (host.routing_tenant)")
    run_scripts(hosts)
    assert logged(hosts, "DELETE FROM host.routing_tenant") == {("tenant", "msp-b")}
    assert follow.status(hosts).unfollowed == ("changes of host.child are not logged",)


def test_views_whose_tables_are_logged_are_followed(hosts: Engine) -> None:
    run_scripts(hosts)
    with LiveDirectory(hosts, max_staleness=AMPLE, poll=0.02) as directory:
        directory.wait_until_ready(AMPLE)
        for change in (
            "INSERT INTO host.routing_tenant VALUES ('msp-a', 'MSP A')",
            "INSERT INTO host.routing_channel VALUES ('ch-1', 'msp-a', 12, 'bot', 'ACTIVE', TRUE, NULL)",
            "INSERT INTO host.routing_channel_installation VALUES ('ch-1', 'm-1', 'bot', 'ACTIVE', TRUE)",
            "UPDATE host.routing_channel SET id = 'ch-2', bot_id = 'another'",
            "CREATE OR REPLACE VIEW routing_tenant AS SELECT id, id AS name FROM host.routing_tenant",
            "DELETE FROM host.routing_tenant",
        ):
            with hosts.begin() as connection:
                connection.exec_driver_sql(change)
                token = change_token(connection)
            directory.wait_until(token, AMPLE)
            assert directory.look_up(()) == stored_content(hosts)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ("SELECT id, name FROM host.stored", "the materialized view host.stored is refreshed without a trigger"),
        (
            "SELECT id, name FROM host.routing_tenant WHERE now() > '2000-01-01'",
            "routing_tenant turns on the time, on settings or on chance: it calls now()",
        ),
        (
            "SELECT id, host.named(name) AS name FROM host.routing_tenant",
            "what the function host.named(text) reads may change without a trigger",
        ),
    ],
)
def test_what_no_trigger_tells_of_is_named(hosts: Engine, view: str, said: str) -> None:
    run_scripts(hosts)
    do(
        hosts,
        "CREATE MATERIALIZED VIEW host.stored AS SELECT * FROM host.routing_tenant",
        "CREATE FUNCTION host.named(text) RETURNS text LANGUAGE sql STABLE AS"
        " 'SELECT max(name) FROM host.routing_tenant WHERE id = $1'",
        f"CREATE OR REPLACE VIEW routing_tenant AS {view}",
    )
    assert follow.status(hosts).unfollowed == (said,)


@pytest.mark.parametrize("table", ["host.nothing", "routing_tenant"])
def test_only_what_is_a_table_can_be_logged(hosts: Engine, table: str) -> None:
    with hosts.connect() as connection, pytest.raises(CannotLog):
        follow_script(connection, table, KEYS["routing_tenant"])


def test_sqlite_needs_no_log(sqlite_url: str) -> None:
    with upgraded(sqlite_url) as engine:
        for needless in (follow.install, follow.uninstall, follow.status, follow.prune):
            with pytest.raises(follow.NoChangeLog):
                needless(engine)


@pytest.mark.parametrize(
    "change", ["CREATE TABLE child () INHERITS (routing_agent)", "DROP TRIGGER routing_log_insert ON routing_agent"]
)
def test_a_directory_that_cannot_be_followed_any_more_fails(ours: Engine, change: str) -> None:
    with LiveDirectory(ours, max_staleness=AMPLE, poll=0.02) as directory:
        directory.wait_until_ready(AMPLE)
        do(ours, change)
        wait_until(lambda: directory.status().state is State.FAILED)
        assert "are not logged" in str(directory.status().reason)
        follow.install(ours)
        directory.wait_until_ready(AMPLE)


def test_a_subscription_that_comes_later_is_noticed(ours: Engine) -> None:
    subscription = "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (connect = false, slot_name = NONE)"
    with LiveDirectory(ours, max_staleness=AMPLE, poll=0.02) as directory:
        directory.wait_until_ready(AMPLE)
        do(
            ours,
            subscription,
            "SET LOCAL allow_system_table_mods = on",
            "INSERT INTO pg_subscription_rel SELECT oid, 'routing_agent'::regclass, 'r', NULL FROM pg_subscription",
        )
        wait_until(lambda: directory.status().state is State.FAILED)
        follow.install(ours)
        directory.wait_until_ready(AMPLE)
        do(ours, "DROP SUBSCRIPTION s")
