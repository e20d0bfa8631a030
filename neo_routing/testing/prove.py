"""Proves by trying everything: that the core agrees with the reference model, and that the laws hold, in small worlds.

What it proves holds for every world and call of a scope, and says nothing of larger ones: see `small_worlds`.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any, Final

from attrs import frozen

from neo_routing import HeldRows, decide, decide_body
from neo_routing.decision import MadeDecision
from neo_routing.plain_data.calls import caller_of, decision_data
from neo_routing.testing import reference
from neo_routing.testing.laws import LAWS, Seen
from neo_routing.testing.small_worlds import BOT_ID, CALLS, SHAPES, Call, Case, Scope
from neo_routing.testing.world import World

AGREEMENT: Final = "agreement"
"""What is proved besides the laws: every decision is that of the reference model, with its warnings and its trace."""


@frozen
class Counterexample:
    """A call in a world where something that was to be proved does not hold."""

    proposition: str
    """`agreement`, or the name of a law."""
    world: World
    case: Case

    def document(self) -> dict[str, Any]:
        """Return it as a file of cases: the directory, the call, and what core and reference model say.

        The decision in it is the reference model's.
        """
        document = self.world.document()
        decision = reference.decide(document, self.case["caller"], self.case["request"])
        case = {"name": self.proposition, **self.case, "decision": decision, "given": self._given()}
        return {"directory": {"document": document}, "cases": [case]}

    def _given(self) -> Any:
        try:
            return _given(self.case, self.world.directory())
        except Exception as error:  # noqa: BLE001  # it is the counterexample
            return {"raised": repr(error)}


@frozen
class Tried:
    """How many worlds were tried, how many pairs of a world and a call, and what was found first, if anything."""

    worlds: int = 0
    pairs: int = 0
    counterexample: Counterexample | None = None


def prove(
    scope: Scope, *, laws: bool = False, processes: int | None = None
) -> Generator[tuple[float, Tried], None, None]:
    """Try every world of a scope, and yield after each part of it which share is done and what came of all so far.

    Without `laws` it is the agreement that is proved, with `laws` every law. It ends at the first counterexample, which
    is the same in each run. `processes` is by default how many this process may run on.

    >>> from neo_routing.testing.small_worlds import SCOPES
    >>> share, tried = next(prove(SCOPES["tiny"], processes=1))
    >>> share, tried.pairs == tried.worlds * len(CALLS), tried.counterexample
    (0.0005, True, None)
    """
    if processes is None:
        processes = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    context = get_context("spawn")
    workers_end, lifeline = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(processes, context, _end_with_the_parent, (workers_end,))
    try:
        trials = [pool.submit(_tried, scope, number, laws) for number in range(_PARTS)]
        so_far = Tried()
        for number, trial in enumerate(trials, start=1):
            tried = trial.result()
            so_far = Tried(so_far.worlds + tried.worlds, so_far.pairs + tried.pairs, tried.counterexample)
            yield number / _PARTS, so_far
            if tried.counterexample is not None:
                return
    finally:
        lifeline.close()  # which ends the workers, whatever they are at
        pool.shutdown(cancel_futures=True)
        workers_end.close()


_PARTS: Final = 2_000
"""So many that none takes longer than some seconds: progress is told after each."""


def _end_with_the_parent(lifeline: Connection) -> None:
    """Leave interrupts to the parent, and end when it lets go of its end of the lifeline, or is killed itself."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_after, args=(lifeline,), daemon=True).start()


def _end_after(lifeline: Connection) -> None:
    wait([lifeline])
    os._exit(1)


def _tried(scope: Scope, part: int, laws: bool) -> Tried:
    broken_by = laws_broken_by if laws else _agreement().broken_by
    worlds = 0
    for world in scope.worlds(scope.channel_pairs[part::_PARTS]):
        worlds += 1
        for proposition, case in broken_by(world):
            return Tried(worlds, worlds * len(CALLS), Counterexample(proposition, world, case))
    return Tried(worlds, worlds * len(CALLS))


def laws_broken_by(world: World) -> Iterator[tuple[str, Case]]:
    """Yield the names of laws that a world breaks, each with a case that shows it."""
    try:
        seen = Seen(world)
    except Exception:  # noqa: BLE001  # whatever it is, it is what `total` says never comes
        yield from (("total", call.document) for call in CALLS if _raises(call, world))
        return
    for name, law in LAWS.items():
        for call in law(seen):
            yield name, call.document


def _raises(call: Call, world: World) -> bool:
    try:
        decide(call.caller, call.request, world.directory())
    except Exception:  # noqa: BLE001  # as above
        return True
    return False


class Agreement:
    """Compares the core with the reference model, world by world.

    To write a decision with its trace takes ten times as long as to make it. So it is written, and compared in full,
    only where core and reference model have not said just this before, of the same channels: the same answer, warnings,
    steps and rows on the one side, the same on the other. There, rows are known by their ids: whatever else a trace
    tells of a channel is compared, and of an agent or a company it is the same in every world in which a step turns on
    it.
    """

    def __init__(self) -> None:
        self._questions: list[tuple[Call, reference.Question, bool, dict[tuple[Any, ...], Any]]] = [
            (call, reference.question(**call.document), call.caller.is_platform and call.request.bot_id == BOT_ID, {})
            for call in CALLS
        ]
        self._documents = _Documents()
        self._shapes_agree = False

    def broken_by(self, world: World) -> Iterator[tuple[str, Case]]:
        """Yield the cases in which the two differ; in the first world that it gets, those of every shape too."""
        document = self._documents.of(world)
        directory, model = world.directory(), reference.Reference(document)
        every_channel = tuple(map(id, document["channels"]))
        for call, question, asks_for_channels, agreed in self._questions:
            try:
                decision = decide(call.caller, call.request, directory)
            except Exception:  # noqa: BLE001  # whatever it is, the reference model has an answer
                yield AGREEMENT, call.document
                continue
            assert isinstance(decision, MadeDecision), "it was just decided"
            # Results are made once and kept, so that they need not be compared by their values.
            said = (
                id(decision.result),
                decision.routing_warnings,
                decision.findings,
                every_channel if asks_for_channels else (),
                model.answer(question),
            )
            if said not in agreed:
                if decision_data(decision, trace=True) != reference.decide(document, **call.document):
                    yield AGREEMENT, call.document
                agreed[said] = decision.result
        if not self._shapes_agree:
            for case in SHAPES:
                if _given(case, directory) != reference.decide(document, **case):
                    yield AGREEMENT, case
            self._shapes_agree = True


def _given(case: Case, directory: HeldRows) -> dict[str, Any]:
    """Decide a case of plain data with the core."""
    return decision_data(decide_body(caller_of(case["caller"]), case["request"], directory), trace=True)


@cache
def _agreement() -> Agreement:
    """Return that of this process: it remembers over many worlds."""
    return Agreement()


class _Documents:
    """Writes worlds as documents, and each row only once, as long as it is the same object."""

    def __init__(self) -> None:
        self._written: dict[int, tuple[Any, dict[str, Any]]] = {}

    def of(self, world: World) -> dict[str, list[dict[str, Any]]]:
        return {
            "tenants": [self._row("tenants", row) for row in world.tenants],
            "agents": [self._row("agents", row) for row in world.agents],
            "channels": [self._row("channels", row) for row in world.channels],
            "end_companies": [self._row("end_companies", row) for row in world.end_companies],
        }

    def _row(self, name: str, row: Any) -> dict[str, Any]:
        known = self._written.get(id(row))
        if known is None:
            [document] = World(**{name: [row]}).document()[name]
            self._written[id(row)] = known = (row, document)
        return known[1]
