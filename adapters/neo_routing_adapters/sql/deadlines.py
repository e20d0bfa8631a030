"""How long a call may take: at its deadline, whatever it waits for is cut off.

No setting of a driver or of a server does that: a server that is frozen heeds no timeout of its own, and a driver that
waits for it cannot be talked to. So the wait itself is ended from outside, by a thread or by the event loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import Protocol

from neo_routing_adapters.sql.forks import renew_after_fork


class NoThread(OSError):
    """The system gives the process no more threads."""


def start_thread(target: Callable[..., object], *arguments: object, name: str) -> None:
    """Start a thread that ends with the process. Raises `NoThread`."""
    thread = threading.Thread(target=target, args=arguments, name=f"neo_routing {name}", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise NoThread from error


class Line(Protocol):
    """What a call waits on."""

    def cut(self) -> None:
        """End the wait, from whatever thread; whoever waits gets an error."""
        ...


class Call:
    """One call and its deadline, in seconds from now."""

    __slots__ = ("_line", "_lock", "expired", "expires_at")

    def __init__(self, seconds: float) -> None:
        self.expires_at = monotonic() + seconds
        self.expired = False
        self._line: Line | None = None
        # Once a call has left a line, another may use it: that one must not be cut off in its stead.
        self._lock = threading.Lock()

    def remaining(self) -> float:
        """Return for how many more seconds it may wait."""
        return max(0.0, self.expires_at - monotonic())

    def enter(self, line: Line) -> None:
        """Wait on this line from now on. Raises `TimeoutError` if it is too late for that."""
        with self._lock:
            if self.expired:
                raise TimeoutError
            self._line = line

    def leave(self) -> bool:
        """Wait on the line no longer; tell whether it is still whole."""
        with self._lock:
            self._line = None
            return not self.expired

    def expire(self) -> None:
        """Cut off what it waits on."""
        with self._lock:
            self.expired = True
            if self._line is not None:
                self._line.cut()


class Watch:
    """Expires calls when it is time, from a thread that is there as long as calls come in.

    No call takes less than so many seconds. So the thread may sleep that long, if nothing expires before: a call that
    begins meanwhile will not expire before it wakes.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Watch no calls. Those of a parent are not for its forked child to cut off."""
        self._calls: set[Call] = set()
        self._lock = threading.Lock()
        self._running = False

    def begin(self, seconds: float) -> Call:
        """Begin a call that expires then. Raises `NoThread`."""
        call = Call(seconds)
        self._calls.add(call)
        if not self._running:
            try:
                self._start()
            except NoThread:
                self.end(call)
                raise
        return call

    def end(self, call: Call) -> None:
        """Watch it no longer."""
        self._calls.discard(call)

    def _start(self) -> None:
        with self._lock:
            if not self._running:
                start_thread(self._run, name="deadlines")
                self._running = True

    def _run(self) -> None:
        quiet = False
        while not (quiet and self._retires()):
            now = monotonic()
            calls = tuple(self._calls)  # in one step, while others add and discard
            expirations = [call.expires_at for call in calls if call.expires_at > now]
            for call in calls:
                if call.expires_at <= now:
                    self.end(call)
                    call.expire()
            quiet = not calls
            sleep(max(0.0, min([now + self._seconds, *expirations]) - monotonic()))

    def _retires(self) -> bool:
        with self._lock:
            # Whoever begins a call after this starts another thread; a call that has begun already keeps this one.
            self._running = False
            if not self._calls:
                return True
            self._running = True
            return False
