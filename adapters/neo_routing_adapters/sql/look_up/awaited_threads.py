"""Threads in which calls on a file of SQLite run while an event loop waits for them, no longer than their deadlines.

aiosqlite changes threads for each statement, which takes longer than the statement. A transaction that runs in a thread
as a whole changes threads once, and nobody else rolls back, or closes, what that thread still uses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.engine import Dialect

from neo_routing_adapters.sql.look_up.alarms import alarm_of, wake
from neo_routing_adapters.sql.look_up.deadlines import Call, TooLate
from neo_routing_adapters.sql.look_up.tasks import WINDING_UP
from neo_routing_adapters.sql.look_up.threads import Job
from neo_routing_adapters.sql.look_up.workers import Workers

MOST_AT_ONCE: Final = 8
"""So many look-ups and transactions on an engine run at once, hang or not; others wait until their deadlines."""

_Value = TypeVar("_Value")


class AwaitedThreads:
    """Runs functions that call a synchronous engine in threads."""

    def __init__(self) -> None:
        self._workers = Workers(MOST_AT_ONCE)

    async def run(self, function: Callable[[], _Value], call: Call, *, to_its_end: bool = False) -> _Value:
        """Return what the function returns: see `Tasks.run`. It is not begun any more once its caller has gone."""
        end = _End()
        job = Job(partial(_unless_late, function, call), end.tell)
        has_come = False
        try:
            self._workers.put(job)
            has_come = await _comes(end, call, to_its_end=to_its_end)
        finally:
            if not has_come:
                call.expire()
                job.leave()
        if not has_come:
            raise TimeoutError
        return job.outcome()


def _unless_late(function: Callable[[], _Value], call: Call) -> _Value:
    if call.expired:
        raise TooLate
    return function()


async def _comes(end: _End, call: Call, *, to_its_end: bool) -> bool:
    """Wait for the end until the deadline of the call, and a moment longer for what was cut off to wind up."""
    try:
        if await end.comes(call.remaining()):
            return True
    except asyncio.CancelledError:
        call.expire()
        if call.was_cut:
            await end.comes(WINDING_UP)
        raise
    call.expire()
    return to_its_end and call.was_cut and await end.comes(WINDING_UP)


# By its dialect: an engine of `execution_options` has that in common with the one that it was made of, and the pool.
_threads: Final[WeakKeyDictionary[Dialect, AwaitedThreads]] = WeakKeyDictionary()


def awaited_threads_for(engine: Engine) -> AwaitedThreads:
    """Return the threads for calls on an engine: a host that makes a store for each request gets no more."""
    return _threads.setdefault(engine.dialect, AwaitedThreads())


class _End:
    """The end of what a thread does, as an event loop waits for it."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] = self._loop.create_future()
        self._has_come = False

    def tell(self) -> None:
        """Say, in the thread, that it has come."""
        with suppress(RuntimeError):  # the event loop is closed, and nobody waits any more
            self._loop.call_soon_threadsafe(self._come)

    async def comes(self, seconds: float) -> bool:
        """Wait for it, and tell whether it has come."""
        if self._waiter.done():
            self._waiter = self._loop.create_future()
        alarm = alarm_of(self._loop)
        alarm.set(self._waiter, seconds)
        try:
            if not self._has_come:
                await self._waiter
        finally:
            alarm.call_off(self._waiter)
        return self._has_come

    def _come(self) -> None:
        self._has_come = True
        wake(self._waiter)
