"""The change log: what says, transaction by transaction, which part of the directory has changed.

On PostgreSQL alone, and only where somebody follows the directory: `neo-routing db follow install` makes it. Triggers
write a row for each tenant, agent, channel and end-company that a statement touches, or one that says "everything".
Whoever has read the directory at one snapshot finds in it what has become visible since: rows of transactions that
this snapshot did not see. A sequence would not do: whoever draws the lower number may commit later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from neo_routing.names import Name
from neo_routing_adapters.sql.change_log_version import LOG, VERSION_TABLE, require_no_other, stamp
from neo_routing_adapters.sql.triggers import function_made, trigger_made


class Changed(Name):
    """What a row of the log says has changed."""

    TENANT = "tenant"
    AGENT = "agent"
    CHANNEL = "channel"
    """Itself, or its installations."""
    END_COMPANY = "end_company"
    """Itself, or its links."""
    EVERYTHING = "everything"


PRUNED: Final = "routing_change_pruned"
"""The table whose one row holds the highest transaction that was removed from the log."""
TABLES: Final = (LOG, PRUNED, VERSION_TABLE)

LOG_FUNCTION: Final = "routing_log_change"
"""With this the names of the functions begin that triggers call."""
NOTE_PRUNED: Final = "routing_note_pruned"
"""The trigger of the log itself, and its function."""
PRUNE_FUNCTION: Final = "routing_prune_changes"
CHANNEL_OF_NOTICES: Final = "routing_change"
"""The channel of NOTIFY on which each transaction that has logged something tells that it has committed."""

MOST_LOGGED: Final = 10_000
"""A statement that touches more than so many, or a transaction that does by row, is logged as "everything"."""

KEPT: Final = "1 hour"
"""How long a row of the log is kept at the least; whoever was away for longer reads the directory anew."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS {schema}.routing_change (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    sort text NOT NULL,
    id text,
    logged_at timestamptz NOT NULL DEFAULT statement_timestamp());
CREATE INDEX IF NOT EXISTS ix_routing_change_xid ON {schema}.routing_change (xid);
CREATE INDEX IF NOT EXISTS ix_routing_change_everything ON {schema}.routing_change (xid) WHERE sort = 'everything';
CREATE INDEX IF NOT EXISTS ix_routing_change_logged_at ON {schema}.routing_change (logged_at);
CREATE TABLE IF NOT EXISTS {schema}.routing_change_pruned (xid xid8 NOT NULL);
INSERT INTO {schema}.routing_change_pruned SELECT '0' WHERE NOT EXISTS (SELECT FROM {schema}.routing_change_pruned)"""
# Whoever removes rows, a host with DELETE too, has it noted. A number from elsewhere, which came with a dump, is none
# that a transaction here has had; it counts for nothing.
_NOTE_PRUNED: Final = """
BEGIN
    UPDATE {schema}.routing_change_pruned AS pruned SET xid = highest
    FROM (
        SELECT xid AS highest FROM removed
        WHERE xid < pg_snapshot_xmax(pg_current_snapshot()) OR xid = pg_current_xact_id()
        ORDER BY xid DESC LIMIT 1) AS found
    WHERE pruned.xid < highest OR pruned.xid > pg_current_xact_id();
    RETURN NULL;
END
"""
# Nobody's snapshot lacks a transaction that ended before the oldest one now running.
_PRUNE: Final = """
    WITH removed AS (
        DELETE FROM {schema}.routing_change
        WHERE logged_at < statement_timestamp() - interval '{kept}'
            AND (xid < pg_snapshot_xmin(pg_current_snapshot()) OR xid >= pg_snapshot_xmax(pg_current_snapshot()))
            AND pg_try_advisory_xact_lock(tableoid::bigint)
        RETURNING xid)
    SELECT count(*) FROM removed
"""


def log_statements(schema: str) -> Iterator[str]:
    """Yield what makes the log in a quoted schema, with its version, unless there is one of another version."""
    yield require_no_other(schema)
    yield from _TABLES.format(schema=schema).strip().split(";\n")
    noting = f"{schema}.{NOTE_PRUNED}"
    yield function_made(noting, _NOTE_PRUNED.format(schema=schema))
    event = f"DELETE ON {schema}.{LOG} REFERENCING OLD TABLE AS removed FOR EACH STATEMENT"
    yield from trigger_made(NOTE_PRUNED, f"{schema}.{LOG}", event, noting)
    pruning = _PRUNE.format(schema=schema, kept=KEPT)
    yield function_made(f"{schema}.{PRUNE_FUNCTION}", pruning, sort="RETURNS bigint LANGUAGE sql")
    yield from stamp(schema)


def drop_statements(schema: str, functions: Iterable[str]) -> Iterator[str]:
    """Yield what drops all that any version has made: the functions take their triggers with them."""
    for function in functions:
        yield f"DROP FUNCTION {schema}.{function}() CASCADE"
    yield f"DROP TABLE IF EXISTS {', '.join(f'{schema}.{table}' for table in TABLES)}"
    yield f"DROP FUNCTION IF EXISTS {schema}.{PRUNE_FUNCTION}(), {schema}.{NOTE_PRUNED}()"
