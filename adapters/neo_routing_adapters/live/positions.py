"""Where a directory stands: in which database, at which snapshot of it, and on which relations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from attrs import frozen


@frozen
class Snapshot:
    """A snapshot of PostgreSQL: which transactions it sees.

    >>> snapshot = Snapshot.read("10:14:11,12")
    >>> [number for number in range(9, 16) if snapshot.sees(number)]
    [9, 10, 13]
    >>> str(snapshot)
    '10:14:11,12'
    """

    oldest: int
    """Every transaction below has ended."""
    next: int
    """No transaction from this on had begun to write."""
    running: tuple[int, ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what PostgreSQL writes as a `pg_snapshot`."""
        oldest, following, running = text.split(":")
        return cls(int(oldest), int(following), tuple(map(int, filter(None, running.split(",")))))

    def sees(self, transaction: int) -> bool:
        """Tell whether a transaction had ended, so that its changes are seen if it was committed."""
        return transaction < self.next and transaction not in self.running

    def __str__(self) -> str:
        return f"{self.oldest}:{self.next}:{','.join(map(str, self.running))}"


@frozen
class Database:
    """Which database it is: no other one has the same, nor has the same one before a failover."""

    system: str
    oid: int
    timeline: str
    """Empty on a standby, whose server may be on any."""

    def __str__(self) -> str:
        return f"{self.system}/{self.oid}/{self.timeline}"


@frozen(kw_only=True)
class Position:
    """A snapshot with all that must stay as it is for the next one to follow from it."""

    database: Database
    log: int
    """The oid of the table."""
    catalogue: str
    """A digest of the rows of the catalogue that stand behind the relations."""
    snapshot: Snapshot
    is_standby: bool
    run: str
    """When the server was started, or recovered from a crash: there is no more to see of that behind a pooler."""

    @property
    def revision(self) -> str:
        """The name of the state."""
        return f"{self.database}@{self.snapshot}"

    def is_like(self, other: Position) -> bool:
        """Tell whether it is the same database with the same relations, at whatever snapshot."""
        return (self.database, self.log, self.catalogue) == (other.database, other.log, other.catalogue)

    def difference(self, later: Position, pruned: int | None) -> str | None:
        """Say why a later position does not follow from this one by the log alone, or return nothing if it does."""
        if self.database != later.database:
            return "another database answers"
        if (self.log, self.catalogue) != (later.log, later.catalogue):
            return "the relations, their triggers or the log are others"
        if later.is_standby or self.is_standby:
            return "a standby does not say which transactions are running"
        if self.run != later.run:  # numbers of transactions that a crash has taken are given to others
            return "the server was started anew"
        if later.snapshot.next < self.snapshot.next:
            return "the database is at an earlier state"
        return "the log was pruned" if pruned is None or pruned >= self.snapshot.oldest else None


def position_of(who: Sequence[Any]) -> Position:
    """Return the position that the values of `statements.WHO` say."""
    system, oid, is_standby, timeline, log, catalogue, run, snapshot = who
    return Position(
        database=Database(system, oid, timeline),
        log=log,
        catalogue=catalogue,
        snapshot=Snapshot.read(snapshot),
        is_standby=is_standby,
        run=run,
    )
