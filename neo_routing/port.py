"""The one port of the core: a single look-up of the rows that one decision, or one batch of them, can need.

The core works out what it can need, asks once, and decides on what came back. So a decision rests on one consistent
snapshot, a database answers in one statement, an asynchronous host awaits one call, and a batch is one call too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from neo_routing.needed import RowsNeeded
from neo_routing.rows import Rows


class SessionDirectory(Protocol):
    """Where tenants, agents, channels and end-companies are kept.

    The directory guarantees, for each call:

    * complete: every row that was needed comes back;
    * one snapshot: all of them stood there at one moment, together. If it has a name for its state, that is the
      `revision` of the rows;
    * absent means absent: a row that does not come back is not there. Whatever the directory could not find out is an
      outage, and an outage raises `DirectoryUnavailable`;
    * its own answer: many threads or tasks may ask at the same time, and each gets the rows that it asked for;
    * normal forms: it finds a row by the normal form of its bot id and M365 tenant ids, however they are stored.

    The core guarantees: at most one call for a decision and at most one for a batch, none for what the shape of a
    request refuses; keys in normal form; no question about rows that were not needed; no use of the rows after the
    decision, except to quote them in its trace and in its record.
    """

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Return the rows that any of these decisions can need. Raises `DirectoryUnavailable`."""
        ...


class HoldingDirectory(SessionDirectory, Protocol):
    """A `SessionDirectory` that holds its rows itself, so that its look-up never waits: `adecide` takes it too."""

    @property
    def holds_its_rows(self) -> Literal[True]:
        """Always true; a directory that asks a store does not say it."""
        ...


class AsyncSessionDirectory(Protocol):
    """A `SessionDirectory` that is awaited; all that is guaranteed there is guaranteed here."""

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Return the rows that any of these decisions can need. Raises `DirectoryUnavailable`."""
        ...


class DirectoryUnavailable(Exception):
    """The directory could not answer. Not an outcome: nothing was decided.

    Its message holds no text of a driver; the driver's error is its `__cause__`.
    """

    def __init__(self, message: str = "The directory cannot answer at the moment.") -> None:
        super().__init__(message)
