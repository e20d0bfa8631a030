"""Makes and drops the change log in a database on PostgreSQL, and tells which changes it does not get to know of."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic, sleep
from typing import Final

from attrs import frozen
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import OperationalError

from neo_routing_adapters.sql.change_log import (
    LOG,
    LOG_FUNCTION,
    PRUNE_FUNCTION,
    drop_statements,
    log_statements,
)
from neo_routing_adapters.sql.change_triggers import KEYS, function_statements, trigger_statements
from neo_routing_adapters.sql.directory_lock import SCHEMA_OF_RELATIONS
from neo_routing_adapters.sql.schema import RELATIONS
from neo_routing_adapters.sql.tables.follow_script import grants_to_readers
from neo_routing_adapters.sql.tables.our_tables import CannotAdminister, NotOurTables, require_our_tables
from neo_routing_adapters.sql.tables.transactions import LONGEST_WAIT, reading, writing
from neo_routing_adapters.sql.unfollowed import UNFOLLOWED

# What a subscriber is sent fires no trigger of a statement, and neither does what is written straight into a child.
_TABLES: Final = text("""
    WITH RECURSIVE ours (relation, id) AS (
        SELECT relation, to_regclass(relation)::oid FROM unnest(CAST(:relations AS text[])) AS relation
        UNION
        SELECT relation, inhrelid FROM ours JOIN pg_inherits ON inhparent = id)
    SELECT relation, quote_ident(nspname) || '.' || quote_ident(relname),
        relkind = 'p' OR relispartition
            OR EXISTS (SELECT FROM pg_inherits WHERE ours.id IN (inhparent, inhrelid))
            OR EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = ours.id),
        relispartition
    FROM ours JOIN pg_class ON pg_class.oid = ours.id AND relkind IN ('r', 'p')
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    ORDER BY relispartition, ours.id""")
_FUNCTIONS: Final = text("""
    SELECT quote_ident(proname) FROM pg_proc WHERE starts_with(proname, :begins)
        AND pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('routing_tenant'))""")
_LOCK_NOT_AVAILABLE: Final = "55P03"


class NoChangeLog(CannotAdminister):
    """A database needs no change log: SQLite tells by itself whether anything was committed."""

    def __init__(self) -> None:
        super().__init__("SQLite needs no change log: it tells by itself whether anything was committed")


class TablesOfAHost(NotOurTables):
    """The changes of a host's tables are logged by what he says of each of them."""

    def __init__(self) -> None:
        CannotAdminister.__init__(
            self, "these are no tables of ours: neo-routing db follow print writes the SQL for each table of yours"
        )


class NothingLogged(CannotAdminister):
    """There is no change log."""

    def __init__(self) -> None:
        super().__init__("there is no change log: run neo-routing db follow install")


@frozen(kw_only=True)
class LogStatus:
    """How the change log of a database stands."""

    is_there: bool
    rows: int
    unfollowed: tuple[str, ...]
    """What changes without a row in the log, in words; if there is any, nobody can follow the directory."""


def install(engine: Engine) -> None:
    """Make the log and the triggers on our tables, all or nothing; it may be run again.

    Whoever may read the tables may read the log. Raises `NoChangeLog` on SQLite, and what `require_our_tables` raises.
    """
    _require_postgresql(engine)
    with writing(engine) as connection:
        try:
            require_our_tables(connection)
        except NotOurTables as error:
            raise TablesOfAHost from error
        _lock_tables(connection)
        schema = str(connection.scalar(text(SCHEMA_OF_RELATIONS)))
        for statement in _statements(connection, schema):
            connection.exec_driver_sql(statement)


def _statements(connection: Connection, schema: str) -> Iterator[str]:
    yield from log_statements(schema)
    for relation, keys in KEYS.items():
        yield from function_statements(schema, _function_of(relation), keys)
    for relation, table, by_row, is_copied in connection.execute(_TABLES, {"relations": [*RELATIONS]}).all():
        function = _function_of(relation)
        yield from trigger_statements(schema, table, function, by_row=by_row, is_copied=is_copied)
    yield from grants_to_readers(connection, schema)


def _lock_tables(connection: Connection) -> None:
    """Lock all tables at once, or none: one after the other, that and a writer's locks might wait for each other.

    No wait for them is as long as the second after which PostgreSQL ends one of two who wait for each other.
    """
    tables = [str(table) for _, table, _, _ in connection.execute(_TABLES, {"relations": [*RELATIONS]})]
    lock = f"SET LOCAL lock_timeout = '0.5s'; LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE"
    last = monotonic() + LONGEST_WAIT
    while tables:
        try:
            with connection.begin_nested():
                connection.exec_driver_sql(lock)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE or monotonic() > last:
                raise
            sleep(0.1)
        else:
            return


def _function_of(relation: str) -> str:
    return f"{LOG_FUNCTION}_of_{relation.removeprefix('routing_')}"


def uninstall(engine: Engine) -> None:
    """Drop the log and its triggers; who follows the directory fails then. Raises `NoChangeLog` on SQLite."""
    _require_postgresql(engine)
    with writing(engine) as connection:
        _lock_tables(connection)
        schema = str(connection.scalar(text(SCHEMA_OF_RELATIONS)))
        functions = connection.execute(_FUNCTIONS, {"begins": LOG_FUNCTION}).scalars().all()
        for statement in drop_statements(schema, functions):
            connection.exec_driver_sql(statement)


def status(engine: Engine) -> LogStatus:
    """Tell how the log stands. Raises `NoChangeLog` on SQLite."""
    _require_postgresql(engine)
    with reading(engine) as connection:
        is_there = connection.scalar(text(f"SELECT to_regclass('{LOG}') IS NOT NULL"))  # our own name
        unfollowed = connection.exec_driver_sql(UNFOLLOWED).scalars().all() if is_there else ()
        rows = connection.scalar(text(f"SELECT count(*) FROM {LOG}")) if is_there else 0  # noqa: S608  # as above
        return LogStatus(is_there=bool(is_there), rows=int(rows or 0), unfollowed=tuple(map(str, unfollowed)))


def prune(engine: Engine) -> int:
    """Remove what is older than an hour from the log, and return how many rows went.

    Raises `NothingLogged`, and `NoChangeLog` on SQLite.
    """
    _require_postgresql(engine)
    with writing(engine) as connection:
        if connection.scalar(text(f"SELECT to_regclass('{LOG}') IS NULL")):
            raise NothingLogged
        return int(connection.exec_driver_sql(f"SELECT {PRUNE_FUNCTION}()").scalar_one())


def _require_postgresql(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        raise NoChangeLog
