"""Functions that await in greenlets: what they return, raise and see, and what is kept of them."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from contextvars import ContextVar

import pytest
from greenlet import getcurrent, greenlet
from sqlalchemy.util import await_, greenlet_spawn

from neo_routing_adapters.sql.look_up.greenlets import run_awaiting

asked_by: ContextVar[object] = ContextVar("asked_by")


def test_one_after_the_other_runs_in_the_same_greenlet() -> None:
    async def twice() -> list[object]:
        return [await run_awaiting(getcurrent) for _ in range(2)]

    first, second = asyncio.run(twice())
    assert first is second
    assert asyncio.run(run_awaiting(getcurrent)) is first, "another event loop of the thread"


def test_those_that_wait_at_the_same_time_do_not_meet() -> None:
    def waits(number: int) -> int:
        return await_(asyncio.sleep(0, number)) * 1000 + await_(asyncio.sleep(0, number))

    async def many() -> list[int]:
        return await asyncio.gather(*(run_awaiting(lambda number=number: waits(number)) for number in range(500)))

    assert asyncio.run(many()) == [number * 1001 for number in range(500)]


def test_however_many_waited_few_are_kept() -> None:
    def waits() -> weakref.ref[object]:
        await_(asyncio.sleep(0))
        return weakref.ref(getcurrent())

    async def many() -> list[weakref.ref[object]]:
        return await asyncio.gather(*(run_awaiting(waits) for _ in range(500)))

    used = asyncio.run(many())
    gc.collect()
    assert len({id(each()) for each in used if each() is not None}) == 100


def test_what_is_awaited_in_vain_is_raised_where_it_was_awaited() -> None:
    async def fails() -> None:
        raise LookupError("nobody")

    def recovers() -> str:
        try:
            await_(fails())
        except LookupError as error:
            return f"{error} answers"
        return "somebody answers"

    assert asyncio.run(run_awaiting(recovers)) == "nobody answers"


def test_what_a_function_raises_is_raised_and_disturbs_nobody() -> None:
    def fails() -> None:
        await_(asyncio.sleep(0))
        raise LookupError("nobody")

    async def both() -> int:
        with pytest.raises(LookupError, match="nobody"):
            await run_awaiting(fails)
        return await run_awaiting(lambda: await_(asyncio.sleep(0, 12)))

    assert asyncio.run(both()) == 12


def test_a_cancellation_reaches_the_function_and_then_the_caller() -> None:
    noticed = []

    def waits() -> None:
        try:
            await_(asyncio.Event().wait())
        except asyncio.CancelledError:
            noticed.append("cancelled")
            await_(asyncio.sleep(0))  # as somebody does who tidies up
            raise

    async def cancels() -> int:
        task = asyncio.create_task(run_awaiting(waits))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await run_awaiting(lambda: 12)

    assert asyncio.run(cancels()) == 12
    assert noticed == ["cancelled"]


def test_whoever_is_given_up_ends() -> None:
    ended = []

    def waits() -> None:
        try:
            await_(asyncio.sleep(0))
        finally:
            ended.append(True)

    given_up = run_awaiting(waits)
    given_up.send(None)
    given_up.close()
    assert ended == [True]
    assert asyncio.run(run_awaiting(lambda: 12)) == 12


def test_a_function_sees_the_context_of_its_caller_and_nothing_of_that_is_kept() -> None:
    class Request:
        pass

    async def ask() -> tuple[bool, weakref.ref[Request]]:
        request = Request()
        asked_by.set(request)
        return await run_awaiting(asked_by.get) is request, weakref.ref(request)

    for _ in range(2):
        seen, request = asyncio.run(ask())
        assert seen
        gc.collect()
        assert request() is None


def test_each_thread_has_greenlets_of_its_own() -> None:
    used = []

    def another_thread() -> None:
        used.append(weakref.ref(asyncio.run(run_awaiting(getcurrent))))

    mine = asyncio.run(run_awaiting(getcurrent))
    thread = threading.Thread(target=another_thread)
    thread.start()
    thread.join()
    assert used[0]() is not mine
    assert asyncio.run(run_awaiting(getcurrent)) is mine


def test_a_host_that_is_in_a_greenlet_itself_can_ask() -> None:
    mine = asyncio.run(run_awaiting(getcurrent))
    assert greenlet(lambda: asyncio.run(run_awaiting(getcurrent))).switch() is mine
    assert asyncio.run(greenlet_spawn(lambda: await_(run_awaiting(lambda: await_(asyncio.sleep(0, 12)))))) == 12


def test_nothing_of_a_function_is_kept() -> None:
    class Rows:
        pass

    def function_and_rows() -> tuple[Callable[[], Rows], weakref.ref[Rows]]:
        rows = Rows()
        return lambda: rows, weakref.ref(rows)

    function, rows = function_and_rows()
    assert asyncio.run(run_awaiting(function)) is rows()
    del function
    gc.collect()
    assert rows() is None
