"""One change at a time, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.exc import IntegrityError

from neo_routing import ChannelStatus
from neo_routing.testing import World, directories
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants
from neo_routing_adapters.sql.tables.guards import guard
from neo_routing_adapters.sql.tables.our_tables import ForeignKeysOff
from neo_routing_adapters.sql.tables.writer import MissingRow, NoTransaction, SqlDirectoryWriter
from tests.programs.databases.administered import AGENT, CHANNEL, COMPANY, WORLD, everything_in, rows_in, upgraded
from tests.programs.databases.stored import store


@pytest.fixture
def engine(any_database_url: str) -> Iterator[Engine]:
    with upgraded(any_database_url) as engine:
        yield engine


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    """A connection to a database that holds the world."""
    store(engine, WORLD)
    with engine.connect() as connection:
        yield connection


@pytest.fixture
def writer(connection: Connection) -> SqlDirectoryWriter:
    return SqlDirectoryWriter(connection)


def put(writer: SqlDirectoryWriter, world: World) -> None:
    for tenant in world.tenants:
        writer.put_tenant(tenant)
    for agent in world.agents:
        writer.put_agent(agent)
    for channel in world.channels:
        writer.put_channel(channel)
    for company in world.end_companies:
        writer.put_end_company(company)


def test_what_is_put_is_what_is_stored_otherwise(engine: Engine) -> None:
    store(engine, WORLD)
    expected = everything_in(engine)
    store(engine, World((), (), (), ()))
    with engine.begin() as connection:
        for _ in range(2):
            put(SqlDirectoryWriter(connection), WORLD)
    assert everything_in(engine) == expected


def delete_others(writer: SqlDirectoryWriter, one: World, other: World) -> None:
    """Delete the rows of one world that the other has not."""
    for collection, delete in (
        ("tenants", writer.delete_tenant),
        ("agents", writer.delete_agent),
        ("channels", writer.delete_channel),
        ("end_companies", writer.delete_end_company),
    ):
        for row_id in {row.id for row in getattr(one, collection)} - {row.id for row in getattr(other, collection)}:
            delete(row_id)


def test_any_world_can_be_put_in_the_place_of_any_other(engine: Engine) -> None:
    @settings(max_examples=20)
    @given(directories(), directories())
    def holds(one: World, other: World) -> None:
        store(engine, one)
        with engine.begin() as connection:
            writer = SqlDirectoryWriter(connection)
            delete_others(writer, one, other)
            put(writer, other)
        found = everything_in(engine)
        store(engine, other)
        assert found == everything_in(engine)

    holds()


def test_nothing_is_committed_and_nothing_rolled_back(engine: Engine) -> None:
    with engine.connect() as connection:
        put(SqlDirectoryWriter(connection), WORLD)
        with pytest.raises(MissingRow):
            SqlDirectoryWriter(connection).add_link("co-9", "m")
        assert connection.in_transaction()
        assert rows_on(connection, tenants)
    assert rows_in(engine, tenants) == []


def rows_on(connection: Connection, table: Any) -> list[Any]:
    return sorted(map(tuple, connection.execute(table.select())), key=str)


@pytest.mark.parametrize(
    "change",
    [{"bot_id": "other"}, {"status": ChannelStatus.DISCONNECTED}, {"white_label": False}, {"tenant_id": "msp-b"}],
)
def test_what_installations_copy_follows_their_channel(
    writer: SqlDirectoryWriter, connection: Connection, change: dict[str, Any]
) -> None:
    moved = evolve(CHANNEL, **change, installed_m365_tenant_ids=["m-2", "m-3"])
    writer.put_channel(moved)
    copied = (moved.bot_id, str(moved.status), moved.white_label)
    assert rows_on(connection, installations) == [("ch-1", "m-2", *copied), ("ch-1", "m-3", *copied)]


def test_what_links_copy_follows_their_company(writer: SqlDirectoryWriter, connection: Connection) -> None:
    writer.put_end_company(evolve(COMPANY, tenant_id="msp-b"))
    assert rows_on(connection, links) == [("co-1", "m-1", "msp-b")]


def test_installations_and_links_come_and_go_one_by_one_in_any_spelling(
    writer: SqlDirectoryWriter, connection: Connection
) -> None:
    for _ in range(2):
        writer.add_installation("ch-1", " {M-3} ")
        writer.add_link("co-1", "M-3")
    assert [row[1] for row in rows_on(connection, installations)] == ["m-1", "m-2", "m-3"]
    assert [row[1] for row in rows_on(connection, links)] == ["m-1", "m-3"]
    assert [writer.remove_installation("ch-1", "M-3"), writer.remove_installation("ch-1", "M-3")] == [True, False]
    assert [writer.remove_link("co-1", "{m-3}"), writer.remove_link("co-1", "m-3")] == [True, False]
    assert [row[1] for row in rows_on(connection, installations)] == ["m-1", "m-2"]


def test_what_is_deleted_takes_along_what_is_its_own(writer: SqlDirectoryWriter, connection: Connection) -> None:
    assert writer.delete_agent(12)
    assert len(rows_on(connection, channels)) == 1
    assert writer.delete_channel("ch-1")
    assert rows_on(connection, installations) == []
    writer.put_agent(AGENT)
    writer.put_channel(CHANNEL)
    assert writer.delete_tenant("msp-a")
    for table in (agents, channels, installations, end_companies, links):
        assert rows_on(connection, table) == []
    for deleted in (writer.delete_tenant("msp-a"), writer.delete_agent(12), writer.delete_end_company("co-1")):
        assert deleted is False


WITHOUT_OWNER: list[tuple[Callable[[SqlDirectoryWriter], None], str]] = [
    (lambda writer: writer.put_agent(evolve(AGENT, tenant_id="msp-z")), "there is no tenant 'msp-z'"),
    (lambda writer: writer.put_channel(evolve(CHANNEL, tenant_id="msp-z")), "there is no tenant 'msp-z'"),
    (lambda writer: writer.put_end_company(evolve(COMPANY, tenant_id="msp-z")), "there is no tenant 'msp-z'"),
    (lambda writer: writer.add_installation("ch-9", "m"), "there is no channel 'ch-9'"),
    (lambda writer: writer.add_link("co-9", "m"), "there is no end-company 'co-9'"),
]


@pytest.mark.parametrize(("change", "told"), WITHOUT_OWNER, ids=range(len(WITHOUT_OWNER)))
def test_what_belongs_to_nothing_is_refused_and_nothing_is_written(
    writer: SqlDirectoryWriter, connection: Connection, change: Callable[[SqlDirectoryWriter], None], told: str
) -> None:
    before = [rows_on(connection, table) for table in (agents, channels, installations, end_companies, links)]
    with pytest.raises(MissingRow, match=told):
        change(writer)
    assert before == [rows_on(connection, table) for table in (agents, channels, installations, end_companies, links)]


ILL_FORMED: list[tuple[Callable[[SqlDirectoryWriter], object], str]] = [
    (lambda writer: writer.add_installation("ch-1", "{}"), "add_installation: m365_tenant_id must not be blank"),
    (lambda writer: writer.add_installation(" ", "m"), "add_installation: channel_id must not be blank"),
    (
        lambda writer: writer.remove_installation("ch-1", '"m"'),
        "remove_installation: m365_tenant_id must be a GUID",
    ),
    (lambda writer: writer.remove_installation("", "m"), "remove_installation: channel_id must not be blank"),
    (lambda writer: writer.add_link("co-1", "m\0"), "add_link: m365_tenant_id must be valid Unicode without NUL"),
    (lambda writer: writer.add_link(None, "m"), "add_link: end_company_id must be a string"),
    (
        lambda writer: writer.remove_link("co-1", "m" * 257),
        "remove_link: m365_tenant_id must be at most 256",
    ),
    (lambda writer: writer.remove_link(7, "m"), "remove_link: end_company_id must be a string"),
    (lambda writer: writer.delete_agent(2**63), "delete_agent: agent_id must be from 1 to"),
    (lambda writer: writer.delete_tenant("\ud800"), "delete_tenant: tenant_id must be valid Unicode"),
    (lambda writer: writer.delete_channel(""), "delete_channel: channel_id must not be blank"),
    (lambda writer: writer.delete_end_company(""), "delete_end_company: end_company_id must not be blank"),
]


@pytest.mark.parametrize(("change", "told"), ILL_FORMED, ids=range(len(ILL_FORMED)))
def test_ids_that_are_not_well_formed_are_refused_by_name(writer: SqlDirectoryWriter, change: Any, told: str) -> None:
    with pytest.raises(ValueError, match=f"^SqlDirectoryWriter.{told}"):
        change(writer)


@pytest.mark.parametrize("spelling", ['"m"', "urn:uuid:m", "m\u2011", "\ufeffm", "29:m"])
def test_unusable_ids_are_refused_in_whatever_is_put(writer: SqlDirectoryWriter, spelling: str) -> None:
    for kind, name, put in (
        (CHANNEL, "Channel.installed_m365_tenant_ids", writer.put_channel),
        (COMPANY, "EndCompany.m365_tenant_ids", writer.put_end_company),
    ):
        with pytest.raises(ValueError, match=f"^{name} must be a GUID, or a name of"):
            put(evolve(kind, **{name.partition(".")[2]: [spelling]}))
    with pytest.raises(ValueError, match=r"^Channel.bot_id must be a GUID, or a name of"):
        writer.put_channel(evolve(CHANNEL, bot_id=spelling))


@pytest.mark.parametrize("method", ["put_tenant", "put_agent", "put_channel", "put_end_company"])
def test_what_is_put_must_be_of_its_class(writer: SqlDirectoryWriter, method: str) -> None:
    kind = method.removeprefix("put_").title().replace("_", "")
    with pytest.raises(TypeError, match=f"must be of the class {kind}, and not dict"):
        getattr(writer, method)({"id": "msp-a"})


@pytest.mark.parametrize("connection", ["sqlite:///x", create_engine("sqlite://")], ids=["URL", "engine"])
def test_a_writer_takes_a_connection_alone(connection: Any) -> None:
    with pytest.raises(TypeError, match="SqlDirectoryWriter takes a Connection of SQLAlchemy, and not "):
        SqlDirectoryWriter(connection)


def test_sqlite_without_foreign_keys_is_refused() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection, pytest.raises(ForeignKeysOff, match="PRAGMA foreign_keys=ON"):
        SqlDirectoryWriter(connection)
    engine.dispose()


def test_a_guard_refuses_a_clash_but_not_a_move_that_ends_without_one(engine: Engine) -> None:
    rival = evolve(CHANNEL, id="ch-2", tenant_id="msp-b", bot_id="other")
    store(engine, evolve(WORLD, channels=(CHANNEL, rival)))
    guard(engine)
    with engine.begin() as connection:
        writer = SqlDirectoryWriter(connection)
        writer.put_channel(evolve(rival, bot_id="bot", installed_m365_tenant_ids=["m-3"]))
        with pytest.raises(IntegrityError), connection.begin_nested():
            writer.add_installation("ch-2", "m-1")
    assert len(rows_in(engine, installations)) == 3


def test_a_connection_that_commits_each_statement_is_refused(any_database_url: str) -> None:
    engine = create_engine(any_database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection, pytest.raises(NoTransaction, match="AUTOCOMMIT"):
        SqlDirectoryWriter(connection)
    engine.dispose()


def test_what_a_guard_refuses_has_changed_nothing_though_the_host_goes_on(engine: Engine) -> None:
    rival = evolve(CHANNEL, id="ch-2", bot_id="other")
    other_company = evolve(COMPANY, id="co-2", m365_tenant_ids=["m-2"])
    store(engine, evolve(WORLD, channels=(CHANNEL, rival), end_companies=(COMPANY, other_company)))
    guard(engine)
    before = everything_in(engine)
    with engine.begin() as connection:
        writer = SqlDirectoryWriter(connection)
        for _ in range(2):
            with pytest.raises(IntegrityError):
                writer.put_channel(evolve(rival, bot_id="bot", installed_m365_tenant_ids=["m-3"]))
            with pytest.raises(IntegrityError):
                writer.put_end_company(evolve(other_company, m365_tenant_ids=["m-1"]))
    assert everything_in(engine) == before


def test_a_channel_may_be_installed_for_more_m365_tenants_than_a_statement_has_arguments(engine: Engine) -> None:
    store(engine, WORLD)
    many = evolve(CHANNEL, installed_m365_tenant_ids=[f"m-{number}" for number in range(70_000)])
    with engine.begin() as connection:
        writer = SqlDirectoryWriter(connection)
        writer.put_channel(many)
        assert len(rows_on(connection, installations)) == 70_000
        writer.put_channel(CHANNEL)
        assert len(rows_on(connection, installations)) == 2
