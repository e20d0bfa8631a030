"""What a worker asks: the directory, the store of sessions, who counts calls, and who signs tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Self

from attrs import frozen
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from neo_routing_adapters.command.serve.callers import jwks_source, limits
from neo_routing_adapters.command.serve.databases import Data
from neo_routing_adapters.command.serve.engines import close, engine_for
from neo_routing_adapters.command.serve.settings import Settings
from neo_routing_adapters.http import AwaitedDirectory
from neo_routing_adapters.http.callers import JwksCache, RateLimits
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.sql import AsyncSqlDirectory

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool


@frozen(kw_only=True)
class Parts:
    """They are made for one event loop."""

    directory: AwaitedDirectory
    directory_engine: AsyncEngine | Engine | None
    sessions_engine: AsyncEngine | Engine
    limits: RateLimits
    redis: ConnectionPool | None
    jwks: JwksCache

    @classmethod
    def of(cls, settings: Settings, data: Data) -> Self:
        """Make them; nobody is asked yet."""
        engine = engine_for(data.sessions_url, connections=settings.connections, seconds=settings.sessions_deadline)
        directory_engine = engine if data.is_one_database else _directory_engine(settings, data)
        redis = _redis(settings)
        return cls(
            directory=_directory(settings, data, directory_engine),
            directory_engine=directory_engine,
            sessions_engine=engine,
            limits=_limits(settings, redis),
            redis=redis,
            jwks=JwksCache(jwks_source(settings)),
        )

    def sessions(self, seconds: float) -> SqlSessions:
        """Return the store, which decides within its transactions where that can be."""
        within = self.directory if self.directory_engine is self.sessions_engine else None
        return SqlSessions(
            self.sessions_engine, within if isinstance(within, AsyncSqlDirectory) else None, deadline=seconds
        )

    def questions(self, seconds: float) -> Mapping[str, Callable[[], Awaitable[object]]]:
        """Return who must answer, so that calls can be answered, and what to ask them."""
        return {"directory": self._ask_directory, "sessions": partial(self._ask_sessions, seconds)}

    @asynccontextmanager
    async def until_it_ends(self, _application: object) -> AsyncIterator[None]:
        """Close all connections when the application ends."""
        try:
            yield
        finally:
            await close(self.sessions_engine)
            if self.directory_engine is not None:
                await close(self.directory_engine)
            if self.redis is not None:
                await self.redis.disconnect()

    async def _ask_directory(self) -> None:
        rows = self.directory.look_up([("readyz", None, None, None, None)])
        if isinstance(rows, Awaitable):
            await rows

    async def _ask_sessions(self, seconds: float) -> None:
        await self.sessions(seconds).ask()


def _directory_engine(settings: Settings, data: Data) -> AsyncEngine | Engine | None:
    if data.directory_url is None:
        return None
    return engine_for(data.directory_url, connections=settings.connections, seconds=settings.directory_deadline)


def _directory(settings: Settings, data: Data, engine: AsyncEngine | Engine | None) -> AwaitedDirectory:
    if data.document is not None:
        return data.document
    assert engine is not None, "a directory is a document or in a database"
    return AsyncSqlDirectory(engine, deadline=settings.directory_deadline)


def _redis(settings: Settings) -> ConnectionPool | None:
    if settings.redis_url is None:
        return None
    from neo_routing_adapters.http.rates_in_redis import redis_pool  # noqa: PLC0415  # its extra may be missing

    return redis_pool(settings.redis_url)


def _limits(settings: Settings, redis: ConnectionPool | None) -> RateLimits:
    if redis is None:
        return RateLimits(limits(settings))
    from neo_routing_adapters.http.rates_in_redis import redis_windows  # noqa: PLC0415  # its extra may be missing

    return RateLimits(limits(settings), redis_windows(redis), open_when_gone=settings.without_redis == "open")
