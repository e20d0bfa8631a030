"""Ids of sessions: UUIDs of version 7 (RFC 9562), which sort by the time at which they were made."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from threading import Lock
from typing import ClassVar, Final
from uuid import UUID

_COUNTER_BITS: Final = 42
_RANDOM_BITS: Final = 32
_VERSION_AND_VARIANT: Final = 7 << 76 | 2 << 62


class SessionIds:
    """Makes an id whenever it is called, each larger than the one before, in any thread.

    48 bits are milliseconds since 1970, 42 count on within one of them from a random start, and 32 are random. A clock
    that goes back is not followed: then the count goes on in the latest millisecond that there was.

    >>> ids = SessionIds(milliseconds=lambda: 1_764_417_600_000)
    >>> first, second = ids(), ids()
    >>> first.version, first < second, str(first)[:13]
    (7, True, '019acf7b-fa00')
    """

    _lock: ClassVar = Lock()

    def __init__(
        self,
        *,
        milliseconds: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._milliseconds = milliseconds
        self._random_bytes = random_bytes
        self._latest = -1
        self._counter = 0

    def __call__(self) -> UUID:
        """Make the next id."""
        now, drawn = self._milliseconds(), int.from_bytes(self._random_bytes(10), "big")
        with SessionIds._lock:
            if now > self._latest:
                self._latest, self._counter = now, drawn >> (80 - _COUNTER_BITS + 1)  # the highest bit stays free
            else:
                self._counter += 1
                if self._counter >> _COUNTER_BITS:
                    self._latest, self._counter = self._latest + 1, 0
            moment, counter = self._latest, self._counter
        high, low = divmod(counter, 1 << 30)
        number = moment << 80 | high << 64 | low << _RANDOM_BITS | drawn & (1 << _RANDOM_BITS) - 1
        return UUID(int=number | _VERSION_AND_VARIANT)


def _renew() -> None:
    SessionIds._lock = Lock()  # noqa: SLF001  # of one module; a thread that the child does not have may hold the old one


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
