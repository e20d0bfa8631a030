"""The relations that a directory is read from, as tables of our own.

A host may deliver the same relations as views on tables of its own: then nothing matters but their columns, without
those that are marked as copied. What a value must be stands in the constraints, for whoever writes without this
library; `neo-routing db check` asks the same of a host's views.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
)
from sqlalchemy.types import TypeEngine

from neo_routing import AgentKind, ChannelStatus, ManagedAgentKey
from neo_routing.names import Name
from neo_routing.well_formed import LONGEST_ID
from neo_routing_adapters.sql.directory_lock import drop_lock, make_lock

# Compared byte for byte, on PostgreSQL as in SQLite, whatever the locale of the database.
_TEXT: Final[TypeEngine[str]] = Text().with_variant(Text(collation="C"), "postgresql")
_INTEGER: Final[TypeEngine[int]] = BigInteger().with_variant(Integer(), "sqlite")
_TRUTH_VALUE: Final[TypeEngine[bool]] = Boolean().with_variant(Integer(), "sqlite")

_BLANKS: Final = "".join(map(chr, filter(lambda code: chr(code).isspace(), range(0x3001))))
_USABLE: Final = "abcdefghijklmnopqrstuvwxyz0123456789-._"
_COPIED: Final = {"copied": True}


def _limited(column: str) -> str:
    # SQLite's functions read no further than a NUL, so what holds one is not its own beginning either.
    return f"{column} = substr({column}, 1, {LONGEST_ID})"


def _identifier(column: str) -> str:
    return f"{_limited(column)} AND ltrim({column}, '{_BLANKS}') <> ''"


def _usable(column: str) -> str:
    """Say that it is a usable normal form: see `neo_routing.normal_forms`."""
    hyphens = " AND ".join(f"substr({column}, {place}, 1) = '-'" for place in (9, 14, 19, 24))
    # Hyphens aside, 32 hexadecimal digits are a GUID, and that has its hyphens in their places.
    no_other_guid = (
        f"(length(replace({column}, '-', '')) <> 32 OR ltrim({column}, '0123456789abcdef-') <> ''"
        f" OR (length({column}) = 36 AND {hyphens}))"
    )
    return f"{_limited(column)} AND {column} <> '' AND ltrim({column}, '{_USABLE}') = '' AND {no_other_guid}"


def _one_of(column: str, names: type[Name]) -> str:
    return f"{column} IN ({', '.join(repr(str(name)) for name in names)})"


def _truth_value(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} IN (TRUE, FALSE)", name=column)


metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text_id() -> Column[str]:
    return Column("id", _TEXT, CheckConstraint(_identifier("id"), name="id"), primary_key=True)


def _name() -> Column[str]:
    return Column("name", _TEXT, CheckConstraint(_limited("name"), name="name"), nullable=False)


def _m365_tenant() -> Column[str]:
    constraint = CheckConstraint(_usable("m365_tenant_id"), name="usable_m365_tenant_id")
    return Column("m365_tenant_id", _TEXT, constraint, primary_key=True)


tenants: Final = Table(
    "routing_tenant",
    metadata,
    _text_id(),
    _name(),
    sqlite_strict=True,
)


def _owner() -> Column[str]:
    return Column("tenant_id", _TEXT, ForeignKey(tenants.c.id, ondelete="CASCADE"), nullable=False)


agents: Final = Table(
    "routing_agent",
    metadata,
    Column("id", _INTEGER, CheckConstraint("id >= 1", name="id"), primary_key=True, autoincrement=False),
    _owner(),
    _name(),
    Column("kind", _TEXT, CheckConstraint(_one_of("kind", AgentKind), name="kind"), nullable=False),
    Column("managed_key", _TEXT, CheckConstraint(_one_of("managed_key", ManagedAgentKey), name="managed_key")),
    Index(None, "tenant_id", "managed_key"),
    sqlite_strict=True,
)

channels: Final = Table(
    "routing_channel",
    metadata,
    _text_id(),
    _owner(),
    # No foreign key: real directories hold channels whose agent is gone, and the rules say what follows.
    Column("agent_id", _INTEGER, CheckConstraint("agent_id >= 1", name="agent_id"), nullable=False),
    Column("bot_id", _TEXT, CheckConstraint(_usable("bot_id"), name="usable_bot_id"), nullable=False),
    Column("status", _TEXT, CheckConstraint(_one_of("status", ChannelStatus), name="status"), nullable=False),
    Column("white_label", _TRUTH_VALUE, _truth_value("white_label"), nullable=False),
    Column("show_agent_progress_steps", _TRUTH_VALUE, _truth_value("show_agent_progress_steps")),
    UniqueConstraint("id", "bot_id", "status", "white_label"),
    Index(None, "tenant_id", "bot_id"),
    Index(None, "bot_id", "white_label"),
    sqlite_strict=True,
)

# What is copied from a channel is kept in step by the foreign key. It is there so that a unique index can refuse a
# second ACTIVE white-label channel of a bot for one M365 tenant: see `guards`.
installations: Final = Table(
    "routing_channel_installation",
    metadata,
    Column("channel_id", _TEXT, primary_key=True),
    _m365_tenant(),
    Column("bot_id", _TEXT, nullable=False, info=_COPIED),
    Column("status", _TEXT, nullable=False, info=_COPIED),
    Column("white_label", _TRUTH_VALUE, nullable=False, info=_COPIED),
    ForeignKeyConstraint(
        ["channel_id", "bot_id", "status", "white_label"],
        [channels.c.id, channels.c.bot_id, channels.c.status, channels.c.white_label],
        ondelete="CASCADE",
        onupdate="CASCADE",
        name="fk_routing_channel_installation_channel",  # PostgreSQL's limit is 63 characters
    ),
    Index(None, "m365_tenant_id", "channel_id"),
    sqlite_strict=True,
)

end_companies: Final = Table(
    "routing_end_company",
    metadata,
    _text_id(),
    _owner(),
    _name(),
    UniqueConstraint("id", "tenant_id"),
    Index(None, "tenant_id"),
    sqlite_strict=True,
)

links: Final = Table(
    "routing_end_company_link",
    metadata,
    Column("end_company_id", _TEXT, primary_key=True),
    _m365_tenant(),
    Column("tenant_id", _TEXT, nullable=False, info=_COPIED),
    ForeignKeyConstraint(
        ["end_company_id", "tenant_id"],
        [end_companies.c.id, end_companies.c.tenant_id],
        ondelete="CASCADE",
        onupdate="CASCADE",
    ),
    Index(None, "m365_tenant_id", "end_company_id"),
    sqlite_strict=True,
)

RELATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    table.name: tuple(column.name for column in table.columns if column.info != _COPIED)
    for table in (tenants, agents, channels, installations, end_companies, links)
}
"""The relations that a directory is read from, and the columns that each must deliver."""

event.listen(metadata, "after_create", make_lock)
event.listen(metadata, "after_drop", drop_lock)
