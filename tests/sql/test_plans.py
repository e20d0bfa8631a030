"""A decision is one statement in one round trip, by index look-ups alone, and none at all if its shape refuses it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

import pytest
from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    EndCompany,
    ManagedAgentKey,
    RowsNeeded,
    SessionRequest,
    Tenant,
    adecide,
    adecide_many,
    decide,
    decide_many,
    parse_session_request,
)
from neo_routing.testing import World
from neo_routing.testing.contract_cases import MOVED
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.look_up.statements import Statements
from neo_routing_adapters.sql.tables.directory_import import import_directory
from tests.programs.databases.administered import engine_at, upgraded
from tests.programs.databases.query_plans import rows_read, scans
from tests.programs.servers.proxy import Proxy
from tests.programs.thoroughness import first_always

SIZE = 2_000
KEY = ManagedAgentKey.NEO_SUPPORT

SHAPES: dict[str, RowsNeeded] = {
    "own agent": ("msp-7", 15, None, None, None),
    "own managed key": ("msp-7", None, KEY, None, None),
    "bot": ("msp-7", None, KEY, "shared-bot", None),
    "bot and M365 tenant": ("msp-7", None, KEY, "shared-bot", "m365-7"),
    "bot of its own": ("msp-8", None, KEY, "bot-8", "m365-8"),
    "unknown": ("nobody", None, KEY, "nothing", "nowhere"),
    "agent, bot and M365 tenant": ("msp-7", 15, None, "shared-bot", "m365-7"),
    "all keys": ("msp-7", 15, KEY, "shared-bot", "m365-7"),
}


@pytest.fixture(scope="module")
def world() -> World:
    """Every other tenant's channel is on one bot that they share."""
    numbers = range(SIZE)
    return World(
        tuple(Tenant(id=f"msp-{n}") for n in numbers),
        tuple(
            Agent(
                id=2 * n + which,
                tenant_id=f"msp-{n}",
                kind=AgentKind.CONVERSATIONAL,
                managed_key=None if which else KEY,
            )
            for n in numbers
            for which in (0, 1)
            if 2 * n + which
        ),
        tuple(
            Channel(
                id=f"channel-{n}",
                tenant_id=f"msp-{n}",
                agent_id=2 * n + 1,
                bot_id="shared-bot" if n % 2 else f"bot-{n}",
                white_label=n % 4 != 0,
                installed_m365_tenant_ids=[f"m365-{n}"],
            )
            for n in numbers
        ),
        tuple(EndCompany(id=f"company-{n}", tenant_id=f"msp-{n}", m365_tenant_ids=[f"m365-{n}"]) for n in numbers),
    )


@pytest.fixture
def loaded(any_database_url: str, world: World) -> Iterator[Engine]:
    with upgraded(any_database_url) as engine:
        import_directory(engine, world.content)
        yield engine


def all_scans(engine: Engine) -> dict[str, set[str]]:
    """Return what is scanned for each shape, whatever sort of plan is made for it."""
    generic = [False, True] if engine.dialect.name == "postgresql" else [False]
    with engine.connect() as connection:
        return {
            name: {scan for each in generic for scan in scans(connection, [needed], generic=each)}
            for name, needed in SHAPES.items()
        }


def test_every_shape_of_request_is_decided_by_index_look_ups_alone(loaded: Engine) -> None:
    assert all_scans(loaded) == {name: set() for name in SHAPES}


@pytest.mark.parametrize("driver", ["psycopg", "psycopg_async"])
def test_psycopg_remembers_every_statement(driver: str) -> None:
    statements = Statements(make_url(f"postgresql+{driver}://").get_dialect()())
    for needed in SHAPES.values():
        sql = statements.for_one(needed).sql
        # It does so up to this length (`psycopg._queries`, 3.3); a longer one it would read anew at each call.
        assert len(sql) <= 4096


def test_a_missing_index_is_seen(loaded: Engine) -> None:
    with loaded.begin() as connection:
        connection.execute(text("DROP INDEX ix_routing_agent_tenant_id_managed_key"))
    by_managed_key = {name for name, (_, _, managed_key, _, _) in SHAPES.items() if managed_key}
    assert all_scans(loaded) == {name: {"routing_agent"} if name in by_managed_key else set() for name in SHAPES}


SKEWED = 20_000
SKEW = f"""
INSERT INTO routing_tenant SELECT 'msp-' || n, 'x' FROM generate_series(1, {SKEWED}) n;
INSERT INTO routing_agent
  SELECT n, 'msp-' || n, 'x', 'CONVERSATIONAL', 'NEO_SUPPORT' FROM generate_series(1, {SKEWED}) n;
INSERT INTO routing_channel
  SELECT 'ch-' || n, 'msp-' || n, n, CASE WHEN mod(n, 2) = 0 THEN 'shared' ELSE 'bot-' || n END, 'ACTIVE', true, NULL
  FROM generate_series(1, {SKEWED}) n;
INSERT INTO routing_channel_installation
  SELECT id, 'm365-' || agent_id / 4, bot_id, status, white_label FROM routing_channel;
INSERT INTO routing_end_company
  SELECT 'co-' || n, CASE WHEN mod(n, 2) = 0 THEN 'msp-8' ELSE 'msp-' || n END, 'x' FROM generate_series(1, {SKEWED}) n;
INSERT INTO routing_end_company_link SELECT id, 'm365-' || substr(id, 4)::int / 4, tenant_id FROM routing_end_company;
ANALYZE;
"""
"""Half of all channels are on one bot, and half of all companies are one tenant's."""


def of_msp(number: int) -> RowsNeeded:
    return (f"msp-{number}", None, KEY, "shared", f"m365-{number // 4}")


@pytest.mark.parametrize("plan", ["generic", "custom"])
def test_a_decision_reads_few_rows_however_many_share_its_bot_or_its_tenant(database_url: str, plan: str) -> None:
    with upgraded(database_url) as engine, engine.connect() as connection:
        connection.exec_driver_sql(SKEW)
        assert rows_read(connection, [of_msp(8)], plan) < 200
        few = rows_read(connection, [of_msp(number) for number in range(8, 408, 4)], plan)
        many = rows_read(connection, [of_msp(number) for number in range(8, 4008, 4)], plan)
        assert many < 12 * few < 12 * 100 * 200


REFUSED_BY_SHAPE = [
    (Caller(CallerKind.USER, "msp-7"), {}),
    (Caller(CallerKind.USER, "msp-7"), {"agent_id": 15, "client_id": "msp-7"}),
    (Caller(CallerKind.PLATFORM, "platform"), {"agent_id": 15}),
    (Caller(CallerKind.PLATFORM, "platform"), {"agent_id": 15, "managed_agent_key": "NEO_SUPPORT"}),
]
DECIDED = [
    (Caller(CallerKind.USER, "msp-7"), {"agent_id": 15}),
    (Caller(CallerKind.USER, "msp-7"), {"managed_agent_key": "NEO_SUPPORT"}),
    *(
        (Caller(CallerKind.PLATFORM, "platform"), {"managed_agent_key": "NEO_SUPPORT", "client_id": "msp-7", **body})
        for body in ({}, {"bot_id": "shared-bot"}, {"bot_id": "shared-bot", "inbound_tenant_id": "m365-7"})
    ),
]
Case = tuple[Caller, SessionRequest]


def parsed(cases: list) -> list[Case]:
    return [(caller, parse_session_request(body).unwrap()) for caller, body in cases]


class Messages(Proxy):
    """A proxy that keeps what clients send."""

    def __init__(self, target_port: int) -> None:
        self.sent = bytearray()
        super().__init__(target_port)

    def _read(self, way) -> None:
        super()._read(way)
        with suppress(OSError):  # it was just closed, and the client says no more
            if way.target.getpeername()[1] == self.target_port:
                self.sent += way.under_way[-1][1]

    def types(self) -> Counter[str]:
        """Count the messages by type: a Q is a statement, so is an E; after a Q or an S the client waits."""
        types, rest = Counter(), bytes(self.sent)
        while rest:
            types[chr(rest[0])] += 1
            rest = rest[1 + int.from_bytes(rest[1:5]) :]
        return types


Batches = list[list[Case]]
"""Cases, those in a list to be decided together."""


def decide_with_psycopg(url: str, options: dict[str, str], batches: Batches, warm: Callable[[], None]) -> None:
    with engine_at(url, pool_size=1, max_overflow=0, **options) as engine:
        directory = SqlDirectory(engine)
        for _ in range(12):  # psycopg has prepared, and the server has chosen a plan
            for batch in batches:
                decide_together(batch, directory)
        warm()
        for batch in batches:
            decide_together(batch, directory)


def decide_together(batch: list[Case], directory: SqlDirectory) -> None:
    if len(batch) == 1:
        decide(*batch[0], directory)
    else:
        decide_many(batch, directory)


def decide_async(driver: str, url: str, options: dict[str, str], batches: Batches, warm: Callable[[], None]) -> None:
    async def run() -> None:
        engine = create_async_engine(make_url(url).set(drivername=f"postgresql+{driver}"), pool_size=1, **options)
        directory = AsyncSqlDirectory(engine)
        for _ in range(12):
            for batch in batches:
                await decide_together_async(batch, directory)
        warm()
        for batch in batches:
            await decide_together_async(batch, directory)
        await engine.dispose()

    asyncio.run(run())


async def decide_together_async(batch: list[Case], directory: AsyncSqlDirectory) -> None:
    if len(batch) == 1:
        await adecide(*batch[0], directory)
    else:
        await adecide_many(batch, directory)


def messages_of(url: str, decide_with, options: dict[str, str], batches: Batches) -> Counter[str]:
    """Count the messages that clients send for these, once everything is prepared."""
    with upgraded(url), Messages(make_url(url).port) as proxy:
        through_proxy = make_url(url).set(port=proxy.port).render_as_string(hide_password=False)
        decide_with(through_proxy, options, batches, warm=proxy.sent.clear)
        return proxy.types()


with_every_driver = pytest.mark.parametrize(
    "decide_with",
    first_always([decide_with_psycopg, partial(decide_async, "asyncpg"), partial(decide_async, "psycopg_async")]),
    ids=["psycopg", "asyncpg", "psycopg_async"],
)
with_both_isolation_levels = pytest.mark.parametrize(
    "options", [{"isolation_level": "AUTOCOMMIT"}, {}], ids=["autocommit", "default"]
)


@with_both_isolation_levels
@with_every_driver
def test_a_decision_is_one_statement_in_one_round_trip(database_url: str, decide_with, options: dict[str, str]) -> None:
    batches = [[case] for case in [*parsed(REFUSED_BY_SHAPE), *parsed(DECIDED) * 4]]
    types = messages_of(database_url, decide_with, options, batches)
    assert types["E"] + types["Q"] == types["S"] + types["Q"] == 4 * len(DECIDED)
    assert types["P"] == 0


@with_both_isolation_levels
@with_every_driver
def test_a_batch_is_one_statement_in_one_round_trip(database_url: str, decide_with, options: dict[str, str]) -> None:
    types = messages_of(database_url, decide_with, options, [parsed(DECIDED) * 100, parsed(REFUSED_BY_SHAPE) * 2])
    assert types["E"] + types["Q"] == types["S"] + types["Q"] == 1
    assert types["P"] == 0


@with_every_driver
def test_a_large_batch_is_some_statements_in_one_transaction(database_url: str, decide_with) -> None:
    numbers = range(4_001)
    cases = [(Caller(CallerKind.USER, f"msp-{number}"), SessionRequest(agent_id=15)) for number in numbers]
    types = messages_of(database_url, decide_with, {"isolation_level": "AUTOCOMMIT"}, [cases])
    assert types["E"] + types["Q"] == 1 + 3 + 1


def test_a_decision_in_sqlite_is_one_statement(sqlite_url: str) -> None:
    statements: list[str] = []
    with upgraded(sqlite_url):
        pass
    engine = create_engine(sqlite_url)
    event.listen(engine, "connect", lambda connection, _: connection.set_trace_callback(statements.append))
    directory = SqlDirectory(engine)
    decide(*parsed(DECIDED)[0], directory)
    statements.clear()
    for case in [*parsed(REFUSED_BY_SHAPE), *parsed(DECIDED)]:
        decide(*case, directory)
    engine.dispose()
    # Of a pragma within a statement SQLite tells in a comment.
    whole = [statement for statement in statements if not statement.startswith("--")]
    assert len(whole) == len(DECIDED)
    assert all("routing_tenant" in statement for statement in whole)


def test_a_request_that_its_shape_refuses_takes_no_connection() -> None:
    engine = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    for case in parsed(REFUSED_BY_SHAPE):
        assert decide(*case, SqlDirectory(engine)).result.failure().status in {403, 422}
    assert engine.pool.checkedin() == 0


def test_a_batch_in_sqlite_goes_through_its_keys_first(sqlite_url: str) -> None:
    with upgraded(sqlite_url) as engine:
        import_directory(engine, MOVED[0].content)  # which leaves statistics: so few rows would otherwise come first
        engine.dispose()  # a connection reads them when it is opened
        statement = Statements(engine.dialect).for_many([*map(of_msp, range(2))])
        with engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.sql}", statement.arguments).fetchall()
    steps = [step for *_, step in plan]
    before_keys = {steps[place - 1] for place, step in enumerate(steps) if step.startswith("SCAN anon")}
    assert before_keys == {"LEFT-MOST SUBQUERY", "UNION ALL"}


NEARLY_ALL = 4_000
SKEWED_WORLDS = {
    # Who owns the channel, and what it is installed for: {n} is its number.
    "even": ("'msp-' || {n}", "'m365-' || {n}"),
    "one owner": ("CASE WHEN {n} < 4000 THEN 'msp-1' ELSE 'msp-' || {n} END", "'m365-' || {n}"),
    "one of both": ("CASE WHEN {n} < 4000 THEN 'msp-1' ELSE 'msp-' || {n} END", "'m365-' || {n} / 4000"),
}


def skewed(owner: str, m365_tenant: str) -> str:
    own = owner.format(n="n")
    return f"""
TRUNCATE routing_tenant CASCADE;
INSERT INTO routing_tenant SELECT 'msp-' || n, 'x' FROM generate_series(1, {NEARLY_ALL}) n;
INSERT INTO routing_agent
  SELECT n, {own}, 'x', 'CONVERSATIONAL', 'NEO_SUPPORT' FROM generate_series(1, {NEARLY_ALL}) n;
INSERT INTO routing_channel
  SELECT 'ch-' || n, {own}, n, 'shared', 'ACTIVE', true, NULL FROM generate_series(1, {NEARLY_ALL}) n;
INSERT INTO routing_channel_installation
  SELECT id, {m365_tenant.format(n="agent_id")}, bot_id, status, white_label FROM routing_channel;
INSERT INTO routing_end_company SELECT 'co-' || n, {own}, 'x' FROM generate_series(1, {NEARLY_ALL}) n;
INSERT INTO routing_end_company_link
  SELECT id, {m365_tenant.format(n="substr(id, 4)::int")}, tenant_id FROM routing_end_company;
ANALYZE;
"""


def test_a_batch_reads_about_as_much_where_nearly_all_rows_are_of_one(database_url: str) -> None:
    # None of them is the one that has nearly all, and none finds more than a row of each sort.
    batch = [(f"msp-{n}", None, KEY, "shared", f"m365-{n + NEARLY_ALL}") for n in range(2, 102)]
    # The one that has nearly all channels of a bot is asked about with many M365 tenants.
    its_own = [("msp-1", None, KEY, "shared", f"m365-{n}") for n in range(2, 102)]
    read = {}
    with upgraded(database_url) as engine, engine.connect() as connection:
        for name, (owner, m365_tenant) in SKEWED_WORLDS.items():
            connection.exec_driver_sql(skewed(owner, m365_tenant))
            read[name] = max(rows_read(connection, batch, plan) for plan in ("generic", "custom"))
            if name == "one owner":
                assert rows_read(connection, its_own, "custom") < 25 * NEARLY_ALL
    assert max(read.values()) <= 5 * read["even"]
