"""What a directory holds: tenants, their agents and channels, and their end-companies.

A value that makes no sense can't be built: the constructors raise `ValueError`. Values that clash with
each other can: real directories hold them, and the clauses say what follows.
Bot ids and M365 tenant ids are kept in normal form, whatever spelling came in.
"""

from __future__ import annotations

from typing import Final

from attrs import Factory, field, frozen

from neo_routing import well_formed
from neo_routing.complaints import naming_its_fields
from neo_routing.names import Name


class AgentKind(Name):
    """What an agent does: it talks with people, or something triggers it. The latter cannot hold a session."""

    CONVERSATIONAL = "CONVERSATIONAL"
    TRIGGERED = "TRIGGERED"


class ManagedAgentKey(Name):
    """The name of a part that an agent plays for its tenant, the same at every tenant."""

    NEO_SUPPORT = "NEO_SUPPORT"


class ChannelStatus(Name):
    """Whether anything is routed to a channel: `DISCONNECTED` is paused."""

    ACTIVE = "ACTIVE"
    DISCONNECTED = "DISCONNECTED"


AGENT_KINDS: Final = well_formed.members_of(AgentKind)
MANAGED_AGENT_KEYS: Final = well_formed.members_of(ManagedAgentKey)
CHANNEL_STATUSES: Final = well_formed.members_of(ChannelStatus)


def _agent_kind(value: AgentKind) -> AgentKind:
    return well_formed.member(value, AGENT_KINDS)


def managed_agent_key(value: ManagedAgentKey | str) -> ManagedAgentKey:
    """Accept a managed key, or the text that names one."""
    return well_formed.member(value, MANAGED_AGENT_KEYS)


def _optional_managed_agent_key(value: ManagedAgentKey | None) -> ManagedAgentKey | None:
    return None if value is None else managed_agent_key(value)


def _channel_status(value: ChannelStatus) -> ChannelStatus:
    return well_formed.member(value, CHANNEL_STATUSES)


def _optional_boolean(value: bool | None) -> bool | None:
    return None if value is None else well_formed.boolean(value)


EACH: Final = "each"
"""Under this name, the metadata of a field that is a collection holds the converter of one item."""

_M365_TENANT_IDS: Final = {EACH: well_formed.m365_tenant_id}


@frozen(kw_only=True, field_transformer=naming_its_fields)
class Tenant:
    """A managed service provider, or another customer of the platform.

    >>> Tenant(id="msp-a").name
    'msp-a'
    """

    id: str = field(converter=well_formed.identifier)
    name: str = field(default=Factory(lambda row: row.id, takes_self=True), converter=well_formed.text)


@frozen(kw_only=True, field_transformer=naming_its_fields)
class Agent:
    """An agent of one tenant, perhaps the one that carries a managed key there.

    >>> Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL).managed_key is None
    True
    """

    id: int = field(converter=well_formed.agent_id)
    tenant_id: str = field(converter=well_formed.identifier)
    name: str = field(default=Factory(lambda row: str(row.id), takes_self=True), converter=well_formed.text)
    kind: AgentKind = field(converter=_agent_kind)
    managed_key: ManagedAgentKey | None = field(default=None, converter=_optional_managed_agent_key)


@frozen(kw_only=True, field_transformer=naming_its_fields)
class Channel:
    """A binding of one agent to a bot, by the tenant that owns both.

    >>> Channel(id="ch-1", tenant_id="msp-a", agent_id=12, bot_id="28:HelpDesk").bot_id
    'helpdesk'
    """

    id: str = field(converter=well_formed.identifier)
    tenant_id: str = field(converter=well_formed.identifier)
    agent_id: int = field(converter=well_formed.agent_id)
    bot_id: str = field(converter=well_formed.bot_id)
    status: ChannelStatus = field(default=ChannelStatus.ACTIVE, converter=_channel_status)
    white_label: bool = field(default=False, converter=well_formed.boolean)
    installed_m365_tenant_ids: frozenset[str] = field(
        default=frozenset(), converter=well_formed.m365_tenant_ids, metadata=_M365_TENANT_IDS
    )
    show_agent_progress_steps: bool | None = field(default=None, converter=_optional_boolean)


@frozen(kw_only=True, field_transformer=naming_its_fields)
class EndCompany:
    """A client company of a tenant, and the M365 tenants that the tenant has linked it to.

    >>> sorted(EndCompany(id="co-1", tenant_id="msp-a", m365_tenant_ids=["B", "b", "a"]).m365_tenant_ids)
    ['a', 'b']
    """

    id: str = field(converter=well_formed.identifier)
    tenant_id: str = field(converter=well_formed.identifier)
    name: str = field(default=Factory(lambda row: row.id, takes_self=True), converter=well_formed.text)
    m365_tenant_ids: frozenset[str] = field(
        default=frozenset(), converter=well_formed.m365_tenant_ids, metadata=_M365_TENANT_IDS
    )
