"""What a worker asks: the directory, the store of sessions, who counts calls, and who signs tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from attrs import frozen
from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine

from neo_routing import ManagedAgentKey, RowsNeeded
from neo_routing_adapters.command.serve.callers import jwks_source, limits
from neo_routing_adapters.command.serve.databases import Data
from neo_routing_adapters.command.serve.engines import close, engine_for
from neo_routing_adapters.command.serve.settings import Settings
from neo_routing_adapters.http import AwaitedDirectory
from neo_routing_adapters.http.callers import JwksCache, RateLimits
from neo_routing_adapters.http.credentials_sql import SqlEntraLinks, SqlKeyStore
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.sql import AsyncSqlDirectory

if TYPE_CHECKING:
    from redis.asyncio import ConnectionPool

_NO_KEY: Final = bytes(32)
_NO_M365_TENANT: Final = "00000000-0000-0000-0000-000000000000"
_EVERY_RELATION: Final[RowsNeeded] = ("readyz", 1, ManagedAgentKey.NEO_SUPPORT, "readyz", _NO_M365_TENANT)


@frozen(kw_only=True)
class Parts:
    """They are made for one event loop."""

    directory: AwaitedDirectory
    directory_engine: AsyncEngine | Engine | None
    sessions_engine: AsyncEngine | Engine
    sessions: SqlSessions
    """Decides within its transactions where that can be."""
    keys: SqlKeyStore
    links: SqlEntraLinks
    limits: RateLimits
    redis: ConnectionPool | None
    jwks: JwksCache

    @classmethod
    def of(cls, settings: Settings, data: Data) -> Self:
        """Make them; nobody is asked yet."""
        engine = engine_for(data.sessions_url, connections=settings.connections, seconds=settings.sessions_deadline)
        directory_engine = engine if data.is_one_database else _directory_engine(settings, data)
        directory = _directory(settings, data, directory_engine)
        redis, seconds = _redis(settings), settings.sessions_deadline
        within = directory if data.is_one_database and isinstance(directory, AsyncSqlDirectory) else None
        return cls(
            directory=directory,
            directory_engine=directory_engine,
            sessions_engine=engine,
            sessions=SqlSessions(engine, within, deadline=seconds),
            keys=SqlKeyStore(engine, seconds=seconds),
            links=SqlEntraLinks(engine, seconds=seconds),
            limits=_limits(settings, redis),
            redis=redis,
            jwks=JwksCache(jwks_source(settings)),
        )

    def questions(self, *, keys: bool, tokens: bool) -> Mapping[str, Callable[[], Awaitable[object]]]:
        """Return who must answer, so that calls with keys, or with tokens, can be answered, and what to ask them.

        It is what a call asks, of things that are not there; nothing of it is kept.
        """
        asked: dict[str, Callable[[], Awaitable[object]]] = {
            "directory": self._ask_directory,
            "sessions": self.sessions.ask,
            "rate_limits": self.limits.ask,
        }
        if keys:
            asked["keys"] = partial(self.keys.find, [_NO_KEY])
        if tokens:
            asked["entra_links"] = partial(self.links.tenant_of, _NO_M365_TENANT)
        return asked

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
        ask = self.sessions.ask_directory if self.sessions.has_directory else self.directory.look_up
        rows = ask([_EVERY_RELATION])
        if isinstance(rows, Awaitable):
            await rows


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
