"""The tables that decisions on PostgreSQL rest on, a host's beneath its views too, and whether their changes wait.

A change waits at its commit for sessions that were decided before it, if the table has the triggers of
`directory_lock`. Without them nobody promises that no session is kept on a state that is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen
from sqlalchemy import Connection, text

from neo_routing_adapters.sql.directory_lock import (
    COLUMNS_THAT_MATTER,
    REVISION,
    Trigger,
    lock_statements,
    table_statements,
)
from neo_routing_adapters.sql.schema import RELATIONS
from neo_routing_adapters.sql.tables.our_tables import CannotAdminister
from neo_routing_adapters.sql.triggers import SCHEMA_OF_RELATIONS

# From a view to what its query names, and from a table to its partitions and other children, whose own changes fire
# none of its triggers. What PostgreSQL itself brings is not in pg_depend, and C and its own functions read no tables.
_REACHED: Final = text("""
    WITH RECURSIVE reached (relation, class, id) AS (
        SELECT relation, 'pg_class'::regclass::oid, to_regclass(relation)::oid
        FROM unnest(CAST(:relations AS text[])) AS relation
        UNION
        SELECT relation, following.class, following.id FROM reached CROSS JOIN LATERAL (
            SELECT refclassid, refobjid FROM pg_rewrite
            JOIN pg_class ON pg_class.oid = ev_class AND relkind = 'v'
            JOIN pg_depend ON classid = 'pg_rewrite'::regclass AND objid = pg_rewrite.oid
            WHERE ev_class = reached.id AND ev_type = '1' AND refobjid <> reached.id
                AND refclassid IN ('pg_class'::regclass, 'pg_proc'::regclass)
            UNION ALL
            SELECT 'pg_class'::regclass, inhrelid FROM pg_inherits WHERE inhparent = reached.id
        ) AS following (class, id)
        WHERE reached.class = 'pg_class'::regclass)
    SELECT min(relation), id::bigint, min(relkind::text), id::regclass::text,
        quote_ident(nspname) || '.' || quote_ident(relname),
        bool_and(id = to_regclass(relation)),
        EXISTS (SELECT FROM pg_trigger WHERE tgrelid = id AND NOT tgisinternal AND tgtype & 19 = 19),
        EXISTS (SELECT FROM pg_subscription_rel WHERE srrelid = id)
    FROM reached
    JOIN pg_class ON pg_class.oid = id AND class = 'pg_class'::regclass AND relkind IN ('r', 'p', 'm')
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    GROUP BY id, nspname, relname
    UNION ALL
    SELECT min(relation), id::bigint, 'function', id::regprocedure::text, '', false, false, false FROM reached
    JOIN pg_proc ON pg_proc.oid = id AND class = 'pg_proc'::regclass
    JOIN pg_language ON pg_language.oid = prolang AND lanname NOT IN ('internal', 'c')
    GROUP BY id
    ORDER BY 1, 4""")
_TRIGGERS: Final = text("""
    SELECT tgtype, COALESCE((
        SELECT array_agg(attname::text) FROM pg_attribute
        WHERE attrelid = tgrelid AND attnum = ANY (tgattr::smallint[])), ARRAY[]::text[])
    FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
    WHERE tgrelid = :table AND tgenabled IN ('O', 'A') AND proname = :function
        AND pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('routing_tenant'))""")
_REVISION: Final = text("""
    SELECT oid::bigint FROM pg_class WHERE relname = :name
        AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = to_regclass('routing_tenant'))""")
_ROW, _INSERT, _DELETE, _UPDATE, _TRUNCATE = 1, 4, 8, 16, 32


class NoTriggersThere(CannotAdminister):
    """A database has no triggers of this sort, and needs none."""

    def __init__(self) -> None:
        super().__init__("SQLite needs no triggers: there a session is decided in a transaction that keeps writers out")


@frozen(kw_only=True)
class WatchedTable:
    """A table, or whatever else rows come from, whose changes should wait."""

    relation: str
    """A relation that it is read for."""
    id: int
    """The oid: a role may read by a view what it cannot name."""
    kind: str
    """As `relkind` has it, or `function`."""
    name: str
    quoted: str
    columns: Sequence[str]
    """Those that matter; without any, all of them do."""
    is_subscribed: bool
    """Whether changes come by logical replication, which fires no triggers of statements."""

    @property
    def unwatchable(self) -> str | None:
        """Why no trigger helps, or nothing."""
        if self.kind == "m":
            return f"the materialized view {self.name} is refreshed without waiting for sessions"
        if self.kind == "function":
            return f"what the function {self.name} reads may change without waiting for sessions"
        if self.is_subscribed:
            return f"changes of {self.name} come by logical replication, and do not wait for sessions"
        return None


def watched_tables(connection: Connection) -> Iterator[WatchedTable]:
    """Yield all that decisions rest on, on PostgreSQL."""
    found = connection.execute(_REACHED, {"relations": [*RELATIONS]})
    for relation, oid, kind, name, quoted, is_relation, may_change_more, is_subscribed in found:
        # Of a view nobody knows all columns that it reads: whole rows stand in no catalogue.
        columns = COLUMNS_THAT_MATTER[relation] if is_relation and not may_change_more else ()
        yield WatchedTable(
            relation=relation, id=oid, kind=kind, name=name, quoted=quoted, columns=columns, is_subscribed=is_subscribed
        )


def is_noted(connection: Connection, table: WatchedTable) -> bool:
    """Tell whether each change of a table is noted."""
    noted = 0
    for sort, columns in connection.execute(_TRIGGERS, {"table": table.id, "function": Trigger.NOTE_CHANGE}):
        whole = not columns or (table.columns and set(table.columns) <= set(columns))
        noted |= 0 if sort & _ROW else sort if whole else sort & ~_UPDATE
    wanted = _INSERT | _DELETE | _UPDATE | _TRUNCATE
    return noted & wanted == wanted


def has_lock(connection: Connection) -> bool:
    """Tell whether what is noted takes the lock."""
    place = {"table": connection.scalar(_REVISION, {"name": REVISION}), "function": Trigger.KEEP_SESSIONS_OUT}
    return any(sort & _ROW and sort & _INSERT for sort, _ in connection.execute(_TRIGGERS, place))


def trigger_script(connection: Connection) -> str:
    """Return the SQL that makes all triggers, in our tables or in a host's; it may be run again.

    Raises `NoTriggersThere` on SQLite.
    """
    if connection.dialect.name != "postgresql":
        raise NoTriggersThere
    schema = str(connection.scalar(text(SCHEMA_OF_RELATIONS)))
    statements, remarks = [*lock_statements(schema)], []
    for table in watched_tables(connection):
        if table.unwatchable:
            remarks.append(f"-- {table.unwatchable}\n")
        if table.kind in {"r", "p"}:
            statements += table_statements(schema, table.quoted, table.columns)
    return "".join([*remarks, "BEGIN;\n", *(f"{statement};\n" for statement in statements), "COMMIT;\n"])
