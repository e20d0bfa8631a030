"""A decision is the same everywhere: in memory, in SQLite and in PostgreSQL, sync and async, alone and in a batch.

`NEO_ROUTING_TEST_DECISIONS` says how many decisions to compare in each of these ways.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from returns.pipeline import is_successful
from sqlalchemy import create_engine, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    DirectoryUnavailable,
    EndCompany,
    ManagedAgentKey,
    Rows,
    SessionRequest,
    Tenant,
    adecide,
    adecide_many,
    aresolve_session_target,
    decide,
    decide_many,
)
from neo_routing.testing import World, cases, directories
from neo_routing.testing.conformance import ConformanceWorld, conformance_worlds
from neo_routing_adapters.json_lines import read_case
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.look_up.rows import FoundRows
from neo_routing_adapters.sql.look_up.sorts import Sort
from tests.programs.databases.stored import engine_with_tables, store

pytestmark = pytest.mark.no_cover  # there are too many decisions to trace each line of them

CASES_IN_A_WORLD = 50
WORLDS = st.shared(directories(), key="world")
_ASYNC_DRIVERS = {"postgresql": ["asyncpg", "psycopg_async"], "sqlite": ["aiosqlite"]}


class Database:
    """One database, with a directory for each driver."""

    def __init__(self, url: str, *, every_driver: bool) -> None:
        self.engine = engine_with_tables(url)
        # Long enough for a machine that has other things to do: this is about what is answered, not when.
        self._reading = create_engine(url, isolation_level="AUTOCOMMIT")
        self.directory = SqlDirectory(self._reading, deadline=60)
        self.runner = asyncio.Runner()
        name = self.engine.dialect.name
        self.async_drivers = _ASYNC_DRIVERS[name] if every_driver else _ASYNC_DRIVERS[name][:1]
        urls = (make_url(url).set(drivername=f"{name}+{driver}") for driver in self.async_drivers)
        self._async_engines = [create_async_engine(each, isolation_level="AUTOCOMMIT") for each in urls]
        self.async_directories = [AsyncSqlDirectory(engine, deadline=60) for engine in self._async_engines]

    def close(self) -> None:
        for engine in self._async_engines:
            self.runner.run(engine.dispose())
        self.runner.close()
        self._reading.dispose()
        self.engine.dispose()


@pytest.fixture
def database(any_database_url: str, thorough: bool) -> Iterator[Database]:
    opened = Database(any_database_url, every_driver=thorough)
    yield opened
    opened.close()


Case = tuple[Caller, SessionRequest]


def differences(database: Database, world: World, asked: list[Case]) -> Iterator[str]:
    """Tell where a decision is another than in memory."""
    expected = [decide(*case, world.directory()) for case in asked]
    store(database.engine, world)
    ways = {
        "one by one": [decide(*case, database.directory) for case in asked],
        "in a batch": decide_many(asked, database.directory),
    }
    for directory, driver in zip(database.async_directories, database.async_drivers, strict=True):
        ways[f"{driver}, one by one"] = database.runner.run(_one_by_one(asked, directory))
        ways[f"{driver}, in a batch"] = database.runner.run(adecide_many(asked, directory))
    for way, decisions in ways.items():
        for case, decision, known in zip(asked, decisions, expected, strict=True):
            if decision != known:
                yield f"{way}: {case}: {decision.trace} instead of {known.trace}"


async def _one_by_one(asked: list[Case], directory: AsyncSqlDirectory) -> list[Any]:
    return [await adecide(*case, directory) for case in asked]


def test_generated_decisions_are_those_in_memory(database: Database, thorough: bool) -> None:
    wanted = int(os.environ.get("NEO_ROUTING_TEST_DECISIONS") or (5_000 if thorough else 1_000))
    compared = 0

    @settings(
        max_examples=max(1, wanted // CASES_IN_A_WORLD),
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(WORLDS, st.lists(WORLDS.flatmap(cases), min_size=CASES_IN_A_WORLD, max_size=CASES_IN_A_WORLD))
    def agrees(world: World, asked: list[Case]) -> None:
        nonlocal compared
        compared += len(asked)
        assert [*differences(database, world, asked)] == []

    agrees()
    assert compared >= wanted


CORPUS = conformance_worlds()


@pytest.mark.parametrize("corpus_world", CORPUS, ids=[one.name for one in CORPUS])
def test_the_cases_of_the_corpus_are_decided_as_in_memory(database: Database, corpus_world: ConformanceWorld) -> None:
    assert [*differences(database, *world_and_cases(corpus_world))] == []


def world_and_cases(corpus_world: ConformanceWorld) -> tuple[World, list[Case]]:
    document = json.loads(corpus_world.directory_document)
    models = {"tenants": Tenant, "agents": Agent, "channels": Channel, "end_companies": EndCompany}
    rows = (tuple(model(**row) for row in document.get(name, ())) for name, model in models.items())
    read = (read_case(case.line) for case in corpus_world.cases)
    return World(*rows), [case.unwrap() for case in read if is_successful(case)]


HOSTILE = ["msp-a\0", "\ud800", "x" * 10_000, "", "'; drop table routing_tenant; --", "%s %(tenant_id)s :id ? $1"]


def test_a_key_that_no_directory_holds_finds_nothing(database: Database) -> None:
    needed = [
        (text, agent_id, ManagedAgentKey.NEO_SUPPORT, text, text)
        for text in HOSTILE
        for agent_id in (2**63, -(2**63) - 1, 0, 10**600)
    ]
    for batch in [[one] for one in needed] + [needed]:
        assert_empty(database.directory.look_up(batch))
        for directory in database.async_directories:
            assert_empty(database.runner.run(directory.look_up(batch)))


def assert_empty(rows: Rows) -> None:
    assert not any((rows.tenants, rows.conversational_agents, rows.triggered_agents, rows.active_channels))
    assert not any((rows.active_installations, rows.white_label_bots, rows.end_companies))


# Whatever writes keys into a statement, or into an array, must write these so that they are read as they are.
WRITTEN_WITH_CARE = [
    *"\"\\'{},;%$?:",
    '","',
    "\\\\",
    '\\"',
    "{a,b}",
    '{"a"}',
    "null",
    "a b",
    "%s",
    "%%",
    "$1",
    "\x01",
    "é\U0001f600",
]


def test_keys_that_are_written_with_care_find_what_is_there(database: Database) -> None:
    numbered = [*enumerate(WRITTEN_WITH_CARE, start=1)]
    world = World(
        tuple(Tenant(id=text) for text in WRITTEN_WITH_CARE),
        tuple(
            Agent(id=number, tenant_id=text, kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT)
            for number, text in numbered
        ),
        tuple(
            Channel(
                id=text,
                tenant_id=text,
                agent_id=number,
                bot_id=f"bot-{number}",
                white_label=True,
                installed_m365_tenant_ids=frozenset({f"m365-{number}"}),
            )
            for number, text in numbered
        ),
        tuple(
            EndCompany(id=text, tenant_id=text, m365_tenant_ids=frozenset({f"m365-{number}"}))
            for number, text in numbered
        ),
    )
    asked = [
        (Caller(CallerKind.PLATFORM, text), SessionRequest(managed_agent_key=key, bot_id=bot_id, m365_tenant_id=m365))
        for number, text in numbered
        for key, bot_id, m365 in [
            (ManagedAgentKey.NEO_SUPPORT, None, None),
            (ManagedAgentKey.NEO_SUPPORT, f"bot-{number}", None),
            (ManagedAgentKey.NEO_SUPPORT, f"bot-{number}", f"m365-{number}"),
            (ManagedAgentKey.NEO_SUPPORT, f"bot-{number}", "another"),
        ]
    ]
    assert all(is_successful(decide(*case, world.directory()).result) for case in asked[::4] + asked[2::4])
    assert [*differences(database, world, asked)] == []


@pytest.mark.parametrize("agent_id", [0, -1, 2**31 - 1, 2**31, 2**63 - 1, 2**63, 10**600])
def test_agent_ids_of_every_size_are_looked_for_alike(database: Database, agent_id: int) -> None:
    largest = Agent(id=2**63 - 1, tenant_id="msp-a", kind="CONVERSATIONAL")  # type: ignore[arg-type]
    small = Agent(id=2**31, tenant_id="msp-a", kind="CONVERSATIONAL")  # type: ignore[arg-type]
    world = World((Tenant(id="msp-a"),), (largest, small), (), ())
    assert [*differences(database, world, [(USER, SessionRequest(agent_id=agent_id))])] == []


USER = Caller(CallerKind.USER, "msp-a")


def test_a_large_batch_is_read_in_slices_and_decided_alike(database: Database) -> None:
    world = World(
        (Tenant(id="msp-a"),),
        tuple(Agent(id=each, tenant_id="msp-a", kind="CONVERSATIONAL") for each in range(1, 5001, 2)),  # type: ignore[arg-type]
        (),
        (),
    )
    asked = [(USER, SessionRequest(agent_id=agent_id)) for agent_id in range(1, 5002)]
    store(database.engine, world)
    expected = [decision.result for decision in decide_many(asked, world.directory())]
    assert [decision.result for decision in decide_many(asked, database.directory)] == expected
    for directory in database.async_directories:
        decisions = database.runner.run(adecide_many(asked, directory))
        assert [decision.result for decision in decisions] == expected


def test_the_awaited_answer_is_that_of_the_decision(database: Database) -> None:
    request = SessionRequest(agent_id=12)
    for directory in database.async_directories:
        answer = database.runner.run(aresolve_session_target(USER, request, directory))
        assert answer == decide(USER, request, database.directory).result


def differs(database: Database, world: World, asked: list[Case]) -> bool:
    try:
        return any(differences(database, world, asked))
    except DirectoryUnavailable:  # what is left makes no sense: an agent that no channel names
        return True


@pytest.mark.parametrize("lost", [sort for sort in Sort if sort is not Sort.MARKER], ids=str)
def test_the_comparison_notices_a_sort_of_row_that_is_lost(
    sqlite_url: str, lost: Sort, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_all = FoundRows.add
    monkeypatch.setattr(FoundRows, "add", lambda self, found: add_all(self, (row for row in found if row[0] != lost)))
    database = Database(sqlite_url, every_driver=False)
    try:
        assert any(differs(database, *world_and_cases(one)) for one in CORPUS)
    finally:
        database.close()
