"""Faults of a real PostgreSQL at random moments, while readers decide on cases whose answers are known.

Run by hand, it says what they cost; `tests/sql/test_faults.py` asserts what must hold on any machine:

    python -m tests.programs.databases.faults --times 50
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache, cached_property
from itertools import cycle, islice, product
from typing import Any, ClassVar, Final, Self, TypeAlias, TypeVar

from attrs import define, field
from sqlalchemy import Connection, Engine, create_engine, insert, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    Decision,
    DirectoryUnavailable,
    EndCompany,
    ManagedAgentKey,
    SessionRequest,
    Tenant,
    adecide,
    decide,
)
from neo_routing.testing import World
from neo_routing.testing.strategies import (
    ABSENT_AGENT_ID,
    ABSENT_TENANT_ID,
    AGENT_IDS,
    BOT_IDS,
    M365_TENANT_IDS,
    PLATFORM_TENANT_ID,
    TENANT_IDS,
)
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.look_up.reader import LATE
from neo_routing_adapters.sql.schema import RELATIONS, agents, channels, end_companies, installations, links, metadata
from neo_routing_adapters.sql.schema import tenants as tenants_table
from neo_routing_adapters.sql.tables.stored_rows import (
    agent_row,
    channel_row,
    end_company_row,
    installation_rows,
    link_rows,
    tenant_row,
)
from tests.programs.servers.postgres_server import PATIENCE, PostgresServer, wait_until
from tests.programs.servers.proxy import Proxy
from tests.programs.slicing_directory import SlicingDirectory

DRIVERS: Final = ("psycopg", "asyncpg", "psycopg_async")
ISOLATION_LEVELS: Final = (None, "AUTOCOMMIT")
MESSAGES: Final = frozenset([LATE, str(DirectoryUnavailable())])
"""All that an outage may say; that rows make no sense would be wrong here, because they do."""

POOL_SIZE, MAX_OVERFLOW = 4, 2
READERS: Final = 3
APPLICATION: Final = "application"
"""The role that the host connects as; a superuser is let in whatever the limit."""

_ENOUGH: Final = 3
"""So many right answers in a row, and a reader is right again."""

_TOLERATED: Final = 0.05
"""What a call may take beyond its deadline, on a machine that has time for it."""

_LONGEST_UNTIL_RIGHT: Final = 1.0
"""Within so many seconds of its end a fault is forgotten."""

_PAUSE: Final = 0.001
"""What a reader waits after an outage, because a refused connection takes no time at all."""


# The world and the cases


def world() -> World:
    """Return a world in which cases come to many answers: some rows clash, and some are missing or paused."""
    spread = [TENANT_IDS[place // 2] for place in range(len(AGENT_IDS))]
    kinds = [AgentKind.CONVERSATIONAL] * 5 + [AgentKind.TRIGGERED]
    keys = [ManagedAgentKey.NEO_SUPPORT, None, ManagedAgentKey.NEO_SUPPORT, None, None, ManagedAgentKey.NEO_SUPPORT]
    rows = zip(AGENT_IDS, spread, kinds, keys, strict=True)
    helpdesk, other = BOT_IDS
    contoso, fabrikam = M365_TENANT_IDS
    return World(
        tuple(Tenant(id=each) for each in (*TENANT_IDS, PLATFORM_TENANT_ID)),
        tuple(Agent(id=one, tenant_id=owner, kind=kind, managed_key=key) for one, owner, kind, key in rows),
        (
            _channel("white-label", TENANT_IDS[0], AGENT_IDS[1], helpdesk, white_label=True, installed=[contoso]),
            _channel("standard", TENANT_IDS[1], AGENT_IDS[3], helpdesk),
            _channel("paused", TENANT_IDS[2], AGENT_IDS[4], helpdesk, status=ChannelStatus.DISCONNECTED),
            _channel("foreign-agent", TENANT_IDS[2], AGENT_IDS[0], other, white_label=True, installed=[fabrikam]),
            _channel("unlinked", TENANT_IDS[1], AGENT_IDS[3], other, white_label=True, installed=[contoso]),
        ),
        (
            EndCompany(id="company-1", tenant_id=TENANT_IDS[0], m365_tenant_ids=frozenset([contoso])),
            EndCompany(id="company-2", tenant_id=TENANT_IDS[2], m365_tenant_ids=frozenset(M365_TENANT_IDS)),
        ),
    )


def _channel(name: str, owner: str, agent_id: int, bot_id: str, **more: Any) -> Channel:
    installed = frozenset(more.pop("installed", ()))
    return Channel(
        id=name, tenant_id=owner, agent_id=agent_id, bot_id=bot_id, installed_m365_tenant_ids=installed, **more
    )


Case: TypeAlias = tuple[Caller, SessionRequest]


def _calls() -> Iterator[Case]:
    platform = Caller(CallerKind.PLATFORM, PLATFORM_TENANT_ID)
    for client_id, bot_id, m365_tenant_id in product(
        (TENANT_IDS[0], TENANT_IDS[2], ABSENT_TENANT_ID), (*BOT_IDS, None), (*M365_TENANT_IDS, None)
    ):
        yield (
            platform,
            SessionRequest(
                managed_agent_key="NEO_SUPPORT", client_id=client_id, bot_id=bot_id, m365_tenant_id=m365_tenant_id
            ),
        )
    for tenant_id in TENANT_IDS[1:]:
        user = Caller(CallerKind.USER, tenant_id)
        yield user, SessionRequest(managed_agent_key="NEO_SUPPORT")
        for agent_id in (*AGENT_IDS[-3:], ABSENT_AGENT_ID):
            yield user, SessionRequest(agent_id=agent_id)


@cache
def known() -> tuple[tuple[Case, Decision], ...]:
    """Return the cases that need a look-up, with the decisions that the directory in memory comes to."""
    counting, memory = SlicingDirectory(world()), world().directory()
    found = []
    for case in _calls():
        before = counting.look_ups
        decide(*case, counting)
        if counting.look_ups > before:
            found.append((case, decide(*case, memory)))
    return tuple(found)


def load(engine: Engine) -> None:
    """Make the tables of an empty database, and put the world into them."""
    metadata.create_all(engine)
    rows = world()
    with engine.begin() as connection:
        for table, stored in (
            (tenants_table, map(tenant_row, rows.tenants)),
            (agents, map(agent_row, rows.agents)),
            (channels, map(channel_row, rows.channels)),
            (installations, (row for channel in rows.channels for row in installation_rows(channel))),
            (end_companies, map(end_company_row, rows.end_companies)),
            (links, (row for company in rows.end_companies for row in link_rows(company))),
        ):
            names = table.columns.keys()
            connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in stored])


# What readers see


@define(kw_only=True)
class Seen:
    """What readers have seen, in seconds where it is a time."""

    times: int = 0
    right: int = 0
    unavailable: int = 0
    overrun: float = 0.0
    """The longest that a call took beyond its deadline."""

    overrunning: int = 0
    """How many calls took longer than 50 milliseconds beyond their deadline."""

    until_right: float = 0.0
    """The longest from the end of a fault until all readers were right again."""

    causes: Counter[str] = field(factory=Counter)
    """How often the driver gave which reason."""

    wrong: list[str] = field(factory=list)
    """What must never be: a wrong answer, another exception, a driver's text, a complaint of the event loop."""

    @property
    def is_bearable(self) -> bool:
        """Whether it is what the documentation promises, on a machine that has time for it."""
        return not self.wrong and not self.overrunning and self.until_right <= _LONGEST_UNTIL_RIGHT

    def add(self, other: Seen) -> None:
        self.times += other.times
        self.right += other.right
        self.unavailable += other.unavailable
        self.overrun = max(self.overrun, other.overrun)
        self.overrunning += other.overrunning
        self.until_right = max(self.until_right, other.until_right)
        self.causes += other.causes
        self.wrong += other.wrong


class Reader:
    """One thread or task that decides, and what it has seen; only that one writes here."""

    def __init__(self, place: int, deadline: float) -> None:
        self.seen = Seen()
        self.cases = cycle(known()[place::READERS] + known()[:place])
        self._deadline = deadline
        self._streak: tuple[float, float, int] | None = None
        self.since = time.perf_counter()

    def right_again(self) -> float | None:
        """Return when it came to be right, for good, after the time `since`."""
        streak = self._streak
        return streak[1] if streak and streak[0] == self.since and streak[2] >= _ENOUGH else None

    def answered(self, begun: float, decision: Decision, right: Decision) -> None:
        ended = self._note_end(begun)
        if decision != right:
            self.seen.wrong.append(f"{decision} in place of {right}")
            return
        self.seen.right += 1
        since = self.since
        if begun >= since:
            _, first, length = self._streak if self._streak and self._streak[0] == since else (since, ended, 0)
            self._streak = since, first, length + 1

    def failed(self, begun: float, error: BaseException) -> None:
        self._note_end(begun)
        self._streak = None
        cause = error.__cause__
        if not isinstance(error, DirectoryUnavailable) or str(error) not in MESSAGES or cause is None:
            self.seen.wrong.append(f"{error!r} from {cause!r}")
            return
        self.seen.unavailable += 1
        self.seen.causes[f"{type(cause).__name__}: {' '.join(str(cause).split())}"[:100]] += 1

    def _note_end(self, begun: float) -> float:
        ended = time.perf_counter()
        overrun = ended - begun - self._deadline
        self.seen.overrun = max(self.seen.overrun, overrun)
        self.seen.overrunning += overrun > _TOLERATED
        return ended


# Hosts


class Host(ABC):
    """An application with a pooled engine, whose readers decide without a pause."""

    engine: Engine

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.readers = [Reader(place, deadline) for place in range(READERS)]
        self.complaints: list[str] = []
        self._stopping = False
        self._paused = False
        self._reading: list[Any] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.close()

    def start(self) -> None:
        """Have the readers start."""
        self._reading = [self._start(reader) for reader in self.readers]

    def stop(self) -> None:
        """Have the readers stop, and return when they have."""
        self._stopping = True
        for each in self._reading:
            each.result(PATIENCE)
        self._reading = []

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Let the readers rest, and give all back.

        A pool that has nothing left serves the quickest first, and not who has waited; and whoever waits there is not
        told when somebody else has tried to connect in vain.
        """
        self._paused = True
        try:
            wait_until(lambda: self.engine.pool.checkedout() == 0)
            yield
        finally:
            self._paused = False

    def wait_until_right(self) -> float:
        """Return how long it takes from now until every reader is right again."""
        now = time.perf_counter()
        for reader in self.readers:
            reader.since = now
        wait_until(lambda: all(reader.right_again() for reader in self.readers), 10.0)
        return max(reader.right_again() or 0.0 for reader in self.readers) - now

    @abstractmethod
    def directory(self, deadline: float) -> Any:
        """Return one more directory on the engine."""

    @abstractmethod
    def decide(self, case: Case, directory: Any = None) -> Decision:
        """Decide once."""

    @abstractmethod
    def _start(self, reader: Reader) -> Any: ...

    @abstractmethod
    def take_all(self) -> list[Any]:
        """Check out all connections that the pool has to give."""

    @abstractmethod
    def give_back(self, taken: list[Any]) -> None:
        """Check them in again."""

    @abstractmethod
    def dispose(self) -> None:
        """Close the connections that the pool has."""

    @abstractmethod
    def close(self) -> None:
        """Close the engine."""


class SyncHost(Host):
    """A host with threads."""

    def __init__(self, url: str, isolation_level: str | None, deadline: float, **options: Any) -> None:
        super().__init__(deadline)
        self.engine = create_engine(url, **_options(isolation_level), **options)
        self._directory = self.directory(deadline)
        self._threads = ThreadPoolExecutor(READERS)

    def directory(self, deadline: float) -> SqlDirectory:
        return SqlDirectory(self.engine, deadline=deadline)

    def decide(self, case: Case, directory: SqlDirectory | None = None) -> Decision:
        return decide(*case, directory or self._directory)

    def _start(self, reader: Reader) -> Any:
        return self._threads.submit(self._read, reader)

    def _read(self, reader: Reader) -> None:
        for case, right in reader.cases:
            while self._paused:
                time.sleep(_PAUSE)
            if self._stopping:
                return
            begun = time.perf_counter()
            try:
                decision = decide(*case, self._directory)
            except BaseException as error:  # noqa: BLE001  # none but one is right, and the reader goes on
                reader.failed(begun, error)
                time.sleep(_PAUSE)
            else:
                reader.answered(begun, decision, right)

    def take_all(self) -> list[Connection]:
        return [self.engine.connect() for _ in range(POOL_SIZE + MAX_OVERFLOW)]

    def give_back(self, taken: list[Connection]) -> None:
        for connection in taken:
            connection.close()

    def dispose(self) -> None:
        self.engine.dispose()

    def close(self) -> None:
        self._threads.shutdown()
        self.dispose()


_T = TypeVar("_T")


class AsyncHost(Host):
    """A host with tasks on an event loop, which runs in a thread of its own."""

    def __init__(self, url: str, isolation_level: str | None, deadline: float, **options: Any) -> None:
        super().__init__(deadline)
        self._engine = create_async_engine(url, **_options(isolation_level), **options)
        self.engine = self._engine.sync_engine
        self._directory = self.directory(deadline)
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(self._complain)
        self._thread = threading.Thread(target=self._loop.run_forever, name="event loop")
        self._thread.start()

    def directory(self, deadline: float) -> AsyncSqlDirectory:
        return AsyncSqlDirectory(self._engine, deadline=deadline)

    def decide(self, case: Case, directory: AsyncSqlDirectory | None = None) -> Decision:
        return self._do(adecide(*case, directory or self._directory))

    def _start(self, reader: Reader) -> Any:
        return asyncio.run_coroutine_threadsafe(self._read(reader), self._loop)

    async def _read(self, reader: Reader) -> None:
        this = asyncio.current_task()
        for case, right in reader.cases:
            while self._paused:  # noqa: ASYNC110  # a thread says when it ends
                await asyncio.sleep(_PAUSE)
            if self._stopping:
                return
            begun = time.perf_counter()
            try:
                decision = await adecide(*case, self._directory)
            except BaseException as error:  # noqa: BLE001  # none but one is right, and the reader goes on
                reader.failed(begun, error)
                await asyncio.sleep(_PAUSE)
            else:
                reader.answered(begun, decision, right)
            if this and this.cancelling():
                reader.seen.wrong.append("the task is left with a cancellation that nobody asked for")
                this.uncancel()

    def _complain(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # asyncpg leaves a future behind when an attempt to connect is cancelled, whoever cancels it.
        if str(context.get("exception")) != "unexpected connection_lost() call":
            self.complaints.append(str(context))

    def _do(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def take_all(self) -> list[AsyncConnection]:
        async def take() -> list[AsyncConnection]:
            return [await self._engine.connect() for _ in range(POOL_SIZE + MAX_OVERFLOW)]

        return self._do(take())

    def give_back(self, taken: list[AsyncConnection]) -> None:
        async def give() -> None:
            for connection in taken:
                await connection.close()

        self._do(give())

    def tasks(self) -> int:
        """Return how many tasks there are on the event loop."""

        async def count() -> int:
            return len(asyncio.all_tasks()) - 1

        return self._do(count())

    def dispose(self) -> None:
        self._do(self._engine.dispose())

    def close(self) -> None:
        self.dispose()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def _options(isolation_level: str | None) -> dict[str, Any]:
    options = {"pool_size": POOL_SIZE, "max_overflow": MAX_OVERFLOW}
    return options if isolation_level is None else {**options, "isolation_level": isolation_level}


def host(driver: str, url: str, isolation_level: str | None, deadline: float, **options: Any) -> Host:
    """Return a host on this driver, which does not read yet."""
    kind = SyncHost if driver == "psycopg" else AsyncHost
    return kind(make_url(url).set(drivername=f"postgresql+{driver}"), isolation_level, deadline, **options)


# Where it happens


class Site:
    """A database on a server, a proxy to it, and a hot standby that is there once it is asked for."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self.database = f"faults_{random.SystemRandom().getrandbits(64):x}"
        self._opened = ExitStack()
        server.create_database(self.database)
        engine = create_engine(server.url(database=self.database))
        load(engine)
        engine.dispose()
        self.execute(
            f"DO $$ BEGIN CREATE ROLE {APPLICATION} LOGIN; EXCEPTION WHEN duplicate_object THEN END $$",
            f"GRANT SELECT ON {', '.join(RELATIONS)} TO {APPLICATION}",
            # A server that crashes forgets the last commits, because its settings are those of a test.
            "CHECKPOINT",
        )
        self.proxy = self._opened.enter_context(Proxy(server.port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()
        with self.server.connect() as connection:
            connection.execute(f"DROP DATABASE {self.database} WITH (FORCE)")

    @cached_property
    def standby(self) -> PostgresServer:
        return self._opened.enter_context(self.server.standby())

    def url(self, port: int) -> str:
        """Return the URL by which the host connects."""
        url = make_url(self.server.url(database=self.database, port=port)).set(username=APPLICATION)
        return url.render_as_string()

    def execute(self, *statements: str) -> None:
        """Execute statements as the administrator, so that a crash does not undo them."""
        with self.server.connect(self.database) as connection:
            connection.execute("SET synchronous_commit = on")
            for statement in statements:
                connection.execute(statement)

    def backends(self, server: PostgresServer) -> int:
        """Return how many connections of the host a server has."""
        with server.connect() as connection:
            [row] = connection.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND usename = %s AND datname = %s",
                [APPLICATION, self.database],
            )
        return row[0]


# Faults


class Fault:
    """Something that befalls a host, and ends."""

    name: ClassVar[str]
    must_be_noticed: ClassVar[bool | None] = True
    """Whether it makes the directory unavailable, if held beyond the deadline; None where it may or may not."""

    lasts: ClassVar[bool] = True
    """Whether there is anything to end."""

    def __init__(self, site: Site, chance: random.Random) -> None:
        self.site = site
        self.chance = chance

    @property
    def server(self) -> PostgresServer:
        """The server that the host uses."""
        return self.site.server

    @property
    def port(self) -> int:
        """Where the host connects."""
        return self.server.port

    def begin(self, host: Host) -> None:
        """Let it happen."""

    def end(self, host: Host) -> None:
        """Put everything right again."""


class ServerDown(Fault):
    """The server crashes, and starts again."""

    name = "server down"

    def begin(self, host: Host) -> None:
        self.server.kill()

    def end(self, host: Host) -> None:
        self.server.start()


class ReplicaGone(ServerDown):
    """The hot standby that the host reads from crashes, and starts again."""

    name = "replica gone"

    @property
    def server(self) -> PostgresServer:
        return self.site.standby


class Frozen(Fault):
    """The server's machine stalls: connections stay, new ones are accepted, nobody answers."""

    name = "server frozen"

    def begin(self, host: Host) -> None:
        self.server.freeze()

    def end(self, host: Host) -> None:
        self.server.thaw()


class _OnTheWay(Fault):
    @property
    def port(self) -> int:
        return self.site.proxy.port


class ConnectionsReset(_OnTheWay):
    """All connections are reset at once, whatever they were doing."""

    name = "connections reset"
    must_be_noticed = None
    lasts = False

    def begin(self, host: Host) -> None:
        self.site.proxy.drop_all()


class ConnectionsCut(_OnTheWay):
    """All connections are reset in the middle of an answer."""

    name = "answers cut short"
    must_be_noticed = None
    lasts = False

    def begin(self, host: Host) -> None:
        self.site.proxy.drop_after(self.chance.randrange(1500))


class BackendsTerminated(Fault):
    """An administrator ends all connections, whatever they were doing."""

    name = "backends terminated"
    must_be_noticed = None
    lasts = False

    def begin(self, host: Host) -> None:
        self.site.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{APPLICATION}'")


class Silent(_OnTheWay):
    """The network goes silent: nothing arrives any more, not even the end of a connection."""

    name = "network silent"

    def begin(self, host: Host) -> None:
        self.site.proxy.hold(True)

    def end(self, host: Host) -> None:
        self.site.proxy.hold(False)


class Slow(_OnTheWay):
    """Each round trip takes three times the deadline."""

    name = "slower than the deadline"
    deadlines = 3.0

    def begin(self, host: Host) -> None:
        self.site.proxy.delay = self.deadlines * host.deadline

    def end(self, host: Host) -> None:
        self.site.proxy.delay = 0.0


class Slowish(Slow):
    """Each round trip takes a quarter of the deadline: enough for a decision, not for a new connection."""

    name = "slow within the deadline"
    must_be_noticed = None
    deadlines = 0.25


class PoolExhausted(Fault):
    """The host itself has all connections of its pool checked out."""

    name = "pool exhausted"

    def begin(self, host: Host) -> None:
        with host.pause():
            self._taken = host.take_all()

    def end(self, host: Host) -> None:
        host.give_back(self._taken)


class Locked(Fault):
    """A migration holds one of the tables so that nobody may read it."""

    name = "table locked"

    def begin(self, host: Host) -> None:
        self._migration = self.server.connect(self.site.database)
        self._migration.execute("BEGIN")
        self._migration.execute(f"LOCK TABLE {self.chance.choice([*RELATIONS])} IN ACCESS EXCLUSIVE MODE")

    def end(self, host: Host) -> None:
        self._migration.execute("ROLLBACK")
        self._migration.close()


class DiskFull(Fault):
    """One of the relations cannot be read for want of room on the disk.

    It is staged: a view in the table's place raises the error that a server then gives, SQLSTATE 53100. A disk that is
    really full cannot be had without a file system of one's own.
    """

    name = "disk full"

    def begin(self, host: Host) -> None:
        table = self._table = self.chance.choice([*RELATIONS])
        self.site.execute(
            f"""
            BEGIN;
            ALTER TABLE {table} RENAME TO aside;
            CREATE FUNCTION on_full_disk() RETURNS SETOF aside LANGUAGE plpgsql AS $$
                BEGIN RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
            CREATE VIEW {table} AS SELECT * FROM on_full_disk();
            GRANT SELECT ON {table} TO {APPLICATION};
            COMMIT
            """
        )

    def end(self, host: Host) -> None:
        self.site.execute(
            f"""
            BEGIN;
            DROP VIEW {self._table};
            DROP FUNCTION on_full_disk;
            ALTER TABLE aside RENAME TO {self._table};
            COMMIT
            """
        )


class SchemaMissing(Fault):
    """One of the relations is not there."""

    name = "schema missing"

    def begin(self, host: Host) -> None:
        self._table = self.chance.choice([*RELATIONS])
        self.site.execute(f"ALTER TABLE {self._table} RENAME TO aside")

    def end(self, host: Host) -> None:
        self.site.execute(f"ALTER TABLE aside RENAME TO {self._table}")


class Altered(Fault):
    """Tables change under the statements that the server has prepared, as in a migration that suits both versions."""

    name = "tables altered"
    must_be_noticed = False

    def begin(self, host: Host) -> None:
        table = self._table = self.chance.choice([*RELATIONS])
        self.site.execute(
            f"ALTER TABLE {table} ADD COLUMN added text",
            "DROP TRIGGER IF EXISTS routing_note_change ON routing_channel",  # it names the column
            "ALTER TABLE routing_channel ALTER COLUMN agent_id TYPE integer",
            "ALTER TABLE routing_agent ALTER COLUMN name TYPE varchar(300)",
            "ALTER TABLE routing_end_company ALTER COLUMN name TYPE varchar(300)",
        )

    def end(self, host: Host) -> None:
        self.site.execute(
            f"ALTER TABLE {self._table} DROP COLUMN added",
            "ALTER TABLE routing_channel ALTER COLUMN agent_id TYPE bigint",
            'ALTER TABLE routing_agent ALTER COLUMN name TYPE text COLLATE "C"',
            'ALTER TABLE routing_end_company ALTER COLUMN name TYPE text COLLATE "C"',
        )


class TooManyConnections(Fault):
    """The host's connections are ended, and its role is let in once only."""

    name = "too many connections"
    must_be_noticed = True

    def begin(self, host: Host) -> None:
        self.site.execute(
            f"ALTER ROLE {APPLICATION} CONNECTION LIMIT 1",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{APPLICATION}'",
        )

    def end(self, host: Host) -> None:
        self.site.execute(f"ALTER ROLE {APPLICATION} CONNECTION LIMIT -1")


FAULTS: Final[tuple[type[Fault], ...]] = (
    ServerDown,
    ConnectionsReset,
    ConnectionsCut,
    BackendsTerminated,
    PoolExhausted,
    Locked,
    Slow,
    Slowish,
    Frozen,
    Silent,
    ReplicaGone,
    DiskFull,
    SchemaMissing,
    Altered,
    TooManyConnections,
)


def strike(  # what a run is made of
    site: Site,
    kind: type[Fault],
    driver: str,
    isolation_level: str | None,
    *,
    times: int,
    deadline: float,
    longest: float,
    seed: object,
) -> Seen:
    """Let a fault happen so many times, for 5 milliseconds to the longest, and return what the readers have seen.

    Raises `TimeoutError` if a reader does not stop or does not come right again, or if something is left over.
    """
    chance = random.Random(f"{seed} {kind.name} {driver} {isolation_level}")
    fault = kind(site, chance)
    seen = Seen(times=times)
    with host(driver, site.url(fault.port), isolation_level, deadline) as one:
        one.start()
        one.wait_until_right()
        for place in range(times):
            time.sleep(chance.uniform(0.0, 0.02))
            fault.begin(one)
            if fault.lasts:
                time.sleep(chance.uniform(0.005, longest) if place else longest)
            fault.end(one)
            seen.until_right = max(seen.until_right, one.wait_until_right())
        one.stop()
        wait_until_nothing_is_left(one, site, fault.server)
    for reader in one.readers:
        seen.add(reader.seen)
    seen.wrong += one.complaints
    return seen


def wait_until_nothing_is_left(host: Host, site: Site, server: PostgresServer) -> None:
    """Return when nothing is checked out, connected, or running that should not be, once no reader reads any more."""
    wait_until(lambda: host.engine.pool.checkedout() == 0)
    # SQLAlchemy leaves a cycle of references behind when an attempt of psycopg's to connect is cancelled.
    gc.collect()
    wait_until(lambda: site.backends(server) <= host.engine.pool.checkedin())
    if isinstance(host, AsyncHost):
        wait_until(lambda: host.tasks() == 0)


# By hand

_COLUMNS: Final = ("fault", "times", "right", "unavailable", "beyond deadline", "by over 50 ms", "right again", "wrong")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=50, help="how many times each fault happens to each driver")
    parser.add_argument("--deadline", type=float, default=0.2, help="of the directory, in seconds")
    parser.add_argument("--longest", type=float, default=0.15, help="by so many seconds a fault may outlast that")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--driver", choices=DRIVERS, action="append")
    parser.add_argument("--fault", choices=[fault.name for fault in FAULTS], action="append")
    parser.add_argument("--causes", action="store_true", help="show the most frequent causes too")
    chosen = parser.parse_args()
    print(f"deadline {chosen.deadline * 1000:.0f} ms; beyond it, and until right again: the longest, in milliseconds\n")
    unbearable = []
    with PostgresServer() as server, Site(server) as site:
        for driver in chosen.driver or DRIVERS:
            print(f"{driver:25}" + "".join(f"{column:>15}" for column in _COLUMNS[1:]))
            for fault in FAULTS:
                if not chosen.fault or fault.name in chosen.fault:
                    seen = _struck(site, fault, driver, chosen)
                    print(_row(fault, seen), flush=True)
                    unbearable += [] if seen.is_bearable else [f"{driver} with {fault.name}"]
                    for cause, count in seen.causes.most_common(5 if chosen.causes else 0):
                        print(f"    {count:5} {cause}")
            print()
    if unbearable:
        raise SystemExit(f"more than is promised: {', '.join(unbearable)}")


def _struck(site: Site, fault: type[Fault], driver: str, chosen: argparse.Namespace) -> Seen:
    seen = Seen()
    halves = chosen.times - chosen.times // 2, chosen.times // 2
    for isolation_level, times in zip(ISOLATION_LEVELS, halves, strict=True):
        longest = chosen.deadline + chosen.longest
        seen.add(
            strike(
                site,
                fault,
                driver,
                isolation_level,
                times=times,
                deadline=chosen.deadline,
                longest=longest,
                seed=chosen.seed,
            )
        )
    return seen


def _row(fault: type[Fault], seen: Seen) -> str:
    numbers = [seen.times, seen.right, seen.unavailable]
    texts = [f"{number:,}" for number in numbers]
    texts += [
        f"{seen.overrun * 1000:.1f}",
        str(seen.overrunning),
        f"{seen.until_right * 1000:.1f}",
        str(len(seen.wrong)),
    ]
    complaints = "".join(f"\n    {wrong[:300]}" for wrong in islice(dict.fromkeys(seen.wrong), 5))
    return f"{fault.name:25}" + "".join(f"{text:>15}" for text in texts) + complaints


if __name__ == "__main__":
    main()
