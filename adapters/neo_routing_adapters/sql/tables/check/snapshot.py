"""Finds what does not keep to the one snapshot of a statement: functions that are VOLATILE, and foreign tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, text

from neo_routing_adapters.sql.reached import REACHED
from neo_routing_adapters.sql.tables.findings import Finding, Severity

_FOUND: Final = text(f"""{REACHED}
    SELECT relation, true, id::regprocedure::text FROM reached
    JOIN pg_proc ON class = 'pg_proc'::regclass AND pg_proc.oid = id AND provolatile = 'v'
    UNION
    SELECT relation, false, id::regclass::text FROM reached
    JOIN pg_class ON class = 'pg_class'::regclass AND pg_class.oid = id AND relkind = 'f'
    ORDER BY 1, 2, 3""")  # noqa: S608  # our own names


def snapshot_findings(connection: Connection) -> Iterator[Finding]:
    """Yield an error for each function and foreign table by which a view can see other rows than the statement does.

    On SQLite there is nothing of the kind.
    """
    if connection.dialect.name != "postgresql":
        return
    for relation, is_function, name in connection.execute(_FOUND):
        complaint = (
            f"it calls {name}, which is VOLATILE and so may see other rows than the rest of a decision: "
            "mark it STABLE or IMMUTABLE if that is true, or take it out of the view"
            if is_function
            else f"it reads the foreign table {name}, which has no snapshot in common with the rest of a decision: "
            "keep a copy of its rows in a table"
        )
        yield Finding(Severity.ERROR, relation, (), complaint)
