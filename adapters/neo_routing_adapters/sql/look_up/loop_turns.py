"""Whose turn it is, of those who wait for something in an event loop, in the order in which they came."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary


class LoopTurns:
    """So many at once may have a turn in each event loop; who waits in another is not seen."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    async def turn(self, seconds: float) -> asyncio.Semaphore:
        """Wait for a turn, for so many seconds at most, and return what it ends with. Raises `TimeoutError`."""
        loop = asyncio.get_running_loop()
        turns = self._turns.get(loop)
        if turns is None:
            self._turns[loop] = turns = asyncio.Semaphore(self._most)
        if not turns.locked():
            await turns.acquire()
            return turns
        async with asyncio.timeout(seconds):
            await turns.acquire()
        return turns
