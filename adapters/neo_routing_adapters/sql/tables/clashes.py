"""Rows that contradict each other. A directory may hold them; the clauses refuse to guess, and a guard refuses them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from attrs import frozen
from sqlalchemy import Connection, Index, MetaData, Select, Table, func, select, text

from neo_routing import ChannelStatus
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links
from neo_routing_adapters.sql.tables.findings import Finding, Severity
from neo_routing_adapters.sql.tables.transactions import streamed

_ACTIVE: Final = str(ChannelStatus.ACTIVE)


@frozen
class Clash:
    """Several rows where there should be at most one."""

    complaint: str
    guard: Index
    """The unique index that refuses them."""
    rows: Select[*tuple[Any, ...]]
    """The rows among which there may be some: the id of each, then what only one of them should have."""

    @property
    def relation(self) -> str:
        """The relation whose rows are named."""
        row_id, *_ = self.rows.selected_columns
        return str(row_id.table.name)

    def find(self, connection: Connection) -> Iterator[Finding]:
        """Yield a notice for each group of rows that clash."""
        _, *keys = self.rows.selected_columns
        counted = self.rows.add_columns(func.count().over(partition_by=keys).label("many")).subquery()
        found = select(counted).where(counted.c.many > 1).order_by(*(counted.c[key.name] for key in keys))
        for values, group in groupby(streamed(connection, found), key=lambda row: row[1:-1]):
            particulars = ", ".join(f"{key.name} {value!r}" for key, value in zip(keys, values, strict=True))
            ids = tuple(sorted(row[0] for row in group))
            yield Finding(Severity.NOTICE, self.relation, ids, f"{self.complaint}: {particulars}")


def _guard(name: str, table: Table, *columns: str, where: str | None = None) -> Index:
    copy = table.to_metadata(MetaData())  # the schema itself goes without guards
    condition = None if where is None else text(where)
    return Index(
        f"guard_{name}",
        *(copy.c[column] for column in columns),
        unique=True,
        postgresql_where=condition,
        sqlite_where=condition,
    )


CLASHES: Final = (
    Clash(
        "several agents of one tenant have the same managed key",
        _guard("one_managed_agent", agents, "tenant_id", "managed_key", where="managed_key IS NOT NULL"),
        select(agents.c.id, agents.c.tenant_id, agents.c.managed_key).where(agents.c.managed_key.is_not(None)),
    ),
    Clash(
        "several active channels of one tenant have the same bot",
        _guard("one_active_channel", channels, "tenant_id", "bot_id", where=f"status = '{_ACTIVE}'"),
        select(channels.c.id, channels.c.tenant_id, channels.c.bot_id).where(channels.c.status == _ACTIVE),
    ),
    Clash(
        "several active white-label channels with the same bot are installed for one M365 tenant",
        _guard(
            "one_active_installation",
            installations,
            "bot_id",
            "m365_tenant_id",
            where=f"status = '{_ACTIVE}' AND white_label",
        ),
        select(channels.c.id, channels.c.bot_id, installations.c.m365_tenant_id)
        .join_from(channels, installations, installations.c.channel_id == channels.c.id)
        .where(channels.c.status == _ACTIVE, channels.c.white_label),
    ),
    Clash(
        "several end-companies of one tenant are linked to the same M365 tenant",
        _guard("one_linked_company", links, "tenant_id", "m365_tenant_id"),
        select(end_companies.c.id, end_companies.c.tenant_id, links.c.m365_tenant_id).join_from(
            end_companies, links, links.c.end_company_id == end_companies.c.id
        ),
    ),
)
"""Every clash that the clauses refuse to resolve by a guess."""

GUARDS: Final = frozenset(str(clash.guard.name) for clash in CLASHES)
"""The names of the unique indexes, which a database of ours may have or not."""
