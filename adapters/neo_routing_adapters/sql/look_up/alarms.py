"""Ends waits in an event loop when it is time: one timer for all of them, as one for each took a fiftieth of a call."""

from __future__ import annotations

import asyncio
from contextvars import Context
from math import inf
from time import monotonic
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary, ref

Waiter: TypeAlias = "asyncio.Future[None]"


def wake(waiter: Waiter) -> None:
    """End a wait, unless that has ended."""
    if not waiter.done():
        waiter.set_result(None)


class Alarm:
    """Wakes those of an event loop who have waited for long enough."""

    def __init__(self) -> None:
        self._waiting: dict[Waiter, float] = {}
        self._rings_at = inf

    def set(self, waiter: Waiter, at: float) -> None:
        """Wake somebody at this time, as `monotonic` tells it, unless it is called off."""
        self._waiting[waiter] = at
        if at < self._rings_at:
            self._ring_at(at)

    def call_off(self, waiter: Waiter) -> None:
        """Let somebody sleep."""
        self._waiting.pop(waiter, None)

    def _ring_at(self, at: float) -> None:
        self._rings_at = at
        # In a context of its own: it would hold on to whatever the one who happens to set it knows.
        asyncio.get_running_loop().call_later(at - monotonic(), self._ring, at, context=Context())

    def _ring(self, at: float) -> None:
        if at != self._rings_at:  # an earlier one was set after this
            return
        now = monotonic()
        for waiter in [waiter for waiter, until in self._waiting.items() if until <= now]:
            del self._waiting[waiter]
            wake(waiter)
        self._rings_at = inf
        if self._waiting:
            self._ring_at(min(self._waiting.values()))


# Whoever waits knows the event loop, and the alarm knows him: it is the timer's, and so the loop's, to keep.
_alarms: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, ref[Alarm]]] = WeakKeyDictionary()


def alarm_of(loop: asyncio.AbstractEventLoop) -> Alarm:
    """Return the alarm of an event loop, which must be set in that."""
    known = _alarms.get(loop)
    alarm = None if known is None else known()
    if alarm is None:
        alarm = Alarm()
        _alarms[loop] = ref(alarm)
    return alarm
