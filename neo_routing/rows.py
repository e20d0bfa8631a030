"""What must be known to decide: rows of the directory, each under the key by which a clause looks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias, final

from attrs import fields, frozen

from neo_routing import well_formed
from neo_routing.complaints import IllFormed
from neo_routing.directory import AgentKind, ChannelStatus, ManagedAgentKey
from neo_routing.plain_text import plain_text

RowsNeeded: TypeAlias = tuple[str, int | None, ManagedAgentKey | None, str | None, str | None]
"""Which rows one decision can look at: tenant id, agent id, managed agent key, bot id, M365 tenant id.

Bot id and M365 tenant id are in normal form, the agent id may be any integer at all, and where one is `None` nothing
is looked for by it. Needed are:

1. the tenant itself, if it is there;
2. its agents that carry the key;
3. the agent with the id, whoever owns it;
4. the tenant's own channels with the bot, of any kind and status;
5. the white-label channels of any owner and status with the bot that are installed for the M365 tenant;
6. for every channel of 4 and 5: the agent that it names, whoever owns that;
7. for the owner of every channel of 4 and 5: the end-companies that it has linked to the M365 tenant;
8. whether any white-label channel has the bot, of any owner and status;
9. whether any channel at all has the bot, of any owner, sort and status.
"""

ChannelRow: TypeAlias = tuple[str, str, int, bool, bool | None]
"""Of a channel: its id, the owner's tenant id, the agent's id, `white_label` and `show_agent_progress_steps`."""

_Channels: TypeAlias = dict[tuple[str, str], tuple[ChannelRow, ...]]


@final
@frozen(kw_only=True, eq=False, repr=False)  # may be millions
class Rows:
    """The rows that came back, in mappings where an absent key means an absent row.

    A `RowsBuilder` makes them. The rows are plain tuples of strings and integers, because the garbage collector stops
    visiting those: a directory of millions must not make it pause. Names are for the trace; an absent one is the id.
    """

    tenants: AbstractSet[str]
    """The ids of the tenants."""
    conversational_agents: Mapping[int, str]
    """Agent id: the owner of the conversational agent."""
    triggered_agents: Mapping[int, str]
    """Agent id: the owner of the triggered agent."""
    agent_names: Mapping[int, str]
    """Agent id: its name."""
    managed_agents: Mapping[ManagedAgentKey, Mapping[str, tuple[int, ...]]]
    """Every key, then owner: the ids of the agents that carry it, of whatever kind."""
    active_installations: Mapping[tuple[str, str], tuple[ChannelRow, ...]]
    """Bot id and M365 tenant id: the ACTIVE white-label channels, of any owner, that are installed there."""
    disconnected_installations: Mapping[tuple[str, str], tuple[ChannelRow, ...]]
    """Bot id and M365 tenant id: the DISCONNECTED ones."""
    active_channels: Mapping[tuple[str, str], tuple[ChannelRow, ...]]
    """Owner and bot id: the ACTIVE channels, white-label or standard."""
    disconnected_channels: Mapping[tuple[str, str], tuple[ChannelRow, ...]]
    """Owner and bot id: the DISCONNECTED ones."""
    white_label_bots: AbstractSet[str]
    """The bot ids of white-label channels, of any owner and status."""
    known_bots: AbstractSet[str]
    """The bot ids of channels, of any owner, sort and status."""
    end_companies: Mapping[tuple[str, str], tuple[str, ...]]
    """Owner and M365 tenant id: the ids of the distinct end-companies linked to it."""
    end_company_names: Mapping[str, str]
    """End-company id: its name."""

    def __reduce__(self) -> tuple[Callable[..., Rows], tuple[dict[str, Any]]]:
        # A view of a dict's keys can be neither pickled nor copied.
        kept = {each.name: getattr(self, each.name) for each in fields(Rows)}
        return _rows_again, (kept | {name: (*kept[name],) for name in _SETS},)


_SETS: Final = frozenset({"tenants", "white_label_bots", "known_bots"})


def _rows_again(kept: dict[str, Any]) -> Rows:
    sets: dict[str, Any] = {name: dict.fromkeys(kept[name]).keys() for name in _SETS}
    return Rows(**(kept | sets))


_AGENT_KINDS: Final = well_formed.members_of(AgentKind)
_CHANNEL_STATUSES: Final = well_formed.members_of(ChannelStatus)
_MANAGED_AGENT_KEYS: Final = well_formed.members_of(ManagedAgentKey)
_OTHER_KIND: Final = {
    AgentKind.CONVERSATIONAL: AgentKind.TRIGGERED,
    AgentKind.TRIGGERED: AgentKind.CONVERSATIONAL,
}


class RowsBuilder:
    """Puts rows under the keys by which the clauses look for them.

    Rows come in any order, and one that comes twice counts once. Bot ids and M365 tenant ids may be in any spelling,
    truth values may be a database's 0 and 1; all else must be as in the model. A part that is missing, or is not what
    it must be, raises `ValueError`, and nothing of the row is added: a row that cannot be read is not an absent one.

    >>> builder = RowsBuilder()
    >>> builder.add_tenant("msp-a")
    >>> builder.add_agent(12, "msp-a", "Help desk", AgentKind.CONVERSATIONAL, None)
    >>> builder.rows().conversational_agents[12]
    'msp-a'
    """

    def __init__(self) -> None:
        # Dicts for sets too: the garbage collector visits a set at each collection, and never a dict of plain values.
        self._tenants: dict[str, None] = {}
        self._agents: dict[AgentKind, dict[int, str]] = {kind: {} for kind in AgentKind}
        self._agent_names: dict[int, str] = {}
        self._managed_agents: dict[ManagedAgentKey, dict[str, tuple[int, ...]]] = {key: {} for key in ManagedAgentKey}
        self._installations: dict[ChannelStatus, _Channels] = {status: {} for status in ChannelStatus}
        self._channels: dict[ChannelStatus, _Channels] = {status: {} for status in ChannelStatus}
        self._white_label_bots: dict[str, None] = {}
        self._known_bots: dict[str, None] = {}
        self._end_companies: dict[tuple[str, str], tuple[str, ...]] = {}
        self._end_company_names: dict[str, str] = {}
        # Ids recur in many rows: one object for each saves half of the memory.
        self._texts: dict[str, str] = {}
        self._larger_groups: list[tuple[dict[Any, Any], Any]] = []

    def add_tenant(self, tenant_id: str) -> None:
        """Add a tenant."""
        self._tenants[self._identifier(tenant_id)] = None

    def add_agent(
        self, agent_id: int, tenant_id: str, name: str, kind: AgentKind, managed_key: ManagedAgentKey | None
    ) -> None:
        """Add an agent. Raises `ValueError` if it is there already with another owner or of another kind."""
        kind, agent_id, name = well_formed.member(kind, _AGENT_KINDS), well_formed.agent_id(agent_id), plain_text(name)
        key = None if managed_key is None else well_formed.member(managed_key, _MANAGED_AGENT_KEYS)
        owner_id = self._identifier(tenant_id)
        if self._agents[kind].get(agent_id, owner_id) != owner_id or agent_id in self._agents[_OTHER_KIND[kind]]:
            raise ValueError(f"agent {agent_id} is there already, and otherwise")
        self._agents[kind][agent_id] = owner_id
        if name != str(agent_id):
            self._agent_names[agent_id] = name
        if key is not None:
            self._add(self._managed_agents[key], owner_id, agent_id)

    def add_channel(
        self, channel: ChannelRow, bot_id: str, status: ChannelStatus, installed_m365_tenant_ids: Iterable[str]
    ) -> None:
        """Add a channel, and at least those of its installations that were needed."""
        channel_id, tenant_id, agent_id, white_label, show_steps = channel
        status, tenant_id = well_formed.member(status, _CHANNEL_STATUSES), self._identifier(tenant_id)
        bot_id, white_label = self._bot_id(bot_id), _truth_value(white_label)
        show_steps = None if show_steps is None else _truth_value(show_steps)
        row = (plain_text(channel_id), tenant_id, well_formed.agent_id(agent_id), white_label, show_steps)
        if isinstance(installed_m365_tenant_ids, str):  # its letters are no ids
            raise IllFormed("must be a list", place="installed_m365_tenant_ids")
        installed = [self._m365_tenant_id(each) for each in installed_m365_tenant_ids]
        self._add(self._channels[status], (tenant_id, bot_id), row)
        self._known_bots[bot_id] = None
        if white_label:
            self._white_label_bots[bot_id] = None
            for m365_tenant_id in installed:
                self._add(self._installations[status], (bot_id, m365_tenant_id), row)

    def add_white_label_bot(self, bot_id: str) -> None:
        """Note that a bot has a white-label channel, where that channel itself was not needed."""
        bot_id = self._bot_id(bot_id)
        self._white_label_bots[bot_id] = self._known_bots[bot_id] = None

    def add_known_bot(self, bot_id: str) -> None:
        """Note that a bot has a channel, of whatever owner, sort and status, where that itself was not needed."""
        self._known_bots[self._bot_id(bot_id)] = None

    def add_link(self, tenant_id: str, m365_tenant_id: str, end_company_id: str, name: str) -> None:
        """Add a link from an end-company of the tenant to an M365 tenant."""
        key = (self._identifier(tenant_id), self._m365_tenant_id(m365_tenant_id))
        end_company_id, name = plain_text(end_company_id), plain_text(name)
        self._add(self._end_companies, key, end_company_id)
        if name != end_company_id:
            self._end_company_names[end_company_id] = name

    def rows(self) -> Rows:
        """Return all that was added; add nothing afterwards."""
        for groups, key in self._larger_groups:
            groups[key] = tuple(groups[key])
        return Rows(
            tenants=self._tenants.keys(),
            conversational_agents=self._agents[AgentKind.CONVERSATIONAL],
            triggered_agents=self._agents[AgentKind.TRIGGERED],
            agent_names=self._agent_names,
            managed_agents=self._managed_agents,
            active_installations=self._installations[ChannelStatus.ACTIVE],
            disconnected_installations=self._installations[ChannelStatus.DISCONNECTED],
            active_channels=self._channels[ChannelStatus.ACTIVE],
            disconnected_channels=self._channels[ChannelStatus.DISCONNECTED],
            white_label_bots=self._white_label_bots.keys(),
            known_bots=self._known_bots.keys(),
            end_companies=self._end_companies,
            end_company_names=self._end_company_names,
        )

    def _identifier(self, tenant_id: str) -> str:
        known = self._texts.get(tenant_id) if type(tenant_id) is str else None
        return known or self._shared(well_formed.identifier(tenant_id))

    def _bot_id(self, bot_id: str) -> str:
        return self._shared(well_formed.bot_id(bot_id))

    def _m365_tenant_id(self, m365_tenant_id: str) -> str:
        return self._shared(well_formed.m365_tenant_id(m365_tenant_id))

    def _shared(self, text: str) -> str:
        return self._texts.setdefault(text, text)

    def _add(self, groups: dict[Any, Any], key: Any, item: Any) -> None:
        group = groups.get(key)
        if group is None:
            groups[key] = (item,)
        elif isinstance(group, dict):
            group[item] = None
        elif item not in group:
            # A tuple grows in time that grows with it; `rows` makes it one again.
            groups[key] = dict.fromkeys((*group, item))
            self._larger_groups.append((groups, key))


def _truth_value(value: bool) -> bool:
    if type(value) is bool or (type(value) is int and 0 <= value <= 1):
        return bool(value)
    raise IllFormed("must be true or false", place="white_label and show_agent_progress_steps")


NO_ROWS: Final = RowsBuilder().rows()
"""What comes back where nothing was needed."""
