"""What decisions rest on, found in the catalogue of PostgreSQL, and which changes of it no log gets to know of."""

from __future__ import annotations

from typing import Final

from neo_routing_adapters.sql.change_log import LOG_FUNCTION
from neo_routing_adapters.sql.change_log_version import LOG
from neo_routing_adapters.sql.reached import REACHED

# Of PostgreSQL's own functions and those of extensions in C: one that is STABLE may turn on a setting like DateStyle,
# which a follower's session keeps. Without arguments there is nothing else that it could turn on, and some with
# arguments look at the time, at settings, roles or the catalogue all the same.
_TURNING: Final = """provolatile = 'v' OR provolatile = 's' AND (pronargs = 0
    OR proname IN ('age', 'current_schemas', 'current_setting') OR proname ~ '^(has|pg)_|_to_xml')"""

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
        FROM (SELECT DISTINCT id FROM reached WHERE class = 'pg_catalog.pg_class'::regclass) AS relations
        JOIN pg_catalog.pg_class ON pg_class.oid = id
        CROSS JOIN LATERAL (SELECT relkind = 'p' OR relispartition
            OR EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE pg_class.oid IN (inhparent, inhrelid))
            OR EXISTS (SELECT FROM pg_catalog.pg_subscription_rel WHERE srrelid = pg_class.oid)) AS place (by_row)
    )
    SELECT CASE relkind
        WHEN 'm' THEN 'the materialized view ' || name || ' is refreshed without a trigger'
        WHEN 'f' THEN 'the foreign table ' || name || ' changes elsewhere'
        WHEN 'v' THEN 'the view ' || name || ' turns on the time, on settings or on chance'
        ELSE 'changes of ' || name || ' are not logged' END
    FROM tables
    WHERE relkind NOT IN ('r', 'p', 'v') OR relkind IN ('r', 'p') AND noted & 60 <> 60
        OR relkind = 'v' AND EXISTS (
            SELECT FROM pg_catalog.pg_rewrite
            WHERE ev_class = id AND ev_action::text ~ '(SQLVALUEFUNCTION|TABLESAMPLECLAUSE) ')
    UNION
    SELECT CASE WHEN is_known
        THEN relation || ' turns on the time, on settings or on chance: it calls ' || pg_proc.oid::regprocedure
        ELSE 'what the function ' || pg_proc.oid::regprocedure || ' reads may change without a trigger' END
    FROM reached JOIN pg_catalog.pg_proc ON pg_proc.oid = id AND class = 'pg_catalog.pg_proc'::regclass
    JOIN pg_catalog.pg_language ON pg_language.oid = prolang
    CROSS JOIN LATERAL (
        SELECT lanname IN ('internal', 'c') OR pronamespace = 'pg_catalog'::regnamespace) AS place (is_known)
    WHERE NOT is_known OR {_TURNING}
    ORDER BY 1"""  # noqa: S608  # our own names
"""A statement: a sentence for each thing that changes without a row in the log."""
