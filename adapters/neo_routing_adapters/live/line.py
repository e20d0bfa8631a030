"""A connection to PostgreSQL of a follower's own, on which no wait is longer than its deadline."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, Final

import psycopg
from psycopg import errors
from sqlalchemy.pool import PoolProxiedConnection

from neo_routing_adapters.live.bell import Bell
from neo_routing_adapters.sql.look_up.connections import LINES
from neo_routing_adapters.sql.look_up.deadlines import Call, Watch

_ROWS_AT_ONCE: Final = 10_000
_PROBE: Final = "probe"
_PROBED_FOR: Final = 1.0  # seconds


class Line:
    """It commits each statement by itself, unless within a `transaction`."""

    def __init__(self, pooled: PoolProxiedConnection, watch: Watch, deadline: float) -> None:
        self._cut = LINES["psycopg"](pooled)
        self._connection: psycopg.Connection[Any] = pooled.driver_connection  # type: ignore[assignment]
        pooled.detach()  # it is held for as long as it lasts, and must not be missed in the pool
        self._watch, self._deadline = watch, deadline
        with self._in_time():
            self._connection.rollback()
            self._connection.autocommit = True
            self._connection.prepare_threshold = None  # a pooler between might lose what was prepared

    def one(self, statement: str, keys: dict[str, Any] | None = None) -> Any:
        """Run a statement, and return the first row of its answer."""
        with self._in_time():
            return self._connection.execute(statement.encode(), keys).fetchone()

    def every(self, statement: str) -> list[Any]:
        """Run a statement, and return all rows of its answer."""
        with self._in_time():
            return self._connection.execute(statement.encode()).fetchall()

    def streamed(self, statement: str) -> Iterator[list[Any]]:
        """Run a statement whose answer may be too long to hold, and yield its rows by the thousands."""
        with psycopg.ServerCursor(self._connection, "neo_routing_load") as cursor:
            with self._in_time():
                cursor.execute(statement.encode())
            while rows := self._next(cursor):
                yield rows

    @contextmanager
    def transaction(self, begin: str) -> Iterator[None]:
        """Begin a transaction, and commit it unless something is raised; then the line is of no more use."""
        self._do(begin)
        yield
        self._do("COMMIT")

    def listens(self, channel: str) -> bool:
        """Listen, and tell whether what is told comes to be heard: through a pooler, and on a standby, it does not."""
        with suppress(errors.FeatureNotSupported, errors.ReadOnlySqlTransaction, errors.ObjectNotInPrerequisiteState):
            self._do(f"LISTEN {channel}")
            self._do(f"NOTIFY {channel}, '{_PROBE}'")
            with self._in_time():
                hears = self._hears(self._connection.notifies(timeout=min(_PROBED_FOR, self._deadline / 2)))
            if not hears:  # or others whom a pooler gives the connection would be told
                self._do(f"UNLISTEN {channel}")
            return hears
        return False

    def wait(self, bell: Bell, seconds: float) -> None:
        """Wait for so many seconds, for a notice, or for the bell."""
        # What came while a poll was answered is here already; its change may be later than what that poll saw.
        if not self._heard() and bell.wait(seconds, self._connection.fileno()):
            self._heard()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _hears(self, notices: Generator[psycopg.Notify, None, None]) -> bool:
        with closing(notices):  # of others, too
            return any(each.pid == self._connection.info.backend_pid for each in notices)

    def _heard(self) -> bool:
        return bool([*self._connection.notifies(timeout=0)])

    def _do(self, statement: str) -> None:
        with self._in_time():
            self._connection.execute(statement.encode())

    def _next(self, cursor: psycopg.ServerCursor[Any]) -> list[Any]:
        with self._in_time():
            return cursor.fetchmany(_ROWS_AT_ONCE)

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        call = Call(self._deadline)
        self._watch.begin(call)
        try:
            call.enter(self._cut)
            yield
        finally:
            call.leave()
            self._watch.end(call)
