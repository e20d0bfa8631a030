"""Prove your adapter: every law that a directory of your own can break, as tests that you inherit.

Subclass `SessionDirectoryContract` in a test file, and give it one method: it opens your directory with the rows of a
`World`, and closes it again. That is all; pytest finds the tests.

    from contextlib import contextmanager
    from neo_routing.testing import SessionDirectoryContract

    class TestMyDirectory(SessionDirectoryContract):
        @contextmanager
        def directory(self, world):
            with my_store(world.document()) as store:
                yield MyDirectory(store)

`world.document()` is plain data, in whatever spelling a host may write its ids; `world.tenants`, `world.agents`,
`world.channels` and `world.end_companies` are objects with ids in normal form. Take the document if your store is
filled by somebody who does not normalise: else the law of the normal forms is easy.

The method is called some hundred times. What takes long to make, such as a database, belongs in a fixture, and the
method puts the world in the place of what the database holds; a directory that was opened before is never asked again.

    class TestMyDatabase(SessionDirectoryContract):
        @pytest.fixture(autouse=True)
        def database(self, tmp_path):
            self.engine = create_engine(f"sqlite:///{tmp_path / 'directory.sqlite'}")
            yield
            self.engine.dispose()

        @contextmanager
        def directory(self, world):
            replace_everything(self.engine, world)
            yield MyDirectory(self.engine)

Some laws need more than rows. Their tests are skipped, and say so, until there are methods for them:

* `replace` changes what an open directory holds, while it is being read;
* `outage` opens a directory whose store cannot answer;
* `broken` makes one relation of an open directory fail, while the others answer;
* `spoilt` makes the rows of one relation senseless.

The last two break what `directory` opened, and mend it again. So keep there what they need:

    class TestMyDirectory(SessionDirectoryContract):
        @contextmanager
        def directory(self, world):
            with my_store(world.document()) as self.store:
                yield MyDirectory(self.store)

        @contextmanager
        def broken(self, relation):
            self.store.execute(f"alter table {relation} rename to elsewhere")
            yield
            self.store.execute(f"alter table elsewhere rename to {relation}")

A directory that is awaited has the same laws: subclass `AsyncSessionDirectoryContract`, whose methods may be
`@asynccontextmanager` and `async def`. No plugin of pytest is needed; all awaiting is done in one event loop, which
lives as long as the directory is open.

What the tests are named for:

* **complete**: every row that a decision can need comes back, whatever legal value it holds;
* **exact**: under the keys that a decision looks at, nothing comes back that is not so, and nothing twice;
* **absent**: an id that is nearly one of the directory's is another id;
* **one look-up**: what came back stays as it is, and reads nothing later;
* **one snapshot**: a decision, or a batch, is that of one committed state, whatever is written meanwhile, and not of
  one that was replaced before;
* **batch**: a batch finds what its decisions find one by one, ten thousand of them too;
* **row order**: the order in which rows were written means nothing;
* **normal forms**: a row is found however the store spells its ids;
* **hostile**: ids that no row can have find nothing, and break nothing;
* **many callers**: many threads or tasks that ask at the same time get each its own rows, or an outage;
* **outage**: a store that cannot answer raises `DirectoryUnavailable`;
* **one relation**: so does a look-up that needs a relation which fails, though the others answer;
* **evidence**: and one that finds a row with a part that is missing, or is nothing that it may be.

The last four are one law seen from four sides: absence needs evidence. What another caller was told, what could not be
read, and what makes no sense are never "no such row".

When a test fails, Hypothesis shrinks the world to the rows that matter, and the message shows it as a document that you
can load, with the call and with what was left out or made up.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack, contextmanager
from inspect import isawaitable
from itertools import cycle
from threading import Barrier, Event
from typing import Any, ClassVar, Final, Generic, TypeAlias, TypeVar

import pytest
from attrs import asdict, evolve, frozen
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from neo_routing import (
    AsyncSessionDirectory,
    Caller,
    DirectoryUnavailable,
    Rows,
    RowsNeeded,
    SessionDirectory,
    SessionRequest,
)
from neo_routing.testing.contract_cases import (
    CALLERS,
    CALLERS_NEEDED,
    CROWDED,
    CROWDED_NEEDED,
    EXTREMES,
    MOVED,
    MOVED_NEEDED,
    NEAR,
    TWINS,
    all_needed,
    asked_of_relations,
    crowd_of_strangers,
    every_case,
    hostile_needed,
    nearly_needed,
    needed_by,
)
from neo_routing.testing.relations import SPOILT, Relation, is_found, must_be_read
from neo_routing.testing.strategies import (
    BOT_IDS,
    M365_TENANT_IDS,
    Case,
    bot_id_spellings,
    cases,
    directories,
    m365_tenant_id_spellings,
)
from neo_routing.testing.world import World

_Opened = TypeVar("_Opened")
_Asked: TypeAlias = Sequence[tuple[Case, RowsNeeded]]

_AtOnce: TypeAlias = Callable[[Sequence[Sequence[RowsNeeded]]], Sequence[Rows | None]]

_BATCH: Final = 3  # few, because what one decision lacks may be there for another
_MANY: Final = 10_000
_STATES_WRITTEN: Final = 20
_DECISIONS_READ: Final = 100
_TURNS: Final = 12
_LONGEST_START: Final = 60.0  # seconds, on a machine that has other things to do
_STEPS_BEFORE_CANCELLING: Final = (*range(16), 20, 30, 50, 100, 200)
_WIDTH: Final = 400
_LINES: Final = 60


class _Contract(Generic[_Opened]):
    """The laws; what opens a directory differs between one that answers at once and one that is awaited."""

    examples: ClassVar[int] = 30
    """How many worlds each law is shown in; every one with some calls."""

    def directory(self, world: World) -> _Opened:
        """Open your directory with these rows and no others, as a context manager."""
        raise NotImplementedError(f"{type(self).__name__} needs a method `directory`: see neo_routing.testing.contract")

    def outage(self) -> _Opened:
        """Open your directory on a store that cannot answer, one that is stopped for example."""
        raise NotImplementedError

    def replace(self, directory: Any, world: World) -> object:
        """Put these rows in the place of all that an open directory holds, in one commit, while others read it.

        It returns when they are what the directory answers with: where that is a copy, when the copy has them.
        """
        raise NotImplementedError

    def broken(self, relation: Relation) -> Any:
        """Make one relation of the directory that is open fail, and mend it again, as a context manager.

        It yields nothing; or another directory on the same rows, whose relation fails. Where one place of your store
        holds several relations, break that. What cannot fail by itself is skipped, with the reason: `pytest.skip`.
        """
        raise NotImplementedError

    def spoilt(self, relation: Relation) -> Any:
        """Put into each row of one relation what cannot be there, and mend it again, as `broken` does.

        A part that is missing, of another type, or of no known kind or status; not one that the row is found by. It is
        asked for agents, channels and end-companies.
        """
        raise NotImplementedError

    def _opened(self, opened: _Opened) -> AbstractContextManager[SessionDirectory]:
        raise NotImplementedError

    def _meanwhile(self, directory: SessionDirectory, changed: Any) -> AbstractContextManager[SessionDirectory]:
        """Enter what `broken` or `spoilt` returned; yield the directory to ask meanwhile."""
        raise NotImplementedError

    def _at_once(self, directory: SessionDirectory) -> AbstractContextManager[_AtOnce]:
        """Yield what looks up a batch for each caller, all at the same time."""
        raise NotImplementedError

    def _replace(self, directory: SessionDirectory, world: World) -> None:
        raise NotImplementedError

    def test_complete_every_row_that_a_decision_can_need_comes_back(self) -> None:
        """Rule 1 of the port: a row that is left out can hand an end user a wider agent."""

        def holds(world: World, asked: _Asked) -> None:
            with self._filled(world) as directory:
                for case, needed in asked:
                    missing = _truth(world, needed) - _found(directory, needed)
                    _none(missing, "complete: a row that this decision can need was left out", world, needed, case)

        self._in_worlds(holds)

    def test_complete_a_row_comes_back_whatever_it_holds(self) -> None:
        """Ids and names of 256 characters, the largest number, and all that Unicode has but NUL."""
        with self._filled(EXTREMES) as directory:
            for needed in all_needed(EXTREMES):
                missing = _truth(EXTREMES, needed) - _found(directory, needed)
                _none(missing, "complete: a row with an unusual value was left out or spoilt", EXTREMES, needed)

    def test_complete_very_many_rows_under_one_key_come_back(self) -> None:
        """No query is cut off after so many rows."""
        with self._filled(CROWDED) as directory:
            missing = _truth(CROWDED, CROWDED_NEEDED) - _found(directory, CROWDED_NEEDED)
            _none(missing, "complete: of very many rows, some were left out", CROWDED, CROWDED_NEEDED)

    def test_exact_nothing_comes_back_that_is_not_there(self) -> None:
        """Under the keys of a decision, a row too many or the same one twice is another answer."""

        def holds(world: World, asked: _Asked) -> None:
            with self._filled(world) as directory:
                for case, needed in asked:
                    surplus = _found(directory, needed) - _truth(world, needed)
                    _none(surplus, "exact: something came back that is not in the directory", world, needed, case)

        self._in_worlds(holds)

    def test_absent_an_id_that_is_nearly_there_is_another_id(self) -> None:
        """No id is compared by a collation, by a pattern, or in fewer bits than it has."""
        with self._filled(NEAR) as directory:
            for needed in nearly_needed(all_needed(NEAR)[0]):
                found = _found_or_outage(directory, needed) or Counter[str]()
                surplus = Counter(found.keys() - _truth(NEAR, needed).keys())
                _none(surplus, "absent: an id found a row that has another id", NEAR, needed)

    def test_absent_ids_that_are_nearly_alike_have_each_its_own_rows(self) -> None:
        """Whoever finds both, and takes the first or drops one, must say that it cannot tell them apart: an outage."""
        with self._filled(TWINS) as directory:
            for needed in all_needed(TWINS):
                found, truth = _found_or_outage(directory, needed), _truth(TWINS, needed)
                what = "absent: of ids that are nearly alike, one found too little or too much"
                _none(Counter(truth.keys() ^ (truth if found is None else found).keys()), what, TWINS, needed)

    def test_one_look_up_rows_stay_as_they_came_back(self) -> None:
        """A decision reads its rows after the look-up: by then the store may be closed, or hold something else."""

        def holds(world: World, asked: _Asked) -> None:
            kept = []
            with self._filled(world) as directory:
                for _, needed in asked:
                    kept.append((directory.look_up([needed]), _found(directory, needed)))
            with self._filled(World()):
                for (case, needed), (rows, found) in zip(asked, kept, strict=True):
                    later = _Kept(rows)
                    changed = (found - _found(later, needed)) + (_found(later, needed) - found)
                    _none(changed, "one look-up: rows changed after they had come back", world, needed, case)

        self._in_worlds(holds)

    def test_one_snapshot_a_decision_is_of_one_state(self) -> None:
        """Two states that follow each other have other rows; a mixture of them is neither."""
        self._read_while_written(*([needed] for needed in MOVED_NEEDED))

    def test_one_snapshot_a_batch_is_of_one_state(self) -> None:
        """All decisions of a batch are those of the same state."""
        self._read_while_written(MOVED_NEEDED)

    def test_one_snapshot_what_was_replaced_is_answered_no_longer(self) -> None:
        """Nothing is kept of what was asked before, least of all that there was no such row."""
        self._require("replace", "that nothing is answered which was replaced before, is not shown")
        asked = [*MOVED_NEEDED, *all_needed(MOVED[0]), *all_needed(MOVED[1])]
        with self._filled(World()) as directory, ThreadPoolExecutor(1, "writer") as writer:
            self._all_of(World(), directory, asked)
            for world in (*MOVED, World()):
                writer.submit(self._replace, directory, world).result()
                self._all_of(world, directory, asked)

    def test_batch_finds_what_its_decisions_find_one_by_one(self) -> None:
        """The rows of several decisions together, some of them alike."""

        def holds(world: World, asked: _Asked) -> None:
            with self._filled(world) as directory:
                for start in range(0, len(asked), _BATCH):
                    batch = asked[start : start + _BATCH]
                    together = _Kept(directory.look_up([needed for _, needed in batch]))
                    for case, needed in batch:
                        alone, in_batch = _found(directory, needed), _found(together, needed)
                        made_up = in_batch - (alone | _truth(world, needed))
                        what = "batch: the rows of a batch are not those of its decisions one by one"
                        _none((alone - in_batch) + made_up, what, world, needed, case)

        self._in_worlds(holds)

    def test_batch_of_ten_thousand_decisions_is_looked_up_alike(self) -> None:
        """More than one statement may have parameters for; at every place stands one that finds something."""
        [sound, *_] = all_needed(MOVED[0])
        crowd, strangers = crowd_of_strangers(_MANY)
        with_key: list[RowsNeeded] = [
            (tenant_id, agent_id, sound[2], bot_id, m365_tenant_id)
            for tenant_id, agent_id, _, bot_id, m365_tenant_id in strangers
        ]
        for world, batch in ((MOVED[0], [*with_key[1:], sound]), (crowd, strangers)):
            expected = world.directory()
            with self._filled(world) as directory:
                with _noted(f"batch: asked for {_MANY} decisions at once"):
                    together = _Kept(directory.look_up(batch))
                missing = _found(directory, batch[-1]) - _found(together, batch[-1])
                _none(missing, "batch: a large batch left out a row", world, batch[-1])
            for needed in batch:
                by_number: RowsNeeded = (*needed[:2], None, None, None)  # a stranger finds nothing else
                missing = _found(expected, by_number) - _found(together, by_number)
                _none(missing, "batch: a large batch left out a row", world, needed)

    def test_row_order_means_nothing(self) -> None:
        """The same rows, written in another order, are the same directory."""

        def holds(world: World, asked: _Asked, chance: random.Random) -> None:
            with self._filled(world) as directory:
                expected = [_found(directory, needed) for _, needed in asked]
            with self._filled(_shuffled(world, chance)) as directory:
                for (case, needed), found in zip(asked, expected, strict=True):
                    other = _found(directory, needed)
                    what = "row order: rows that were written in another order came back otherwise"
                    _none((found - other) + (other - found), what, _shuffled(world, chance), needed, case)

        self._in_worlds(holds, st.randoms(use_true_random=False))

    def test_normal_forms_a_row_is_found_however_its_ids_are_spelled(self) -> None:
        """An id that is missed because of its spelling hands an end user a wider agent."""

        def holds(world: World, asked: _Asked, spellings: tuple[str, ...]) -> None:
            with self._filled(world) as directory:
                expected = [_found(directory, needed) for _, needed in asked]
            spelled = evolve(world, spellings=spellings)
            with self._opened(self.directory(spelled)) as directory:
                for (case, needed), found in zip(asked, expected, strict=True):
                    missing = found - _found(directory, needed)
                    _none(missing, "normal forms: a row was missed for its spelling", spelled, needed, case)

        self._in_worlds(holds, _SPELLINGS)

    def test_hostile_ids_that_no_row_can_have_find_nothing_and_break_nothing(self) -> None:
        """Each in the place of each id, and beside a decision that finds its rows all the same."""
        [sound, *_] = all_needed(NEAR)
        with self._filled(NEAR) as directory:
            expected = _found(directory, sound)
            for needed in hostile_needed(sound):
                surplus = Counter(_found(directory, needed).keys() - _truth(NEAR, needed).keys())
                _none(surplus, "hostile: an id that no row can have found something", NEAR, needed)
            with _noted("hostile: asked for ids that no row can have, in a batch with some that are there"):
                together = _Kept(directory.look_up([sound, *hostile_needed(sound), sound]))
            missing = expected - _found(together, sound)
            _none(missing, "hostile: beside ids that no row can have, a row was left out", NEAR, sound)

    def test_many_callers_get_each_its_own_rows(self) -> None:
        """What another caller was told is taken for the own rows, or for no such row."""
        self._answer_at_once([[needed] for needed in CALLERS_NEEDED])

    def test_many_callers_get_each_the_rows_of_its_own_batch(self) -> None:
        """The same for batches, which take longer."""
        places = range(len(CALLERS_NEEDED))
        self._answer_at_once([[CALLERS_NEEDED[place - back] for back in range(_BATCH)] for place in places])

    @pytest.mark.parametrize("relation", Relation)
    def test_one_relation_that_fails_is_never_taken_for_one_without_rows(self, relation: Relation) -> None:
        """Whatever needs it raises; whatever does not may raise as well. Nothing of it is kept when it is mended."""
        self._require(
            "broken",
            "that a relation which fails alone is not taken for one without rows, is not shown. Make the named "
            "relation of the open directory fail there: rename its table, revoke the right to read it",
        )
        [world, _] = MOVED
        asked = asked_of_relations(world)
        with self._filled(world) as directory:
            with self._meanwhile(directory, self.broken(relation)) as failing:
                for needed in asked:
                    what = f"one relation: {relation} could not be read, and rows came back all the same"
                    _outage_or_truth(what, failing, world, needed, must_be_read(relation, needed, world))
                outage = _outage(failing, asked)
                assert outage is not None, f"one relation: {relation} could not be read, and a batch was answered"
            for needed in asked:
                what = f"one relation: {relation} could be read again, and other rows came back than are there"
                _outage_or_truth(what, directory, world, needed)

    @pytest.mark.parametrize("relation", SPOILT)
    def test_evidence_a_row_that_makes_no_sense_is_never_passed_over(self, relation: Relation) -> None:
        """A row that is there with a part missing or of a wrong type is not a row that is absent."""
        self._require(
            "spoilt",
            "that a row which makes no sense is not passed over, is not shown. Put there into each row of the named "
            "relation what cannot be: a null, a text for a number, an unknown status",
        )
        [world, _] = MOVED
        with self._filled(world) as directory, self._meanwhile(directory, self.spoilt(relation)) as senseless:
            for needed in asked_of_relations(world):
                what = f"evidence: a row of {relation} makes no sense, and rows came back all the same"
                _outage_or_truth(what, senseless, world, needed, is_found(relation, needed, world))

    def test_outage_a_store_that_cannot_answer_raises(self) -> None:
        """Never rows, never no rows: what could not be read is not absent."""
        self._require(
            "outage",
            "that an outage raises DirectoryUnavailable is not shown. Open there your directory on a store that "
            "cannot answer: a server that is stopped, a connection that is closed",
        )
        sound = all_needed(MOVED[0])
        with self._opened(self.outage()) as directory:
            for batch in (sound[:1], sound):
                what = f"outage: DirectoryUnavailable must be raised, and nothing else, for {batch}"
                with _noted(what):
                    outage = _outage(directory, batch)
                assert outage is not None, f"{what}; rows came back"
                cause = str(outage.__cause__ or "")
                assert not cause or cause not in str(outage), f"outage: the driver's text is in the message: {outage}"

    # What the laws share

    def _filled(self, world: World) -> AbstractContextManager[SessionDirectory]:
        return self._opened(self.directory(evolve(world, spellings=())))

    def _in_worlds(self, holds: Callable[..., None], *more: st.SearchStrategy[Any]) -> None:
        # Inside of the test, because Hypothesis wants a test that it runs itself to belong to one class only.
        @settings(
            max_examples=self.examples,
            deadline=None,
            phases=[
                phase for phase in settings().phases if phase is not Phase.explain
            ],  # which takes ten times as long
            report_multiple_bugs=False,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(_WORLDS_AND_CASES, st.tuples(*more))
        def in_worlds(drawn: tuple[World, list[Case]], others: tuple[Any, ...]) -> None:
            world, asked = drawn
            every = [*asked, *every_case(world)]
            holds(world, _with_needed(every), *others)

        in_worlds()
        if not more:
            for world in MOVED:  # after what was drawn, which shrinks
                holds(world, _with_needed(every_case(world)))

    def _all_of(self, world: World, directory: SessionDirectory, asked: Sequence[RowsNeeded]) -> None:
        together, expected = _Kept(directory.look_up(asked)), world.directory()
        for needed in asked:
            for answered in (directory, together):
                difference = _difference(_found(answered, needed), _found(expected, needed))
                _none(difference, "one snapshot: these are not the rows that were committed last", world, needed)

    def _answer_at_once(self, batches: Sequence[Sequence[RowsNeeded]]) -> None:
        answered = 0
        with self._filled(CALLERS) as directory, self._at_once(directory) as at_once:
            alone = [(batch, directory.look_up(batch)) for batch in batches]
            for turn in range(_TURNS):
                asked = [*alone[turn:], *alone[:turn]]  # nobody asks twice for the same
                for (batch, expected), rows in zip(asked, at_once([batch for batch, _ in asked]), strict=True):
                    if rows is not None:
                        answered += 1
                        _same(rows, expected, batch)
        if not answered:
            pytest.skip(f"{type(self).__name__} answers its opener only: all others had DirectoryUnavailable")

    def _read_while_written(self, *batches: Sequence[RowsNeeded]) -> None:
        self._require(
            "replace",
            "that a decision sees one committed state, whatever is written meanwhile, is not shown. Put there a world "
            "in the place of all that the directory holds, in one commit",
        )
        with self._opened(self.directory(MOVED[0])) as directory, ThreadPoolExecutor(1, "writer") as writer:
            _of_one_state(directory, batches)
            writer.submit(self._replace, directory, MOVED[1]).result()
            _of_one_state(directory, batches)  # the old one, if it is a copy that lags behind
            with self._written(directory, writer) as goes_on:
                while goes_on():
                    _of_one_state(directory, batches)

    @contextmanager
    def _written(self, directory: SessionDirectory, writer: ThreadPoolExecutor) -> Iterator[Callable[[], bool]]:
        """Write one state after the other in a thread; yield what tells, before each reading, whether to go on."""
        over, written, read = Event(), 0, 0

        def write() -> None:
            nonlocal written
            for world in cycle(MOVED):
                self._replace(directory, world)
                written += 1
                if over.is_set():
                    return

        def goes_on() -> bool:
            nonlocal read
            read += 1
            return not writing.done() and (written < _STATES_WRITTEN or read <= _DECISIONS_READ)

        writing = writer.submit(write)
        try:
            yield goes_on
        finally:
            over.set()
        writing.result()

    def _require(self, method: str, why: str) -> None:
        if getattr(type(self), method) is getattr(_Contract, method):
            pytest.skip(f"{type(self).__name__} has no method `{method}`, so {why}.")


class SessionDirectoryContract(_Contract[AbstractContextManager[SessionDirectory]]):
    """The laws of a `SessionDirectory`, as tests: subclass it, and say how your directory is opened.

    `directory` is needed; `replace`, `outage`, `broken` and `spoilt` show more laws.

    >>> from contextlib import nullcontext
    >>> class TestMemoryDirectory(SessionDirectoryContract):
    ...     def directory(self, world: World) -> AbstractContextManager[SessionDirectory]:
    ...         return nullcontext(world.directory())
    >>> TestMemoryDirectory().test_row_order_means_nothing()
    """

    def _opened(self, opened: AbstractContextManager[SessionDirectory]) -> AbstractContextManager[SessionDirectory]:
        return _context_manager(opened)

    @contextmanager
    def _meanwhile(self, directory: SessionDirectory, changed: Any) -> Iterator[SessionDirectory]:
        with _context_manager(changed) as another:
            yield directory if another is None else another

    @contextmanager
    def _at_once(self, directory: SessionDirectory) -> Iterator[_AtOnce]:
        callers = len(CALLERS_NEEDED)
        starting = Barrier(callers, timeout=_LONGEST_START)

        def ask(batch: Sequence[RowsNeeded]) -> Rows | None:
            starting.wait()
            try:
                return directory.look_up(batch)
            except DirectoryUnavailable:
                return None

        with ThreadPoolExecutor(callers, "caller") as threads, _switching_often():
            yield lambda batches: [*threads.map(ask, batches)]

    def _replace(self, directory: SessionDirectory, world: World) -> None:
        self.replace(directory, world)


_OpenedAsync: TypeAlias = (
    AbstractContextManager[AsyncSessionDirectory] | AbstractAsyncContextManager[AsyncSessionDirectory]
)


class AsyncSessionDirectoryContract(_Contract[_OpenedAsync]):
    """The laws of an `AsyncSessionDirectory`: the same tests, which await your directory in an event loop.

    The methods may be asynchronous or not. What a context manager opens, it opens and closes in that event loop.

    >>> from contextlib import asynccontextmanager
    >>> class Awaited:
    ...     def __init__(self, directory):
    ...         self._directory = directory
    ...     async def look_up(self, needed, /):
    ...         return self._directory.look_up(needed)
    >>> class TestAwaited(AsyncSessionDirectoryContract):
    ...     @asynccontextmanager
    ...     async def directory(self, world):
    ...         yield Awaited(world.directory())
    >>> TestAwaited().test_row_order_means_nothing()
    """

    @contextmanager
    def _opened(self, opened: _OpenedAsync) -> Iterator[SessionDirectory]:
        ready: Future[Any] = Future()

        async def serve() -> None:
            async with AsyncExitStack() as stack:
                if isinstance(opened, AbstractAsyncContextManager):
                    directory = await stack.enter_async_context(opened)
                else:
                    directory = stack.enter_context(opened)
                over = asyncio.Event()
                ready.set_result(_Awaited(directory, asyncio.get_running_loop(), over))
                await over.wait()

        with ThreadPoolExecutor(1, "event loop") as thread:
            serving: Future[Any] = thread.submit(lambda: asyncio.run(serve()))
            wait([ready, serving], return_when=FIRST_COMPLETED)
            if not ready.done():
                serving.result()  # raises why not
            awaited: _Awaited = ready.result()
            try:
                yield awaited
            finally:
                awaited.loop.call_soon_threadsafe(awaited.over.set)
            serving.result()

    @contextmanager
    def _meanwhile(self, directory: SessionDirectory, changed: Any) -> Iterator[SessionDirectory]:
        assert isinstance(directory, _Awaited), "it was opened above"
        stack = AsyncExitStack()
        if isinstance(changed, AbstractAsyncContextManager):
            another = directory.run(stack.enter_async_context(changed))
        else:
            another = directory.run(_entered(stack, changed))
        try:
            yield directory if another is None else evolve(directory, directory=another)
        finally:
            directory.run(stack.aclose())

    @contextmanager
    def _at_once(self, directory: SessionDirectory) -> Iterator[_AtOnce]:
        assert isinstance(directory, _Awaited), "it was opened above"
        yield lambda batches: directory.run(_gathered(directory.directory, batches))

    def test_many_callers_get_nothing_of_a_call_that_was_cancelled(self) -> None:
        """An answer that nobody waits for any more is left on a connection, and the next caller must not read it."""
        with self._filled(CALLERS) as directory:
            assert isinstance(directory, _Awaited), "it was opened above"
            alone = [([needed], directory.look_up([needed])) for needed in CALLERS_NEEDED]
            for place, steps in enumerate(_STEPS_BEFORE_CANCELLING):
                [(cancelled, _), *others] = alone[place % _BATCH :: _BATCH]
                batches = [batch for batch, _ in others]
                asked = _gathered_after_cancelling(directory.directory, cancelled, batches, steps)
                for (batch, expected), rows in zip(others, directory.run(asked), strict=True):
                    if rows is not None:
                        _same(rows, expected, batch)

    def _replace(self, directory: SessionDirectory, world: World) -> None:
        assert isinstance(directory, _Awaited), "it was opened above"
        replaced = self.replace(directory.directory, world)
        if isawaitable(replaced):
            directory.run(replaced)


@frozen
class _Awaited:
    """A directory that is awaited in the event loop of another thread, by whichever thread asks it."""

    directory: AsyncSessionDirectory
    loop: asyncio.AbstractEventLoop
    over: asyncio.Event

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        rows: Rows = self.run(self.directory.look_up(needed))
        return rows

    def run(self, awaitable: Awaitable[Any]) -> Any:
        async def awaited() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result()


async def _entered(stack: AsyncExitStack, opened: AbstractContextManager[Any]) -> Any:
    return stack.enter_context(opened)


async def _gathered(directory: AsyncSessionDirectory, batches: Sequence[Sequence[RowsNeeded]]) -> Sequence[Rows | None]:
    async def ask(batch: Sequence[RowsNeeded]) -> Rows | None:
        try:
            return await directory.look_up(batch)
        except DirectoryUnavailable:
            return None

    return await asyncio.gather(*map(ask, batches))


async def _gathered_after_cancelling(
    directory: AsyncSessionDirectory,
    cancelled: Sequence[RowsNeeded],
    batches: Sequence[Sequence[RowsNeeded]],
    steps: int,
) -> Sequence[Rows | None]:
    call = asyncio.ensure_future(directory.look_up(cancelled))
    for _ in range(steps):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)  # whatever becomes of it
    return await _gathered(directory, batches)


@contextmanager
def _switching_often() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


@frozen
class _Kept:
    """Rows that came back already."""

    rows: Rows

    def look_up(self, _: Sequence[RowsNeeded], /) -> Rows:
        return self.rows


# What a decision can see


def _truth(world: World, needed: RowsNeeded) -> Counter[str]:
    return _seen(world.content, needed)


def _found(directory: SessionDirectory, needed: RowsNeeded) -> Counter[str]:
    with _noted(f"needed: {_printed(needed)}"):
        return _seen(directory.look_up([needed]), needed)


def _same(rows: Rows, expected: Rows, batch: Sequence[RowsNeeded]) -> None:
    for needed in batch:
        difference = _difference(_found(_Kept(rows), needed), _found(_Kept(expected), needed))
        _none(difference, "many callers: what came back is not what one gets who asks alone", CALLERS, needed)


def _found_or_outage(directory: SessionDirectory, needed: RowsNeeded) -> Counter[str] | None:
    try:
        return _found(directory, needed)
    except DirectoryUnavailable:
        return None


def _difference(found: Counter[str], truth: Counter[str]) -> Counter[str]:
    return (found - truth) + (truth - found)


def _outage_or_truth(
    what: str, directory: SessionDirectory, world: World, needed: RowsNeeded, must_be_outage: bool = False
) -> None:
    found = _found_or_outage(directory, needed)
    if found is not None:
        answered = Counter([f"answered with {sum(found.values())} rows"]) if must_be_outage else Counter[str]()
        _none(answered + _difference(found, _truth(world, needed)), what, world, needed)


def _seen(rows: Rows, needed: RowsNeeded) -> Counter[str]:
    """Tell all that a decision can read in its rows; repeated where a row is."""
    return Counter(_phrases_of(rows.needed([needed])))


def _phrases_of(rows: Rows) -> Iterator[str]:
    yield from (f"tenant {tenant_id!r}" for tenant_id in rows.tenants)
    for kind, owners in (("conversational", rows.conversational_agents), ("triggered", rows.triggered_agents)):
        for agent_id, owner_id in owners.items():
            yield f"{kind} agent {agent_id!r} of {owner_id!r}, {rows.agent_names.get(agent_id, str(agent_id))!r}"
    for key, by_owner in rows.managed_agents.items():
        for owner_id, carriers in by_owner.items():
            yield from (f"{key} of {owner_id!r}: agent {each!r}" for each in carriers)
    yield from _phrases_of_channels(rows)
    for (owner_id, m365_tenant_id), company_ids in rows.end_companies.items():
        for each in company_ids:
            name = rows.end_company_names.get(each, each)
            yield f"linked by {owner_id!r} to M365 tenant {m365_tenant_id!r}: end-company {each!r}, {name!r}"
    yield from (f"there is a white-label channel with bot {bot_id!r}" for bot_id in rows.white_label_bots)
    yield from (f"there is a channel with bot {bot_id!r}" for bot_id in rows.known_bots)


def _phrases_of_channels(rows: Rows) -> Iterator[str]:
    for status, channels, installations in (
        ("ACTIVE", rows.active_channels, rows.active_installations),
        ("DISCONNECTED", rows.disconnected_channels, rows.disconnected_installations),
    ):
        for (owner_id, bot_id), group in channels.items():
            yield from (f"{status} channel of {owner_id!r} with bot {bot_id!r}: {channel!r}" for channel in group)
        for (bot_id, m365_tenant_id), group in installations.items():
            where = f"{status} installation of bot {bot_id!r} for M365 tenant {m365_tenant_id!r}"
            yield from (f"{where}: {channel!r}" for channel in group)


def _of_one_state(directory: SessionDirectory, batches: Sequence[Sequence[RowsNeeded]]) -> None:
    for batch in batches:
        together = _Kept(directory.look_up(batch))
        found = [_found(together, needed) for needed in batch]
        if found not in [[_truth(world, needed) for needed in batch] for world in MOVED]:
            rows = "".join(f"\n  {row}" for each in found for row in sorted(each.elements()))
            states = "\nor\n".join(map(str, MOVED))
            needed = "\nand ".join(map(_printed, batch))
            raise AssertionError(
                f"one snapshot: these are the rows of no state that was ever committed:{rows}\nneeded: {needed}\n"
                f"in the directory\n{states}"
            )


# What is told when a law is broken


def _none(rows: Counter[str], what: str, world: World, needed: RowsNeeded, case: Case | None = None) -> None:
    if rows:
        listed = _first("\n".join(f"  {_cut(row)}" for row in sorted(rows.elements())))
        asked = "" if case is None else f"\nasked: {_in_words(*case)}"
        raise AssertionError(
            f"{what}:\n{listed}{asked}\nneeded: {_printed(needed)}\nin the directory\n{_first(str(world))}"
        )


def _in_words(caller: Caller, request: SessionRequest) -> str:
    fields = asdict(request, filter=lambda field, value: field.name != "shape" and value not in {None, ()})
    given_fields = ", ".join(f"{name} {_written(value)}" for name, value in fields.items())
    return f"{caller.kind} of {caller.tenant_id!r} with {given_fields or 'nothing'}"


def _printed(needed: RowsNeeded) -> str:
    return ", ".join(_cut(_written(each)) for each in needed)


def _written(value: object) -> str:
    return ascii(str(value) if isinstance(value, str) else value)


def _cut(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}... ({len(text)} characters)"


def _first(text: str) -> str:
    lines = text.split("\n")
    return text if len(lines) <= _LINES else "\n".join([*lines[:_LINES], f"... ({len(lines)} lines)"])


def _context_manager(opened: Any) -> AbstractContextManager[Any]:
    if not hasattr(opened, "__enter__"):
        raise TypeError(f"{opened!r} is no context manager: write the method with `yield`, under @contextmanager")
    context_manager: AbstractContextManager[Any] = opened
    return context_manager


@contextmanager
def _noted(note: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(note)
        raise


def _outage(directory: SessionDirectory, needed: Sequence[RowsNeeded]) -> DirectoryUnavailable | None:
    try:
        directory.look_up(needed)
    except DirectoryUnavailable as outage:
        return outage
    return None


# What is asked for


def _shuffled(world: World, chance: random.Random) -> World:
    lists = (world.tenants, world.agents, world.channels, world.end_companies)
    return World(*(chance.sample(rows, len(rows)) for rows in lists))


def _with_needed(asked: Iterable[Case]) -> _Asked:
    return [(case, needed) for case in asked for needed in needed_by(case)]


_WORLDS_AND_CASES: Final = directories().flatmap(
    lambda world: st.tuples(st.just(world), st.lists(cases(world), min_size=1, max_size=4))
)
_SPELLINGS: Final = st.tuples(
    *(bot_id_spellings(each) for each in BOT_IDS), *(m365_tenant_id_spellings(each) for each in M365_TENANT_IDS)
)
