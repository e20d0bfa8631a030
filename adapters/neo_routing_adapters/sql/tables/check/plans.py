"""Finds look-ups that no index serves, by the plan for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Final, TypeAlias

from sqlalchemy import Column, Connection

from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants
from neo_routing_adapters.sql.tables.check.look_ups import LookUp
from neo_routing_adapters.sql.tables.check.postgresql_plans import tables_read_on_postgresql
from neo_routing_adapters.sql.tables.check.sqlite_plans import tables_read_on_sqlite
from neo_routing_adapters.sql.tables.findings import Finding, Severity

TablesRead: TypeAlias = Callable[[LookUp], Iterable[str]]
"""Tells which tables a look-up would read from end to end, however many rows they come to have."""

_LOOK_UPS: Final = (
    LookUp((tenants.c.id,)),
    LookUp((agents.c.id,)),
    LookUp((agents.c.tenant_id, agents.c.managed_key)),
    LookUp((channels.c.id,)),
    LookUp((channels.c.tenant_id, channels.c.bot_id)),
    LookUp((channels.c.bot_id, channels.c.white_label), for_the_last=True),
    LookUp((installations.c.m365_tenant_id,)),
    LookUp((end_companies.c.id,)),
    LookUp((links.c.m365_tenant_id,)),
)


def plan_findings(connection: Connection) -> Iterator[Finding]:
    """Yield an error for each look-up of the statements that would read a table from end to end.

    Each is asked for by itself, because in a statement one look-up can hide that another has no index, and of small
    tables a planner may rightly read all.
    """
    with _tables_read(connection) as tables_read:
        for look_up in _LOOK_UPS:
            for table in dict.fromkeys(tables_read(look_up)):
                complaint = f"no index serves a look-up by {_named(look_up.keys)}: it reads all of {table}"
                yield Finding(Severity.ERROR, look_up.keys[0].table.name, (), complaint)


def _tables_read(connection: Connection) -> AbstractContextManager[TablesRead]:
    if connection.dialect.name == "postgresql":
        return tables_read_on_postgresql(connection)
    return tables_read_on_sqlite(connection)


def _named(keys: tuple[Column[Any], ...]) -> str:
    return " and ".join(key.name for key in keys)
