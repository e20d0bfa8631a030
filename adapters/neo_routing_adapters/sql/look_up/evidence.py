"""What shows that an answer is the answer to its question: its first row, and for a batch its last one too.

An answer can be another's: a fork shares a connection, a pooler takes one prepared statement for another, two threads
use one cursor. So each answer begins with a row that says which text the statement has, and which keys were given to
it: or, for a batch, a token that was drawn for this call. Where a policy or a transaction of somebody else's would
hide rows, it says so too. For a single decision it is the tenant's row as well, and comes if there is no tenant.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple, TypeAlias

from neo_routing import RowsNeeded

Row: TypeAlias = tuple[Any, ...]

MARKED: Final = "@"
"""Stands in a text for what identifies it, until that is known."""

_BYTES: Final = 9


class Unreliable(Exception):
    """What was found, or would be found, says nothing about what is there."""


class NoAnswer(Unreliable):
    """What came back is not the answer to what was asked."""


class Hidden(Unreliable):
    """It is the answer, but rows may be hidden from it."""


# A plain tuple: one with names takes ten times as long to make, which was a hundredth of a decision.
Asked: TypeAlias = tuple[Collection[Any], Collection[Any], Collection[Any]]
"""Agent, bot and M365 tenant ids that a statement looks for; a row says itself for which tenant it was looked for."""

NOTHING: Final[Asked] = ((), (), ())


class Marker(NamedTuple):
    """What the first row of an answer says, column by column."""

    sort: int
    tenant_found: str | None
    """The tenant, if that is there. For a batch nothing: its tenants come by themselves."""
    asked_for: str | None
    """The tenant that was asked about, or the token of a batch."""
    agent_id: int | None
    digest: str | None
    """What identifies the text of the statement."""
    managed_key_or_snapshot: str | None
    """The key that was asked about. For a batch the name of the snapshot that it is from, which is not known before."""
    bot_id: str | None
    m365_tenant_id: str | None
    is_whole: bool | None
    """Whether nothing was hidden, and nothing shown that may never have been."""
    nothing: None


class Statement(NamedTuple):
    """A statement as the cursor of a driver takes it, and what its answer must say."""

    sql: str
    arguments: Any
    marker: Marker
    """The first row of an answer; for a batch without the name of its snapshot, else as if the tenant were there."""

    asked: Asked
    needed: Sequence[RowsNeeded]
    single: bool


def signed(text: str) -> tuple[str, str]:
    """Return the text with what identifies it in its place, and that."""
    digest = sha256(text.encode()).hexdigest()[:16]
    return text.replace(MARKED, digest), digest


def drawn() -> str:
    """Return a token that no other call has: never a counter, nor a generator's, which a fork would copy."""
    return os.urandom(_BYTES).hex()


def take_marker(statement: Statement, found: list[Any]) -> Any:
    """Take the marker off the first rows of an answer; return the name of the snapshot that a batch's says it is from.

    That of a single decision stays where it has found the tenant. Raises `NoAnswer` unless the very first row is the
    marker, and `Hidden` if that says that rows may be hidden.
    """
    if not found:
        raise NoAnswer("there is no marker")
    first = tuple(found[0])
    if first == statement.marker and statement.marker.tenant_found is not None:  # nearly always, unless it is a batch's
        return None
    marker = _verified(first, statement)
    if marker.tenant_found is None:
        del found[0]
    return None if statement.single else marker.managed_key_or_snapshot


def _verified(first: Row, statement: Statement) -> Marker:
    """Return what is said, if it differs from what was expected in nothing but what is not known before."""
    if len(first) != len(Marker._fields):
        raise NoAnswer("the marker is another statement's")
    said, expected = Marker(*first), statement.marker
    if statement.single:
        expected = expected._replace(tenant_found=said.tenant_found)
    else:
        expected = expected._replace(managed_key_or_snapshot=said.managed_key_or_snapshot)
    if said == expected:
        return said
    if said == expected._replace(is_whole=False):
        raise Hidden("rows may be hidden, or shown that are not committed")
    raise NoAnswer("the marker is another answer's")


def verify_end(statement: Statement, found: list[Any]) -> None:
    """Take the last row off the last of an answer to a batch. Raises `NoAnswer` unless it is that statement's."""
    end = Marker(0, None, statement.marker.asked_for, None, None, None, None, None, None, None)
    if not found or tuple(found.pop()) != end:
        raise NoAnswer("the answer has no end")
