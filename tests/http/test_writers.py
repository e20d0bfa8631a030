"""Whoever writes to a SQLite file has his turn, in the order in which they came."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from neo_routing_adapters.http.writers import Writers
from tests.programs.http.calls import PATIENCE, run


async def in_turn(writers: Writers) -> list[int]:
    wrote: list[int] = []

    async def write(number: int) -> None:
        turn = await writers.turn(PATIENCE)
        assert len(wrote) == number
        await asyncio.sleep(0)
        wrote.append(number)
        turn.release()

    await asyncio.gather(*map(write, range(20)))
    return wrote


def test_each_has_its_turn_in_every_event_loop() -> None:
    writers = Writers()
    for _ in range(2):
        assert run(in_turn(writers)) == [*range(20)]


def test_an_event_loop_that_has_ended_is_not_kept() -> None:
    writers, ended = Writers(), []

    async def act() -> None:
        await in_turn(writers)
        ended.append(weakref.ref(asyncio.get_running_loop()))

    run(act())
    gc.collect()
    assert ended[0]() is None


def test_nobody_waits_longer_than_he_may_and_who_gives_up_keeps_nobody_out() -> None:
    async def wait() -> None:
        writers = Writers()
        turn = await writers.turn(PATIENCE)
        with pytest.raises(TimeoutError):
            await writers.turn(0.01)
        turn.release()
        (await writers.turn(PATIENCE)).release()

    run(wait())
