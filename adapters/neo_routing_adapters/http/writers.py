"""Whose turn it is to write to a SQLite file, of those who wait for it in an event loop.

SQLite has one writer at a time, and others try again and again after pauses: of many some would not get there in time,
whoever was first.
"""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class Writers:
    """The writers of one file; those of other event loops and processes wait for the file itself."""

    def __init__(self) -> None:
        # Each is there as long as somebody has it or waits for it: a lock holds on to its event loop.
        self._turns: WeakValueDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakValueDictionary()

    async def turn(self, seconds: float) -> asyncio.Lock:
        """Wait for a turn, for so many seconds at most, and return what it ends with. Raises `TimeoutError`."""
        turn = self._turns.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with asyncio.timeout(seconds):
            await turn.acquire()
        return turn
