"""An answer in time, from somebody who does not give up."""

from __future__ import annotations

import asyncio

import pytest

from neo_routing_adapters.http import in_time as module
from neo_routing_adapters.http.in_time import in_time


def test_what_comes_in_time_is_returned_or_raised() -> None:
    async def answers() -> int:
        return 7

    async def fails() -> None:
        raise LookupError

    assert asyncio.run(in_time(answers(), 5)) == 7
    with pytest.raises(LookupError):
        asyncio.run(in_time(fails(), 5))


@pytest.mark.parametrize("ending", [ValueError, None])
def test_who_does_not_give_up_is_not_waited_for(ending: type[Exception] | None) -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await may_end.wait()
            if ending is not None:
                raise ending from None
            raise

    async def ask() -> None:
        with pytest.raises(TimeoutError):
            await in_time(stubborn(), 0.01)
        assert len(module._GIVING_UP) == 1
        may_end.set()
        await asyncio.wait(module._GIVING_UP)
        await asyncio.sleep(0)
        assert not module._GIVING_UP

    may_end = asyncio.Event()
    asyncio.run(ask())


def test_when_nobody_waits_any_more_it_is_told_to_end() -> None:
    async def waits() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def ask() -> None:
        caller = asyncio.create_task(in_time(waits(), 60))
        await began.wait()
        caller.cancel()
        await ended.wait()

    began, ended = asyncio.Event(), asyncio.Event()
    asyncio.run(asyncio.wait_for(ask(), 30))
