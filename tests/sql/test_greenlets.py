"""Greenlets that are used again: by whom, how many, and how they end; the rest is shown through `Tasks`."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest
from greenlet import getcurrent, greenlet
from sqlalchemy.util import await_only, greenlet_spawn

from neo_routing_adapters.sql.look_up.greenlets import run_awaiting


def test_one_after_the_other_runs_in_the_same_greenlet() -> None:
    async def twice() -> list[object]:
        return [await run_awaiting(getcurrent) for _ in range(2)]

    first, second = asyncio.run(twice())
    assert first is second
    assert asyncio.run(run_awaiting(getcurrent)) is first, "another event loop of the thread"


def test_however_many_waited_few_are_kept() -> None:
    def waits() -> weakref.ref[object]:
        await_only(asyncio.sleep(0))
        return weakref.ref(getcurrent())

    async def many() -> list[weakref.ref[object]]:
        return await asyncio.gather(*(run_awaiting(waits) for _ in range(500)))

    used = asyncio.run(many())
    gc.collect()
    assert len({id(each()) for each in used if each() is not None}) == 100


def test_a_cancellation_reaches_the_function_and_then_the_caller() -> None:
    noticed = []

    def waits() -> None:
        try:
            await_only(asyncio.Event().wait())
        except asyncio.CancelledError:
            noticed.append("cancelled")
            await_only(asyncio.sleep(0))  # as somebody does who tidies up
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
            await_only(asyncio.sleep(0))
        finally:
            ended.append(True)

    given_up = run_awaiting(waits)
    given_up.send(None)
    given_up.close()
    assert ended == [True]
    assert asyncio.run(run_awaiting(lambda: 12)) == 12


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
    assert asyncio.run(greenlet_spawn(lambda: await_only(run_awaiting(lambda: await_only(asyncio.sleep(0, 12)))))) == 12
