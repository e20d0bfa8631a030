"""What keeps the planner of PostgreSQL from any other plan than to look up each key in an index.

It does not know how many keys there are, nor how many rows one key has, and would read whole tables, or compare all
with all.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, CompoundSelect, FromClause, literal_column, select, true

from neo_routing_adapters.sql.look_up.carriers import Build, Joined, Query

# A server that works in parallel would send the marker at any time; what asks for its process it does by itself.
WHOLE: Final[ColumnElement[Any]] = literal_column("pg_backend_pid() > 0 AND current_setting('row_security') = 'off'")


def fenced(query: Query | CompoundSelect[Any]) -> FromClause:
    """Put the query where the planner does not look: behind the offset of nothing."""
    return query.offset(literal_column("0")).lateral()


def for_each(keys: Sequence[ColumnElement[Any]], build: Build) -> Query:
    """Look up each combination of keys by itself."""
    found = fenced(build(*keys))
    relation = keys[0].table
    assert isinstance(relation, FromClause)
    return select(*found.c).select_from(relation.join(found, true()))


def for_each_distinct(keys: Sequence[ColumnElement[Any]], build: Build) -> Query:
    """Look up each once, however often it is there."""
    return for_each([*select(*keys).distinct().subquery().c], build)


def joined(outer: FromClause, inner: Query, *on: ColumnElement[bool]) -> Joined:
    """Look for rows of the inner table for each of the outer one; return the join, and the columns looked for."""
    found = fenced(inner.where(*on).correlate_except(*inner.get_final_froms()))
    return outer.join(found, true()), found.c
