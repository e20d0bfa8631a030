"""Reads a part of what is stored, of one snapshot: the rows of one tenant, or those near to what a decision sought."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, Connection, Engine, Table, or_, select

from neo_routing import Rows, Tenant
from neo_routing.content import part_of_content
from neo_routing.near_rows import folded_tenant_id
from neo_routing.nearest_miss import IdsSought
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants
from neo_routing_adapters.sql.tables.directory_export import LISTS, model_rows
from neo_routing_adapters.sql.tables.row_security import require_all_rows
from neo_routing_adapters.sql.tables.transactions import reading, streamed

_Conditions: TypeAlias = Mapping[Table, ColumnElement[bool]]


def stored_of_tenant(engine: Engine, tenant_id: str) -> Rows:
    """Return the rows that a tenant owns, and itself.

    Raises `IllFormedRow`, `RowsHidden`, and the errors of SQLAlchemy and of the driver.
    """
    with reading(engine) as connection:
        require_all_rows(connection)
        return part_of_content(
            _rows(
                connection,
                {
                    tenants: tenants.c.id == tenant_id,
                    agents: agents.c.tenant_id == tenant_id,
                    channels: channels.c.tenant_id == tenant_id,
                    end_companies: end_companies.c.tenant_id == tenant_id,
                },
            )
        )


def stored_near(engine: Engine, sought: IdsSought) -> Rows:
    """Return the rows among which the nearest misses of a decision are.

    They are those of the tenants, the channels with the bots, and what is installed for, or linked to, the M365
    tenants; if one of the tenants is not there, those that are spelled alike as well, for which every tenant's id is
    read. Raises as `stored_of_tenant` does.
    """
    with reading(engine) as connection:
        require_all_rows(connection)
        return part_of_content(chain(_rows(connection, _near(sought)), _alike(connection, sought.tenant_ids)))


def _near(sought: IdsSought) -> _Conditions:
    installed = select(installations.c.channel_id).where(installations.c.m365_tenant_id.in_(sought.m365_tenant_ids))
    linked = select(links.c.end_company_id).where(links.c.m365_tenant_id.in_(sought.m365_tenant_ids))
    return {
        tenants: tenants.c.id.in_(sought.tenant_ids),
        agents: agents.c.tenant_id.in_(sought.tenant_ids),
        channels: or_(channels.c.bot_id.in_(sought.bot_ids), channels.c.id.in_(installed)),
        end_companies: or_(end_companies.c.tenant_id.in_(sought.tenant_ids), end_companies.c.id.in_(linked)),
    }


def _rows(connection: Connection, conditions: _Conditions) -> Iterator[Any]:
    for one in LISTS.values():
        yield from model_rows(one, connection, conditions[one.table])


def _alike(connection: Connection, tenant_ids: frozenset[str]) -> Iterator[Tenant]:
    there = {each for (each,) in connection.execute(select(tenants.c.id).where(tenants.c.id.in_(tenant_ids)))}
    wanted = {folded_tenant_id(each) for each in tenant_ids - there}
    if wanted:
        for (each,) in streamed(connection, select(tenants.c.id)):
            if folded_tenant_id(each) in wanted:
                yield Tenant(id=each)
