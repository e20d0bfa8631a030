"""What a directory in a database asks of its engine, and what it does with rows that make no sense."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    DirectoryUnavailable,
    ManagedAgentKey,
    SessionRequest,
    Tenant,
    adecide,
    decide,
)
from neo_routing.testing import World
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.rows import FoundRows
from neo_routing_adapters.sql.schema import metadata
from stored import engine_with_tables, store

USER = Caller(CallerKind.USER, "msp-a")
PLATFORM = Caller(CallerKind.PLATFORM, "platform")
REQUEST = SessionRequest(agent_id=12)
WORLD = World(
    (Tenant(id="msp-a"),), (Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, name="Help desk"),), (), ()
)


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


def test_a_driver_that_cannot_be_cut_off_is_refused() -> None:
    engine = create_engine("sqlite://")
    engine.dialect.driver = "another"
    with pytest.raises(ValueError, match=r"the driver must be one of psycopg, .* and not another"):
        SqlDirectory(engine)


def test_an_asynchronous_engine_is_for_the_asynchronous_directory() -> None:
    with pytest.raises(ValueError, match="AsyncSqlDirectory"):
        SqlDirectory(create_async_engine("sqlite+aiosqlite://").sync_engine)


@pytest.mark.parametrize("deadline", [0, -1, float("inf"), float("nan")])
def test_a_deadline_is_a_time_that_comes(deadline: float) -> None:
    with pytest.raises(ValueError, match="number of seconds above 0"):
        SqlDirectory(create_engine("sqlite://"), deadline=deadline)
    with pytest.raises(ValueError, match="number of seconds above 0"):
        AsyncSqlDirectory(create_async_engine("sqlite+aiosqlite://"), deadline=deadline)


def test_what_is_in_the_database_decides(engine: Engine) -> None:
    decision = decide(USER, REQUEST, SqlDirectory(engine))
    assert decision.result.unwrap().agent_id == 12
    assert decision.trace[-1].agents[0].name == "Help desk"


@pytest.mark.parametrize("isolation_level", [None, "AUTOCOMMIT", "SERIALIZABLE"])
def test_a_host_gets_its_connections_back_as_they_were(database_url: str, isolation_level: str | None) -> None:
    options = {} if isolation_level is None else {"isolation_level": isolation_level}
    engine = engine_with_tables(database_url, pool_size=1, max_overflow=0, **options)
    with engine.connect() as connection:
        before = connection.get_isolation_level()
    decide(USER, REQUEST, SqlDirectory(engine))
    with engine.connect() as connection:
        assert connection.get_isolation_level() == before
        assert connection.connection.dbapi_connection.autocommit is (isolation_level == "AUTOCOMMIT")
    engine.dispose()


def test_an_engine_without_a_pool_will_do(database_url: str) -> None:
    engine = engine_with_tables(database_url, poolclass=NullPool)
    store(engine, WORLD)
    assert decide(USER, REQUEST, SqlDirectory(engine)).result.unwrap().agent_id == 12
    assert decide(USER, REQUEST, SqlDirectory(engine)).result.unwrap().agent_id == 12


def test_a_pool_that_pings_first_will_do(database_url: str) -> None:
    engine = engine_with_tables(database_url, pool_pre_ping=True)
    store(engine, WORLD)
    directory = SqlDirectory(engine)
    assert [decide(USER, REQUEST, directory).result.unwrap().agent_id for _ in range(3)] == [12, 12, 12]
    engine.dispose()


def test_a_missing_schema_is_an_outage_and_no_missing_row(any_database_url: str) -> None:
    engine = create_engine(any_database_url)
    with pytest.raises(DirectoryUnavailable, match=r"^The directory cannot answer at the moment\.$") as raised:
        decide(USER, REQUEST, SqlDirectory(engine))
    assert "routing_" in str(raised.value.__cause__)
    assert engine.pool.checkedout() == 0
    engine.dispose()


AGENT = {"id": "12", "tenant_id": "'msp-a'", "name": "'x'", "kind": "'TRIGGERED'", "managed_key": "NULL"}
CHANNEL = {
    "id": "'c'",
    "tenant_id": "'msp-a'",
    "agent_id": "12",
    "bot_id": "'b'",
    "status": "'ACTIVE'",
    "white_label": "1",
    "show_agent_progress_steps": "NULL",
}
_SENSELESS = {
    "an agent's kind": {**AGENT, "kind": "'ROBOT'"},
    "an agent's name": {**AGENT, "name": "NULL"},
    "an agent's key": {**AGENT, "managed_key": "'X'"},
    "an agent's owner": {**AGENT, "tenant_id": "NULL"},
    "a channel's id": {**CHANNEL, "id": "NULL"},
    "a channel's status": {**CHANNEL, "status": "'OFF'"},
    "a channel's agent": {**CHANNEL, "agent_id": "NULL"},
    "whether a channel is white-label": {**CHANNEL, "white_label": "NULL"},
    "what a channel shows": {**CHANNEL, "show_agent_progress_steps": "7"},
}
"""What a view on a host's tables may deliver."""


@pytest.mark.parametrize("place", _SENSELESS)
def test_a_row_that_makes_no_sense_is_an_outage_and_no_missing_row(sqlite_url: str, place: str) -> None:
    columns = _SENSELESS[place]
    relation = "agent" if "kind" in columns else "channel"
    selected = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    engine = engine_with_tables(sqlite_url)
    store(engine, WORLD)
    with engine.begin() as connection:
        connection.execute(text("PRAGMA foreign_keys = off"))
        connection.execute(text(f"ALTER TABLE routing_{relation} RENAME TO hidden"))
        connection.execute(text(f"CREATE VIEW routing_{relation} AS SELECT {selected}"))
    to_a_channel = SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT, client_id="msp-a", bot_id="b")
    case = (USER, REQUEST) if relation == "agent" else (PLATFORM, to_a_channel)
    with pytest.raises(DirectoryUnavailable, match=r"^The directory holds rows that make no sense\.$"):
        decide(*case, SqlDirectory(engine))
    engine.dispose()


FOUND = [
    (1, "msp-a", None, None, None, None, None, None, None, None),
    (2, "msp-a", None, 12, "Help desk", "CONVERSATIONAL", "NEO_SUPPORT", None, None, None),
    (2, "msp-a", None, 13, "Another", "CONVERSATIONAL", "NEO_SUPPORT", None, None, None),
    (2, "msp-a", None, 12, "Help desk", "CONVERSATIONAL", "NEO_SUPPORT", None, None, None),
    (3, "msp-a", "c-1", 12, None, "ACTIVE", "b", "m", True, None),
    (3, "msp-a", "c-2", 12, None, "ACTIVE", "b", "m", True, False),
    (3, "msp-a", "c-1", 12, None, "ACTIVE", "b", "m", True, None),
    (4, "msp-a", "e-1", None, "One", None, None, "m", None, None),
    (4, "msp-a", "e-2", None, "Two", None, None, "m", None, None),
    (5, None, None, None, None, None, "b", None, None, None),
]
"""What the statement finds where something clashes, and some of it twice."""


@pytest.mark.parametrize("at_once", range(1, len(FOUND) + 1))
def test_rows_are_put_together_in_whatever_parts_they_come(at_once: int) -> None:
    found = FoundRows()
    for start in range(0, len(FOUND), at_once):
        found.add(FOUND[start : start + at_once])
    rows = found.rows()
    assert rows.managed_agents[ManagedAgentKey.NEO_SUPPORT] == {"msp-a": (12, 13)}
    assert rows.agent_names == {12: "Help desk", 13: "Another"}
    channels = (("c-1", "msp-a", 12, True, None), ("c-2", "msp-a", 12, True, False))
    assert rows.active_channels == {("msp-a", "b"): channels}
    assert rows.active_installations == {("b", "m"): channels}
    assert rows.end_companies == {("msp-a", "m"): ("e-1", "e-2")}
    assert (set(rows.tenants), set(rows.white_label_bots)) == ({"msp-a"}, {"b"})


_CONTRADICTORY = {
    "a sort that is not known": (6, *FOUND[0][1:]),
    "two owners": (2, "msp-b", *FOUND[1][2:]),
    "two kinds": (*FOUND[1][:5], "TRIGGERED", *FOUND[1][6:]),
}


@pytest.mark.parametrize("row", _CONTRADICTORY.values(), ids=_CONTRADICTORY)
@pytest.mark.parametrize("place", range(len(FOUND) + 1))
def test_a_row_that_makes_no_sense_is_told_of_wherever_it_comes(row: tuple[object, ...], place: int) -> None:
    found = FoundRows()
    for one in [*FOUND[:place], row, *FOUND[place:]]:
        found.add([one])
    with pytest.raises(ValueError, match=r"makes no sense|two kinds"):
        found.rows()


@pytest.mark.parametrize("count", [99, 100, 101, 200, 1001])
def test_all_rows_come_back_however_many(engine: Engine, count: int) -> None:
    tenant_ids = {f"msp-{number}" for number in range(count)}
    store(engine, World(tuple(Tenant(id=tenant_id) for tenant_id in sorted(tenant_ids)), (), (), ()))
    rows = SqlDirectory(engine).look_up([(tenant_id, None, None, None, None) for tenant_id in tenant_ids])
    assert set(rows.tenants) == tenant_ids


def test_where_nothing_is_needed_nothing_is_found(engine: Engine) -> None:
    assert not SqlDirectory(engine).look_up([]).conversational_agents


def test_each_directory_of_an_engine_waits_for_a_locked_file_as_long_as_it_may(sqlite_url: str) -> None:
    engine = engine_with_tables(sqlite_url, pool_size=1, max_overflow=0)
    waits = []
    for deadline in (3.0, 0.2, 1.0):
        decide(USER, REQUEST, SqlDirectory(engine, deadline=deadline))
        with engine.connect() as connection:
            waits.append(connection.exec_driver_sql("PRAGMA busy_timeout").scalar())
    engine.dispose()
    assert waits == [3000, 200, 1000]


def test_threads_share_a_directory(on_postgresql: Engine) -> None:
    directory = SqlDirectory(on_postgresql)

    async def many() -> list[int]:
        calls = (asyncio.to_thread(decide, USER, REQUEST, directory) for _ in range(200))
        return [decision.result.unwrap().agent_id for decision in await asyncio.gather(*calls)]

    assert asyncio.run(many()) == [12] * 200
    assert on_postgresql.pool.checkedout() == 0


def test_many_tasks_share_an_asynchronous_directory(on_postgresql: Engine, database_url: str) -> None:
    async def many() -> list[int]:
        engine = create_async_engine(database_url.replace("+psycopg", "+asyncpg"), pool_size=3, max_overflow=2)
        directory = AsyncSqlDirectory(engine, deadline=60)
        decisions = await asyncio.gather(*(adecide(USER, REQUEST, directory) for _ in range(200)))
        assert engine.pool.checkedout() == 0
        await engine.dispose()
        return [decision.result.unwrap().agent_id for decision in decisions]

    assert asyncio.run(many()) == [12] * 200


def test_a_key_that_the_encoding_of_a_connection_cannot_say_is_an_outage(
    on_postgresql: Engine, database_url: str
) -> None:
    engine = create_engine(database_url, connect_args={"client_encoding": "latin1"})
    directory = SqlDirectory(engine)
    with pytest.raises(DirectoryUnavailable):
        decide(Caller(CallerKind.USER, "\U0001f600"), REQUEST, directory)
    assert decide(USER, REQUEST, directory).result.unwrap().agent_id == 12
    engine.dispose()


@pytest.mark.parametrize(
    ("connect_args", "prepared"),
    [({}, 2), ({"statement_cache_size": 0, "prepared_statement_cache_size": 0}, 0)],
    ids=["by default", "as the host wants none"],
)
def test_asyncpg_prepares_each_statement_once_unless_the_host_wants_none_prepared(
    on_postgresql: Engine, database_url: str, connect_args: dict[str, int], prepared: int
) -> None:
    by_key = SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT)

    async def decide_and_count() -> int:
        url = database_url.replace("+psycopg", "+asyncpg")
        engine = create_async_engine(url, pool_size=1, max_overflow=0, connect_args=connect_args)
        directory = AsyncSqlDirectory(engine, deadline=60)
        for _ in range(3):
            assert (await adecide(USER, REQUEST, directory)).result.unwrap().agent_id == 12
            assert (await adecide(USER, by_key, directory)).result.failure().status == 404
        async with engine.connect() as connection:
            statements = await connection.execute(text("SELECT statement FROM pg_prepared_statements"))
            ours = [statement for statement in statements.scalars() if "routing_tenant" in statement]
        await engine.dispose()
        return len(ours)

    assert asyncio.run(decide_and_count()) == prepared


def test_the_tables_are_those_that_the_directory_reads() -> None:
    assert {table.removeprefix("routing_") for table in metadata.tables} == {
        "tenant",
        "agent",
        "channel",
        "channel_installation",
        "end_company",
        "end_company_link",
    }
