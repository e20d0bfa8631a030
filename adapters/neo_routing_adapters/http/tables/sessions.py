"""The tables of sessions, and of the keys by which a call that comes again gets the session that it got before."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from neo_routing_adapters.http.tables.metadata import TEXT, Moment, metadata, not_blank

_INTEGER: Final[TypeEngine[int]] = BigInteger().with_variant(Integer(), "sqlite")
_TRUTH_VALUE: Final[TypeEngine[bool]] = Boolean().with_variant(Integer(), "sqlite")


class SessionId(TypeDecorator[UUID]):
    """The id of a session: PostgreSQL has a type for it, SQLite has text that sorts alike."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the type of the column."""
        kind: TypeEngine[Any] = Uuid() if dialect.name == "postgresql" else Text()
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> object:
        """Return what is stored."""
        return value if value is None or dialect.name == "postgresql" else str(value)

    def process_result_value(self, value: object, dialect: Dialect) -> UUID | None:  # noqa: ARG002  # as in the base
        """Return what was stored."""
        return value if value is None or isinstance(value, UUID) else UUID(str(value))


# No foreign key leads to the directory: it may stand in views or elsewhere, and would have writers wait for sessions.
sessions: Final = Table(
    "neo_chat_session",
    metadata,
    Column("id", SessionId, primary_key=True),
    Column("tenant_id", TEXT, not_blank("tenant_id"), nullable=False),
    Column("agent_id", _INTEGER, CheckConstraint("agent_id >= 1", name="agent_id"), nullable=False),
    Column("title", TEXT),
    Column("channel", TEXT, not_blank("channel"), nullable=False),
    Column("channel_id", TEXT),
    Column("end_company_id", TEXT),
    Column("show_agent_progress_steps", _TRUTH_VALUE),
    # Codes, with a blank between them.
    Column("warnings", TEXT, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    Column("archived_at", Moment),
    # The record of the decision, in its JSON form.
    Column("record", TEXT, nullable=False),
    Index(None, "tenant_id", "id"),
    Index(None, "created_at"),
    sqlite_strict=True,
)

idempotency_keys: Final = Table(
    "neo_idempotency_key",
    metadata,
    Column("caller_kind", TEXT, not_blank("caller_kind"), primary_key=True),
    Column("tenant_id", TEXT, not_blank("tenant_id"), primary_key=True),
    # Empty for a caller that is no user.
    Column("user_id", TEXT, primary_key=True),
    Column("key", TEXT, not_blank("key"), primary_key=True),
    Column("body_mac", LargeBinary, CheckConstraint("length(body_mac) = 32", name="body_mac"), nullable=False),
    Column("session_id", SessionId, ForeignKey(sessions.c.id, ondelete="CASCADE"), nullable=False),
    Column("expires_at", Moment, nullable=False),
    Index(None, "expires_at"),
    Index(None, "session_id"),
    sqlite_strict=True,
)
