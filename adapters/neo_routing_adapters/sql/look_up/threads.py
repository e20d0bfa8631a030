"""Threads of an engine's directories, in which calls run while their callers wait no longer than their deadlines.

What a call does may hang in what nobody can interrupt: a driver that connects, a host's hook on its pool. A caller can
leave a thread that does it behind. That goes on for as long as it takes, and gives back what it comes to have.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine
from sqlalchemy.engine import Dialect

from neo_routing_adapters.sql.look_up.deadlines import Call, NoThread, start_thread
from neo_routing_adapters.sql.look_up.forks import renew_after_fork

MOST_THREADS: Final = 64
"""So many calls on an engine may be under way at once, hang or not; others wait until their deadlines.

At the 6,000 decisions a second that one Python process makes at the most, each of them may take 10 milliseconds.
"""

IDLE: Final = 5.0
"""After so many seconds without a call a thread ends."""

_Value = TypeVar("_Value")
# Whoever takes one of a queue may begin a call, and its end puts it back. No lock of ours is needed for that: whatever
# takes turns here might be interrupted by a finalizer of the host's that calls the directory itself.
_Permits: TypeAlias = "SimpleQueue[None]"


def require_threads_that_keep_deadlines(whose: str) -> None:
    """Raise `ValueError` where eventlet stands in for threads: none of its runs while a driver waits in C."""
    patcher = sys.modules.get("eventlet.patcher")
    if patcher is not None and patcher.is_monkey_patched("thread"):
        raise ValueError(f"{whose} keeps no deadline where eventlet has patched threads; gevent is supported")


class _Permit:
    """Allows for one call, until nobody has it any more, however the thread that had it ended."""

    def __init__(self, permits: _Permits) -> None:
        self._permits = permits

    def __del__(self) -> None:
        self._permits.put(None)


class Job(Generic[_Value]):
    """What a thread does for a caller, whom it tells of its end."""

    def __init__(self, function: Callable[[], _Value], tell_end: Callable[[], object]) -> None:
        self._context = copy_context()
        self._function = function
        self._values: list[_Value] = []
        self._error: BaseException | None = None
        self._has_caller = True
        self.tell_end = tell_end

    def run(self) -> None:
        """Do it, in the thread."""
        try:
            self._values.append(self._context.run(self._function))
        except BaseException as error:  # noqa: BLE001  # the caller gets it
            self._error = error
        if not self._has_caller:
            self.leave()

    def leave(self) -> None:
        """Have nobody come for the outcome, which would hold on to what it knows of: cursors in the midst of rows."""
        self._has_caller = False
        self._error = None
        self._values.clear()

    def outcome(self) -> _Value:
        """Return what the function returned. Raises what it raised, or `OSError` if that would end its thread."""
        try:
            if isinstance(self._error, Exception):
                raise self._error
            if not self._values:
                raise OSError("the thread of the call was ended") from self._error
            return self._values.pop()
        finally:
            self._error = None  # its traceback leads back here


class _Thread:
    """One thread, which does one job after the other until there has been none for a while."""

    def __init__(self, idle: list[_Thread]) -> None:
        self._idle = idle
        self._woken = threading.Lock()
        self._woken.acquire()
        self._job: tuple[Job[Any], _Permit] | None = None

    def do(self, job: Job[Any], permit: _Permit) -> None:
        self._job = job, permit
        self._woken.release()

    def start(self) -> None:
        """Start to do what it was given. Raises `NoThread`."""
        try:
            start_thread(self.run, name="call")
        except NoThread:
            self._job = None  # whoever keeps the error would keep the permit
            raise

    def run(self) -> None:
        try:
            while self._has_job():
                self._work()
        finally:  # an exception may have been thrown into it
            if self._job is not None:
                self._job[0].tell_end()
                self._job = None

    def _has_job(self) -> bool:
        if self._woken.acquire(timeout=IDLE):
            return True
        try:
            self._idle.remove(self)
        except ValueError:  # somebody has just come for it
            return self._woken.acquire(timeout=IDLE)
        return False

    def _work(self) -> None:
        assert self._job is not None, "it was woken for that"
        job, permit = self._job
        job.run()
        self._job = None
        self._idle.append(self)
        del permit  # only now, or the next caller would start one thread too many
        job.tell_end()


class Threads:
    """Runs functions in its own threads, at most 64 at once."""

    def __init__(self) -> None:
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Have no threads."""
        self._idle: list[_Thread] = []
        self._permits: _Permits = SimpleQueue()
        for _ in range(MOST_THREADS):
            self._permits.put(None)

    def run(self, function: Callable[[], _Value], call: Call) -> _Value:
        """Return what the function returns, with the caller's context variables, not its thread-locals.

        Raises what that raises, `TimeoutError` at the deadline of the call, which it then expires, `NoThread`, or
        `OSError` if somebody ended the thread.
        """
        ended = threading.Lock()
        ended.acquire()
        job = Job(function, ended.release)
        try:
            self._begin(job, call)
            in_time = ended.acquire(timeout=call.remaining())
        except BaseException:  # the host threw it into the caller
            call.expire()
            job.leave()
            raise
        if not in_time:
            call.expire()
            job.leave()
            raise TimeoutError
        return job.outcome()

    def _begin(self, job: Job[Any], call: Call) -> None:
        try:
            self._permits.get(timeout=call.remaining())
        except Empty:
            raise TimeoutError from None
        try:
            self._idle.pop().do(job, _Permit(self._permits))
        except IndexError:
            thread = _Thread(self._idle)
            thread.do(job, _Permit(self._permits))
            thread.start()


# By its dialect: an engine of `execution_options` has that in common with the one that it was made of, and the pool.
_threads: Final[WeakKeyDictionary[Dialect, Threads]] = WeakKeyDictionary()


def threads_for(engine: Engine) -> Threads:
    """Return the threads for calls on an engine: a host that makes a directory for each request gets no more."""
    return _threads.setdefault(engine.dialect, Threads())
