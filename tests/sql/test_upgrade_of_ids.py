"""An upgrade brings the ids that stand in our tables to the normal forms of version 2, all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, select, text

from neo_routing.normal_forms import is_usable, normal_bot_id, normal_m365_tenant_id
from neo_routing_adapters.command import main
from neo_routing_adapters.sql.schema import channels, installations, links, metadata
from neo_routing_adapters.sql.tables.clashes import GUARDS
from neo_routing_adapters.sql.tables.guards import GuardState, guard
from neo_routing_adapters.sql.tables.migrations import ids_brought, ids_in_the_way
from neo_routing_adapters.sql.tables.migrations.ids_brought import IdsInTheWay
from neo_routing_adapters.sql.tables.migrations.normal_forms_of_rules_2 import usable_bot_id, usable_m365_tenant_id
from neo_routing_adapters.sql.tables.migrations.rebuilt_on_sqlite import TablesInUse, UnknownForm
from neo_routing_adapters.sql.tables.our_tables import (
    VERSION_TABLE,
    OldTables,
    known_version,
    require_newest_form,
    require_our_tables,
)
from neo_routing_adapters.sql.tables.transactions import writing
from neo_routing_adapters.sql.tables.upgrade import upgrade
from neo_routing_adapters.sql.tables.writer import SqlDirectoryWriter
from tests.programs.databases.administered import engine_at, everything_in, rows_in
from tests.programs.databases.old_tables import catalogue, fill, make_old_tables

GUID = "6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e"
ODD = "6f0c-2e7a51b84d0c9a3e7d1f2b3c4d5e"
OTHER_ODD = "6f0c2e7a51b84d0c9a3e7d1f2b3c4d5-e"


@pytest.fixture
def engine(any_database_url: str) -> Iterator[Engine]:
    with engine_at(any_database_url) as engine:
        yield engine


@pytest.mark.parametrize("guarded", [False, True])
@pytest.mark.parametrize("version", [False, True])
def test_ids_are_brought_into_normal_form_and_what_becomes_the_same_is_merged(
    engine: Engine, guarded: bool, version: bool
) -> None:
    make_old_tables(engine, version=version, guarded=guarded)
    fill(
        engine,
        {"ch-1": ODD, "ch-2": f"orgid:{{{ODD.replace('6f', '60')}}}", "ch-3": "bot"},
        {"ch-1": [ODD, OTHER_ODD, GUID, "contoso.example"], "ch-2": [ODD, OTHER_ODD], "ch-3": [GUID]},
        {"co-1": [ODD, OTHER_ODD, GUID], "co-2": ["fabrikam.example"]},
    )
    told: list[str] = []
    assert upgrade(engine, tell=told.append) == "0003"
    assert {row.id: row.bot_id for row in stored(engine, channels)} == {
        "ch-1": GUID,
        "ch-2": GUID.replace("6f", "60"),
        "ch-3": "bot",
    }
    assert [row[:3] for row in rows_in(engine, installations)] == [
        ("ch-1", GUID, GUID),
        ("ch-1", "contoso.example", GUID),
        ("ch-2", GUID, GUID.replace("6f", "60")),
        ("ch-3", GUID, "bot"),
    ]
    assert [row[:2] for row in rows_in(engine, links)] == [("co-1", GUID), ("co-2", "fabrikam.example")]
    assert told[not version :] == [
        "routing_channel: 2 of bot_id changed, 0 merged with others",
        "routing_channel_installation: 1 of m365_tenant_id changed, 3 merged with others",
        "routing_end_company_link: 0 of m365_tenant_id changed, 2 merged with others",
    ]


def test_one_spelling_may_stand_in_many_rows(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids_brought, "_AT_A_TIME", 2)
    make_old_tables(engine)
    fill(engine, {f"ch-{number}": ODD for number in range(9)}, {f"ch-{number}": [ODD] for number in range(9)})
    upgrade(engine)
    assert {row.bot_id for row in stored(engine, channels)} == {GUID}
    assert [row[:3] for row in rows_in(engine, installations)] == [(f"ch-{number}", GUID, GUID) for number in range(9)]


def test_copies_follow_their_channels_where_no_foreign_key_is_enforced(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    make_old_tables(engine)
    fill(engine, {"ch-1": ODD}, {"ch-1": ["m"]})
    upgrade(engine)
    assert rows_in(engine, installations) == [("ch-1", "m", GUID, "ACTIVE", True)]
    engine.dispose()


def stored(engine: Engine, table: Any) -> list[Any]:
    with engine.connect() as connection:
        return [*connection.execute(select(table))]


@pytest.mark.parametrize("guarded", [False, True])
def test_tables_that_are_upgraded_are_those_that_are_made(engine: Engine, guarded: bool) -> None:
    make_old_tables(engine, guarded=guarded)
    fill(engine, {"ch-1": ODD}, {"ch-1": [ODD]}, {"co-1": [ODD]})
    upgrade(engine)
    upgraded = catalogue(engine)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    if guarded:
        guard(engine)
    assert upgraded == catalogue(engine)
    assert guarded == any(name in GUARDS for _, name, *_ in upgraded)


IMPATIENT: dict[str, dict[str, Any]] = {"sqlite": {"timeout": 0.2}, "postgr": {}}
SPELLED = st.sampled_from([ODD, OTHER_ODD, GUID, ODD.replace("6f", "60"), "contoso.example", "0" * 16 + "-" + "0" * 16])


def test_whatever_stands_there_is_what_the_normal_forms_say(
    any_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids_brought, "_AT_A_TIME", 2)

    @settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
    @given(
        st.lists(st.tuples(SPELLED, st.sets(SPELLED)), max_size=5),
        st.lists(st.sets(SPELLED), max_size=4),
        st.booleans(),
    )
    def holds(channel_rows: list[tuple[str, set[str]]], company_rows: list[set[str]], enforced: bool) -> None:
        with engine_at(any_database_url, connect_args=IMPATIENT[any_database_url[:6]]) as engine:
            empty(engine)
            make_old_tables(engine)
            bots = {f"ch-{number}": bot for number, (bot, _) in enumerate(channel_rows)}
            installed = {f"ch-{number}": [*ids] for number, (_, ids) in enumerate(channel_rows)}
            linked = {f"co-{number}": [*ids] for number, ids in enumerate(company_rows)}
            fill(engine, bots, installed, linked)
            with engine.begin() as connection:
                if connection.dialect.name == "sqlite" and not enforced:
                    connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
                upgrade(connection)
            assert {row.id: row.bot_id for row in stored(engine, channels)} == {
                one: normal_bot_id(bot) for one, bot in bots.items()
            }
            assert {row[:3] for row in stored(engine, installations)} == {
                (one, normal_m365_tenant_id(spelling), normal_bot_id(bots[one]))
                for one, spellings in installed.items()
                for spelling in spellings
            }
            assert {row[:2] for row in stored(engine, links)} == {
                (one, normal_m365_tenant_id(spelling)) for one, spellings in linked.items() for spelling in spellings
            }

    holds()


def empty(engine: Engine) -> None:
    with writing(engine) as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {VERSION_TABLE}")


UNUSABLE = {
    "routing_channel ch-1: bot_id '\"bot\"' cannot be an id",
    "routing_channel_installation ch-1: m365_tenant_id 'contoso\uff0eexample' cannot be an id",
    "routing_end_company_link co-1: m365_tenant_id 'm\\u200b' cannot be an id",
}


@pytest.mark.parametrize("on_a_connection", [False, True])
def test_ids_that_cannot_be_brought_are_named_and_nothing_is_changed(engine: Engine, on_a_connection: bool) -> None:
    make_old_tables(engine, version=False)
    fill(
        engine,
        {"ch-1": '"bot"', "ch-2": ODD},
        {"ch-1": ["contoso\uff0eexample"], "ch-2": [ODD]},
        {"co-1": ["m\u200b", ODD]},
    )
    before, rows = catalogue(engine), everything_in(engine)
    with (
        engine.begin() if on_a_connection else nullcontext(engine) as database,
        pytest.raises(IdsInTheWay, match="nothing was changed") as raised,
    ):
        upgrade(database)
    assert {*raised.value.lines} == UNUSABLE
    assert catalogue(engine) == before
    assert everything_in(engine) == rows
    with engine.connect() as connection:
        assert known_version(connection) is None


def test_of_very_many_the_first_are_named_and_the_others_counted(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ids_brought, "_MOST_NAMED", 3)
    make_old_tables(engine)
    fill(engine, {"ch-1": "a b"}, {"ch-1": [f"m {number:04}" for number in range(1_200)]})
    with pytest.raises(IdsInTheWay) as raised:
        upgrade(engine)
    assert raised.value.count == 1_201
    assert raised.value.lines == (
        "routing_channel ch-1: bot_id 'a b' cannot be an id",
        "routing_channel_installation ch-1: m365_tenant_id 'm 0000' cannot be an id",
        "routing_channel_installation ch-1: m365_tenant_id 'm 0001' cannot be an id",
        "… and 1,198 more",
    )


BOTS = {"ch-1": "bot", "ch-2": "other"}
CLASHING: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "guard_one_active_channel": (
        ({"ch-1": ODD, "ch-2": OTHER_ODD}, {}),
        {"white_label": False},
        (
            "routing_channel ch-1, ch-2: several active channels of one tenant would have the same bot, which "
            f"guard_one_active_channel refuses: tenant_id 'msp-a', bot_id '{GUID}'"
        ),
    ),
    "guard_one_active_installation": (
        ({"ch-1": ODD, "ch-2": OTHER_ODD}, {"ch-1": [GUID], "ch-2": [ODD]}),
        {},
        (
            "routing_channel_installation ch-1, ch-2: several active white-label channels with the same bot would be "
            f"installed for one M365 tenant, which guard_one_active_installation refuses: bot_id '{GUID}', "
            f"m365_tenant_id '{GUID}'"
        ),
    ),
    "guard_one_linked_company": (
        ({}, {}, {"co-1": [ODD, GUID], "co-2": [OTHER_ODD]}),
        {},
        (
            "routing_end_company_link co-1, co-2: several end-companies of one tenant would be linked to the same M365 "
            f"tenant, which guard_one_linked_company refuses: tenant_id 'msp-a', m365_tenant_id '{GUID}'"
        ),
    ),
}


@pytest.mark.parametrize("name", CLASHING)
@pytest.mark.parametrize("guarded", [False, True])
def test_what_a_guard_would_refuse_is_named_where_the_guard_is(engine: Engine, name: str, guarded: bool) -> None:
    content, channel, told = CLASHING[name]
    make_old_tables(engine, guarded=guarded)
    fill(engine, *content, **channel)
    before = catalogue(engine)
    if not guarded:
        upgrade(engine)
        assert {one.name for one in guard(engine) if one.state is GuardState.BLOCKED} >= {name}
        return
    with pytest.raises(IdsInTheWay) as raised:
        upgrade(engine)
    assert told in raised.value.lines
    assert catalogue(engine) == before


def test_every_guard_on_ids_with_normal_forms_is_tried() -> None:
    assert {clash.guard for clash in ids_in_the_way._CLASHES} == {*CLASHING} == GUARDS - {"guard_one_managed_agent"}


def test_what_a_host_has_added_to_the_tables_is_kept(engine: Engine) -> None:
    make_old_tables(engine)
    fill(engine, {"ch-1": ODD}, {"ch-1": [ODD, "m"]})
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE routing_channel_installation ADD COLUMN note text")
        connection.exec_driver_sql("UPDATE routing_channel_installation SET note = 'mine'")
        connection.exec_driver_sql("CREATE INDEX hosts_own ON routing_channel_installation (note)")
    upgrade(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT note FROM routing_channel_installation").all() == [("mine",)] * 2
    assert any(name == "hosts_own" for _, name, *_ in catalogue(engine))


def test_on_sqlite_triggers_and_tables_of_a_host_are_kept_or_nothing_is_done(sqlite_url: str) -> None:
    with engine_at(sqlite_url) as engine:
        make_old_tables(engine)
        fill(engine, {"ch-1": ODD}, {"ch-1": [ODD]})
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE note (channel_id TEXT REFERENCES routing_channel (id) ON DELETE CASCADE)"
            )
            connection.exec_driver_sql("INSERT INTO note VALUES ('ch-1')")
            connection.exec_driver_sql(
                "CREATE TRIGGER hosts_own AFTER DELETE ON routing_channel BEGIN DELETE FROM note; END"
            )
        with pytest.raises(TablesInUse, match=r"made anew: note; .*foreign_keys=OFF"):
            upgrade(engine)
    unenforced = create_engine(sqlite_url)
    upgrade(unenforced)
    with unenforced.connect() as connection:
        assert connection.exec_driver_sql("SELECT * FROM note").all() == [("ch-1",)]
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all() == [
            ("hosts_own",)
        ]
    unenforced.dispose()


def test_a_table_on_sqlite_that_is_not_as_it_was_made_is_left_alone(sqlite_url: str) -> None:
    with engine_at(sqlite_url) as engine:
        make_old_tables(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE routing_end_company_link")
            connection.exec_driver_sql(
                "CREATE TABLE routing_end_company_link (end_company_id TEXT, m365_tenant_id TEXT, tenant_id TEXT)"
            )
        before = catalogue(engine)
        with pytest.raises(UnknownForm, match="has no constraint ck_routing_end_company_link_m365_tenant_id"):
            upgrade(engine)
        assert catalogue(engine) == before


@pytest.mark.parametrize("version", [False, True])
def test_until_they_are_upgraded_old_tables_are_administered_by_nobody(engine: Engine, version: bool) -> None:
    make_old_tables(engine, version=version)
    with engine.connect() as connection:
        for refused in (require_our_tables, SqlDirectoryWriter):
            with pytest.raises(OldTables, match="run neo-routing db upgrade"):
                refused(connection)
    with pytest.raises(OldTables):
        guard(engine)
    upgrade(engine)
    with engine.connect() as connection:
        require_our_tables(connection)
        SqlDirectoryWriter(connection)


@pytest.mark.parametrize("hidden", ["routing_channel", "routing_channel_installation", "routing_end_company_link"])
def test_old_tables_are_found_behind_views(engine: Engine, hidden: str) -> None:
    make_old_tables(engine)
    with engine.connect() as connection:
        for other in ("routing_channel", "routing_channel_installation", "routing_end_company_link"):
            connection.exec_driver_sql(f"ALTER TABLE {other} RENAME TO kept_{other}")
        require_newest_form(connection)
        connection.exec_driver_sql(f"CREATE VIEW {hidden} AS SELECT * FROM kept_{hidden}")
        with pytest.raises(OldTables):
            require_newest_form(connection)


def test_old_tables_are_found_behind_views_on_views_in_another_schema(database_url: str) -> None:
    with engine_at(database_url) as engine:
        make_old_tables(engine)
        with engine.connect() as connection:
            for statement in (
                "CREATE SCHEMA kept",
                "ALTER TABLE routing_channel SET SCHEMA kept",
                "CREATE VIEW kept.some AS SELECT * FROM kept.routing_channel WHERE status = 'ACTIVE'",
                "DROP TABLE routing_channel_installation, routing_end_company_link",
                "CREATE VIEW routing_channel AS SELECT * FROM kept.some",
            ):
                connection.exec_driver_sql(statement)
            with pytest.raises(OldTables):
                require_newest_form(connection)


def test_tables_that_are_of_the_newest_form_already_get_the_version(engine: Engine) -> None:
    metadata.create_all(engine)
    guard(engine)
    before, told = catalogue(engine), []
    assert upgrade(engine, tell=told.append) == "0003"
    assert told == ["the tables had no version, and the form of 0003"]
    assert catalogue(engine) == before
    with engine.connect() as connection:
        assert known_version(connection) == "0003"


def test_readers_go_on_while_ids_change(database_url: str) -> None:
    with engine_at(database_url) as engine:
        make_old_tables(engine)
        fill(engine, {"ch-1": ODD}, {})

        def read(_done: int, _total: int) -> None:
            with engine.begin() as reader:
                reader.execute(text("SET LOCAL lock_timeout = '1s'"))
                seen.append(reader.execute(text("SELECT bot_id FROM routing_channel")).scalar())

        seen: list[Any] = []
        upgrade(engine, progress=read)
        assert seen == [ODD]


PIECES = st.sampled_from(
    [
        "28:",
        "28:OrgId:",
        "28:gcch:",
        "orgid:",
        "dod-global:",
        "{",
        "}",
        " ",
        "\xa0",
        "\u200b",
        "-",
        ODD,
        "a",
        "é",
        "\u017f",
    ]
)


@given(st.lists(PIECES, max_size=6).map("".join))
@example("28:org\u0131d:a")
@example("28:org\u0130d:a")
@example("28:\u017f")
def test_the_normal_forms_of_the_migration_are_those_of_the_rules(spelling: str) -> None:
    m365_tenant_id, bot_id = normal_m365_tenant_id(spelling), normal_bot_id(spelling)
    assert usable_m365_tenant_id(spelling) == (m365_tenant_id if is_usable(m365_tenant_id) else None)
    if is_usable(bot_id):
        assert usable_bot_id(spelling) == bot_id
    else:
        on_the_wire = normal_bot_id(f"28:{spelling}")
        assert usable_bot_id(spelling) == (on_the_wire if is_usable(on_the_wire) else None)


def test_the_command_says_what_it_has_changed_and_what_stands_in_the_way(
    any_database_url: str, engine: Engine, capfd: pytest.CaptureFixture[str]
) -> None:
    make_old_tables(engine)
    fill(engine, {"ch-1": ODD, "ch-2": "a b"}, {})
    assert main(["db", "upgrade", any_database_url]) == 2
    told = capfd.readouterr()
    assert told.out == ""
    assert "nothing was changed" in told.err
    assert "routing_channel ch-2: bot_id 'a b' cannot be an id" in told.err
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE routing_channel SET bot_id = 'ab' WHERE id = 'ch-2'")
    assert main(["db", "upgrade", any_database_url]) == 0
    assert capfd.readouterr().out == (
        "routing_channel: 1 of bot_id changed, 0 merged with others\nthe tables are of version 0003\n"
    )
