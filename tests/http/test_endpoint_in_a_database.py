"""All in one database: a key that the command issued, a directory, and sessions that are decided and kept there."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import ASGIApp

from neo_routing_adapters.command import main
from neo_routing_adapters.http import application
from neo_routing_adapters.http.callers import ApiKeys, Cause, Credentials, read_peppers
from neo_routing_adapters.http.credentials_sql import SqlKeyStore
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.http.tables.sessions import idempotency_keys, sessions
from neo_routing_adapters.json_lines import read_record
from neo_routing_adapters.sql import AsyncSqlDirectory
from tests.programs.databases.stored import store
from tests.programs.http.calls import NOON, Response, an_endpoint, call, run
from tests.programs.http.engines import engine_of
from tests.programs.http.kept_sessions import WORLD
from tests.programs.servers.postgres_server import wait_until
from tests.programs.thoroughness import first_always

PEPPER = "5e" * 32
DRIVERS = ["sqlite", "sqlite+aiosqlite", *first_always(["postgresql+asyncpg", "postgresql+psycopg"])]
BODY = b'{"agent_id": 12, "title": "Printer"}'
TAKEN_AWAY = "UPDATE routing_agent SET kind = 'TRIGGERED' WHERE id = 12"
GIVEN_BACK = "UPDATE routing_agent SET kind = 'CONVERSATIONAL' WHERE id = 12"
Command = Callable[..., str]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, run in this process; returns what it wrote."""
    monkeypatch.setenv("NEO_ROUTING_KEY_PEPPERS", PEPPER)

    def run_to_its_end(*arguments: str) -> str:
        assert main(arguments) == 0
        told, complaint = capsys.readouterr()
        assert complaint == ""
        return told

    return run_to_its_end


class Database:
    """A database with a directory, the endpoint's tables and a key, made by the command alone but for the rows."""

    def __init__(self, url: str, driver: str, command: Command) -> None:
        self.url, self._driver, self._command = url, driver, command
        command("db", "upgrade", url)
        command("sessions", "upgrade", url)
        with self.opened() as engine:
            store(engine, WORLD)
        self.key = json.loads(command("keys", "issue", url, "--caller", "service_account:msp-a", "--json"))
        self.told: list[Any] = []
        self.fields: dict[str, Any] = {}
        """What the endpoint has beside what it must have."""

    @contextmanager
    def opened(self, **options: Any) -> Iterator[Engine]:
        engine = create_engine(self.url, **options)
        try:
            yield engine
        finally:
            engine.dispose()

    def change(self, statement: str) -> None:
        with self.opened() as engine, engine.begin() as connection:
            connection.exec_driver_sql(statement)

    def revoke(self) -> None:
        self._command("keys", "revoke", self.url, self.key["id"])

    def kept(self, table: Any) -> list[Any]:
        with self.opened() as engine, engine.connect() as connection:
            return [*connection.execute(select(table)).mappings()]

    def served(self, act: Callable[[ASGIApp], Any]) -> Any:
        """Let somebody call the endpoint on it, in an event loop of its own."""

        async def serve() -> Any:
            async with engine_of(self.url, self._driver) as engine:
                return await act(self._application(engine))

        return run(serve())

    def _application(self, engine: AsyncEngine | Engine) -> ASGIApp:
        directory = AsyncSqlDirectory(engine)
        endpoint = an_endpoint(
            directory,
            authenticator=Credentials(api_keys=ApiKeys(SqlKeyStore(engine), read_peppers(PEPPER), environment="live")),
            sessions=SqlSessions(engine, directory, now=lambda: NOON),
            on_answer=self.told.append,
            **self.fields,
        )
        return application(endpoint)

    async def ask(self, app: ASGIApp, body: bytes = BODY, **more: str) -> Response:
        headers = {"content-type": "application/json", "authorization": f"Bearer {self.key['key']}"}
        response = await call(
            app, body, headers=headers | {name.replace("_", "-"): value for name, value in more.items()}
        )
        assert response is not None
        return response


@pytest.fixture(params=DRIVERS)
def database(request: pytest.FixtureRequest, command: Command) -> Database:
    url = request.getfixturevalue("sqlite_url" if request.param.startswith("sqlite") else "database_url")
    return Database(url, request.param, command)


def test_a_key_of_the_command_gets_a_session_which_is_kept_with_its_decision_and_replayed(database: Database) -> None:
    async def act(app: ASGIApp) -> list[Response]:
        bodies = (BODY, b'{ "title": "Printer", "agent_id": 12 }', b'{"agent_id": 12}')
        return [await database.ask(app, body, idempotency_key="k-1") for body in bodies]

    first, again, other = database.served(act)
    assert (first.status, again.status, other.status, other.code) == (200, 200, 422, "idempotency_key_reused")
    data = first.document["data"]
    assert (data["client_id"], data["agent_id"], data["title"], data["channel"]) == ("msp-a", 12, "Printer", "api")
    assert again.document["data"] == data
    assert again.document["meta"]["request_id"] != first.document["meta"]["request_id"]
    timings = [[*answer.document["meta"]["timings_ms"]] for answer in (first, again)]
    assert timings == [["authenticate", "decide", "store"], ["authenticate", "store"]]
    [kept], [key] = database.kept(sessions), database.kept(idempotency_keys)
    assert str(kept["id"]) == data["id"]
    assert key["session_id"] == kept["id"]
    record = read_record(kept["record"])
    assert record.id == first.document["meta"]["request_id"]
    assert record.decide_again().result.unwrap().agent_id == 12


def test_a_name_that_no_text_can_hold_is_kept_with_the_decision(database: Database) -> None:
    body = b'{"agent_id": 12, "\\ud800": 1, "caf\\u00e9\\u202e": 2}'
    assert database.served(lambda app: database.ask(app, body)).status == 200
    [kept] = database.kept(sessions)
    request = read_record(kept["record"]).request
    assert request is not None
    assert {*request.unknown_fields} == {"\ud800", "caf\u00e9\u202e"}


def test_no_session_is_made_while_the_directory_refuses_and_what_was_made_is_replayed_all_the_same(
    database: Database,
) -> None:
    async def act(app: ASGIApp) -> list[Response]:
        answers = [await database.ask(app, idempotency_key="k-1")]
        database.change(TAKEN_AWAY)
        answers += [await database.ask(app, idempotency_key=key) for key in ("k-1", "k-2")]
        database.change(GIVEN_BACK)
        return [*answers, await database.ask(app, idempotency_key="k-2")]

    made, replayed, refused, later = database.served(act)
    assert [answer.status for answer in (made, replayed, later)] == [200, 200, 200]
    assert replayed.document["data"] == made.document["data"]
    assert (refused.status, refused.code) == (422, "agent_not_conversational")
    assert later.document["data"]["id"] != made.document["data"]["id"]
    assert len(database.kept(sessions)) == 2


def test_a_key_that_is_revoked_gets_no_session_from_the_next_call_on(database: Database) -> None:
    async def act(app: ASGIApp) -> list[Response]:
        before = await database.ask(app)
        database.revoke()
        return [before, await database.ask(app)]

    before, after = database.served(act)
    assert (before.status, after.status, after.code) == (200, 401, "unauthenticated")
    assert database.told[-1].cause == Cause.REVOKED_KEY
    assert len(database.kept(sessions)) == 1


def test_of_many_calls_with_one_idempotency_key_one_makes_a_session_and_replays_meet(database: Database) -> None:
    async def act(app: ASGIApp) -> list[Response]:
        return [*await asyncio.gather(*(database.ask(app, idempotency_key="k-1") for _ in range(10)))]

    answers = database.served(act)
    assert Counter(answer.status for answer in answers).keys() <= {200, 409}
    replays = database.served(act)
    assert {answer.status for answer in replays} == {200}
    [kept] = database.kept(sessions)
    answers += replays
    assert {answer.document["data"]["id"] for answer in answers if answer.status == 200} == {str(kept["id"])}


def test_nobody_can_change_the_directory_between_the_decision_and_its_session(database: Database) -> None:
    impatient = {"timeout": 0} if database.url.startswith("sqlite") else {"options": "-c lock_timeout=100"}
    tried: list[str] = []

    def name_of_channel(*_: Any) -> str:
        with (
            pytest.raises(OperationalError) as refused,
            database.opened(connect_args=impatient) as engine,
            engine.begin() as connection,
        ):
            connection.exec_driver_sql(TAKEN_AWAY)
        tried.append(str(refused.value.orig))
        return "mine"

    database.fields["channel_name"] = name_of_channel
    answer = database.served(database.ask)
    assert (answer.status, answer.document["data"]["channel"]) == (200, "mine")
    assert len(tried) == 1
    assert "lock" in tried[0]
    database.change(TAKEN_AWAY)


@pytest.mark.parametrize("missing", ["sessions", "directory"])
def test_tables_that_are_gone_are_an_outage_and_no_refusal(database: Database, missing: str) -> None:
    code, table = {
        "sessions": ("sessions_unavailable", "neo_chat_session"),
        "directory": ("directory_unavailable", "routing_agent"),
    }[missing]
    database.change(f"ALTER TABLE {table} RENAME TO gone")
    answer = database.served(database.ask)
    assert (answer.status, answer.code) == (500, code)
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("driver", first_always(["postgresql+asyncpg", "postgresql+psycopg"]))
def test_a_call_that_meets_a_change_waits_for_it_and_is_decided_on_what_that_left(
    database_url: str, driver: str, command: Command
) -> None:
    database = Database(database_url, driver, command)

    async def act(app: ASGIApp) -> Response:
        with database.opened() as engine, engine.begin() as writer:
            writer.exec_driver_sql(TAKEN_AWAY)
            writer.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")  # as its commit does
            calling = asyncio.create_task(database.ask(app))
            await asyncio.to_thread(wait_until, lambda: calling.done() or waiting(engine))
            assert not calling.done()
        return await calling

    refused = database.served(act)
    assert (refused.status, refused.code) == (422, "agent_not_conversational")
    assert database.kept(sessions) == []


def waiting(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.exec_driver_sql(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        ).scalar_one()
