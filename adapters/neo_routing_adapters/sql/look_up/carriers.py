"""What a carrier is: how keys come to a statement, each alone or many in arrays, and how rows are looked for by them.

There are four. For one decision each key is a value, for a batch they are arrays; and PostgreSQL and SQLite differ in
how their planners are kept to indexes. The queries are written once, and ask the carrier where those differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from attrs import frozen
from sqlalchemy import ColumnElement, CompoundSelect, FromClause, Select
from sqlalchemy.sql import ColumnCollection

Query: TypeAlias = Select[*tuple[Any, ...]]
Build: TypeAlias = Callable[..., Query]
"""Makes the query for the rows that have these keys."""
LookUp: TypeAlias = Callable[[Sequence[ColumnElement[Any]], Build], Query]
"""Makes the query for the rows that have these keys, or any of these combinations of keys."""
Following: TypeAlias = Callable[[FromClause, LookUp], Iterator[Query]]
"""Makes the queries for the rows that were found, and for those that follow from them, given how to look those up."""
Joined: TypeAlias = tuple[FromClause, ColumnCollection[str, Any]]
"""A join, and the columns that were looked for in it."""


def _as_they_are(columns: Sequence[Sequence[Any]]) -> Iterable[Any]:
    return columns


@frozen(kw_only=True, eq=False)
class Carrier:
    """How the keys of a statement are given, and how rows are looked for by them."""

    together: bool
    """Whether there may be several of each key."""
    whole: ColumnElement[Any]
    """Whether nothing is hidden from the statement, and nothing shown that may never have been."""
    arguments: Sequence[str]
    """The names of the arguments of a statement with all keys."""
    given: Callable[[int], Iterator[ColumnElement[Any]]]
    """Yields what the marker says again, by which keys are wanted, each under the name of its place in there."""
    keys: Callable[[Sequence[str]], Sequence[ColumnElement[Any]]]
    """Returns the keys of these names."""
    equal: Callable[[ColumnElement[Any], ColumnElement[Any]], ColumnElement[bool]]
    """Compares a column and a key so that a planner looks the key up in an index."""
    rows: LookUp
    """Returns the query for the rows that have these keys, or any of these combinations of keys."""
    one_row: Callable[[ColumnElement[Any], Build], Query]
    """Returns the query for the one row that comes for this key, or for each of these keys, with the key."""
    with_following: Callable[[CompoundSelect[Any], Following], Iterator[Query]]
    """Yields queries for what this one finds, and for the rows that follow from that."""
    joined: Callable[..., Joined]
    """Looks for rows of an inner query for each of an outer table, under conditions."""
    combined: Callable[[Sequence[Sequence[Any]]], Iterable[Any]] = _as_they_are
    """Returns the arguments for one combination of keys, in columns; for a batch alone."""
