"""Brings the change log of a database to the newest version: from nothing, from an older version, or from that itself.

An older log is dropped, whatever is in it: followers read the directory anew. With it go its triggers, on a host's
tables too. So none is left that logs as a former version did, and each that is missing is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic, sleep
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from neo_routing_adapters.sql.change_log import (
    LOG_FUNCTION,
    NOTE_PRUNED,
    TABLES,
    drop_statements,
    log_statements,
)
from neo_routing_adapters.sql.change_log_version import KEEP_OTHERS_OUT, LOG, VERSION_TABLE, FoundLog, found_log, newest
from neo_routing_adapters.sql.change_triggers import KEYS, function_statements, trigger_statements
from neo_routing_adapters.sql.schema import RELATIONS
from neo_routing_adapters.sql.tables.follow_script import grants_to_readers
from neo_routing_adapters.sql.tables.our_tables import CannotAdminister
from neo_routing_adapters.sql.tables.transactions import LONGEST_WAIT
from neo_routing_adapters.sql.triggers import SCHEMA_OF_RELATIONS

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
_TABLES_OF_LOG: Final = text("""
    SELECT id::text FROM unnest(CAST(:tables AS text[])) AS name
    CROSS JOIN to_regclass(name) AS id WHERE id IS NOT NULL""")
_FUNCTIONS: Final = text("""
    SELECT quote_ident(proname) FROM pg_proc WHERE starts_with(proname, :begins)
        AND pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('routing_tenant'))""")
_IN_THE_WAY: Final = text(f"""
    SELECT to_regclass('{LOG}') IS NOT NULL AND to_regclass('{VERSION_TABLE}') IS NULL AND NOT EXISTS (
        SELECT FROM pg_trigger WHERE tgrelid = to_regclass('{LOG}') AND tgname = '{NOTE_PRUNED}')""")  # noqa: S608  # our own names
_LOCK_NOT_AVAILABLE: Final = "55P03"


class UnknownLogVersion(CannotAdminister):
    """The log is of a version that this library does not know."""


class TableInTheWay(CannotAdminister):
    """A table with the name of the log is there that this library has not made."""

    def __init__(self) -> None:
        super().__init__(f"there is a table {LOG} that is no change log; nothing was changed")


def log_in(connection: Connection) -> FoundLog:
    """Return the log that a database on PostgreSQL has."""
    return found_log(lambda query: connection.exec_driver_sql(query).one())


def migrate(connection: Connection) -> str:
    """Make the log and the triggers on our tables in the newest version, and return that.

    Raises `UnknownLogVersion` and `TableInTheWay`. Several at a time are as good as one.
    """
    found = _known_log(connection)
    _lock_tables(connection)
    schema = str(connection.scalar(text(SCHEMA_OF_RELATIONS)))
    if found.version != newest():
        _drop(connection, schema)
    for statement in _statements(connection, schema):
        connection.exec_driver_sql(statement)
    return newest()


def drop(connection: Connection) -> None:
    """Drop the log, its version, and all its triggers. Raises `UnknownLogVersion` and `TableInTheWay`."""
    _known_log(connection)
    _lock_tables(connection)
    _drop(connection, str(connection.scalar(text(SCHEMA_OF_RELATIONS))))


def _known_log(connection: Connection) -> FoundLog:
    connection.exec_driver_sql(KEEP_OTHERS_OUT)
    found = log_in(connection)
    if found.is_unknown:
        raise UnknownLogVersion(str(found.fault))
    if connection.scalar(_IN_THE_WAY):
        raise TableInTheWay
    return found


def _drop(connection: Connection, schema: str) -> None:
    functions = connection.execute(_FUNCTIONS, {"begins": LOG_FUNCTION}).scalars().all()
    for statement in drop_statements(schema, functions):
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
    """Lock all tables at once, and those of the log, or none: or that and another's locks might wait for each other.

    A writer has locks of tables when he comes to the log, and a follower one of the log when he comes to tables. No
    wait for them is as long as the second after which PostgreSQL ends one of two who wait for each other.
    """
    tables = [str(table) for _, table, _, _ in connection.execute(_TABLES, {"relations": [*RELATIONS]})]
    if tables:  # of a host's own, whose writers come to the log by scripts of his, nobody here knows them all
        tables += connection.execute(_TABLES_OF_LOG, {"tables": [*TABLES]}).scalars()
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
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LONGEST_WAIT}s'")  # of a host's tables
            return


def _function_of(relation: str) -> str:
    return f"{LOG_FUNCTION}_of_{relation.removeprefix('routing_')}"
