"""On PostgreSQL, who changes the directory waits at his COMMIT for sessions that were decided on what he replaces.

On SQLite nothing changes: there a session is decided and kept in a transaction that keeps writers out.
"""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import Connection, text

revision: Final = "0003"
down_revision: Final = "0002"

_COLUMNS: Final = {
    "routing_tenant": "id",
    "routing_agent": "id, tenant_id, kind, managed_key",
    "routing_channel": "id, tenant_id, agent_id, bot_id, status, white_label, show_agent_progress_steps",
    "routing_channel_installation": "channel_id, m365_tenant_id",
    "routing_end_company": "id, tenant_id",
    "routing_end_company_link": "end_company_id, m365_tenant_id",
}
_SCHEMA: Final = """
    SELECT quote_ident(nspname) FROM pg_catalog.pg_class
    JOIN pg_catalog.pg_namespace ON pg_namespace.oid = relnamespace
    WHERE pg_class.oid = to_regclass('routing_tenant')"""
_IS_THERE: Final = """
    SELECT count(*) = 6 FROM pg_catalog.pg_trigger
    WHERE tgname = 'routing_note_change' AND tgrelid IN (
        SELECT to_regclass(name) FROM unnest(CAST(:tables AS text[])) AS name)"""
_NOTE_CHANGE: Final = """
CREATE OR REPLACE FUNCTION {schema}.routing_note_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO {schema}.routing_revision VALUES (txid_current()) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$"""
_KEEP_SESSIONS_OUT: Final = """
CREATE OR REPLACE FUNCTION {schema}.routing_keep_sessions_out() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    in_schema bigint := (SELECT relnamespace::bigint FROM pg_class WHERE oid = TG_RELID);
BEGIN
    IF EXISTS (
        SELECT FROM pg_locks
        WHERE pid = pg_backend_pid() AND locktype = 'advisory' AND mode = 'ShareLock'
            AND classid = 1852141426 AND objid::bigint = in_schema AND objsubid = 1
    ) THEN
        RAISE EXCEPTION 'a transaction that decides sessions must not change the directory'
            USING ERRCODE = 'object_in_use', HINT = 'Change it in a transaction of its own.';
    END IF;
    DELETE FROM {schema}.routing_revision WHERE transaction_id = NEW.transaction_id;
    PERFORM pg_advisory_xact_lock((1852141426::bigint << 32) | in_schema);
    RETURN NULL;
END
$$"""


def is_there(connection: Connection) -> bool:
    """Tell whether tables without a version have this, which the names of columns and constraints do not tell."""
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.scalar(text(_IS_THERE), {"tables": [*_COLUMNS]}))


def upgrade() -> None:
    """Make the table of the writing transactions, the functions and the triggers."""
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    schema = connection.scalar(text(_SCHEMA))
    connection.exec_driver_sql(
        f"CREATE TABLE IF NOT EXISTS {schema}.routing_revision (transaction_id bigint PRIMARY KEY)"
    )
    for function in (_NOTE_CHANGE, _KEEP_SESSIONS_OUT):
        connection.exec_driver_sql(function.format(schema=schema).strip())
    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS routing_keep_sessions_out ON {schema}.routing_revision")
    connection.exec_driver_sql(
        f"CREATE CONSTRAINT TRIGGER routing_keep_sessions_out AFTER INSERT ON {schema}.routing_revision "
        "DEFERRABLE INITIALLY DEFERRED "
        f"FOR EACH ROW EXECUTE FUNCTION {schema}.routing_keep_sessions_out()"
    )
    connection.exec_driver_sql(f"ALTER TABLE {schema}.routing_revision ENABLE ALWAYS TRIGGER routing_keep_sessions_out")
    for table, columns in _COLUMNS.items():
        _note_changes(connection, schema, f"{schema}.{table}", columns)


def _note_changes(connection: Connection, schema: str, table: str, columns: str) -> None:
    connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS routing_note_change ON {table}")
    connection.exec_driver_sql(
        f"CREATE TRIGGER routing_note_change AFTER INSERT OR DELETE OR UPDATE OF {columns} OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {schema}.routing_note_change()"
    )
    connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER routing_note_change")
