"""What keeps the planner of SQLite to one order: keys first, and each looked up in an index.

If it knows a table to be small, it would rather go through that, and through all keys for each of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Join,
    TableValuedAlias,
    and_,
    literal_column,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from neo_routing_adapters.sql.look_up.carriers import Following, Joined, LookUp, Query

WHOLE: Final[ColumnElement[Any]] = literal_column("(SELECT NOT read_uncommitted FROM pragma_read_uncommitted)")


def following_from_all(look_up: LookUp, query: CompoundSelect[Any], following: Following) -> Iterator[Query]:
    """Keep all that is found for the queries that follow."""
    yield from following(query.cte("channel"), look_up)


class _InThisOrder(Join):
    """A join that SQLite carries out from left to right."""

    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002  # as in the base
        """Stand in another one without parentheses, within which the order would be free."""
        return self


@compiles(_InThisOrder, "sqlite")
def _cross_join(join: _InThisOrder, compiler: SQLCompiler, **options: Any) -> str:
    left, right = (compiler.process(side, **{**options, "asfrom": True}) for side in (join.left, join.right))
    assert join.onclause is not None, "it was given"
    # Without parentheses, only the innermost may have a condition; the others have none but `true`.
    condition = "" if isinstance(join.right, _InThisOrder) else f" ON {compiler.process(join.onclause)}"
    return f"{left} CROSS JOIN {right}{condition}"


def keys_first(query: Query) -> Query:
    """Have the keys looked up in the table, and not the table gone through for the keys."""
    table, keys = sorted(query.get_final_froms(), key=lambda each: isinstance(each, TableValuedAlias | CTE))
    return query.select_from(_InThisOrder(keys, table, true()))


def joined(outer: FromClause, inner: Query, *on: ColumnElement[bool]) -> Joined:
    """Look for rows of the inner table for each of the outer one; return the join, and the columns looked for."""
    [table] = inner.get_final_froms()
    return outer.join(table, and_(*on)), inner.selected_columns


def joined_in_order(outer: FromClause, inner: Query, *on: ColumnElement[bool]) -> Joined:
    """Do the same, in this order."""
    [table] = inner.get_final_froms()
    return _InThisOrder(outer, table, and_(*on)), inner.selected_columns
