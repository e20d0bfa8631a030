"""API keys and links of Entra in a database: found, revoked, and an outage when the database does not tell."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pytest
from sqlalchemy import Engine, create_engine, inspect, make_url, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from neo_routing import Caller, CallerKind
from neo_routing_adapters.command import main
from neo_routing_adapters.command.serve.engines import close
from neo_routing_adapters.http import credentials_kept, credentials_sql
from neo_routing_adapters.http.api_keys import ApiKeys, IssuedKey, issue_key
from neo_routing_adapters.http.causes import Cause
from neo_routing_adapters.http.credentials_sql import SqlEntraLinks, SqlKeyStore
from neo_routing_adapters.http.key_store import KeyState
from neo_routing_adapters.http.links import EntraLink
from neo_routing_adapters.http.peppers import Peppers
from neo_routing_adapters.http.ports import AuthenticationUnavailable, Unauthenticated
from neo_routing_adapters.http.tables.credentials import api_keys, entra_links
from neo_routing_adapters.http.tables.metadata import metadata
from neo_routing_adapters.sql.look_up.written import Written
from tests.programs.http.engines import engine_for
from tests.programs.servers.postgres_server import PostgresServer
from tests.programs.thoroughness import first_always

T = TypeVar("T")
NOW = datetime(2027, 1, 15, 8, 0, 0, 123456, UTC)
PEPPERS = Peppers((b"n" * 32, b"o" * 32))
MSP = Caller(CallerKind.SERVICE_ACCOUNT, "northwind-it")
TID = "9b1d2c3e-4f50-4a6b-8c7d-0e1f2a3b4c5d"
DRIVERS = {
    "sqlite": "sqlite",
    "aiosqlite": "sqlite+aiosqlite",
    "psycopg": "postgresql+psycopg",
    "asyncpg": "postgresql+asyncpg",
}


@pytest.fixture(params=["sqlite", "aiosqlite", *first_always(["psycopg", "asyncpg"])])
def url(request: pytest.FixtureRequest) -> str:
    """A database with the tables, by each driver that can be awaited."""
    given = request.getfixturevalue("sqlite_url" if "sqlite" in request.param else "database_url")
    administered(given, metadata.create_all)
    return make_url(given).set(drivername=DRIVERS[request.param]).render_as_string(hide_password=False)


def sync_engine(url: str):
    made = make_url(url)
    return create_engine(
        made.set(drivername="sqlite" if made.drivername.startswith("sqlite") else "postgresql+psycopg")
    )


def administered(url: str, act: Callable[..., T], *arguments: Any, **more: Any) -> T:
    engine = sync_engine(url)
    try:
        with engine.begin() as connection:
            return act(connection, *arguments, **more)
    finally:
        engine.dispose()


@asynccontextmanager
async def engine_on(url: str) -> AsyncIterator[AsyncEngine | Engine]:
    engine = engine_for(url, make_url(url).drivername)
    try:
        yield engine
    finally:
        await close(engine)
        # A thread with a connection to SQLite, made or not, tells the event loop of its end, so that must be there.
        for _ in range(1_000):
            if not any("_connection_worker_thread" in thread.name for thread in threading.enumerate()):
                break
            await asyncio.sleep(0.01)


def with_engine(url: str, act: Callable[[AsyncEngine | Engine], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        async with engine_on(url) as engine:
            return await act(engine)

    return asyncio.run(run())


def issued(**more: Any) -> IssuedKey:
    return issue_key(more.pop("caller", MSP), "live", PEPPERS, name="first", now=NOW, **more)


def authenticated(url: str, *texts: str, now: datetime = NOW) -> list[Any]:
    async def ask(engine: AsyncEngine | Engine) -> list[Any]:
        keys = ApiKeys(SqlKeyStore(engine), PEPPERS, environment="live", now=lambda: now)
        return [await keys.authenticate(text) for text in texts]

    return with_engine(url, ask)


def test_a_key_is_found_and_comes_back_as_it_was_kept(url: str) -> None:
    key, other = issued(expires_at=NOW + timedelta(days=1)), issued(caller=Caller(CallerKind.PLATFORM, "neo"))
    for each in (key, other):
        administered(url, credentials_kept.add_key, each.stored)
    assert authenticated(url, key.text, other.text, issued().text) == [
        MSP,
        other.stored.caller,
        Unauthenticated(Cause.UNKNOWN_KEY),
    ]
    kept = administered(url, credentials_kept.keys_in)
    assert sorted(kept, key=lambda each: each.id) == sorted([key.stored, other.stored], key=lambda each: each.id)
    assert administered(url, credentials_kept.keys_in, tenant_id="neo") == [other.stored]


def test_no_secret_is_kept(url: str, tmp_path: Path) -> None:
    key = issued()
    administered(url, credentials_kept.add_key, key.stored)
    kept = administered(url, lambda connection: str(connection.execute(api_keys.select()).all()))
    assert key.text[12:] not in kept
    for file in tmp_path.glob("*.sqlite"):
        assert key.text[12:].encode() not in file.read_bytes()


def test_a_revocation_counts_from_the_next_call_on_and_stays(url: str) -> None:
    key = issued()
    administered(url, credentials_kept.add_key, key.stored)

    async def ask(engine: AsyncEngine | Engine) -> list[Any]:
        keys = ApiKeys(SqlKeyStore(engine), PEPPERS, environment="live", now=lambda: NOW)
        before = await keys.authenticate(key.text)
        await asyncio.to_thread(administered, url, credentials_kept.revoke_key, key.stored, NOW)
        return [before, await keys.authenticate(key.text)]

    assert with_engine(url, ask) == [MSP, Unauthenticated(Cause.REVOKED_KEY)]
    revoked = administered(url, credentials_kept.key_named, key.stored.id)
    assert revoked is not None and revoked.revoked_at == NOW
    again = administered(url, credentials_kept.revoke_key, revoked, NOW + timedelta(days=1))
    assert again.revoked_at == NOW


def test_a_key_that_is_rotated_goes_on_for_a_while_and_no_longer_than_it_would_have(url: str) -> None:
    old, soon = issued(), issued(expires_at=NOW + timedelta(hours=1))
    new = [issued(), issued()]
    for each, replacement in zip((old, soon), new, strict=True):
        administered(url, credentials_kept.add_key, each.stored)
        administered(
            url, credentials_kept.replace_key, each.stored, replacement, now=NOW, until=NOW + timedelta(days=1)
        )
    texts = old.text, soon.text, new[0].text, new[1].text
    expired = Unauthenticated(Cause.EXPIRED_KEY)
    assert authenticated(url, *texts) == [MSP] * 4
    assert authenticated(url, *texts, now=NOW + timedelta(hours=1)) == [MSP, expired, MSP, MSP]
    assert authenticated(url, *texts, now=NOW + timedelta(days=1)) == [expired, expired, MSP, MSP]


@pytest.mark.parametrize("state", [KeyState.REVOKED, KeyState.EXPIRED])
def test_a_key_that_opens_nothing_is_not_rotated(sqlite_url: str, state: KeyState) -> None:
    administered(sqlite_url, metadata.create_all)
    key = issued(expires_at=NOW if state is KeyState.EXPIRED else None).stored
    administered(sqlite_url, credentials_kept.add_key, key)
    if state is KeyState.REVOKED:
        key = administered(sqlite_url, credentials_kept.revoke_key, key, NOW)
    with pytest.raises(credentials_kept.KeyNotActive, match=str(state)):
        administered(sqlite_url, credentials_kept.replace_key, key, issued(), now=NOW, until=NOW)
    assert administered(sqlite_url, credentials_kept.keys_in) == [key]


def test_a_link_is_found_in_any_spelling_and_is_one_tenants(url: str) -> None:
    link = EntraLink(m365_tenant_id="{" + TID.upper() + "}", tenant_id="northwind-it", created_at=NOW)
    later = attrs.evolve(link, created_at=NOW + timedelta(days=1))
    assert administered(url, credentials_kept.add_link, link) == link
    assert administered(url, credentials_kept.add_link, later) == link
    other = EntraLink(m365_tenant_id=TID, tenant_id="tailspin", created_at=NOW)
    with pytest.raises(credentials_kept.LinkedToAnother, match="northwind-it"):
        administered(url, credentials_kept.add_link, other)

    async def ask(engine: AsyncEngine | Engine) -> list[str | None]:
        links = SqlEntraLinks(engine)
        return [await links.tenant_of(TID), await links.tenant_of("contoso.com")]

    assert with_engine(url, ask) == ["northwind-it", None]
    assert administered(url, credentials_kept.links_in) == [link]
    assert administered(url, credentials_kept.links_in, tenant_id="tailspin") == []
    assert administered(url, credentials_kept.remove_link, TID) == link
    assert administered(url, credentials_kept.remove_link, TID) is None
    assert with_engine(url, ask) == [None, None]


def test_the_commands_work_on_postgresql(
    database_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEO_ROUTING_KEY_PEPPERS", (b"n" * 32).hex())
    administered(database_url, metadata.create_all)

    def run(*arguments: str) -> Any:
        status = main([*arguments, "--json"])
        told, complaint = capsys.readouterr()
        assert (status, complaint) == (0, "")
        return json.loads(told)

    key = run("keys", "issue", database_url, "--caller", "service_account:northwind-it")
    new = run("keys", "rotate", database_url, key["id"])
    assert run("keys", "revoke", database_url, key["id"])["state"] == "revoked"
    url = make_url(database_url).set(drivername=DRIVERS["asyncpg"]).render_as_string(hide_password=False)
    told = authenticated(url, key["key"], new["key"], now=datetime.now(UTC))
    assert told == [Unauthenticated(Cause.REVOKED_KEY), MSP]
    assert run("entra", "link", database_url, TID, "northwind-it") == run("entra", "list", database_url)
    assert run("entra", "unlink", database_url, TID)["tenant_id"] == "northwind-it"


# What is no answer


def outage(url: str, **more: Any) -> AuthenticationUnavailable:
    """Ask both, and return the outage that each must be."""

    async def ask(engine: AsyncEngine | Engine) -> AuthenticationUnavailable:
        with pytest.raises(AuthenticationUnavailable):
            await SqlEntraLinks(engine, **more).tenant_of(TID)
        with pytest.raises(AuthenticationUnavailable) as caught:
            await SqlKeyStore(engine, **more).find([bytes(32)])
        return caught.value

    return with_engine(url, ask)


def test_without_the_tables_it_is_an_outage(url: str) -> None:
    administered(url, metadata.drop_all)
    assert str(outage(url)) == "Callers cannot be authenticated at the moment."


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_a_server_that_is_not_there_is_an_outage(driver: str) -> None:
    assert outage(f"{DRIVERS[driver]}://neo@127.0.0.1:1/nobody").__cause__ is not None


def test_a_folder_that_is_not_there_is_an_outage(tmp_path: Path) -> None:
    outage(f"sqlite+aiosqlite:///{tmp_path / 'nowhere' / 'keys.sqlite'}")


@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_a_server_that_does_not_answer_is_an_outage_in_time_and_it_goes_on_afterwards(
    driver: str, postgres: PostgresServer
) -> None:
    postgres.create_database(f"keys_{driver}")
    url = postgres.url(driver, f"keys_{driver}")
    administered(url, metadata.create_all)

    async def ask(engine: AsyncEngine | Engine) -> None:
        store = SqlKeyStore(engine, seconds=0.5)
        assert await store.find([bytes(32)]) is None
        postgres.freeze()
        try:
            before = time.monotonic()
            with pytest.raises(AuthenticationUnavailable):
                await store.find([bytes(32)])
            assert time.monotonic() - before < 5
        finally:
            postgres.thaw()
        patient = SqlKeyStore(engine, seconds=10)
        assert await patient.find([bytes(32)]) is None

    with_engine(url, ask)


def test_the_answer_to_another_question_is_an_outage(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Written.run
    monkeypatch.setattr(Written, "run", lambda self, cursor, given: asked(self, cursor, ("another's", *given[1:])))

    async def ask(engine: AsyncEngine | Engine) -> None:
        with pytest.raises(AuthenticationUnavailable) as caught:
            await SqlKeyStore(engine).find([bytes(32)])
        assert isinstance(caught.value.__cause__, credentials_sql.AnotherAnswer)

    with_engine(url, ask)


@pytest.mark.parametrize(
    ("column", "value"),
    [("caller_kind", "user"), ("tenant_id", "' '"), ("created_at", "yesterday"), ("expires_at", "2027-01-01T00:00:00")],
)
def test_a_row_that_makes_no_sense_is_an_outage(sqlite_url: str, column: str, value: str) -> None:
    key = issued()
    administered(sqlite_url, metadata.create_all)
    administered(sqlite_url, credentials_kept.add_key, key.stored)
    file = make_url(sqlite_url).database
    connection = sqlite3.connect(str(file))
    connection.execute("PRAGMA ignore_check_constraints=ON")
    connection.execute(f"UPDATE neo_api_key SET {column} = ?", (value.strip("'"),))
    connection.commit()
    connection.close()
    with pytest.raises(AuthenticationUnavailable):
        authenticated(sqlite_url.replace("sqlite:", "sqlite+aiosqlite:"), key.text)


# The tables


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("mac", b"short"),
        ("caller_kind", "user"),
        ("tenant_id", ""),
        ("tenant_id", "x" * 257),
        ("environment", ""),
    ],
)
def test_the_table_refuses_what_is_no_key(any_database_url: str, column: str, value: Any) -> None:
    administered(any_database_url, metadata.create_all)
    key = issued().stored
    administered(any_database_url, credentials_kept.add_key, key)
    with pytest.raises(IntegrityError):
        administered(any_database_url, lambda connection: connection.execute(api_keys.update().values({column: value})))


def test_a_time_without_a_zone_is_not_kept(sqlite_url: str) -> None:
    administered(sqlite_url, metadata.create_all)
    with pytest.raises(Exception, match="time zone"):
        administered(
            sqlite_url,
            lambda connection: connection.execute(
                entra_links.insert().values(m365_tenant_id=TID, tenant_id="a", created_at=NOW.replace(tzinfo=None))
            ),
        )


def test_times_are_utc_whatever_the_zone_of_the_session_and_of_the_writer(any_database_url: str) -> None:
    administered(any_database_url, metadata.create_all)
    there = NOW.astimezone(datetime.strptime("+0530", "%z").tzinfo)

    def write_and_read(connection: Any) -> Any:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET TIME ZONE 'Asia/Kolkata'"))
        credentials_kept.add_link(connection, EntraLink(m365_tenant_id=TID, tenant_id="a", created_at=there))
        return connection.execute(entra_links.select()).one().created_at

    read = administered(any_database_url, write_and_read)
    assert (read, read.tzinfo) == (NOW, UTC)


def test_the_tables_that_are_missing_are_named(any_database_url: str) -> None:
    assert administered(any_database_url, credentials_kept.missing_tables) == ["neo_api_key", "neo_entra_link"]
    administered(any_database_url, metadata.create_all)
    assert administered(any_database_url, credentials_kept.missing_tables) == []
    names = administered(any_database_url, lambda connection: inspect(connection).get_table_names())
    assert {"neo_api_key", "neo_entra_link"} <= set(names)
