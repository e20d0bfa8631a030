"""A world: all the rows of a directory, as values that a test can hold, change and show.

A test that compares directories needs the same rows in each of them. It makes a `World`, or draws one by
`directories`, and fills with it whatever it looks at: `content` is the whole directory as a value, `directory` has it
in memory, `document` as plain data.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from typing import Any

from attrs import field, frozen

from neo_routing import (
    Agent,
    Channel,
    EndCompany,
    HeldRows,
    Rows,
    Tenant,
    content_of,
    normal_bot_id,
    normal_m365_tenant_id,
)
from neo_routing.content import require_whole
from neo_routing.plain_data.directories import row_data


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

    @classmethod
    def of(cls, content: Rows) -> World:
        """Return the world that has the rows of a whole directory, sorted by their ids.

        Raises `ValueError` for a slice, and `InvalidDirectory` where an owner is not there.

        >>> World.of(content_of(tenants=[Tenant(id="msp-b"), Tenant(id="msp-a")])).tenants[0].id
        'msp-a'
        """
        require_whole(content)
        rows = [*content]
        return cls(*([row for row in rows if isinstance(row, kind)] for kind in (Tenant, Agent, Channel, EndCompany)))

    @property
    def content(self) -> Rows:
        """The whole directory, as a value. Raises `InvalidDirectory`."""
        return content_of(
            tenants=self.tenants, agents=self.agents, channels=self.channels, end_companies=self.end_companies
        )

    def directory(self) -> HeldRows:
        """Return the directory in memory that holds these rows. Raises `InvalidDirectory`.

        >>> from neo_routing import AgentKind, Caller, CallerKind, SessionRequest, resolve_session_target
        >>> agent = Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL)
        >>> directory = World([Tenant(id="msp-a")], [agent]).directory()
        >>> user = Caller(CallerKind.USER, "msp-a")
        >>> resolve_session_target(user, SessionRequest(agent_id=12), directory).unwrap().tenant_id
        'msp-a'
        >>> resolve_session_target(user, SessionRequest(agent_id=13), directory).failure().status
        404
        """
        return HeldRows(self.content)

    def document(self) -> dict[str, list[dict[str, Any]]]:
        """Return the directory document: lists of plain dicts, made anew, in which every key is written out.

        >>> channel = Channel(id="ch-1", tenant_id="msp-a", agent_id=12, bot_id="helpdesk")
        >>> world = World([Tenant(id="msp-a")], channels=[channel], spellings=["28:{HelpDesk}"])
        >>> world.document()["channels"][0]["bot_id"]
        '28:{HelpDesk}'
        """
        spelled = _Spelled(self.spellings)
        return {
            "tenants": [*map(row_data, self.tenants)],
            "agents": [*map(row_data, self.agents)],
            "channels": [
                row_data(channel)
                | {
                    "bot_id": spelled.bot_id(channel.bot_id),
                    "installed_m365_tenant_ids": spelled.m365_tenant_ids(channel.installed_m365_tenant_ids),
                }
                for channel in self.channels
            ],
            "end_companies": [
                row_data(company) | {"m365_tenant_ids": spelled.m365_tenant_ids(company.m365_tenant_ids)}
                for company in self.end_companies
            ],
        }

    def __str__(self) -> str:
        lists = (
            f"{json.dumps(name)}: [{','.join(f'{chr(10)}{json.dumps(row)}' for row in rows)}]"
            for name, rows in self.document().items()
        )
        return "{\n" + ",\n".join(lists) + "\n}"


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
