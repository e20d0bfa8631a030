"""An answer in time, whoever it is that gives it: a driver may take long even to give up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

_Answer = TypeVar("_Answer")

_GIVING_UP: Final[set[asyncio.Task[Any]]] = set()
"""Tasks that were told to end and have not: the event loop itself does not keep them."""


async def in_time(coroutine: Coroutine[Any, Any, _Answer], seconds: float) -> _Answer:
    """Return what a coroutine returns, or raise `TimeoutError` after so many seconds, while it is still giving up.

    It is told to end then, and as soon as who waits for it goes away.
    """
    task = asyncio.create_task(coroutine)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        if not task.done():
            _GIVING_UP.add(task)
            task.add_done_callback(_gave_up)
            task.cancel()


def _gave_up(task: asyncio.Task[Any]) -> None:
    _GIVING_UP.discard(task)
    if not task.cancelled():
        task.exception()  # nobody is there any more whom it could interest
