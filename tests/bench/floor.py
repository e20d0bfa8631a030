"""The floor: the same decision as one hand-inlined function on plain dicts and tuples.

It gives no trace, no warnings and no messages, names a refusal by its code alone, and is written for speed only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import world

# Is it the platform, its home tenant, and agent_id, managed_agent_key, bot_id, m365_tenant_id, client_id.
Case = tuple[bool, str, Any, Any, Any, Any, Any]


class FloorDirectory:
    """Plain dicts of strings, integers and tuples; equal values are one object."""

    def __init__(self, size: int) -> None:
        one: dict[str, str] = {}
        rows: dict[tuple[str, bool], tuple[str, bool]] = {}
        self.support: dict[str, tuple[int, ...]] = {}
        self.agents: dict[int, tuple[str, bool]] = {}
        self.installed: dict[tuple[str, str], tuple[Any, ...]] = {}
        self.active: dict[tuple[str, str], tuple[Any, ...]] = {}
        self.white_label_bots: set[str] = set()
        self.companies: dict[tuple[str, str], tuple[str, ...]] = {}
        for tenant in world.tenants(size):
            self.support[one.setdefault(tenant.id, tenant.id)] = ()
        for agent in world.agents(size):
            owner = one[agent.tenant_id]
            row = (owner, agent.kind == "CONVERSATIONAL")
            self.agents[agent.id] = rows.setdefault(row, row)
            if agent.managed_key:
                self.support[owner] = (*self.support[owner], agent.id)
        for channel in world.channels(size):
            owner, bot = one[channel.tenant_id], one.setdefault(channel.bot_id, channel.bot_id)
            active = channel.status == "ACTIVE"
            row = (channel.id, owner, channel.agent_id, active, channel.white_label, channel.show_agent_progress_steps)
            if active:
                self.active[owner, bot] = (*self.active.get((owner, bot), ()), row)
            if channel.white_label:
                self.white_label_bots.add(bot)
                for m365 in channel.installed_m365_tenant_ids:
                    key = (bot, one.setdefault(m365, m365))
                    self.installed[key] = (*self.installed.get(key, ()), row)
        for company in world.end_companies(size):
            for m365 in company.m365_tenant_ids:
                key = (one[company.tenant_id], one.setdefault(m365, m365))
                self.companies[key] = (*self.companies.get(key, ()), company.id)


def floor_of(directory: FloorDirectory) -> Callable[[Case], Any]:
    """Return the function: a success is a tuple of the target's fields, a refusal its code."""
    agent_of = directory.agents.get
    support_of = directory.support.get
    installed_at = directory.installed.get
    active_of = directory.active.get
    companies_of = directory.companies.get

    def floor(case: Case) -> Any:
        platform, tenant, agent, key, bot, m365, client = case
        if not platform:
            if client is not None:
                return "client_id_forbidden"
            if agent is None:
                if key is None:
                    return "agent_selector_invalid"
                agents = support_of(tenant)
                if not agents:
                    return "managed_agent_not_found"
                if len(agents) > 1 or not agent_of(agents[0])[1]:
                    return "managed_agent_unavailable"
                return "own_tenant", tenant, agents[0], None, None, None
            if key is not None:
                return "agent_selector_invalid"
            row = agent_of(agent)
            if row is None or row[0] != tenant:
                return "agent_not_found"
            if not row[1]:
                return "agent_not_conversational"
            return "own_tenant", tenant, agent, None, None, None
        if agent is not None:
            return "agent_id_forbidden" if key is None else "agent_selector_invalid"
        if key is None:
            return "agent_selector_invalid"
        if client is not None:
            if not client or client.isspace():
                return "validation_error"
            tenant = client
        if m365 is not None and not m365:
            return "validation_error"
        if bot is not None:
            if not bot:
                return "validation_error"
            channel = None
            outcome = "white_label_channel"
            rows = None if m365 is None else installed_at((bot, m365))
            if rows is not None:
                for row in rows:
                    if row[3]:
                        if channel is not None:
                            return "channel_ambiguous"
                        channel = row
                if channel is None:
                    return "channel_not_active"
            else:
                rows = active_of((tenant, bot))
                if rows is not None:
                    if len(rows) > 1:
                        return "channel_ambiguous"
                    channel = rows[0]
                    outcome = "active_channel"
            if channel is not None:
                channel_id, owner, agent, _, white_label, progress = channel
                company = None
                if white_label:
                    if m365 is None:
                        return "end_company_not_mapped"
                    companies = companies_of((owner, m365))
                    if companies is None or len(companies) > 1:
                        return "end_company_not_mapped"
                    company = companies[0]
                row = agent_of(agent)
                if row is None or row[0] != owner or not row[1]:
                    return "channel_agent_unavailable"
                return outcome, owner, agent, channel_id, company, progress
        agents = support_of(tenant)
        if agents is None:
            return "tenant_not_found"
        if not agents:
            return "managed_agent_not_found"
        agent = agents[0]
        if len(agents) > 1 or not agent_of(agent)[1]:
            return "managed_agent_unavailable"
        if bot is not None:
            return "neo_support_fallback", tenant, agent, None, None, None
        return "own_tenant" if client is None else "platform_override", tenant, agent, None, None, None

    return floor
