"""The tables: made step by step as they are described, all or nothing, and they hold what the model holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, Engine, insert, inspect
from sqlalchemy.exc import OperationalError, StatementError

from neo_routing.normal_forms import normal_bot_id, normal_m365_tenant_id
from neo_routing.well_formed import bot_id, identifier, m365_tenant_id
from neo_routing.well_formed import text as well_formed_text
from neo_routing_adapters.sql.directory_lock import REVISION
from neo_routing_adapters.sql.schema import channels, installations, metadata, tenants
from neo_routing_adapters.sql.tables import our_tables, transactions
from neo_routing_adapters.sql.tables import upgrade as upgrade_module
from neo_routing_adapters.sql.tables.clashes import GUARDS
from neo_routing_adapters.sql.tables.guards import guard
from neo_routing_adapters.sql.tables.our_tables import VERSION_TABLE, UnknownSchemaVersion
from neo_routing_adapters.sql.tables.stored_rows import channel_row
from neo_routing_adapters.sql.tables.upgrade import RelationsInTheWay, upgrade
from tests.programs.databases.administered import CHANNEL, engine_at, upgraded
from tests.programs.databases.old_tables import catalogue


@pytest.fixture
def engine(any_database_url: str) -> Iterator[Engine]:
    with engine_at(any_database_url) as engine:
        yield engine


def test_migrations_make_what_the_schema_describes_to_the_letter(engine: Engine) -> None:
    upgrade(engine)
    migrated = catalogue(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert migrated == catalogue(engine)
    assert any("CHECK" in line for row in migrated for line in row)


@pytest.mark.parametrize("guarded", [False, True])
def test_alembic_sees_no_difference(engine: Engine, guarded: bool) -> None:
    upgrade(engine)
    if guarded:
        guard(engine)
    options = {
        "version_table": VERSION_TABLE,
        "compare_type": True,
        "include_name": lambda name, sort, _: not (sort == "index" and name in GUARDS) and name != REVISION,
    }
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


@pytest.mark.parametrize("isolation_level", ["SERIALIZABLE", "AUTOCOMMIT"])
def test_an_upgrade_that_fails_leaves_nothing(
    any_database_url: str, monkeypatch: pytest.MonkeyPatch, isolation_level: str
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with engine_at(any_database_url, isolation_level=isolation_level) as engine:
        with monkeypatch.context() as patch:
            patch.setattr("alembic.operations.Operations.create_index", fail)
            with pytest.raises(ZeroDivisionError):
                upgrade(engine)
        assert inspect(engine).get_table_names() == []
        assert upgrade(engine) == upgrade(engine) == "0003"
        with engine.connect() as connection:
            assert connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").all() == [("0003",)]


def test_an_upgrade_on_a_connection_is_the_callers_to_commit(engine: Engine) -> None:
    with engine.connect() as connection:
        upgrade(connection)
        assert inspect(connection).has_table("routing_channel")
    assert inspect(engine).get_table_names() == []


def test_several_upgrades_at_a_time_are_as_good_as_one(engine: Engine) -> None:
    start, versions = threading.Barrier(4), []

    def run() -> None:
        start.wait()
        versions.append(upgrade(engine))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert versions == ["0003"] * 4


def test_an_upgrade_waits_for_a_lock_no_longer_than_it_may(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "LONGEST_WAIT", 0.05)
    with engine_at(database_url) as engine, engine.begin() as busy:
        busy.exec_driver_sql(f"SELECT pg_advisory_xact_lock({upgrade_module._ONLY_ONE_UPGRADE})")
        with pytest.raises(OperationalError, match="lock timeout"):
            upgrade(engine)


def test_tables_of_a_newer_library_are_left_alone(engine: Engine) -> None:
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(UnknownSchemaVersion, match="the tables are of version 9999, which"):
        upgrade(engine)


@pytest.mark.parametrize("sort", ["TABLE routing_agent (id integer)", "VIEW routing_agent AS SELECT 1 AS id"])
def test_relations_that_no_upgrade_has_made_are_left_alone(engine: Engine, sort: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE {sort}")
    with pytest.raises(
        RelationsInTheWay,
        match="not in the form of any version of our tables: routing_agent;",
    ):
        upgrade(engine)
    inspector = inspect(engine)
    assert {*inspector.get_table_names(), *inspector.get_view_names()} == {"routing_agent"}


def test_relations_elsewhere_on_the_search_path_are_not_hidden(database_url: str) -> None:
    with engine_at(database_url, connect_args={"options": "-c search_path=host,public"}) as engine:
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE SCHEMA host")
            connection.exec_driver_sql("CREATE VIEW public.routing_agent AS SELECT 1 AS id")
        with pytest.raises(RelationsInTheWay):
            upgrade(engine)


def test_every_migration_is_known_by_the_name_of_its_file() -> None:
    scripts = ScriptDirectory(our_tables.MIGRATIONS).walk_revisions()
    assert our_tables._versions() == {script.revision for script in scripts}


def is_kept(convert: Any, value: str) -> bool:
    try:
        return bool(convert(value) == value)
    except ValueError:
        return False


FRAGMENTS = st.sampled_from(
    [
        "28:",
        "28:OrgId:",
        "orgid:",
        ".",
        "_",
        "0",
        "g",
        "z",
        "{",
        "}",
        " ",
        "\t",
        "\xa0",
        "\u3000",
        "\u200b",
        "\x85",
        "\x1c",
        "\0",
        "A",
        "É",
        "a",
        "é",
        "ß",
        "-",
        "%",
        "'",
        "\\",
        "😀",
        "",
    ]
)
GUID = "6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e"
PICKED = [
    GUID,
    GUID.upper(),
    GUID.replace("-", ""),
    f"{{{GUID}}}",
    GUID.replace("-", "", 1),
    "f" * 32,
    "g" * 32,
    "f" * 33,
    f"-{GUID}",
    f"{GUID}-",
    GUID.replace("-", "", 2) + "--",
    GUID.replace("-", "."),
    f"{GUID[:7]}-{GUID[7]}{GUID[9:]}",
    f"{GUID[:13]}{GUID[14:18]}--{GUID[19:]}",
    f"{GUID[:18]}{GUID[19:23]}-{GUID[23:]}",
    f"{GUID[:23]}{GUID[24]}-{GUID[25:]}",
    "-".join("f" * 32),
    "---",
    "-" * 256,
    "-" * 257,
    "",
    "contoso.example",
    "xn--contos-8wa.example",
    "a_b",
    "a:b",
    "a\0b",
]
WORDS = st.one_of(
    st.text(max_size=8),
    st.lists(FRAGMENTS, max_size=6).map("".join),
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-._", max_size=12),
    st.text("0123456789abcdef-", min_size=32, max_size=40),
    st.sampled_from(PICKED),
    st.tuples(st.sampled_from(["a", "é", "😀"]), st.integers(254, 258)).map(lambda pair: pair[0] * pair[1]),
)
SPELLINGS = st.one_of(WORDS, st.tuples(FRAGMENTS, WORDS, FRAGMENTS).map("".join))
COLUMNS = [
    (tenants.c.id, identifier),
    (tenants.c.name, well_formed_text),
    (channels.c.bot_id, bot_id),
    (installations.c.m365_tenant_id, m365_tenant_id),
]


def is_accepted(engine: Engine, column: Column[Any], value: Any) -> bool:
    """Insert a row with this value, and take it back."""
    others = {
        tenants: {"id": "t", "name": "T"},
        channels: dict(zip(channels.c.keys(), channel_row(CHANNEL), strict=True)),
        installations: {"channel_id": "ch-1", "bot_id": "bot", "status": "ACTIVE", "white_label": True},
    }
    with engine.connect() as connection:
        try:
            connection.execute(insert(column.table).values({**others[column.table], column.name: value}))
        except (StatementError, ValueError, OverflowError):
            return False
        return True


@pytest.mark.parametrize(("column", "convert"), COLUMNS, ids=[str(column) for column, _ in COLUMNS])
def test_a_column_accepts_what_the_model_would_not_change_and_nothing_else(
    any_database_url: str, column: Column[Any], convert: Any
) -> None:
    with upgraded(any_database_url) as engine:
        with engine.begin() as connection:
            connection.execute(insert(tenants).values(id="msp-a", name="A"))
            if column.table is installations:
                connection.execute(insert(channels).values(channel_row(CHANNEL)))

        @settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
        @given(SPELLINGS | SPELLINGS.map(normal_bot_id) | SPELLINGS.map(normal_m365_tenant_id))
        def agrees(value: str) -> None:
            assert is_accepted(engine, column, value) == is_kept(convert, value)

        for value in PICKED:
            assert is_accepted(engine, column, value) == is_kept(convert, value), value
        agrees()


@pytest.mark.parametrize(
    ("changes", "accepted"),
    [
        ({}, True),
        ({"agent_id": 0}, False),
        ({"agent_id": 2**63 - 1}, True),
        ({"agent_id": 2**63}, False),
        ({"agent_id": None}, False),
        ({"status": "PAUSED"}, False),
        ({"white_label": 7}, False),
        ({"white_label": None}, False),
        ({"show_agent_progress_steps": None}, True),
        ({"tenant_id": "msp-z"}, False),
    ],
    ids=str,
)
def test_what_no_channel_may_be_is_refused(any_database_url: str, changes: dict[str, Any], accepted: bool) -> None:
    with upgraded(any_database_url) as engine:
        with engine.begin() as connection:
            connection.execute(insert(tenants).values(id="msp-a", name="A"))
        values = {**dict(zip(channels.c.keys(), channel_row(CHANNEL), strict=True)), **changes}
        with engine.connect() as connection:
            try:
                connection.execute(insert(channels).values(values))
            except (StatementError, OverflowError):
                assert not accepted
            else:
                assert accepted
