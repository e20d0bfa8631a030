"""Threads in which calls on a file of SQLite run while an event loop waits for them, no longer than their deadlines.

aiosqlite changes threads for each statement, which takes longer than the statement. A step of several statements that
runs in a thread as a whole changes threads once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from sqlalchemy import Engine

from neo_routing_adapters.sql.look_up.deadlines import Call
from neo_routing_adapters.sql.look_up.loop_turns import LoopTurns
from neo_routing_adapters.sql.look_up.tasks import WINDING_UP
from neo_routing_adapters.sql.look_up.threads import Job, threads_for

MOST_AT_ONCE: Final = 8
"""So many calls of one directory or store run at once in an event loop; more would wait for each other all the same."""

_Value = TypeVar("_Value")


class AwaitedThreads:
    """Runs functions that call a synchronous engine, each in a thread."""

    def __init__(self, engine: Engine) -> None:
        self._threads = threads_for(engine)
        self._turns = LoopTurns(MOST_AT_ONCE)

    async def run(self, function: Callable[[], _Value], call: Call, *, to_its_end: bool = False) -> _Value:
        """Return what the function returns: see `Tasks.run`."""
        turn = await self._turns.turn(call.remaining())
        try:
            return await self._run(function, call, to_its_end=to_its_end)
        finally:
            turn.release()

    async def _run(self, function: Callable[[], _Value], call: Call, *, to_its_end: bool) -> _Value:
        end = _End()
        job = Job(function, end.tell)
        self._threads.begin(job, 0)
        try:
            await end.wait(call.remaining())
        except (TimeoutError, asyncio.CancelledError) as error:
            call.expire()
            if call.was_cut and (to_its_end or not isinstance(error, TimeoutError)):
                with suppress(TimeoutError):
                    await end.wait(WINDING_UP)
            raise
        return job.outcome()


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
        timer = self._loop.call_later(seconds, self._wake)
        try:
            if not self._has_come:
                await self._waiter
        finally:
            timer.cancel()
        if not self._has_come:
            raise TimeoutError

    def _come(self) -> None:
        self._has_come = True
        self._wake()

    def _wake(self) -> None:
        if not self._waiter.done():
            self._waiter.set_result(None)
