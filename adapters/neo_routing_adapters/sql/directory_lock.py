"""The lock by which no session is kept on a state of the directory that is gone, and what makes writers take it.

On PostgreSQL alone. Whoever decides a session in the transaction that keeps it holds the lock shared, from before the
decision on. Whoever changes the directory takes it exclusively when he commits, and so waits for all who have decided
on what he replaces; who decides after him sees what he wrote. A statement that changes the directory notes that in a
row of `routing_revision`, one for a transaction, and the deferred trigger stands there: one on each changed row of the
directory would take seconds after a large import, with the lock held.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, text

from neo_routing.names import Name
from neo_routing_adapters.sql.triggers import SCHEMA_OF_RELATIONS, function_made, trigger_made

LOCK: Final = 0x6E656F72  # "neor"; the other half of the key is the schema's oid

_SCHEMA: Final = "SELECT relnamespace::bigint FROM pg_catalog.pg_class WHERE oid = to_regclass('routing_tenant')"
KEY_OF_RELATIONS: Final = f"({LOCK}::bigint << 32) | ({_SCHEMA})"
"""An SQL expression: the key of the lock for the relations that are found by the search path, or NULL without any."""

REVISION: Final = "routing_revision"


class Trigger(Name):
    """The triggers, and the functions that they call, which have the same names."""

    NOTE_CHANGE = "routing_note_change"
    """Of each statement that changes what decisions rest on."""
    KEEP_SESSIONS_OUT = "routing_keep_sessions_out"
    """Of each transaction that has had such a statement, when it commits."""


COLUMNS_THAT_MATTER: Final[Mapping[str, Sequence[str]]] = {
    "routing_tenant": ("id",),
    "routing_agent": ("id", "tenant_id", "kind", "managed_key"),
    "routing_channel": (
        "id",
        "tenant_id",
        "agent_id",
        "bot_id",
        "status",
        "white_label",
        "show_agent_progress_steps",
    ),
    "routing_channel_installation": ("channel_id", "m365_tenant_id"),
    "routing_end_company": ("id", "tenant_id"),
    "routing_end_company_link": ("end_company_id", "m365_tenant_id"),
}
"""For each of our tables the columns that an answer can turn on: no name is among them."""

_ANY_MISSING: Final = text("SELECT bool_or(to_regclass(name) IS NULL) FROM unnest(CAST(:tables AS text[])) AS name")
_NOTE_CHANGE: Final = """
BEGIN
    INSERT INTO {schema}.routing_revision VALUES (txid_current()) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
"""
_KEEP_SESSIONS_OUT: Final = """
DECLARE
    in_schema bigint := (SELECT relnamespace::bigint FROM pg_class WHERE oid = TG_RELID);
BEGIN
    IF EXISTS (
        SELECT FROM pg_locks
        WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND mode = 'ShareLock'
            AND classid = {lock} AND objid::bigint = in_schema AND objsubid = 1
    ) THEN
        RAISE EXCEPTION 'a transaction that decides sessions must not change the directory'
            USING ERRCODE = 'object_in_use', HINT = 'Change it in a transaction of its own.';
    END IF;
    DELETE FROM {schema}.routing_revision WHERE transaction_id = NEW.transaction_id;
    PERFORM pg_advisory_xact_lock(({lock}::bigint << 32) | in_schema);
    RETURN NULL;
END
"""


def lock_statements(schema: str) -> Iterator[str]:
    """Yield what makes the table of the writing transactions, its trigger and both functions, in a quoted schema."""
    revision = f"{schema}.{REVISION}"
    yield f"CREATE TABLE IF NOT EXISTS {revision} (transaction_id bigint PRIMARY KEY)"
    yield function_made(f"{schema}.{Trigger.NOTE_CHANGE}", _NOTE_CHANGE.format(schema=schema))
    yield function_made(f"{schema}.{Trigger.KEEP_SESSIONS_OUT}", _KEEP_SESSIONS_OUT.format(schema=schema, lock=LOCK))
    event = f"INSERT ON {revision} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
    name = Trigger.KEEP_SESSIONS_OUT
    yield from trigger_made(name, revision, event, f"{schema}.{name}", sort="CONSTRAINT TRIGGER")


def table_statements(schema: str, table: str, columns: Sequence[str]) -> Iterator[str]:
    """Yield what makes the trigger of a table, with quoted names; without columns, each of them matters."""
    update = f"UPDATE OF {', '.join(columns)}" if columns else "UPDATE"
    event = f"INSERT OR DELETE OR {update} OR TRUNCATE ON {table} FOR EACH STATEMENT"
    yield from trigger_made(Trigger.NOTE_CHANGE, table, event, f"{schema}.{Trigger.NOTE_CHANGE}")


def make_lock(_metadata: object, connection: Connection, **made: object) -> None:
    """Make all of it beside tables of ours that were made now, if all of them are there."""
    if connection.dialect.name != "postgresql" or not made.get("tables"):
        return
    if connection.scalar(_ANY_MISSING, {"tables": [*COLUMNS_THAT_MATTER]}):
        return
    schema = str(connection.scalar(text(SCHEMA_OF_RELATIONS)))
    statements = [*lock_statements(schema)]
    for table, columns in COLUMNS_THAT_MATTER.items():
        statements += table_statements(schema, f"{schema}.{table}", columns)
    for statement in statements:
        connection.exec_driver_sql(statement)


def drop_lock(_metadata: object, connection: Connection, **_: object) -> None:
    """Drop what tables of ours have left behind."""
    if connection.dialect.name == "postgresql" and connection.scalar(text(SCHEMA_OF_RELATIONS)) is None:
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {REVISION}")
        for trigger in Trigger:
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {trigger}()")
