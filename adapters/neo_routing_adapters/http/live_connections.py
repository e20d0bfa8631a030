"""Connections of a pool as a driver has them, past SQLAlchemy's own, and those that have died passed over.

SQLAlchemy's own, with a result and a transaction for each, take as long as all the rest of a call does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from sqlalchemy import Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from neo_routing_adapters.sql.look_up.connections import LINES, CursorLine, abandon, left_to_its_loop, let_go
from neo_routing_adapters.sql.look_up.deadlines import Call, TooLate
from neo_routing_adapters.sql.look_up.reader import faults_of, is_gone

_LINE: Final = "neo_routing line of the endpoint"
_BEGINS: Final = "neo_routing begins"

_Value = TypeVar("_Value")


class HookFailed(OSError):
    """A connection could not be taken from the pool, or given back, and not by a fault of the database."""


def on_a_live_connection(
    engine: Engine, call: Call, function: Callable[[PoolProxiedConnection, CursorLine], _Value]
) -> tuple[PoolProxiedConnection, _Value]:
    """Do something on a connection that is not in a transaction and begins none, and return both.

    What is done must bear to be done again: all connections in the pool may have died, and a new one tells whether
    anything is wrong now. Raises what the pool or the driver raises, and `HookFailed`.
    """
    stale = engine.pool.checkedin() if isinstance(engine.pool, QueuePool) else 0
    while True:
        connection = _taken(engine)
        try:
            line = _idle_line(engine, connection)
            call.enter(line)  # whoever wanted it may have gone
            value = function(connection, line)
            if not call.leave():  # or may have gone meanwhile, and nobody would end what was begun
                raise TooLate  # noqa: TRY301  # the connection must not go back to the pool
        except BaseException as error:
            gone = is_gone(engine.dialect, error, connection)
            throw_away(engine.dialect, connection)
            if not (gone and stale and call.leave()):
                raise
            stale -= 1
        else:
            return connection, value


def line_of(engine: Engine, connection: PoolProxiedConnection) -> CursorLine:
    """Return the connection as calls wait on it."""
    line: CursorLine | None = connection.info.get(_LINE)
    if line is None:
        connection.info[_LINE] = line = LINES[engine.dialect.driver](connection)
    return line


def give_back(dialect: Dialect, connection: PoolProxiedConnection) -> None:
    """Give it back to the pool as it was. Raises what the driver raises, and `HookFailed`."""
    if connection.info.pop(_BEGINS, False):
        of_psycopg: Any = connection.dbapi_connection
        of_psycopg.autocommit = False
    try:
        connection.close()
    except BaseException as error:
        let_go(dialect, connection)
        _require_fault(dialect, error)
        raise


def throw_away(dialect: Dialect, connection: PoolProxiedConnection) -> None:
    """Close it, whatever it is in the midst of. Raises what the driver raises, and `HookFailed`."""
    try:
        abandon(dialect, connection)
    except Exception as error:
        _require_fault(dialect, error)
        raise


def _taken(engine: Engine) -> PoolProxiedConnection:
    try:
        return engine.raw_connection()
    except Exception as error:
        _require_fault(engine.dialect, error)
        raise


def _require_fault(dialect: Dialect, error: BaseException) -> None:
    """Raise `HookFailed` for what none but a host's code on the pool raises."""
    if isinstance(error, Exception) and not isinstance(error, faults_of(dialect)):
        raise HookFailed from error


def _idle_line(engine: Engine, connection: PoolProxiedConnection) -> CursorLine:
    if engine.dialect.driver == "asyncpg" and left_to_its_loop(connection):
        raise RuntimeError("the connection belongs to another event loop")
    line = line_of(engine, connection)
    if line.in_transaction():
        raise OSError("somebody has left a transaction open on the connection")
    of_psycopg: Any = connection.dbapi_connection
    if engine.dialect.driver.startswith("psycopg") and not of_psycopg.autocommit:
        of_psycopg.autocommit = connection.info[_BEGINS] = True
    return line
