"""Tables in the form of version 0001, which brought ids into the normal forms of version 1 of the rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alembic.script import ScriptDirectory
from sqlalchemy import Engine, insert, text

from neo_routing_adapters.sql.schema import channels, end_companies, installations, links, tenants
from neo_routing_adapters.sql.tables import upgrade as upgrade_module
from neo_routing_adapters.sql.tables.clashes import CLASHES
from neo_routing_adapters.sql.tables.our_tables import MIGRATIONS, VERSION_TABLE
from neo_routing_adapters.sql.tables.transactions import writing

# Whatever a database says of its tables: constraints with their texts, columns, indexes, triggers.
CATALOGUE = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master",
    "postgresql": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid <> 0
        UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema
        UNION ALL SELECT table_name, column_name, concat(ordinal_position, data_type, is_nullable, collation_name)
            FROM information_schema.columns WHERE table_schema = current_schema
        UNION ALL SELECT tgrelid::regclass::text, tgname, concat(tgenabled, pg_get_triggerdef(oid)) FROM pg_trigger
            WHERE NOT tgisinternal
        UNION ALL SELECT 'function', proname, pg_get_functiondef(oid) FROM pg_proc
            WHERE pronamespace = current_schema::regnamespace""",
}


def catalogue(engine: Engine) -> set[tuple[str, ...]]:
    with engine.connect() as connection:
        rows = connection.execute(text(CATALOGUE[engine.dialect.name]))
        return {
            (sort, name, *sorted(line.strip().rstrip(",") for line in (sql or "").split("\n")))
            for sort, name, sql in rows
            if VERSION_TABLE not in (sort, name) and VERSION_TABLE not in name
        }


def make_old_tables(engine: Engine, *, version: bool = True, guarded: bool = False) -> None:
    """Make the tables as version 0001 made them, with a version or, as `metadata.create_all` did, without."""
    with writing(engine) as connection:
        options = {"tell": str, "progress": max}
        upgrade_module._migrate(connection, ScriptDirectory(MIGRATIONS), "0001", options)
        if not version:
            connection.exec_driver_sql(f"DROP TABLE {VERSION_TABLE}")
        if guarded:
            for clash in CLASHES:
                clash.guard.create(connection)


def fill(
    engine: Engine,
    bots: Mapping[str, str],
    installed: Mapping[str, list[str]],
    linked: Mapping[str, list[str]] | None = None,
    **channel: Any,
) -> None:
    """Store channels with their bots and installations, and end-companies with their links, as they are spelled."""
    values = {"tenant_id": "msp-a", "agent_id": 1, "status": "ACTIVE", "white_label": True, **channel}
    copied = {"status": values["status"], "white_label": values["white_label"]}
    linked = linked or {}
    rows: list[tuple[Any, list[dict[str, Any]]]] = [
        (tenants, [{"id": "msp-a", "name": "A"}]),
        (channels, [{"id": one, "bot_id": bot, **values} for one, bot in bots.items()]),
        (
            installations,
            [
                {"channel_id": one, "m365_tenant_id": m365_tenant_id, "bot_id": bots[one], **copied}
                for one, m365_tenant_ids in installed.items()
                for m365_tenant_id in m365_tenant_ids
            ],
        ),
        (end_companies, [{"id": one, "tenant_id": "msp-a", "name": one} for one in linked]),
        (
            links,
            [
                {"end_company_id": one, "tenant_id": "msp-a", "m365_tenant_id": m365_tenant_id}
                for one, m365_tenant_ids in linked.items()
                for m365_tenant_id in m365_tenant_ids
            ],
        ),
    ]
    with engine.begin() as connection:
        for table, some in rows:
            if some:
                connection.execute(insert(table), some)
