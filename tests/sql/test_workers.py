"""Workers take one job after the other, and no job waits for a thread that is not there any more."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import Any

import pytest

from neo_routing_adapters.sql.look_up import workers as workers_module
from neo_routing_adapters.sql.look_up.deadlines import NoThread
from neo_routing_adapters.sql.look_up.threads import Job
from neo_routing_adapters.sql.look_up.workers import Workers
from tests.programs.http.calls import PATIENCE
from tests.programs.servers.postgres_server import wait_until

pytestmark = pytest.mark.no_cover  # threads of ours are not traced


def given(workers: Workers, function: Callable[[], Any]) -> tuple[Job[Any], threading.Event]:
    ended = threading.Event()
    job = Job(function, ended.set)
    workers.put(job)
    return job, ended


def done(workers: Workers, function: Callable[[], Any]) -> Any:
    job, ended = given(workers, function)
    assert ended.wait(PATIENCE)
    return job.outcome()


def without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def start_thread(*_: object, **__: object) -> None:
        raise NoThread

    monkeypatch.setattr(workers_module, "start_thread", start_thread)


def test_a_thread_that_has_nothing_to_do_ends_and_another_does_the_next_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "IDLE", 0.001)
    workers = Workers(1)
    for _ in range(50):
        assert done(workers, lambda: 7) == 7
        wait_until(lambda: workers._threads == 0)


def test_jobs_that_come_while_threads_retire_are_all_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers_module, "IDLE", 0.0)
    workers = Workers(2)
    for number in range(500):
        assert done(workers, lambda number=number: number) == number


def test_without_any_thread_a_job_is_refused_and_with_a_busy_one_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as without:
        without_threads(without)
        with pytest.raises(NoThread):
            given(Workers(2), int)
    workers, hang = Workers(2), threading.Event()
    _, began = given(workers, lambda: hang.wait(PATIENCE))
    wait_until(lambda: workers._waiting == 0)
    without_threads(monkeypatch)
    job, ended = given(workers, lambda: 8)
    hang.set()
    assert began.wait(PATIENCE)
    assert ended.wait(PATIENCE)
    assert job.outcome() == 8


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_somebody_ends_is_followed_by_another() -> None:
    workers = Workers(1)
    thread = done(workers, threading.current_thread)

    def has_ended() -> bool:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit))
        given(workers, int)  # for which it wakes, and gets the exception then or in the midst of it
        thread.join(0.1)
        return not thread.is_alive()

    wait_until(has_ended)
    assert done(workers, lambda: 9) == 9


def test_a_finalizer_that_has_a_job_while_a_thread_is_started_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    workers, start = Workers(2), workers_module.start_thread
    jobs: list[tuple[Job[Any], threading.Event]] = []
    collected: list[bool] = []

    def start_thread(*arguments: Any, **more: Any) -> object:
        if not collected:
            collected.append(True)
            jobs.append(given(workers, lambda: 10))
        return start(*arguments, **more)

    monkeypatch.setattr(workers_module, "start_thread", start_thread)
    assert done(workers, lambda: 11) == 11
    [(job, ended)] = jobs
    assert ended.wait(PATIENCE)
    assert job.outcome() == 10
