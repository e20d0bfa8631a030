"""Finds what does not keep to the one snapshot of a statement: functions that are VOLATILE, and foreign tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, text

from neo_routing_adapters.sql.schema import RELATIONS
from neo_routing_adapters.sql.tables.findings import Finding, Severity

# The catalogue notes no dependency on what PostgreSQL itself brings, so that is read from what is stored of a query.
# From there it leads on: by an operator to its function, by a type to what reads its values and what a domain demands,
# by an aggregate to what it is made of, by a table to its partitions. A materialized view is stored rows. Before
# version 14 no function has a body that is stored as a query, nor is there the column for it.
_REACHED: Final = text("""
    WITH RECURSIVE reached (relation, class, id) AS (
        SELECT relation, 'pg_class'::regclass::oid, to_regclass(relation)::oid
        FROM unnest(CAST(:relations AS text[])) AS relation
        UNION
        SELECT relation, following.class, following.id
        FROM reached CROSS JOIN LATERAL (
            SELECT CASE named[1]
                WHEN 'relid' THEN 'pg_class'::regclass
                WHEN 'opno' THEN 'pg_operator'::regclass
                WHEN 'resulttype' THEN 'pg_type'::regclass
                ELSE 'pg_proc'::regclass END::oid, named[2]::oid
            FROM (
                SELECT ev_action::text FROM pg_rewrite JOIN pg_class ON pg_class.oid = ev_class AND relkind = 'v'
                WHERE class = 'pg_class'::regclass AND ev_class = reached.id AND ev_type = '1'
                UNION ALL
                SELECT to_jsonb(pg_proc) ->> 'prosqlbody' FROM pg_proc
                WHERE class = 'pg_proc'::regclass AND oid = reached.id
                UNION ALL
                SELECT conbin::text FROM pg_constraint WHERE class = 'pg_type'::regclass AND contypid = reached.id
            ) AS stored (query)
            CROSS JOIN regexp_matches(
                query, ':(relid|opno|resulttype|funcid|opfuncid|aggfnoid|winfnoid) (\\d+)', 'g') AS named
            UNION ALL
            SELECT 'pg_proc'::regclass::oid, oprcode::oid FROM pg_operator
            WHERE class = 'pg_operator'::regclass AND oid = reached.id
            UNION ALL
            SELECT 'pg_proc'::regclass::oid, typinput::oid FROM pg_type
            WHERE class = 'pg_type'::regclass AND oid = reached.id
            UNION ALL
            SELECT 'pg_proc'::regclass::oid, part::oid
            FROM pg_aggregate CROSS JOIN unnest(ARRAY[aggtransfn, aggfinalfn]) AS part
            WHERE class = 'pg_proc'::regclass AND aggfnoid = reached.id
            UNION ALL
            SELECT 'pg_class'::regclass::oid, inhrelid FROM pg_inherits
            WHERE class = 'pg_class'::regclass AND inhparent = reached.id
        ) AS following (class, id))
    SELECT relation, true, id::regprocedure::text FROM reached
    JOIN pg_proc ON class = 'pg_proc'::regclass AND pg_proc.oid = id AND provolatile = 'v'
    UNION
    SELECT relation, false, id::regclass::text FROM reached
    JOIN pg_class ON class = 'pg_class'::regclass AND pg_class.oid = id AND relkind = 'f'
    ORDER BY 1, 2, 3""")


def snapshot_findings(connection: Connection) -> Iterator[Finding]:
    """Yield an error for each function and foreign table by which a view can see other rows than the statement does.

    On SQLite there is nothing of the kind.
    """
    if connection.dialect.name != "postgresql":
        return
    for relation, is_function, name in connection.execute(_REACHED, {"relations": [*RELATIONS]}):
        complaint = (
            f"it calls {name}, which is VOLATILE and so may see other rows than the rest of a decision: "
            "mark it STABLE or IMMUTABLE if that is true, or take it out of the view"
            if is_function
            else f"it reads the foreign table {name}, which has no snapshot in common with the rest of a decision: "
            "keep a copy of its rows in a table"
        )
        yield Finding(Severity.ERROR, relation, (), complaint)
