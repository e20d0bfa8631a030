"""The six relations: tenants, agents, channels with their installations, end-companies with their links."""

from __future__ import annotations

from typing import Any, Final

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
)

revision: Final = "0001"
down_revision: Final = None

_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
_INTEGER: Final = BigInteger().with_variant(Integer(), "sqlite")
_TRUTH_VALUE: Final = Boolean().with_variant(Integer(), "sqlite")

_BLANKS: Final = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


def upgrade() -> None:
    """Make the tables and their indexes."""
    _create_tenants()
    _create_agents()
    _create_channels()
    _create_installations()
    _create_end_companies()
    _create_links()


def _create_tenants() -> None:
    op.create_table(
        "routing_tenant",
        _column("routing_tenant", "id", _TEXT, _identifier("id")),
        _column("routing_tenant", "name", _TEXT, _limited("name")),
        PrimaryKeyConstraint("id", name="pk_routing_tenant"),
        sqlite_strict=True,
    )


def _create_agents() -> None:
    table = "routing_agent"
    op.create_table(
        table,
        _column(table, "id", _INTEGER, "id >= 1", autoincrement=False),
        Column("tenant_id", _TEXT, nullable=False),
        _column(table, "name", _TEXT, _limited("name")),
        _column(table, "kind", _TEXT, "kind IN ('CONVERSATIONAL', 'TRIGGERED')"),
        _column(table, "managed_key", _TEXT, "managed_key IN ('NEO_SUPPORT')", nullable=True),
        PrimaryKeyConstraint("id", name="pk_routing_agent"),
        _owner(table),
        sqlite_strict=True,
    )
    _create_index(table, "tenant_id", "managed_key")


def _create_channels() -> None:
    table = "routing_channel"
    op.create_table(
        table,
        _column(table, "id", _TEXT, _identifier("id")),
        Column("tenant_id", _TEXT, nullable=False),
        _column(table, "agent_id", _INTEGER, "agent_id >= 1"),
        _column(table, "bot_id", _TEXT, f"{_normal_form('bot_id')} AND substr(bot_id, 1, 3) <> '28:'"),
        _column(table, "status", _TEXT, "status IN ('ACTIVE', 'DISCONNECTED')"),
        _column(table, "white_label", _TRUTH_VALUE, "white_label IN (TRUE, FALSE)"),
        _column(
            table,
            "show_agent_progress_steps",
            _TRUTH_VALUE,
            "show_agent_progress_steps IN (TRUE, FALSE)",
            nullable=True,
        ),
        PrimaryKeyConstraint("id", name="pk_routing_channel"),
        UniqueConstraint(
            "id", "bot_id", "status", "white_label", name="uq_routing_channel_id_bot_id_status_white_label"
        ),
        _owner(table),
        sqlite_strict=True,
    )
    _create_index(table, "tenant_id", "bot_id")
    _create_index(table, "white_label", "bot_id")


def _create_installations() -> None:
    table = "routing_channel_installation"
    copied = ["bot_id", "status", "white_label"]
    op.create_table(
        table,
        Column("channel_id", _TEXT, nullable=False),
        _column(table, "m365_tenant_id", _TEXT, _normal_form("m365_tenant_id")),
        Column("bot_id", _TEXT, nullable=False),
        Column("status", _TEXT, nullable=False),
        Column("white_label", _TRUTH_VALUE, nullable=False),
        PrimaryKeyConstraint("channel_id", "m365_tenant_id", name="pk_routing_channel_installation"),
        ForeignKeyConstraint(
            ["channel_id", *copied],
            [f"routing_channel.{column}" for column in ("id", *copied)],
            name="fk_routing_channel_installation_channel",
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
        sqlite_strict=True,
    )
    _create_index(table, "m365_tenant_id", "channel_id")


def _create_end_companies() -> None:
    table = "routing_end_company"
    op.create_table(
        table,
        _column(table, "id", _TEXT, _identifier("id")),
        Column("tenant_id", _TEXT, nullable=False),
        _column(table, "name", _TEXT, _limited("name")),
        PrimaryKeyConstraint("id", name="pk_routing_end_company"),
        UniqueConstraint("id", "tenant_id", name="uq_routing_end_company_id_tenant_id"),
        _owner(table),
        sqlite_strict=True,
    )
    _create_index(table, "tenant_id")


def _create_links() -> None:
    table = "routing_end_company_link"
    op.create_table(
        table,
        Column("end_company_id", _TEXT, nullable=False),
        _column(table, "m365_tenant_id", _TEXT, _normal_form("m365_tenant_id")),
        Column("tenant_id", _TEXT, nullable=False),
        PrimaryKeyConstraint("end_company_id", "m365_tenant_id", name="pk_routing_end_company_link"),
        ForeignKeyConstraint(
            ["end_company_id", "tenant_id"],
            ["routing_end_company.id", "routing_end_company.tenant_id"],
            name="fk_routing_end_company_link_end_company_id_tenant_id",
            ondelete="CASCADE",
            onupdate="CASCADE",
        ),
        sqlite_strict=True,
    )
    _create_index(table, "m365_tenant_id", "end_company_id")


def _column(table: str, name: str, sort: Any, condition: str, *, nullable: bool = False, **more: Any) -> Column[Any]:
    return Column(name, sort, CheckConstraint(condition, name=f"ck_{table}_{name}"), nullable=nullable, **more)


def _owner(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["tenant_id"], ["routing_tenant.id"], name=f"fk_{table}_tenant_id", ondelete="CASCADE")


def _create_index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)


def _limited(column: str) -> str:
    return f"{column} = substr({column}, 1, 256)"


def _identifier(column: str) -> str:
    return f"{_limited(column)} AND ltrim({column}, '{_BLANKS}') <> ''"


def _normal_form(column: str) -> str:
    conditions = [
        f"{_limited(column)} AND {column} <> '' AND {column} = lower({column})",
        f"{column} = ltrim(rtrim({column}, '{_BLANKS}'), '{_BLANKS}')",
        f"NOT (length({column}) > 1 AND substr({column}, 1, 1) = '{{' AND substr({column}, length({column})) = '}}')",
        f"NOT (length({column}) = 32 AND ltrim({column}, '0123456789abcdef') = '')",
    ]
    return " AND ".join(conditions)
