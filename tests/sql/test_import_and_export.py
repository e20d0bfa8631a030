"""The whole content at once: all or nothing on the way in, one text for one content on the way out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict, evolve
from hypothesis import given, settings
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from neo_routing import InvalidDirectory, Rows, RowsBuilder, Tenant
from neo_routing.testing import World, directories
from neo_routing_adapters.memory import read_directory
from neo_routing_adapters.sql.schema import RELATIONS, metadata
from neo_routing_adapters.sql.tables import directory_import, transactions
from neo_routing_adapters.sql.tables.directory_change import DirectoryChange, RemovalsRefused
from neo_routing_adapters.sql.tables.directory_export import IllFormedRow, export_directory
from neo_routing_adapters.sql.tables.directory_import import import_directory
from neo_routing_adapters.sql.tables.guards import guard
from neo_routing_adapters.sql.tables.our_tables import VERSION_TABLE, ForeignKeysOff, NotOurTables, UnknownSchemaVersion
from tests.programs.databases.administered import (
    AGENT,
    CHANNEL,
    COMPANY,
    TENANTS,
    WORLD,
    engine_at,
    everything_in,
    upgraded,
)
from tests.programs.databases.stored import store

EMPTY = World((), (), (), ())
replace_all = partial(import_directory, allow_removals=True)


@pytest.fixture
def engine(any_database_url: str) -> Iterator[Engine]:
    with upgraded(any_database_url) as engine:
        yield engine


def exported(engine: Engine) -> str:
    return "".join(export_directory(engine))


def plain(world: World) -> dict[str, Any]:
    """The rows by their ids, with sets as they are."""
    return {name: {row.id: asdict(row) for row in getattr(world, name)} for name in world.document()}


def read_back(text: str, folder: Path) -> World:
    path = folder / "exported.json"
    path.write_text(text, encoding="utf-8")
    return World.of(read_directory(path).content)


def test_export_and_import_go_round_without_a_change(engine: Engine, tmp_path: Path) -> None:
    @settings(max_examples=25)
    @given(directories())
    def holds(world: World) -> None:
        replace_all(engine, world.content)
        stored, text = everything_in(engine), exported(engine)
        again = read_back(text, tmp_path)
        assert plain(again) == plain(world)
        replace_all(engine, again.content)
        assert everything_in(engine) == stored
        assert exported(engine) == text

    holds()


def test_what_is_imported_is_what_is_stored_otherwise(engine: Engine) -> None:
    @settings(max_examples=25)
    @given(directories(), directories())
    def holds(before: World, world: World) -> None:
        store(engine, world)
        expected = everything_in(engine)
        store(engine, before)
        replace_all(engine, world.content)
        assert everything_in(engine) == expected

    holds()


def test_an_export_reads_well_in_a_diff(engine: Engine) -> None:
    agents = (evolve(AGENT, id=2, name="2"), evolve(AGENT, id=10, managed_key=None, name="Zoë\u3164"))
    store(engine, World((Tenant(id="a"), Tenant(id="B", name=""), Tenant(id="é"), Tenant(id="😀")), (), (), ()))
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO routing_tenant VALUES ('msp-a', 'A')")
    store(engine, World((Tenant(id="é"), *TENANTS, Tenant(id="B", name="")), agents[::-1], (CHANNEL,), (COMPANY,)))
    assert exported(engine).splitlines() == [
        "{",
        '"tenants": [',
        '{"id": "B", "name": ""},',
        '{"id": "msp-a", "name": "MSP A"},',
        '{"id": "msp-b"},',
        '{"id": "é"}',
        "],",
        '"agents": [',
        '{"id": 2, "tenant_id": "msp-a", "kind": "CONVERSATIONAL", "managed_key": "NEO_SUPPORT"},',
        '{"id": 10, "tenant_id": "msp-a", "name": "Zo\\u00eb\\u3164", "kind": "CONVERSATIONAL"}',
        "],",
        '"channels": [',
        (
            '{"id": "ch-1", "tenant_id": "msp-a", "agent_id": 12, "bot_id": "bot", "white_label": true, '
            '"installed_m365_tenant_ids": ["m-1", "m-2"], "show_agent_progress_steps": false}'
        ),
        "],",
        '"end_companies": [',
        '{"id": "co-1", "tenant_id": "msp-a", "name": "Contoso", "m365_tenant_ids": ["m-1"]}',
        "]",
        "}",
    ]


def test_an_empty_directory_is_a_document_too(engine: Engine) -> None:
    assert json.loads(exported(engine)) == {"tenants": [], "agents": [], "channels": [], "end_companies": []}


OTHER = evolve(WORLD, agents=(evolve(AGENT, id=13),), channels=(), end_companies=(COMPANY,)).content


def interrupt(monkeypatch: pytest.MonkeyPatch, happen: Callable[[], object]) -> None:
    """Let something happen while the rows are staged."""
    batches = directory_import._batches

    def interrupted(content: Rows) -> Iterator[Any]:
        for batch in batches(content):
            yield batch
            happen()

    monkeypatch.setattr(directory_import, "_batches", interrupted)


def test_an_import_that_breaks_off_leaves_the_old_content(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    store(engine, WORLD)
    before = everything_in(engine)
    with monkeypatch.context() as patched:
        interrupt(patched, fail)
        with pytest.raises(ZeroDivisionError):
            replace_all(engine, OTHER)
    assert everything_in(engine) == before
    replace_all(engine, EMPTY.content)
    assert not any(everything_in(engine).values())


def test_a_slice_is_never_imported_as_the_whole(engine: Engine) -> None:
    store(engine, WORLD)
    before = everything_in(engine)
    found = WORLD.content.needed([("msp-a", 12, None, "bot", "m-1")])
    assert {row.id for row in found} >= {"msp-a", 12, "ch-1", "co-1"}
    with pytest.raises(ValueError, match="slice"):
        replace_all(engine, found)
    assert everything_in(engine) == before


@pytest.mark.parametrize("when", ["while it is staged", "while it is merged"])
def test_an_import_whose_connection_is_killed_leaves_the_old_content(
    database_url: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def progress(done: int, total: int) -> None:
        if done > total * 3 // 4:
            kill()

    with upgraded(database_url) as engine:
        store(engine, WORLD)
        before = everything_in(engine)
        if when == "while it is staged":
            interrupt(monkeypatch, kill)
            content, told = OTHER, print
        else:
            content, told = World(TENANTS, (), (), ()).content, progress
        with pytest.raises((DBAPIError, engine.dialect.loaded_dbapi.Error)):
            replace_all(engine, content, told)
        assert everything_in(engine) == before


def test_readers_see_the_old_content_until_the_new_one_is_whole(database_url: str) -> None:
    seen = []
    with upgraded(database_url) as engine:
        store(engine, WORLD)
        before = everything_in(engine)
        replace_all(engine, EMPTY.content, lambda _done, _total: seen.append(everything_in(engine) == before))
        assert seen and all(seen)
        assert everything_in(engine) != before


def test_two_imports_do_not_mingle(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "LONGEST_WAIT", 0.05)

    def progress(done: int, total: int) -> None:
        if done == total:
            with pytest.raises(OperationalError, match="lock timeout"):
                replace_all(engine, EMPTY.content)

    with upgraded(database_url) as engine:
        replace_all(engine, WORLD.content, progress)
        assert exported(engine).count("\n") > 10


def test_progress_goes_from_nothing_to_all(engine: Engine) -> None:
    told: list[tuple[int, int]] = []
    replace_all(engine, WORLD.content, lambda done, total: told.append((done, total)))
    shares = [done / total for done, total in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize(
    "add",
    [
        lambda builder: builder.add_end_company("msp-z", "co-1", "Contoso"),
        lambda builder: builder.add_link("msp-z", "m-1", "co-1", "Contoso"),
        lambda builder: builder.add_agent(12, "msp-z", "Help desk", "CONVERSATIONAL", None),
        lambda builder: builder.add_channel(("ch-1", "msp-z", 12, False, None), "bot", "ACTIVE", []),
    ],
    ids=["a company", "a link", "an agent", "a channel"],
)
def test_content_of_a_tenant_that_is_not_there_is_refused_whole(engine: Engine, add: Callable[[Any], None]) -> None:
    builder = RowsBuilder()
    builder.add_tenant("msp-a")
    add(builder)
    with pytest.raises(InvalidDirectory, match="there is no tenant 'msp-z'"):
        replace_all(engine, builder.rows())
    assert not any(everything_in(engine).values())


def test_guards_refuse_a_clash_but_not_a_change_that_ends_without_one(engine: Engine) -> None:
    rival = evolve(CHANNEL, id="ch-2", bot_id="other", installed_m365_tenant_ids=["m-1"])
    store(engine, evolve(WORLD, channels=(CHANNEL, rival)))
    guard(engine)
    swapped = evolve(WORLD, channels=(evolve(CHANNEL, bot_id="other"), evolve(rival, bot_id="bot")))
    replace_all(engine, swapped.content)
    after = everything_in(engine)
    with pytest.raises(IntegrityError):
        replace_all(engine, evolve(WORLD, channels=(CHANNEL, evolve(rival, bot_id="bot"))).content)
    assert everything_in(engine) == after


def test_an_import_needs_tables_of_ours_and_foreign_keys() -> None:
    engine = create_engine("sqlite://")
    with pytest.raises(ForeignKeysOff):
        replace_all(engine, WORLD.content)
    engine.dispose()


def test_tables_of_a_newer_library_are_exported_but_not_imported_into(engine: Engine) -> None:
    store(engine, WORLD)
    text = exported(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    assert exported(engine) == text
    with pytest.raises(UnknownSchemaVersion, match="the tables are of version 9999, which"):
        replace_all(engine, EMPTY.content)
    assert exported(engine) == text


def test_tables_that_were_made_without_a_version_are_imported_into(any_database_url: str) -> None:
    with engine_at(any_database_url) as engine:
        metadata.create_all(engine)
        replace_all(engine, WORLD.content)
        assert json.loads(exported(engine))["agents"]


def test_views_are_exported_but_not_imported_into(database_url: str) -> None:
    with upgraded(database_url) as engine:
        store(engine, WORLD)
        text = exported(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE routing_tenant RENAME TO customer")
            connection.exec_driver_sql(
                'CREATE VIEW routing_tenant AS SELECT id::varchar(256) COLLATE "C" AS id, name FROM customer'
            )
            connection.exec_driver_sql("ALTER TABLE routing_channel RENAME COLUMN bot_id TO bot")
            connection.exec_driver_sql("ALTER TABLE routing_channel RENAME TO bot_channel")
            connection.exec_driver_sql(
                "CREATE VIEW routing_channel AS SELECT *, '28:{' || upper(bot) || '}' AS bot_id FROM bot_channel"
            )
        assert exported(engine) == text
        with pytest.raises(NotOurTables):
            replace_all(engine, WORLD.content)


@pytest.mark.parametrize(
    ("view", "told"),
    [
        (
            "SELECT id, '' AS tenant_id, name, kind, managed_key FROM agent",
            "routing_agent 12 is not well-formed: a value must",
        ),
        (
            "SELECT * FROM agent UNION ALL SELECT id, tenant_id, 'x', kind, managed_key FROM agent",
            "routing_agent 12: id is there twice",
        ),
    ],
)
def test_a_row_that_no_document_can_hold_is_named(engine: Engine, view: str, told: str) -> None:
    store(engine, WORLD)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE routing_agent RENAME TO agent")
        connection.exec_driver_sql(f"CREATE VIEW routing_agent AS {view}")
    with pytest.raises(IllFormedRow, match=told):
        exported(engine)


def test_an_export_is_one_snapshot(any_database_url: str) -> None:
    with upgraded(any_database_url) as engine:
        if engine.dialect.name == "sqlite":
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA journal_mode = wal")
        store(engine, WORLD)
        text = exported(engine)
        pieces = export_directory(engine)
        begun = next(pieces) + next(pieces)
        replace_all(engine, EMPTY.content)
        assert begun + "".join(pieces) == text


# What is removed must be meant


FEW = World(TENANTS, (AGENT,), (CHANNEL,), (COMPANY,))
THREE = evolve(FEW, tenants=(*TENANTS, Tenant(id="msp-c")))


def numbers(change: DirectoryChange) -> dict[str, tuple[int, int, int]]:
    """What is added, changed and removed, without the relations that stay as they are."""
    told = {one.relation: (one.added, one.changed, one.removed) for one in change.relations}
    return {relation: counted for relation, counted in told.items() if any(counted)}


def test_what_an_import_changes_is_counted_for_each_relation(engine: Engine) -> None:
    rival = evolve(CHANNEL, id="ch-2", show_agent_progress_steps=None, installed_m365_tenant_ids=["m-1"])
    before = evolve(THREE, channels=(CHANNEL, rival), agents=(AGENT, evolve(AGENT, id=13, managed_key=None)))
    store(engine, before)
    after = World(
        (Tenant(id="msp-a", name="Another"), Tenant(id="msp-b"), Tenant(id="msp-d")),
        (evolve(AGENT, managed_key=None), evolve(AGENT, id=14)),
        (evolve(CHANNEL, bot_id="another", installed_m365_tenant_ids=["m-2", "m-3"]), rival),
        (evolve(COMPANY, m365_tenant_ids=["m-1", "m-2"]),),
    )
    expected = {
        "routing_tenant": (1, 1, 1),
        "routing_agent": (1, 1, 1),
        "routing_channel": (0, 1, 0),
        "routing_channel_installation": (1, 0, 1),
        "routing_end_company_link": (1, 0, 0),
    }
    told: list[DirectoryChange] = []
    change = import_directory(engine, after.content, announce=told.append)
    assert (numbers(change), told) == (expected, [change])
    assert not numbers(import_directory(engine, after.content))


@settings(max_examples=25)
@given(before=directories(), after=directories())
def test_what_is_counted_is_what_is_stored_before_and_after(
    before: World, after: World, sqlite_counted: Callable[[World, World], tuple[DirectoryChange, dict[str, Any]]]
) -> None:
    change, expected = sqlite_counted(before, after)
    assert {one.relation: (one.added, one.changed, one.removed) for one in change.relations} == expected


@pytest.fixture(scope="module")
def sqlite_counted() -> Iterator[Callable[[World, World], tuple[DirectoryChange, dict[str, Any]]]]:
    """Import one world over another, and return what is told of that and what the stored rows say."""
    with upgraded("sqlite://") as engine:

        def counted(before: World, after: World) -> tuple[DirectoryChange, dict[str, Any]]:
            store(engine, before)
            old = own_values(engine)
            change = replace_all(engine, after.content)
            new = own_values(engine)
            return change, {
                relation: (
                    len(new[relation].keys() - old[relation].keys()),
                    sum(
                        old[relation][key] != new[relation][key] for key in old[relation].keys() & new[relation].keys()
                    ),
                    len(old[relation].keys() - new[relation].keys()),
                )
                for relation in RELATIONS
            }

        yield counted


def own_values(engine: Engine) -> dict[str, dict[tuple[Any, ...], tuple[Any, ...]]]:
    """The rows of each relation by their keys, without what is copied from their owners."""
    found = {}
    with engine.connect() as connection:
        for relation, names in RELATIONS.items():
            keys = len(metadata.tables[relation].primary_key)
            rows = connection.exec_driver_sql(f"SELECT {', '.join(names)} FROM {relation}")
            found[relation] = {tuple(row[:keys]): tuple(row) for row in rows}
    return found


@pytest.mark.parametrize(
    ("world", "told"),
    [
        (
            EMPTY,
            (
                "leave routing_tenant, routing_agent, routing_channel, routing_channel_installation, "
                "routing_end_company, routing_end_company_link empty"
            ),
        ),
        (evolve(FEW, tenants=TENANTS[:1]), "remove 2 of 3 rows of routing_tenant"),
        (evolve(THREE, agents=()), "leave routing_agent empty"),
        (evolve(THREE, channels=()), "leave routing_channel, routing_channel_installation empty"),
        (evolve(THREE, end_companies=(evolve(COMPANY, m365_tenant_ids=[]),)), "leave routing_end_company_link empty"),
        (
            World((Tenant(id="x"), *TENANTS[:1]), (), (CHANNEL,), (COMPANY,)),
            "remove 2 of 3 rows of routing_tenant and leave routing_agent empty",
        ),
    ],
    ids=["everything", "most tenants", "agents", "channels", "links", "tenants for others"],
)
def test_an_import_that_removes_too_much_is_refused_unless_it_is_meant(engine: Engine, world: World, told: str) -> None:
    store(engine, THREE)
    before = everything_in(engine)
    with pytest.raises(RemovalsRefused) as refused:
        import_directory(engine, world.content)
    assert str(refused.value) == f"this would {told}; nothing was changed"
    assert everything_in(engine) == before
    change = import_directory(engine, world.content, allow_removals=True)
    assert change == refused.value.change
    imported = everything_in(engine)
    store(engine, world)
    assert everything_in(engine) == imported != before


def test_half_of_the_tenants_may_go(engine: Engine) -> None:
    store(engine, FEW)
    import_directory(engine, evolve(FEW, tenants=TENANTS[:1]).content)
    assert len(everything_in(engine)["routing_tenant"]) == 1


def test_a_dry_run_tells_the_same_and_writes_nothing(engine: Engine) -> None:
    store(engine, THREE)
    before = everything_in(engine)
    after = evolve(THREE, agents=(evolve(AGENT, id=77),))
    change = import_directory(engine, after.content, dry_run=True)
    assert everything_in(engine) == before
    with pytest.raises(RemovalsRefused):
        import_directory(engine, EMPTY.content, dry_run=True)
    assert import_directory(engine, after.content) == change
    assert everything_in(engine) != before


def test_what_is_announced_is_not_yet_written(engine: Engine) -> None:
    store(engine, FEW)
    before = everything_in(engine)
    seen = []
    import_directory(engine, THREE.content, announce=lambda _: seen.append(everything_in(engine) == before))
    assert seen == [True]


def test_the_work_of_a_second_import_into_sqlite_grows_with_the_rows_and_not_with_their_square() -> None:
    with upgraded("sqlite://") as engine:
        steps = []
        for count in (500, 4000):
            some = range(1, count + 1)
            world = World(TENANTS, (), tuple(evolve(CHANNEL, id=f"ch-{number}") for number in some), ())
            import_directory(engine, world.content)
            steps.append(steps_of(engine, partial(import_directory, engine, world.content)))
    assert steps[1] < 20 * steps[0]


def steps_of(engine: Engine, call: Callable[[], object]) -> int:
    """Count the steps that SQLite's machine takes in a call, in thousands."""
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1

    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_progress_handler(count, 1000)
    call()
    driver.set_progress_handler(None, 0)
    return taken
