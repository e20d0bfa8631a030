"""What has changed between two states of a directory, and the rows that stand there now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from attrs import frozen

from neo_routing import AgentKind, ChannelStatus, ManagedAgentKey, Rows, RowsBuilder


@frozen(kw_only=True)
class Changes:
    """The ids of all that may have changed, and the rows of those that are there."""

    tenants: frozenset[str] = frozenset()
    agents: frozenset[int] = frozenset()
    channels: frozenset[str] = frozenset()
    end_companies: frozenset[str] = frozenset()
    rows: Rows

    def __bool__(self) -> bool:
        return bool(self.tenants or self.agents or self.channels or self.end_companies)


_KINDS: Final = {str(kind): kind for kind in AgentKind}
_KEYS: Final = {str(key): key for key in ManagedAgentKey}
_STATUSES: Final = {str(status): status for status in ChannelStatus}


class SenselessRow(ValueError):
    """A row of the database is nothing that a directory can hold."""


def add_tenants(builder: RowsBuilder, rows: Iterable[Sequence[Any]]) -> None:
    """Add tenants: id, name."""
    for tenant_id, name in rows:
        builder.add_tenant(tenant_id, name)


def add_agents(builder: RowsBuilder, rows: Iterable[Sequence[Any]]) -> None:
    """Add agents: id, owner, name, kind, managed key."""
    for agent_id, tenant_id, name, kind, key in rows:
        managed_key = None if key is None else _member(_KEYS, key)
        builder.add_agent(agent_id, tenant_id, name, _member(_KINDS, kind), managed_key)


def add_channels(builder: RowsBuilder, rows: Iterable[Sequence[Any]]) -> None:
    """Add channels: id, owner, agent, bot, status, whether white-label, whether steps are shown, M365 tenants."""
    for channel_id, tenant_id, agent_id, bot_id, status, white_label, shown, installed in rows:
        row = channel_id, tenant_id, agent_id, white_label, shown
        builder.add_channel(row, bot_id, _member(_STATUSES, status), installed)


def add_end_companies(builder: RowsBuilder, rows: Iterable[Sequence[Any]]) -> None:
    """Add end-companies: id, owner, name, M365 tenants."""
    for company_id, tenant_id, name, linked in rows:
        builder.add_end_company(tenant_id, company_id, name)
        for m365_tenant_id in linked:
            builder.add_link(tenant_id, m365_tenant_id, company_id, name)


def _member(members: dict[str, Any], text: object) -> Any:
    try:
        return members[text]  # type: ignore[index]  # what is no text is none of them either
    except (KeyError, TypeError):
        raise SenselessRow(f"{text!r} is none of {', '.join(members)}") from None
