"""Runs the statements of a look-up on one connection, and tells a fault from an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any, Final, Generic, TypeAlias, TypeVar

from sqlalchemy import Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from neo_routing import DirectoryUnavailable, Rows, RowsNeeded
from neo_routing_adapters.sql.connections import LINES, CursorLine
from neo_routing_adapters.sql.deadlines import Call
from neo_routing_adapters.sql.rows import FoundRows
from neo_routing_adapters.sql.statements import Statement, Statements

LATE: Final = "The directory did not answer in time."
_SENSELESS: Final = "The directory holds rows that make no sense."

_LINE: Final = "neo_routing line"
_BUSY_TIMEOUT: Final = "neo_routing busy timeout"
_MOST_IN_A_STATEMENT: Final = 2000
# To make all rows of a batch before the first is read takes longer: their memory is new each time.
_ROWS_AT_ONCE: Final = 100
_BEGIN_ONE_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# A table was altered under a statement that the server had prepared, or a pooler between has lost that.
_OUTLIVED: Final = frozenset({"0A000", "26000"})


_Call = TypeVar("_Call", bound=Call)
_Faults: TypeAlias = tuple[type[Exception], ...]


class Reader(Generic[_Call]):
    """Reads rows through an engine: a synchronous one, or an asynchronous one from within a greenlet."""

    def __init__(self, engine: Engine, take: Callable[[_Call], PoolProxiedConnection], deadline: float) -> None:
        self._engine = engine
        self._dialect = engine.dialect
        line = LINES.get(self._dialect.driver)
        if line is None:
            raise ValueError(f"the driver must be one of {', '.join(LINES)}, and not {self._dialect.driver}")
        if not 0 < deadline < float("inf"):
            raise ValueError("the deadline must be a number of seconds above 0")
        self._open_line = line
        self._take = take
        self._deadline = deadline
        self._busy_timeout = ceil(deadline * 1000)  # in milliseconds
        self._local = self._dialect.name == "sqlite"
        self._statements = Statements(self._dialect)
        # A connection whose encoding is not UTF-8 cannot say every key.
        self._faults: _Faults = (*_errors_of(self._dialect), SQLAlchemyError, OSError, EOFError, UnicodeError)

    def statements(self, needed: Sequence[RowsNeeded]) -> list[Statement]:
        """Return the statement that finds what is needed, or several for a large batch on a server."""
        if len(needed) == 1:
            return [self._statements.for_one(needed[0])]
        size = max(1, len(needed)) if self._local else _MOST_IN_A_STATEMENT
        return [self._statements.for_many(needed[start : start + size]) for start in range(0, len(needed), size)]

    def seconds(self, statements: Sequence[Statement]) -> float:
        """Return how long these may take together."""
        return self._deadline * max(1, len(statements))

    def read(self, statements: Sequence[Statement], call: _Call) -> Rows:
        """Run the statements, and put together what they find. Raises `DirectoryUnavailable`."""
        try:
            found = self._found(statements, call)
        except self._faults as error:
            late = call.expired or isinstance(error, TimeoutError)
            raise (DirectoryUnavailable(LATE) if late else DirectoryUnavailable()) from error
        try:
            return found.rows()
        except ValueError as error:
            raise DirectoryUnavailable(_SENSELESS) from error

    def _found(self, statements: Sequence[Statement], call: _Call) -> FoundRows:
        try:
            return self._run(statements, call)
        except _Gone as gone:
            error = gone.error
        # All the others may have died as well, those too that somebody has at the moment; a new one tells whether
        # anything is wrong now.
        for _ in range(_open(self._engine)):
            try:
                return self._run(statements, call)
            except _Gone as gone:
                error = gone.error
        raise error

    def _run(self, statements: Sequence[Statement], call: _Call) -> FoundRows:
        connection = self._take(call)
        try:
            line = self._line(connection)
            call.enter(line)
            found = self._fetched(connection, line.cursor, statements)
        except BaseException as error:
            gone = isinstance(error, self._faults) and self._is_gone(error, connection)
            whole = call.leave()
            self._drop(connection)
            if gone and whole:
                raise _Gone(error) from error
            raise
        if call.leave():
            connection.close()
        else:
            self._drop(connection)
        return found

    def _line(self, connection: PoolProxiedConnection) -> CursorLine:
        line: CursorLine | None = connection.info.get(_LINE)
        if line is None:
            connection.info[_LINE] = line = self._open_line(connection)
        if self._local and connection.info.get(_BUSY_TIMEOUT) != self._busy_timeout:
            line.cursor.execute(f"PRAGMA busy_timeout = {self._busy_timeout}")
            connection.info[_BUSY_TIMEOUT] = self._busy_timeout
        return line

    def _fetched(self, connection: PoolProxiedConnection, cursor: Any, statements: Sequence[Statement]) -> FoundRows:
        dialect, dbapi_connection = self._dialect, connection.dbapi_connection
        assert dbapi_connection is not None, "it was just taken from the pool"
        # In a transaction of its own, each statement would take three round trips, and psycopg would prepare it anew.
        transactional = not self._local and not dialect.detect_autocommit_setting(dbapi_connection)
        if transactional:
            dialect.set_isolation_level(dbapi_connection, "AUTOCOMMIT")
        found = _executed(cursor, statements)
        if transactional:
            dialect.reset_isolation_level(dbapi_connection)
        return found

    def _is_gone(self, error: Any, connection: PoolProxiedConnection) -> bool:
        if getattr(error, "sqlstate", None) in _OUTLIVED:
            return True
        return self._dialect.is_disconnect(error, connection.dbapi_connection, None)

    def _drop(self, connection: PoolProxiedConnection) -> None:
        """Give a connection back after a fault: to a server never to be used again, to a file as sound as before."""
        line = connection.info.pop(_LINE, None)  # whose cursor may be in the midst of its rows
        if line is not None:
            line.cut()
        if self._local:
            connection.close()
        else:
            connection.info.clear()
            connection.invalidate()


class _Gone(Exception):
    """The connection is not there any more, or not what it was."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _open(engine: Engine) -> int:
    pool = engine.pool
    return pool.checkedin() + pool.checkedout() if isinstance(pool, QueuePool) else 0


def _executed(cursor: Any, statements: Sequence[Statement]) -> FoundRows:
    found = FoundRows()
    together = len(statements) > 1
    if together:
        cursor.execute(_BEGIN_ONE_SNAPSHOT)
    for statement in statements:
        cursor.execute(*statement)
        more = True
        while more:
            rows = cursor.fetchmany(_ROWS_AT_ONCE)
            found.add(rows)
            more = len(rows) == _ROWS_AT_ONCE
    if together:
        cursor.execute("COMMIT")
    return found


def _errors_of(dialect: Dialect) -> _Faults:
    driver: Any = dialect.loaded_dbapi
    if dialect.driver == "asyncpg":  # SQLAlchemy translates most of those that come through its hands
        asyncpg = driver.asyncpg
        return driver.Error, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
    return (driver.Error,)
