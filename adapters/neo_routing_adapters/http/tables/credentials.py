"""The tables of those who may call: API keys, without their secrets, and links of Entra's tenants to ours."""

from __future__ import annotations

from typing import Final

from sqlalchemy import CheckConstraint, Column, Index, LargeBinary, Table

from neo_routing_adapters.http.tables.metadata import TEXT, Moment, metadata, not_blank

api_keys: Final = Table(
    "neo_api_key",
    metadata,
    Column("id", TEXT, not_blank("id"), primary_key=True),
    # An HMAC-SHA-256 of the key, under a secret that is not in the database.
    Column("mac", LargeBinary, CheckConstraint("length(mac) = 32", name="mac"), nullable=False, unique=True),
    Column("pepper_id", TEXT, not_blank("pepper_id"), nullable=False),
    Column("environment", TEXT, not_blank("environment"), nullable=False),
    Column(
        "caller_kind",
        TEXT,
        CheckConstraint("caller_kind IN ('platform', 'service_account')", name="caller_kind"),
        nullable=False,
    ),
    # No foreign key: the directory may stand in a host's views, or in another database.
    Column("tenant_id", TEXT, not_blank("tenant_id"), nullable=False),
    Column("name", TEXT, not_blank("name"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
    Index(None, "tenant_id"),
    sqlite_strict=True,
)

entra_links: Final = Table(
    "neo_entra_link",
    metadata,
    # In normal form, so that one M365 tenant is linked to one tenant.
    Column("m365_tenant_id", TEXT, not_blank("m365_tenant_id"), primary_key=True),
    Column("tenant_id", TEXT, not_blank("tenant_id"), nullable=False),
    Column("created_at", Moment, nullable=False),
    Index(None, "tenant_id"),
    sqlite_strict=True,
)
