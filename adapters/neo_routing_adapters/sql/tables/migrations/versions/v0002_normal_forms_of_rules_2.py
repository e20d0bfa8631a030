"""Ids in the normal forms of version 2 of the rules, and an index that tells whether a bot is known."""

from __future__ import annotations

from typing import Final

from alembic import op

from neo_routing_adapters.sql.tables.migrations.ids_brought import COLUMNS, Reporter, bring_ids
from neo_routing_adapters.sql.tables.migrations.normal_forms_of_rules_2 import usable_bot_id, usable_m365_tenant_id
from neo_routing_adapters.sql.tables.migrations.rebuilt_on_sqlite import replace_checks

revision: Final = "0002"
down_revision: Final = "0001"

_USABLE: Final = "abcdefghijklmnopqrstuvwxyz0123456789-._"
_CONVERTERS: Final = {"bot_id": usable_bot_id, "m365_tenant_id": usable_m365_tenant_id}


def upgrade() -> None:
    """Bring the ids into normal form, and replace the constraints that ask for it, and the index."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":  # others can read, until the constraints are replaced
        op.execute(f"LOCK TABLE {', '.join(COLUMNS)} IN SHARE ROW EXCLUSIVE MODE")
    op.create_index("ix_routing_channel_bot_id_white_label", "routing_channel", ["bot_id", "white_label"])
    options = op.get_context().opts
    reporter = Reporter(options["tell"], options["progress"])
    bring_ids(connection, _CONVERTERS, {column: _usable(column) for column in _CONVERTERS}, reporter)
    op.drop_index("ix_routing_channel_white_label_bot_id", "routing_channel", if_exists=True)
    _replace_constraints(connection.dialect.name)


def _replace_constraints(dialect: str) -> None:
    checks = {
        table: (f"ck_{table}_{column}", f"ck_{table}_usable_{column}", _usable(column))
        for table, column in COLUMNS.items()
    }
    if dialect == "sqlite":
        replace_checks(checks)
    else:
        for table, (old, new, condition) in checks.items():
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {old}, ADD CONSTRAINT {new} CHECK ({condition})")


def _usable(column: str) -> str:
    hyphens = " AND ".join(f"substr({column}, {place}, 1) = '-'" for place in (9, 14, 19, 24))
    no_other_guid = (
        f"(length(replace({column}, '-', '')) <> 32 OR ltrim({column}, '0123456789abcdef-') <> ''"
        f" OR (length({column}) = 36 AND {hyphens}))"
    )
    usable = f"{column} = substr({column}, 1, 256) AND {column} <> '' AND ltrim({column}, '{_USABLE}') = ''"
    return f"{usable} AND {no_other_guid}"
