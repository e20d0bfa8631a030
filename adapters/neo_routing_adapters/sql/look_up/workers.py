"""Threads that take one job after the other from a queue, so that nobody who has a job has to wait for a thread."""

from __future__ import annotations

import threading
from queue import Empty, SimpleQueue
from typing import Any, Final

from neo_routing_adapters.sql.look_up.deadlines import NoThread, start_thread
from neo_routing_adapters.sql.look_up.forks import renew_after_fork
from neo_routing_adapters.sql.look_up.threads import IDLE, Job

_NAME: Final = "step"


class Workers:
    """So many threads at the most. One thread alone does its jobs one after the other, in their order."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Have no threads, and nothing to do."""
        self._lock = threading.Lock()
        self._jobs: SimpleQueue[Job[Any]] = SimpleQueue()
        self._threads = self._waiting = 0

    def put(self, job: Job[Any]) -> None:
        """Have it done. Raises `NoThread` if there is no thread that would ever come to do it."""
        with self._lock:
            if self._threads == 0:
                self._start()
            self._jobs.put(job)
            self._start_where_one_is_missing()

    def are_idle(self) -> bool:
        """Tell whether all is done."""
        with self._lock:
            return self._jobs.empty() and self._waiting == self._threads

    def _start_where_one_is_missing(self) -> None:
        if self._jobs.qsize() > self._waiting and self._threads < self._most:
            try:
                self._start()
            except NoThread:
                return  # those that are there come to it

    def _start(self) -> None:
        self._threads += 1
        self._waiting += 1
        try:
            start_thread(self._run, name=_NAME)
        except NoThread:
            self._threads -= 1
            self._waiting -= 1
            raise

    def _run(self) -> None:
        jobs = self._jobs
        while True:
            try:
                job = jobs.get(timeout=IDLE)
            except Empty:
                if self._retires(jobs):
                    return
                continue
            self._work(job)
            del job  # its values are its caller's alone while the thread waits

    def _work(self, job: Job[Any]) -> None:
        with self._lock:
            self._waiting -= 1
            self._start_where_one_is_missing()
        try:
            job.run()
        finally:
            with self._lock:
                self._waiting += 1
            job.tell_end()

    def _retires(self, jobs: SimpleQueue[Job[Any]]) -> bool:
        with self._lock:
            if not jobs.empty():
                return False
            self._threads -= 1
            self._waiting -= 1
            return True
