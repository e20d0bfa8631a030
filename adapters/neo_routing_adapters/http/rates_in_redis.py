"""Counts of calls in Redis, for several processes that share them."""

from __future__ import annotations

from typing import Any, Final

from limits.aio.storage import RedisStorage

from neo_routing_adapters.extras import how_to_install

try:
    from redis.asyncio import BlockingConnectionPool, ConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] != "redis":
        raise
    told = f"counts in Redis need its client; {how_to_install('redis')}"
    raise ModuleNotFoundError(told, name=missing.name) from missing

_MOST_CONNECTIONS: Final = 32


def redis_pool(url: str, *, seconds: float = 0.5) -> ConnectionPool:
    """Return connections to Redis, redis://… or rediss://…, none of which is made yet; close them by `disconnect`.

    A call waits no longer than these seconds for a connection, and for what Redis says, and nothing is tried again: a
    call that waits is worse than one that is not counted. Raises `ValueError` for another URL.
    """
    pool: ConnectionPool = BlockingConnectionPool.from_url(
        url,
        max_connections=_MOST_CONNECTIONS,
        timeout=seconds,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), 0),
    )
    return pool


def redis_windows(pool: ConnectionPool) -> RedisStorage:
    """Return where `RateLimits` keeps its counts, in the Redis that these connections lead to."""
    options: dict[str, Any] = {"connection_pool": pool}
    return RedisStorage(
        "async+redis://", wrap_exceptions=True, implementation="redispy", key_prefix="neo_routing", **options
    )
