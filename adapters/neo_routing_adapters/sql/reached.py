"""What stands behind the relations on PostgreSQL, whether they are tables or a host's views: found in the catalogue.

The catalogue notes no dependency on what PostgreSQL itself brings, so that is read from what is stored of a query. From
there it leads on: by an operator to its function, by a type to what reads its values and what a domain demands, by an
aggregate to what it is made of, by a table to its partitions and other children. A materialized view is stored rows.
Before version 14 no function has a body that is stored as a query, nor is there the column for it.
"""

from __future__ import annotations

from typing import Final

from neo_routing_adapters.sql.schema import RELATIONS

_RELATIONS: Final = ", ".join(f"'{relation}'" for relation in RELATIONS)

REACHED: Final = f"""
    WITH RECURSIVE reached (relation, class, id) AS (
        SELECT relation, 'pg_class'::regclass::oid, to_regclass(relation)::oid
        FROM unnest(ARRAY[{_RELATIONS}]) AS relation
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
        ) AS following (class, id))"""  # noqa: S608  # our own names
"""A CTE: for each relation the oids of all that stands behind it, each with the catalogue that has it."""
