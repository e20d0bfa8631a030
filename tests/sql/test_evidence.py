"""An answer says which question it answers, and what was found is what was asked for: all else is an outage."""

from __future__ import annotations

import asyncio
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import greenlet_spawn

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    Decision,
    DirectoryUnavailable,
    EndCompany,
    ManagedAgentKey,
    SessionRequest,
    Tenant,
    adecide,
    adecide_many,
    decide,
    decide_many,
)
from neo_routing.testing import World
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.look_up import reader
from neo_routing_adapters.sql.look_up.evidence import Hidden, NoAnswer, Statement, take_marker, verify_end
from neo_routing_adapters.sql.look_up.statements import Statements
from tests.programs.databases import faults
from tests.programs.databases.plain import make_plain_tables
from tests.programs.databases.stored import engine_with_tables, store
from tests.programs.servers.pgbouncer import Pgbouncer, pgbouncer_or_skip
from tests.programs.servers.postgres_server import PATIENCE, PostgresServer
from tests.programs.thoroughness import first_always

USER = Caller(CallerKind.USER, "msp-a")
PLATFORM = Caller(CallerKind.PLATFORM, "platform")
KEY = ManagedAgentKey.NEO_SUPPORT
DRIVERS = ("psycopg", "psycopg_async", "asyncpg", "pysqlite", "aiosqlite")
ON_SERVER, ON_FILES = DRIVERS[:3], DRIVERS[3:]
SENSELESS = r"^The directory holds rows that make no sense\.$"
ANOTHER = r"^The directory gave the answer to another question\.$"
Case = tuple[Caller, SessionRequest]
WORLD = World(
    (Tenant(id="msp-a"), Tenant(id="msp-b"), Tenant(id="platform")),
    (
        Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, managed_key=KEY),
        Agent(id=13, tenant_id="msp-b", kind=AgentKind.CONVERSATIONAL, managed_key=KEY),
    ),
    (
        Channel(id="c", tenant_id="msp-a", agent_id=12, bot_id="b", white_label=True, installed_m365_tenant_ids=["m"]),
        Channel(id="d", tenant_id="msp-b", agent_id=13, bot_id="s"),
    ),
    (EndCompany(id="e", tenant_id="msp-a", m365_tenant_ids=["m"]),),
)


def of_platform(client_id: str, bot_id: str | None = None, m365_tenant_id: str | None = None) -> Case:
    request = SessionRequest(managed_agent_key=KEY, client_id=client_id, bot_id=bot_id, m365_tenant_id=m365_tenant_id)
    return PLATFORM, request


OWN_AGENT: Case = (USER, SessionRequest(agent_id=12))
CASES = [
    OWN_AGENT,
    (USER, SessionRequest(managed_agent_key=KEY)),
    of_platform("msp-b"),
    of_platform("msp-b", "s"),
    of_platform("msp-b", "b", "m"),
    of_platform("msp-a", "b", "m"),
    of_platform("msp-a", "unheard-of", "m"),
]
RIGHT = [decide(*case, WORLD.directory()) for case in CASES]


class Host:
    """Decides through an engine of whichever driver."""

    def __init__(self, url: str, driver: str, *, deadline: float = 20.0, **options: Any) -> None:
        database = "sqlite" if "sqlite" in driver else "postgresql"
        at = make_url(url).set(drivername=f"{database}+{driver.removesuffix('_async')}")
        self._runner = asyncio.Runner() if driver in {"psycopg_async", "asyncpg", "aiosqlite"} else None
        if self._runner is None:
            self.engine = create_engine(at, **options)
            self._directory: Any = SqlDirectory(self.engine, deadline=deadline)
        else:
            engine = create_async_engine(at, **options)
            self.engine, self._directory = engine.sync_engine, AsyncSqlDirectory(engine, deadline=deadline)
            self._dispose = engine.dispose

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._runner is None:
            self.engine.dispose()
        else:
            self._runner.run(self._dispose())
            self._runner.close()

    def decide(self, case: Case) -> Decision:
        if self._runner is None:
            return decide(*case, self._directory)
        return self._runner.run(adecide(*case, self._directory))

    def decide_many(self, cases: Sequence[Case]) -> list[Decision]:
        if self._runner is None:
            return decide_many(cases, self._directory)
        return self._runner.run(adecide_many(cases, self._directory))

    def is_right(self) -> bool:
        return [self.decide(case) for case in CASES] == RIGHT == self.decide_many(CASES)

    def require_outages(self, match: str | None = None, cases: Sequence[Case] = CASES) -> None:
        for case in cases:
            with pytest.raises(DirectoryUnavailable, match=match):
                self.decide(case)
        with pytest.raises(DirectoryUnavailable, match=match):
            self.decide_many([*cases, *cases, *CASES])


@pytest.fixture
def stored_url(any_database_url: str) -> str:
    """The URL of a database that holds the world."""
    _store(any_database_url)
    return any_database_url


@pytest.fixture
def url(database_url: str) -> str:
    """The URL of a PostgreSQL database that holds the world."""
    _store(database_url)
    return database_url


def _store(url: str) -> None:
    engine = engine_with_tables(url)
    store(engine, WORLD)
    engine.dispose()


@contextmanager
def administrator(url: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


# The marker


ONE = ("msp-a", 12, KEY, "b", "m")
SERVER = Statements(make_url("postgresql+psycopg://").get_dialect()())


@pytest.mark.parametrize("statement", [SERVER.for_one(ONE), SERVER.for_many([ONE, ONE])], ids=["one", "many"])
def test_an_answer_begins_with_the_marker_of_its_statement_and_with_nothing_else(statement: Statement) -> None:
    row = [*statement.marker]
    assert take_marker(statement, [row, row]) is None
    wrong = ["x", 1, None, b"x", True]
    for place, value in enumerate(row):
        for each in wrong:
            if each == value or place == (1 if statement.single else 5):  # the tenant that was found, or the snapshot
                continue
            with pytest.raises((NoAnswer, Hidden)):
                take_marker(statement, [[*row[:place], each, *row[place + 1 :]]])
    for found in ([], [row[:-1]], [[*row, None]], [()], [["x", *row], row], [(1,)]):
        with pytest.raises(NoAnswer):
            take_marker(statement, found)


@pytest.mark.parametrize(("found", "kept"), [(None, 0), ("msp-a", 1), ("MSP-A", 1)])
def test_the_marker_of_a_single_decision_stays_as_the_row_of_a_tenant_that_was_found(
    found: str | None, kept: int
) -> None:
    statement = SERVER.for_one(ONE)
    rows = [(1, found, *statement.marker[2:])]
    assert take_marker(statement, rows) is None
    assert len(rows) == kept


@pytest.mark.parametrize("hiding", [False, 0])
def test_a_marker_says_whether_rows_may_be_hidden(hiding: object) -> None:
    statement = SERVER.for_one(ONE)
    row = [*statement.marker]
    with pytest.raises(Hidden):
        take_marker(statement, [[*row[:8], hiding, row[9]]])


def test_an_answer_to_a_batch_ends_with_its_token() -> None:
    statement = SERVER.for_many([ONE, ONE])
    end = (0, None, statement.marker[2], *[None] * 7)
    rows = ["one", "two", end]
    verify_end(statement, rows)
    assert rows == ["one", "two"]
    for wrong in ([], [(0, None, "x", *[None] * 7)], [end, (5, *end[1:])], [tuple(statement.marker)]):
        with pytest.raises(NoAnswer, match="end"):
            verify_end(statement, wrong)


def test_each_batch_draws_a_token_and_each_statement_has_a_text_of_its_own() -> None:
    bots = ((None, None), ("b", None), ("b", "m"))
    shapes = [("msp-a", agent, key, *bot) for agent in (None, 1) for key in (None, KEY) for bot in bots]
    statements = [SERVER.for_one(shape) for shape in shapes]
    batches = [SERVER.for_many([shape, shape]) for shape in shapes for _ in range(2)]
    assert len({batch.marker[2] for batch in batches}) == len(batches)
    statements += batches
    assert len({statement.marker[4] for statement in statements}) == len({statement.sql for statement in statements})
    assert all(statement.marker[4] in statement.sql for statement in statements)


@pytest.mark.parametrize("driver", DRIVERS)
def test_every_driver_brings_the_marker(request: pytest.FixtureRequest, driver: str) -> None:
    url = request.getfixturevalue("sqlite_url" if "sqlite" in driver else "database_url")
    _store(url)
    with Host(url, driver) as host:
        assert host.is_right()


@pytest.mark.parametrize(
    "settings",
    [
        ("debug_parallel_query = on",),
        (
            "parallel_setup_cost = 0",
            "parallel_tuple_cost = 0",
            "min_parallel_table_scan_size = 0",
            "min_parallel_index_scan_size = 0",
            "max_parallel_workers_per_gather = 4",
        ),
    ],
    ids=["forced", "cheap"],
)
def test_the_marker_comes_first_where_a_server_works_in_parallel(url: str, settings: tuple[str, ...]) -> None:
    options = " ".join(f"-c {setting.replace(' ', '')}" for setting in settings)
    numbers = range(1, 1001)
    cases = [(USER, SessionRequest(agent_id=number)) for number in numbers]
    expected = [decide(*case, WORLD.directory()).result for case in cases]
    with Host(url, "psycopg", connect_args={"options": options}) as host:
        assert host.is_right()
        for _ in range(10):
            assert [decision.result for decision in host.decide_many(cases)] == expected


def test_the_parts_of_a_large_batch_are_from_one_snapshot_or_it_is_an_outage(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_MOST_IN_A_STATEMENT", 2)
    with Host(url, "psycopg") as host:
        assert host.decide_many(CASES) == RIGHT
        # As if somebody else on the same connection ended it at once, or had begun another.
        for instead in ("SELECT 1", "BEGIN"):
            monkeypatch.setattr(reader, "_BEGIN_ONE_SNAPSHOT", instead)
            with pytest.raises(DirectoryUnavailable, match=ANOTHER):
                host.decide_many(CASES)
        monkeypatch.undo()
        assert host.is_right()


# Forks


FORKED = """
import ctypes, os, signal, sys, traceback
from tests.programs.databases.faults import known
from neo_routing import DirectoryUnavailable, decide
from neo_routing_adapters.sql import SqlDirectory
from sqlalchemy import create_engine

signal.alarm(60)
url, noticed = sys.argv[1], sys.argv[2] == "noticed"
engine = create_engine(url, pool_size=2, max_overflow=2, isolation_level="AUTOCOMMIT")
directory = SqlDirectory(engine, deadline=5.0)
cases = known()

def ask(times):
    outages = 0
    for case, right in cases * times:
        try:
            decision = decide(*case, directory)
        except DirectoryUnavailable:
            outages += 1
        else:
            assert decision == right, (case, decision, right)
    # What was noticed costs nothing at all: the child has connections of its own, and ends none of its parent's.
    assert not (noticed and outages), outages

ask(1)
# C's own fork runs none of the hooks.
fork = os.fork if noticed else ctypes.PyDLL(None).fork
children = []
for _ in range(2):
    child = fork()
    if not child:
        try:
            ask(6)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    children.append(child)
ask(6)
for child in children:
    _, status = os.waitpid(child, 0)
    assert status == 0, status
ask(1)
"""


@pytest.mark.parametrize("noticed", ["noticed", "unnoticed"])
def test_after_a_fork_parent_and_child_get_their_own_answers_whether_or_not_it_was_noticed(
    database_url: str, noticed: str
) -> None:
    engine = create_engine(database_url)
    faults.load(engine)
    engine.dispose()
    run_forking(FORKED, database_url, noticed)


def run_forking(script: str, *arguments: str) -> None:
    subprocess.run(
        # Python warns of a fork with threads.
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, *arguments],
        check=True,
        timeout=3 * PATIENCE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


FORKED_IN_MEMORY = """
import os
from tests.programs.databases import faults
from neo_routing import decide
from neo_routing_adapters.sql import SqlDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
faults.load(engine)
directory = SqlDirectory(engine)
child = os.fork()
answers = [decide(*case, directory) == right for case, right in faults.known()]
if not child:
    os._exit(not all(answers))
_, status = os.waitpid(child, 0)
assert status == 0, status
"""


def test_a_database_in_memory_is_still_there_after_a_fork() -> None:
    run_forking(FORKED_IN_MEMORY)


FORKED_BY_CREATOR = """
import os, sqlite3, sys
from tests.programs.databases import faults
from neo_routing import decide
from neo_routing_adapters.sql import SqlDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import QueuePool

path = sys.argv[1]
engine = create_engine(f"sqlite:///{path}")
faults.load(engine)
engine.dispose()
opened = []

def creator():
    opened.append(os.getpid())
    return sqlite3.connect(path, check_same_thread=False)

engine = create_engine("sqlite://", poolclass=QueuePool, creator=creator)
directory = SqlDirectory(engine)
[(case, right), *_] = faults.known()
assert decide(*case, directory) == right
child = os.fork()
if not child:
    answered = decide(*case, directory) == right
    os._exit(not (answered and opened[-1] == os.getpid()))
_, status = os.waitpid(child, 0)
assert status == 0, status
assert decide(*case, directory) == right and len(opened) == 1
"""


def test_a_file_that_a_creator_opens_for_a_url_without_one_is_opened_anew_after_a_fork(tmp_path: Path) -> None:
    run_forking(FORKED_BY_CREATOR, str(tmp_path / "directory.sqlite"))


FORKED_STORE = """
import asyncio, os, sys
from neo_routing_adapters.http.credentials_sql import SqlEntraLinks, SqlKeyStore
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.http.tables.upgrade import upgrade
from sqlalchemy import create_engine, event

engine = create_engine(f"sqlite:///{sys.argv[1]}")
upgrade(engine)
opened = []
event.listen(engine, "connect", lambda *_: opened.append(os.getpid()))
ask = {
    "sessions": lambda: SqlSessions(engine).ask(),
    "keys": lambda: SqlKeyStore(engine).find([bytes(32)]),
    "links": lambda: SqlEntraLinks(engine).tenant_of("contoso.example"),
}[sys.argv[2]]
asyncio.run(ask())
child = os.fork()
if not child:
    asyncio.run(ask())
    os._exit(opened[-1] != os.getpid())
_, status = os.waitpid(child, 0)
assert status == 0, status
"""


@pytest.mark.parametrize("store", ["sessions", "keys", "links"])
def test_the_stores_of_the_endpoint_have_connections_of_their_own_after_a_fork(tmp_path: Path, store: str) -> None:
    run_forking(FORKED_STORE, str(tmp_path / "sessions.sqlite"), store)


# A pooler in transaction mode


@pytest.fixture
def pooler(postgres: PostgresServer) -> Iterator[Pgbouncer]:
    with pgbouncer_or_skip(postgres, 2) as pooler:
        yield pooler


def through(pooler: Pgbouncer, url: str) -> str:
    return make_url(url).set(port=pooler.port).render_as_string(hide_password=False)


@contextmanager
def held(pooler: Pgbouncer, url: str) -> Iterator[None]:
    """Hold one of the pooler's two connections to the server, so that all others get the other one."""
    plain = make_url(through(pooler, url)).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, prepare_threshold=None) as connection, connection.transaction():
        connection.execute("SELECT 1")
        yield


def answered(host: Host, case: Case) -> Decision | None:
    try:
        return host.decide(case)
    except DirectoryUnavailable as outage:
        assert re.search(ANOTHER, str(outage))
        return None


def test_a_pooler_that_takes_one_prepared_statement_for_another_makes_outages_and_no_wrong_answers(
    url: str, pooler: Pgbouncer
) -> None:
    by_agent, by_key = CASES[:2]  # which have as many arguments, so that the server takes those of one for the other
    right = RIGHT[0]
    at_once = {"connect_args": {"prepare_threshold": 0}, "isolation_level": "AUTOCOMMIT", "pool_size": 1}
    with Host(through(pooler, url), "psycopg", **at_once) as one, ExitStack() as stack:
        another = stack.enter_context(Host(through(pooler, url), "psycopg", **at_once))
        with ExitStack() as first:
            first.enter_context(held(pooler, url))
            assert one.decide(by_agent) == right
            stack.enter_context(held(pooler, url))  # the connection that has just prepared that
        assert another.decide(by_key) == RIGHT[1]
        # Now it gets the connection on which another statement has the name of its own.
        assert answered(one, by_agent) in (right, None)
        assert answered(another, by_key) == RIGHT[1]


@pytest.mark.parametrize("driver", first_always(ON_SERVER))
def test_behind_a_pooler_answers_come_without_prepared_statements(url: str, pooler: Pgbouncer, driver: str) -> None:
    nothing_prepared = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    arguments = nothing_prepared if driver == "asyncpg" else {"prepare_threshold": None}
    for _ in range(3):
        with Host(through(pooler, url), driver, connect_args=arguments) as host:
            assert host.is_right()
            assert host.is_right()


# Rows that are found and not asked for


def other_tables(url: str, world: World, text: str = "TEXT", **of_column: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        make_plain_tables(connection, text, **of_column)
    store(engine, world)
    engine.dispose()


def upper(url: str, relation: str, column: str) -> None:
    """Have a column's ids in capital letters, as a host's table that compares without regard to them may have them."""
    with administrator(url) as connection:
        connection.exec_driver_sql(f"UPDATE routing_{relation} SET {column} = upper({column})")


_IN_CAPITALS = [
    ("tenant", "id", [OWN_AGENT]),
    ("agent", "tenant_id", [(USER, SessionRequest(managed_agent_key=KEY))]),
    ("channel", "tenant_id", [of_platform("msp-b", "s"), of_platform("msp-b", "s", "x")]),
    ("channel", "bot_id", [of_platform("msp-b", "s"), of_platform("msp-b", "b", "m"), of_platform("platform", "s")]),
    ("channel_installation", "m365_tenant_id", [of_platform("msp-b", "b", "m"), of_platform("msp-a", "b", "m")]),
    ("end_company_link", "m365_tenant_id", [of_platform("msp-a", "b", "m")]),
    ("end_company", "tenant_id", [of_platform("msp-a", "b", "m")]),
]
"""Which column, and the calls that come past it."""


@pytest.mark.parametrize(("relation", "column", "cases"), _IN_CAPITALS, ids=[f"{r}.{c}" for r, c, _ in _IN_CAPITALS])
@pytest.mark.parametrize("driver", first_always(ON_FILES))
def test_what_sqlite_finds_without_regard_to_case_is_an_outage(
    sqlite_url: str, driver: str, relation: str, column: str, cases: list[Case]
) -> None:
    other_tables(sqlite_url, WORLD, "TEXT COLLATE NOCASE")
    with Host(sqlite_url, driver) as host:
        assert host.is_right()
        upper(sqlite_url, relation, column)
        host.require_outages(SENSELESS, cases)


@pytest.mark.parametrize(("relation", "column", "cases"), _IN_CAPITALS, ids=[f"{r}.{c}" for r, c, _ in _IN_CAPITALS])
def test_what_postgresql_finds_without_regard_to_case_is_an_outage(
    database_url: str, relation: str, column: str, cases: list[Case]
) -> None:
    with administrator(database_url) as connection:
        try:
            connection.exec_driver_sql(
                "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
            )
        except Exception as error:  # noqa: BLE001  # a server that was built without ICU
            pytest.skip(f"the server has no such collation: {error}")
    other_tables(database_url, WORLD, "TEXT COLLATE any_case")
    for driver in ON_SERVER:
        with Host(database_url, driver) as host:
            assert host.is_right()
    upper(database_url, relation, column)
    for driver in ON_SERVER:
        with Host(database_url, driver) as host:
            host.require_outages(SENSELESS, cases)


def test_a_batch_that_asks_for_both_spellings_is_an_outage_too(sqlite_url: str) -> None:
    other_tables(sqlite_url, WORLD, "TEXT COLLATE NOCASE")
    with Host(sqlite_url, "pysqlite") as host:
        for both in (
            [(Caller(CallerKind.USER, tenant_id), SessionRequest(agent_id=12)) for tenant_id in ("msp-a", "MSP-A")],
            [of_platform(tenant_id, "b", "m") for tenant_id in ("msp-a", "MSP-A")],
        ):
            with pytest.raises(DirectoryUnavailable, match=SENSELESS):
                host.decide_many(both)


_NUMERIC = World(
    (Tenant(id="7"),),
    (Agent(id=12, tenant_id="7", kind=AgentKind.CONVERSATIONAL, managed_key=KEY),),
    (Channel(id="c", tenant_id="7", agent_id=12, bot_id="8", white_label=True, installed_m365_tenant_ids=["9"]),),
    (EndCompany(id="e", tenant_id="7", m365_tenant_ids=["9"]),),
)


def test_ids_that_a_column_of_numbers_takes_for_others_are_an_outage(sqlite_url: str) -> None:
    other_tables(sqlite_url, _NUMERIC, "NUMERIC")
    asked = [(Caller(CallerKind.USER, "007"), SessionRequest(agent_id=12)), of_platform("007", "08", "9.0")]
    with Host(sqlite_url, "pysqlite") as host:
        host.require_outages(SENSELESS, asked)


@pytest.mark.parametrize("number", ["12.0", "'12'"])
def test_an_agent_id_of_another_type_is_an_outage(sqlite_url: str, number: str) -> None:
    other_tables(sqlite_url, WORLD, agent_id="BLOB", id="BLOB")
    with Host(sqlite_url, "pysqlite") as host:
        assert host.is_right()
        with administrator(sqlite_url) as connection:
            connection.exec_driver_sql(f"UPDATE routing_channel SET agent_id = {number} WHERE agent_id = 12")
        host.require_outages(SENSELESS, [of_platform("msp-a", "b", "m")])


@pytest.mark.parametrize("driver", first_always(ON_FILES))
def test_ids_as_bytes_are_an_outage(sqlite_url: str, driver: str) -> None:
    _store(sqlite_url)
    with Host(sqlite_url, driver) as host:

        @event.listens_for(host.engine, "connect")
        def read_bytes(connection: Any, _: object) -> None:
            getattr(connection, "driver_connection", connection).text_factory = bytes

        host.require_outages()


# Rows that a policy hides


ROLE = "hidden_from"


@pytest.fixture
def hidden_url(url: str) -> Iterator[str]:
    """The URL of a role that a policy hides rows from."""
    with administrator(url) as connection:
        for statement in (
            f"DROP ROLE IF EXISTS {ROLE}",
            f"CREATE ROLE {ROLE} LOGIN",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {ROLE}",
        ):
            connection.exec_driver_sql(statement)
    yield make_url(url).set(username=ROLE).render_as_string(hide_password=False)
    with administrator(url) as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {ROLE}")
        connection.exec_driver_sql(f"DROP ROLE {ROLE}")


def hide(url: str, relation: str = "routing_channel", condition: str = "false") -> None:
    with administrator(url) as connection:
        connection.exec_driver_sql(f"ALTER TABLE {relation} ENABLE ROW LEVEL SECURITY")
        connection.exec_driver_sql(f"CREATE POLICY hiding ON {relation} USING ({condition})")


@pytest.mark.parametrize("driver", first_always(ON_SERVER))
def test_rows_that_a_policy_hides_are_an_outage_and_no_missing_rows(url: str, hidden_url: str, driver: str) -> None:
    with Host(hidden_url, driver) as host:
        assert host.is_right()
        hide(url)
        host.require_outages(cases=CASES[3:])
    # Nobody knows whether that hides any.
    with administrator(url) as connection:
        connection.exec_driver_sql("ALTER POLICY hiding ON routing_channel USING (true)")
    with Host(hidden_url, driver) as host:
        host.require_outages(cases=CASES[3:])
    with administrator(url) as connection:
        connection.exec_driver_sql(f"ALTER ROLE {ROLE} BYPASSRLS")
    with Host(hidden_url, driver) as host:
        assert host.is_right()


@pytest.mark.parametrize("forgetting", ["DISCARD ALL", "RESET ALL", "RESET row_security", "SET row_security = on"])
@pytest.mark.parametrize("driver", first_always(ON_SERVER))
def test_a_host_that_resets_a_connection_gets_no_hidden_rows_for_missing_ones(
    url: str, hidden_url: str, driver: str, forgetting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_MOST_IN_A_STATEMENT", 4)
    # What was prepared is gone with DISCARD ALL.
    nothing = {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
    arguments = nothing if driver == "asyncpg" else {"prepare_threshold": None}
    options = {"pool_size": 1, "max_overflow": 0, "isolation_level": "AUTOCOMMIT", "connect_args": arguments}
    with Host(hidden_url, driver, **options) as host:

        @event.listens_for(host.engine, "checkout")
        def forget(connection: Any, *_: object) -> None:
            cursor = connection.cursor()
            cursor.execute(forgetting)
            cursor.close()

        assert host.is_right()
        hide(url)
        host.require_outages(cases=CASES[3:])


def test_behind_a_pooler_hidden_rows_are_an_outage_too(url: str, hidden_url: str, postgres: PostgresServer) -> None:
    pooler = pgbouncer_or_skip(postgres, 3, user=ROLE)
    nothing_prepared = {"prepare_threshold": None}
    with pooler, Host(through(pooler, hidden_url), "psycopg", pool_size=3, connect_args=nothing_prepared) as host:
        assert host.is_right()
        hide(url)

        def ask(_: int) -> None:
            for case in CASES[3:] * 5:
                with pytest.raises(DirectoryUnavailable):
                    host.decide(case)

        with ThreadPoolExecutor(3) as threads:
            assert len([*threads.map(ask, range(3))]) == 3


# Transactions that are somebody else's


LEAKING = {"pool_size": 1, "max_overflow": 0, "pool_reset_on_return": None}


@pytest.mark.parametrize("driver", first_always(ON_SERVER))
def test_a_transaction_that_somebody_left_open_is_an_outage_and_no_old_snapshot(url: str, driver: str) -> None:
    with Host(url, driver, isolation_level="AUTOCOMMIT", **LEAKING) as host:
        assert host.is_right()
        leak(host, "BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1", "DELETE FROM routing_agent")
        with pytest.raises(DirectoryUnavailable) as raised:
            host.decide(OWN_AGENT)
        assert "transaction" in str(raised.value.__cause__)
        assert host.is_right()  # on another connection: that one was thrown away
        leak(host, "BEGIN")
        with pytest.raises(DirectoryUnavailable):
            host.decide_many(CASES)
        assert host.is_right()


async def spawned(function: Callable[[], Any]) -> Any:
    return await greenlet_spawn(function)


def leak(host: Host, *statements: str) -> None:
    """Give a connection back in the midst of a transaction."""

    def run() -> None:
        connection = host.engine.raw_connection()
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.close()

    if host._runner is None:
        run()
    else:
        host._runner.run(spawned(run))


@pytest.mark.parametrize("driver", first_always(ON_FILES))
def test_what_is_not_committed_in_sqlite_is_an_outage(sqlite_url: str, driver: str) -> None:
    _store(sqlite_url)
    with Host(sqlite_url, driver, **LEAKING) as host:
        assert host.is_right()
        leak(host, "DELETE FROM routing_agent")
        with pytest.raises(DirectoryUnavailable) as raised:
            host.decide(OWN_AGENT)
        assert "transaction" in str(raised.value.__cause__)
        assert host.is_right()  # on another connection, as on a server


def test_a_shared_cache_that_shows_what_is_not_committed_is_an_outage(tmp_path: Path) -> None:
    path = tmp_path / "shared.sqlite"
    _store(f"sqlite:///{path}")
    shared = f"sqlite:///file:{path}?cache=shared&uri=true"
    with Host(shared, "pysqlite", isolation_level="READ UNCOMMITTED") as host:
        writer = sqlite3.connect(f"file:{path}?cache=shared", uri=True)
        writer.execute("DELETE FROM routing_agent")
        host.require_outages()
        writer.rollback()
        writer.close()
    with Host(shared, "pysqlite") as host:
        assert host.is_right()


@pytest.mark.parametrize("driver", first_always(ON_SERVER))
@pytest.mark.parametrize("level", ["SERIALIZABLE", "REPEATABLE READ", "READ COMMITTED"])
def test_an_isolation_level_that_a_host_sets_when_it_connects_stays(url: str, driver: str, level: str) -> None:
    with Host(url, driver, pool_size=1, max_overflow=0) as host:
        event.listen(
            host.engine, "connect", lambda connection, _: host.engine.dialect.set_isolation_level(connection, level)
        )
        assert host.is_right()
        assert isolation_of(host) == level.lower()


def isolation_of(host: Host) -> str:
    def run() -> str:
        connection = host.engine.raw_connection()
        cursor = connection.cursor()
        cursor.execute("SHOW transaction_isolation")
        [[level]] = cursor.fetchall()
        cursor.close()
        connection.close()
        return str(level)

    return run() if host._runner is None else host._runner.run(spawned(run))


# Encodings


@pytest.fixture(params=["LATIN1", "SQL_ASCII"])
def encoded_url(request: pytest.FixtureRequest, postgres: PostgresServer) -> str:
    """The URL of a database of another encoding than UTF8, whose tables a host has made."""
    name = f"in_{request.param.lower()}"
    with postgres.connect() as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} ENCODING '{request.param}' LOCALE 'C' TEMPLATE template0")
    url = postgres.url(database=name)
    engine = create_engine(url, connect_args={"client_encoding": "utf8"})
    with engine.begin() as connection:
        make_plain_tables(connection)
    store(engine, World((*WORLD.tenants, Tenant(id="msp-é")), WORLD.agents, WORLD.channels, WORLD.end_companies))
    engine.dispose()
    return url


def of_tenant(tenant_id: str) -> Case:
    return Caller(CallerKind.PLATFORM, "platform"), SessionRequest(managed_agent_key=KEY, client_id=tenant_id)


@pytest.mark.parametrize(
    ("driver", "spoken"),
    [
        ("psycopg", None),
        *(
            pytest.param(*each, marks=pytest.mark.thorough)
            for each in [("psycopg_async", None), ("asyncpg", None), ("psycopg", "utf8"), ("psycopg_async", "utf8")]
        ),
    ],
)
def test_a_key_that_the_encoding_cannot_say_is_one_that_no_row_has(
    encoded_url: str, driver: str, spoken: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = {"client_encoding": spoken} if spoken else {}
    greek, french = of_tenant("msp-\u03a9"), of_tenant("msp-é")
    codes = {"msp-\u03a9": "tenant_not_found", "msp-é": "managed_agent_not_found"}
    with Host(encoded_url, driver, connect_args=arguments) as host:
        if encoded_url.endswith("sql_ascii") and driver != "asyncpg" and not spoken:
            host.require_outages()  # psycopg reads bytes there
            return
        assert host.is_right()
        for size in (2000, 2):
            monkeypatch.setattr(reader, "_MOST_IN_A_STATEMENT", size)
            decisions = host.decide_many([greek, *CASES, french, greek])
            assert decisions[1:-2] == RIGHT
            found = [str(decisions[place].result.failure().code) for place in (0, -2, -1)]
            assert found == [codes["msp-\u03a9"], codes["msp-é"], codes["msp-\u03a9"]]
        assert str(host.decide(greek).result.failure().code) == codes["msp-\u03a9"]
        assert str(host.decide(french).result.failure().code) == codes["msp-é"]


# Tables in the old form


@pytest.mark.parametrize("driver", [*first_always(ON_SERVER), *first_always(ON_FILES)])
def test_tables_in_the_old_form_are_an_outage_until_they_are_upgraded(
    request: pytest.FixtureRequest, driver: str
) -> None:
    url = request.getfixturevalue("sqlite_url" if "sqlite" in driver else "database_url")
    old = "CONSTRAINT ck_routing_channel_bot_id CHECK (bot_id <> '')"
    other_tables(url, WORLD)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE routing_channel RENAME TO aside")
        connection.exec_driver_sql(
            "CREATE TABLE routing_channel (id TEXT, tenant_id TEXT, agent_id BIGINT, bot_id TEXT, status TEXT, "
            f"white_label BOOLEAN, show_agent_progress_steps BOOLEAN, {old})"
        )
        connection.exec_driver_sql("INSERT INTO routing_channel SELECT * FROM aside")
    with Host(url, driver) as host:
        host.require_outages(r"^The directory's tables are of an older version: run neo-routing db upgrade\.$")
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE routing_channel")
            connection.exec_driver_sql("ALTER TABLE aside RENAME TO routing_channel")
        assert host.is_right()
    engine.dispose()
