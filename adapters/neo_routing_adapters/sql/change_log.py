"""The change log: what says, transaction by transaction, which part of the directory has changed.

On PostgreSQL alone, and only where somebody follows the directory: `neo-routing db follow install` makes it. Triggers
write a row for each tenant, agent, channel and end-company that a statement touches, or one that says "everything".
Whoever has read the directory at one snapshot finds in it what has become visible since: rows of transactions that
this snapshot did not see. A sequence would not do: whoever draws the lower number may commit later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from neo_routing.names import Name


class Changed(Name):
    """What a row of the log says has changed."""

    TENANT = "tenant"
    AGENT = "agent"
    CHANNEL = "channel"
    """Itself, or its installations."""
    END_COMPANY = "end_company"
    """Itself, or its links."""
    EVERYTHING = "everything"


LOG: Final = "routing_change"
PRUNED: Final = "routing_change_pruned"
"""The table whose one row holds the highest transaction that was removed from the log."""

LOG_FUNCTION: Final = "routing_log_change"
"""With this the names of the functions begin that triggers call."""
PRUNE_FUNCTION: Final = "routing_prune_changes"
CHANNEL_OF_NOTICES: Final = "routing_change"
"""The channel of NOTIFY on which each transaction that has logged something tells that it has committed."""

MOST_LOGGED: Final = 10_000
"""A statement that touches more than so many is logged as "everything"."""

KEPT: Final = "1 hour"
"""How long a row of the log is kept at the least; whoever was away for longer reads the directory anew."""

KEYS: Final[Mapping[str, str]] = {
    "routing_tenant": "SELECT 'tenant', id FROM changed",
    "routing_agent": "SELECT 'agent', id FROM changed",
    "routing_channel": "SELECT 'channel', id FROM changed",
    "routing_channel_installation": "SELECT 'channel', channel_id FROM changed",
    "routing_end_company": "SELECT 'end_company', id FROM changed",
    "routing_end_company_link": "SELECT 'end_company', end_company_id FROM changed",
}
"""For each of our tables a query that says what its rows are part of."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS {schema}.routing_change (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    sort text NOT NULL,
    id text,
    logged_at timestamptz NOT NULL DEFAULT statement_timestamp());
CREATE INDEX IF NOT EXISTS ix_routing_change_xid ON {schema}.routing_change (xid);
CREATE INDEX IF NOT EXISTS ix_routing_change_logged_at ON {schema}.routing_change (logged_at);
CREATE TABLE IF NOT EXISTS {schema}.routing_change_pruned (xid xid8 NOT NULL);
INSERT INTO {schema}.routing_change_pruned SELECT '0' WHERE NOT EXISTS (SELECT FROM {schema}.routing_change_pruned)"""
_FUNCTION: Final = """
CREATE OR REPLACE FUNCTION {schema}.{function}() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $routing$
DECLARE
    logged bigint := 0;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        logged := {most} + 1;
    {branches}
    END IF;
    IF logged > {most} THEN
        INSERT INTO {schema}.routing_change (sort) VALUES ('everything');
    END IF;
    PERFORM pg_notify('routing_change', '');
    RETURN NULL;
END
$routing$"""
# Each by itself, so that the server plans it once for a session: half of what a small write costs is this trigger.
_BRANCH: Final = """ELSIF {condition} THEN
        INSERT INTO {schema}.routing_change (sort, id)
        WITH changed AS ({changed}), keys (sort, id) AS ({keys})
        SELECT DISTINCT sort::text, id::text FROM keys WHERE id IS NOT NULL LIMIT {most} + 1;
        GET DIAGNOSTICS logged = ROW_COUNT;"""
_CHANGED: Final[Mapping[str, str]] = {
    "TG_LEVEL = 'ROW'": "SELECT OLD.* WHERE TG_OP <> 'INSERT' UNION ALL SELECT NEW.* WHERE TG_OP <> 'DELETE'",
    "TG_OP = 'INSERT'": "SELECT * FROM after",
    "TG_OP = 'UPDATE'": "SELECT * FROM before UNION ALL SELECT * FROM after",
    "TG_OP = 'DELETE'": "SELECT * FROM before",
}
# Nobody's snapshot lacks a transaction that ended before the oldest one now running.
_PRUNE: Final = """
CREATE OR REPLACE FUNCTION {schema}.routing_prune_changes() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH removed AS (
        DELETE FROM {schema}.routing_change
        WHERE logged_at < statement_timestamp() - interval '{kept}'
            AND xid < pg_snapshot_xmin(pg_current_snapshot())
            AND pg_try_advisory_xact_lock('{schema}.routing_change'::regclass::bigint)
        RETURNING xid),
    noted AS (
        UPDATE {schema}.routing_change_pruned SET xid = highest
        FROM (SELECT xid AS highest FROM removed ORDER BY xid DESC LIMIT 1) AS found WHERE xid < highest)
    SELECT count(*) FROM removed
$$"""


_BY_ROW: Final = "routing_log_row"
_TRUNCATED: Final = "routing_log_truncate"
_BY_STATEMENT: Final = ("routing_log_insert", "routing_log_update", "routing_log_delete")
_BEFORE, _AFTER = "OLD TABLE AS before", "NEW TABLE AS after"
_TRIGGERS: Final[Mapping[str, str]] = {
    _BY_ROW: "INSERT OR UPDATE OR DELETE ON TABLE FOR EACH ROW",
    _TRUNCATED: "TRUNCATE ON TABLE FOR EACH STATEMENT",
    "routing_log_insert": f"INSERT ON TABLE REFERENCING {_AFTER} FOR EACH STATEMENT",
    "routing_log_update": f"UPDATE ON TABLE REFERENCING {_BEFORE} {_AFTER} FOR EACH STATEMENT",
    "routing_log_delete": f"DELETE ON TABLE REFERENCING {_BEFORE} FOR EACH STATEMENT",
}


def log_statements(schema: str) -> Iterator[str]:
    """Yield what makes the log in a quoted schema, and the function that prunes it."""
    yield from _TABLES.format(schema=schema).strip().split(";\n")
    yield _PRUNE.format(schema=schema, kept=KEPT).strip()


def function_statements(schema: str, function: str, keys: str) -> Iterator[str]:
    """Yield what makes the function of a table's triggers.

    The keys are a query that selects a sort and an id from `changed`, which has rows as they were and as they are.
    """
    parts = {"schema": schema, "function": function, "most": MOST_LOGGED, "keys": keys.strip().rstrip(";")}
    branches = "\n    ".join(
        _BRANCH.format(condition=condition, changed=changed, **parts) for condition, changed in _CHANGED.items()
    )
    yield _FUNCTION.format(branches=branches, **parts).strip()
    # It runs as its owner, and casts to text what stands in a column: nobody else may put it on a table of his.
    yield f"REVOKE ALL ON FUNCTION {schema}.{function}() FROM PUBLIC"


def trigger_statements(schema: str, table: str, function: str, *, by_row: bool, is_copied: bool) -> Iterator[str]:
    """Yield what makes the triggers of a table, with quoted names: by row or by statement, and always of TRUNCATE.

    A partition has copies of its parent's triggers by row.
    """
    copied = {_BY_ROW} if is_copied else set[str]()
    for name in _TRIGGERS:
        if name not in copied:
            yield f"DROP TRIGGER IF EXISTS {name} ON {table}"
    for name in (_TRUNCATED, _BY_ROW) if by_row else (_TRUNCATED, *_BY_STATEMENT):
        if name not in copied:
            event = _TRIGGERS[name].replace("ON TABLE", f"ON {table}")
            yield f"CREATE TRIGGER {name} AFTER {event} EXECUTE FUNCTION {schema}.{function}()"
        # A session whose replication role is "replica", as bulk loads have it, changes the directory like any other.
        yield f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}"


def drop_statements(schema: str, functions: Iterable[str]) -> Iterator[str]:
    """Yield what drops all of it: the functions take their triggers with them."""
    for function in functions:
        yield f"DROP FUNCTION {schema}.{function}() CASCADE"
    yield f"DROP FUNCTION IF EXISTS {schema}.{PRUNE_FUNCTION}()"
    yield f"DROP TABLE IF EXISTS {schema}.{LOG}, {schema}.{PRUNED}"
