"""An immutable directory in memory, indexed for the clauses' questions."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Final, Self

from neo_routing import Agent, Channel, EndCompany, HeldRows, Rows, Tenant, content_of
from neo_routing.content import require_whole

_MANY: Final = 100_000


class MemoryDirectory(HeldRows):
    """A directory that holds everything in memory, answers with itself and copies nothing.

    It is made of rows, as `content_of` takes them, with the same errors. It never waits, so `adecide` takes it as well,
    and it can be copied and pickled.

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

    __slots__ = ()

    def __init__(
        self,
        *,
        tenants: Iterable[Tenant] = (),
        agents: Iterable[Agent] = (),
        channels: Iterable[Channel] = (),
        end_companies: Iterable[EndCompany] = (),
    ) -> None:
        content = content_of(tenants=tenants, agents=agents, channels=channels, end_companies=end_companies)
        super().__init__(content)
        _collect_once(content)

    @classmethod
    def holding(cls, content: Rows) -> Self:
        """Return the directory that holds a whole directory which is there already.

        Raises `ValueError` for a slice, and `InvalidDirectory` where an owner is not there.

        >>> content = content_of(tenants=[Tenant(id="msp-a")])
        >>> MemoryDirectory.holding(content).content == content
        True
        """
        require_whole(content)
        directory = cls.__new__(cls)
        HeldRows.__init__(directory, content)
        _collect_once(content)
        return directory


def _collect_once(content: Rows) -> None:
    # Before the garbage collector leaves so many rows alone, it looks at each of them once: a pause that belongs here
    # and not in the middle of somebody's call.
    if sum(map(len, (content.tenants, content.conversational_agents, content.active_channels))) > _MANY:
        gc.collect()
