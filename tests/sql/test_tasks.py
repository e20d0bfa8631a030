"""What runs in a task of a directory's own: what it returns, raises and sees, and that nothing of it is kept."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
from sqlalchemy.util import await_only, greenlet_spawn

from neo_routing_adapters.sql.look_up.deadlines import Call
from neo_routing_adapters.sql.look_up.tasks import MOST_LATE, Tasks

SECONDS = 60
asked_by: ContextVar[object] = ContextVar("asked_by")


async def run(function: Callable[[], Any]) -> Any:
    return await Tasks().run(function, Call(SECONDS))


def test_those_that_wait_at_the_same_time_do_not_meet() -> None:
    def waits(number: int) -> int:
        return await_only(asyncio.sleep(0, number)) * 1000 + await_only(asyncio.sleep(0, number))

    async def many() -> list[int]:
        tasks = Tasks()
        return await asyncio.gather(*(tasks.run(lambda n=n: waits(n), Call(SECONDS)) for n in range(500)))

    assert asyncio.run(many()) == [number * 1001 for number in range(500)]


def test_what_is_awaited_in_vain_is_raised_where_it_was_awaited_and_what_is_raised_there_goes_through() -> None:
    async def fails() -> None:
        raise LookupError("nobody")

    def passes_on() -> None:
        try:
            await_only(fails())
        except LookupError as error:
            raise KeyError("somebody") from error

    async def both() -> int:
        with pytest.raises(KeyError, match="somebody") as raised:
            await run(passes_on)
        assert isinstance(raised.value.__cause__, LookupError)
        return await run(lambda: await_only(asyncio.sleep(0, 12)))

    assert asyncio.run(both()) == 12


def test_a_call_sees_the_context_of_its_caller_and_nothing_of_that_is_kept() -> None:
    class Request:
        pass

    async def ask() -> tuple[bool, weakref.ref[Request]]:
        request = Request()
        asked_by.set(request)
        return await run(asked_by.get) is request, weakref.ref(request)

    for _ in range(2):
        seen, request = asyncio.run(ask())
        assert seen
        gc.collect()
        assert request() is None


def test_nothing_of_a_call_is_kept_once_it_is_answered() -> None:
    class Rows:
        pass

    def call_and_rows() -> tuple[Callable[[], Rows], weakref.ref[Rows]]:
        rows = Rows()
        return lambda: rows, weakref.ref(rows)

    function, rows = call_and_rows()
    assert asyncio.run(run(function)) is rows()
    del function
    gc.collect()
    assert rows() is None


def test_a_call_whose_task_is_cancelled_ends_as_an_outage_and_tidies_up() -> None:
    tidied = []

    def waits() -> None:
        try:
            await_only(asyncio.Event().wait())
        except asyncio.CancelledError:
            await_only(asyncio.sleep(0))  # as somebody does who tidies up
            tidied.append(True)
            raise

    async def somebody_cancels() -> None:
        before = asyncio.all_tasks()
        asked = asyncio.create_task(run(waits))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        [of_the_call] = asyncio.all_tasks() - before - {asked}
        of_the_call.cancel()
        with pytest.raises(OSError, match="was cancelled"):
            await asked

    asyncio.run(somebody_cancels())
    assert tidied == [True]


def test_who_goes_on_with_what_he_cut_off_gets_what_it_came_to() -> None:
    class Line:
        def __init__(self) -> None:
            self.is_cut = asyncio.Event()

        def cut(self) -> None:
            self.is_cut.set()

    async def ask(*, to_its_end: bool) -> str:
        line, call = Line(), Call(0.01)

        def waits() -> str:
            call.enter(line)
            await_only(line.is_cut.wait())
            return "cut off"

        return await Tasks().run(waits, call, to_its_end=to_its_end)

    assert asyncio.run(ask(to_its_end=True)) == "cut off"
    with pytest.raises(TimeoutError):
        asyncio.run(ask(to_its_end=False))


def test_a_host_that_is_in_a_greenlet_itself_can_ask() -> None:
    assert asyncio.run(greenlet_spawn(lambda: await_only(run(lambda: await_only(asyncio.sleep(0, 12)))))) == 12


# Event loops are closed under tasks that wait, which Python tells of.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
def test_tasks_that_were_left_in_closed_event_loops_stand_in_nobodys_way() -> None:
    tasks = Tasks()

    async def leaves_one() -> None:
        with pytest.raises(TimeoutError):
            await tasks.run(lambda: await_only(asyncio.get_running_loop().create_future()), Call(0.0))

    for _ in range(MOST_LATE):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(leaves_one())
        loop.close()
    assert len(tasks._late) == MOST_LATE
    assert asyncio.run(tasks.run(lambda: 12, Call(SECONDS))) == 12
    assert not tasks._late
