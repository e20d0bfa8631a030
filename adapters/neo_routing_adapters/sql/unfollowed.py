"""What decisions rest on, found in the catalogue of PostgreSQL, and which changes of it no log gets to know of."""

from __future__ import annotations

from typing import Final

from neo_routing_adapters.sql.change_log import LOG, LOG_FUNCTION
from neo_routing_adapters.sql.change_triggers import KEYS

_RELATIONS: Final = ", ".join(f"'{relation}'" for relation in KEYS)

# From a view to what its query names, and from a table to its partitions and other children.
REACHED: Final = f"""
    WITH RECURSIVE reached (class, id) AS (
        SELECT 'pg_catalog.pg_class'::regclass::oid, to_regclass(relation)::oid
        FROM unnest(ARRAY[{_RELATIONS}]) AS relation
        UNION
        SELECT following.class, following.id FROM reached CROSS JOIN LATERAL (
            SELECT refclassid, refobjid FROM pg_catalog.pg_rewrite
            JOIN pg_catalog.pg_class ON pg_class.oid = ev_class AND relkind = 'v'
            JOIN pg_catalog.pg_depend ON classid = 'pg_catalog.pg_rewrite'::regclass AND objid = pg_rewrite.oid
            WHERE ev_class = reached.id AND ev_type = '1' AND refobjid <> reached.id
                AND refclassid IN ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass)
            UNION ALL
            SELECT 'pg_catalog.pg_class'::regclass, inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = reached.id
        ) AS following (class, id)
        WHERE reached.class = 'pg_catalog.pg_class'::regclass)"""  # noqa: S608  # our own names
"""A CTE: the oids of the relations and of all that stands behind them, each with the catalogue that has it."""

# Bits of tgtype: 1 by row, 2 before, 4 insert, 8 delete, 16 update, 32 truncate, 64 instead.
UNFOLLOWED: Final = f"""{REACHED},
    tables AS (
        SELECT pg_class.oid AS id, pg_class.oid::regclass::text AS name, relkind, COALESCE((
            SELECT bit_or(tgtype & CASE WHEN tgtype & 1 = 1 THEN 28 ELSE 60 END)
            FROM pg_catalog.pg_trigger JOIN pg_catalog.pg_proc ON pg_proc.oid = tgfoid
            WHERE tgrelid = pg_class.oid AND tgenabled = 'A' AND tgqual IS NULL AND tgattr::text = ''
                AND starts_with(proname, '{LOG_FUNCTION}')
                AND pronamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = to_regclass('{LOG}'))
                AND (tgtype & 1 = 1 OR tgtype & 32 = 32 OR NOT by_row)), 0) AS noted
        FROM reached JOIN pg_catalog.pg_class ON pg_class.oid = id AND class = 'pg_catalog.pg_class'::regclass
        CROSS JOIN LATERAL (SELECT relkind = 'p' OR relispartition
            OR EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE pg_class.oid IN (inhparent, inhrelid))
            OR EXISTS (SELECT FROM pg_catalog.pg_subscription_rel WHERE srrelid = pg_class.oid)) AS place (by_row)
    )
    SELECT CASE relkind
        WHEN 'm' THEN 'the materialized view ' || name || ' is refreshed without a trigger'
        WHEN 'f' THEN 'the foreign table ' || name || ' changes elsewhere'
        WHEN 'v' THEN 'the view ' || name || ' turns on the time or on settings'
        ELSE 'changes of ' || name || ' are not logged' END
    FROM tables
    WHERE relkind IN ('m', 'f') OR relkind IN ('r', 'p') AND noted & 60 <> 60
        OR relkind = 'v' AND pg_get_viewdef(id) ~* '{{turning}}'
    UNION ALL
    SELECT 'what the function ' || pg_proc.oid::regprocedure || ' reads may change without a trigger'
    FROM reached JOIN pg_catalog.pg_proc ON pg_proc.oid = id AND class = 'pg_catalog.pg_proc'::regclass
    JOIN pg_catalog.pg_language ON pg_language.oid = prolang AND lanname NOT IN ('internal', 'c')
    ORDER BY 1""".replace(  # noqa: S608  # our own names
    "{turning}",
    r"\m(now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|current_setting)\(|"
    r"\m(current_(date|time|timestamp|user|role)|localtime|localtimestamp|session_user)\M",
)
"""A statement: a sentence for each thing that changes without a row in the log."""
