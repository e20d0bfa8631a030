"""The endpoint on a database that is real, in this process or in one that halts so that it can be killed there.

    python -m tests.programs.http.on_a_database URL never|decided|kept

The process writes its port, and a line once it stands still: when a call was decided and nothing is kept of it, or
when all is kept and nothing is answered. It ends with its standard input.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import Engine, create_engine, make_url, select
from sqlalchemy.ext.asyncio import AsyncEngine

from neo_routing_adapters.command.serve.engines import close
from neo_routing_adapters.http import Endpoint, application
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.http.tables.sessions import idempotency_keys, sessions
from neo_routing_adapters.http.tables.upgrade import upgrade
from neo_routing_adapters.sql import AsyncSqlDirectory
from neo_routing_adapters.sql.schema import metadata
from tests.programs.databases.stored import store
from tests.programs.http.calls import NOON, PATIENCE, an_endpoint
from tests.programs.http.engines import engine_for
from tests.programs.http.kept_sessions import WORLD
from tests.programs.http.served import served

MOMENTS: Final = ("never", "decided", "kept")
DRIVERS: Final = {"sqlite": "sqlite", "postgresql": "postgresql+asyncpg"}


def fill(url: str) -> None:
    """Make all tables in a database, with a tenant and its agent."""
    engine = create_engine(url)
    metadata.create_all(engine)
    upgrade(engine)
    store(engine, WORLD)
    engine.dispose()


def endpoint_on(engine: AsyncEngine | Engine, *, deadline: float = 2.0, **fields: Any) -> Endpoint:
    """Return an endpoint whose directory and sessions are there."""
    directory = AsyncSqlDirectory(engine, deadline=deadline)
    kept = SqlSessions(engine, directory, deadline=deadline, now=lambda: NOON)
    return an_endpoint(directory, **{"sessions": kept} | fields)


@contextmanager
def served_on(url: str, **fields: Any) -> Iterator[int]:
    """Serve it in a thread of this process, and give the port."""
    engine = engine_for(url, DRIVERS[make_url(url).get_backend_name()])
    with served(application(endpoint_on(engine, **fields)), then=partial(close, engine)) as port:
        yield port


def kept_in(url: str) -> list[tuple[str, str | None]]:
    """Return the id of each session that is kept, with its idempotency key if it has one."""
    engine: Engine = create_engine(url)
    rows = select(sessions.c.id, idempotency_keys.c.key).join_from(sessions, idempotency_keys, isouter=True)
    with engine.connect() as connection:
        found = [(str(row.id), row.key) for row in connection.execute(rows)]
    engine.dispose()
    return found


class Mortal:
    """A process that serves it until it is killed."""

    def __init__(self, url: str, moment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.programs.http.on_a_database", url, moment],
            cwd=Path(__file__).parents[3],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.port = int(self._line())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()

    def halts(self) -> None:
        """Return once it stands still."""
        assert self._line() == b"halted\n"

    def kill(self) -> None:
        """Kill it as `kill -9` does."""
        self._process.kill()
        self._process.wait(PATIENCE)

    def _line(self) -> bytes:
        told = self._process.stdout
        assert told
        timer = threading.Timer(PATIENCE, self._process.kill)
        timer.start()
        try:
            return told.readline()
        finally:
            timer.cancel()


def main(url: str, moment: str) -> None:
    """Serve until standard input ends, or stand still at the moment."""

    def halt(*_: object) -> str:
        print("halted", flush=True)
        threading.Event().wait()
        return ""

    hooks = {"never": {}, "decided": {"channel_name": halt}, "kept": {"on_answer": halt}}
    with served_on(url, **hooks[moment]) as port:
        print(port, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
