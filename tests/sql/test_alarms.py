"""The one timer of an event loop: whom it wakes, when, and that it holds on to nothing."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextvars import ContextVar
from time import monotonic

from neo_routing_adapters.sql.look_up.alarms import Alarm, alarm_of

SOON, LATE = 0.01, 3600.0
known: ContextVar[object] = ContextVar("known")


def waiter() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


def timers() -> int:
    return sum(not timer.cancelled() for timer in asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]


def test_those_are_woken_whose_time_has_come_and_no_others() -> None:
    async def main() -> None:
        alarm, began = Alarm(), monotonic()
        late, soon, sooner = waiter(), waiter(), waiter()
        alarm.set(late, began + LATE)
        alarm.set(soon, began + 2 * SOON)
        alarm.set(sooner, began + SOON)
        await sooner
        assert monotonic() >= began + SOON
        assert not soon.done()
        await soon
        assert monotonic() >= began + 2 * SOON
        assert not late.done()

    asyncio.run(main())


def test_who_is_called_off_sleeps_on_and_the_others_are_woken() -> None:
    async def main() -> None:
        alarm, now = Alarm(), monotonic()
        first, second = waiter(), waiter()
        alarm.set(first, now + SOON)
        alarm.set(second, now + 2 * SOON)
        alarm.call_off(first)
        alarm.call_off(first)
        await second
        assert not first.done()

    asyncio.run(main())


def test_a_wait_that_has_ended_by_itself_is_left_alone() -> None:
    async def main() -> None:
        alarm, now = Alarm(), monotonic()
        cancelled, last = waiter(), waiter()
        alarm.set(cancelled, now + SOON)
        alarm.set(last, now + 2 * SOON)
        cancelled.cancel()
        await last
        assert cancelled.cancelled()

    asyncio.run(main())


def test_for_however_many_there_is_one_timer_which_ends_with_them_and_comes_again() -> None:
    async def main() -> None:
        alarm, began = Alarm(), monotonic()
        waiting = [waiter() for _ in range(100)]
        for number, each in enumerate(waiting):
            alarm.set(each, began + SOON + number / 1e6)
        assert timers() == 1
        await asyncio.gather(*waiting)
        assert timers() == 0
        again = waiter()
        alarm.set(again, monotonic() + SOON)
        await again

    asyncio.run(main())


def test_one_who_must_be_woken_earlier_costs_one_timer_more_and_only_once() -> None:
    async def main() -> None:
        alarm, now = Alarm(), monotonic()
        waiting = [waiter() for _ in range(3)]
        alarm.set(waiting[0], now + 4 * SOON)
        alarm.set(waiting[1], now + SOON)
        alarm.set(waiting[2], now + LATE)
        assert timers() == 2
        await asyncio.gather(*waiting[:2])
        assert timers() == 1, "the one for the last, and none that was overtaken"

    asyncio.run(main())


def test_an_event_loop_and_what_a_caller_knew_are_let_go() -> None:
    class Known:
        pass

    async def main() -> tuple[weakref.ref[object], weakref.ref[object]]:
        loop, it = asyncio.get_running_loop(), Known()
        known.set(it)
        alarm = alarm_of(loop)
        assert alarm_of(loop) is alarm
        alarm.set(waiter(), monotonic() + LATE)
        return weakref.ref(loop), weakref.ref(it)

    loop, it = asyncio.run(main())
    gc.collect()
    assert (loop(), it()) == (None, None)


def test_what_a_caller_knows_is_not_kept_until_the_alarm_rings() -> None:
    class Known:
        pass

    async def asks() -> weakref.ref[object]:
        known.set(it := Known())
        alarm_of(asyncio.get_running_loop()).set(waiter(), monotonic() + LATE)
        return weakref.ref(it)

    async def main() -> None:
        it = await asyncio.create_task(asks())
        await asyncio.sleep(0)  # the event loop itself has just told of the task's end, in its context
        gc.collect()
        assert it() is None

    asyncio.run(main())
