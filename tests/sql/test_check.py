"""The check finds each fault that is planted, in our tables and in a host's views, and nothing where nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from attrs import evolve
from hypothesis import given, settings
from sqlalchemy import Engine, inspect

from neo_routing import AgentKind, ChannelStatus
from neo_routing.testing import World, directories
from neo_routing_adapters.sql.schema import RELATIONS, metadata
from neo_routing_adapters.sql.tables.check import Severity, check
from neo_routing_adapters.sql.tables.directory_import import import_directory
from neo_routing_adapters.sql.tables.guards import guard
from neo_routing_adapters.sql.tables.our_tables import VERSION_TABLE
from neo_routing_adapters.sql.tables.upgrade import upgrade
from tests.programs.databases.administered import AGENT, CHANNEL, COMPANY, TENANTS, engine_at, upgraded
from tests.programs.databases.old_tables import make_old_tables
from tests.programs.databases.stored import store
from tests.sql.test_guards import CLASHING

LINKED = evolve(COMPANY, m365_tenant_ids=CHANNEL.installed_m365_tenant_ids)
SUPPORT = evolve(AGENT, id=13, tenant_id="msp-b")
WORLD = World(TENANTS, (AGENT, SUPPORT), (CHANNEL,), (LINKED,))
"""A directory in which no rule refuses."""


@pytest.fixture
def engine(any_database_url: str) -> Iterator[Engine]:
    with upgraded(any_database_url) as engine:
        store(engine, WORLD)
        yield engine


def found(engine: Engine) -> list[str]:
    """Return what is found; of changes that do not wait for sessions, `test_watched_tables.py` tells."""
    return [str(finding) for finding in check(engine) if "a session may be kept" not in finding.complaint]


def run(engine: Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def put_a_view(engine: Engine, relation: str, **columns: str) -> None:
    """Let a view deliver the relation from its table, with some columns otherwise; "" leaves one out."""
    delivered = {name: name for name in RELATIONS[relation]} | columns
    listed = ", ".join(f"{value} AS {name}" for name, value in delivered.items() if value)
    run(
        engine,
        f"ALTER TABLE {relation} RENAME TO host_{relation}",
        f"CREATE VIEW {relation} AS SELECT {listed} FROM host_{relation}",
    )


@contextmanager
def instead(engine: Engine, relation: str, query: str) -> Iterator[None]:
    """Let a view on the table, which is called host meanwhile, deliver the relation."""
    run(engine, f"ALTER TABLE {relation} RENAME TO host", f"CREATE VIEW {relation} AS {query}")
    yield
    run(engine, f"DROP VIEW {relation}", f"ALTER TABLE host RENAME TO {relation}")


def changed(relation: str, column: str, value: str) -> str:
    sort = {int: "bigint", bool: "boolean", str: "text"}[metadata.tables[relation].c[column].type.python_type]
    listed = (f"CAST({value} AS {sort}) AS {name}" if name == column else name for name in RELATIONS[relation])
    return f"SELECT {', '.join(listed)} FROM host"


def test_nothing_is_found_in_an_empty_database_of_ours(any_database_url: str) -> None:
    with upgraded(any_database_url) as engine:
        assert found(engine) == []


def test_any_directory_that_was_imported_is_free_of_errors(any_database_url: str) -> None:
    with upgraded(any_database_url) as engine:

        @settings(max_examples=10)
        @given(directories())
        def holds(world: World) -> None:
            import_directory(engine, world.content, allow_removals=True)
            assert [finding for finding in check(engine) if finding.severity is Severity.ERROR] == []

        holds()


def test_guards_and_statistics_make_no_difference(engine: Engine) -> None:
    guard(engine)
    run(engine, "ANALYZE")
    assert found(engine) == []


def test_views_that_deliver_everything_are_as_good_as_tables(engine: Engine) -> None:
    for relation in RELATIONS:
        put_a_view(engine, relation)
    assert found(engine) == []


def test_tables_of_a_newer_library_are_an_error(engine: Engine) -> None:
    run(engine, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    told = "the tables are of version 9999, which this version of neo_routing does not know"
    assert found(engine) == [f"error: {VERSION_TABLE}: {told}"]


def test_a_relation_that_is_missing_is_named(engine: Engine) -> None:
    for relation in RELATIONS:
        run(engine, f"ALTER TABLE {relation} RENAME TO elsewhere")
        assert found(engine) == [f"error: {relation}: is missing"]
        run(engine, f"ALTER TABLE elsewhere RENAME TO {relation}")


def test_all_columns_that_are_missing_are_named(engine: Engine) -> None:
    put_a_view(engine, "routing_channel", bot_id="", status="")
    put_a_view(engine, "routing_tenant", name="")
    assert found(engine) == [
        "error: routing_tenant: column name is missing",
        "error: routing_channel: column bot_id is missing",
        "error: routing_channel: column status is missing",
    ]


MISFITS = [
    ("routing_tenant", "id", "gen_random_uuid()", "uuid, which cannot be used as text; cast it in the view"),
    ("routing_tenant", "id", "id::char(9)", "character, which is padded with blanks; cast it to text in the view"),
    ("routing_tenant", "id", "id::padded", "character, which is padded with blanks; cast it to text in the view"),
    ("routing_tenant", "id", "id::more_padded", "character, which is padded with blanks; cast it to text in the view"),
    ("routing_agent", "id", "id::text", "text, which cannot be used as bigint; cast it in the view"),
    ("routing_agent", "id", "id::numeric", "numeric, which cannot be used as bigint; cast it in the view"),
    ("routing_agent", "kind", "kind::char(20)", "character, which is padded with blanks; cast it to text in the view"),
    ("routing_agent", "managed_key", "id", "bigint, which cannot be used as text; cast it in the view"),
    ("routing_channel", "agent_id", "agent_id::real", "real, which cannot be used as bigint; cast it in the view"),
    (
        "routing_channel",
        "white_label",
        "white_label::int::smallint",
        "smallint, which cannot be used as boolean; compare it in the view, as in white_label <> 0",
    ),
    (
        "routing_channel",
        "show_agent_progress_steps",
        "'yes'::text",
        "text, which cannot be used as boolean; compare it in the view, as in show_agent_progress_steps <> 0",
    ),
    (
        "routing_end_company",
        "tenant_id",
        "ARRAY[tenant_id]",
        "text[], which cannot be used as text; cast it in the view",
    ),
]


@pytest.mark.parametrize(("relation", "column", "value", "told"), MISFITS)
def test_a_column_of_a_type_that_the_statements_cannot_use_is_named(
    database_url: str, relation: str, column: str, value: str, told: str
) -> None:
    with upgraded(database_url) as engine:
        run(engine, "CREATE DOMAIN padded AS char(9)", "CREATE DOMAIN more_padded AS padded")
        put_a_view(engine, relation, **{column: value})
        assert found(engine) == [f"error: {relation}: column {column} is of type {told}"]


@pytest.mark.parametrize("sort", ["varchar(256)", "char(5)"])
def test_other_types_of_text_and_numbers_are_fine(database_url: str, sort: str) -> None:
    with upgraded(database_url) as engine:
        store(engine, WORLD)
        put_a_view(engine, "routing_tenant", name=f"name::{sort}")
        put_a_view(engine, "routing_channel", agent_id="agent_id::int", status="status::varchar(20)")
        assert found(engine) == []


@pytest.fixture
def role(database_url: str) -> Iterator[str]:
    """A role that may read all relations, and may lose the right to."""
    with upgraded(database_url) as engine:
        role = f"reader_{uuid4().hex}"
        run(engine, f"CREATE ROLE {role}", *(f"GRANT SELECT ON {relation} TO {role}" for relation in RELATIONS))
        yield role
        run(engine, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def found_by(role: str, url: str) -> list[str]:
    with engine_at(url, connect_args={"options": f"-c role={role}"}) as engine:
        return found(engine)


def test_what_a_role_may_not_read_is_said_once_and_not_called_a_type(database_url: str, role: str) -> None:
    assert found_by(role, database_url) == []
    with engine_at(database_url) as engine:
        run(engine, f"REVOKE SELECT ON routing_agent FROM {role}")
    told = "error: routing_agent: this role may not read it: permission denied for table routing_agent"
    assert found_by(role, database_url) == [told]


def test_what_the_owner_of_a_view_may_not_read_is_named_with_the_table_behind(database_url: str, role: str) -> None:
    with engine_at(database_url) as engine:
        put_a_view(engine, "routing_tenant")
        run(
            engine,
            f"REVOKE SELECT ON host_routing_tenant FROM {role}",
            f"ALTER VIEW routing_tenant OWNER TO {role}",
        )
        told = "error: routing_tenant: this role may not read it: permission denied for table host_routing_tenant"
        assert found(engine) == [told]


def test_a_column_that_fails_for_another_reason_is_named_with_that(database_url: str) -> None:
    with upgraded(database_url) as engine:
        body = "$$BEGIN RETURN (SELECT name FROM nowhere); END$$"
        run(engine, f"CREATE FUNCTION lost() RETURNS text IMMUTABLE LANGUAGE plpgsql AS {body}")
        put_a_view(engine, "routing_tenant", name="lost()")
        told = 'error: routing_tenant: column name cannot be read: relation "nowhere" does not exist'
        assert found(engine) == [told]


ROW_FAULTS = [
    ("routing_tenant", "name", "NULL", "routing_tenant msp-a: name must not be null"),
    ("routing_agent", "id", "0", "routing_agent 0: id must be from 1 to 2^63 - 1, and is 0"),
    (
        "routing_agent",
        "kind",
        "'TALKING'",
        "routing_agent 12: kind must be CONVERSATIONAL or TRIGGERED, and is 'TALKING'",
    ),
    ("routing_agent", "managed_key", "'NEO'", "routing_agent 12: managed_key must be NEO_SUPPORT, and is 'NEO'"),
    ("routing_agent", "kind", "NULL", "routing_agent 12: kind must not be null"),
    (
        "routing_channel",
        "bot_id",
        "'urn:uuid:1'",
        (
            "routing_channel ch-1: bot_id must be a GUID, or a name of ASCII letters, digits, hyphens, dots and "
            "underscores, and is 'urn:uuid:1'"
        ),
    ),
    (
        "routing_channel",
        "bot_id",
        "'28:gcch-global:bot'",
        "routing_channel ch-1: bot_id '28:gcch-global:bot' is not in normal form, which is 'bot'",
    ),
    (
        "routing_channel",
        "bot_id",
        "'28:{BOT}'",
        "routing_channel ch-1: bot_id '28:{BOT}' is not in normal form, which is 'bot'",
    ),
    ("routing_channel", "bot_id", "' '", "routing_channel ch-1: bot_id must not be blank, and is ' '"),
    ("routing_channel", "agent_id", "-1", "routing_channel ch-1: agent_id must be from 1 to 2^63 - 1, and is -1"),
    (
        "routing_channel",
        "status",
        "'active'",
        "routing_channel ch-1: status must be ACTIVE or DISCONNECTED, and is 'active'",
    ),
    ("routing_channel", "white_label", "NULL", "routing_channel ch-1: white_label must not be null"),
    (
        "routing_channel_installation",
        "m365_tenant_id",
        "upper(m365_tenant_id)",
        "routing_channel_installation ch-1, M-1: m365_tenant_id 'M-1' is not in normal form, which is 'm-1'",
    ),
    ("routing_end_company", "id", "' '", "routing_end_company  : id must not be blank, and is ' '"),
    (
        "routing_end_company",
        "name",
        f"'{'x' * 257}'",
        f"routing_end_company co-1: name must be at most 256 characters long, and is '{'x' * 60}'…",
    ),
    (
        "routing_end_company_link",
        "m365_tenant_id",
        "'{m-1}'",
        "routing_end_company_link co-1, {m-1}: m365_tenant_id '{m-1}' is not in normal form, which is 'm-1'",
    ),
]


def test_a_value_that_is_not_well_formed_is_named_with_its_row(engine: Engine) -> None:
    for relation, column, value, told in ROW_FAULTS:
        with instead(engine, relation, changed(relation, column, value)):
            assert f"error: {told}" in found(engine)


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("white_label", "7", "white_label must be true or false, and is 7"),
        ("white_label", "'yes'", "white_label must be true or false, and is 'yes'"),
        ("bot_id", "'b' || char(0)", r"bot_id must be valid Unicode without NUL or lone surrogates, and is 'b\x00'"),
        ("agent_id", "'12'", "agent_id must be an integer, and is '12'"),
        ("agent_id", "12.0", "agent_id must be an integer, and is 12.0"),
    ],
)
def test_what_only_sqlite_can_hold_is_named_too(sqlite_url: str, column: str, value: str, told: str) -> None:
    with upgraded(sqlite_url) as engine:
        store(engine, WORLD)
        put_a_view(engine, "routing_channel", **{column: value})
        assert f"error: routing_channel ch-1: {told}" in found(engine)


def test_an_id_that_is_there_twice_is_named(engine: Engine) -> None:
    for relation in RELATIONS:
        with instead(engine, relation, "SELECT * FROM host UNION ALL SELECT * FROM host"):
            twice = [line for line in found(engine) if "is there 2 times" in line]
        assert twice and all(line.startswith(f"error: {relation} ") for line in twice)


ORPHANS = [
    ("routing_agent", "tenant_id", "routing_agent 12: there is no tenant 'gone'"),
    ("routing_channel", "tenant_id", "routing_channel ch-1: there is no tenant 'gone'"),
    ("routing_end_company", "tenant_id", "routing_end_company co-1: there is no tenant 'gone'"),
    (
        "routing_channel_installation",
        "channel_id",
        "routing_channel_installation gone, m-2: there is no channel 'gone'",
    ),
    (
        "routing_end_company_link",
        "end_company_id",
        "routing_end_company_link gone, m-1: there is no end-company 'gone'",
    ),
]


def test_an_orphan_is_named(engine: Engine) -> None:
    for relation, column, told in ORPHANS:
        with instead(engine, relation, changed(relation, column, "'gone'")):
            assert f"error: {told}" in found(engine)


REFUSED = {
    "a channel's agent is gone": (
        {"agents": (SUPPORT, evolve(AGENT, id=14))},
        ["routing_channel ch-1: its tenant 'msp-a' has no agent 12"],
    ),
    "a channel's agent is another tenant's": (
        {"agents": (evolve(SUPPORT, id=12), evolve(AGENT, id=14))},
        ["routing_channel ch-1: its tenant 'msp-a' has no agent 12"],
    ),
    "a channel's agent is triggered, and its tenant's Neo Support": (
        {"agents": (evolve(AGENT, kind=AgentKind.TRIGGERED), SUPPORT)},
        [
            "routing_channel ch-1: its tenant 'msp-a' has no conversational agent 12: that one is triggered",
            "routing_agent 12: it is the Neo Support of 'msp-a', and triggered",
        ],
    ),
    "a tenant has no Neo Support": (
        {"agents": (AGENT, evolve(SUPPORT, managed_key=None))},
        ["routing_tenant msp-b: it has no Neo Support"],
    ),
    "an installation has no company": (
        {"end_companies": (COMPANY,)},
        ["routing_channel_installation ch-1, m-2: its owner 'msp-a' has linked no end-company to this M365 tenant"],
    ),
    "an installation has another owner's company": (
        {"end_companies": (COMPANY, evolve(LINKED, id="co-2", tenant_id="msp-b"))},
        ["routing_channel_installation ch-1, m-2: its owner 'msp-a' has linked no end-company to this M365 tenant"],
    ),
    "an installation has several companies": (
        {"end_companies": (LINKED, evolve(COMPANY, id="co-2"))},
        [
            (
                "routing_channel_installation ch-1, m-1: "
                "its owner 'msp-a' has linked several end-companies to this M365 tenant"
            ),
            (
                "routing_end_company co-1, co-2: several end-companies of one tenant are linked to the same "
                "M365 tenant: tenant_id 'msp-a', m365_tenant_id 'm-1'"
            ),
        ],
    ),
    "a standard channel is installed": (
        {"channels": (evolve(CHANNEL, white_label=False),), "end_companies": ()},
        [
            (
                f"routing_channel_installation ch-1, m-{n}: it does not count, because the channel of 'msp-a' is a "
                "standard one"
            )
            for n in (1, 2)
        ],
    ),
    "a paused channel is installed without a company": (
        {"channels": (evolve(CHANNEL, status=ChannelStatus.DISCONNECTED),), "end_companies": ()},
        [],
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_a_rule_will_refuse_or_pass_over_is_worth_a_notice(engine: Engine, why: str) -> None:
    changes, told = REFUSED[why]
    store(engine, evolve(WORLD, **changes))
    assert found(engine) == [f"notice: {line}" for line in told]


def test_a_clash_is_worth_a_notice(engine: Engine) -> None:
    for world, told in CLASHING.values():
        store(engine, world)
        assert f"notice: {told}" in found(engine)
        assert not [line for line in found(engine) if line.startswith("error")]


INDEXES = {
    "ix_routing_agent_tenant_id_managed_key": ("routing_agent", "tenant_id and managed_key"),
    "ix_routing_channel_tenant_id_bot_id": ("routing_channel", "tenant_id and bot_id"),
    "ix_routing_channel_bot_id_white_label": ("routing_channel", "bot_id and white_label"),
    "ix_routing_channel_installation_m365_tenant_id_channel_id": ("routing_channel_installation", "m365_tenant_id"),
    "ix_routing_end_company_link_m365_tenant_id_end_company_id": ("routing_end_company_link", "m365_tenant_id"),
}


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("behind_views", [False, True])
def test_an_index_that_is_missing_is_found_by_the_plan(engine: Engine, index: str, behind_views: bool) -> None:
    relation, key = INDEXES[index]
    run(engine, f"DROP INDEX {index}", "ANALYZE")
    if behind_views:
        put_a_view(engine, relation)
    told = f"error: {relation}: no index serves a look-up by {key}: it reads all of "
    assert [line.removesuffix(line.split()[-1]) for line in found(engine)] == [told]
    assert {relation, f"host_{relation}"} >= {line.split()[-1] for line in found(engine)}


def partly_indexed(engine: Engine, index: str, *more: str) -> str:
    """Let an index have the rows alone that are not deleted, beside more indexes; return whose columns these are."""
    relation, _ = INDEXES[index]
    [columns] = [", ".join(one.columns.keys()) for one in metadata.tables[relation].indexes if one.name == index]
    run(
        engine,
        f"DROP INDEX {index}",
        f"ALTER TABLE {relation} RENAME TO host",
        "ALTER TABLE host ADD COLUMN deleted_at text",
        f"CREATE INDEX {index} ON host ({columns}) WHERE deleted_at IS NULL",
        *(f"CREATE INDEX ON host ({key}, {columns})" for key in more),
        f"CREATE VIEW {relation} AS SELECT * FROM host WHERE deleted_at IS NULL",
        "ANALYZE",
    )
    return relation


@pytest.mark.parametrize("index", INDEXES)
def test_an_index_of_some_rows_serves_a_view_of_these_and_no_other(engine: Engine, index: str) -> None:
    relation = partly_indexed(engine, index)
    assert found(engine) == []
    run(engine, f"DROP VIEW {relation}", f"CREATE VIEW {relation} AS SELECT * FROM host")
    assert found(engine) == [
        f"error: {relation}: no index serves a look-up by {INDEXES[index][1]}: it reads all of host"
    ]


@pytest.mark.parametrize("where", ["", " WHERE deleted_at IS NOT NULL", " WHERE deleted_at IS NULL OR tenant_id > ''"])
def test_an_index_of_other_rows_does_not_serve(database_url: str, where: str) -> None:
    with upgraded(database_url) as engine:
        relation = partly_indexed(engine, "ix_routing_agent_tenant_id_managed_key")
        run(engine, f"DROP VIEW {relation}", f"CREATE VIEW {relation} AS SELECT * FROM host{where}")
        assert [line for line in found(engine) if "tenant_id and managed_key: it reads all of host" in line]


def test_an_index_of_some_rows_serves_even_if_a_planner_takes_another_for_a_small_table(database_url: str) -> None:
    with upgraded(database_url) as engine:
        store(engine, WORLD)
        partly_indexed(
            engine, "ix_routing_end_company_link_m365_tenant_id_end_company_id", "deleted_at", "upper(tenant_id)"
        )
        assert found(engine) == []


KEYS = {"varchar(36)": "slug", "slug": "slug", "char(36)": "slug::text"}


@pytest.mark.parametrize("sort", KEYS)
def test_a_key_of_another_type_of_text_is_served_by_its_index_if_compared_as_it_is(
    database_url: str, sort: str
) -> None:
    with upgraded(database_url) as engine:
        run(
            engine,
            "CREATE DOMAIN slug AS varchar(36)",
            f"CREATE TABLE host (slug {sort} PRIMARY KEY, name text)",
            "DROP TABLE routing_tenant CASCADE",
            f"CREATE VIEW routing_tenant AS SELECT {KEYS[sort]} AS id, name FROM host",
        )
        told = "error: routing_tenant: no index serves a look-up by id: it reads all of host"
        assert found(engine) == ([told] if sort == "char(36)" else [])
        run(engine, "CREATE INDEX ON host ((slug::text))")
        assert found(engine) == []


def test_an_index_of_a_table_of_the_same_name_elsewhere_does_not_serve(database_url: str) -> None:
    with upgraded(database_url) as engine:
        index = "ix_routing_channel_tenant_id_bot_id"
        run(
            engine,
            "CREATE SCHEMA elsewhere",
            "CREATE TABLE elsewhere.routing_channel (LIKE routing_channel INCLUDING ALL)",
            f"DROP INDEX {index}",
        )
        told = "no index serves a look-up by tenant_id and bot_id: it reads all of routing_channel"
        assert found(engine) == [f"error: routing_channel: {told}"]


def test_a_view_that_computes_a_key_is_found_by_the_plan(engine: Engine) -> None:
    put_a_view(engine, "routing_channel", bot_id="lower(bot_id)")
    assert [line for line in found(engine) if "no index serves a look-up by bot_id and white_label" in line]


def test_small_tables_give_no_false_alarm(engine: Engine) -> None:
    many = [evolve(AGENT, id=n, kind=AgentKind.TRIGGERED, managed_key=None) for n in range(100, 103)]
    store(engine, World(TENANTS, (AGENT, SUPPORT, *many), (CHANNEL,), (LINKED,)))
    run(engine, "ANALYZE")
    assert found(engine) == []


def test_progress_names_what_is_looked_at(engine: Engine) -> None:
    told: list[str] = []
    assert [*check(engine, told.append)] == []
    assert told == ["structure", *RELATIONS, "ids", "references", "refusals", "clashes"]


def test_a_check_changes_nothing(engine: Engine) -> None:
    before = inspect(engine).get_indexes("routing_channel")
    assert found(engine) == found(engine) == []
    assert inspect(engine).get_indexes("routing_channel") == before


OTHERWISE = {
    "id TEXT COLLATE NOCASE": "its collation is NOCASE; write id COLLATE BINARY in the view",
    "id TEXT COLLATE RTRIM": "its collation is RTRIM; write id COLLATE BINARY in the view",
    "id NUMERIC": "it is declared as NUMERIC; cast it to TEXT in the view",
    "id UUID": "it is declared as UUID; cast it to TEXT in the view",
    "id VARCHAR(36)": None,
    "id": None,
}


@pytest.mark.parametrize("declared", OTHERWISE)
@pytest.mark.parametrize("behind_a_view", [False, True])
def test_text_that_sqlite_compares_otherwise_than_byte_for_byte_is_named(
    sqlite_url: str, declared: str, behind_a_view: bool
) -> None:
    with upgraded(sqlite_url) as engine:
        run(engine, "DROP TABLE routing_tenant", f"CREATE TABLE routing_tenant ({declared} PRIMARY KEY, name TEXT)")
        if behind_a_view:
            put_a_view(engine, "routing_tenant")
        told = f"error: routing_tenant: column id compares otherwise than byte for byte: {OTHERWISE[declared]}"
        assert found(engine) == ([told] if OTHERWISE[declared] else [])


def test_a_view_of_sqlite_that_says_how_to_compare_is_exact(sqlite_url: str) -> None:
    with upgraded(sqlite_url) as engine:
        run(
            engine,
            "DROP TABLE routing_tenant",
            "CREATE TABLE host (id NUMERIC, name TEXT COLLATE NOCASE)",
            "CREATE INDEX exact ON host (CAST(id AS TEXT) COLLATE BINARY)",
            "CREATE VIEW routing_tenant AS SELECT CAST(id AS TEXT) COLLATE BINARY AS id, name FROM host",
        )
        assert found(engine) == []


@pytest.mark.parametrize("version", [True, False])
def test_tables_in_the_form_of_an_older_library_are_an_error(any_database_url: str, version: bool) -> None:
    with engine_at(any_database_url) as engine:
        make_old_tables(engine, version=version)
        told = "the tables are of an older version of neo_routing: run neo-routing db upgrade"
        assert found(engine) == [f"error: {VERSION_TABLE}: {told}"]
        upgrade(engine)
        assert found(engine) == []
