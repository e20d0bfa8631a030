"""How long a call may take: at its deadline, whatever it waits for is cut off.

No setting of a driver or of a server does that: a server that is frozen heeds no timeout of its own, and a driver that
waits for it cannot be talked to. So the wait itself is ended from outside, by a thread or by the event loop.
"""

from __future__ import annotations

import os
import threading
from time import monotonic, sleep
from typing import Final, Protocol


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


_NOWHERE: Final = 0


class Watch:
    """Expires calls when it is time, from a thread that is there as long as calls come in.

    No call takes less than so many seconds. So the thread may sleep that long, if nothing expires before: a call that
    begins meanwhile will not expire before it wakes.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._calls: set[Call] = set()
        self._lock = threading.Lock()
        # The process that the thread runs in: a fork has its parent's memory, but not its threads.
        self._running_in = _NOWHERE

    def begin(self, seconds: float) -> Call:
        """Begin a call that expires then."""
        call = Call(seconds)
        self._calls.add(call)
        if self._running_in != os.getpid():
            self._start()
        return call

    def end(self, call: Call) -> None:
        """Watch it no longer."""
        self._calls.discard(call)

    def _start(self) -> None:
        with self._lock:
            if self._running_in == os.getpid():
                return
            self._running_in = os.getpid()
        threading.Thread(target=self._run, name="neo_routing deadlines", daemon=True).start()

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
        self._running_in = _NOWHERE
        if not self._calls:
            return True
        with self._lock:  # a call has begun, and whoever began it may have seen this thread running
            if self._running_in == _NOWHERE:
                self._running_in = os.getpid()
                return False
            return True
