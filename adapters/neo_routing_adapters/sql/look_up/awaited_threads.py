"""Threads in which calls on a file of SQLite run while an event loop waits for them, no longer than their deadlines.

aiosqlite changes threads for each statement, which takes longer than the statement. A step of several statements that
runs in a thread as a whole changes threads once. What happens to a transaction happens in one thread, step after step:
so nobody rolls back, or closes, what another thread still uses.
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
from neo_routing_adapters.sql.look_up.deadlines import Call, NoThread, TooLate
from neo_routing_adapters.sql.look_up.tasks import MOST_LATE, WINDING_UP
from neo_routing_adapters.sql.look_up.threads import Job
from neo_routing_adapters.sql.look_up.workers import Workers

MOST_AT_ONCE: Final = 8
"""So many look-ups on an engine, of keys and links too, run at once, hang or not; others wait until their deadlines."""

_Value = TypeVar("_Value")


class AwaitedThreads:
    """Runs functions that call a synchronous engine in threads."""

    def __init__(self) -> None:
        self._workers = Workers(MOST_AT_ONCE)
        self._released: list[OneThread] = []

    async def run(self, function: Callable[[], _Value], call: Call, *, to_its_end: bool = False) -> _Value:
        """Return what the function returns: see `Tasks.run`. It is not begun any more once its caller has gone."""
        return await _done(self._workers, partial(_unless_late, function, call), call, to_its_end=to_its_end)

    def one_after_the_other(self) -> OneThread:
        """Return a thread that does all of one transaction; it must be released. Raises `NoThread`.

        One in which something hangs is not given to another before that has ended.
        """
        late: list[OneThread] = []
        try:
            while not (thread := self._released.pop()).is_idle():
                late.append(thread)
        except IndexError:  # there are no others, or another event loop was quicker
            if len(late) >= MOST_LATE:
                raise NoThread from None
            thread = OneThread(self._released)
        finally:
            self._released += late
        return thread


class OneThread:
    """Runs one function after the other: a rollback comes after what it rolls back, however late that is."""

    def __init__(self, released: list[OneThread]) -> None:
        self._workers = Workers(1)
        self._released = released

    async def run(self, function: Callable[[], _Value], call: Call, *, to_its_end: bool = False) -> _Value:
        """Return what the function returns: see `Tasks.run`. It is run even if its caller has gone."""
        return await _done(self._workers, function, call, to_its_end=to_its_end)

    def release(self) -> None:
        """Let another transaction have it."""
        self._released.append(self)

    def is_idle(self) -> bool:
        """Tell whether all is done that it was given."""
        return self._workers.are_idle()


def _unless_late(function: Callable[[], _Value], call: Call) -> _Value:
    if call.expired:
        raise TooLate
    return function()


async def _done(workers: Workers, function: Callable[[], _Value], call: Call, *, to_its_end: bool) -> _Value:
    end = _End()
    job = Job(function, end.tell)
    try:
        workers.put(job)
        await end.wait(call.remaining())
    except BaseException as error:
        call.expire()
        try:
            if call.was_cut and (to_its_end or isinstance(error, asyncio.CancelledError)):
                with suppress(TimeoutError):
                    await end.wait(WINDING_UP)
        finally:
            job.leave()
        raise
    return job.outcome()


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

    async def wait(self, seconds: float) -> None:
        """Wait for it. Raises `TimeoutError`."""
        if self._waiter.done():
            self._waiter = self._loop.create_future()
        alarm = alarm_of(self._loop)
        alarm.set(self._waiter, seconds)
        try:
            if not self._has_come:
                await self._waiter
        finally:
            alarm.call_off(self._waiter)
        if not self._has_come:
            raise TimeoutError

    def _come(self) -> None:
        self._has_come = True
        wake(self._waiter)
