"""How often somebody may call: a tenant, by all its keys and users together, and an address that fails to say who."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final, TypeAlias, TypeVar

from attrs import field, frozen
from attrs.validators import ge
from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError

from neo_routing import Caller
from neo_routing_adapters.http.ports import RateLimitUnavailable
from neo_routing_adapters.http.rate_windows import MemoryWindows

_Answer = TypeVar("_Answer")
WindowStorage: TypeAlias = MemoryWindows | RedisStorage
"""Where counts are kept."""

_ASKING: Final = RateLimitItemPerSecond(1_000_000)
"""Of nobody: it is counted by whoever asks whether anything can be."""
_ONE_CUSTOMERS_BITS: Final = 64
"""Of an address of IPv6: whoever has one has all that begin like it."""
_SHORTEST_WAIT: Final = 0.001


@frozen
class Limit:
    """So many calls in so many seconds, weighted over a window that slides. Raises `ValueError` for less than one."""

    calls: int = field(validator=ge(1))
    seconds: int = field(default=60, validator=ge(1))


@frozen(kw_only=True)
class Limits:
    """Which limits there are; `None` is no limit."""

    tenant: Limit | None = Limit(1_200)
    """Of a tenant, whichever of its keys and users calls."""
    platform: Limit | None = None
    """Of the platform, of all its keys together: one limit would make all MSPs wait for one."""
    failures: Limit | None = Limit(60)
    """Of failed authentications from an address."""


_NONE: Final = Limits(tenant=None, platform=None, failures=None)


class RateLimits:
    """Counts in memory, or in a storage that several processes share.

    When that storage is gone, calls pass, or with `open_when_gone=False` none does. Each time is counted in `outages`.
    It is not asked again for a second then, so that calls need not wait for it.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        storage: WindowStorage | None = None,
        *,
        open_when_gone: bool = True,
        seconds: float = 0.5,
        pause: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = Limits() if limits is None else limits
        self._storage = MemoryWindows() if storage is None else storage
        self._windows = SlidingWindowCounterRateLimiter(self._storage)
        self._open_when_gone = open_when_gone
        self._seconds = None if isinstance(self._storage, MemoryWindows) else seconds  # there nothing waits
        self._pause = pause
        self._clock = clock
        self._ask_again_at = clock()
        self.outages = 0
        """How many calls could not be counted."""

    async def hit(self, caller: Caller, /) -> float | None:
        """Count a call, and return the seconds to wait if it is one too many. Raises `RateLimitUnavailable`."""
        if caller.is_platform:
            return await self._ask(self._limits.platform, self._hit, "platform")
        return await self._ask(self._limits.tenant, self._hit, f"tenant:{caller.tenant_id}")

    async def blocked(self, address: str, /) -> float | None:
        """Return the seconds until an address may try again if it has failed too often, and count nothing.

        Raises `RateLimitUnavailable`.
        """
        return await self._ask(self._limits.failures, self._wait_after_test, f"failed:{_customer(address)}")

    async def failed(self, address: str, /) -> None:
        """Count an authentication that failed. Raises `RateLimitUnavailable`."""
        await self._ask(self._limits.failures, self._hit, f"failed:{_customer(address)}")

    async def ask(self) -> None:
        """Ask the storage whether calls can be counted now, if none may pass without. Raises `RateLimitUnavailable`.

        What it counts for that is nobody's, and is forgotten within seconds.
        """
        if self._open_when_gone or self._seconds is None or self._limits == _NONE:
            return
        try:
            async with asyncio.timeout(self._seconds):
                await self._windows.hit(_ASKING, "asked")
        except (StorageError, OSError) as error:
            raise RateLimitUnavailable from error

    async def _hit(self, item: RateLimitItemPerSecond, key: str) -> float | None:
        return None if await self._windows.hit(item, key) else await self._wait(item, key)

    async def _wait_after_test(self, item: RateLimitItemPerSecond, key: str) -> float | None:
        return None if await self._windows.test(item, key) else await self._wait(item, key)

    async def _wait(self, item: RateLimitItemPerSecond, key: str) -> float:
        windows = await self._storage.get_sliding_window(item.key_for(key), item.get_expiry())
        return seconds_to_wait(item.amount, item.get_expiry(), *windows)

    async def _ask(
        self,
        limit: Limit | None,
        question: Callable[[RateLimitItemPerSecond, str], Awaitable[_Answer]],
        key: str,
    ) -> _Answer | None:
        if limit is None:
            return None
        if self._clock() < self._ask_again_at:
            self._gone(None)
            return None
        try:
            item = _item(limit)
            if self._seconds is None:
                return await question(item, key)
            async with asyncio.timeout(self._seconds):
                return await question(item, key)
        except (StorageError, OSError) as error:
            self._ask_again_at = self._clock() + self._pause
            self._gone(error)
        return None

    def _gone(self, error: Exception | None) -> None:
        self.outages += 1
        if not self._open_when_gone:
            raise RateLimitUnavailable from error


def seconds_to_wait(
    limit: int, seconds: int, previous: int, previous_seconds: float, current: int, current_seconds: float
) -> float:
    """Return the seconds until one call more passes, if there are no others meanwhile.

    A window's count loses weight as it goes by; `current_seconds` is until that of this window has none.

    >>> seconds_to_wait(10, 60, 0, 0.0, 10, 90.0), seconds_to_wait(10, 60, 20, 30.0, 0, 120.0)
    (30.0, 0.001)
    """
    if current < limit:
        return max(previous_seconds - (limit - current) * seconds / max(previous, 1), _SHORTEST_WAIT)
    return max(current_seconds - limit * seconds / current, _SHORTEST_WAIT)


@lru_cache
def _item(limit: Limit) -> RateLimitItemPerSecond:
    return RateLimitItemPerSecond(limit.calls, limit.seconds)


@lru_cache(maxsize=1024)  # to read an address takes as long as to look at its count
def _customer(address: str) -> str:
    """Return whose address it is, as far as it tells: an address of IPv4, or half of one of IPv6."""
    try:
        known = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(known, IPv6Address):
        return str(known)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return f"{IPv6Address(int(known) >> _ONE_CUSTOMERS_BITS << _ONE_CUSTOMERS_BITS)}/{_ONE_CUSTOMERS_BITS}"
