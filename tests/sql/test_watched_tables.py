"""Whether changes wait for sessions, in our tables and beneath a host's views, and that it is said if they do not."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, make_url
from sqlalchemy.exc import DBAPIError

from neo_routing_adapters.sql.schema import RELATIONS, metadata
from neo_routing_adapters.sql.tables.check import Severity, check
from neo_routing_adapters.sql.tables.watched_tables import NoTriggersThere, trigger_script
from tests.programs.databases.administered import engine_at, upgraded

SAID = "a session may be kept on a state that is gone"


@pytest.fixture
def ours(database_url: str) -> Iterator[Engine]:
    with upgraded(database_url) as engine:
        yield engine


@pytest.fixture
def hosts(database_url: str) -> Iterator[Engine]:
    """Views in one schema, on tables in another."""
    with engine_at(database_url) as engine:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA host")
            connection.exec_driver_sql("SET LOCAL search_path = host")
            metadata.create_all(connection)
            connection.exec_driver_sql("DROP FUNCTION host.routing_note_change CASCADE")
            for relation, columns in RELATIONS.items():
                base = f"host.{relation.removeprefix('routing_')}s"
                connection.exec_driver_sql(f"ALTER TABLE host.{relation} RENAME TO {base.partition('.')[2]}")
                connection.exec_driver_sql(f"CREATE VIEW public.{relation} AS SELECT {', '.join(columns)} FROM {base}")
        yield engine


def said(engine: Engine) -> list[str]:
    return [str(finding) for finding in check(engine) if SAID in finding.complaint]


def run_script(engine: Engine) -> str:
    with engine.connect() as connection:
        script = trigger_script(connection)
    with psycopg.connect(make_url(engine.url).set(drivername="postgresql").render_as_string(False)) as plain:
        plain.autocommit = True
        plain.execute(script)
    return script


def test_of_our_tables_nothing_is_said(ours: Engine) -> None:
    assert said(ours) == []


@pytest.mark.parametrize(
    "change",
    [
        "DROP TRIGGER routing_note_change ON routing_agent",
        "ALTER TABLE routing_agent DISABLE TRIGGER routing_note_change",
        "ALTER TABLE routing_agent ENABLE REPLICA TRIGGER routing_note_change",
        """DROP TRIGGER routing_note_change ON routing_agent;
           CREATE TRIGGER less AFTER INSERT OR DELETE OR UPDATE OF kind OR TRUNCATE ON routing_agent
           EXECUTE FUNCTION routing_note_change()""",
        """DROP TRIGGER routing_note_change ON routing_agent;
           CREATE TRIGGER less AFTER INSERT OR DELETE OR UPDATE ON routing_agent
           EXECUTE FUNCTION routing_note_change()""",
        """CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
           CREATE TRIGGER first BEFORE UPDATE ON routing_agent FOR EACH ROW EXECUTE FUNCTION f()""",
        "CREATE TABLE child () INHERITS (routing_agent)",
    ],
)
def test_a_table_whose_changes_do_not_wait_is_named_and_the_script_mends_it(ours: Engine, change: str) -> None:
    with ours.begin() as connection:
        connection.exec_driver_sql(change)
    [complaint] = said(ours)
    assert complaint.startswith("notice: routing_agent: changes of ")
    assert "neo-routing db triggers" in complaint
    run_script(ours)
    assert said(ours) == []


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("UPDATE OF id", "transition tables cannot be specified for triggers with column lists"),
        ("INSERT OR UPDATE", "transition tables cannot be specified for triggers with more than one event"),
        ("TRUNCATE", "TRUNCATE triggers with transition tables are not supported"),
    ],
)
def test_such_a_trigger_could_not_log_what_has_changed_too(ours: Engine, event: str, said: str) -> None:
    """The change log wants rows as they were and as they are: so its triggers stand beside these (ADR 8)."""
    trigger = f"CREATE TRIGGER two_in_one AFTER {event} ON routing_agent REFERENCING NEW TABLE AS after"
    with pytest.raises(DBAPIError, match=said), ours.begin() as connection:
        connection.exec_driver_sql(f"{trigger} FOR EACH STATEMENT EXECUTE FUNCTION routing_note_change()")


@pytest.mark.parametrize("change", ["DROP TABLE routing_revision", "DROP FUNCTION routing_keep_sessions_out CASCADE"])
def test_tables_that_note_what_nobody_reads_are_told_of(ours: Engine, change: str) -> None:
    with ours.begin() as connection:
        connection.exec_driver_sql(change)
    [complaint] = said(ours)
    assert complaint.startswith("notice: routing_revision: changes do not wait")
    run_script(ours)
    assert said(ours) == []


def test_beneath_views_the_tables_are_named_and_the_script_mends_that(hosts: Engine) -> None:
    [complaint] = said(hosts)
    assert complaint.startswith("notice: routing_revision")
    script = run_script(hosts)
    assert "UPDATE OF" not in script
    assert said(hosts) == []
    with hosts.begin() as connection:
        connection.exec_driver_sql("INSERT INTO host.tenants VALUES ('msp-a', '')")
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        held = "SELECT mode FROM pg_locks WHERE locktype = 'advisory' AND objid = 'public'::regnamespace"
        assert connection.exec_driver_sql(held).all() == [("ExclusiveLock",)]


def test_what_no_trigger_tells_of_is_said_even_after_the_script(hosts: Engine) -> None:
    with hosts.begin() as connection:
        connection.exec_driver_sql("CREATE MATERIALIZED VIEW host.stored AS SELECT * FROM host.tenants")
        connection.exec_driver_sql("CREATE OR REPLACE VIEW routing_tenant AS SELECT id, name FROM host.stored")
        connection.exec_driver_sql(
            "CREATE FUNCTION host.named(text) RETURNS text LANGUAGE sql STABLE AS"
            " 'SELECT max(name) FROM host.tenants WHERE id = $1'"
        )
        connection.exec_driver_sql(
            "CREATE OR REPLACE VIEW routing_end_company AS"
            " SELECT id, tenant_id, host.named(tenant_id) AS name FROM host.end_companys"
        )
    script = run_script(hosts)
    assert "-- the materialized view host.stored is refreshed without waiting for sessions" in script
    told = said(hosts)
    assert [line.partition(", so")[0] for line in told] == [
        "notice: routing_end_company: what the function host.named(text) reads may change without waiting for sessions",
        "notice: routing_tenant: the materialized view host.stored is refreshed without waiting for sessions",
    ]


def test_a_partition_has_triggers_of_its_own(hosts: Engine) -> None:
    with hosts.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE host.parts (LIKE host.tenants) PARTITION BY LIST (id)")
        connection.exec_driver_sql("CREATE TABLE host.part PARTITION OF host.parts DEFAULT")
        connection.exec_driver_sql("CREATE OR REPLACE VIEW routing_tenant AS SELECT id, name FROM host.parts")
    script = run_script(hosts)
    assert "ON host.parts " in script
    assert "ON host.part " in script


def test_a_role_that_reads_by_views_alone_may_check(hosts: Engine, database_url: str) -> None:
    run_script(hosts)
    role = "neo_routing_reads_by_views"
    try:
        with hosts.begin() as connection:
            connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
            for relation in RELATIONS:
                connection.exec_driver_sql(f"GRANT SELECT ON {relation} TO {role}")
        with engine_at(make_url(database_url).set(username=role)) as engine:
            assert said(engine) == []
    finally:
        with hosts.begin() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {role}")
            connection.exec_driver_sql(f"DROP ROLE {role}")


def test_on_sqlite_nothing_is_said_and_there_is_no_script(sqlite_url: str) -> None:
    with upgraded(sqlite_url) as engine:
        assert said(engine) == []
        with engine.connect() as connection, pytest.raises(NoTriggersThere):
            trigger_script(connection)


def test_it_is_a_notice_and_makes_no_decision_wrong(hosts: Engine) -> None:
    assert {finding.severity for finding in check(hosts)} == {Severity.NOTICE}
