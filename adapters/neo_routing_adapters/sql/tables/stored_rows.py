"""Rows of the tables, as the values of the model are stored: ids in normal form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from sqlalchemy import Table

from neo_routing import Agent, Channel, EndCompany, Tenant
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants

StoredRow: TypeAlias = tuple[Any, ...]
"""The values of a row, in the order of its table's columns."""

PARENTS_FIRST: Final[tuple[Table, ...]] = (tenants, agents, channels, installations, end_companies, links)
"""The tables, each after those that it refers to."""


def tenant_row(tenant: Tenant) -> StoredRow:
    """Return the row of a tenant."""
    return tenant.id, tenant.name


def agent_row(agent: Agent) -> StoredRow:
    """Return the row of an agent."""
    managed_key = None if agent.managed_key is None else str(agent.managed_key)
    return agent.id, agent.tenant_id, agent.name, str(agent.kind), managed_key


def channel_row(one: Channel) -> StoredRow:
    """Return the row of a channel, without its installations."""
    status, show_steps = str(one.status), one.show_agent_progress_steps
    return one.id, one.tenant_id, one.agent_id, one.bot_id, status, one.white_label, show_steps


def installation_rows(channel: Channel) -> Iterator[StoredRow]:
    """Yield a row for each M365 tenant that a channel is installed for."""
    for m365_tenant_id in sorted(channel.installed_m365_tenant_ids):
        yield channel.id, m365_tenant_id, channel.bot_id, str(channel.status), channel.white_label


def end_company_row(company: EndCompany) -> StoredRow:
    """Return the row of an end-company, without its links."""
    return company.id, company.tenant_id, company.name


def link_rows(company: EndCompany) -> Iterator[StoredRow]:
    """Yield a row for each M365 tenant that an end-company is linked to."""
    for m365_tenant_id in sorted(company.m365_tenant_ids):
        yield company.id, m365_tenant_id, company.tenant_id


ROWS_OF: Final[Mapping[type, tuple[tuple[Table, Callable[[Any], Iterable[StoredRow]]], ...]]] = {
    Tenant: ((tenants, lambda one: (tenant_row(one),)),),
    Agent: ((agents, lambda one: (agent_row(one),)),),
    Channel: ((channels, lambda one: (channel_row(one),)), (installations, installation_rows)),
    EndCompany: ((end_companies, lambda one: (end_company_row(one),)), (links, link_rows)),
}
"""By the type of a row of the model: the tables that it has rows in, and how to make these."""
