"""What the statement found, held to what was asked for, under the keys by which the clauses look for it.

A database may find a row by a key that the row does not have: it may take `MSP-A` for `msp-a`, or `7` for `007`. Nobody
would look for it under the key that it has. So each row is held to what was asked for, and a tenant's id to the one for
which just this row was looked for: in a batch there may be both. That one stands where its sort has nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from neo_routing import Rows, RowsBuilder
from neo_routing_adapters.sql.look_up.evidence import Asked
from neo_routing_adapters.sql.look_up.sorts import Sort

# Plain integers: a member of an enumeration takes longer to find than its row to read.
_, _TENANT, _AGENT, _CHANNEL, _LINK, _BOT = map(int, Sort)
_SORT: Final = itemgetter(0)
_TRUTH_VALUE_TYPES: Final = frozenset({bool, int})


class FoundRows:
    """Hands what was found to a `RowsBuilder`, some rows at a time.

    Keys must be plain text: what a host's loader makes of one could take itself for what was asked for.
    """

    def __init__(self, asked: Asked) -> None:
        self._asked_agents, self._asked_bots, self._asked_m365_tenants = asked
        self._builder = RowsBuilder()
        self._agents_by_id: set[int] = set()
        self._agents_of_channels: set[int] = set()
        self._senseless: Exception | None = None

    def add(self, found: Iterable[Any]) -> None:
        """Take these in as well. One that makes no sense is not lost: `rows` tells of it."""
        try:
            for sort, rows in groupby(found, _SORT):
                self._add(sort, rows)
        except (TypeError, ValueError) as error:
            self._senseless = error

    def rows(self) -> Rows:
        """Return what was added. Raises `ValueError` if any of it made no sense."""
        if self._senseless is not None:
            raise ValueError("a row makes no sense") from self._senseless
        if not self._agents_by_id <= self._agents_of_channels.union(self._asked_agents):
            raise ValueError("a row was not asked for")
        return self._builder.rows(is_slice=True)

    def _add(self, sort: int, found: Iterable[Any]) -> None:
        if sort == _AGENT:
            self._add_agents(found)
        elif sort == _TENANT:
            self._add_tenants(found)
        elif sort == _CHANNEL:
            self._add_channels(found)
        elif sort == _LINK:
            self._add_links(found)
        elif sort == _BOT:
            self._add_bots(found)
        else:
            raise ValueError("a row is of no known sort")

    def _add_tenants(self, found: Iterable[Any]) -> None:
        for _, tenant_id, asked_for, *_ in found:
            if type(tenant_id) is not str or tenant_id != asked_for:
                raise ValueError("a tenant was not asked for")
            self._builder.add_tenant(tenant_id)

    def _add_agents(self, found: Iterable[Any]) -> None:
        add, by_id = self._builder.add_agent, self._agents_by_id
        for _, tenant_id, asked_for, agent_id, name, kind, managed_key, _, _, _ in found:
            if type(tenant_id) is not str or tenant_id != asked_for or managed_key is None:
                if asked_for is not None:
                    raise ValueError("a managed agent was not asked for")
                by_id.add(agent_id)
            add(agent_id, tenant_id, name, kind, managed_key)

    def _add_channels(self, found: Iterable[Any]) -> None:
        add, agent_ids = self._builder.add_channel, self._agents_of_channels
        asked_bots, asked_m365_tenants = self._asked_bots, self._asked_m365_tenants
        for _, tenant_id, channel_id, agent_id, asked_for, status, bot_id, m365, white_label, shown in found:
            if not (type(channel_id) is type(tenant_id) is type(bot_id) is str and channel_id.strip()):
                raise ValueError("a part of a channel is missing")
            if bot_id not in asked_bots or not (tenant_id == asked_for or (asked_for is None and m365 is not None)):
                raise ValueError("a channel was not asked for")
            if m365 is not None and (type(m365) is not str or m365 not in asked_m365_tenants or not white_label):
                raise ValueError("an installation was not asked for")
            agent_ids.add(agent_id)
            channel = channel_id, tenant_id, agent_id, white_label, shown
            add(channel, bot_id, status, () if m365 is None else (m365,))

    def _add_links(self, found: Iterable[Any]) -> None:
        add, asked = self._builder.add_link, self._asked_m365_tenants
        for _, tenant_id, company_id, _, name, asked_for, _, m365_tenant_id, _, _ in found:
            if not (type(company_id) is type(tenant_id) is type(m365_tenant_id) is str and company_id.strip()):
                raise ValueError("a part of an end-company is missing")
            if tenant_id != asked_for or m365_tenant_id not in asked:
                raise ValueError("a link was not asked for")
            add(tenant_id, m365_tenant_id, company_id, name)

    def _add_bots(self, found: Iterable[Any]) -> None:
        for _, _, _, _, _, _, bot_id, _, white_label, _ in found:
            if type(bot_id) is not str or bot_id not in self._asked_bots or type(white_label) not in _TRUTH_VALUE_TYPES:
                raise ValueError("a bot was not asked for")
            add = self._builder.add_white_label_bot if white_label else self._builder.add_known_bot
            add(bot_id)
