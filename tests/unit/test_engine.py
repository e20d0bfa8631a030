"""An engine counts what was decided and tells a hook of it; whatever the hook does, no decision changes or fails."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import count
from threading import Barrier, Event
from typing import Any

import attrs
import pytest

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    Decision,
    DecisionRecord,
    DirectoryUnavailable,
    Outage,
    Outcome,
    PolicyEngine,
    RefusalCode,
    Rows,
    RowsNeeded,
    Tenant,
    WarningCode,
    decide_body,
)
from neo_routing.hook import _CALL
from neo_routing_adapters.memory import MemoryDirectory

USER = Caller(CallerKind.USER, "msp-a")
PLATFORM = Caller(CallerKind.PLATFORM, "msp-a")
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
KEY = {"managed_agent_key": "NEO_SUPPORT"}
CASES: list[tuple[Caller, object]] = [
    (USER, {"agent_id": 12}),
    (USER, {"agent_id": 12, "bot_id": "helpdesk", "colour": "blue"}),
    (USER, {"agent_id": 13}),
    (USER, "no object"),
    (PLATFORM, KEY | {"client_id": "msp-b"}),
    (PLATFORM, KEY | {"bot_id": "paused"}),
    (USER, {}),
]


def directory() -> MemoryDirectory:
    return MemoryDirectory(
        tenants=[Tenant(id="msp-a")],
        agents=[Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL)],
        channels=[
            Channel(id="ch-1", tenant_id="msp-a", agent_id=12, bot_id="paused", status=ChannelStatus.DISCONNECTED)
        ],
    )


def engine_with(on_decision: Callable[[Any], Any], on: Any = None) -> PolicyEngine[Any]:
    ids = count(1)
    return PolicyEngine(on or directory(), on_decision=on_decision, new_id=lambda: f"d-{next(ids)}", now=lambda: NOON)


class Down:
    def __init__(self, error: DirectoryUnavailable | None = None, cause: Exception | None = None) -> None:
        self.error = error or DirectoryUnavailable()
        self.cause = cause

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        raise self.error from self.cause


class AwaitedDown(Down):
    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:  # type: ignore[override]
        await asyncio.sleep(0)
        raise self.error from self.cause


# Numbers


def test_every_name_of_the_closed_sets_is_there_from_the_start() -> None:
    assert PolicyEngine(directory()).counts() == {
        "outcome": dict.fromkeys(map(str, Outcome), 0),
        "refusal": dict.fromkeys(map(str, RefusalCode), 0),
        "session_warning": dict.fromkeys(map(str, WarningCode), 0),
        "refusal_warning": dict.fromkeys(map(str, WarningCode), 0),
        "undecided": {"directory_unavailable": 0},
        "hook": {"failed": 0, "within_itself": 0},
    }


def test_each_answer_and_each_warning_is_counted_by_its_name() -> None:
    engine = PolicyEngine(directory())
    decisions = [engine.decide(caller, body) for caller, body in CASES] + engine.decide_many(CASES)
    counts = engine.counts()
    answers = Counter(str(each.refusal.code if each.refusal else each.target.outcome) for each in decisions)  # type: ignore[union-attr]
    assert +Counter(counts["outcome"] | counts["refusal"]) == answers
    assert +Counter(counts["session_warning"]) == {"bot_id_ignored": 2, "unknown_field_ignored": 2}
    assert +Counter(counts["refusal_warning"]) == {"channel_paused": 2}
    warned = Counter(counts["session_warning"]) + Counter(counts["refusal_warning"])
    assert warned == Counter(str(warning) for each in decisions for warning in each.warnings)
    assert engine.counts() == counts, "to read changes nothing"


def test_the_numbers_are_plain_and_of_whoever_asked_for_them() -> None:
    engine = PolicyEngine(directory())
    given = engine.counts()
    assert {type(name) for group in given.values() for name in group} == {str}
    given["outcome"].clear()
    del given["hook"]
    assert engine.counts() == PolicyEngine(directory()).counts()


@pytest.fixture
def _eager_threads() -> Any:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("_eager_threads")
def test_no_decision_of_any_thread_is_lost_and_none_is_counted_twice() -> None:
    told: list[Any] = []
    read: list[int] = []
    engine = engine_with(told.append)
    without_a_hook = PolicyEngine(directory())
    threads, times = 8, 1_000
    start = Barrier(threads)

    def decide(_: int) -> None:
        start.wait(10)
        for turn in range(times):
            engine.decide(*CASES[turn % 2])
            without_a_hook.decide(*CASES[turn % 2])
            if turn % 50 == 0:
                read.append(engine.counts()["outcome"]["own_tenant"])

    with ThreadPoolExecutor(threads) as pool:
        assert len([*pool.map(decide, range(threads))]) == threads
    counts = engine.counts()
    assert counts["outcome"]["own_tenant"] == threads * times == len(told)
    assert without_a_hook.counts() == counts
    assert counts["session_warning"]["bot_id_ignored"] == threads * times / 2
    assert max(read) <= threads * times
    assert len({record.id for record in told}) == threads * times


# What the hook is told


def test_the_hook_gets_a_record_of_each_decision() -> None:
    told: list[Any] = []
    engine = engine_with(told.append)
    decisions = [engine.decide(caller, body) for caller, body in CASES]
    assert [type(record) for record in told] == [DecisionRecord] * len(CASES)
    assert [record.decision for record in told] == decisions
    assert [record.id for record in told] == [f"d-{number}" for number in range(1, len(CASES) + 1)]
    assert {record.time for record in told} == {NOON}
    assert [record.caller for record in told] == [caller for caller, _ in CASES]
    assert [record.request and record.request.agent_id for record in told[:4]] == [12, 12, 13, None]


def test_the_records_of_a_batch_are_those_of_its_cases_one_by_one() -> None:
    one_by_one: list[Any] = []
    batch: list[Any] = []
    awaited: list[Any] = []
    for caller, body in CASES:
        engine_with(one_by_one.append).decide(caller, body)
    engine_with(batch.append).decide_many(CASES)
    asyncio.run(engine_with(awaited.append).adecide_many(CASES))
    for told in (batch, awaited):
        assert [(each.caller, each.request, each.decision) for each in told] == [
            (each.caller, each.request, each.decision) for each in one_by_one
        ]


def test_an_outage_is_somebodys() -> None:
    with pytest.raises(ValueError, match=r"Outage\.caller"):
        Outage(id="1", time=NOON, caller="msp-a", request=None, error=DirectoryUnavailable())  # type: ignore[arg-type]


def test_an_outage_is_itself_alone() -> None:
    error = DirectoryUnavailable()
    one, other = (Outage(id="1", time=NOON, caller=USER, request=None, error=error) for _ in range(2))
    assert one != other


def test_an_outage_is_told_and_then_raised() -> None:
    told: list[Any] = []
    down = Down()
    engine = engine_with(told.append, down)
    with pytest.raises(DirectoryUnavailable) as raised:
        engine.decide(USER, {"agent_id": 12, "title": "My secret"})
    [outage] = told
    assert isinstance(outage, Outage)
    assert raised.value is down.error
    assert (outage.error.args, outage.error.__cause__) == (down.error.args, down.error.__cause__)
    assert (outage.id, outage.time, outage.caller) == ("d-1", NOON, USER)
    assert outage.request is not None
    assert (outage.request.agent_id, outage.request.title) == (12, "***")
    assert engine.counts()["undecided"] == {"directory_unavailable": 1}


@pytest.mark.parametrize(
    ("down", "decide_all"),
    [
        (Down(), lambda engine: engine.decide_many(CASES)),
        (AwaitedDown(), lambda engine: asyncio.run(engine.adecide_many(CASES))),
    ],
    ids=["waiting", "awaiting"],
)
def test_an_outage_of_a_batch_is_one_of_each_of_its_cases(down: Down, decide_all: Callable[[Any], object]) -> None:
    told: list[Any] = []
    engine = engine_with(told.append, down)
    with pytest.raises(DirectoryUnavailable) as raised:
        decide_all(engine)
    assert raised.value is down.error
    assert {outage.error.args for outage in told} == {down.error.args}
    assert [outage.caller for outage in told] == [caller for caller, _ in CASES]
    assert [outage.request is None for outage in told] == [body == "no object" for _, body in CASES]
    assert engine.counts() == PolicyEngine(directory()).counts() | {"undecided": {"directory_unavailable": len(CASES)}}


def test_an_outage_that_is_awaited_is_told_and_then_raised() -> None:
    told: list[Any] = []
    engine = engine_with(told.append, AwaitedDown())
    with pytest.raises(DirectoryUnavailable):
        asyncio.run(engine.adecide(USER, {"agent_id": 12}))
    assert [type(each) for each in told] == [Outage]


def test_a_call_that_is_given_up_is_neither_counted_nor_told() -> None:
    class Waiting:
        async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
            await asyncio.get_running_loop().create_future()
            raise AssertionError("nobody answers")

    async def give_up() -> None:
        deciding = asyncio.ensure_future(engine.adecide(*CASES[0]))
        await asyncio.sleep(0)  # so that it has begun
        deciding.cancel()
        await deciding

    told: list[Any] = []
    engine = engine_with(told.append, Waiting())
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(give_up())
    assert (told, engine.counts()) == ([], PolicyEngine(directory()).counts())


def test_a_fault_of_the_directory_is_no_outage() -> None:
    class Faulty:
        def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
            raise ZeroDivisionError

    told: list[Any] = []
    engine = engine_with(told.append, Faulty())
    for decide in (lambda: engine.decide(*CASES[0]), lambda: engine.decide_many(CASES)):
        with pytest.raises(ZeroDivisionError):
            decide()
    assert (told, engine.counts()) == ([], PolicyEngine(directory()).counts())


def test_what_admission_refuses_is_decided_in_an_outage() -> None:
    engine = PolicyEngine(Down())
    with pytest.raises(DirectoryUnavailable):
        engine.decide(*CASES[0])
    assert [engine.decide(*case).refusal.status for case in (CASES[3], CASES[6])] == [422, 422]  # type: ignore[union-attr]
    assert engine.counts()["undecided"] == {"directory_unavailable": 1}


# What a hook cannot do


def raises(_: Any) -> None:
    raise RuntimeError("a hook's")


def raises_an_outage(_: Any) -> None:
    raise DirectoryUnavailable("of the hook")


def raises_what_it_was_told(told: Any) -> None:
    raise getattr(told, "error", KeyError(told))


async def never_awaited(_: Any) -> None:
    raise AssertionError("nobody runs it")


def never_iterated(_: Any) -> Any:
    yield


async def never_iterated_either(_: Any) -> Any:
    yield


def changes_what_it_is_told(told: Any) -> None:
    told.decision = None


def calls_what_is_not_there(told: Any) -> None:
    told.no_such_thing()


def never_ends(told: Any) -> None:
    never_ends(told)


HOSTILE = [
    raises,
    raises_an_outage,
    raises_what_it_was_told,
    never_awaited,
    never_iterated,
    never_iterated_either,
    changes_what_it_is_told,
    calls_what_is_not_there,
    never_ends,
]


@pytest.mark.parametrize("hook", HOSTILE)
def test_a_hook_that_goes_wrong_changes_no_decision_and_fails_none(hook: Callable[[Any], Any]) -> None:
    engine = engine_with(hook)
    expected = [decide_body(caller, body, directory()) for caller, body in CASES]
    assert [engine.decide(caller, body) for caller, body in CASES] == expected
    assert engine.decide_many(CASES) == expected
    assert asyncio.run(engine.adecide_many(CASES)) == expected
    assert engine.counts()["hook"] == {"failed": 3 * len(CASES), "within_itself": 0}
    assert engine.last_hook_error
    gc.collect()  # a coroutine that was left behind would warn now


@pytest.mark.parametrize("hook", HOSTILE)
def test_an_outage_is_raised_whatever_goes_wrong_in_the_hook(hook: Callable[[Any], Any]) -> None:
    down = Down()
    engine = engine_with(hook, down)
    with pytest.raises(DirectoryUnavailable) as raised:
        engine.decide(USER, {"agent_id": 12})
    assert raised.value is down.error
    assert engine.counts()["hook"]["failed"] == 1


def test_what_goes_wrong_in_a_hook_is_kept_until_the_next() -> None:
    wrong = iter([ValueError("first"), KeyError("second")])

    def hook(_: Any) -> None:
        for error in wrong:
            raise error

    engine = engine_with(hook)
    assert engine.last_hook_error is None
    kept = []
    for _ in range(3):
        engine.decide(*CASES[0])
        kept.append(str(engine.last_hook_error))
    line = hook.__code__.co_firstlineno + 2
    told = [f"{words} ({__file__}, line {line})" for words in ("ValueError: first", "KeyError: 'second'")]
    assert kept == [*told, told[-1]]
    assert engine.counts()["hook"]["failed"] == 2
    assert PolicyEngine(directory()).last_hook_error is None


@pytest.mark.parametrize("source", ["new_id", "now"])
@pytest.mark.parametrize("given", [raises, lambda: None, object], ids=["raises", "none", "nonsense"])
def test_an_id_or_a_time_that_cannot_be_had_fails_no_decision(source: str, given: Callable[..., Any]) -> None:
    told: list[Any] = []
    sources: dict[str, Any] = {"new_id": lambda: "d-1", "now": lambda: NOON, source: given}
    for on in (directory(), Down()):
        engine: PolicyEngine[Any] = PolicyEngine(on, on_decision=told.append, **sources)
        with contextlib.suppress(DirectoryUnavailable):
            assert engine.decide(*CASES[0]).target
        assert (told, engine.counts()["hook"]["failed"]) == ([], 1)


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise self


class Words(str):
    __slots__ = ()

    def __format__(self, _: str) -> str:
        raise ValueError


class Unformatted(Exception):
    def __str__(self) -> str:
        return Words("x")


class Nameless(type):
    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise ValueError


class WithoutName(Exception, metaclass=Nameless):
    pass


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Unspeakable, "Unspeakable: what cannot be told ("),
        (Unformatted, "Unformatted: x ("),
        (WithoutName, "what cannot be told:  ("),
    ],
    ids=["words", "format", "name"],
)
def test_an_error_that_cannot_be_told_fails_no_decision(error: type[Exception], words: str) -> None:
    def hook(_: Any) -> None:
        raise error

    engine = engine_with(hook)
    assert engine.decide(*CASES[0]).target
    assert str(engine.last_hook_error).startswith(words)
    assert engine.counts()["hook"]["failed"] == 1


def test_what_a_hook_does_to_an_outage_does_not_reach_the_host() -> None:
    def hook(outage: Any) -> None:
        outage.error.args = ("changed",)
        outage.error.__cause__ = None

    down = Down()
    args, cause = down.error.args, down.error.__cause__
    with pytest.raises(DirectoryUnavailable) as raised:
        engine_with(hook, down).decide(USER, {"agent_id": 12})
    assert (raised.value.args, raised.value.__cause__) == (args, cause)


class ShardDown(DirectoryUnavailable):
    def __init__(self, shard: str, code: int) -> None:
        Exception.__init__(self, shard, code)


class OfNothing(DirectoryUnavailable):
    def __init__(self, *, shard: str) -> None:
        self.shard = shard


class WithoutArgs(DirectoryUnavailable):
    @property
    def args(self) -> Any:  # type: ignore[override]
        raise ZeroDivisionError


class WithoutCause(DirectoryUnavailable):
    @property
    def __cause__(self) -> Any:  # type: ignore[override]
        raise ZeroDivisionError


class InWordsOfItsOwn(DirectoryUnavailable):
    def __str__(self) -> str:
        return "the shard is down"


class UnspeakablyDown(DirectoryUnavailable):
    def __str__(self) -> str:
        raise self


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ShardDown("eu", 7), "('eu', 7)"),
        (OfNothing(shard="eu"), ""),
        (WithoutArgs("no answer"), "no answer"),
        (WithoutCause("no answer"), "no answer"),
        (InWordsOfItsOwn(), "the shard is down"),
        (UnspeakablyDown(), "what cannot be told"),
    ],
    ids=lambda given: type(given).__name__,
)
def test_an_outage_of_any_class_is_told_and_is_the_hosts_as_it_was(error: DirectoryUnavailable, words: str) -> None:
    told: list[Any] = []
    cause = OSError("no route")
    blocking, awaited = (engine_with(told.append, kind(error, cause)) for kind in (Down, AwaitedDown))
    for decide in (
        lambda: blocking.decide(*CASES[0]),
        lambda: blocking.decide_many(CASES[:1]),
        lambda: asyncio.run(awaited.adecide(*CASES[0])),
        lambda: asyncio.run(awaited.adecide_many(CASES[:1])),
    ):
        with pytest.raises(DirectoryUnavailable) as raised:
            decide()
        assert raised.value is error
    assert [(type(each), type(each.error), each.error.args) for each in told] == [
        (Outage, DirectoryUnavailable, (words,))
    ] * 4
    assert [each.error.__cause__ for each in told] == [cause] * 4
    assert blocking.last_hook_error is awaited.last_hook_error is None


class WithoutPlace(Exception):
    @property
    def __traceback__(self) -> Any:  # type: ignore[override]
        raise ZeroDivisionError


def test_an_error_of_a_hook_that_hides_its_place_fails_no_decision() -> None:
    def hook(_: Any) -> None:
        raise WithoutPlace("wrong")

    engine = engine_with(hook)
    assert engine.decide(*CASES[0]).target
    line = hook.__code__.co_firstlineno + 1
    assert engine.last_hook_error == f"WithoutPlace: wrong ({__file__}, line {line})"


def test_a_hook_that_returns_what_is_awaited_has_failed() -> None:
    class Awaited:
        def __await__(self) -> Iterator[None]:
            yield

    engine = engine_with(lambda _: Awaited())
    assert engine.decide(*CASES[0]).target
    assert engine.counts()["hook"]["failed"] == 1


def test_callbacks_that_decide_in_turn_do_not_add_up() -> None:
    contexts: list[contextvars.Context] = []
    engine = engine_with(lambda _: contexts.append(contextvars.copy_context()))
    engine.decide(*CASES[0])
    for _ in range(50):
        contexts.pop().run(engine.decide, *CASES[0])
    call, depth = contexts.pop().run(_CALL.get), 0
    while call is not None:
        call, depth = call.outer, depth + 1
    assert depth == 1


def test_what_is_kept_of_an_error_keeps_nothing_alive_that_was_decided_on() -> None:
    kept = []

    def hook(record: Any) -> None:
        kept.append(weakref.ref(record))
        raise KeyError(record)

    engine = engine_with(hook)
    engine.decide(*CASES[0])
    gc.collect()
    assert [reference() for reference in kept] == [None]


class Stopped(BaseException):
    """As a greenlet or a task is stopped."""


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, Stopped])
def test_what_stops_the_host_is_not_the_hooks(stop: type[BaseException]) -> None:
    stopped: list[Any] = []

    def hook(record: Any) -> None:
        stopped.append(record)
        raise stop

    engine = engine_with(hook)
    with pytest.raises(stop):
        engine.decide(*CASES[0])
    assert engine.counts()["outcome"]["own_tenant"] == 1, "it was decided"
    assert engine.counts()["hook"]["failed"] == 0
    assert engine.last_hook_error is None
    with pytest.raises(stop):
        engine.decide_many(CASES)
    assert len(stopped) == 2, "of a batch nothing more is told"
    assert sum(sum(engine.counts()[group].values()) for group in ("outcome", "refusal")) == 1 + len(CASES)
    told: list[Any] = []
    engine._hook._tell = told.append  # type: ignore[union-attr]
    engine.decide(*CASES[0])
    assert len(told) == 1, "the next one is told as ever"


def test_a_hook_that_decides_by_the_engine_itself_is_not_told_of_that() -> None:
    told: list[Any] = []

    def hook(record: Any) -> None:
        told.append(record)
        nested.extend(engine.decide(*case) for case in CASES[:2])
        nested.extend(engine.decide_many(CASES[:2]))

    nested: list[Decision] = []
    engine = engine_with(hook)
    assert engine.decide(*CASES[0]).target
    assert len(told) == 1
    assert nested == [decide_body(caller, body, directory()) for caller, body in CASES[:2] * 2]
    assert engine.counts()["outcome"]["own_tenant"] == 5
    assert engine.counts()["hook"] == {"failed": 0, "within_itself": 4}
    engine.decide(*CASES[0])
    assert len(told) == 2


def test_nothing_is_left_in_the_context_when_a_hook_was_told() -> None:
    context = contextvars.copy_context()
    for hook in (HOSTILE[0], lambda _: None):
        context.run(engine_with(hook).decide, *CASES[0])
    assert not [variable for variable in context if context[variable] is not None and variable.name == _CALL.name]


def test_two_engines_whose_hooks_ask_each_other_come_to_an_end() -> None:
    told: list[str] = []

    def ask(name: str, other: Callable[[], PolicyEngine[Any]]) -> Callable[[Any], None]:
        def hook(_: Any) -> None:
            told.append(name)
            other().decide(*CASES[0])
            other().decide(*CASES[1])

        return hook

    first: PolicyEngine[Any] = engine_with(ask("first", lambda: second))
    second: PolicyEngine[Any] = engine_with(ask("second", lambda: first))
    assert first.decide(*CASES[0]).target
    assert told == ["first", "second", "second"]


def test_a_task_that_a_hook_begins_is_told_of_as_any_other() -> None:
    told: list[Any] = []
    tasks: list[asyncio.Task[Decision]] = []

    def hook(record: Any) -> None:
        told.append(record)
        if len(told) == 1:
            tasks.append(asyncio.get_running_loop().create_task(engine.adecide(*CASES[1])))

    engine = engine_with(hook)

    async def decide() -> None:
        await engine.adecide(*CASES[0])
        await asyncio.gather(*tasks)

    asyncio.run(decide())
    assert len(told) == 2
    assert engine.counts()["hook"]["within_itself"] == 0


def test_a_thread_that_a_hook_begins_is_told_of_as_any_other() -> None:
    told: list[Any] = []

    def hook(record: Any) -> None:
        told.append(record)
        if len(told) == 1:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(engine.decide, *CASES[1]).result(10)

    engine = engine_with(hook)
    engine.decide(*CASES[0])
    assert len(told) == 2
    assert engine.counts()["hook"] == {"failed": 0, "within_itself": 0}


def test_nobody_waits_for_a_hook_but_the_call_that_is_told() -> None:
    begun, end = Event(), Event()
    told: list[Any] = []

    def hook(record: Any) -> None:
        told.append(record)
        if len(told) == 1:
            begun.set()
            assert end.wait(10)

    engine = engine_with(hook)
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(engine.decide, *CASES[0])
        assert begun.wait(10)
        try:
            others = pool.submit(lambda: (engine.decide(*CASES[0]), engine.counts())).result(10)
            assert not slow.done()
        finally:
            end.set()
        assert slow.result(10) == others[0]
        assert others[1]["outcome"]["own_tenant"] == 2
    assert len(told) == 2
    assert engine.counts()["hook"]["failed"] == 0


def test_a_hook_that_empties_the_rows_it_is_shown_changes_nothing_else() -> None:
    def hook(record: Any) -> None:
        for field in attrs.fields(Rows):
            shown = getattr(record.found, field.name)
            for part in (shown, *(shown.values() if isinstance(shown, dict) else ())):
                if isinstance(part, dict):
                    emptied.append(field.name) if part else None
                    part.clear()

    emptied: list[str] = []
    known = directory()
    engine = engine_with(hook, known)
    whole = decide_body(PLATFORM, KEY | {"bot_id": "paused"}, directory())
    for _ in range(2):
        decision = engine.decide(PLATFORM, KEY | {"bot_id": "paused"})
        assert (decision, decision.warnings, decision.trace) == (whole, whole.warnings, whole.trace)
        assert engine.decide(*CASES[0]).target
    assert {"conversational_agents", "disconnected_channels"} <= set(emptied)
    assert known.content == directory().content


def test_what_a_hook_returns_otherwise_is_let_be() -> None:
    engine = engine_with(lambda _: object())
    assert engine.decide(*CASES[0]).target
    assert engine.counts()["hook"]["failed"] == 0


@pytest.mark.parametrize(
    "given",
    [
        {"on_decision": print},
        {"on_decision": print, "now": lambda: NOON},
        {"on_decision": print, "new_id": lambda: ""},
        {"new_id": lambda: "", "now": lambda: NOON},
    ],
    ids=" ".join,
)
def test_a_hook_comes_with_ids_and_times_and_they_with_a_hook(given: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"^on_decision, new_id and now go together"):
        PolicyEngine(directory(), **given)


# An engine on another directory


def test_an_engine_on_another_directory_decides_on_that_and_counts_and_tells_as_the_first() -> None:
    told: list[Any] = []
    engine = engine_with(told.append)
    empty = engine.within(MemoryDirectory())
    assert [each.decide(USER, {"agent_id": 12}).target is None for each in (empty, engine)] == [True, False]
    assert engine.counts() == empty.counts()
    assert (engine.counts()["outcome"]["own_tenant"], engine.counts()["refusal"]["agent_not_found"]) == (1, 1)
    assert [notice.id for notice in told] == ["d-1", "d-2"]


def test_an_engine_on_another_directory_awaits_that() -> None:
    class Awaited:
        async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
            return directory().look_up(needed)

    engine = PolicyEngine(MemoryDirectory())
    assert asyncio.run(engine.within(Awaited()).adecide(USER, {"agent_id": 12})).target is not None
    assert engine.counts()["outcome"]["own_tenant"] == 1
