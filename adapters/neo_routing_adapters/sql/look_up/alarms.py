"""Ends waits in an event loop when it is time: one timer for all of them, as one for each took a fiftieth of a call."""

from __future__ import annotations

import asyncio
from contextvars import Context
from math import inf
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary, ref

Waiter: TypeAlias = "asyncio.Future[None]"


def wake(waiter: Waiter) -> None:
    """End a wait, unless that has ended."""
    if not waiter.done():
        waiter.set_result(None)


class Alarm:
    """Wakes those of an event loop who have waited for long enough."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[Waiter, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = inf

    def set(self, waiter: Waiter, seconds: float) -> None:
        """Wake somebody after so many seconds, unless it is called off."""
        now = self._loop.time()
        self._waiting[waiter] = at = now + seconds
        if self._rings_at < now:  # the loop is late, or an exception was thrown into the ring before it began
            self._ring_at(now)
        elif at < self._rings_at:
            self._ring_at(at)

    def call_off(self, waiter: Waiter) -> None:
        """Let somebody sleep."""
        self._waiting.pop(waiter, None)

    def _ring_at(self, at: float) -> None:
        # In a context of its own: it would hold on to whatever the one who happens to set it knows.
        timer = self._loop.call_at(at, self._ring, context=Context())
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._rings_at = timer, at

    def _ring(self) -> None:
        self._rings_at = inf
        try:
            now = self._loop.time()
            for waiter in [waiter for waiter, until in self._waiting.items() if until <= now]:
                del self._waiting[waiter]
                wake(waiter)
        finally:  # whatever is thrown into it, it rings again
            if self._waiting:
                self._ring_at(min(self._waiting.values()))


# The alarm knows the loop, so it is the loop's to keep: that has its timer.
_alarms: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, ref[Alarm]]] = WeakKeyDictionary()


def alarm_of(loop: asyncio.AbstractEventLoop) -> Alarm:
    """Return the alarm of an event loop, in which it must be set."""
    known = _alarms.get(loop)
    alarm = None if known is None else known()
    if alarm is None:
        alarm = Alarm(loop)
        _alarms[loop] = ref(alarm)
    return alarm
