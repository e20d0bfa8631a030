"""An immutable directory in memory, indexed for the clauses' questions."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

from neo_routing import Agent, Channel, EndCompany, Rows, RowsBuilder, RowsNeeded, Tenant

from neo_routing_adapters.memory.problems import InvalidDirectory, Problem


class MemoryDirectory:
    """A directory that holds everything in memory, answers with itself and copies nothing.

    The rows may be iterators, so that a large directory need not stand in memory twice. Rows that clash load, because
    real directories hold them. Raises `InvalidDirectory`, which lists every duplicate id and every unknown owner.

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

    def __init__(
        self,
        *,
        tenants: Iterable[Tenant] = (),
        agents: Iterable[Agent] = (),
        channels: Iterable[Channel] = (),
        end_companies: Iterable[EndCompany] = (),
    ) -> None:
        loading = _Loading()
        loading.tenants(tenants)
        loading.agents(agents)
        loading.channels(channels)
        loading.end_companies(end_companies)
        if loading.problems:
            raise InvalidDirectory(loading.problems)
        self._rows = loading.builder.rows()
        # The first full collection after loading has to look at all of it before it can leave it alone; let the pause
        # be here, not in the middle of somebody's call.
        if len(self._rows.agents) > _MANY:
            gc.collect()

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Return every row there is."""
        return self._rows


_MANY: Final = 100_000

_Id = TypeVar("_Id", int, str)


class _Loading:
    """Adds rows one by one, and notes what is wrong with them."""

    def __init__(self) -> None:
        self.builder = RowsBuilder()
        self.problems: list[Problem] = []
        self._tenant_ids: set[str] = set()

    def tenants(self, tenants: Iterable[Tenant]) -> None:
        for position, tenant in enumerate(tenants):
            self._check_id("tenants", position, tenant.id, self._tenant_ids)
            self.builder.add_tenant(tenant.id, tenant.name)

    def agents(self, agents: Iterable[Agent]) -> None:
        ids: set[int] = set()
        for position, agent in enumerate(agents):
            self._check_id("agents", position, agent.id, ids)
            self._check_owner("agents", position, agent.tenant_id)
            self.builder.add_agent(agent.id, agent.tenant_id, agent.name, agent.kind, agent.managed_key)

    def channels(self, channels: Iterable[Channel]) -> None:
        ids: set[str] = set()
        for position, channel in enumerate(channels):
            self._check_id("channels", position, channel.id, ids)
            self._check_owner("channels", position, channel.tenant_id)
            row = (
                channel.id,
                channel.tenant_id,
                channel.agent_id,
                channel.white_label,
                channel.show_agent_progress_steps,
            )
            self.builder.add_channel(row, channel.bot_id, channel.status, channel.installed_m365_tenant_ids)

    def end_companies(self, end_companies: Iterable[EndCompany]) -> None:
        ids: set[str] = set()
        for position, company in enumerate(end_companies):
            self._check_id("end_companies", position, company.id, ids)
            self._check_owner("end_companies", position, company.tenant_id)
            for m365_tenant_id in company.m365_tenant_ids:
                self.builder.add_link(company.tenant_id, m365_tenant_id, company.id, company.name)

    def _check_id(self, collection: str, position: int, row_id: _Id, ids: set[_Id]) -> None:
        if row_id in ids:
            self.problems.append(Problem(f"{collection}[{position}].id", f"{row_id!r} is there already"))
        ids.add(row_id)

    def _check_owner(self, collection: str, position: int, tenant_id: str) -> None:
        if tenant_id not in self._tenant_ids:
            self.problems.append(Problem(f"{collection}[{position}].tenant_id", f"there is no tenant {tenant_id!r}"))
