"""Engines as the endpoint takes them: asynchronous ones, and the plain engine of a SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from neo_routing_adapters.command.serve.engines import close


def engine_for(url: str | URL, driver: str, **options: Any) -> AsyncEngine | Engine:
    """Return an engine on a database with this driver."""
    at = make_url(url).set(drivername=driver)
    return create_engine(at, **options) if driver == "sqlite" else create_async_engine(at, **options)


@asynccontextmanager
async def engine_of(url: str | URL, driver: str, **options: Any) -> AsyncIterator[AsyncEngine | Engine]:
    """Give an engine, and close it in the end."""
    engine = engine_for(url, driver, **options)
    try:
        yield engine
    finally:
        await close(engine)
