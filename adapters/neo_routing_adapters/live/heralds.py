"""Tells hosts of states. What a host does there may hang, or raise: nobody waits for it, and nothing is locked."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeAlias

from neo_routing_adapters.live.freshness import State
from neo_routing_adapters.sql.look_up.deadlines import start_thread

Listener: TypeAlias = Callable[[State], object]


class Heralds:
    """A thread for each listener, which is told of one state after the other."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self.renew()

    def renew(self) -> None:
        """Have threads of this process."""
        self._queues = [_told(listener) for listener in self._listeners]

    def add(self, listener: Listener) -> None:
        """Tell this one too."""
        self._listeners.append(listener)
        self._queues.append(_told(listener))

    def tell(self, state: State) -> None:
        """Tell all of them."""
        for queue in self._queues:
            queue.put(state)


def _told(listener: Listener) -> SimpleQueue[State]:
    queue: SimpleQueue[State] = SimpleQueue()

    def run() -> None:
        while True:
            state = queue.get()
            try:
                listener(state)
            except Exception:  # noqa: BLE001  # the host's; it comes to where errors of threads come
                threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))

    start_thread(run, name="states")
    return queue
