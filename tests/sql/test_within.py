"""Decisions within a host's own transaction: they still hold when that commits, or nobody decides."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    DirectoryUnavailable,
    SessionRequest,
    Tenant,
    adecide,
    adecide_many,
    decide,
)
from neo_routing.testing import World
from neo_routing_adapters.sql import AsyncSqlDirectory, CannotDecideWithin, SqlDirectory
from neo_routing_adapters.sql.directory_lock import KEY_OF_RELATIONS
from neo_routing_adapters.sql.look_up import reader
from neo_routing_adapters.sql.look_up.share import take_share
from neo_routing_adapters.sql.schema import metadata
from neo_routing_adapters.sql.tables import our_tables
from neo_routing_adapters.sql.tables.our_tables import UnknownSchemaVersion
from neo_routing_adapters.sql.tables.upgrade import upgrade
from tests.programs.databases.stored import engine_with_tables, store
from tests.programs.servers.postgres_server import PostgresServer, wait_until
from tests.programs.thoroughness import first_always

USER = Caller(CallerKind.USER, "msp-a")
REQUEST = SessionRequest(agent_id=12)
AGENT = Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, name="Help desk")
WORLD = World((Tenant(id="msp-a"),), (AGENT,), (), ())
DELETE = "DELETE FROM routing_agent WHERE id = 12"
DRIVERS = ["sqlite+aiosqlite", *first_always(["postgresql+asyncpg", "postgresql+psycopg"])]


@pytest.fixture
def engine(any_database_url: str) -> Iterator[Engine]:
    engine = engine_with_tables(any_database_url)
    store(engine, WORLD)
    yield engine
    engine.dispose()


@pytest.fixture
def on_postgresql(database_url: str) -> Iterator[Engine]:
    engine = engine_with_tables(database_url)
    store(engine, WORLD)
    yield engine
    engine.dispose()


@asynccontextmanager
async def awaited(request: pytest.FixtureRequest, driver: str, **options: Any) -> AsyncIterator[AsyncEngine]:
    url = request.getfixturevalue("sqlite_url" if driver.startswith("sqlite") else "database_url")
    engine = engine_with_tables(url)
    store(engine, WORLD)
    engine.dispose()
    awaited_engine = create_async_engine(make_url(url).set(drivername=driver), **options)
    try:
        yield awaited_engine
    finally:
        await awaited_engine.dispose()


def waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.exec_driver_sql(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ).scalar_one()


def test_a_decision_is_the_same_within_a_transaction(engine: Engine) -> None:
    directory = SqlDirectory(engine)
    with engine.begin() as connection:
        decision = decide(USER, REQUEST, directory.within(connection))
    assert decision.result == decide(USER, REQUEST, directory).result
    assert decision.result.unwrap().agent_id == 12


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_decision_is_the_same_within_an_awaited_transaction(request: pytest.FixtureRequest, driver: str) -> None:
    async def run() -> None:
        async with awaited(request, driver) as engine:
            directory = AsyncSqlDirectory(engine)
            for _ in range(3):  # on the same connection: its statements are prepared, and the form was looked at
                async with engine.begin() as connection:
                    within = directory.within(connection)
                    decision = await adecide(USER, REQUEST, within)
                    assert decision.result.unwrap().agent_id == 12
                    many = [(USER, SessionRequest(agent_id=number)) for number in (12, 13)]
                    first, second = await adecide_many(many, within)
                    assert (first.result.unwrap().agent_id, second.result.failure().status) == (12, 404)

    asyncio.run(run())


def test_who_changes_the_directory_waits_at_commit_for_who_has_decided(on_postgresql: Engine) -> None:
    directory, done = SqlDirectory(on_postgresql), threading.Event()

    def change() -> None:
        with on_postgresql.begin() as writer:
            writer.exec_driver_sql(DELETE)
        done.set()

    with on_postgresql.begin() as connection:
        assert decide(USER, REQUEST, directory.within(connection)).result.unwrap().agent_id == 12
        thread = threading.Thread(target=change)
        thread.start()
        wait_until(lambda: waiting(on_postgresql))
        assert not done.is_set()
    thread.join()
    assert decide(USER, REQUEST, directory).result.failure().status == 404


def test_who_decides_after_a_change_waits_and_sees_it(on_postgresql: Engine) -> None:
    directory, decided = SqlDirectory(on_postgresql), []

    def decide_within() -> None:
        with on_postgresql.begin() as connection:
            connection.exec_driver_sql("SELECT 1")  # had it a snapshot already, that would not count
            decided.append(decide(USER, REQUEST, directory.within(connection)).result)

    with on_postgresql.begin() as writer:
        writer.exec_driver_sql(DELETE)
        writer.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")  # as its commit does
        thread = threading.Thread(target=decide_within)
        thread.start()
        wait_until(lambda: waiting(on_postgresql))
    thread.join()
    assert decided[0].failure().status == 404


@pytest.mark.parametrize(
    "change",
    [
        DELETE,
        "UPDATE routing_agent SET kind = 'TRIGGERED'",
        "INSERT INTO routing_tenant VALUES ('msp-b', '')",
        "TRUNCATE routing_tenant CASCADE",
        "UPDATE routing_tenant SET id = 'msp-z' WHERE false",
    ],
)
def test_every_statement_that_can_change_an_answer_takes_the_lock_and_leaves_no_row(
    on_postgresql: Engine, change: str
) -> None:
    with on_postgresql.begin() as connection:
        for _ in range(2):
            connection.exec_driver_sql(change.replace("msp-b", "msp-c") if _ else change)
        assert connection.exec_driver_sql("SELECT count(*) FROM routing_revision").scalar_one() == 1
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        assert _exclusive(connection) == 1
    with on_postgresql.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM routing_revision").scalar_one() == 0


def test_a_name_may_change_without_waiting(on_postgresql: Engine) -> None:
    with on_postgresql.begin() as connection:
        connection.exec_driver_sql("UPDATE routing_agent SET name = 'x'")
        assert connection.exec_driver_sql("SELECT count(*) FROM routing_revision").scalar_one() == 0


def test_a_load_that_turns_triggers_off_takes_the_lock_too(on_postgresql: Engine) -> None:
    with on_postgresql.begin() as connection:
        connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        connection.exec_driver_sql(DELETE)
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        assert _exclusive(connection) == 1


def _exclusive(connection: Any) -> int:
    return connection.exec_driver_sql(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted"
        f" AND (classid::bigint << 32 | objid::bigint) = ({KEY_OF_RELATIONS})"
    ).scalar_one()


def test_a_role_that_may_change_the_tables_and_nothing_else_takes_the_lock(on_postgresql: Engine) -> None:
    with on_postgresql.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE neo_routing_writes_only")
        connection.exec_driver_sql("GRANT SELECT, INSERT, UPDATE, DELETE ON routing_agent TO neo_routing_writes_only")
        connection.exec_driver_sql("SET LOCAL ROLE neo_routing_writes_only")
        connection.exec_driver_sql("SET LOCAL search_path = pg_temp")
        connection.exec_driver_sql("DELETE FROM public.routing_agent")
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        connection.exec_driver_sql("RESET ROLE")
        connection.exec_driver_sql("RESET search_path")
        assert _exclusive(connection) == 1
        connection.rollback()


@pytest.mark.parametrize("decided_first", [True, False])
def test_a_transaction_that_decides_cannot_change_the_directory(on_postgresql: Engine, decided_first: bool) -> None:
    directory = SqlDirectory(on_postgresql)
    with pytest.raises(DBAPIError, match="a transaction that decides sessions must not change the directory"):  # noqa: PT012, SIM117
        with on_postgresql.begin() as connection:
            if decided_first:
                decide(USER, REQUEST, directory.within(connection))
            connection.exec_driver_sql("INSERT INTO routing_tenant VALUES ('msp-b', '')")
            if not decided_first:
                decide(USER, REQUEST, directory.within(connection))
    with on_postgresql.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM routing_tenant").scalar_one() == 1


@pytest.mark.parametrize("isolation_level", ["SERIALIZABLE", "REPEATABLE READ", "AUTOCOMMIT"])
def test_nobody_decides_where_the_state_may_be_gone(database_url: str, isolation_level: str) -> None:
    engine = engine_with_tables(database_url)
    other = create_engine(database_url, isolation_level=isolation_level)
    with other.connect() as connection, pytest.raises(CannotDecideWithin, match=f"(?i)is {isolation_level}"):
        decide(USER, REQUEST, SqlDirectory(other).within(connection))
    other.dispose()
    engine.dispose()


def test_nobody_decides_inside_a_savepoint(engine: Engine) -> None:
    directory = SqlDirectory(engine)
    with engine.begin() as connection, connection.begin_nested(), pytest.raises(CannotDecideWithin, match="savepoint"):
        decide(USER, REQUEST, directory.within(connection))
    with engine.begin() as connection:
        with connection.begin_nested():
            pass
        assert decide(USER, REQUEST, directory.within(connection)).result.unwrap().agent_id == 12


def test_nobody_decides_on_a_standby(postgres: PostgresServer) -> None:
    name = "neo_routing_within_standby"
    postgres.create_database(name)
    primary = engine_with_tables(postgres.url(database=name))
    with postgres.standby() as standby:
        engine = create_engine(standby.url(database=name))
        wait_until(lambda: _has_tables(engine))
        with engine.connect() as connection, pytest.raises(CannotDecideWithin, match="standby"):
            decide(USER, REQUEST, SqlDirectory(engine).within(connection))
        engine.dispose()
    primary.dispose()


def _has_tables(engine: Engine) -> bool:
    try:
        with engine.connect() as connection:
            return bool(connection.exec_driver_sql("SELECT to_regclass('routing_end_company_link')").scalar())
    except OperationalError:
        return False


def test_a_connection_of_another_engine_and_no_connection_are_refused(engine: Engine, sqlite_url: str) -> None:
    directory, other = SqlDirectory(engine), create_engine("sqlite://")
    with other.connect() as connection, pytest.raises(ValueError, match="of the directory's own engine"):
        directory.within(connection)
    with pytest.raises(TypeError, match="within takes a connection of Engine, and"):
        directory.within(engine)
    with pytest.raises(TypeError, match="within takes a connection of AsyncEngine, and"):
        AsyncSqlDirectory(create_async_engine("sqlite+aiosqlite://")).within(engine)
    with engine.execution_options(logging_token="x").connect() as connection:
        assert decide(USER, REQUEST, directory.within(connection)).result.unwrap().agent_id == 12


def test_the_timeouts_of_the_transaction_become_as_short_as_they_must_and_no_longer(on_postgresql: Engine) -> None:
    directory = SqlDirectory(on_postgresql, deadline=4)
    names = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    with on_postgresql.begin() as connection:
        connection.exec_driver_sql("SET LOCAL lock_timeout = '1min'")
        connection.exec_driver_sql("SET LOCAL statement_timeout = 700")
        decide(USER, REQUEST, directory.within(connection))
        assert [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names] == ["3s", "700ms", "2s"]
    with on_postgresql.connect() as connection:
        assert [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names] == ["0", "0", "0"]


def test_policies_hide_from_the_host_what_they_hid_before(on_postgresql: Engine) -> None:
    directory = SqlDirectory(on_postgresql)
    with on_postgresql.begin() as connection:
        decide(USER, REQUEST, directory.within(connection))
        assert connection.exec_driver_sql("SHOW row_security").scalar() == "on"


def test_a_wait_for_a_writer_ends_within_the_deadline_and_the_host_can_roll_back(on_postgresql: Engine) -> None:
    directory = SqlDirectory(on_postgresql, deadline=0.4)
    with on_postgresql.begin() as writer:
        writer.exec_driver_sql(DELETE)
        writer.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DirectoryUnavailable), on_postgresql.begin() as connection:
            decide(USER, REQUEST, directory.within(connection))
        writer.rollback()
    with on_postgresql.begin() as connection:
        assert decide(USER, REQUEST, directory.within(connection)).result.unwrap().agent_id == 12


@pytest.mark.parametrize("driver", first_always(["postgresql+asyncpg", "postgresql+psycopg"]))
def test_an_awaited_wait_for_a_writer_ends_within_the_deadline(request: pytest.FixtureRequest, driver: str) -> None:
    async def run() -> None:
        async with awaited(request, driver) as engine:
            directory = AsyncSqlDirectory(engine, deadline=0.4)
            async with engine.connect() as writer:
                await writer.exec_driver_sql(DELETE)
                await writer.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
                with pytest.raises(DirectoryUnavailable):
                    async with engine.begin() as connection:
                        await adecide(USER, REQUEST, directory.within(connection))
            async with engine.begin() as connection:
                assert (await adecide(USER, REQUEST, directory.within(connection))).result.unwrap().agent_id == 12

    asyncio.run(run())


@pytest.mark.parametrize("driver", ["sync", *first_always(["postgresql+asyncpg", "postgresql+psycopg"])])
@pytest.mark.parametrize("at", ["lock", "decision"])
def test_a_server_that_is_frozen_is_an_outage_in_time_and_the_host_is_told_of_that_and_not_of_its_rollback(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, driver: str, at: str
) -> None:
    name = f"neo_routing_frozen_{driver[-5:]}_{at}".replace("+", "_")
    postgres.create_database(name)
    plain = engine_with_tables(postgres.url(database=name))
    store(plain, WORLD)

    def freeze(connection: Connection, seconds: float) -> None:
        if at == "lock":
            postgres.freeze()
        take_share(connection, seconds)
        postgres.freeze()

    async def run() -> None:
        engine = create_async_engine(make_url(postgres.url(database=name)).set(drivername=driver))
        directory = AsyncSqlDirectory(engine, deadline=1)
        with pytest.raises(DirectoryUnavailable):  # noqa: PT012
            async with engine.begin() as connection:
                await connection.exec_driver_sql("SELECT 1")
                await asyncio.wait_for(adecide(USER, REQUEST, directory.within(connection)), 5)
        postgres.thaw()
        await engine.dispose()

    monkeypatch.setattr(reader, "take_share", freeze)
    try:
        if driver != "sync":
            asyncio.run(run())
            return
        directory = SqlDirectory(plain, deadline=1)
        with pytest.raises(DirectoryUnavailable), plain.begin() as connection:
            decide(USER, REQUEST, directory.within(connection))
    finally:
        postgres.thaw()
        plain.dispose()


def test_a_session_that_is_frozen_gives_way_to_writers(on_postgresql: Engine) -> None:
    directory = SqlDirectory(on_postgresql, deadline=0.4)
    frozen = on_postgresql.connect()
    decide(USER, REQUEST, directory.within(frozen))
    with on_postgresql.begin() as writer:
        writer.exec_driver_sql(DELETE)  # and its commit comes through, though nobody ends the other's transaction
    with pytest.raises(DBAPIError):
        frozen.exec_driver_sql("SELECT 1")
    frozen.close()


def test_on_sqlite_who_decides_keeps_writers_out(sqlite_url: str) -> None:
    engine = engine_with_tables(sqlite_url, connect_args={"timeout": 0})
    store(engine, WORLD)
    with engine.begin() as connection:
        assert decide(USER, REQUEST, SqlDirectory(engine).within(connection)).result.unwrap().agent_id == 12
        with pytest.raises(OperationalError, match="locked"), engine.begin() as writer:
            writer.exec_driver_sql(DELETE)
    engine.dispose()


def test_a_session_on_sqlite_that_has_read_before_is_refused_by_the_database_once_that_has_changed(
    sqlite_url: str,
) -> None:
    engine = engine_with_tables(sqlite_url)
    store(engine, WORLD)
    with pytest.raises(OperationalError, match="locked"), engine.connect() as connection:  # noqa: PT012
        connection.exec_driver_sql("BEGIN")
        decide(USER, REQUEST, SqlDirectory(engine).within(connection))
        with engine.begin() as writer:
            writer.exec_driver_sql(DELETE)
        connection.exec_driver_sql("CREATE TABLE sessions (id)")
    engine.dispose()


def test_tables_in_an_old_form_are_an_outage_within_a_transaction_too(engine: Engine) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(
                "ALTER TABLE routing_channel ADD CONSTRAINT ck_routing_channel_bot_id CHECK (true)"
            )
        else:
            metadata.drop_all(connection)
            connection.exec_driver_sql(
                "CREATE TABLE routing_channel (id, CONSTRAINT ck_routing_channel_bot_id CHECK (1))"
            )
    with engine.begin() as connection, pytest.raises(DirectoryUnavailable, match="older version"):
        decide(USER, REQUEST, SqlDirectory(engine).within(connection))


def test_a_library_that_knows_no_triggers_decides_on_the_tables_and_does_not_administer_them(
    on_postgresql: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert upgrade(on_postgresql) == "0003"
    monkeypatch.setattr(our_tables, "_versions", lambda: frozenset({"0001", "0002"}))
    with pytest.raises(UnknownSchemaVersion, match="0003"):
        upgrade(on_postgresql)
    assert decide(USER, REQUEST, SqlDirectory(on_postgresql)).result.unwrap().agent_id == 12
    with on_postgresql.begin() as connection:  # and what it writes waits, though it knows nothing of that
        connection.exec_driver_sql(DELETE)
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        assert _exclusive(connection) == 1


def test_tables_without_a_version_and_without_the_triggers_get_them(database_url: str) -> None:
    engine = engine_with_tables(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP FUNCTION routing_note_change CASCADE")
    told: list[str] = []
    assert upgrade(engine, tell=told.append) == "0003"
    assert told == ["the tables had no version, and the form of 0002"]
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM routing_agent")
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        assert _exclusive(connection) == 1
    engine.dispose()


def test_some_of_the_tables_can_be_made_by_themselves_and_the_last_of_them_brings_the_triggers(
    database_url: str,
) -> None:
    engine = create_engine(database_url)
    metadata.create_all(engine, tables=[metadata.tables["routing_tenant"]])
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT to_regclass('routing_revision')").scalar() is None
    metadata.create_all(engine)
    store(engine, WORLD)
    with engine.begin() as connection:
        connection.exec_driver_sql(DELETE)
        connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        assert _exclusive(connection) == 1
    engine.dispose()


def test_what_is_dropped_leaves_nothing_behind(on_postgresql: Engine) -> None:
    metadata.drop_all(on_postgresql)
    with on_postgresql.connect() as connection:
        found = connection.exec_driver_sql(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " UNION ALL SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        ).all()
    assert found == []
