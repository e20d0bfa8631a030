"""A bell that ends somebody's wait, from any thread."""

from __future__ import annotations

import selectors
import socket
from contextlib import suppress


class Bell:
    """It may be rung at any time, and whoever waits next hears it."""

    def __init__(self) -> None:
        self._heard, self._rung = socket.socketpair()
        self._heard.setblocking(False)
        self._rung.setblocking(False)

    def ring(self) -> None:
        """End the wait."""
        with suppress(BlockingIOError, OSError):  # it rings already, or nobody will wait any more
            self._rung.send(b"!")

    def wait(self, seconds: float, *others: int) -> bool:
        """Wait for so many seconds at the most, and tell whether one of the other files has something to read."""
        with selectors.DefaultSelector() as selector:
            for file in (self._heard.fileno(), *others):
                selector.register(file, selectors.EVENT_READ)
            readable = {key.fd for key, _ in selector.select(max(0.0, seconds))}
        if self._heard.fileno() in readable:
            with suppress(BlockingIOError):
                self._heard.recv(1_000)
        return any(other in readable for other in others)

    def close(self) -> None:
        """Let go of what it is made of."""
        self._heard.close()
        self._rung.close()
