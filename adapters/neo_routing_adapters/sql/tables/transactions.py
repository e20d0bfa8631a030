"""Transactions of the administration: to read one snapshot, or to write all or nothing.

They are what they are whatever the engine is set to, because a host sets it to suit decisions: those want autocommit
and short timeouts. Nor does a policy hide rows from them: PostgreSQL raises an error where one would.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, Select

from neo_routing_adapters.sql.tables.our_tables import NotUtf8
from neo_routing_adapters.sql.tables.row_security import require_all_rows

LONGEST_WAIT: Final = 10.0
"""How many seconds a change waits for a lock on PostgreSQL, while everybody else queues up behind it.

On SQLite it waits for as long as the connection's own `timeout` says.
"""


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that sees one snapshot, and that changes nothing even if it tries."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with _isolated(engine, **options) as connection, connection.begin() as transaction:
        _prepare(connection, "BEGIN")
        yield connection
        transaction.rollback()


@contextmanager
def writing(engine: Engine, *, at_once: bool = True) -> Iterator[Connection]:
    """Open a transaction that is committed unless something is raised.

    Other writers of a SQLite file are kept out at once, or else from the first change of it on. Raises `RowsHidden` if
    a policy could hide rows from whoever changes them.
    """
    with _isolated(engine, isolation_level="READ COMMITTED") as connection, connection.begin():
        prepare_to_write(connection, at_once=at_once)
        yield connection


def prepare_to_write(connection: Connection, *, at_once: bool = True) -> None:
    """Make the transaction that a connection is in fit for changes of the schema. Raises `RowsHidden`."""
    _prepare(connection, "BEGIN IMMEDIATE" if at_once else "BEGIN")
    require_all_rows(connection)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(LONGEST_WAIT * 1000)}")


@contextmanager
def _isolated(engine: Engine, **options: Any) -> Iterator[Connection]:
    with _connected(engine) as connection:
        yield connection.execution_options(**options) if engine.dialect.name == "postgresql" else connection


def _connected(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except TypeError as error:
        # From a database in SQL_ASCII psycopg returns bytes, and SQLAlchemy expects its version as text.
        if engine.dialect.name == "postgresql" and "bytes-like" in str(error):
            raise NotUtf8("SQL_ASCII") from error
        raise


def _prepare(connection: Connection, begin: str) -> None:
    begin_on_sqlite(connection, begin)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL row_security = off")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def begin_on_sqlite(connection: Connection, begin: str = "BEGIN") -> None:
    """Begin the transaction that SQLAlchemy takes for begun, if this is SQLite and it has not begun there.

    Python's sqlite3 begins one only before it changes rows: not before it reads, nor before it sets a savepoint, nor
    before it changes the schema, which would then be committed at once.
    """
    if connection.dialect.name == "sqlite" and not _driver_connection(connection).in_transaction:
        connection.exec_driver_sql(begin)


def _driver_connection(connection: Connection) -> Any:
    return connection.connection.driver_connection


_AT_A_TIME: Final = 5_000


def streamed(connection: Connection, query: Select[*tuple[Any, ...]]) -> Iterator[Any]:
    """Yield the rows of a query that may be too many to hold."""
    with connection.execute(query, execution_options={"yield_per": _AT_A_TIME}) as rows:
        yield from rows
