"""Runs the statements of a look-up on one connection, and tells a fault from an answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import partial
from math import ceil
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection, QueuePool, StaticPool

from neo_routing import DirectoryUnavailable, Rows, RowsNeeded
from neo_routing_adapters.sql.look_up.connections import (
    LINES,
    CursorLine,
    abandon,
    left_to_its_loop,
    let_go,
    turns_on,
    wait_for_locks,
)
from neo_routing_adapters.sql.look_up.deadlines import Call, TooLate
from neo_routing_adapters.sql.look_up.evidence import (
    NOTHING,
    Asked,
    Hidden,
    NoAnswer,
    Statement,
    Unreliable,
    drawn,
    take_marker,
    verify_end,
)
from neo_routing_adapters.sql.look_up.forks import leave_file_to_the_parent, leave_to_the_parent
from neo_routing_adapters.sql.look_up.rows import FoundRows
from neo_routing_adapters.sql.look_up.share import (
    HIDE_AS_BEFORE,
    CannotDecideWithin,
    Shares,
    require_no_savepoint,
    require_transaction,
    take_share,
    verify_share,
)
from neo_routing_adapters.sql.look_up.statements import Statements
from neo_routing_adapters.sql.old_form import IN_AN_OLD_FORM

LATE: Final = "The directory did not answer in time."
_SENSELESS: Final = "The directory holds rows that make no sense."
_ANOTHER: Final = "The directory gave the answer to another question."
_OLD: Final = "The directory's tables are of an older version: run neo-routing db upgrade."

_LINE: Final = "neo_routing line"
_MOST_IN_A_STATEMENT: Final = 2000
# To make all rows of a batch before the first is read takes longer: their memory is new each time.
_ROWS_AT_ONCE: Final = 100
_LOOKED_AT: Final = "neo_routing looked at"
_LOOKED_AT_WITHIN: Final = "neo_routing looked at within a transaction"
_REPEATABLE_READ: Final = "repeatable read"
_BEGIN_ONE_SNAPSHOT: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# In a transaction, so that behind a pooler it holds for the statement after it; it stays when that is committed.
_HIDE_NOTHING: Final = "SET row_security = off"
_AND_ITS_FILE: Final = ", (SELECT file FROM pragma_database_list WHERE name = 'main')"
_AND_HIDE_NOTHING: Final = ", set_config('row_security', 'off', false)"
# A table was altered under a statement that the server had prepared, or a pooler between has lost that.
_OUTLIVED: Final = frozenset({"0A000", "26000"})
# A connection of another event loop, and one that was closed: neither driver has an error of its own for that.
_GONE: Final[Mapping[str, type[Exception]]] = {"asyncpg": RuntimeError, "aiosqlite": ValueError}
_UNTRANSLATABLE: Final = "22P05"

_Faults: TypeAlias = tuple[type[Exception], ...]


class Reader:
    """Reads rows through an engine: a synchronous one, or an asynchronous one from within a greenlet."""

    def __init__(self, engine: Engine, take: Callable[[Call], PoolProxiedConnection], deadline: float) -> None:
        self._engine = engine
        self._dialect = engine.dialect
        line = LINES.get(self._dialect.driver)
        if line is None:
            raise ValueError(
                f"the driver of the engine must be one of {', '.join(LINES)}, and not {self._dialect.driver}"
            )
        self._open_line = line
        self._take = take
        in_turn = isinstance(engine.pool, StaticPool) and not engine.dialect.is_async
        self._ask = self._asked_in_turn if in_turn else self._asked
        self._deadline = deadline
        self._busy_timeout = ceil(deadline * 1000)  # in milliseconds
        self._local = self._dialect.name == "sqlite"
        leave_to_the_parent(engine)
        # asyncpg begins none by itself; SQLAlchemy would, where it is asked.
        self._begins = self._dialect.driver.startswith("psycopg")
        self._statements = Statements(self._dialect)
        self._shares = Shares(self._dialect, deadline)
        self._faults: _Faults = (*faults_of(self._dialect), Unreliable)

    def statements(self, needed: Sequence[RowsNeeded]) -> list[Statement]:
        """Return the statement that finds what is needed, or several for a large batch on a server."""
        if len(needed) == 1:
            return [self._statements.for_one(needed[0])]
        size = max(1, len(needed)) if self._local else _MOST_IN_A_STATEMENT
        return [self._statements.for_many(needed[start : start + size]) for start in range(0, len(needed), size)]

    def together(self, needed: Sequence[RowsNeeded]) -> list[Statement]:
        """Return the one statement that finds what is needed, however much that is."""
        if len(needed) <= 1:
            return self.statements(needed)
        return [self._statements.for_many(needed)]

    def is_of(self, given: Connection | Engine | AsyncEngine) -> bool:
        """Tell whether it is this reader's engine, a connection of it, or of one that was made of that with options."""
        return given.dialect is self._dialect

    def seconds(self, statements: Sequence[Statement]) -> float:
        """Return how long these may take together."""
        return self._deadline * max(1, len(statements))

    def read(self, statements: Sequence[Statement], call: Call) -> Rows:
        """Run the statements, and put together what they find. Raises `DirectoryUnavailable`."""
        return self._rows(self._found, statements, call)

    def read_within(self, connection: Connection, statements: Sequence[Statement], call: Call) -> Rows:
        """Do the same in a host's transaction, which gets its share of the lock. Raises `CannotDecideWithin` too."""
        require_no_savepoint(connection)
        return self._rows(partial(self._found_within, connection), statements, call)

    def _rows(
        self, find: Callable[[Sequence[Statement], Call], FoundRows], statements: Sequence[Statement], call: Call
    ) -> Rows:
        if not statements:
            return FoundRows(NOTHING).rows()
        try:
            found = find(statements, call)
        except self._faults as error:
            raise _outage(error, late=call.expired) from error
        except (DirectoryUnavailable, CannotDecideWithin):
            raise
        except Exception as error:  # of the host's code that the driver runs: a row factory, a loader of a type
            raise DirectoryUnavailable from error
        try:
            return found.rows()
        except ValueError as error:
            raise DirectoryUnavailable(_SENSELESS) from error

    def read_begun(self, pooled: PoolProxiedConnection, statements: Sequence[Statement], call: Call) -> Rows:
        """Do the same in a transaction that was begun on the connection itself, as READ COMMITTED or to write."""
        return self._rows(partial(self._found_begun, pooled), statements, call)

    def _found_within(self, connection: Connection, statements: Sequence[Statement], call: Call) -> FoundRows:
        pooled = connection.connection
        try:
            line = self._patient_line(pooled)
            call.enter(line)
            take_share(connection, self._deadline)
            found = self._with_share(pooled, line, statements)
        except BaseException:
            self._forget(pooled)
            if not call.leave() and not self._local:
                connection.invalidate()  # or the host's rollback would fail, and be told in the place of the outage
            raise
        if not call.leave():
            raise TimeoutError
        return found

    def _found_begun(self, pooled: PoolProxiedConnection, statements: Sequence[Statement], call: Call) -> FoundRows:
        try:
            line = self._line(pooled)
            call.enter(line)
            if not self._local and _is_looked_at(pooled):
                found = self._in_one_trip(line, statements)
            else:
                self._take_share(line)
                found = self._with_share(pooled, line, statements)
        except BaseException:
            self._forget(pooled)
            raise
        return found

    def _in_one_trip(self, line: CursorLine, statements: Sequence[Statement]) -> FoundRows:
        """Take a share and look up, both at once. If the share is worth nothing, neither is what was found."""
        [statement] = statements
        token = drawn()
        asked = self._shares.asked(token), (statement.sql, statement.arguments), (HIDE_AS_BEFORE, ())
        share, rows, _ = line.together(asked)
        verify_share(token, share)
        require_transaction(begun=line.in_transaction())
        return _whole(statement, rows)

    def _take_share(self, line: CursorLine) -> None:
        if not self._local:  # there the transaction itself keeps writers out
            token = drawn()
            [share] = line.together([self._shares.asked(token)])
            verify_share(token, share)

    def _with_share(
        self, pooled: PoolProxiedConnection, line: CursorLine, statements: Sequence[Statement]
    ) -> FoundRows:
        require_transaction(begun=line.in_transaction())
        if not _is_looked_at(pooled):
            self._look_at_tables(line.cursor, besides="")
            pooled.info[_LOOKED_AT_WITHIN] = True  # and what hides rows from others on this connection stays
        found = _executed(line.cursor, statements, ())
        if not self._local:
            line.together([(HIDE_AS_BEFORE, ())])
        return found

    def _forget(self, pooled: PoolProxiedConnection) -> None:
        """Never use this line again, and leave the connection to the host, whose transaction has failed."""
        line = pooled.info.pop(_LINE, None)
        if line is not None and self._local and not self._dialect.is_async:
            with suppress(*self._faults):
                line.cursor.close()

    def _found(self, statements: Sequence[Statement], call: Call) -> FoundRows:
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

    def _run(self, statements: Sequence[Statement], call: Call) -> FoundRows:
        connection = self._taken(call)
        try:
            found = self._ask(connection, statements, call)
        except TooLate:
            self._give_back(connection)
            raise
        except _Gone:
            self._give_back(connection, sound=False)
            raise
        except _LeftOpen:
            if self._local and isinstance(self._engine.pool, QueuePool):  # else it is another's at the same time
                abandon(self._dialect, connection)
            self._give_back(connection, sound=self._local)
            raise
        except BaseException:
            self._give_back(connection, sound=self._local)  # to a file it is as sound as before
            raise
        self._give_back(connection)
        return found

    def _taken(self, call: Call) -> PoolProxiedConnection:
        try:
            connection = self._take(call)
        except self._faults:
            raise
        except Exception as error:  # a hook's, SQLAlchemy's own where it gets bytes for text, or another loop's
            raise DirectoryUnavailable from error
        if self._dialect.driver == "asyncpg" and left_to_its_loop(connection):
            raise _Gone(RuntimeError("the connection belongs to another event loop"))
        return connection

    def _give_back(self, connection: PoolProxiedConnection, *, sound: bool = True) -> None:
        try:
            if sound:
                connection.close()
            else:
                connection.invalidate()
        except BaseException as error:
            let_go(self._dialect, connection)
            if isinstance(error, self._faults) or not isinstance(error, Exception):
                raise
            raise DirectoryUnavailable from error

    def _asked_in_turn(
        self, connection: PoolProxiedConnection, statements: Sequence[Statement], call: Call
    ) -> FoundRows:
        turns = turns_on(self._engine.pool)
        turns.begin(call)
        try:
            return self._asked(connection, statements, call)
        finally:
            turns.end()

    def _asked(self, connection: PoolProxiedConnection, statements: Sequence[Statement], call: Call) -> FoundRows:
        try:
            line = self._patient_line(connection)
            call.enter(line)
            found = self._fetched(connection, line, statements)
        except TooLate:
            raise
        except BaseException as error:
            gone = isinstance(error, self._faults) and is_gone(self._dialect, error, connection)
            whole = call.leave()
            self._drop(connection)
            if gone and whole:
                raise _Gone(error) from error
            raise
        if not call.leave():
            self._drop(connection)
            raise TimeoutError
        return found

    def _line(self, connection: PoolProxiedConnection) -> CursorLine:
        line: CursorLine | None = connection.info.get(_LINE)
        if line is None:
            connection.info[_LINE] = line = self._open_line(connection)
        return line

    def _patient_line(self, connection: PoolProxiedConnection) -> CursorLine:
        line = self._line(connection)
        if self._local:
            wait_for_locks(connection, line.cursor, self._busy_timeout)
        return line

    def _fetched(
        self, connection: PoolProxiedConnection, line: CursorLine, statements: Sequence[Statement]
    ) -> FoundRows:
        dbapi_connection: Any = connection.dbapi_connection
        if line.in_transaction():
            raise _LeftOpen("somebody has left a transaction open on the connection")
        # In a transaction of its own, each statement would take three round trips, and psycopg would prepare it anew.
        # Nothing else that the host has set is touched.
        begins = self._begins and not dbapi_connection.autocommit
        if begins:
            dbapi_connection.autocommit = True
        if _LOOKED_AT not in connection.info:
            [besides] = self._look_at_tables(line.cursor, _AND_ITS_FILE if self._local else _AND_HIDE_NOTHING)
            if self._local and besides:
                leave_file_to_the_parent(self._engine)
            connection.info[_LOOKED_AT] = True
        found = self._answered(line.cursor, statements)
        if begins:
            dbapi_connection.autocommit = False
        return found

    def _look_at_tables(self, cursor: Any, besides: str) -> Sequence[Any]:
        """Return what else was asked. Raises `_OldForm` if the tables are in a form in which nobody looks for ids."""
        token, query = drawn(), IN_AN_OLD_FORM[self._dialect.name]
        cursor.execute(f"SELECT '{token}', ({query}){besides}")
        is_old, *told = _told(cursor, token)
        if is_old:
            raise _OldForm
        return told

    def _answered(self, cursor: Any, statements: Sequence[Statement], *, hiding: bool = True) -> FoundRows:
        before: Sequence[str] = () if len(statements) == 1 and hiding else (_BEGIN_ONE_SNAPSHOT,)
        failure: Exception | None = None
        try:
            return _executed(cursor, statements, before if hiding else (*before, _HIDE_NOTHING))
        except Hidden:
            if self._local or not hiding:
                raise
            hiding = False
        except self._faults as error:
            if not _is_unsayable(error):
                raise
            failure = error
        if before:
            cursor.execute("ROLLBACK")
        return self._answered(cursor, self._sayable(cursor, statements, failure), hiding=hiding)

    def _sayable(self, cursor: Any, statements: Sequence[Statement], failure: Exception | None) -> Sequence[Statement]:
        """Leave out the keys that the encoding of the database cannot say: no row has them. Raises the failure."""
        if failure is None:
            return statements
        keys = {key for statement in statements for needed in statement.needed for key in needed if type(key) is str}
        absent = {key for key in keys if not (key.isascii() or self._can_say(cursor, key))}
        if not absent:
            raise failure
        return [self._statements.without(absent, statement) for statement in statements]

    def _can_say(self, cursor: Any, key: str) -> bool:
        token = drawn()
        try:
            cursor.execute(*self._statements.whether_sayable(key, token))
        except self._faults as error:
            if getattr(error, "sqlstate", None) != _UNTRANSLATABLE:
                raise
            return False
        is_said, *_ = _told(cursor, token)
        return is_said is True

    def _drop(self, connection: PoolProxiedConnection) -> None:
        """Never use this line again: its cursor may be in the midst of its rows."""
        line = connection.info.pop(_LINE, None)
        if line is not None:
            line.cut()
        if not self._local:
            connection.info.clear()
        elif line is not None and not self._dialect.is_async:
            with suppress(*self._faults):
                line.cursor.close()  # half read it would hold a snapshot, for as long as an error is kept that knows it


class _LeftOpen(Unreliable):
    """What is found would be of a state that is gone, or of one that is not committed."""


class _OldForm(Unreliable):
    """Ids may stand in our tables in a form in which nobody looks for them."""


class _Gone(Exception):
    """The connection is not there any more, or not what it was."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


def _is_looked_at(connection: PoolProxiedConnection) -> bool:
    return not connection.info.keys().isdisjoint((_LOOKED_AT, _LOOKED_AT_WITHIN))


def _open(engine: Engine) -> int:
    pool = engine.pool
    return pool.checkedin() + pool.checkedout() if isinstance(pool, QueuePool) else 0


def _executed(cursor: Any, statements: Sequence[Statement], before: Sequence[str]) -> FoundRows:
    """Run the statements, in a transaction if anything comes before. Raises `Unreliable`."""
    found, snapshots = FoundRows(_asked_by(statements)), set()
    for command in before:
        cursor.execute(command)
    for statement in statements:
        cursor.execute(statement.sql, statement.arguments)
        rows = cursor.fetchmany(_ROWS_AT_ONCE)
        more = len(rows) == _ROWS_AT_ONCE
        snapshots.add(take_marker(statement, rows))
        while more:
            further = cursor.fetchmany(_ROWS_AT_ONCE)
            more = len(further) == _ROWS_AT_ONCE
            if further:
                found.add(rows)
                rows = further
        if not statement.single:
            verify_end(statement, rows)
        found.add(rows)
    if before:
        cursor.execute("COMMIT")
    if len(statements) > 1:
        _require_one_snapshot(snapshots)
    return found


def _whole(statement: Statement, rows: list[Any]) -> FoundRows:
    """Put together what was found from all rows of the one statement. Raises `Unreliable`."""
    found = FoundRows(statement.asked)
    take_marker(statement, rows)
    if not statement.single:
        verify_end(statement, rows)
    found.add(rows)
    return found


def _asked_by(statements: Sequence[Statement]) -> Asked:
    if len(statements) == 1:
        [statement] = statements
        return statement.asked
    agent_ids, bot_ids, m365_tenant_ids = zip(*(statement.asked for statement in statements), strict=True)
    return set().union(*agent_ids), set().union(*bot_ids), set().union(*m365_tenant_ids)


def _require_one_snapshot(snapshots: AbstractSet[str | None]) -> None:
    if len(snapshots) != 1 or not str(*snapshots).endswith(_REPEATABLE_READ):
        raise NoAnswer("the parts of the answer are from several snapshots")


def _told(cursor: Any, token: str) -> Sequence[Any]:
    """Return what the one row of an answer says after the token."""
    answer = cursor.fetchmany(2)
    if len(answer) == 1:
        [[said, *told]] = answer
        if said == token:
            return [*told]
    raise NoAnswer("the answer is another's")


def _is_unsayable(error: BaseException) -> bool:
    return isinstance(error, UnicodeEncodeError) or getattr(error, "sqlstate", None) == _UNTRANSLATABLE


def _outage(error: BaseException, *, late: bool) -> DirectoryUnavailable:
    if late or isinstance(error, TimeoutError):
        return DirectoryUnavailable(LATE)
    if isinstance(error, _OldForm):
        return DirectoryUnavailable(_OLD)
    return DirectoryUnavailable(_ANOTHER) if isinstance(error, NoAnswer) else DirectoryUnavailable()


def faults_of(dialect: Dialect) -> _Faults:
    """Return what is raised where a database cannot be asked: by its driver, SQLAlchemy, the system, or an encoding."""
    # A connection whose encoding is not UTF-8 cannot say every key.
    return (*_errors_of(dialect), SQLAlchemyError, OSError, EOFError, UnicodeError)


def _errors_of(dialect: Dialect) -> _Faults:
    """Return the errors of a driver that SQLAlchemy does not translate, or not always."""
    driver: Any = dialect.loaded_dbapi
    if dialect.driver == "asyncpg":  # SQLAlchemy translates most of those that come through its hands
        asyncpg = driver.asyncpg
        own = asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError
        return driver.Error, *own, _GONE["asyncpg"]
    return (driver.Error, _GONE["aiosqlite"]) if dialect.driver == "aiosqlite" else (driver.Error,)


def is_gone(dialect: Dialect, error: Any, connection: PoolProxiedConnection) -> bool:
    """Tell whether an error says that the connection is not there any more, or not what it was."""
    if getattr(error, "sqlstate", None) in _OUTLIVED or isinstance(error, _GONE.get(dialect.driver, ())):
        return True
    return dialect.is_disconnect(error, connection.dbapi_connection, None)
