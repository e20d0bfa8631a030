"""Databases as the administration makes them, and the rows that stand in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, Table, create_engine, event, select

from neo_routing import Agent, AgentKind, Channel, EndCompany, ManagedAgentKey, Tenant
from neo_routing.testing import World
from neo_routing_adapters.sql.schema import metadata
from neo_routing_adapters.sql.tables.upgrade import upgrade

TENANTS = (Tenant(id="msp-a", name="MSP A"), Tenant(id="msp-b"))
AGENT = Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT)
CHANNEL = Channel(
    id="ch-1",
    tenant_id="msp-a",
    agent_id=12,
    bot_id="bot",
    white_label=True,
    installed_m365_tenant_ids=["m-1", "m-2"],
    show_agent_progress_steps=False,
)
COMPANY = EndCompany(id="co-1", tenant_id="msp-a", name="Contoso", m365_tenant_ids=["m-1"])
WORLD = World(TENANTS, (AGENT,), (CHANNEL,), (COMPANY,))


@contextmanager
def engine_at(url: str, **options: Any) -> Iterator[Engine]:
    """Open an empty database, with foreign keys enforced."""
    engine = create_engine(url, **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON").close())
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def upgraded(url: str, **options: Any) -> Iterator[Engine]:
    """Open a database with the tables."""
    with engine_at(url, **options) as engine:
        upgrade(engine)
        yield engine


def rows_in(engine: Engine, table: Table) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return sorted(map(tuple, connection.execute(select(table))), key=str)


def everything_in(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    return {table.name: rows_in(engine, table) for table in metadata.sorted_tables}
