"""The queries for each sort of row: what they look for, by which keys, and where each column goes."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Text, cast, false, func, literal_column, null, select

from neo_routing_adapters.sql.look_up.carriers import Carrier, Query
from neo_routing_adapters.sql.look_up.keys import BOT
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants

# psycopg reads a statement anew at each call if it is longer than 4,096 characters, which takes as long as the server
# takes to answer it. So names are short here.
_tenants: Final = tenants.alias("t")
_agents: Final = agents.alias("a")
_channels: Final = channels.alias("c")
_installations: Final = installations.alias("i")
_end_companies: Final = end_companies.alias("e")
_links: Final = links.alias("l")


def tenant(tenant_id: ColumnElement[Any]) -> Query:
    """Look for the tenant itself."""
    # As its ids are text, so are all others of the union, though a host's may be of fixed length.
    return select(cast(_tenants.c.id, Text()).label("tenant_id"), tenant_id.label("id")).where(
        _tenants.c.id == tenant_id
    )


def with_tenant_if_any(marker: Query, tenant_id: ColumnElement[Any]) -> Query:
    """Give the marker, with the tenant if that is there."""
    # One row less to send and to read pays for the marker, nearly.
    always = select(literal_column("1").label("one")).subquery("x")
    found = marker.add_columns(cast(_tenants.c.id, Text()).label("tenant_id"))
    return found.select_from(always.outerjoin(_tenants, _tenants.c.id == tenant_id))


_ANY_AGENT: Final = select(
    _agents.c.tenant_id,
    _agents.c.id.label("agent_id"),
    _agents.c.name,
    _agents.c.kind.label("state"),
    _agents.c.managed_key.label("key"),
)


def agent(agent_id: ColumnElement[Any]) -> Query:
    """Look for the agent with an id, whoever owns it."""
    return _ANY_AGENT.where(_agents.c.id == agent_id)


def managed_agent(keys: Carrier, tenant_id: ColumnElement[Any], managed_key: ColumnElement[Any]) -> Query:
    """Look for a tenant's agents that carry a key."""
    managed = _ANY_AGENT.where(keys.equal(_agents.c.tenant_id, tenant_id), _agents.c.managed_key == managed_key)
    return managed.add_columns(tenant_id.label("id"))


def _first_of(query: Query) -> Query:
    return query.limit(literal_column("1")).offset(literal_column("0"))


_ANY_CHANNEL: Final = select(
    _channels.c.tenant_id,
    _channels.c.id,
    _channels.c.agent_id,
    _channels.c.status.label("state"),
    _channels.c.bot_id.label("key"),
    _channels.c.white_label,
    _channels.c.show_agent_progress_steps.label("shown"),
)


def own_channel(keys: Carrier, tenant_id: ColumnElement[Any], bot_id: ColumnElement[Any]) -> Query:
    """Look for a tenant's own channels with a bot."""
    own = _ANY_CHANNEL.where(keys.equal(_channels.c.tenant_id, tenant_id), _channels.c.bot_id == bot_id)
    return own.add_columns(tenant_id.label("name"))


def own_channel_perhaps_installed(
    keys: Carrier, tenant_id: ColumnElement[Any], bot_id: ColumnElement[Any], m365_tenant_id: ColumnElement[Any]
) -> Query:
    """Look for a tenant's own channels with a bot, each with the M365 tenant if it is installed for that."""
    installed_for = _installations.c.m365_tenant_id
    installed = select(installed_for).where(
        _channels.c.white_label, _installations.c.channel_id == _channels.c.id, installed_for == m365_tenant_id
    )
    one = _first_of(installed.correlate_except(_installations)).scalar_subquery()
    own = own_channel(keys, tenant_id, bot_id)
    return own.add_columns(m365_tenant_id.label("asked_for"), one.label("m365"))


def installed_channel(
    keys: Carrier, bot_id: ColumnElement[Any], m365_tenant_id: ColumnElement[Any], *more: ColumnElement[bool]
) -> Query:
    """Look for white-label channels of any owner with a bot that are installed for an M365 tenant."""
    joined, channel = keys.joined(
        _installations,
        _ANY_CHANNEL,
        _channels.c.id == _installations.c.channel_id,
        _by_no_index(_channels.c.bot_id) == bot_id,
        # A null, which a view may deliver, is to be found here, and to be told of.
        _by_no_index(_channels.c.white_label).is_distinct_from(false()),
        *more,
    )
    installed_for = _installations.c.m365_tenant_id
    installed = select(*channel, null().label("name"), installed_for.label("asked_for"), installed_for.label("m365"))
    return installed.select_from(joined).where(keys.equal(installed_for, m365_tenant_id))


def installed_channel_of_another(
    keys: Carrier, tenant_id: ColumnElement[Any], bot_id: ColumnElement[Any], m365_tenant_id: ColumnElement[Any]
) -> Query:
    """Look for those of them that are not the tenant's own."""
    return installed_channel(keys, bot_id, m365_tenant_id, _channels.c.tenant_id.is_distinct_from(tenant_id))


def _by_no_index(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Keep a planner from starting a join with all that have one bot, or one owner: that may be half of a table."""
    return func.coalesce(column, column)


def link(keys: Carrier, tenant_id: ColumnElement[Any], m365_tenant_id: ColumnElement[Any]) -> Query:
    """Look for the end-companies that a tenant has linked to an M365 tenant."""
    joined, company = keys.joined(
        _links,
        select(_end_companies.c.tenant_id, _end_companies.c.id, _end_companies.c.name),
        _end_companies.c.id == _links.c.end_company_id,
        _by_no_index(_end_companies.c.tenant_id) == tenant_id,
    )
    linked = select(*company, tenant_id.label("state"), _links.c.m365_tenant_id.label("m365")).select_from(joined)
    return linked.where(keys.equal(_links.c.m365_tenant_id, m365_tenant_id))


def _nearest_bot(bot_id: ColumnElement[Any]) -> Query:
    """Look for the next bot from this one on, downwards, which only an index answers; white-label channels come first.

    To ask for any channel of the bot looks simpler, but a planner may then read the whole table: if half of the
    channels have the same bot, it expects to come upon one soon, and for a bot that has none it never does.
    """
    bot, white_label = _channels.c.bot_id, _channels.c.white_label
    nearest = select(bot.label("key"), white_label).where(bot <= bot_id)
    return _first_of(nearest.order_by(bot.desc(), white_label.desc()))


def known_bot(keys: Carrier) -> Query:
    """Look whether any channel has a bot, and any white-label one."""
    [bot_id] = keys.keys(BOT)
    nearest = keys.one_row(bot_id, _nearest_bot).subquery()
    return select(nearest.c.key, nearest.c.white_label).where(nearest.c.key == nearest.c.asked_for)
