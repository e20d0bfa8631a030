"""All that a directory holds, as one value: built of its rows and checked, and answered with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from typing import Any, Final, Literal, TypeAlias, TypeVar

from neo_routing.directory import Agent, Channel, EndCompany, Tenant
from neo_routing.needed import RowsNeeded
from neo_routing.problems import References
from neo_routing.rows import Rows
from neo_routing.rows_builder import RowsBuilder

_Row = TypeVar("_Row", Tenant, Agent, Channel, EndCompany)
Row: TypeAlias = Tenant | Agent | Channel | EndCompany

COLLECTIONS: Final[Mapping[str, type[Row]]] = {
    "tenants": Tenant,
    "agents": Agent,
    "channels": Channel,
    "end_companies": EndCompany,
}
"""The rows of a directory by what they are called together; tenants come first, because they own the others."""
COLLECTION_OF: Final = {row_type: collection for collection, row_type in COLLECTIONS.items()}


def content_of(
    *,
    tenants: Iterable[Tenant] = (),
    agents: Iterable[Agent] = (),
    channels: Iterable[Channel] = (),
    end_companies: Iterable[EndCompany] = (),
    revision: str | None = None,
) -> Rows:
    """Return the whole directory that has these rows.

    They may be iterators, so that a large directory need not stand in memory twice. Rows that clash are welcome: real
    directories hold them. Raises `InvalidDirectory`, which lists every duplicate id and every unknown owner, and
    `TypeError` on what is no row.

    >>> content = content_of(tenants=[Tenant(id="msp-b", name="MSP B"), Tenant(id="msp-a")])
    >>> [tenant.name for tenant in content]
    ['msp-a', 'MSP B']
    >>> content == content_of(tenants=content)
    True
    >>> content_of(end_companies=[EndCompany(id="co-1", tenant_id="msp-a")])
    Traceback (most recent call last):
    neo_routing.problems.InvalidDirectory: 1 problem in the directory
      end_companies[0].tenant_id: there is no tenant 'msp-a'
    """
    builder, references = RowsBuilder(), References()
    for tenant in _sound("tenants", Tenant, tenants, references):
        _add_tenant(builder, tenant)
    for agent in _sound("agents", Agent, agents, references):
        _add_agent(builder, agent)
    for channel in _sound("channels", Channel, channels, references):
        _add_channel(builder, channel)
    for company in _sound("end_companies", EndCompany, end_companies, references):
        _add_end_company(builder, company)
    references.require_none()
    return builder.rows(revision)


def part_of_content(rows: Iterable[Row]) -> Rows:
    """Return these rows of a directory, of which there may be more: whoever owns them need not be among them.

    >>> part_of_content([EndCompany(id="co-1", tenant_id="msp-a")]).is_slice
    True
    """
    builder = RowsBuilder()
    for row in rows:
        _ADD[type(row)](builder, row)
    return builder.rows(is_slice=True)


def _sound(name: str, kind: type[_Row], rows: Iterable[_Row], references: References) -> Iterator[_Row]:
    """Yield the rows whose ids are new and whose owners are there."""
    if not isinstance(rows, Iterable):
        raise TypeError(f"the {name} of a directory must be rows, and not {type(rows).__name__}")
    for position, row in enumerate(rows):
        if not isinstance(row, kind):
            found = type(row).__name__
            raise TypeError(f"{name}[{position}] of a directory must be of type {kind.__name__}, and not {found}")
        if _is_sound(row, name, position, references):
            yield row


def _is_sound(row: Row, name: str, position: int, references: References) -> bool:
    return references.check(name, position, row.id, None if isinstance(row, Tenant) else row.tenant_id)


def _add_tenant(builder: RowsBuilder, tenant: Tenant) -> None:
    builder.add_tenant(tenant.id, tenant.name)


def _add_agent(builder: RowsBuilder, agent: Agent) -> None:
    builder.add_agent(agent.id, agent.tenant_id, agent.name, agent.kind, agent.managed_key)


# Sorted, so that whatever goes through a directory tells the same in the same order, each time it is run.
def _add_channel(builder: RowsBuilder, one: Channel) -> None:
    row = (one.id, one.tenant_id, one.agent_id, one.white_label, one.show_agent_progress_steps)
    builder.add_channel(row, one.bot_id, one.status, sorted(one.installed_m365_tenant_ids))


def _add_end_company(builder: RowsBuilder, company: EndCompany) -> None:
    if not company.m365_tenant_ids:
        builder.add_end_company(company.tenant_id, company.id, company.name)
    for m365_tenant_id in sorted(company.m365_tenant_ids):
        builder.add_link(company.tenant_id, m365_tenant_id, company.id, company.name)


_ADD: Final[Mapping[type, Callable[[RowsBuilder, Any], None]]] = {
    Tenant: _add_tenant,
    Agent: _add_agent,
    Channel: _add_channel,
    EndCompany: _add_end_company,
}


def require_whole(content: Rows) -> None:
    """Raise `ValueError` if that is not all that a directory holds, or not all of it can be told as its rows.

    Where owners are not there it is `InvalidDirectory`, as from `content_of` for these rows, sorted by their ids.

    >>> require_whole(content_of().needed([]))
    Traceback (most recent call last):
    ValueError: these rows are a slice of a directory, and not the whole
    """
    if not isinstance(content, Rows):
        raise TypeError(f"a whole directory is Rows, and not {type(content).__name__}")
    if content.is_slice:
        raise ValueError("these rows are a slice of a directory, and not the whole")
    if not _owners(content) <= content.tenants:
        _tell_owners_that_are_not_there(content)
    groups = [*content.active_channels.items(), *content.disconnected_channels.items()]
    known = {bot_id for (_, bot_id), _ in groups}
    white_label = {
        bot_id for (_, bot_id), channels in groups if any(white_label for _, _, _, white_label, _ in channels)
    }
    if not (content.known_bots <= known and content.white_label_bots <= white_label):
        raise ValueError("of some bots these rows say that there are channels, and do not have them")


def _owners(content: Rows) -> set[str]:
    # There may be millions of rows: sets and maps go through them in half the time.
    owners = {*content.conversational_agents.values()}
    owners.update(content.triggered_agents.values(), content.unlinked_end_companies.values())
    owners.update(map(itemgetter(0), chain(content.active_channels, content.disconnected_channels)))
    owners.update(map(itemgetter(0), content.end_companies))
    return owners


def _tell_owners_that_are_not_there(content: Rows) -> None:
    references = References()
    for kind, rows in groupby(content, type):
        for position, row in enumerate(rows):
            _is_sound(row, COLLECTION_OF[kind], position, references)
    references.require_none()


class HeldRows:
    """A directory that holds rows, answers with all of them and copies nothing.

    They are all that there are; or a slice, and then it must be asked for the decisions of that slice alone. It never
    waits, so `adecide` takes it as well, and it can be copied and pickled.

    >>> from neo_routing import Caller, CallerKind, SessionRequest, decide
    >>> directory = HeldRows(content_of(tenants=[Tenant(id="msp-a")]))
    >>> decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=13), directory).result.failure().status
    404
    """

    __slots__ = ("_rows",)

    def __init__(self, content: Rows) -> None:
        if not isinstance(content, Rows):
            raise TypeError(f"{type(self).__name__} holds Rows, and not {type(content).__name__}")
        self._rows = content

    @property
    def holds_its_rows(self) -> Literal[True]:
        """What it answers with is all that it has, and at hand."""
        return True

    @property
    def content(self) -> Rows:
        """All that it holds."""
        return self._rows

    def look_up(self, _: Sequence[RowsNeeded], /) -> Rows:
        """Return every row there is, whatever is needed."""
        return self._rows
