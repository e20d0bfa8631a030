"""The check finds whether an index serves as the server itself has it, whatever kind of index it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from neo_routing_adapters.sql.tables.check.plans import plan_findings
from neo_routing_adapters.sql.tables.transactions import reading
from tests.programs.databases.administered import upgraded
from tests.sql.test_check import found, put_a_view, run

HOST = "DROP TABLE routing_tenant CASCADE; CREATE TABLE host (slug varchar(36), name text, org int)"
NO_INDEX = "error: routing_tenant: no index serves a look-up by id: it reads all of host"


def unserved(engine: Engine) -> list[str]:
    with reading(engine) as connection:
        return [*map(str, plan_findings(connection))]


def indexed(engine: Engine, *indexes: str) -> list[str]:
    """Return what is found of plans while these indexes are there."""
    run(engine, *(f"CREATE INDEX made_{n} ON {one}" for n, one in enumerate(indexes)), "ANALYZE")
    told = unserved(engine)
    run(engine, *(f"DROP INDEX made_{n}" for n, _ in enumerate(indexes)))
    return told


SERVE = [
    ("host (slug)",),
    ("host (slug, name)",),
    ("host USING hash (slug)",),
    ("host (slug text_pattern_ops)",),
    ("host (slug) WHERE slug IS NOT NULL",),
    ("host (slug DESC)", "host (name, slug)", "host (org, slug)", "host USING brin (slug)"),
    ("host (name, slug)", "host (org, slug)", "host USING brin (slug)", "host (slug)"),
]
DO_NOT_SERVE = [
    (),
    ("host USING brin (slug)",),
    ('host (slug COLLATE "C")',),
    ("host (lower(slug))",),
    ("host (name, slug)",),
    ("host (slug) WHERE name <> ''",),
    ("host (slug text_pattern_ops) WHERE name <> ''", "host (name)"),
]


@contextmanager
def hosted(url: str, rows: int) -> Iterator[Engine]:
    """Open a database with a table of a host's below the tenants, which has no index."""
    with upgraded(url) as engine:
        run(
            engine,
            *HOST.split("; "),
            f"INSERT INTO host SELECT 'msp-' || n, 'MSP', n FROM generate_series(1, {rows}) AS n",
            "CREATE VIEW routing_tenant AS SELECT slug AS id, name FROM host",
        )
        yield engine


@pytest.mark.parametrize("rows", [0, 1, 500])
def test_an_index_serves_if_the_server_can_find_a_row_by_it(database_url: str, rows: int) -> None:
    with hosted(database_url, rows) as engine:
        for indexes in SERVE:
            assert indexed(engine, *indexes) == [], indexes


@pytest.mark.parametrize("rows", [0, 1, 500])
def test_an_index_does_not_serve_if_the_server_cannot_find_a_row_by_it(database_url: str, rows: int) -> None:
    with hosted(database_url, rows) as engine:
        assert [one for one in DO_NOT_SERVE if indexed(engine, *one) != [NO_INDEX]] == []


LAST_SERVE = ["(bot_id, white_label)", "(bot_id DESC, white_label DESC)", "(bot_id, white_label, tenant_id)"]
LAST_DO_NOT_SERVE = [
    "(bot_id)",
    "(white_label, bot_id)",
    "(bot_id, white_label DESC)",
    "USING hash (bot_id)",
    "(bot_id text_pattern_ops, white_label)",
    '(bot_id COLLATE "POSIX", white_label)',
    "(tenant_id, bot_id, white_label)",
]


def test_only_an_index_in_its_order_tells_whether_a_bot_is_known(database_url: str) -> None:
    with upgraded(database_url) as engine:
        run(engine, "DROP INDEX ix_routing_channel_bot_id_white_label")
        for index in LAST_SERVE:
            assert indexed(engine, f"routing_channel {index}") == [], index
        told = "no index serves a look-up by bot_id and white_label: it reads all of routing_channel"
        not_told = [
            one
            for one in LAST_DO_NOT_SERVE
            if f"error: routing_channel: {told}" not in indexed(engine, f"routing_channel {one}")
        ]
        assert not_told == []


def test_what_all_share_who_have_a_bot_is_no_look_up_of_one_owner(database_url: str) -> None:
    with upgraded(database_url) as engine:
        run(engine, "DROP INDEX ix_routing_channel_tenant_id_bot_id")
        told = "no index serves a look-up by tenant_id and bot_id: it reads all of routing_channel"
        assert unserved(engine) == [f"error: routing_channel: {told}"]
        assert indexed(engine, "routing_channel (bot_id, tenant_id)") == []
        assert indexed(engine, "routing_channel (tenant_id)") == []


NORMAL = "CREATE FUNCTION normal(text) RETURNS text IMMUTABLE LANGUAGE sql AS 'SELECT lower(btrim($1))'"


@pytest.mark.parametrize(
    "index",
    ["(normal(m365_tenant_id))", "(normal(m365_tenant_id), channel_id)", "USING hash (normal(m365_tenant_id))"],
)
def test_an_index_on_a_function_serves_that_the_server_writes_out(database_url: str, index: str) -> None:
    with upgraded(database_url) as engine:
        run(engine, NORMAL)
        put_a_view(engine, "routing_channel_installation", m365_tenant_id="normal(m365_tenant_id)")
        told = (
            "error: routing_channel_installation: no index serves a look-up by m365_tenant_id: "
            "it reads all of host_routing_channel_installation"
        )
        assert unserved(engine) == [told]
        assert indexed(engine, f"host_routing_channel_installation {index}") == []


VIEWS = {
    "that joins": "SELECT slug AS id, label.name FROM host JOIN label USING (org)",
    "without repetitions": "SELECT DISTINCT slug AS id, name FROM host",
    "of two tables": "SELECT slug::text AS id, name FROM host UNION ALL SELECT name, name FROM label",
    "of some": "SELECT slug AS id, name FROM host WHERE org IS NULL",
}


@pytest.mark.parametrize("view", VIEWS)
def test_an_index_serves_a_view(database_url: str, view: str) -> None:
    with upgraded(database_url) as engine:
        run(
            engine,
            *HOST.split("; "),
            "CREATE TABLE label (org int PRIMARY KEY, name text)",
            "INSERT INTO host VALUES ('msp-a', 'MSP A', 1)",
            "INSERT INTO label VALUES (1, 'msp-b')",
            f"CREATE VIEW routing_tenant AS {VIEWS[view]}",
        )
        assert unserved(engine) != []
        assert indexed(engine, "host (slug)", "label (name)") == []


def test_two_types_of_text_in_one_column_of_a_view_keep_it_from_all_indexes(database_url: str) -> None:
    with upgraded(database_url) as engine:
        run(
            engine,
            *HOST.split("; "),
            "CREATE VIEW routing_tenant AS SELECT slug AS id, name FROM host UNION ALL SELECT name, name FROM host",
        )
        assert indexed(engine, "host (slug)", "host (name)") == [NO_INDEX]


def test_each_look_up_of_a_partition_needs_its_index(database_url: str) -> None:
    with upgraded(database_url) as engine:
        run(
            engine,
            "DROP TABLE routing_tenant CASCADE",
            "CREATE TABLE routing_tenant (id text, name text) PARTITION BY RANGE (id)",
            "CREATE TABLE early PARTITION OF routing_tenant FOR VALUES FROM (MINVALUE) TO ('m')",
            "CREATE TABLE late PARTITION OF routing_tenant FOR VALUES FROM ('m') TO (MAXVALUE)",
            "CREATE INDEX ON early (id)",
        )
        assert unserved(engine) == ["error: routing_tenant: no index serves a look-up by id: it reads all of late"]
        run(engine, "CREATE INDEX ON late (id)")
        assert unserved(engine) == []


SQLITE_SERVE = ["host (slug)", "host (slug, name)", "host (slug) WHERE slug IS NOT NULL"]
SQLITE_DO_NOT_SERVE = ["host (name)", "host (name, slug)", "host (slug COLLATE NOCASE)", "host (lower(slug))"]


def test_an_index_serves_if_sqlite_can_find_a_row_by_it(sqlite_url: str) -> None:
    with upgraded(sqlite_url) as engine:
        run(
            engine,
            "DROP TABLE routing_tenant",
            "CREATE TABLE host (slug TEXT, name TEXT)",
            "CREATE VIEW routing_tenant AS SELECT slug AS id, name FROM host",
        )
        for index in SQLITE_SERVE:
            assert indexed(engine, index) == [], index
        for index in SQLITE_DO_NOT_SERVE:
            assert indexed(engine, index) == [NO_INDEX], index


@pytest.mark.parametrize("index", ["(bot_id)", "(white_label, bot_id)"])
def test_only_an_index_in_its_order_tells_sqlite_whether_a_bot_is_known(sqlite_url: str, index: str) -> None:
    with upgraded(sqlite_url) as engine:
        run(engine, "DROP INDEX ix_routing_channel_bot_id_white_label")
        assert indexed(engine, "routing_channel (bot_id, white_label)") == []
        told = "no index serves a look-up by bot_id and white_label: it reads all of routing_channel"
        assert indexed(engine, f"routing_channel {index}") == [f"error: routing_channel: {told}"]


def test_a_full_text_index_in_the_same_file_is_let_be(sqlite_url: str) -> None:
    with upgraded(sqlite_url) as engine:
        run(engine, "CREATE VIRTUAL TABLE notes USING fts5(body)", "INSERT INTO notes VALUES ('hello')")
        assert found(engine) == []
        run(
            engine,
            "DROP TABLE routing_tenant",
            "CREATE VIRTUAL TABLE names USING fts5(id, name)",
            "CREATE VIEW routing_tenant AS SELECT CAST(id AS TEXT) AS id, name FROM names",
        )
        assert unserved(engine) == ["error: routing_tenant: no index serves a look-up by id: it reads all of names"]


def test_what_a_host_brings_to_sqlite_is_asked_where_it_is(sqlite_url: str) -> None:
    with upgraded(sqlite_url) as engine:
        event.listen(
            engine,
            "connect",
            lambda connection, _: connection.create_function("folded", 1, str.casefold, deterministic=True),
        )
        engine.dispose()
        put_a_view(engine, "routing_channel_installation", m365_tenant_id="folded(m365_tenant_id)")
        assert indexed(engine, "host_routing_channel_installation (folded(m365_tenant_id), channel_id)") == []
