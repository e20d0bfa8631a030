"""A world: all the rows of a directory, as values that a test can hold, change and show.

A test that compares directories needs the same rows in each of them. It makes a `World`, or draws one by
`directories`, and fills with it whatever it looks at: `directory` has it in memory, `document` as plain data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from typing import Any

from attrs import asdict, field, frozen

from neo_routing import Agent, Channel, EndCompany, Tenant, normal_bot_id, normal_m365_tenant_id
from neo_routing.names import Name
from neo_routing_adapters.memory import MemoryDirectory


def _tuple(rows: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(rows)


@frozen
class World:
    r"""The rows of a directory, and how its document spells their ids.

    Rows that clash are welcome; ids must be unique, and owners there. Bot ids and M365 tenant ids of rows are in normal
    form, because the model keeps them so. `spellings` lists other spellings of them, which the document uses in turn.
    As text a world is its document, with a row on each line.

    >>> world = World(tenants=[Tenant(id="msp-a")])
    >>> print(world)
    {
    "tenants": [
    {"id": "msp-a", "name": "msp-a"}],
    "agents": [],
    "channels": [],
    "end_companies": []
    }
    """

    tenants: tuple[Tenant, ...] = field(default=(), converter=_tuple)
    """The tenants."""
    agents: tuple[Agent, ...] = field(default=(), converter=_tuple)
    """The agents."""
    channels: tuple[Channel, ...] = field(default=(), converter=_tuple)
    """The channels, with their installations."""
    end_companies: tuple[EndCompany, ...] = field(default=(), converter=_tuple)
    """The end-companies, with their links."""
    spellings: tuple[str, ...] = field(default=(), converter=_tuple)
    """Spellings of bot ids and M365 tenant ids; what has none here is written in normal form."""

    @property
    def count(self) -> int:
        """How many tenants, agents, channels and end-companies there are together.

        So a world is what `import_directory` of `neo_routing_adapters.sql` takes.

        >>> World(tenants=[Tenant(id="msp-a"), Tenant(id="msp-b")]).count
        2
        """
        return sum(map(len, (self.tenants, self.agents, self.channels, self.end_companies)))

    def directory(self) -> MemoryDirectory:
        """Return the directory in memory that holds these rows. Raises its `InvalidDirectory`.

        >>> from neo_routing import AgentKind, Caller, CallerKind, SessionRequest, resolve_session_target
        >>> agent = Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL)
        >>> directory = World([Tenant(id="msp-a")], [agent]).directory()
        >>> user = Caller(CallerKind.USER, "msp-a")
        >>> resolve_session_target(user, SessionRequest(agent_id=12), directory).unwrap().tenant_id
        'msp-a'
        >>> resolve_session_target(user, SessionRequest(agent_id=13), directory).failure().status
        404
        """
        return MemoryDirectory(
            tenants=self.tenants, agents=self.agents, channels=self.channels, end_companies=self.end_companies
        )

    def document(self) -> dict[str, list[dict[str, Any]]]:
        """Return the directory document: lists of plain dicts, made anew, in which every key is written out.

        >>> channel = Channel(id="ch-1", tenant_id="msp-a", agent_id=12, bot_id="helpdesk")
        >>> world = World([Tenant(id="msp-a")], channels=[channel], spellings=["28:{HelpDesk}"])
        >>> world.document()["channels"][0]["bot_id"]
        '28:{HelpDesk}'
        """
        spelled = _Spelled(self.spellings)
        return {
            "tenants": [*map(_plain, self.tenants)],
            "agents": [*map(_plain, self.agents)],
            "channels": [
                _plain(channel)
                | {
                    "bot_id": spelled.bot_id(channel.bot_id),
                    "installed_m365_tenant_ids": spelled.m365_tenant_ids(channel.installed_m365_tenant_ids),
                }
                for channel in self.channels
            ],
            "end_companies": [
                _plain(company) | {"m365_tenant_ids": spelled.m365_tenant_ids(company.m365_tenant_ids)}
                for company in self.end_companies
            ],
        }

    def __str__(self) -> str:
        lists = (
            f"{json.dumps(name)}: [{','.join(f'{chr(10)}{json.dumps(row)}' for row in rows)}]"
            for name, rows in self.document().items()
        )
        return "{\n" + ",\n".join(lists) + "\n}"


def _plain(row: Tenant | Agent | Channel | EndCompany) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, Name) else value for name, value in asdict(row).items()}


class _Spelled:
    """Spells each id as is written, each time that it occurs in the next of its spellings."""

    def __init__(self, spellings: tuple[str, ...]) -> None:
        self._spellings = spellings
        self._turns: dict[tuple[Callable[[str], str], str], Iterator[str]] = {}

    def bot_id(self, bot_id: str) -> str:
        return self._next(bot_id, normal_bot_id)

    def m365_tenant_ids(self, m365_tenant_ids: frozenset[str]) -> list[str]:
        return [self._next(each, normal_m365_tenant_id) for each in sorted(m365_tenant_ids)]

    def _next(self, normal_id: str, normal_form: Callable[[str], str]) -> str:
        key = (normal_form, normal_id)
        if key not in self._turns:
            spellings = [each for each in self._spellings if normal_form(each) == normal_id]
            self._turns[key] = cycle(spellings or [normal_id])
        return next(self._turns[key])
