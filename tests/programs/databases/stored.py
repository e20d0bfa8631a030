"""Worlds stored in a database, without the library's own writers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import asdict
from sqlalchemy import Connection, Engine, create_engine, event

from neo_routing.testing import World
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, metadata, tenants


def engine_with_tables(url: str, **options: Any) -> Engine:
    """Return an engine on a database that has the tables, and nothing in them."""
    engine = create_engine(url, **options)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA journal_mode = wal").close())
    metadata.create_all(engine)
    return engine


def store(engine: Engine, world: World) -> None:
    """Put the world in the place of whatever is stored."""
    with engine.begin() as connection:
        for table in (links, end_companies, installations, channels, agents, tenants):
            connection.execute(table.delete())
        _insert(connection, tenants, map(asdict, world.tenants))
        _insert(connection, agents, map(asdict, world.agents))
        _insert(connection, channels, (_columns(channel, channels) for channel in world.channels))
        _insert(connection, installations, _installations(world))
        _insert(connection, end_companies, (_columns(company, end_companies) for company in world.end_companies))
        _insert(connection, links, _links(world))


def _insert(connection: Connection, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    if values := list(rows):
        connection.execute(table.insert(), values)


def _columns(row: Any, table: Any) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in table.columns}


def _installations(world: World) -> Iterator[dict[str, Any]]:
    for channel in world.channels:
        for m365_tenant_id in channel.installed_m365_tenant_ids:
            row = {name: getattr(channel, name) for name in ("bot_id", "status", "white_label")}
            yield {**row, "channel_id": channel.id, "m365_tenant_id": m365_tenant_id}


def _links(world: World) -> Iterator[dict[str, Any]]:
    for company in world.end_companies:
        for m365_tenant_id in company.m365_tenant_ids:
            yield {
                "end_company_id": company.id,
                "tenant_id": company.tenant_id,
                "m365_tenant_id": m365_tenant_id,
            }
