"""Faults of a real PostgreSQL while a directory in memory follows it, and a checker that knows every committed state.

Run by hand, each befalls it so often, at random moments; `tests/live/test_faults.py` does the same a few times:

    python -m tests.programs.databases.live_faults --times 50

A writer counts in the name of one tenant. An answer is right if it was committed, and was still so, or is still, at
some moment within the bound before it was given. Where history is lost, in a failover or by an older dump, a new one
begins: the name tells which it is of.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import psycopg
from attrs import define, field
from sqlalchemy import Engine, create_engine

from neo_routing import DirectoryUnavailable
from neo_routing_adapters.live import LiveDirectory, State
from neo_routing_adapters.sql.change_log import PRUNE_FUNCTION
from neo_routing_adapters.sql.schema import metadata
from neo_routing_adapters.sql.tables import follow
from neo_routing_adapters.sql.tables.upgrade import upgrade
from tests.programs.servers.postgres_server import PostgresServer, wait_until
from tests.programs.servers.proxy import Proxy

BOUND: Final = 1.0
_AMPLE: Final = 60.0
_TRIES: Final = 10
_LATE: Final = 0.25
"""A reader may be kept from its processor between the look-up and the look at the clock."""


@define
class History:
    """What was committed, and when; and what nobody may see any more."""

    number: int
    committed: list[float] = field(factory=list)
    """When each count was acknowledged."""
    begun: int = 0
    lost_at: float | None = None
    """When this history ended: all that was lost of it, or all of it."""

    def allows(self, count: int, at: float) -> bool:
        if self.lost_at is not None:
            return count <= self.begun and at - BOUND - _LATE <= self.lost_at
        known = self._known(at - BOUND - _LATE)
        return known <= count <= self.begun

    def _known(self, at: float) -> int:
        return sum(acknowledged <= at for acknowledged in self.committed[-2_000:]) + max(0, len(self.committed) - 2_000)


@define
class Scene:
    """A server behind a proxy, a directory that follows it, and who writes and reads meanwhile."""

    server: PostgresServer
    database: str
    proxy: Proxy
    engine: Engine
    directory: LiveDirectory
    histories: list[History]
    wrong: list[str] = field(factory=list)
    answers: int = 0
    refused: int = 0
    ended: threading.Event = field(factory=threading.Event)
    paused: threading.Event = field(factory=threading.Event)
    is_writing: threading.Lock = field(factory=threading.Lock)

    def connect(self) -> psycopg.Connection:
        """Connect to the server itself."""
        return self.server.connect(self.database)

    @property
    def url(self) -> str:
        """Where the server itself is."""
        return self.server.url(database=self.database)

    def install(self) -> None:
        """Make the change log anew."""
        engine = create_engine(self.url)
        follow.install(engine)
        engine.dispose()

    def execute(self, *statements: str) -> None:
        """Do it in a transaction; again, if a deadlock with whoever reads the whole was ended at its expense."""
        for _ in range(_TRIES):
            with suppress(psycopg.errors.DeadlockDetected), self.connect() as connection, connection.transaction():
                for statement in statements:
                    connection.execute(statement.encode())
                return
        raise TimeoutError(f"{_TRIES} deadlocks")

    def history_begins(self) -> None:
        """Begin a new history: what is there says so, and what was there is lost."""
        self.histories[-1].lost_at = time.monotonic()
        self.histories.append(History(len(self.histories)))

    def wait_for(self, *states: State) -> None:
        wait_until(lambda: self.directory.status().state in states, _AMPLE)

    def wait_until_it_is_right(self) -> None:
        """Wait until it is ready, and answers with what is written from now on."""
        wanted = self.histories[-1].begun + 1
        wait_until(lambda: self.histories[-1].begun > wanted, _AMPLE)
        wait_until(lambda: self._read() >= (self.histories[-1].number, wanted), _AMPLE)

    def _read(self) -> tuple[int, int]:
        try:
            rows = self.directory.look_up(())
        except DirectoryUnavailable:
            return -1, -1
        number, _, count = rows.tenant_names.get("counter", "-1:-1").partition(":")
        return int(number), int(count)

    def read(self) -> None:
        """Read again and again, and note each answer that is wrong."""
        while not self.ended.wait(0.002):
            number, count = self._read()
            at = time.monotonic()
            if number < 0:
                self.refused += 1
                continue
            self.answers += 1
            if not self.histories[number].allows(count, at):
                self.wrong.append(f"{count} of history {number} {at - BOUND}")

    def write(self) -> None:
        """Count again and again, past whatever happens to the server."""
        while not self.ended.is_set():
            with suppress(psycopg.Error), self.connect() as connection:
                while not self.ended.wait(0.005):
                    self._count(connection)

    def _count(self, connection: psycopg.Connection) -> None:
        with self.is_writing:
            history = self.histories[-1]
            history.begun = len(history.committed) + 1
            name = f"{history.number}:{history.begun}"
            done = connection.execute("UPDATE routing_tenant SET name = %s WHERE id = 'counter'", [name])
            if done.rowcount:
                history.committed.append(time.monotonic())


@contextmanager
def scene(server: PostgresServer, database: str, *, poll: float = 0.05) -> Iterator[Scene]:
    """Set it up in a new database."""
    server.create_database(database)
    with Proxy(server.port) as proxy:
        engine = create_engine(server.url(database=database, port=proxy.port))
        upgrade(engine)
        follow.install(engine)
        with engine.begin() as connection:
            connection.exec_driver_sql("INSERT INTO routing_tenant VALUES ('counter', '0:0')")
        with LiveDirectory(engine, max_staleness=BOUND, poll=poll) as directory:
            made = Scene(server, database, proxy, engine, directory, [History(0)])
            made.wait_for(State.READY)
            threads = [threading.Thread(target=each, daemon=True) for each in (made.read, made.write)]
            for thread in threads:
                thread.start()
            try:
                yield made
            finally:
                made.ended.set()
                for thread in threads:
                    thread.join(_AMPLE)
        engine.dispose()


def cut(scene: Scene) -> None:
    """The connection is reset."""
    scene.proxy.drop_all()


def half_open(scene: Scene) -> None:
    """What is sent is kept back, and nobody is told."""
    scene.proxy.hold(True)
    scene.wait_for(State.STALE)
    scene.proxy.hold(False)


def frozen(scene: Scene) -> None:
    """The server halts, and goes on."""
    scene.server.freeze()
    scene.wait_for(State.STALE)
    scene.server.thaw()


def restarted(scene: Scene) -> None:
    """The server is stopped, and started."""
    scene.server.stop()
    scene.server.start()


def crashed(scene: Scene) -> None:
    """The server crashes, and recovers."""
    scene.server.kill()
    scene.server.start()


def trigger_disabled(scene: Scene) -> None:
    """For a while, changes are not logged."""
    scene.execute("ALTER TABLE routing_tenant DISABLE TRIGGER routing_log_update")
    scene.wait_for(State.FAILED)
    scene.execute("ALTER TABLE routing_tenant ENABLE ALWAYS TRIGGER routing_log_update")


def trigger_disabled_between_polls(scene: Scene) -> None:
    """One change is not logged, and between two polls all is as it was."""
    with scene.is_writing:
        history = scene.histories[-1]
        history.begun = len(history.committed) + 1
        scene.execute(
            "ALTER TABLE routing_tenant DISABLE TRIGGER routing_log_update",
            f"UPDATE routing_tenant SET name = '{history.number}:{history.begun}' WHERE id = 'counter'",
            "ALTER TABLE routing_tenant ENABLE ALWAYS TRIGGER routing_log_update",
        )
        history.committed.append(time.monotonic())
        wait_until(lambda: scene._read() == (history.number, history.begun) or scene.ended.is_set(), _AMPLE)


def table_swapped(scene: Scene) -> None:
    """Another table takes the place of one, with the name and the triggers of that."""
    scene.execute(
        "ALTER TABLE routing_tenant RENAME TO former",
        "CREATE TABLE routing_tenant (LIKE former INCLUDING ALL)",
        "INSERT INTO routing_tenant SELECT * FROM former",
    )
    scene.wait_for(State.FAILED)
    scene.install()
    scene.execute("DROP TABLE former CASCADE")


def altered(scene: Scene) -> None:
    """A column is added."""
    scene.execute("ALTER TABLE routing_tenant ADD COLUMN IF NOT EXISTS note text")


def pruned(scene: Scene) -> None:
    """While it hears nothing, what it has not seen is removed from the log."""
    scene.proxy.hold(True)
    written = scene.histories[-1].begun
    wait_until(lambda: scene.histories[-1].begun > written + 3)
    scene.execute("UPDATE routing_change SET logged_at = logged_at - interval '2 hours'", f"SELECT {PRUNE_FUNCTION}()")
    scene.proxy.hold(False)


def restored(scene: Scene) -> None:
    """An older dump is restored: the tables are made anew, in one transaction, and hold less."""
    engine = create_engine(scene.url)
    with scene.is_writing:
        with engine.begin() as connection:
            for statement in ("DROP TABLE routing_change", "DROP TABLE routing_tenant CASCADE"):
                connection.exec_driver_sql(statement)
            metadata.create_all(connection)
            connection.exec_driver_sql(f"INSERT INTO routing_tenant VALUES ('counter', '{len(scene.histories)}:0')")
        scene.history_begins()
    engine.dispose()
    scene.install()


def failed_over(scene: Scene) -> None:
    """A standby is promoted that lacks what was written last, and takes the place of its primary."""
    primary, standby = scene.server, scene.server.standby()
    standby.stop()
    written = scene.histories[-1].begun
    wait_until(lambda: scene.histories[-1].begun > written + 3)
    with scene.is_writing:
        primary.kill()
        standby.start()
        with standby.connect(scene.database) as connection:
            connection.execute("SELECT pg_promote()")
            connection.execute(
                "UPDATE routing_tenant SET name = %s WHERE id = 'counter'", [f"{len(scene.histories)}:0"]
            )
        scene.server = standby
        scene.history_begins()
        scene.proxy.target_port = standby.port  # type: ignore[misc]  # another server takes the address
    scene.proxy.drop_all()


FAULTS: Final[dict[str, Callable[[Scene], None]]] = {
    fault.__name__: fault
    for fault in (
        cut,
        half_open,
        frozen,
        restarted,
        crashed,
        trigger_disabled,
        trigger_disabled_between_polls,
        table_swapped,
        altered,
        pruned,
        restored,
    )
}
"""Those after which the server is the same."""


def befall(scene: Scene, fault: Callable[[Scene], None], moment: float) -> None:
    """Have it befall after so many seconds, and wait until all is right again. Raises `TimeoutError`."""
    threading.Event().wait(moment)
    fault(scene)
    scene.wait_until_it_is_right()


def _befallen(server: PostgresServer, database: str, fault: Callable[[Scene], None], moment: float) -> Scene:
    with scene(server, database) as set_up:
        befall(set_up, fault, moment)
    if set_up.server is not server:
        set_up.server.close()
    return set_up


def main(times: int) -> None:
    rng = random.Random(18)
    for name, fault in FAULTS.items():
        with PostgresServer() as server:
            _tell(name, [_befallen(server, f"d{turn}", fault, rng.uniform(0, 0.3)) for turn in range(times)])
    befallen = []
    for _ in range(times):
        with PostgresServer() as server:
            befallen.append(_befallen(server, "followed", failed_over, rng.uniform(0, 0.3)))
    _tell("failed_over", befallen)


def _tell(name: str, scenes: list[Scene]) -> None:
    answers, refused = sum(each.answers for each in scenes), sum(each.refused for each in scenes)
    wrong = sum(len(each.wrong) for each in scenes)
    print(f"{name}: {len(scenes)} times, {answers:,} answers, {wrong:,} wrong, {refused:,} refused", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Faults while a directory in memory follows a database.")
    parser.add_argument("--times", type=int, default=50, metavar="COUNT", help="how often each fault happens")
    main(parser.parse_args().times)
