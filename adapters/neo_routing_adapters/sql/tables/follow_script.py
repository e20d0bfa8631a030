"""The SQL that logs the changes of a table of a host's, which views deliver as part of the directory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from neo_routing_adapters.sql.change_log import LOG_FUNCTION, TABLES, log_statements
from neo_routing_adapters.sql.change_triggers import function_statements, trigger_statements
from neo_routing_adapters.sql.tables.our_tables import CannotAdminister
from neo_routing_adapters.sql.triggers import SCHEMA_OF_RELATIONS

_TABLE: Final = text("""
    SELECT pg_class.oid::bigint, quote_ident(nspname) || '.' || quote_ident(relname), relkind::text,
        relkind = 'p' OR relispartition
            OR EXISTS (SELECT FROM pg_inherits WHERE pg_class.oid IN (inhparent, inhrelid))
            OR EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = pg_class.oid),
        relispartition
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = to_regclass(:table)""")

_READERS: Final = text("""
    SELECT DISTINCT CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
    FROM pg_class CROSS JOIN aclexplode(relacl)
    WHERE oid = to_regclass('routing_tenant') AND privilege_type = 'SELECT'""")
_PARSED: Final = """
    PREPARE neo_routing_keys AS
    WITH changed AS (SELECT * FROM {table}), keys (sort, id) AS ({keys}) SELECT sort::text, id::text FROM keys"""


class CannotLog(CannotAdminister):
    """Changes of this table cannot be logged, or need not be."""


def follow_script(connection: Connection, table: str, keys: str) -> str:
    """Return the SQL that logs the changes of a table, by what a query makes of the rows that changed.

    The query selects a sort and an id from `changed`, and is trusted as SQL is: whoever runs the script runs it. Raises
    `CannotLog`.
    """
    if connection.dialect.name != "postgresql":
        raise CannotLog("SQLite needs no change log: it tells by itself whether anything was committed")
    found = connection.execute(_TABLE, {"table": table}).one_or_none()
    if found is None or found[2] not in {"r", "p"}:
        raise CannotLog(f"{table} is no table, and only what happens to a table can be logged")
    oid, quoted, _, by_row, is_copied = found
    schema = str(connection.scalar(text(SCHEMA_OF_RELATIONS)))
    keys = keys.strip().rstrip(";")
    _require_keys(connection, quoted, keys)
    function = f"{LOG_FUNCTION}_of_{oid}"
    statements = (
        *log_statements(schema),
        *function_statements(schema, function, keys),
        *trigger_statements(schema, quoted, function, by_row=by_row, is_copied=is_copied),
        *grants_to_readers(connection, schema),
    )
    return "".join(["BEGIN;\n", *(f"{statement};\n" for statement in statements), "COMMIT;\n"])


def grants_to_readers(connection: Connection, schema: str) -> Iterator[str]:
    """Yield what lets those who may read the relations read the log too."""
    tables = ", ".join(f"{schema}.{table}" for table in TABLES)
    for (reader,) in connection.execute(_READERS).all():
        yield f"GRANT SELECT ON {tables} TO {reader}"


def _require_keys(connection: Connection, quoted: str, keys: str) -> None:
    """Parse the keys as the trigger will: where that fails, so would each change that the host makes."""
    statements = "SET LOCAL search_path = pg_catalog, pg_temp", _PARSED.format(table=quoted, keys=keys)
    tried = connection.begin_nested()
    try:
        for statement in (*statements, "DEALLOCATE neo_routing_keys"):
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})  # or % would stand for one
    except DBAPIError as error:
        said, *_ = str(error.orig).splitlines()
        raise CannotLog(f"a trigger cannot run these keys, with each table named by its schema: {said}") from error
    finally:
        tried.rollback()
