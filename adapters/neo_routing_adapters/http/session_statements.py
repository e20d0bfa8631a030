"""The statements that keep a session and find it again, each written out once for a driver."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, bindparam, false, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect

from neo_routing_adapters.http.ports import ChatSession, DecidedSession, IdempotencyKey, InProgress, KeyTaken, OtherBody
from neo_routing_adapters.http.session_rows import key_scope, lock_number, session_of, session_row
from neo_routing_adapters.http.tables.sessions import idempotency_keys, sessions
from neo_routing_adapters.sql.look_up.share import TIMEOUTS, timeouts
from neo_routing_adapters.sql.look_up.written import written

_Values = Sequence[Callable[[Any], Any] | None]

_LOCK: Final = text(f"SELECT pg_try_advisory_xact_lock(:number), {TIMEOUTS}")
_IN_TIME: Final = text(f"SELECT {TIMEOUTS}")
_OF_A_SESSION: Final = tuple(column.name for column in sessions.c)
_OF_A_KEY: Final = tuple(column.name for column in idempotency_keys.c)
_FOUND: Final = (idempotency_keys.c.body_mac, *sessions.c)
_UNDER_A_KEY: Final = (
    select(*_FOUND)
    .join_from(idempotency_keys, sessions, sessions.c.id == idempotency_keys.c.session_id)
    .where(
        *(column == bindparam(column.name) for column in idempotency_keys.primary_key),
        idempotency_keys.c.expires_at > bindparam("now"),
    )
)


class SessionStatements:
    """The statements, run by the cursor of a driver in a transaction that has begun."""

    def __init__(self, dialect: Dialect, seconds: float) -> None:
        names, on_server = tuple(timeouts(seconds)), dialect.name == "postgresql"
        self._timeouts = tuple(timeouts(seconds).values())
        self._lock = written(_LOCK, ("number", *names), dialect) if on_server else None
        self._in_time = written(_IN_TIME, names, dialect) if on_server else None
        self._session = written(insert(sessions), _OF_A_SESSION, dialect, column_keys=_OF_A_SESSION)
        self._key = written(_key(dialect), _OF_A_KEY, dialect)
        scope = [column.name for column in idempotency_keys.primary_key]
        self._under_a_key = written(_UNDER_A_KEY, (*scope, "now"), dialect)
        self._nothing = [str(statement.compile(dialect=dialect)) for statement in _keeping_nothing(dialect)]
        self._of_session = _stored(sessions.c, dialect)
        self._of_key = _stored(idempotency_keys.c, dialect)
        self._of_scope = _stored((*idempotency_keys.primary_key, idempotency_keys.c.expires_at), dialect)
        self._read = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in _FOUND]

    def claim(self, key: IdempotencyKey, now: datetime, cursor: Any) -> KeyTaken | None:
        """Take a key until the transaction ends, or tell what it leads to."""
        is_free = True
        if self._lock is not None:
            # A statement of its own: the next one sees what was kept by whoever had it before.
            self._lock.run(cursor, (lock_number(key), *self._timeouts))
            [(is_free, *_)] = cursor.fetchmany(2)
        stored = self._kept_under(key, now, cursor)
        return InProgress() if stored is None and not is_free else stored

    def add(self, decided: DecidedSession, key: IdempotencyKey | None, cursor: Any) -> None:
        """Keep a session, the record of its decision, and its key."""
        session = decided.session
        row = session_row(session, decided.record)
        self._session.run(cursor, _each(self._of_session, (row[name] for name in _OF_A_SESSION)))
        if key is not None:
            new = {"body_mac": key.body_mac, "session_id": session.id, "expires_at": key.expires_at}
            row = {**key_scope(key), **new}
            self._key.run(cursor, _each(self._of_key, (row[name] for name in _OF_A_KEY)))

    def find(self, key: IdempotencyKey, now: datetime, cursor: Any) -> ChatSession | OtherBody | None:
        """Tell what is kept under a key, without taking it first."""
        self.end_in_time(cursor)
        return self._kept_under(key, now, cursor)

    def keep_nothing(self, cursor: Any) -> None:
        """Keep nothing, by statements that are errors where a session could not be kept, as without rights."""
        self.end_in_time(cursor)
        for statement in self._nothing:
            cursor.execute(statement)

    def end_in_time(self, cursor: Any) -> None:
        """Have a server end what waits for a lock once nobody waits for it any more, or backends would pile up."""
        if self._in_time is not None:
            self._in_time.run(cursor, self._timeouts)
            cursor.fetchmany(2)

    def _kept_under(self, key: IdempotencyKey, now: datetime, cursor: Any) -> ChatSession | OtherBody | None:
        self._under_a_key.run(cursor, _each(self._of_scope, (*key_scope(key).values(), now)))
        rows = cursor.fetchmany(2)
        if not rows:
            return None
        [row] = rows
        mac, *values = _each(self._read, row)
        if not hmac.compare_digest(bytes(mac), key.body_mac):
            return OtherBody()
        return session_of(dict(zip(_OF_A_SESSION, values, strict=True)))


def _key(dialect: Dialect) -> Any:
    """Keep a key; one that has expired may still be there."""
    statement = (sqlite if dialect.name == "sqlite" else postgresql).insert(idempotency_keys)
    return _in_the_place_of_another(statement.values({name: bindparam(name) for name in _OF_A_KEY}))


def _in_the_place_of_another(statement: Any) -> Any:
    new = {name: statement.excluded[name] for name in ("body_mac", "session_id", "expires_at")}
    return statement.on_conflict_do_update(index_elements=[*idempotency_keys.primary_key], set_=new)


def _keeping_nothing(dialect: Dialect) -> Iterator[Any]:
    """Yield what asks for all the rights that sessions and keys need."""
    into = (sqlite if dialect.name == "sqlite" else postgresql).insert
    no_key = into(idempotency_keys).from_select(_OF_A_KEY, select(idempotency_keys).where(false()))
    yield into(sessions).from_select(_OF_A_SESSION, select(sessions).where(false()))
    yield _in_the_place_of_another(no_key)


def _stored(columns: Iterable[Column[Any]], dialect: Dialect) -> _Values:
    """Return by what a value of each column becomes what its driver stores; by nothing where it is that."""
    return [column.type.dialect_impl(dialect).bind_processor(dialect) for column in columns]


def _each(functions: _Values, values: Iterable[Any]) -> list[Any]:
    pairs = zip(functions, values, strict=True)
    return [value if function is None else function(value) for function, value in pairs]
