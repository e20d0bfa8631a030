"""Removes what need not be kept any longer: keys that have expired, and sessions of which a host says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from attrs import frozen
from sqlalchemy import ColumnElement, Engine, Table, delete, select, tuple_

from neo_routing_adapters.http.tables.sessions import idempotency_keys, sessions
from neo_routing_adapters.sql.tables.transactions import begin_on_sqlite

_AT_A_TIME: Final = 1_000


@frozen(kw_only=True)
class Pruned:
    """How much was removed."""

    keys: int
    sessions: int


def prune(
    engine: Engine,
    *,
    now: datetime,
    created_before: datetime | None = None,
    progress: Callable[[int], object] = lambda _removed: None,
) -> Pruned:
    """Remove keys that have expired, and sessions that were created before a time, if one is given, with their keys.

    A thousand rows at a time, each in a transaction of its own, so that nobody waits long; what is broken off is gone
    on with the next time. Raises SQLAlchemy's errors.
    """
    keys = _removed(engine, idempotency_keys, idempotency_keys.c.expires_at <= now, progress)
    if created_before is None:
        return Pruned(keys=keys, sessions=0)
    old = select(sessions.c.id).where(sessions.c.created_at < created_before)
    keys += _removed(engine, idempotency_keys, idempotency_keys.c.session_id.in_(old), progress)
    return Pruned(keys=keys, sessions=_removed(engine, sessions, sessions.c.created_at < created_before, progress))


def _removed(engine: Engine, table: Table, old: ColumnElement[bool], progress: Callable[[int], object]) -> int:
    key = tuple_(*table.primary_key)
    some = delete(table).where(key.in_(select(*table.primary_key).where(old).limit(_AT_A_TIME)))
    removed, found = 0, _AT_A_TIME
    while found == _AT_A_TIME:
        with engine.begin() as connection:
            begin_on_sqlite(connection, "BEGIN IMMEDIATE")
            found = connection.execute(some).rowcount
        removed += found
        progress(removed)
    return removed
