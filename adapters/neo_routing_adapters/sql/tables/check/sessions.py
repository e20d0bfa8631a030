"""Finds changes of the directory that do not wait for sessions, so that these may be kept on a state that is gone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection

from neo_routing_adapters.sql.directory_lock import REVISION
from neo_routing_adapters.sql.tables.findings import Finding, Severity
from neo_routing_adapters.sql.tables.watched_tables import WatchedTable, has_lock, is_noted, watched_tables

SO: Final = "so a session may be kept on a state that is gone"
"""Why it matters."""
_MEND: Final = "neo-routing db triggers prints what is missing"


def session_findings(connection: Connection) -> Iterator[Finding]:
    """Yield a notice for each table whose changes do not wait for sessions; on SQLite there is none."""
    if connection.dialect.name != "postgresql":
        return
    if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
        complaint = f"this is a standby, which shows changes late, {SO}: decide sessions on the primary"
        yield Finding(Severity.NOTICE, REVISION, (), complaint)
    if not has_lock(connection):
        yield Finding(Severity.NOTICE, REVISION, (), f"changes do not wait for sessions, {SO}: {_MEND}")
        return
    for table in watched_tables(connection):
        if complaint := _complaint(connection, table):
            yield Finding(Severity.NOTICE, table.relation, (), complaint)


def _complaint(connection: Connection, table: WatchedTable) -> str:
    if table.unwatchable:
        return f"{table.unwatchable}, {SO}"
    if is_noted(connection, table):
        return ""
    return f"changes of {table.name} do not wait for sessions, {SO}: {_MEND}"
