"""Not a test: a directory in memory that follows a database while many change it, and a checker that has every state.

    python -m tests.programs.databases.followed           100,000 changes
    python -m tests.programs.databases.followed 2000      so many

Six writers change all relations, each its own tenants, in transactions that stay open for 0 to 30 milliseconds, and a
seventh keeps one open for seconds. Now and then a table is truncated. Each notes, with the number of the transaction,
what its part of the directory is afterwards. The name of each state that the directory shows tells which transactions
it sees; so the checker knows what it must hold. A state that holds anything else is lost or torn. By a cursor on
sequence numbers, the control, some are.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from attrs import define, evolve, field, frozen
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from neo_routing import Agent, AgentKind, Channel, ChannelStatus, EndCompany, ManagedAgentKey, Rows, Tenant, content_of
from neo_routing_adapters.live import LiveDirectory, statements
from neo_routing_adapters.live.positions import Snapshot
from neo_routing_adapters.sql import SqlDirectoryWriter, change_token
from neo_routing_adapters.sql.tables import follow
from neo_routing_adapters.sql.tables.upgrade import upgrade
from tests.programs.servers.postgres_server import PostgresServer

WRITERS: Final = 6
_LONGEST: Final = 0.03
_TENANTS, _AGENTS, _CHANNELS, _COMPANIES = 4, 6, 6, 4
_BOTS: Final = ("bot-1", "bot-2", "bot-3")
_PATIENCE: Final = 60.0


@define
class Part:
    """What one writer has put into the directory."""

    tenants: dict[str, Tenant] = field(factory=dict)
    agents: dict[int, Agent] = field(factory=dict)
    channels: dict[str, Channel] = field(factory=dict)
    companies: dict[str, EndCompany] = field(factory=dict)

    def copy(self) -> Part:
        return Part(dict(self.tenants), dict(self.agents), dict(self.channels), dict(self.companies))


@frozen
class Writer:
    """One writer: what it has put, and every state of that with the transaction that brought it."""

    number: int
    part: list[Part] = field(factory=lambda: [Part()])
    history: list[tuple[int, Part]] = field(factory=list)
    lock: threading.Lock = field(factory=threading.Lock)

    def seen(self, snapshot: Snapshot) -> Part:
        """Return what a snapshot sees of it: it has one transaction after the other."""
        part = Part()
        for transaction, after in self.history:
            if not snapshot.sees(transaction):
                break
            part = after
        return part


@frozen(kw_only=True)
class Run:
    """What came of it."""

    changes: int
    transactions: int
    states: int
    wrong: int
    """States that hold anything else than what their snapshot sees."""
    loads: int
    equal_at_the_end: bool
    seconds: float


def run(url: str, changes: int, *, by_sequence: bool = False, open_for: float = 3.0) -> Run:
    """Change an empty database so often while a directory follows it, and check every state that it showed."""
    engine = create_engine(url, pool_size=WRITERS + 3)
    upgrade(engine)
    follow.install(engine)
    writers, began, done = [Writer(number) for number in range(WRITERS + 1)], time.monotonic(), threading.Event()
    with _cursor(engine, by_sequence=by_sequence), LiveDirectory(engine) as directory, _noted(directory) as states:
        directory.wait_until_ready(_PATIENCE)
        share = changes // WRITERS
        threads = [_started(_write, engine, writer, share) for writer in writers[:WRITERS]]
        besides = [
            _started(_write_long, engine, writers[WRITERS], open_for, done),
            _started(_truncate, engine, writers, done),
        ]
        for thread in threads:
            thread.join()
        done.set()
        for thread in besides:
            thread.join()
        with engine.begin() as connection:
            token = change_token(connection)
        directory.wait_until(token, _PATIENCE)
        status = directory.status()
    engine.dispose()
    wrong = sum(rows != _content(writers, rows) for rows in states)
    return Run(
        changes=share * WRITERS,
        transactions=sum(len(writer.history) for writer in writers),
        states=len(states),
        wrong=wrong,
        loads=status.loads,
        equal_at_the_end=states[-1] == _content(writers, states[-1]),
        seconds=time.monotonic() - began,
    )


def _started(target: Callable[..., None], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


@contextmanager
def _noted(directory: LiveDirectory) -> Iterator[list[Rows]]:
    """Note every state that the directory shows."""
    states: list[Rows] = []

    def note() -> None:
        rows = directory._freshness.rows
        if not states or states[-1] is not rows:
            states.append(rows)

    with directory._freshness.waking(note):
        yield states


def _content(writers: list[Writer], rows: Rows) -> Rows:
    snapshot = Snapshot.read(str(rows.revision).rpartition("@")[2])
    parts = [writer.seen(snapshot) for writer in writers]
    return content_of(
        tenants=[row for part in parts for row in part.tenants.values()],
        agents=[row for part in parts for row in part.agents.values()],
        channels=[row for part in parts for row in part.channels.values()],
        end_companies=[row for part in parts for row in part.companies.values()],
    )


def _write(engine: Engine, writer: Writer, changes: int) -> None:
    rng, left = random.Random(writer.number), changes
    while left > 0:
        many = min(left, rng.choice([1, 1, 1, 2, 5]))
        if _transaction(engine, writer, rng, many, rng.uniform(0, _LONGEST)):
            left -= many


def _write_long(engine: Engine, writer: Writer, seconds: float, done: threading.Event) -> None:
    rng = random.Random(writer.number)
    while not done.is_set():
        _transaction(engine, writer, rng, 3, seconds, done)


def _transaction(
    engine: Engine, writer: Writer, rng: random.Random, many: int, seconds: float, done: threading.Event | None = None
) -> bool:
    with writer.lock:
        part = writer.part[0].copy()
        try:
            with engine.begin() as connection:
                for _ in range(many):
                    _change(SqlDirectoryWriter(connection), writer.number, part, rng)
                (done or threading.Event()).wait(seconds)
                transaction = _number(connection)
        except DBAPIError:
            return False
        writer.part[0] = part
        writer.history.append((transaction, part))
        return True


def _number(connection: Connection) -> int:
    return int(connection.scalar(text("SELECT pg_current_xact_id()::text")))


def _truncate(engine: Engine, writers: list[Writer], done: threading.Event) -> None:
    """Truncate the links now and then, while no writer is in a transaction."""
    while not done.wait(2.0):
        for writer in writers[:WRITERS]:
            writer.lock.acquire()
        if writers[WRITERS].lock.acquire(timeout=0.5):
            _truncate_links(engine, writers)
            writers[WRITERS].lock.release()
        for writer in writers[:WRITERS]:
            writer.lock.release()


def _truncate_links(engine: Engine, writers: list[Writer]) -> None:
    with engine.begin() as connection:
        connection.execute(text("TRUNCATE routing_end_company_link"))
        transaction = _number(connection)
    for writer in writers:
        part = writer.part[0] = writer.part[0].copy()
        part.companies = {key: evolve(row, m365_tenant_ids=()) for key, row in part.companies.items()}
        writer.history.append((transaction, part))


def _change(database: SqlDirectoryWriter, number: int, part: Part, rng: random.Random) -> None:
    """Change anything: put, move or delete a tenant, an agent, a channel or an end-company."""
    tenant_id = f"msp-{number}-{rng.randrange(_TENANTS)}"
    if tenant_id not in part.tenants or rng.random() < 0.1:
        row = Tenant(id=tenant_id, name=f"name {rng.random()}")
        database.put_tenant(row)
        part.tenants[tenant_id] = row
    elif rng.random() < 0.05:
        database.delete_tenant(tenant_id)
        del part.tenants[tenant_id]
        for rows in (part.agents, part.channels, part.companies):
            for key in [key for key, row in rows.items() if row.tenant_id == tenant_id]:
                del rows[key]
    else:
        rng.choice([_change_agent, _change_channel, _change_company])(database, number, tenant_id, part, rng)


def _change_agent(database: SqlDirectoryWriter, number: int, tenant_id: str, part: Part, rng: random.Random) -> None:
    agent_id = number * 100 + 1 + rng.randrange(_AGENTS)
    if agent_id in part.agents and rng.random() < 0.2:
        database.delete_agent(agent_id)
        del part.agents[agent_id]
        return
    kind, key = rng.choice([*AgentKind]), rng.choice([None, *ManagedAgentKey])
    row = Agent(id=agent_id, tenant_id=tenant_id, name=f"{rng.random()}", kind=kind, managed_key=key)
    database.put_agent(row)
    part.agents[agent_id] = row


def _change_channel(database: SqlDirectoryWriter, number: int, tenant_id: str, part: Part, rng: random.Random) -> None:
    channel_id = f"ch-{number}-{rng.randrange(_CHANNELS)}"
    if channel_id in part.channels and rng.random() < 0.2:
        database.delete_channel(channel_id)
        del part.channels[channel_id]
        return
    row = Channel(
        id=channel_id,
        tenant_id=tenant_id,
        agent_id=number * 100 + 1 + rng.randrange(_AGENTS),
        bot_id=rng.choice(_BOTS),
        status=rng.choice([*ChannelStatus]),
        white_label=rng.random() < 0.7,
        installed_m365_tenant_ids=rng.sample(["m-1", "m-2", "m-3"], rng.randrange(4)),
        show_agent_progress_steps=rng.choice([None, True, False]),
    )
    database.put_channel(row)
    part.channels[channel_id] = row


def _change_company(database: SqlDirectoryWriter, number: int, tenant_id: str, part: Part, rng: random.Random) -> None:
    company_id = f"co-{number}-{rng.randrange(_COMPANIES)}"
    if company_id in part.companies and rng.random() < 0.2:
        database.delete_end_company(company_id)
        del part.companies[company_id]
        return
    linked = rng.sample(["m-1", "m-2", "m-3"], rng.randrange(4))
    row = EndCompany(id=company_id, tenant_id=tenant_id, name=f"{rng.random()}", m365_tenant_ids=linked)
    database.put_end_company(row)
    part.companies[company_id] = row


_BY_SNAPSHOT: Final = f"xid >= %(next)s::xid8 AND {statements._OURS} OR xid = ANY (%(running)s::xid8[])"
_BY_SEQUENCE: Final = """number > COALESCE(NULLIF(current_setting('control.last', true), '')::bigint, 0)
    AND %(next)s::text IS NOT NULL AND %(running)s::text[] IS NOT NULL"""
_LOGGED: Final = "FROM changed),"
_NUMBERED: Final = """FROM changed WHERE
    set_config('control.last', (SELECT COALESCE(max(number), 0)::text FROM routing_change), false) IS NOT NULL),"""


@contextmanager
def _cursor(engine: Engine, *, by_sequence: bool) -> Iterator[None]:
    """Have the control ask for what has a higher number than all that it has seen, as many do."""
    by_snapshot = statements.POLL
    if by_sequence:
        with engine.begin() as connection:
            connection.execute(text("ALTER TABLE routing_change ADD number bigint GENERATED ALWAYS AS IDENTITY"))
        assert _BY_SNAPSHOT in by_snapshot and _LOGGED in by_snapshot
        statements.POLL = by_snapshot.replace(_BY_SNAPSHOT, _BY_SEQUENCE).replace(_LOGGED, _NUMBERED, 1)
    try:
        yield
    finally:
        statements.POLL = by_snapshot


def main(changes: int) -> None:
    with PostgresServer() as server:
        for name, by_sequence in (("by snapshots", False), ("by sequence", True)):
            database = name.replace(" ", "_")
            server.create_database(database)
            many = min(changes, 5_000) if by_sequence else changes
            found = run(server.url(database=database), many, by_sequence=by_sequence)
            print(
                f"{name}: {found.changes:,} changes in {found.transactions:,} transactions, {found.states:,} states, "
                f"{found.wrong:,} wrong, {found.loads} loads, {'' if found.equal_at_the_end else 'not '}equal at the "
                f"end, {found.seconds:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
