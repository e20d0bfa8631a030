"""An immutable directory in memory, indexed for the clauses' questions."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from neo_routing import Agent, Channel, EndCompany, Rows, RowsBuilder, RowsNeeded, Tenant
from neo_routing_adapters.memory.problems import References

_MANY: Final = 100_000

_Row = TypeVar("_Row", Tenant, Agent, Channel, EndCompany)


class MemoryDirectory:
    """A directory that holds everything in memory, answers with itself and copies nothing.

    The rows may be iterators, so that a large directory need not stand in memory twice. Rows that clash load, because
    real directories hold them. Raises `InvalidDirectory`, which lists every duplicate id and every unknown owner, and
    `TypeError` on what is no row. It never waits, so `adecide` takes it as well, and it can be copied and pickled.

    >>> from neo_routing import AgentKind, Caller, CallerKind, SessionRequest, resolve_session_target
    >>> directory = MemoryDirectory(
    ...     tenants=[Tenant(id="msp-a")],
    ...     agents=[Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL)],
    ... )
    >>> user = Caller(CallerKind.USER, "msp-a")
    >>> resolve_session_target(user, SessionRequest(agent_id=12), directory).unwrap().agent_id
    12
    >>> resolve_session_target(user, SessionRequest(agent_id=13), directory).failure().status
    404
    """

    __slots__ = ("_rows",)

    holds_its_rows: Final = True
    """What it answers with is all that it has, and at hand."""

    def __init__(
        self,
        *,
        tenants: Iterable[Tenant] = (),
        agents: Iterable[Agent] = (),
        channels: Iterable[Channel] = (),
        end_companies: Iterable[EndCompany] = (),
    ) -> None:
        builder = RowsBuilder()
        references = References()
        _add_tenants(tenants, builder, references)
        _add_agents(agents, builder, references)
        _add_channels(channels, builder, references)
        _add_end_companies(end_companies, builder, references)
        references.require_none()
        self._rows = builder.rows()
        # Before the garbage collector leaves so many rows alone, it looks at each of them once: a pause that belongs
        # here and not in the middle of somebody's call.
        if sum(map(len, (self._rows.tenants, self._rows.conversational_agents, self._rows.active_channels))) > _MANY:
            gc.collect()

    def look_up(self, _: Sequence[RowsNeeded], /) -> Rows:
        """Return every row there is, whatever is needed."""
        return self._rows


def _numbered(name: str, kind: type[_Row], rows: Iterable[_Row]) -> Iterator[tuple[int, _Row]]:
    if not isinstance(rows, Iterable):
        raise TypeError(f"MemoryDirectory.{name} must be rows, and not {type(rows).__name__}")
    for position, row in enumerate(rows):
        if not isinstance(row, kind):
            found = type(row).__name__
            raise TypeError(f"MemoryDirectory.{name}[{position}] must be of type {kind.__name__}, and not {found}")
        yield position, row


def _add_tenants(tenants: Iterable[Tenant], builder: RowsBuilder, references: References) -> None:
    for position, tenant in _numbered("tenants", Tenant, tenants):
        if references.check("tenants", position, tenant.id, None):
            builder.add_tenant(tenant.id)


def _add_agents(agents: Iterable[Agent], builder: RowsBuilder, references: References) -> None:
    for position, agent in _numbered("agents", Agent, agents):
        if references.check("agents", position, agent.id, agent.tenant_id):
            builder.add_agent(agent.id, agent.tenant_id, agent.name, agent.kind, agent.managed_key)


def _add_channels(channels: Iterable[Channel], builder: RowsBuilder, references: References) -> None:
    for position, one in _numbered("channels", Channel, channels):
        if references.check("channels", position, one.id, one.tenant_id):
            row = (one.id, one.tenant_id, one.agent_id, one.white_label, one.show_agent_progress_steps)
            builder.add_channel(row, one.bot_id, one.status, one.installed_m365_tenant_ids)


def _add_end_companies(end_companies: Iterable[EndCompany], builder: RowsBuilder, references: References) -> None:
    for position, company in _numbered("end_companies", EndCompany, end_companies):
        if references.check("end_companies", position, company.id, company.tenant_id):
            for m365_tenant_id in company.m365_tenant_ids:
                builder.add_link(company.tenant_id, m365_tenant_id, company.id, company.name)
