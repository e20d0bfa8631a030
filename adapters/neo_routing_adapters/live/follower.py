"""Keeps a copy of a directory up with its database: loads it, polls, and begins anew where something broke."""

from __future__ import annotations

import random
import threading
from contextlib import suppress
from typing import Final

from neo_routing_adapters.live.bell import Bell
from neo_routing_adapters.live.clock import now
from neo_routing_adapters.live.content import Content
from neo_routing_adapters.live.freshness import Freshness
from neo_routing_adapters.live.rebuilding import Rebuilding
from neo_routing_adapters.live.source import CannotFollow, Connected, MustLoad, Source
from neo_routing_adapters.sql.look_up.deadlines import start_thread

_MOST_OVER: Final = 5_000
"""With so many keys over its base, that is made anew."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.05, 5.0


class _Ended(Exception):  # no error: nobody wants it to follow any more
    pass


class Follower:
    """A thread that follows a source until it is ended."""

    def __init__(self, source: Source, freshness: Freshness, *, poll: float, reread: float) -> None:
        self._source, self._freshness = source, freshness
        self._poll, self._reread = poll, reread
        self._ended = threading.Event()
        self._bell = Bell()
        self._pause = 0.0
        self._thread = start_thread(self._run, name="follower")

    def wake(self) -> None:
        """Look at once; from any thread."""
        self._bell.ring()

    def end(self, seconds: float) -> None:
        """Follow no longer, and wait so long for the thread to end."""
        self._ended.set()
        self.wake()
        if self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def _run(self) -> None:
        try:
            with suppress(_Ended):
                while True:
                    self._require_wanted()
                    self._try()
        finally:
            self._bell.close()
            if not self._ended.is_set():
                self._freshness.failed("the thread that follows has ended", for_good=True)

    def _require_wanted(self) -> None:
        # Whoever has ended it need not have waited for it, and may follow by another one now.
        if self._ended.is_set():
            raise _Ended

    def _try(self) -> None:
        try:
            self._connect_and_follow()
        except CannotFollow as error:
            self._freshness.failed(str(error), for_good=True)
        except self._source.faults as error:
            self._freshness.failed(f"the database does not answer: {type(error).__name__}", for_good=False)
        except ValueError as error:  # a row that no directory can hold
            self._freshness.failed(f"the database holds rows that make no sense: {error}", for_good=False)
        self._rest()

    def _rest(self) -> None:
        """Wait before the next try, the longer the more have failed, and tell if the copy becomes too old meanwhile."""
        seconds = self._pause * random.uniform(0.5, 1.0)  # noqa: S311  # so that not all come back together
        self._pause = min(max(_SHORTEST_PAUSE, 2 * self._pause), _LONGEST_PAUSE)
        until = now() + seconds
        self._ended.wait(min(seconds, max(0.0, self._freshness.fresh_until - now())))
        self._freshness.tell()
        self._ended.wait(max(0.0, until - now()))

    def _connect_and_follow(self) -> None:
        connected = self._source.connect(self._bell)
        try:
            while True:
                self._follow(connected)
        finally:
            connected.close()

    def _follow(self, connected: Connected) -> None:
        """Load, and poll as long as one state follows from the other."""
        began = now()
        content = Content(connected.load(self._while_loading))
        self._freshness.loaded()
        rebuilt: _Rebuilt | None = None
        try:
            while True:
                self._poll_once(connected, content, began)
                rebuilt = _rebuilt(content, rebuilt)
                connected.wait(self._reread if connected.is_standby else self._poll)
        except MustLoad as reason:
            self._freshness.failed(str(reason), for_good=False)
            self._rest()

    def _while_loading(self) -> None:
        self._require_wanted()
        self._freshness.tell()

    def _poll_once(self, connected: Connected, content: Content, loaded_at: float) -> None:
        polled_at, polled = now(), connected.poll()
        self._require_wanted()
        if polled.changes:
            content.change(polled.changes)
        rows = content.rows(polled.revision) if content.is_new else self._freshness.rows
        self._pause = 0.0
        since = loaded_at if polled.is_of_load else polled_at
        self._freshness.succeeded(since, rows, polled.has, connected)


class _Rebuilt:
    """A base that is being made anew in a thread of its own."""

    def __init__(self, rebuilding: Rebuilding) -> None:
        self.rebuilding = rebuilding
        self.thread = start_thread(rebuilding.run, name="rebuilding")


def _rebuilt(content: Content, rebuilt: _Rebuilt | None) -> _Rebuilt | None:
    if rebuilt is None:
        return _Rebuilt(content.rebuilding()) if content.changed > _MOST_OVER else None
    if rebuilt.thread.is_alive():
        return rebuilt
    content.rest_on(rebuilt.rebuilding)
    return None
