"""The statements that follow a directory on PostgreSQL: who answers, the whole, and what has changed since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import frozen

from neo_routing import RowsBuilder
from neo_routing_adapters.live.changes import add_agents, add_channels, add_end_companies, add_tenants
from neo_routing_adapters.sql.change_log import PRUNED, Changed
from neo_routing_adapters.sql.change_log_version import LOG, VERSION_TABLE
from neo_routing_adapters.sql.change_triggers import KEYS
from neo_routing_adapters.sql.reached import REACHED

Add: TypeAlias = Callable[[RowsBuilder, Iterable[Sequence[Any]]], None]


@frozen
class Sort:
    """One of the four sorts of rows: where they stand, and what is read of each."""

    relation: str
    columns: str
    add: Add
    id_type: str = "text"


_INSTALLED: Final = "ARRAY(SELECT m365_tenant_id::text FROM routing_channel_installation WHERE channel_id = one.id)"
_LINKED: Final = "ARRAY(SELECT m365_tenant_id::text FROM routing_end_company_link WHERE end_company_id = one.id)"
SORTS: Final[Mapping[Changed, Sort]] = {
    Changed.TENANT: Sort("routing_tenant", "id, name", add_tenants),
    Changed.AGENT: Sort("routing_agent", "id, tenant_id, name, kind, managed_key", add_agents, "bigint"),
    Changed.CHANNEL: Sort(
        "routing_channel",
        f"id, tenant_id, agent_id, bot_id, status, white_label, show_agent_progress_steps, {_INSTALLED}",
        add_channels,
    ),
    Changed.END_COMPANY: Sort("routing_end_company", f"id, tenant_id, name, {_LINKED}", add_end_companies),
}

MOST_CHANGES: Final = 200_000
"""If more has changed than this, the whole is read: it takes no longer then."""

# Hosts set timeouts for decisions; how long a follower waits, it knows by itself.
_SETTINGS: Final = """SET LOCAL row_security = off; SET LOCAL statement_timeout = 0;
    SET LOCAL idle_in_transaction_session_timeout = 0"""
# Before version 17 there is no such timeout, and to set it is an error.
_AS_LONG_AS_IT_TAKES: Final = "SELECT set_config(name, '0', true) FROM pg_settings WHERE name = 'transaction_timeout'"
BEGIN_LOAD: Final = f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_SETTINGS}; {_AS_LONG_AS_IT_TAKES}"
BEGIN_POLL: Final = f"BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; {_SETTINGS}"

# The rows of the catalogue that say what stands behind the names. Each change of one gives it another xmin.
_NAMED: Final = ", ".join(f"to_regclass('{relation}')::oid" for relation in KEYS)
_ROWS_OF_CATALOGUE: Final = (
    ("pg_class", "oid", "oid = ANY (%(reached)s)"),
    ("pg_trigger", "oid", "tgrelid = ANY (%(reached)s)"),
    ("pg_rewrite", "oid", "ev_class = ANY (%(reached)s)"),
    ("pg_proc", "oid", "oid IN (SELECT tgfoid FROM pg_catalog.pg_trigger WHERE tgrelid = ANY (%(reached)s))"),
    ("pg_inherits", "inhrelid", "inhparent = ANY (%(reached)s)"),
    ("pg_subscription_rel", "srrelid", "srrelid = ANY (%(reached)s)"),
)
_CATALOGUE: Final = " || ".join(
    (
        f"concat_ws(' ', {_NAMED}, (SELECT string_agg(version_num, ' ') FROM {VERSION_TABLE}))",  # noqa: S608  # as below
        *(
            f"(SELECT COALESCE(string_agg({row} || ' ' || xmin, ' ' ORDER BY {row}), '')"  # noqa: S608  # our own names
            f" FROM pg_catalog.{table} WHERE {condition})"
            for table, row, condition in _ROWS_OF_CATALOGUE
        ),
    )
)
_WHO: Final = f"""
    (SELECT system_identifier::text FROM pg_control_system()),
    (SELECT oid::bigint FROM pg_catalog.pg_database WHERE datname = current_database()),
    pg_is_in_recovery(),
    CASE WHEN pg_is_in_recovery() THEN '' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END,
    to_regclass('{LOG}')::oid::bigint,
    md5({_CATALOGUE}),
    concat_ws(' ', extract(epoch FROM pg_postmaster_start_time()),
        extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())),
    pg_current_snapshot()::text"""  # noqa: S608  # our own names

REACHED_IDS: Final = f"""{REACHED}
    SELECT array_agg(DISTINCT id) || ARRAY['{LOG}'::regclass::oid, '{PRUNED}'::regclass::oid]
    FROM reached WHERE class = 'pg_catalog.pg_class'::regclass"""  # noqa: S608  # as above
WHO: Final = f"SELECT {_WHO}"
"""Who answers, and at which snapshot: the values of a `Position`. It takes `reached`, the oids behind the relations."""


def load_statement(sort: Sort) -> str:
    """Return what reads all rows of a sort."""
    return f"SELECT {sort.columns} FROM {sort.relation} AS one"  # noqa: S608  # our own names


def _changed_rows(changed: Changed, sort: Sort) -> str:
    # Each by its id: a planner that knows nothing of how many there are might read the whole table.
    return f"""(
        SELECT json_agg(found) FROM (
            SELECT DISTINCT id FROM changed WHERE sort = '{changed}' AND (SELECT count(*) = 0 FROM too_much)) AS asked
        CROSS JOIN LATERAL (
            SELECT json_build_array({sort.columns}) AS found FROM {sort.relation} AS one
            WHERE one.id = asked.id::{sort.id_type} OFFSET 0) AS rows_there)"""  # noqa: S608  # our own names


# With a dump come the numbers of another server's transactions: of those nobody here has a snapshot.
_OURS: Final = "xid < pg_snapshot_xmax(pg_current_snapshot())"
POLL: Final = f"""
    WITH changed AS MATERIALIZED (
        SELECT DISTINCT sort, id FROM {LOG}
        WHERE xid >= %(next)s::xid8 AND {_OURS} OR xid = ANY (%(running)s::xid8[]) LIMIT {MOST_CHANGES} + 1),
    too_much AS MATERIALIZED (
        (SELECT 1 FROM changed WHERE sort NOT IN ({", ".join(f"'{each}'" for each in SORTS)}) LIMIT 1)
        UNION ALL (SELECT 1 FROM changed OFFSET {MOST_CHANGES}))
    SELECT {_WHO},
        (SELECT CASE WHEN {_OURS} THEN xid::text::bigint ELSE 0 END FROM {PRUNED}),
        (SELECT json_agg(json_build_array(sort, id)) FROM changed),
        {", ".join(_changed_rows(*each) for each in SORTS.items())}"""  # noqa: S608  # our own names
"""What `WHO` tells, the highest transaction pruned, what has changed, and the rows of each sort that are there."""
