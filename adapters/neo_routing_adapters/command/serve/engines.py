"""The engine with which a worker asks a database that a setting names: of a SQLite file a synchronous one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from neo_routing_adapters.command.database_engine import postgresql_arguments, sqlite_arguments
from neo_routing_adapters.command.database_url import SQLITE, read_url

SETTINGS: Final[Mapping[str, Any]] = {
    "isolation_level": "AUTOCOMMIT",
    "skip_autocommit_rollback": True,
    # Of a SQLite file, each connection reads anew what another has written: the fewer take turns, the better.
    "pool_use_lifo": True,
}
"""Settings of an engine that decides and keeps sessions, and does nothing else."""


def engine_for(url_text: str, *, connections: int, seconds: float) -> AsyncEngine | Engine:
    """Make an engine, without connecting yet, for the database that the command calls by the same URL."""
    url = read_url(url_text)
    settings: dict[str, Any] = {**SETTINGS, "pool_size": connections, "max_overflow": 0, "pool_timeout": seconds}
    if url.drivername == SQLITE:
        path, parameters, wait = sqlite_arguments(url)
        name = URL.create(SQLITE, database=f"file:{quote(str(path))}", query={**parameters, "uri": "true"})
        return create_engine(name, connect_args={"timeout": wait}, **settings)
    url, options = postgresql_arguments(url)
    return create_async_engine(url, connect_args=options, **settings)


async def close(engine: AsyncEngine | Engine) -> None:
    """Close the connections of an engine."""
    if isinstance(engine, AsyncEngine):
        await engine.dispose()
    else:
        engine.dispose()
