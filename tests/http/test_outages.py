"""What the endpoint needs is gone, and back: calls are answered in time meanwhile, and served again after."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from sqlalchemy import create_engine

from neo_routing_adapters.http import MemorySessions, application
from neo_routing_adapters.http.callers import Limit, Limits, RateLimits
from neo_routing_adapters.http.rates_in_redis import redis_pool, redis_windows
from tests.programs.http.calls import GOOD, NOON, PATIENCE, SESSIONS, USER, an_endpoint, headers_of
from tests.programs.http.on_a_database import fill, kept_in, served_on
from tests.programs.http.served import served
from tests.programs.servers.postgres_server import PostgresServer, wait_until
from tests.programs.servers.redis_server import RedisServer

DEADLINE = 0.5
"""In seconds, of each transaction and look-up."""
BOUND = 5.0
"""In seconds: no call takes so long, whatever is gone. It has a few steps, and machines are shared."""
DATABASE_GONE = {"directory_unavailable", "sessions_unavailable"}


class Client:
    """Somebody who calls on one connection."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client

    def post(self, **headers: str) -> httpx2.Response:
        began = time.monotonic()
        answer = self._client.post(SESSIONS, content=GOOD, headers=headers_of(USER, **headers))
        assert time.monotonic() - began < BOUND
        return answer

    def is_served(self, **headers: str) -> bool:
        return self.post(**headers).status_code == 200

    def require_outage(self, codes: set[str], **headers: str) -> None:
        answer = self.post(**headers)
        assert (answer.status_code, answer.json()["error"]["code"] in codes) == (500, True), answer.text
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["cache-control"] == "no-store"


@contextmanager
def calling(port: int) -> Iterator[Client]:
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
        yield Client(client)


@pytest.mark.parametrize("way", ["stop", "kill", "freeze"])
def test_while_a_server_of_databases_is_gone_calls_are_outages_and_then_sessions_again(
    postgres: PostgresServer, database_url: str, way: str
) -> None:
    fill(database_url)
    with served_on(database_url, deadline=DEADLINE) as port, calling(port) as client:
        assert client.is_served(idempotency_key="before")
        getattr(postgres, way)()
        try:
            for turn in range(3):
                client.require_outage(DATABASE_GONE, idempotency_key=f"meanwhile-{turn}")
        finally:
            (postgres.thaw if way == "freeze" else postgres.start)()
        wait_until(lambda: client.is_served(idempotency_key="after"))
        assert client.is_served(idempotency_key="before")
        assert client.is_served(idempotency_key="after")
        assert sorted(key or "" for _, key in kept_in(database_url)) == ["after", "before"]
        assert client.is_served(idempotency_key="meanwhile-0")
    assert sorted(key or "" for _, key in kept_in(database_url)) == ["after", "before", "meanwhile-0"]


def test_while_another_process_writes_to_a_file_calls_are_outages_and_then_sessions_again(sqlite_url: str) -> None:
    fill(sqlite_url)
    with served_on(sqlite_url, deadline=DEADLINE) as port, calling(port) as client:
        assert client.is_served()
        engine = create_engine(sqlite_url)
        with engine.connect() as writer:
            writer.exec_driver_sql("BEGIN IMMEDIATE")
            for _ in range(2):
                client.require_outage(DATABASE_GONE)
        engine.dispose()
        wait_until(client.is_served)
    assert len(kept_in(sqlite_url)) == 2


@contextmanager
def limited(redis: RedisServer, limit: int, *, open_when_gone: bool) -> Iterator[tuple[Client, RateLimits]]:
    pool = redis_pool(redis.url)
    limits = Limits(tenant=Limit(limit, seconds=3600))
    rates = RateLimits(limits, redis_windows(pool), open_when_gone=open_when_gone, pause=0.05)
    endpoint = an_endpoint(sessions=MemorySessions(now=lambda: NOON), rate_limiter=rates)
    with served(application(endpoint), then=pool.disconnect) as port, calling(port) as client:
        yield client, rates


def test_without_redis_calls_pass_uncounted_and_are_limited_again_when_it_is_back(redis: RedisServer) -> None:
    with limited(redis, 3, open_when_gone=True) as (client, rates):
        assert client.is_served()
        redis.stop()
        try:
            assert all(client.is_served() for _ in range(6))
        finally:
            redis.start()
        assert rates.outages == 12  # whether an address may try, and how often the tenant has, for each call
        wait_until(lambda: client.post().status_code == 429)
        gone, answer = rates.outages, client.post()
        assert (answer.status_code, answer.json()["error"]["code"], rates.outages) == (429, "rate_limited", gone)
        assert int(answer.headers["retry-after"]) > 0


def test_without_redis_no_call_passes_where_that_is_wanted(redis: RedisServer) -> None:
    with limited(redis, 1_000, open_when_gone=False) as (client, rates):
        assert client.is_served()
        redis.stop()
        try:
            for turn in range(1, 4):
                client.require_outage({"rate_limit_unavailable"})
                assert rates.outages == turn
        finally:
            redis.start()
        wait_until(client.is_served)
