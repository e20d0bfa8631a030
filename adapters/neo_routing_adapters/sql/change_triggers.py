"""The triggers that write the change log: of our tables, and of a host's.

A statement's trigger misses what is written straight into a partition or another child, and what a subscription brings:
there they are by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from neo_routing_adapters.sql.change_log import MOST_LOGGED
from neo_routing_adapters.sql.triggers import fired_always, function_made, trigger_made

KEYS: Final[Mapping[str, str]] = {
    "routing_tenant": "SELECT 'tenant', id FROM changed",
    "routing_agent": "SELECT 'agent', id FROM changed",
    "routing_channel": "SELECT 'channel', id FROM changed",
    "routing_channel_installation": "SELECT 'channel', channel_id FROM changed",
    "routing_end_company": "SELECT 'end_company', id FROM changed",
    "routing_end_company_link": "SELECT 'end_company', end_company_id FROM changed",
}
"""For each of our tables a query that says what its rows are part of."""

_FUNCTION: Final = """
DECLARE
    logged bigint := 0;
    by_row bigint := 0;
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        by_row := 1 + COALESCE(NULLIF(current_setting('neo_routing.logged_by_row', true), '')::bigint, 0);
        PERFORM set_config('neo_routing.logged_by_row', by_row::text, true);
    END IF;
    IF TG_OP = 'TRUNCATE' OR by_row > {most} THEN
        logged := {most} + 1;
    {branches}
    END IF;
    -- Anybody may set what counts the rows of a transaction: that this is in the log is seen to there.
    IF logged > {most} AND NOT (by_row > {most} AND EXISTS (
        SELECT FROM {schema}.routing_change WHERE xid = pg_current_xact_id() AND sort = 'everything')) THEN
        INSERT INTO {schema}.routing_change (sort) VALUES ('everything');
    END IF;
    PERFORM pg_notify('routing_change', '');
    RETURN NULL;
END
"""
# Each by itself, so that the server plans it once for a session: half of what a small write costs is this trigger.
_BRANCH: Final = """ELSIF {condition} THEN
        INSERT INTO {schema}.routing_change (sort, id)
        WITH changed AS ({changed}), keys (sort, id) AS ({keys})
        SELECT DISTINCT sort::text, id::text FROM keys WHERE id IS NOT NULL OR sort = 'everything' LIMIT {most} + 1;
        GET DIAGNOSTICS logged = ROW_COUNT;"""
_CHANGED: Final[Mapping[str, str]] = {
    "TG_LEVEL = 'ROW'": "SELECT OLD.* WHERE TG_OP <> 'INSERT' UNION ALL SELECT NEW.* WHERE TG_OP <> 'DELETE'",
    "TG_OP = 'INSERT'": "SELECT * FROM after",
    "TG_OP = 'UPDATE'": "SELECT * FROM before UNION ALL SELECT * FROM after",
    "TG_OP = 'DELETE'": "SELECT * FROM before",
}
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


def function_statements(schema: str, function: str, keys: str) -> Iterator[str]:
    """Yield what makes the function of a table's triggers.

    The keys are a query that selects a sort and an id from `changed`, which has rows as they were and as they are.
    """
    parts = {"schema": schema, "most": MOST_LOGGED, "keys": keys}
    branches = "\n    ".join(
        _BRANCH.format(condition=condition, changed=changed, **parts) for condition, changed in _CHANGED.items()
    )
    yield function_made(f"{schema}.{function}", _FUNCTION.format(branches=branches, **parts))
    # It runs as its owner, and casts to text what stands in a column: nobody else may put it on a table of his.
    yield f"REVOKE ALL ON FUNCTION {schema}.{function}() FROM PUBLIC"


def trigger_statements(schema: str, table: str, function: str, *, by_row: bool, is_copied: bool) -> Iterator[str]:
    """Yield what makes the triggers of a table, with quoted names: by row or by statement, and always of TRUNCATE.

    A partition has copies of its parent's triggers by row.
    """
    called, copied = f"{schema}.{function}", {_BY_ROW} if is_copied else set[str]()
    wanted = (_TRUNCATED, _BY_ROW) if by_row else (_TRUNCATED, *_BY_STATEMENT)
    for name in _TRIGGERS:
        if name not in {*wanted, *copied}:
            yield f"DROP TRIGGER IF EXISTS {name} ON {table}"
    for name in wanted:
        event = _TRIGGERS[name].replace("ON TABLE", f"ON {table}")
        yield from [fired_always(name, table)] if name in copied else trigger_made(name, table, event, called)
