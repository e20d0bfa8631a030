"""A directory in memory that follows a database is that database, state by state."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from neo_routing import Caller, CallerKind, PolicyEngine, SessionRequest, adecide, decide
from neo_routing_adapters.live import LiveDirectory, State, UnknownToken
from neo_routing_adapters.sql import RELATIONS, SqlDirectoryWriter, change_token
from neo_routing_adapters.sql.tables import follow
from neo_routing_adapters.sql.tables.directory_export import stored_content
from tests.programs.databases.administered import AGENT, CHANNEL, COMPANY, TENANTS, upgraded
from tests.programs.databases.followed import run
from tests.programs.servers.postgres_server import wait_until

AMPLE = 60.0
USER = Caller(CallerKind.USER, "msp-a")
MSP_A, MSP_B = TENANTS


@contextmanager
def followed(url: str) -> Iterator[Engine]:
    """Open a database whose directory can be followed."""
    with upgraded(url) as engine:
        if engine.dialect.name == "postgresql":
            follow.install(engine)
        yield engine


@pytest.fixture
def engine(any_database_url: str) -> Iterator[Engine]:
    with followed(any_database_url) as engine:
        yield engine


@pytest.fixture
def on_postgresql(database_url: str) -> Iterator[Engine]:
    with followed(database_url) as engine:
        yield engine


@contextmanager
def live(engine: Engine, **options: float) -> Iterator[LiveDirectory]:
    with LiveDirectory(engine, **{"max_staleness": AMPLE, "poll": 0.02, **options}) as directory:
        directory.wait_until_ready(AMPLE)
        yield directory


def write(engine: Engine, directory: LiveDirectory, *changes: Callable[[SqlDirectoryWriter], object]) -> None:
    """Write each in a transaction of its own, and look whether the directory has it afterwards."""
    for change in changes:
        with engine.begin() as connection:
            writer = SqlDirectoryWriter(connection)
            change(writer)
            token = writer.change_token()
        directory.wait_until(token, AMPLE)
        assert directory.look_up(()) == stored_content(engine)


def put_all(writer: SqlDirectoryWriter) -> None:
    writer.put_tenant(MSP_A)
    writer.put_tenant(MSP_B)
    writer.put_agent(AGENT)
    writer.put_channel(CHANNEL)
    writer.put_end_company(COMPANY)


def test_every_state_is_one_that_was_committed(database_url: str, thorough: bool) -> None:
    found = run(database_url, 2_000 if thorough else 300, open_for=1.0)
    assert (found.wrong, found.equal_at_the_end) == (0, True)
    assert found.states > 30


@pytest.mark.thorough
def test_a_cursor_on_sequence_numbers_would_lose_changes(database_url: str) -> None:
    assert run(database_url, 600, by_sequence=True, open_for=1.0).wrong > 0


def test_each_change_of_each_relation_is_followed(engine: Engine) -> None:
    with live(engine) as directory:
        write(
            engine,
            directory,
            put_all,
            lambda writer: writer.add_installation("ch-1", "m-3"),
            lambda writer: writer.remove_installation("ch-1", "m-1"),
            lambda writer: writer.add_link("co-1", "m-2"),
            lambda writer: writer.remove_link("co-1", "m-1"),
            lambda writer: writer.delete_agent(AGENT.id),
            lambda writer: writer.delete_channel("ch-1"),
            lambda writer: writer.delete_tenant("msp-a"),
            put_all,
            lambda writer: writer.delete_end_company("co-1"),
        )


@pytest.mark.parametrize(
    "change",
    [
        "TRUNCATE routing_channel_installation",
        "TRUNCATE routing_tenant CASCADE",
        "UPDATE routing_agent SET id = 13",
        "UPDATE routing_channel SET id = 'ch-2', bot_id = 'another', white_label = FALSE",
        "UPDATE routing_end_company SET tenant_id = 'msp-b'",
        "UPDATE routing_end_company_link SET m365_tenant_id = 'm-9'",
        "SET LOCAL session_replication_role = replica; DELETE FROM routing_end_company_link",
        "INSERT INTO routing_tenant SELECT 'many-' || n, '' FROM generate_series(1, 10001) AS n",
    ],
)
def test_what_is_written_by_hand_is_followed(on_postgresql: Engine, change: str) -> None:
    with live(on_postgresql) as directory:
        write(on_postgresql, directory, put_all)
        with on_postgresql.begin() as connection:
            connection.exec_driver_sql(change)
            token = change_token(connection)
        directory.wait_until(token, AMPLE)
        assert directory.look_up(()) == stored_content(on_postgresql)


def test_what_was_rolled_back_was_never_there(on_postgresql: Engine) -> None:
    with live(on_postgresql) as directory:
        with on_postgresql.connect() as connection:
            SqlDirectoryWriter(connection).put_tenant(MSP_A)
            token = change_token(connection)
            connection.rollback()
        directory.wait_until(token, AMPLE)
        assert [*directory.look_up(())] == []


def test_a_decision_stays_on_the_state_that_it_was_made_on(engine: Engine) -> None:
    with live(engine) as directory:
        write(engine, directory, put_all)
        decision = decide(USER, SessionRequest(agent_id=AGENT.id), directory)
        write(engine, directory, lambda writer: writer.delete_agent(AGENT.id))
        later = decide(USER, SessionRequest(agent_id=AGENT.id), directory)
        assert (str(decision.trace[-1].reason), str(later.trace[-1].reason)) == ("agent_available", "agent_missing")
        assert None not in {decision.revision, later.revision}
        assert decision.revision != later.revision == directory.revision


def test_an_engine_takes_it_as_any_directory_awaited_or_not(engine: Engine) -> None:
    with live(engine) as directory:
        write(engine, directory, put_all)
        assert PolicyEngine(directory).decide(USER, {"agent_id": AGENT.id}).target.agent_id == AGENT.id
        awaited = asyncio.run(adecide(USER, SessionRequest(agent_id=AGENT.id), directory))
        assert awaited.result.unwrap().agent_id == AGENT.id


def test_a_task_waits_for_what_was_written(engine: Engine) -> None:
    async def written(directory: LiveDirectory) -> None:
        with engine.begin() as connection:
            put_all(SqlDirectoryWriter(connection))
            token = change_token(connection)
        await directory.await_until(token, AMPLE)
        assert directory.look_up(()) == stored_content(engine)

    with live(engine, poll=30) as directory:
        asyncio.run(written(directory))


def test_it_waits_no_longer_than_it_may(on_postgresql: Engine) -> None:
    with live(on_postgresql) as directory, on_postgresql.begin() as connection:
        token = change_token(connection)
        with pytest.raises(TimeoutError):
            directory.wait_until(token, 0.1)
        with pytest.raises(TimeoutError):
            asyncio.run(directory.await_until(token, 0.1))


@pytest.mark.parametrize("token", ["", "sqlite", "1/2/00000001@700", "@700"])
def test_a_token_of_another_database_tells_nothing(on_postgresql: Engine, token: str) -> None:
    with live(on_postgresql) as directory, pytest.raises(UnknownToken):
        directory.wait_until(token, AMPLE)


def test_on_postgresql_it_is_told_of_changes_at_once(on_postgresql: Engine) -> None:
    with live(on_postgresql, poll=50) as directory:
        assert directory.status().is_nudged
        with on_postgresql.begin() as connection:
            SqlDirectoryWriter(connection).put_tenant(MSP_A)
        wait_until(lambda: len(directory.look_up(())) == 1)


def test_many_changes_go_into_a_new_base(on_postgresql: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neo_routing_adapters.live.follower._MOST_OVER", 3)
    with live(on_postgresql) as directory:
        for number in range(20):
            with on_postgresql.begin() as connection:
                connection.execute(text("INSERT INTO routing_tenant VALUES (:id, '')"), {"id": f"msp-{number}"})
                token = change_token(connection)
            directory.wait_until(token, AMPLE)
            assert directory.look_up(()) == stored_content(on_postgresql)
        wait_until(lambda: _in_the_base(directory) >= 10)


def _in_the_base(directory: LiveDirectory) -> int:
    directory._wake()
    tenants = directory.look_up(()).tenants
    return len(getattr(tenants, "_base", tenants))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_that_is_forked_follows_by_itself(on_postgresql: Engine) -> None:
    with live(on_postgresql) as directory:
        child = os.fork()
        if not child:
            try:
                with on_postgresql.begin() as connection:
                    SqlDirectoryWriter(connection).put_tenant(MSP_A)
                    token = change_token(connection)
                directory.wait_until(token, AMPLE)
                os._exit(len(directory.look_up(())))
            finally:  # this process is no test
                os._exit(9)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
        wait_until(lambda: len(directory.look_up(())) == 1)


def test_it_follows_from_when_it_is_entered_until_it_is_left(engine: Engine) -> None:
    directory = LiveDirectory(engine)
    assert directory.status().state is State.NOT_READY
    with directory:
        directory.wait_until_ready(AMPLE)
    assert directory.status().state is State.FAILED
    with directory:
        directory.wait_until_ready(AMPLE)


@pytest.mark.parametrize(
    "options", [{"poll": 0}, {"poll": True}, {"max_staleness": "5"}, {"max_staleness": float("inf")}]
)
def test_times_must_be_times(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"LiveDirectory.{next(iter(options))} must be a number of seconds above 0"):
        LiveDirectory(create_engine("sqlite:///file"), **options)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql+asyncpg://host/name"])
def test_it_follows_by_psycopg_or_a_file(url: str) -> None:
    engine = create_engine(url) if "asyncpg" not in url else url
    with pytest.raises(ValueError, match=r"LiveDirectory"):
        LiveDirectory(engine)  # type: ignore[arg-type]


def test_a_role_that_may_only_read_follows(database_url: str) -> None:
    role = f"neo_routing_follows_{uuid4().hex}"
    with upgraded(database_url) as engine:
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN")
                for relation in RELATIONS:
                    connection.exec_driver_sql(f"GRANT SELECT ON {relation} TO {role}")
            follow.install(engine)
            reading = create_engine(make_url(database_url).set(username=role))
            with live(reading) as directory:
                write(engine, directory, put_all)
                assert directory.status().is_nudged
            reading.dispose()
        finally:
            with engine.begin() as connection:
                connection.exec_driver_sql(f"DROP OWNED BY {role}")
                connection.exec_driver_sql(f"DROP ROLE {role}")


def test_a_file_that_takes_the_place_of_another_is_noticed(tmp_path: Path) -> None:
    one, other = tmp_path / "one.sqlite", tmp_path / "other.sqlite"
    with upgraded(f"sqlite:///{other}") as engine, engine.connect() as connection:
        SqlDirectoryWriter(connection).put_tenant(MSP_A)
        connection.commit()
    with upgraded(f"sqlite:///{one}") as engine, live(engine) as directory:
        assert [*directory.look_up(())] == []
        other.replace(one)
        wait_until(lambda: [*directory.look_up(())] == [MSP_A])
