"""Runs synchronous code that awaits, as `sqlalchemy.util.greenlet_spawn` does, but in greenlets that are used again.

For the frames of a new greenlet Python asks the system for new memory, which takes a fifth of an awaited decision.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from greenlet import getcurrent, greenlet

_Value = TypeVar("_Value")
_MOST_IDLE: Final = 100


class _Answer(list[_Value]):
    """What came out in the end: all else that a worker hands over is to be awaited.

    It is a list because whoever gets it empties it: the worker holds on to it until it gets something else to do.
    """


class _Worker(greenlet):
    """Carries out one function after the other, until one raises."""

    # SQLAlchemy's `await_only` waits in greenlets that have this.
    __sqlalchemy_greenlet_provider__ = True


def _work(function: Callable[[], Any]) -> None:
    while True:
        answer = _Answer((function(),))
        del function
        function = _caller().switch(answer)


def _caller() -> greenlet:
    # A worker that had itself in a variable would never be let go.
    parent = getcurrent().parent
    assert parent is not None, "whoever runs a function is the parent meanwhile"
    return parent


class _Idle(threading.local):
    """The workers of a thread, which none but that can use."""

    def __init__(self) -> None:
        self.workers: list[_Worker] = []


_idle: Final = _Idle()


async def run_awaiting(function: Callable[[], _Value]) -> _Value:
    """Run a function that may call SQLAlchemy's asynchronous engine as if that were synchronous.

    >>> import asyncio
    >>> from sqlalchemy.util import await_only
    >>> asyncio.run(run_awaiting(lambda: await_only(asyncio.sleep(0, result=12))))
    12
    """
    workers, caller = _idle.workers, getcurrent()
    worker = workers.pop() if workers else _Worker(_work)
    worker.parent = caller
    worker.gr_context = caller.gr_context
    handed_over: _Answer[_Value] | Awaitable[Any] = worker.switch(function)
    while not isinstance(handed_over, _Answer):
        try:
            awaited = await handed_over
        except BaseException as error:  # noqa: BLE001  # the function gets it
            handed_over = worker.throw(error)
        else:
            handed_over = worker.switch(awaited)
    if len(workers) < _MOST_IDLE:
        worker.gr_context = None  # what the call knew is not to be kept until the next
        workers.append(worker)
    return handed_over.pop()
