"""Threads that take one job after the other from a queue, so that nobody who has a job has to wait for a thread."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

from neo_routing_adapters.sql.look_up.deadlines import NoThread, start_thread
from neo_routing_adapters.sql.look_up.forks import renew_after_fork
from neo_routing_adapters.sql.look_up.threads import IDLE, Job


class Workers:
    """So many threads at the most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Have no threads, and nothing to do."""
        self._jobs: SimpleQueue[Job[Any]] = SimpleQueue()
        # Of the counts alone, and never held while anything runs: a finalizer of the host's may have a job too.
        self._lock = threading.RLock()
        self._threads = self._waiting = 0

    def put(self, job: Job[Any]) -> None:
        """Have it done. Raises `NoThread` if there is no thread: then it waits for one that a later job gets."""
        self._jobs.put(job)
        self._start_where_one_is_missing()

    def _start_where_one_is_missing(self) -> None:
        with self._lock:
            if self._jobs.qsize() <= self._waiting or self._threads == self._most:
                return
            self._count(1)
        try:
            start_thread(self._run, name="worker")
        except NoThread:
            with self._lock:
                self._count(-1)
                if self._threads == 0:
                    raise

    def _count(self, threads: int) -> None:
        self._threads += threads
        self._waiting += threads

    def _run(self) -> None:
        retired = False
        try:
            while not retired:
                try:
                    job = self._jobs.get(timeout=IDLE)
                except Empty:
                    retired = self._retires()
                    continue
                self._work(job)
                del job  # what it knows of is its caller's alone while the thread waits
        finally:
            if not retired:  # an exception was thrown into it
                with self._lock:
                    self._count(-1)
                with suppress(NoThread):
                    self._start_where_one_is_missing()

    def _work(self, job: Job[Any]) -> None:
        try:
            with self._lock:
                self._waiting -= 1
            self._start_where_one_is_missing()
            job.run()
        finally:
            with self._lock:
                self._waiting += 1
            job.tell_end()

    def _retires(self) -> bool:
        with self._lock:
            if self._jobs.empty():
                self._count(-1)
                return True
            return False
