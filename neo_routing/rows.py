"""Rows of a directory, each under the key by which a clause looks for it: all that there are, or a slice of them.

Both are a value of one type. The whole directory is what is loaded, imported, compared and analysed; a slice is what
one decision, or a batch, can look at, and `Rows.needed` cuts it out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias, final

from attrs import fields, frozen

from neo_routing.directory import Agent, Channel, EndCompany, ManagedAgentKey, Tenant
from neo_routing.entities import count_of, entities_of
from neo_routing.needed import RowsNeeded
from neo_routing.slices import Slice

ChannelRow: TypeAlias = tuple[str, str, int, bool, bool | None]
"""Of a channel: its id, the owner's tenant id, the agent's id, `white_label` and `show_agent_progress_steps`."""

_NONE: Final[Mapping[str, Any]] = {}


@final
@frozen(kw_only=True, eq=False, repr=False)  # may be millions
class Rows:
    """Rows in mappings, where an absent key means an absent row.

    A `RowsBuilder` makes them, and `content_of` those of a whole directory. They are plain tuples of strings and
    integers, because the garbage collector stops visiting those: a directory of millions must not make it pause. A name
    that is absent is the id.

    Rows are equal if they hold the same, in whatever order and of whatever revision it came.

    >>> from neo_routing import AgentKind, RowsBuilder
    >>> builder = RowsBuilder()
    >>> builder.add_tenant("msp-a", "MSP A")
    >>> builder.add_agent(12, "msp-a", "Help desk", AgentKind.CONVERSATIONAL, None)
    >>> rows = builder.rows(revision="17")
    >>> [row.name for row in rows]
    ['MSP A', 'Help desk']
    >>> found = rows.needed([("msp-a", 12, None, None, None)])
    >>> len(found), found.revision
    (2, '17')
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

    # What no decision looks at; the answer to a look-up may leave it out.
    tenant_names: Mapping[str, str] = _NONE
    """Tenant id: its name."""
    standard_installations: Mapping[str, tuple[str, ...]] = _NONE
    """Id of a standard channel: the M365 tenants that it is said to be installed for."""
    unlinked_end_companies: Mapping[str, str] = _NONE
    """Id of an end-company without links: its owner."""
    revision: str | None = None
    """What the directory calls the state that the rows are of, and `None` where it has no name for it."""
    is_slice: bool = False
    """Whether these were cut out, or looked up, for some decisions: then an absent row may well be there."""

    def needed(self, needed: Iterable[RowsNeeded]) -> Rows:
        """Return those that these decisions can look at, and no others, in time that grows with them alone.

        They are what `RowsNeeded` lists, each under all its keys; so a decision on them is the same as on all.
        """
        found = Slice(self)
        for one in needed:
            if isinstance(one, str):  # whose letters would be taken for keys
                raise TypeError("there must be a list of what each decision needs, and not what one needs")
            found.add(one)
        return Rows(**found.parts())

    def __iter__(self) -> Iterator[Tenant | Agent | Channel | EndCompany]:
        """Yield the tenants, then the agents, the channels and the end-companies, each sorted by their ids."""
        return entities_of(self)

    def __len__(self) -> int:
        return count_of(self)

    def __bool__(self) -> bool:
        return True  # no rows are an answer as well

    def __eq__(self, other: object) -> bool:
        return _hold_the_same(self, other) if isinstance(other, Rows) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it would have to go through all

    def __repr__(self) -> str:
        revision = "" if self.revision is None else f", revision {self.revision!r}"
        return f"<rows of {len(self.tenants):,} tenants{revision}>"

    def __reduce__(self) -> tuple[Callable[..., Rows], tuple[dict[str, Any]]]:
        # A view of a dict's keys can be neither pickled nor copied.
        kept = {each.name: getattr(self, each.name) for each in fields(Rows)}
        return _rows_again, (kept | {name: (*kept[name],) for name in _SETS},)


_SETS: Final = frozenset({"tenants", "white_label_bots", "known_bots"})


def _rows_again(kept: dict[str, Any]) -> Rows:
    sets: dict[str, Any] = {name: dict.fromkeys(kept[name]).keys() for name in _SETS}
    return Rows(**(kept | sets))


_PLAIN: Final = (
    *("tenants", "tenant_names", "conversational_agents", "triggered_agents", "white_label_bots", "known_bots"),
    "unlinked_end_companies",
)
_NAMES: Final = ("agent_names", "end_company_names")
_GROUPS: Final = (
    *("active_installations", "disconnected_installations", "active_channels", "disconnected_channels"),
    *("end_companies", "standard_installations"),
)


def _hold_the_same(one: Rows, other: Rows) -> bool:
    """Tell whether both hold the same, whatever order it came in: a group of rows has none."""
    return (
        all(getattr(one, name) == getattr(other, name) for name in _PLAIN)
        and all(_same_names(getattr(one, name), getattr(other, name)) for name in _NAMES)
        and all(_same_groups(getattr(one, name), getattr(other, name)) for name in _GROUPS)
        and all(_same_groups(one.managed_agents[key], other.managed_agents[key]) for key in ManagedAgentKey)
    )


def _same_names(one: Mapping[Any, str], other: Mapping[Any, str]) -> bool:
    # An absent name is the id.
    return one == other or _other_than_ids(one) == _other_than_ids(other)


def _other_than_ids(names: Mapping[Any, str]) -> dict[Any, str]:
    return {row_id: name for row_id, name in names.items() if name != str(row_id)}


def _same_groups(one: Mapping[Any, tuple[Any, ...]], other: Mapping[Any, tuple[Any, ...]]) -> bool:
    return one.keys() == other.keys() and all(_same_members(group, other[key]) for key, group in one.items())


def _same_members(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return one == other or Counter(one) == Counter(other)
