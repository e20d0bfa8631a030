"""How often somebody may call: counted over all keys, in memory or in a Redis that several processes share."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, closing
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as some

from neo_routing import Caller, CallerKind
from neo_routing_adapters.http.ports import RateLimitUnavailable
from neo_routing_adapters.http.rate_limits import Limit, Limits, RateLimits, seconds_to_wait
from neo_routing_adapters.http.rate_windows import MemoryWindows
from neo_routing_adapters.http.rates_in_redis import redis_pool, redis_windows
from tests.programs.servers.redis_server import RedisServer

MSP = Caller(CallerKind.SERVICE_ACCOUNT, "northwind-it")
USER = Caller(CallerKind.USER, "northwind-it")
OTHER = Caller(CallerKind.SERVICE_ACCOUNT, "tailspin")
PLATFORM = Caller(CallerKind.PLATFORM, "northwind-it")
FEW = Limits(tenant=Limit(3), failures=Limit(3))
T = TypeVar("T")


def done(awaited: Awaitable[T]) -> T:
    async def wait() -> T:
        return await awaited

    return asyncio.run(wait())


class Clock:
    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(1_800_000_000.0)


def in_memory(clock: Clock, limits: Limits | None = None) -> RateLimits:
    return RateLimits(limits, MemoryWindows(clock=clock))


def test_a_tenant_may_call_1200_times_in_60_seconds_whoever_of_it_calls(clock: Clock) -> None:
    rates = in_memory(clock)

    async def calls() -> list[float | None]:
        return [await rates.hit((MSP, USER)[number % 2]) for number in range(1_201)]

    *passed, last = done(calls())
    assert passed == [None] * 1_200
    assert last == pytest.approx(60.0, abs=0.01)
    assert done(rates.hit(OTHER)) is None


def test_the_window_slides(clock: Clock) -> None:
    rates = in_memory(clock, Limits(tenant=Limit(60)))

    async def calls(count: int) -> int:
        return sum([await rates.hit(MSP) is None for _ in range(count)])

    assert done(calls(100)) == 60
    clock.now += 59.9
    assert done(calls(100)) == 0
    clock.now += 0.1 + 15
    assert done(calls(100)) == 15, "a quarter of the last window has gone by"
    clock.now += 120
    assert done(calls(100)) == 60


def test_a_call_that_is_refused_does_not_count(clock: Clock) -> None:
    rates = in_memory(clock, FEW)

    async def calls() -> list[float | None]:
        return [await rates.hit(MSP) for _ in range(100)]

    assert done(calls())[3:] == pytest.approx([60.0] * 97)
    clock.now += 61
    assert done(rates.hit(MSP)) is None


def test_the_platform_has_no_limit_unless_one_is_set_and_shares_none(clock: Clock) -> None:
    async def calls(rates: RateLimits) -> list[bool]:
        return [await rates.hit(PLATFORM) is None for _ in range(5)]

    assert all(done(calls(in_memory(clock, FEW))))
    limited = in_memory(clock, Limits(tenant=Limit(3), platform=Limit(4)))
    assert done(calls(limited)) == [True] * 4 + [False]
    assert done(limited.hit(MSP)) is None


def test_an_address_that_fails_often_is_blocked_and_looking_counts_nothing(clock: Clock) -> None:
    rates = in_memory(clock, FEW)

    async def tries() -> list[float | None]:
        told = []
        for _ in range(5):
            told += [await rates.blocked("192.0.2.1"), await rates.blocked("192.0.2.1")]
            await rates.failed("192.0.2.1")
        return told

    told = done(tries())
    assert told[:6] == [None] * 6
    assert told[6:] == pytest.approx([60.0] * 4)
    assert done(rates.blocked("192.0.2.2")) is None


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("192.0.2.1", "192.0.2.10", False),
        ("unix:", "testclient", False),
        ("", "", True),
    ],
)
def test_whoever_has_half_an_address_of_ipv6_has_all_that_begin_like_it(
    one: str, other: str, same: bool, clock: Clock
) -> None:
    rates = in_memory(clock, Limits(failures=Limit(1)))
    done(rates.failed(one))
    assert (done(rates.blocked(other)) is not None) == same


def test_many_addresses_are_forgotten_when_their_windows_are_over(clock: Clock) -> None:
    windows = MemoryWindows(clock=clock)
    rates = RateLimits(None, windows)

    async def fail() -> None:
        for number in range(10_000):
            await rates.failed(f"10.0.{number // 250}.{number % 250}")

    done(fail())
    clock.now += 120
    done(rates.failed("192.0.2.1"))
    assert sum(map(len, windows._counts.values())) == 1


def test_limits_can_be_off(clock: Clock) -> None:
    rates = in_memory(clock, Limits(tenant=None, failures=None))

    async def calls() -> None:
        for _ in range(2_000):
            assert await rates.hit(MSP) is None
            await rates.failed("192.0.2.1")
        assert await rates.blocked("192.0.2.1") is None

    done(calls())


@pytest.mark.parametrize("wrong", [(0,), (-1,), (1, 0)])
def test_a_limit_that_lets_nobody_in_is_refused(wrong: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must be >= 1"):
        Limit(*wrong)


@given(
    limit=some.integers(1, 50),
    seconds=some.integers(1, 100),
    hits=some.lists(some.floats(0, 40), min_size=1, max_size=80),
)
def test_who_waits_as_long_as_is_said_may_call_and_who_waits_less_may_not(
    limit: int, seconds: int, hits: list[float]
) -> None:
    clock = Clock(1_000.0)
    rates = RateLimits(Limits(tenant=Limit(limit, seconds)), MemoryWindows(clock=clock))

    async def calls() -> None:
        for passing in hits:
            clock.now += passing
            wait = await rates.hit(MSP)
            if wait is None:
                continue
            before = clock.now
            clock.now = before + 0.9 * wait
            assert wait < 0.01 or await rates.hit(MSP) is not None
            clock.now = before + wait + 0.001
            assert await rates.hit(MSP) is None

    done(calls())


def test_the_wait_is_never_nothing() -> None:
    assert seconds_to_wait(1, 60, 1, 60.0, 0, 120.0) > 0


def test_the_storage_in_memory_can_be_looked_into_and_emptied(clock: Clock) -> None:
    windows = MemoryWindows(clock=clock)

    async def use() -> None:
        assert await windows.check()
        assert await windows.incr("a", 60) + await windows.incr("a", 60) == 3
        assert await windows.get("a") == 2
        assert await windows.get_expiry("a") == clock.now
        await windows.clear_sliding_window("a", 60)
        assert await windows.get("a") == 0
        assert await windows.reset() == 1
        assert await windows.reset() == 0

    done(use())


# Redis


@asynccontextmanager
async def shared(url: str, count: int, limits: Limits = FEW, **more: Any) -> AsyncIterator[list[RateLimits]]:
    """What several processes have that count in one Redis."""
    pools = [redis_pool(url, seconds=more.get("seconds", 0.5)) for _ in range(count)]
    try:
        yield [RateLimits(limits, redis_windows(pool), **more) for pool in pools]
    finally:
        for pool in pools:
            await pool.disconnect()


def test_two_processes_share_what_stands_in_redis(redis: RedisServer) -> None:
    tenant = Caller(CallerKind.USER, "shared/{tenant}:1")

    async def calls() -> None:
        async with shared(redis.url, 2) as (first, second):
            passed = [await rates.hit(tenant) is None for rates in (first, second, first, second, first)]
            assert passed == [True, True, True, False, False]
            wait = await second.hit(tenant)
            assert wait is not None and 0 < wait <= 60
            for rates in (first, second, first):
                assert await rates.blocked("192.0.2.1") is None
                await rates.failed("192.0.2.1")
            assert await second.blocked("192.0.2.1") is not None
            assert first.outages == second.outages == 0

    done(calls())


def test_a_hundred_calls_at_once_pass_no_more_than_the_limit(redis: RedisServer) -> None:
    tenant = Caller(CallerKind.USER, "at-once")

    async def calls() -> int:
        async with shared(redis.url, 2, Limits(tenant=Limit(20)), seconds=20) as rates:
            told = await asyncio.gather(*(rates[number % 2].hit(tenant) for number in range(100)))
            assert sum(each.outages for each in rates) == 0
            return told.count(None)

    assert done(calls()) == 20


def test_when_redis_is_gone_calls_pass_are_counted_and_are_limited_again_when_it_is_back(redis: RedisServer) -> None:
    clock = Clock()
    tenant = Caller(CallerKind.USER, "gone-and-back")

    async def calls() -> None:
        async with shared(redis.url, 1, clock=clock) as [rates]:
            assert await rates.hit(tenant) is None
            redis.stop()
            try:
                for _ in range(10):
                    assert await rates.hit(tenant) is None
                    assert await rates.blocked("192.0.2.1") is None
            finally:
                redis.start()
            assert rates.outages == 20
            assert await rates.hit(tenant) is None, "it is not asked again before a second has passed"
            assert rates.outages == 21
            clock.now += 1.0
            assert [await rates.hit(tenant) is None for _ in range(4)] == [True, True, True, False]
            assert rates.outages == 21

    done(calls())


@pytest.mark.parametrize("what", ["hit", "blocked", "failed"])
def test_when_redis_is_gone_no_call_passes_if_that_is_wanted(what: str) -> None:
    question: Any = MSP if what == "hit" else "192.0.2.1"

    async def calls() -> None:
        async with shared(nowhere(), 1, open_when_gone=False) as [rates]:
            for _ in range(2):
                with pytest.raises(RateLimitUnavailable) as caught:
                    await getattr(rates, what)(question)
                assert "127.0.0.1" not in str(caught.value)
            assert rates.outages == 2

    done(calls())


def nowhere() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"redis://127.0.0.1:{free.getsockname()[1]}"


def test_a_redis_that_does_not_answer_costs_little_time_and_only_once() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"

        async def calls() -> None:
            async with shared(url, 1, seconds=0.2) as [rates]:
                for _ in range(50):
                    assert await rates.hit(MSP) is None
                assert rates.outages == 50

        before = time.monotonic()
        done(calls())
        assert time.monotonic() - before < 5


@pytest.mark.parametrize("url", ["memory://", "http://127.0.0.1", "127.0.0.1:6379"])
def test_counts_are_shared_in_redis_and_nowhere_else(url: str) -> None:
    with pytest.raises(ValueError, match="redis"):
        redis_pool(url)
