"""The directory in memory keeps the contract, alone and behind what reloads it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from neo_routing import Rows, RowsNeeded, SessionDirectory
from neo_routing.testing import SessionDirectoryContract, World


class Reloaded:
    """A directory in memory that another one takes the place of."""

    def __init__(self, world: World) -> None:
        self.current = world.directory()

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        return self.current.look_up(needed)


class TestMemoryDirectory(SessionDirectoryContract):
    # It has no store that could fail, and refuses rows that make no sense.
    test_outage_a_store_that_cannot_answer_raises = None
    test_one_relation_that_fails_is_never_taken_for_one_without_rows = None
    test_evidence_a_row_that_makes_no_sense_is_never_passed_over = None

    def directory(self, world: World) -> AbstractContextManager[SessionDirectory]:
        return nullcontext(Reloaded(world))

    def replace(self, directory: Reloaded, world: World) -> None:
        directory.current = world.directory()
