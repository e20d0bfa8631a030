"""Waits until a copy has come so far, in a thread or in a task."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic

from neo_routing_adapters.live.freshness import Freshness


def wait_for(reached: Callable[[], bool], freshness: Freshness, wake: Callable[[], object], timeout: float) -> None:
    """Wait until that is so after a poll, and have one begin at once. Raises `TimeoutError` after so many seconds."""
    came, last = threading.Event(), monotonic() + timeout
    with freshness.waking(came.set):
        while not reached():
            wake()
            if not came.wait(max(0.0, last - monotonic())):
                raise TimeoutError("the directory has not come so far in time")
            came.clear()


async def await_for(
    reached: Callable[[], bool],
    freshness: Freshness,
    wake: Callable[[], object],
    timeout: float,  # noqa: ASYNC109  # as the other has it
) -> None:
    """Wait as `wait_for` does, and let others go on meanwhile."""
    came, loop = asyncio.Event(), asyncio.get_running_loop()

    def tell() -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(came.set)

    with freshness.waking(tell):
        async with asyncio.timeout(timeout):
            while not reached():
                wake()
                await came.wait()
                came.clear()
