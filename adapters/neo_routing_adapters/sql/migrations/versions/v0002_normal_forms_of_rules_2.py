"""Ids in the normal forms of version 2 of the rules, and an index that tells whether a bot is known."""

from __future__ import annotations

from typing import Final

from alembic import op

from neo_routing_adapters.sql.migrations.rebuilt_on_sqlite import replace_checks

revision: Final = "0002"
down_revision: Final = "0001"

_USABLE: Final = "abcdefghijklmnopqrstuvwxyz0123456789-._"
_COLUMNS: Final = {
    "routing_channel": "bot_id",
    "routing_channel_installation": "m365_tenant_id",
    "routing_end_company_link": "m365_tenant_id",
}


def upgrade() -> None:
    """Replace the index, and the constraints on what is in normal form."""
    op.execute("DROP INDEX IF EXISTS ix_routing_channel_white_label_bot_id")
    checks = {
        table: (f"ck_{table}_{column}", f"ck_{table}_usable_{column}", _usable(column))
        for table, column in _COLUMNS.items()
    }
    if op.get_bind().dialect.name == "sqlite":
        replace_checks(checks)
    else:
        for table, (old, new, condition) in checks.items():
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {old}, ADD CONSTRAINT {new} CHECK ({condition})")
    op.create_index("ix_routing_channel_bot_id_white_label", "routing_channel", ["bot_id", "white_label"])


def _usable(column: str) -> str:
    hyphens = " AND ".join(f"substr({column}, {place}, 1) = '-'" for place in (9, 14, 19, 24))
    conditions = [
        f"{column} = substr({column}, 1, 256) AND {column} <> '' AND ltrim({column}, '{_USABLE}') = ''",
        f"(length(replace({column}, '-', '')) <> 32 OR ltrim({column}, '0123456789abcdef-') <> ''"
        f" OR (length({column}) = 36 AND {hyphens}))",
    ]
    return " AND ".join(conditions)
