"""The whole content at once: all or nothing on the way in, one text for one content on the way out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict, evolve
from hypothesis import given, settings
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from administered import AGENT, CHANNEL, COMPANY, TENANTS, WORLD, Content, engine_at, everything_in, upgraded
from neo_routing import Tenant
from neo_routing.testing import World, directories
from neo_routing_adapters.memory import read_document
from neo_routing_adapters.sql import transactions
from neo_routing_adapters.sql.directory_export import IllFormedRow, export_directory
from neo_routing_adapters.sql.directory_import import import_directory
from neo_routing_adapters.sql.guards import guard
from neo_routing_adapters.sql.our_tables import VERSION_TABLE, ForeignKeysOff, NotOurTables, UnknownSchemaVersion
from neo_routing_adapters.sql.schema import metadata
from stored import store

EMPTY = World((), (), (), ())


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
    document = read_document(path)
    return World(*(tuple(getattr(document, name)) for name in ("tenants", "agents", "channels", "end_companies")))


def test_export_and_import_go_round_without_a_change(engine: Engine, tmp_path: Path) -> None:
    @settings(max_examples=25)
    @given(directories())
    def holds(world: World) -> None:
        import_directory(engine, Content(world))
        stored, text = everything_in(engine), exported(engine)
        again = read_back(text, tmp_path)
        assert plain(again) == plain(world)
        import_directory(engine, Content(again))
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
        import_directory(engine, Content(world))
        assert everything_in(engine) == expected

    holds()


def test_an_export_reads_well_in_a_diff(engine: Engine) -> None:
    agents = (evolve(AGENT, id=2, name="2"), evolve(AGENT, id=10, managed_key=None, name="Zoë\u2028\x9b"))
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
        '{"id": 10, "tenant_id": "msp-a", "name": "Zo\\u00eb\\u2028\\u009b", "kind": "CONVERSATIONAL"}',
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


def broken(rows: Callable[[], Iterator[Any]]) -> Any:
    class Broken(Content):
        @property
        def end_companies(self) -> Iterator[Any]:
            return rows()

    return Broken(evolve(WORLD, agents=(evolve(AGENT, id=13),), channels=()))


def test_an_import_whose_content_breaks_off_leaves_the_old_content(engine: Engine) -> None:
    def rows() -> Iterator[Any]:
        yield COMPANY
        raise ZeroDivisionError

    store(engine, WORLD)
    before = everything_in(engine)
    with pytest.raises(ZeroDivisionError):
        import_directory(engine, broken(rows))
    assert everything_in(engine) == before
    import_directory(engine, Content(EMPTY))
    assert not any(everything_in(engine).values())


@pytest.mark.parametrize("when", ["while it is staged", "while it is merged"])
def test_an_import_whose_connection_is_killed_leaves_the_old_content(database_url: str, when: str) -> None:
    def kill() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def rows() -> Iterator[Any]:
        kill()
        yield COMPANY

    def progress(done: int, total: int) -> None:
        if done > total * 3 // 4:
            kill()

    with upgraded(database_url) as engine:
        store(engine, WORLD)
        before = everything_in(engine)
        staged = when == "while it is staged"
        content, told = (broken(rows), print) if staged else (Content(World(TENANTS, (), (), ())), progress)
        with pytest.raises((DBAPIError, engine.dialect.loaded_dbapi.Error)):
            import_directory(engine, content, told)
        assert everything_in(engine) == before


def test_readers_see_the_old_content_until_the_new_one_is_whole(database_url: str) -> None:
    seen = []
    with upgraded(database_url) as engine:
        store(engine, WORLD)
        before = everything_in(engine)
        import_directory(engine, Content(EMPTY), lambda _done, _total: seen.append(everything_in(engine) == before))
        assert seen and all(seen)
        assert everything_in(engine) != before


def test_two_imports_do_not_mingle(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactions, "LONGEST_WAIT", 0.05)

    def progress(done: int, total: int) -> None:
        if done == total:
            with pytest.raises(OperationalError, match="lock timeout"):
                import_directory(engine, Content(EMPTY))

    with upgraded(database_url) as engine:
        import_directory(engine, Content(WORLD), progress)
        assert exported(engine).count("\n") > 10


def test_progress_goes_from_nothing_to_all(engine: Engine) -> None:
    told: list[tuple[int, int]] = []
    import_directory(engine, Content(WORLD), lambda done, total: told.append((done, total)))
    shares = [done / total for done, total in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize(
    "world",
    [
        evolve(WORLD, tenants=(*TENANTS, TENANTS[0])),
        evolve(WORLD, agents=(AGENT, AGENT)),
        evolve(WORLD, end_companies=(evolve(COMPANY, tenant_id="msp-z"),)),
    ],
    ids=["a tenant twice", "an agent twice", "a company of nobody"],
)
def test_content_that_contradicts_itself_is_refused_whole(engine: Engine, world: World) -> None:
    with pytest.raises(IntegrityError):
        import_directory(engine, Content(world))
    assert not any(everything_in(engine).values())


def test_guards_refuse_a_clash_but_not_a_change_that_ends_without_one(engine: Engine) -> None:
    rival = evolve(CHANNEL, id="ch-2", bot_id="other", installed_m365_tenant_ids=["m-1"])
    store(engine, evolve(WORLD, channels=(CHANNEL, rival)))
    guard(engine)
    swapped = evolve(WORLD, channels=(evolve(CHANNEL, bot_id="other"), evolve(rival, bot_id="bot")))
    import_directory(engine, Content(swapped))
    after = everything_in(engine)
    with pytest.raises(IntegrityError):
        import_directory(engine, Content(evolve(WORLD, channels=(CHANNEL, evolve(rival, bot_id="bot")))))
    assert everything_in(engine) == after


def test_an_import_needs_tables_of_ours_and_foreign_keys() -> None:
    engine = create_engine("sqlite://")
    with pytest.raises(ForeignKeysOff):
        import_directory(engine, Content(WORLD))
    engine.dispose()


def test_tables_of_a_newer_library_are_exported_but_not_imported_into(engine: Engine) -> None:
    store(engine, WORLD)
    text = exported(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    assert exported(engine) == text
    with pytest.raises(UnknownSchemaVersion, match="the tables are of version 9999, which"):
        import_directory(engine, Content(EMPTY))
    assert exported(engine) == text


def test_tables_that_were_made_without_a_version_are_imported_into(any_database_url: str) -> None:
    with engine_at(any_database_url) as engine:
        metadata.create_all(engine)
        import_directory(engine, Content(WORLD))
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
            import_directory(engine, Content(WORLD))


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
        import_directory(engine, Content(EMPTY))
        assert begun + "".join(pieces) == text
