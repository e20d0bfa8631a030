"""The one timer of an event loop: whom it wakes, when, and that it holds on to nothing."""

from __future__ import annotations

import asyncio
import gc
import weakref
from contextvars import ContextVar
from time import monotonic

import pytest

from neo_routing_adapters.sql.look_up import alarms
from neo_routing_adapters.sql.look_up.alarms import Alarm, alarm_of, wake

SOON, LATE = 0.01, 3600.0
known: ContextVar[object] = ContextVar("known")


def waiter() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


def new_alarm() -> Alarm:
    return Alarm(asyncio.get_running_loop())


def timers() -> int:
    return sum(not timer.cancelled() for timer in asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]


def test_those_are_woken_whose_time_has_come_and_no_others() -> None:
    async def main() -> None:
        alarm, began = new_alarm(), monotonic()
        late, soon, sooner = waiter(), waiter(), waiter()
        alarm.set(late, LATE)
        alarm.set(soon, 2 * SOON)
        alarm.set(sooner, SOON)
        await sooner
        assert monotonic() >= began + SOON
        await soon
        assert monotonic() >= began + 2 * SOON
        assert not late.done()

    asyncio.run(main())


def test_who_is_called_off_sleeps_on_and_the_others_are_woken() -> None:
    async def main() -> None:
        alarm = new_alarm()
        first, second = waiter(), waiter()
        alarm.set(first, SOON)
        alarm.set(second, 2 * SOON)
        alarm.call_off(first)
        alarm.call_off(first)
        await second
        assert not first.done()

    asyncio.run(main())


def test_a_wait_that_has_ended_by_itself_is_left_alone() -> None:
    async def main() -> None:
        alarm = new_alarm()
        cancelled, last = waiter(), waiter()
        alarm.set(cancelled, SOON)
        alarm.set(last, 2 * SOON)
        cancelled.cancel()
        await last
        assert cancelled.cancelled()

    asyncio.run(main())


def test_for_however_many_there_is_one_timer_which_ends_with_them_and_comes_again() -> None:
    async def main() -> None:
        alarm = new_alarm()
        waiting = [waiter() for _ in range(100)]
        for number, each in enumerate(waiting):
            alarm.set(each, SOON + number / 1e6)
        assert timers() == 1
        await asyncio.gather(*waiting)
        assert timers() == 0
        again = waiter()
        alarm.set(again, SOON)
        await again

    asyncio.run(main())


def test_a_timer_that_was_overtaken_is_cancelled() -> None:
    async def main() -> None:
        alarm = new_alarm()
        waiting = [waiter() for _ in range(3)]
        alarm.set(waiting[0], 4 * SOON)
        alarm.set(waiting[1], SOON)
        alarm.set(waiting[2], LATE)
        assert timers() == 1
        await asyncio.gather(*waiting[:2])
        assert timers() == 1

    asyncio.run(main())


def test_an_exception_that_is_thrown_into_the_ring_leaves_nobody_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a handler of a signal may throw one: the event loop tells of it, and goes on."""

    def interrupted(waiter: asyncio.Future[None]) -> None:
        monkeypatch.setattr(alarms, "wake", wake)
        raise InterruptedError

    async def main() -> None:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, about: told.append(about["exception"]))
        alarm, (first, second, third) = new_alarm(), [waiter() for _ in range(3)]
        monkeypatch.setattr(alarms, "wake", interrupted)
        for each in (first, second, third):
            alarm.set(each, SOON)
        await asyncio.gather(second, third)
        assert [type(each) for each in told] == [InterruptedError]

    asyncio.run(main())


def test_a_ring_that_was_lost_is_made_up_for_by_the_next_who_waits() -> None:
    async def main() -> None:
        alarm, lost, late = new_alarm(), waiter(), waiter()
        alarm.set(lost, 0.0)
        assert alarm._timer is not None
        alarm._timer.cancel()
        await asyncio.sleep(SOON)
        alarm.set(late, LATE)
        await lost
        assert timers() == 1 and not late.done()

    asyncio.run(main())


def test_time_is_that_of_the_event_loop() -> None:
    """Some tests have a loop whose clock runs ahead."""

    class Ahead(asyncio.SelectorEventLoop):
        ahead = 0.0

        def time(self) -> float:
            return super().time() + self.ahead

    async def main(loop: Ahead) -> None:
        alarm, late = new_alarm(), waiter()
        alarm.set(late, LATE)
        loop.ahead = 2 * LATE
        await late
        assert timers() == 0

    with asyncio.Runner(loop_factory=Ahead) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, Ahead)
        runner.run(main(loop))


def test_an_event_loop_and_what_a_caller_knew_are_let_go() -> None:
    class Known:
        pass

    async def main() -> tuple[weakref.ref[object], weakref.ref[object]]:
        loop, it = asyncio.get_running_loop(), Known()
        known.set(it)
        alarm = alarm_of(loop)
        assert alarm_of(loop) is alarm
        alarm.set(waiter(), LATE)
        return weakref.ref(loop), weakref.ref(it)

    loop, it = asyncio.run(main())
    gc.collect()
    assert (loop(), it()) == (None, None)


def test_what_a_caller_knows_is_not_kept_until_the_alarm_rings() -> None:
    class Known:
        pass

    async def asks() -> weakref.ref[object]:
        known.set(it := Known())
        alarm_of(asyncio.get_running_loop()).set(waiter(), LATE)
        return weakref.ref(it)

    async def main() -> None:
        it = await asyncio.create_task(asks())
        await asyncio.sleep(0)  # the event loop itself has just told of the task's end, in its context
        gc.collect()
        assert it() is None

    asyncio.run(main())
