"""Follows a directory on PostgreSQL by its change log."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic, sleep
from typing import Any, Final
from uuid import uuid4

import psycopg
from psycopg import errors
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection

from neo_routing import Rows, RowsBuilder
from neo_routing_adapters.live import statements
from neo_routing_adapters.live.bell import Bell
from neo_routing_adapters.live.changed_rows import changes_of, is_everything
from neo_routing_adapters.live.line import Line
from neo_routing_adapters.live.positions import Position, position_of
from neo_routing_adapters.live.source import CannotFollow, MustLoad, Polled
from neo_routing_adapters.live.tokens import is_reached
from neo_routing_adapters.sql.change_log import CHANNEL_OF_NOTICES, PRUNE_FUNCTION
from neo_routing_adapters.sql.change_log_version import found_log
from neo_routing_adapters.sql.look_up.connections import Connections
from neo_routing_adapters.sql.look_up.deadlines import Call, Watch
from neo_routing_adapters.sql.look_up.forks import leave_to_the_parent
from neo_routing_adapters.sql.look_up.threads import threads_for
from neo_routing_adapters.sql.unfollowed import UNFOLLOWED

_BETWEEN_POLLS: Final = 0.004  # seconds, of which there may be hundreds of commits
_BETWEEN_PRUNINGS: Final = 60.0


class PostgresSource:
    """A database on PostgreSQL, by way of an engine on psycopg."""

    faults: tuple[type[Exception], ...] = (psycopg.Error, SQLAlchemyError, OSError)

    def __init__(self, engine: Engine, deadline: float) -> None:
        leave_to_the_parent(engine)
        self._connections = Connections(engine)
        self._threads = threads_for(engine)
        self._deadline = deadline
        self._watch = Watch(deadline)

    def connect(self, bell: Bell) -> PostgresFollower:
        """Connect, within the deadline. Raises one of the faults."""
        call = Call(self._deadline)
        pooled = self._threads.run(partial(self._take, call), call)
        try:
            return PostgresFollower(Line(pooled, self._watch, self._deadline), bell)
        except BaseException:
            pooled.close()
            raise

    def _take(self, call: Call) -> PoolProxiedConnection:
        pooled = self._connections.take(call)
        if call.expired:  # nobody waits for it any more
            pooled.close()
        return pooled


class PostgresFollower:
    """A connection that follows."""

    is_standby: bool = False

    def __init__(self, line: Line, bell: Bell) -> None:
        self._line, self._bell = line, bell
        self._position: Position | None = None
        self._reached: list[int] = []
        self._is_verified = False
        self._polled_at = self._pruned_at = monotonic()
        self.is_nudged = line.listens(CHANNEL_OF_NOTICES)

    def load(self, tell: Callable[[], object]) -> Rows:
        """Return the whole, of one snapshot. Raises `CannotFollow`, and `ValueError` for rows that make no sense."""
        self._is_verified = False
        builder = RowsBuilder()
        with self._line.transaction(statements.BEGIN_LOAD):
            self._position = self._found()
            for sort in statements.SORTS.values():
                for rows in self._line.streamed(statements.load_statement(sort)):
                    sort.add(builder, rows)
                    tell()
        return builder.rows(self._position.revision)

    def poll(self) -> Polled:
        """Return what has become visible since the last poll. Raises `MustLoad`."""
        last = self._position
        assert last is not None, "it was loaded"
        *who, pruned, logged, tenants, agents, channels, companies = self._polled(last)
        position, rows = position_of(who), (tenants, agents, channels, companies)
        if last.is_standby and position.is_standby and not self._is_verified:
            self._verify_standby(last, position, logged or ())
            # There a snapshot does not tell one state from another.
            revision = f"{last.revision}/{uuid4().hex}"
            return Polled(changes=None, revision=revision, has=partial(is_reached, position=last), is_of_load=True)
        difference = last.difference(position, pruned)
        if difference or is_everything(logged):
            raise MustLoad(difference or "everything has changed")
        self._position = position
        self._prune()
        changes = changes_of(logged, [each or [] for each in rows]) if logged else None
        return Polled(changes=changes, revision=position.revision, has=partial(is_reached, position=position))

    def wait(self, seconds: float) -> None:
        """Wait for a notice, or for the bell."""
        self._line.wait(self._bell, seconds)
        sleep(max(0.0, self._polled_at + _BETWEEN_POLLS - monotonic()))

    def close(self) -> None:
        """End the connection."""
        self._line.close()

    def _found(self) -> Position:
        if fault := found_log(self._line.one).fault:
            raise CannotFollow(fault)
        [self._reached] = self._line.one(statements.REACHED_IDS)
        position = position_of(self._line.one(statements.WHO, {"reached": self._reached}))
        self.is_standby = position.is_standby
        unfollowed = [sentence for (sentence,) in self._line.every(UNFOLLOWED)]
        if unfollowed:
            raise CannotFollow("; ".join(unfollowed))
        return position

    def _polled(self, last: Position) -> Any:
        running = [str(each) for each in last.snapshot.running]
        keys = {"reached": self._reached, "next": str(last.snapshot.next), "running": running}
        with self._line.transaction(statements.BEGIN_POLL):
            found = self._line.one(statements.POLL, keys)
        self._polled_at = monotonic()
        return found

    def _verify_standby(self, last: Position, position: Position, logged: Any) -> None:
        """See to it that nothing was swapped or truncated while it was read; the log itself says too little there."""
        if not last.is_like(position) or is_everything([each for each in logged if is_everything([each])]):
            raise MustLoad("the relations have changed while they were read")
        self._is_verified = True

    def _prune(self) -> None:
        if monotonic() > self._pruned_at + _BETWEEN_PRUNINGS:
            self._pruned_at = monotonic()
            with suppress(errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction):
                self._line.one(f"SELECT {PRUNE_FUNCTION}()")
