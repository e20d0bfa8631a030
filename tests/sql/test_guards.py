"""Guards: they refuse new clashes, where no old ones stand in the way."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import evolve
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, OperationalError

from neo_routing import ChannelStatus
from neo_routing.testing import World
from neo_routing_adapters.sql.schema import metadata
from neo_routing_adapters.sql.tables import transactions
from neo_routing_adapters.sql.tables.clashes import GUARDS
from neo_routing_adapters.sql.tables.guards import GuardState, guard
from neo_routing_adapters.sql.tables.our_tables import VERSION_TABLE, NotOurTables, UnknownSchemaVersion
from neo_routing_adapters.sql.tables.writer import SqlDirectoryWriter
from tests.programs.databases.administered import AGENT, CHANNEL, COMPANY, WORLD, engine_at, everything_in, upgraded
from tests.programs.databases.stored import store

TWO_AGENTS = evolve(WORLD, agents=(AGENT, evolve(AGENT, id=13)))
TWO_CHANNELS = evolve(WORLD, channels=(CHANNEL, evolve(CHANNEL, id="ch-2", white_label=False)))
TWO_INSTALLATIONS = evolve(WORLD, channels=(CHANNEL, evolve(CHANNEL, id="ch-2", tenant_id="msp-b")))
TWO_LINKS = evolve(WORLD, end_companies=(COMPANY, evolve(COMPANY, id="co-2")))
CLASHING = {
    "guard_one_managed_agent": (
        TWO_AGENTS,
        (
            "routing_agent 12, 13: several agents of one tenant have the same managed key: "
            "tenant_id 'msp-a', managed_key 'NEO_SUPPORT'"
        ),
    ),
    "guard_one_active_channel": (
        TWO_CHANNELS,
        (
            "routing_channel ch-1, ch-2: several active channels of one tenant have the same bot: "
            "tenant_id 'msp-a', bot_id 'bot'"
        ),
    ),
    "guard_one_active_installation": (
        TWO_INSTALLATIONS,
        (
            "routing_channel ch-1, ch-2: several active white-label channels with the same bot are installed for one "
            "M365 tenant: bot_id 'bot', m365_tenant_id 'm-1'"
        ),
    ),
    "guard_one_linked_company": (
        TWO_LINKS,
        (
            "routing_end_company co-1, co-2: several end-companies of one tenant are linked to the same M365 tenant: "
            "tenant_id 'msp-a', m365_tenant_id 'm-1'"
        ),
    ),
}
PAUSED = {"status": ChannelStatus.DISCONNECTED}
SPARED = [
    evolve(WORLD, channels=(CHANNEL, evolve(CHANNEL, id="ch-2", **PAUSED))),
    evolve(WORLD, channels=tuple(evolve(CHANNEL, id=f"ch-{n}", **PAUSED) for n in range(3))),
    evolve(WORLD, channels=(CHANNEL, evolve(CHANNEL, id="ch-2", tenant_id="msp-b", white_label=False))),
    evolve(WORLD, agents=(AGENT, *(evolve(AGENT, id=n, managed_key=None) for n in range(1, 4)))),
    evolve(WORLD, end_companies=(COMPANY, evolve(COMPANY, id="co-2", tenant_id="msp-b"))),
]


@pytest.fixture
def engine(any_database_url: str) -> Iterator[Engine]:
    with upgraded(any_database_url) as engine:
        yield engine


def test_every_guard_is_tried() -> None:
    assert CLASHING.keys() == GUARDS


@pytest.mark.parametrize("name", CLASHING)
def test_rows_that_clash_stand_in_the_way_of_their_guard_and_of_no_other(engine: Engine, name: str) -> None:
    world, told = CLASHING[name]
    store(engine, world)
    states = {one.name: one for one in guard(engine)}
    assert str(states[name].in_the_way[0]) == f"notice: {told}"
    assert {one.name for one in states.values() if one.in_the_way} == {name}
    assert {one.state for one in states.values() if one.name != name} == {GuardState.ADDED}
    store(engine, WORLD)
    again = {one.name: one.state for one in guard(engine)}
    assert again.pop(name) is GuardState.ADDED
    assert set(again.values()) == {GuardState.ALREADY_THERE}


@pytest.mark.parametrize("name", CLASHING)
def test_a_guard_refuses_what_would_clash(engine: Engine, name: str) -> None:
    store(engine, WORLD)
    guard(engine)
    before = everything_in(engine)
    with pytest.raises(IntegrityError):
        store(engine, CLASHING[name][0])
    assert everything_in(engine) == before


@pytest.mark.parametrize("world", SPARED, ids=range(len(SPARED)))
def test_a_guard_lets_pass_what_does_not_clash(engine: Engine, world: World) -> None:
    guard(engine)
    store(engine, world)


def test_an_installation_that_comes_to_clash_with_its_channel_is_refused(engine: Engine) -> None:
    store(engine, evolve(WORLD, channels=(CHANNEL, evolve(CHANNEL, id="ch-2", tenant_id="msp-b", **PAUSED))))
    guard(engine)
    with engine.connect() as connection, pytest.raises(IntegrityError):
        SqlDirectoryWriter(connection).put_channel(evolve(CHANNEL, id="ch-2", tenant_id="msp-b"))


def test_only_our_own_tables_are_guarded(sqlite_url: str) -> None:
    with engine_at(sqlite_url) as engine, pytest.raises(NotOurTables):
        guard(engine)


def test_tables_of_a_newer_library_are_not_guarded(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(UnknownSchemaVersion, match="the tables are of version 9999, which"):
        guard(engine)


def test_tables_that_were_made_without_a_version_are_guarded(any_database_url: str) -> None:
    with engine_at(any_database_url) as engine:
        metadata.create_all(engine)
        assert {one.state for one in guard(engine)} == {GuardState.ADDED}


def test_readers_go_on_and_writers_are_waited_for_no_longer_than_it_may(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "LONGEST_WAIT", 0.05)
    with upgraded(database_url) as engine:
        store(engine, WORLD)
        with engine.begin() as reader:
            reader.exec_driver_sql("SELECT * FROM routing_channel, routing_agent")
            guard(engine)
        with engine.begin() as writer:
            SqlDirectoryWriter(writer).put_agent(AGENT)
            with pytest.raises(OperationalError, match="lock timeout"):
                guard(engine)
