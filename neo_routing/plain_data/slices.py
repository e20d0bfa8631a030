"""The rows that one decision can look at, and their keys, as plain data.

A directory document has no place for them: the owner of an agent or of a channel need not be there, and of a bot it may
be known only that somebody has a channel with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from neo_routing import well_formed
from neo_routing.complaints import IllFormed
from neo_routing.directory import AgentKind, ChannelStatus, ManagedAgentKey
from neo_routing.entities import channels_of
from neo_routing.needed import RowsNeeded
from neo_routing.plain_data.reading import Plain
from neo_routing.rows import Rows
from neo_routing.rows_builder import RowsBuilder

_KEYS: Final = ("tenant_id", "agent_id", "managed_agent_key", "bot_id", "m365_tenant_id")
_AGENT: Final = ("id", "tenant_id", "name", "kind", "managed_key")
_CHANNEL: Final = ("id", "tenant_id", "agent_id", "white_label", "show_agent_progress_steps")
_LINK: Final = ("tenant_id", "m365_tenant_id", "end_company_id", "name")


def needed_data(needed: RowsNeeded) -> dict[str, Any]:
    """Return the plain form of the keys that one decision looks for.

    >>> needed_data(("msp-a", None, ManagedAgentKey.NEO_SUPPORT, None, None))["managed_agent_key"]
    'NEO_SUPPORT'
    """
    return {name: str(key) if isinstance(key, str) else key for name, key in zip(_KEYS, needed, strict=True)}


def read_needed(plain: Plain) -> RowsNeeded:
    """Read them. Raises `IllFormed`."""
    given = plain.members(*_KEYS)
    tenant_id, agent_id, managed_agent_key, bot_id, m365_tenant_id = (given[name] for name in _KEYS)
    return (
        tenant_id.text(),
        agent_id.optional(Plain.integer),
        managed_agent_key.optional(_managed_key),
        bot_id.optional(Plain.text),
        m365_tenant_id.optional(Plain.text),
    )


def rows_data(rows: Rows) -> dict[str, list[Any]]:
    """Return the plain form of rows: tenants and bots by their ids, all else by its columns, in an order of its own.

    >>> builder = RowsBuilder()
    >>> builder.add_link("msp-a", "contoso.example", "co-1", "Contoso")
    >>> rows_data(builder.rows())["links"]
    [{'tenant_id': 'msp-a', 'm365_tenant_id': 'contoso.example', 'end_company_id': 'co-1', 'name': 'Contoso'}]
    """
    return {
        "tenants": sorted(rows.tenants),
        "agents": [*_agents(rows)],
        "channels": [*_channels(rows)],
        "links": [*_links(rows)],
        "white_label_bots": sorted(rows.white_label_bots),
        "known_bots": sorted(rows.known_bots),
    }


def read_rows(plain: Plain, *, revision: str | None) -> Rows:
    """Read rows. Raises `IllFormed`."""
    given, builder = plain.members(*_READ), RowsBuilder()
    for name, add in _READ.items():
        given[name].each(partial(_added, add, builder))
    return builder.rows(revision)


def _added(add: Callable[[RowsBuilder, Plain], None], builder: RowsBuilder, row: Plain) -> None:
    try:
        add(builder, row)
    except IllFormed:
        raise
    except ValueError:
        row.wrong("is there already, and otherwise")


def _agents(rows: Rows) -> Iterator[dict[str, Any]]:
    carried = {each: key for key, owners in rows.managed_agents.items() for ids in owners.values() for each in ids}
    owners = {
        AgentKind.CONVERSATIONAL: rows.conversational_agents,
        AgentKind.TRIGGERED: rows.triggered_agents,
    }
    for agent_id, kind in sorted((agent_id, kind) for kind, agents in owners.items() for agent_id in agents):
        key = carried.get(agent_id)
        columns = (owners[kind][agent_id], rows.agent_names.get(agent_id, str(agent_id)), str(kind), key and str(key))
        yield dict(zip(_AGENT, (agent_id, *columns), strict=True))


def _channels(rows: Rows) -> Iterator[dict[str, Any]]:
    for status, bot_id, row, m365_tenant_ids in channels_of(rows):
        yield dict(zip(_CHANNEL, row, strict=True)) | {
            "bot_id": bot_id,
            "status": str(status),
            "installed_m365_tenant_ids": sorted(m365_tenant_ids),
        }


def _links(rows: Rows) -> Iterator[dict[str, Any]]:
    for (tenant_id, m365_tenant_id), company_ids in sorted(rows.end_companies.items()):
        for company_id in sorted(company_ids):
            name = rows.end_company_names.get(company_id, company_id)
            yield dict(zip(_LINK, (tenant_id, m365_tenant_id, company_id, name), strict=True))


def _add_tenant(builder: RowsBuilder, row: Plain) -> None:
    builder.add_tenant(row.read(well_formed.identifier))


def _add_agent(builder: RowsBuilder, row: Plain) -> None:
    agent = row.members(*_AGENT)
    columns = (
        agent["id"].read(well_formed.agent_id),
        agent["tenant_id"].read(well_formed.identifier),
        agent["name"].text(),
        agent["kind"].name(AgentKind),
        agent["managed_key"].optional(_managed_key),
    )
    builder.add_agent(*columns)


def _managed_key(plain: Plain) -> ManagedAgentKey:
    return plain.name(ManagedAgentKey)


def _add_channel(builder: RowsBuilder, row: Plain) -> None:
    channel = row.members(*_CHANNEL, "bot_id", "status", "installed_m365_tenant_ids")
    columns = (
        channel["id"].text(),
        channel["tenant_id"].read(well_formed.identifier),
        channel["agent_id"].read(well_formed.agent_id),
        channel["white_label"].truth_value(),
        channel["show_agent_progress_steps"].optional(Plain.truth_value),
    )
    bot_id, status = channel["bot_id"].read(well_formed.bot_id), channel["status"].name(ChannelStatus)
    installed = channel["installed_m365_tenant_ids"].each(lambda each: each.read(well_formed.m365_tenant_id))
    builder.add_channel(columns, bot_id, status, installed)


def _add_link(builder: RowsBuilder, row: Plain) -> None:
    link = row.members(*_LINK)
    builder.add_link(
        link["tenant_id"].read(well_formed.identifier),
        link["m365_tenant_id"].read(well_formed.m365_tenant_id),
        link["end_company_id"].text(),
        link["name"].text(),
    )


def _add_white_label_bot(builder: RowsBuilder, row: Plain) -> None:
    builder.add_white_label_bot(row.read(well_formed.bot_id))


def _add_known_bot(builder: RowsBuilder, row: Plain) -> None:
    builder.add_known_bot(row.read(well_formed.bot_id))


_READ: Final[Mapping[str, Callable[[RowsBuilder, Plain], None]]] = {
    "tenants": _add_tenant,
    "agents": _add_agent,
    "channels": _add_channel,
    "links": _add_link,
    "white_label_bots": _add_white_label_bot,
    "known_bots": _add_known_bot,
}
