"""What an import changes, relation by relation, and what it must not do unless that is meant.

A document that lost its rows, or that is another platform's, is valid. So it is the change that is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import frozen
from sqlalchemy import Column, ColumnElement, Connection, Table, exists, func, select

from neo_routing_adapters.sql.schema import RELATIONS, tenants


@frozen(kw_only=True)
class RelationChange:
    """How many rows of a relation are there, and how many of them an import adds, changes and removes."""

    relation: str
    stored: int
    """How many there are before."""
    added: int
    changed: int
    removed: int

    @property
    def is_emptied(self) -> bool:
        """Whether rows were there, and none is afterwards."""
        return self.stored > 0 and self.stored - self.removed + self.added == 0


@frozen
class DirectoryChange:
    """What an import changes in each relation.

    >>> change = DirectoryChange((
    ...     RelationChange(relation="routing_tenant", stored=3, added=0, changed=0, removed=2),
    ...     RelationChange(relation="routing_channel", stored=5, added=0, changed=0, removed=5),
    ... ))
    >>> print(*change.grave_removals, sep=", ")
    remove 2 of 3 rows of routing_tenant, leave routing_channel empty
    """

    relations: tuple[RelationChange, ...]

    @property
    def grave_removals(self) -> tuple[str, ...]:
        """What must be meant, in words: to remove more than half of the tenants, and to leave relations empty."""
        return tuple(self._grave_removals())

    def _grave_removals(self) -> Iterator[str]:
        for one in self.relations:
            if one.relation == tenants.name and 2 * one.removed > one.stored and not one.is_emptied:
                yield f"remove {one.removed:,} of {one.stored:,} rows of {one.relation}"
        if emptied := [one.relation for one in self.relations if one.is_emptied]:
            yield f"leave {', '.join(emptied)} empty"


class RemovalsRefused(ValueError):
    """An import would remove so much that this must be meant; nothing was changed."""

    def __init__(self, change: DirectoryChange) -> None:
        super().__init__(f"this would {' and '.join(change.grave_removals)}; nothing was changed")
        self.change = change


def change_to(connection: Connection, staged: Mapping[Table, Table]) -> DirectoryChange:
    """Count how what is staged differs from what is stored, in the connection's own transaction."""
    return DirectoryChange(tuple(_change_of(connection, table, staged[table]) for table in staged))


def is_same(one: Column[object], other: Column[object]) -> ColumnElement[bool]:
    """Compare two columns, so that null is null."""
    # PostgreSQL can hash for equality, and for nothing that holds of nulls too.
    return one.is_not_distinct_from(other) if one.nullable else one == other


def _change_of(connection: Connection, table: Table, staged: Table) -> RelationChange:
    # What is copied from an owner follows it, and is no change of the row's own.
    own = [is_same(table.c[name], staged.c[name]) for name in RELATIONS[table.name]]
    key = [column == staged.c[column.name] for column in table.primary_key]
    stored, differing = _rows_in(connection, table), _count(connection, table, *own, of=staged)
    removed = _count(connection, table, *key, of=staged) if differing else 0
    # As many as there are, and all of these among them: so there are no others, and another join is spared.
    none_added = not removed and _rows_in(connection, staged) == stored
    return RelationChange(
        relation=table.name,
        stored=stored,
        added=0 if none_added else _count(connection, staged, *key, of=table),
        changed=differing - removed,
        removed=removed,
    )


def _rows_in(connection: Connection, table: Table) -> int:
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _count(connection: Connection, table: Table, *same: ColumnElement[bool], of: Table) -> int:
    """Count the rows of a table that are the same as none of the other."""
    alike = exists().select_from(of).where(*same).correlate(table)
    return connection.scalar(select(func.count()).select_from(table).where(~alike)) or 0
