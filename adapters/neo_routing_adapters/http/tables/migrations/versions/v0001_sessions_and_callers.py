"""Sessions with the keys of calls that come again, and those who may call."""

from __future__ import annotations

from typing import Any, Final

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Text,
    UniqueConstraint,
    Uuid,
)

revision: Final = "0001"
down_revision: Final = None

_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
_INTEGER: Final = BigInteger().with_variant(Integer(), "sqlite")
_TRUTH_VALUE: Final = Boolean().with_variant(Integer(), "sqlite")
_MOMENT: Final = Text().with_variant(DateTime(timezone=True), "postgresql")
_SESSION_ID: Final = Text().with_variant(Uuid(), "postgresql")


def upgrade() -> None:
    """Make the tables and their indexes."""
    _create_api_keys()
    _create_entra_links()
    _create_sessions()
    _create_idempotency_keys()


def _create_api_keys() -> None:
    table = "neo_api_key"
    op.create_table(
        table,
        _id(table, "id"),
        _column(table, "mac", LargeBinary(), "length(mac) = 32"),
        _id(table, "pepper_id"),
        _id(table, "environment"),
        _column(table, "caller_kind", _TEXT, "caller_kind IN ('platform', 'service_account')"),
        _id(table, "tenant_id"),
        _id(table, "name"),
        Column("created_at", _MOMENT, nullable=False),
        Column("expires_at", _MOMENT),
        Column("revoked_at", _MOMENT),
        PrimaryKeyConstraint("id", name=f"pk_{table}"),
        UniqueConstraint("mac", name=f"uq_{table}_mac"),
        sqlite_strict=True,
    )
    _create_index(table, "tenant_id")


def _create_entra_links() -> None:
    table = "neo_entra_link"
    op.create_table(
        table,
        _id(table, "m365_tenant_id"),
        _id(table, "tenant_id"),
        Column("created_at", _MOMENT, nullable=False),
        PrimaryKeyConstraint("m365_tenant_id", name=f"pk_{table}"),
        sqlite_strict=True,
    )
    _create_index(table, "tenant_id")


def _create_sessions() -> None:
    table = "neo_chat_session"
    op.create_table(
        table,
        Column("id", _SESSION_ID, nullable=False),
        _id(table, "tenant_id"),
        _column(table, "agent_id", _INTEGER, "agent_id >= 1"),
        Column("title", _TEXT),
        _id(table, "channel"),
        Column("channel_id", _TEXT),
        Column("end_company_id", _TEXT),
        Column("show_agent_progress_steps", _TRUTH_VALUE),
        Column("warnings", _TEXT, nullable=False),
        Column("created_at", _MOMENT, nullable=False),
        Column("updated_at", _MOMENT, nullable=False),
        Column("archived_at", _MOMENT),
        Column("record", _TEXT, nullable=False),
        PrimaryKeyConstraint("id", name=f"pk_{table}"),
        sqlite_strict=True,
    )
    _create_index(table, "tenant_id", "id")
    _create_index(table, "created_at")


def _create_idempotency_keys() -> None:
    table = "neo_idempotency_key"
    op.create_table(
        table,
        _id(table, "caller_kind"),
        _id(table, "tenant_id"),
        Column("user_id", _TEXT, nullable=False),
        _id(table, "key"),
        _column(table, "body_mac", LargeBinary(), "length(body_mac) = 32"),
        Column("session_id", _SESSION_ID, nullable=False),
        Column("expires_at", _MOMENT, nullable=False),
        PrimaryKeyConstraint("caller_kind", "tenant_id", "user_id", "key", name=f"pk_{table}"),
        ForeignKeyConstraint(
            ["session_id"], ["neo_chat_session.id"], ondelete="CASCADE", name=f"fk_{table}_session_id"
        ),
        sqlite_strict=True,
    )
    _create_index(table, "expires_at")
    _create_index(table, "session_id")


def _id(table: str, name: str) -> Column[Any]:
    return _column(table, name, _TEXT, f"{name} <> '' AND length({name}) <= 256")


def _column(table: str, name: str, kind: Any, condition: str) -> Column[Any]:
    return Column(name, kind, CheckConstraint(condition, name=f"ck_{table}_{name}"), nullable=False)


def _create_index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, columns)
