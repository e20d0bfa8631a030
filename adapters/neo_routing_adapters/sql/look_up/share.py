"""A share of the directory's lock, taken in a host's transaction before a decision is made in that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, text
from sqlalchemy.engine import Dialect

from neo_routing_adapters.sql.directory_lock import KEY_OF_RELATIONS
from neo_routing_adapters.sql.look_up.evidence import NoAnswer, drawn
from neo_routing_adapters.sql.look_up.one_trip import Asked
from neo_routing_adapters.sql.look_up.written import written

_LONGEST: Final = 2**31 - 1
_READ_COMMITTED: Final = "read committed"


class CannotDecideWithin(RuntimeError):
    """In this transaction a decision could be made on a state that is gone when the transaction commits."""


def _at_most(setting: str) -> str:
    """Make a timeout of this transaction's as short as it must be; a shorter one of the host's stays."""
    now = f"EXTRACT(EPOCH FROM current_setting('{setting}')::interval) * 1000"
    return f"set_config('{setting}', LEAST(NULLIF({now}, 0), CAST(:{setting} AS integer))::integer::text, true)"


_TIMEOUTS: Final = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
_ARGUMENTS: Final = ("token", *_TIMEOUTS)

TIMEOUTS: Final = ", ".join(map(_at_most, _TIMEOUTS))
"""SQL expressions, between commas, that have a transaction end by itself if it waits or is frozen for too long."""

# A statement of its own, so that the next one sees whatever the writers have written for whom it waits. The timeouts
# apply to that wait already, as what stands first is done first.
_TAKE: Final = text(f"""
    SELECT CAST(:token AS text), current_setting('transaction_isolation'), pg_is_in_recovery(), ({KEY_OF_RELATIONS}),
        set_config('neo_routing.row_security', current_setting('row_security'), true),
        set_config('row_security', 'off', true),
        {TIMEOUTS},
        pg_advisory_xact_lock_shared({KEY_OF_RELATIONS})""")

HIDE_AS_BEFORE: Final = "SELECT set_config('row_security', current_setting('neo_routing.row_security'), true)"
"""Has policies hide rows from the transaction, after the decision, if they did when the share was taken."""


def take_share(connection: Connection, seconds: float) -> None:
    """Take a share on PostgreSQL, which the transaction has until it ends; on SQLite keep writers out.

    The wait for it, each statement and each pause of the transaction then take no longer than these seconds, until it
    ends: one that is frozen would keep out writers, and these all sessions. Raises `CannotDecideWithin`, and
    SQLAlchemy's errors.
    """
    if connection.dialect.name == "sqlite":
        driver_connection: Any = connection.connection.driver_connection
        if not driver_connection.in_transaction:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        return
    token = drawn()
    verify_share(token, connection.execute(_TAKE, {"token": token, **timeouts(seconds)}).all())


class Shares:
    """Takes shares by the cursors of a driver, in transactions that were begun on the connection itself."""

    def __init__(self, dialect: Dialect, seconds: float) -> None:
        self._take = written(_TAKE, _ARGUMENTS, dialect)
        self._timeouts = tuple(timeouts(seconds).values())

    def asked(self, token: str) -> Asked:
        """Return what asks for one, and is answered for with this token."""
        return self._take.sql, self._take.arguments((token, *self._timeouts))


def verify_share(token: str, answer: Sequence[Any]) -> None:
    """Raise `NoAnswer` or `CannotDecideWithin` unless this says that a share was taken, and is worth something."""
    [[said, isolation, is_standby, key, *_]] = answer
    if said != token:
        raise NoAnswer("the answer is another's")
    _require_promise(isolation, is_standby, key)


def timeouts(seconds: float) -> dict[str, int]:
    """Return what `TIMEOUTS` asks for, in milliseconds."""
    # Within the deadline of a call, which would cut off the connection; and whoever waits outlives who is frozen.
    wait, pause = (max(1, min(int(seconds * part), _LONGEST)) for part in (750, 500))
    return dict(zip(_TIMEOUTS, (wait, wait, pause), strict=True))


def require_no_savepoint(connection: Connection) -> None:
    """Raise `CannotDecideWithin` inside a savepoint: to go back there gives the share back, and the session stays."""
    if connection.in_nested_transaction():
        raise CannotDecideWithin("inside a savepoint no session can be decided: decide before it, or after")


def require_transaction(*, begun: bool) -> None:
    """Raise `CannotDecideWithin` on a connection on which no transaction has begun, though one was asked for."""
    if not begun:
        raise CannotDecideWithin("this connection commits each statement: its isolation level is AUTOCOMMIT")


def _require_promise(isolation: str, is_standby: bool, key: int | None) -> None:
    if isolation != _READ_COMMITTED:
        raise CannotDecideWithin(
            f"the isolation level of the transaction is {isolation}, and would show a state that is gone: it must be "
            f"{_READ_COMMITTED}"
        )
    if is_standby:
        raise CannotDecideWithin("a standby shows a state that may be gone: decide on the primary")
    if key is None:
        raise NoAnswer("there are no relations")
