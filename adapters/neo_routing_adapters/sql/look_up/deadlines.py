"""How long a call may take: at its deadline, whatever it waits for is cut off.

No setting of a driver or of a server does that: a server that is frozen heeds no timeout of its own, and a driver that
waits for it cannot be talked to. So the wait itself is ended from outside, by a thread or by the event loop.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import Protocol

from neo_routing_adapters.sql.look_up.forks import renew_after_fork


class TooLate(TimeoutError):
    """The call is over before what it waited for was begun."""


class NoThread(OSError):
    """The system gives the process no more threads."""


def start_thread(target: Callable[[], object], *, name: str) -> threading.Thread:
    """Start a thread that ends with the process. Raises `NoThread`."""
    thread = threading.Thread(target=target, name=f"neo_routing {name}", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise NoThread from error
    return thread


class Line(Protocol):
    """What a call waits on."""

    def cut(self) -> None:
        """End the wait, from whatever thread; whoever waits gets an error."""
        ...


class Call:
    """One call and its deadline, in seconds from now."""

    __slots__ = ("_line", "_lock", "expired", "expires_at", "was_cut")

    def __init__(self, seconds: float) -> None:
        self.expires_at = monotonic() + seconds
        self.expired = False
        self.was_cut = False
        self._line: Line | None = None
        # Once a call has left a line, another may use it: that one must not be cut off in its stead.
        self._lock = threading.Lock()

    def remaining(self) -> float:
        """Return for how many more seconds it may wait."""
        return min(max(0.0, self.expires_at - monotonic()), threading.TIMEOUT_MAX)

    def enter(self, line: Line) -> None:
        """Wait on this line from now on. Raises `TooLate`."""
        with self._lock:
            if self.expired:
                raise TooLate
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
                self.was_cut = True
                self._line.cut()


class Watch:
    """Expires calls when it is time, from a thread that is there as long as calls come in.

    No call takes less than so many seconds. So the thread may sleep that long, if nothing expires before: a call that
    begins meanwhile will not expire before it wakes. Whatever ends it, an exception that is thrown into it for one, it
    is followed by another.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Watch no calls. Those of a parent are not for its forked child to cut off."""
        self._calls: set[Call] = set()
        # A finalizer of the host's that interrupts whoever has it may call a directory itself.
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None
        self._overdue = 0.0

    def begin(self, call: Call) -> None:
        """Expire this call when it is time. Raises `NoThread`."""
        self._calls.add(call)
        if self._thread is None or call.expires_at > self._overdue:
            try:
                self._start()
            except NoThread:
                self.end(call)
                raise

    def end(self, call: Call) -> None:
        """Watch it no longer."""
        self._calls.discard(call)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._overdue = monotonic() + 3 * self._seconds
                self._thread = start_thread(self._run, name="deadlines")

    def _run(self) -> None:
        try:
            self._watch()
        finally:
            if self._thread is threading.current_thread():  # it did not retire
                self._thread = start_thread(self._run, name="deadlines")

    def _watch(self) -> None:
        quiet = False
        while not (quiet and self._retires()):
            now = monotonic()
            # A call that begins when the thread should have woken again expires later than this.
            self._overdue = now + 3 * self._seconds
            calls = self._calls.copy()  # in one step, and not one by one, while others add and discard
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
            this, self._thread = self._thread, None
            if not self._calls:
                return True
            self._thread = this
            return False
