"""Puts rows together, one by one, under the keys by which the clauses look for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from neo_routing import well_formed
from neo_routing.complaints import IllFormed
from neo_routing.directory import (
    AGENT_KINDS,
    CHANNEL_STATUSES,
    MANAGED_AGENT_KEYS,
    AgentKind,
    ChannelStatus,
    ManagedAgentKey,
)
from neo_routing.groups import Groups
from neo_routing.known_ids import each_once
from neo_routing.plain_text import plain_text
from neo_routing.printable import printable
from neo_routing.rows import ChannelRow, Rows

_Channels: TypeAlias = dict[tuple[str, str], tuple[ChannelRow, ...]]

# To go through an enumeration, or to ask it for a member, takes as long as to add a row: see `Name`.
_CONVERSATIONAL, _TRIGGERED = AgentKind
_ACTIVE, _DISCONNECTED = ChannelStatus
_OTHER_KIND: Final = {_CONVERSATIONAL: _TRIGGERED, _TRIGGERED: _CONVERSATIONAL}


class RowsBuilder:
    """Puts rows under the keys by which the clauses look for them.

    Rows come in any order, and one that comes twice counts once. What says otherwise of the same agent, channel or
    end-company raises `ValueError`. Bot ids and M365 tenant ids may be in any spelling, truth values may be a
    database's 0 and 1; all else must be as in the model. A part that is missing, or is not what it must be, raises
    `ValueError`, and nothing of the row is added: a row that cannot be read is not an absent one.

    >>> builder = RowsBuilder()
    >>> builder.add_tenant("msp-a")
    >>> builder.add_agent(12, "msp-a", "Help desk", AgentKind.CONVERSATIONAL, None)
    >>> builder.rows().conversational_agents[12]
    'msp-a'
    """

    def __init__(self) -> None:
        # Dicts for sets too: the garbage collector visits a set at each collection, and never a dict of plain values.
        self._tenants: dict[str, None] = {}
        self._tenant_names: dict[str, str] = {}
        self._agents: dict[AgentKind, dict[int, str]] = {_CONVERSATIONAL: {}, _TRIGGERED: {}}
        self._agent_names: dict[int, str] = {}
        self._managed_agents: dict[ManagedAgentKey, dict[str, Any]] = {key: {} for key in MANAGED_AGENT_KEYS.values()}
        self._installations: dict[ChannelStatus, _Channels] = {_ACTIVE: {}, _DISCONNECTED: {}}
        self._channels: dict[ChannelStatus, _Channels] = {_ACTIVE: {}, _DISCONNECTED: {}}
        self._white_label_bots: dict[str, None] = {}
        self._known_bots: dict[str, None] = {}
        self._end_companies: dict[tuple[str, str], tuple[str, ...]] = {}
        self._end_company_names: dict[str, str] = {}
        self._standard_installations: dict[str, tuple[str, ...]] = {}
        # What the same id must say again: rows that differ are of two snapshots, or ids that are unique only per owner.
        self._channel_rows: dict[str, tuple[ChannelStatus, str, ChannelRow]] = {}
        self._end_company_owners: dict[str, str] = {}
        # One object for each id saves half of the memory.
        self._identifier = each_once(well_formed.identifier)
        self._bot_id = each_once(well_formed.bot_id)
        self._m365_tenant_id = each_once(well_formed.m365_tenant_id)
        self._groups = Groups()

    def add_tenant(self, tenant_id: str, name: str | None = None) -> None:
        """Add a tenant; the last name that it is given is kept, and nobody decides by it."""
        tenant_id, name = self._identifier(tenant_id), None if name is None else plain_text(name)
        self._tenants[tenant_id] = None
        if name is not None:
            _name(self._tenant_names, tenant_id, name)

    def add_agent(
        self, agent_id: int, tenant_id: str, name: str, kind: AgentKind, managed_key: ManagedAgentKey | None
    ) -> None:
        """Add an agent. Raises `ValueError` if it is there already, and otherwise.

        It may come again with its key, or without one: whoever looked for it by its id need not know.
        """
        kind, agent_id, name = well_formed.member(kind, AGENT_KINDS), well_formed.agent_id(agent_id), plain_text(name)
        key = None if managed_key is None else well_formed.member(managed_key, MANAGED_AGENT_KEYS)
        owner_id = self._identifier(tenant_id)
        known = self._agents[kind].get(agent_id)
        is_another = known is not None and (known, self._agent_names.get(agent_id, str(agent_id))) != (owner_id, name)
        if is_another or agent_id in self._agents[_OTHER_KIND[kind]]:
            raise ValueError(f"agent {agent_id} is there already, and otherwise")
        self._agents[kind][agent_id] = owner_id
        _name(self._agent_names, agent_id, name)
        if key is not None:
            self._groups.add(self._managed_agents[key], owner_id, agent_id)

    def add_channel(
        self, channel: ChannelRow, bot_id: str, status: ChannelStatus, installed_m365_tenant_ids: Iterable[str]
    ) -> None:
        """Add a channel, and at least those of its installations that were needed.

        Nobody decides by those of a standard channel; they are kept.
        """
        channel_id, tenant_id, agent_id, white_label, show_steps = channel
        status, tenant_id = well_formed.member(status, CHANNEL_STATUSES), self._identifier(tenant_id)
        bot_id, white_label = self._bot_id(bot_id), _truth_value(white_label)
        show_steps = None if show_steps is None else _truth_value(show_steps)
        row = (plain_text(channel_id), tenant_id, well_formed.agent_id(agent_id), white_label, show_steps)
        said = (status, bot_id, row)
        if isinstance(installed_m365_tenant_ids, str):  # its letters are no ids
            raise IllFormed("must be a list", place="installed_m365_tenant_ids")
        installed = [self._m365_tenant_id(each) for each in installed_m365_tenant_ids]
        if self._channel_rows.setdefault(row[0], said) != said:
            raise ValueError(f"channel {printable(row[0])} is there already, and otherwise")
        self._groups.add(self._channels[status], (tenant_id, bot_id), row)
        self._known_bots[bot_id] = None
        if white_label:
            self._white_label_bots[bot_id] = None
            for m365_tenant_id in installed:
                self._groups.add(self._installations[status], (bot_id, m365_tenant_id), row)
        elif installed:
            known = self._standard_installations.get(row[0], ())
            self._standard_installations[row[0]] = tuple(sorted({*known, *installed}))

    def add_white_label_bot(self, bot_id: str) -> None:
        """Note that a bot has a white-label channel, where that channel itself was not needed."""
        bot_id = self._bot_id(bot_id)
        self._white_label_bots[bot_id] = self._known_bots[bot_id] = None

    def add_known_bot(self, bot_id: str) -> None:
        """Note that a bot has a channel, of whatever owner, sort and status, where that itself was not needed."""
        self._known_bots[self._bot_id(bot_id)] = None

    def add_link(self, tenant_id: str, m365_tenant_id: str, end_company_id: str, name: str) -> None:
        """Add a link from an end-company of the tenant to an M365 tenant."""
        tenant_id, m365_tenant_id = self._identifier(tenant_id), self._m365_tenant_id(m365_tenant_id)
        end_company_id = plain_text(end_company_id)
        self._add_company(tenant_id, end_company_id, plain_text(name))
        self._groups.add(self._end_companies, (tenant_id, m365_tenant_id), end_company_id)

    def add_end_company(self, tenant_id: str, end_company_id: str, name: str) -> None:
        """Add an end-company, which is kept even if it is linked to no M365 tenant; nobody decides by such a one."""
        self._add_company(self._identifier(tenant_id), plain_text(end_company_id), plain_text(name))

    def rows(self, revision: str | None = None, *, is_slice: bool = False) -> Rows:
        """Return all that was added, as of this revision of the directory; add nothing afterwards.

        Say that it is a slice where an absent row may well be there: nobody takes that for a whole directory then.
        """
        self._groups.finish()
        return Rows(
            tenants=self._tenants.keys(),
            tenant_names=self._tenant_names,
            conversational_agents=self._agents[_CONVERSATIONAL],
            triggered_agents=self._agents[_TRIGGERED],
            agent_names=self._agent_names,
            managed_agents=self._managed_agents,
            active_installations=self._installations[_ACTIVE],
            disconnected_installations=self._installations[_DISCONNECTED],
            active_channels=self._channels[_ACTIVE],
            disconnected_channels=self._channels[_DISCONNECTED],
            white_label_bots=self._white_label_bots.keys(),
            known_bots=self._known_bots.keys(),
            end_companies=self._end_companies,
            end_company_names=self._end_company_names,
            standard_installations=self._standard_installations,
            unlinked_end_companies=self._unlinked(),
            revision=None if revision is None else plain_text(revision),
            is_slice=is_slice,
        )

    def _add_company(self, owner_id: str, end_company_id: str, name: str) -> None:
        is_new = end_company_id not in self._end_company_owners
        if self._end_company_owners.setdefault(end_company_id, owner_id) != owner_id:
            raise ValueError(f"end-company {printable(end_company_id)} is there already, and of another tenant")
        if not is_new and self._end_company_names.get(end_company_id, end_company_id) != name:
            raise ValueError(f"end-company {printable(end_company_id)} is there already, and otherwise")
        _name(self._end_company_names, end_company_id, name)

    def _unlinked(self) -> dict[str, str]:
        linked = {company_id for company_ids in self._end_companies.values() for company_id in company_ids}
        return {each: owner for each, owner in self._end_company_owners.items() if each not in linked}


def _name(names: dict[Any, str], row_id: str | int, name: str) -> None:
    if name != str(row_id):
        names[row_id] = name
    else:
        names.pop(row_id, None)


def _truth_value(value: bool) -> bool:
    if type(value) is bool or (type(value) is int and 0 <= value <= 1):
        return bool(value)
    raise IllFormed("must be true or false", place="white_label and show_agent_progress_steps")


NO_ROWS: Final = RowsBuilder().rows()
"""What comes back where nothing was needed."""
