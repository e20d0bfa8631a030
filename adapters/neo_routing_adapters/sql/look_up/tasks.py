"""Tasks of a directory's own, in which calls run while their callers wait no longer than their deadlines.

A caller that leaves does not cancel what it waited for. psycopg would try for seconds to cancel a statement on a server
that may be frozen; and an attempt to connect that takes longer than a call may wait would never come to an end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from neo_routing_adapters.sql.look_up.alarms import alarm_of, wake
from neo_routing_adapters.sql.look_up.deadlines import Call
from neo_routing_adapters.sql.look_up.forks import renew_after_fork
from neo_routing_adapters.sql.look_up.greenlets import run_awaiting

MOST_LEFT: Final = 16
"""So many attempts to get a connection go on behind calls that have given up; others are cancelled."""

MOST_LATE: Final = 64
"""Where so many tasks do not end, cancelled or not, the next call is an outage at once."""

WINDING_UP: Final = 0.05
"""So many seconds a caller waits for the end of what was cut off, if it does: that takes a turn of the loop."""

_Value = TypeVar("_Value")


class Tasks:
    """Runs functions that call an asynchronous engine as if it were synchronous, each in a task."""

    def __init__(self) -> None:
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Have no tasks. Those of a parent do not end in its forked child."""
        self._late: set[asyncio.Task[Any]] = set()

    async def run(self, function: Callable[[], _Value], call: Call, *, to_its_end: bool = False) -> _Value:
        """Return what the function returns.

        Raises what that raises, and `TimeoutError` at the deadline of the call, which it then expires. `to_its_end` is
        for a caller who must find that nobody uses what was cut off: it waits for that, and tells what came of it.
        """
        if len(self._late) >= MOST_LATE and self._are_too_many():
            raise TimeoutError
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        task = loop.create_task(_run(function, ended))
        alarm = alarm_of(loop)
        alarm.set(ended, call.remaining())
        try:
            await ended
        except asyncio.CancelledError:
            self._leave(task, call)
            if call.was_cut:
                await asyncio.wait({task}, timeout=WINDING_UP)
            raise
        finally:
            alarm.call_off(ended)
        if not task.done():
            self._leave(task, call)
            if to_its_end and call.was_cut:
                await asyncio.wait({task}, timeout=WINDING_UP)
            if not (to_its_end and task.done()):
                raise TimeoutError
        if task.cancelled():
            raise OSError("the task of the call was cancelled")
        try:
            return task.result()
        finally:
            del task  # the traceback of what it raised leads back here

    def _are_too_many(self) -> bool:
        """Forget those that never end because their event loop is closed, and tell whether the others are too many."""
        self._late -= {task for task in self._late if task.get_loop().is_closed()}
        return len(self._late) >= MOST_LATE

    def _leave(self, task: asyncio.Task[Any], call: Call) -> None:
        call.expire()
        if not call.was_cut and len(self._late) >= MOST_LEFT:
            task.cancel()
        self._late.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        if not task.cancelled():
            task.exception()  # or the event loop would complain that nobody looked


async def _run(function: Callable[[], _Value], ended: asyncio.Future[None]) -> _Value:
    try:
        return await run_awaiting(function)
    finally:
        wake(ended)  # a turn of the loop sooner than a callback of the task would; none comes if it never begins
