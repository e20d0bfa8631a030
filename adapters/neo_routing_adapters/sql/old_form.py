"""How our tables are told in which ids may stand in a form that nobody looks for any more: an old one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

_OLD_CHECKS: Final = {
    "routing_channel": "ck_routing_channel_bot_id",
    "routing_channel_installation": "ck_routing_channel_installation_m365_tenant_id",
    "routing_end_company_link": "ck_routing_end_company_link_m365_tenant_id",
}


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


IN_AN_OLD_FORM: Final[Mapping[str, str]] = {
    "postgresql": f"""
        WITH RECURSIVE beneath AS (
            SELECT to_regclass(relation)::oid AS oid FROM unnest(ARRAY[{_quoted(_OLD_CHECKS)}]) AS relation
            UNION
            SELECT refobjid FROM beneath
            JOIN pg_catalog.pg_rewrite ON ev_class = beneath.oid
            JOIN pg_catalog.pg_depend ON classid = 'pg_catalog.pg_rewrite'::regclass AND objid = pg_rewrite.oid
            WHERE refclassid = 'pg_catalog.pg_class'::regclass
        )
        SELECT EXISTS (
            SELECT FROM beneath JOIN pg_catalog.pg_constraint ON conrelid = beneath.oid
            WHERE conname IN ({_quoted(_OLD_CHECKS.values())})
        )""",  # noqa: S608  # our own names
    "sqlite": f"""
        SELECT EXISTS (
            SELECT 1 FROM sqlite_master AS made JOIN sqlite_master AS relation
                ON relation.name = made.name OR relation.type = 'view' AND instr(relation.sql, made.name)
            WHERE made.type = 'table' AND relation.name IN ({_quoted(_OLD_CHECKS)})
                AND ({" OR ".join(f"instr(made.sql, '{name} ')" for name in _OLD_CHECKS.values())})
        )""",  # noqa: S608  # our own names
}
"""For each dialect a query that tells whether our tables are there in the form of version 0001, behind views too.

Their ids may stand there in the normal forms of version 1 of the rules, and would not be found.
"""
