"""Counts of calls in memory, for the sliding-window counter of `limits`.

The storage that comes with it goes through all its keys at each call, which somebody with many addresses could make
slow, and it reads the system's clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import floor
from typing import Final

from limits.aio.storage import SlidingWindowCounterSupport, Storage

_NO_COUNTS: Final[Mapping[str, int]] = {}


class MemoryWindows(Storage, SlidingWindowCounterSupport):
    """What came in this window and in the last, by key; what is older is forgotten when a window begins."""

    STORAGE_SCHEME: Final = ["async+neo-memory"]  # type: ignore[misc]  # the base declares a variable

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._clock = clock
        self._counts: dict[tuple[int, int], dict[str, int]] = {}

    @property
    def base_exceptions(self) -> type[Exception]:
        """What may be raised here, which is nothing of this kind."""
        return OSError

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count calls unless they are too many, and tell whether they were counted."""
        previous, previous_seconds, current, _ = self._windows(key, expiry)
        if floor(previous * previous_seconds / expiry + current) + amount > limit:
            return False
        self._count(key, expiry, amount)
        return True

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Return the count of the last window and of this one, each with the seconds until it counts no more."""
        return self._windows(key, expiry)

    async def clear_sliding_window(self, key: str, expiry: int) -> None:  # noqa: ARG002  # as above
        """Forget the calls of a key."""
        await self.clear(key)

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count calls in the window that is now, whether or not they are too many."""
        return self._count(key, expiry, amount)

    async def get(self, key: str) -> int:
        """Return how many calls of a key are remembered."""
        return sum(counts.get(key, 0) for counts in self._counts.values())

    async def get_expiry(self, key: str) -> float:  # noqa: ARG002  # windows of several lengths may hold the key
        """Return until when something is remembered at least: the time that it is."""
        return self._clock()

    async def check(self) -> bool:
        """Tell that it works."""
        return True

    async def reset(self) -> int:
        """Forget all calls, and return of how many windows."""
        forgotten = len(self._counts)
        self._counts.clear()
        return forgotten

    async def clear(self, key: str) -> None:
        """Forget the calls of a key."""
        for counts in self._counts.values():
            counts.pop(key, None)

    # What the base class gives to others it wraps, and once more where one calls the other.
    def _windows(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        whole, passed = divmod(self._clock(), expiry)
        index = int(whole)
        previous = self._counts.get((expiry, index - 1), _NO_COUNTS).get(key, 0)
        current = self._counts.get((expiry, index), _NO_COUNTS).get(key, 0)
        return previous, expiry - passed, current, 2 * expiry - passed

    def _count(self, key: str, expiry: int, amount: int) -> int:
        index = int(self._clock() // expiry)
        counts = self._counts.get((expiry, index))
        if counts is None:
            for old in [one for one in self._counts if one[0] == expiry and one[1] != index - 1]:
                del self._counts[old]
            self._counts[expiry, index] = counts = {}
        counts[key] = count = counts.get(key, 0) + amount
        return count
