"""The look-ups of the statements, each by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from attrs import frozen
from sqlalchemy import Column, ColumnElement, Select, literal_column, select

from neo_routing import ManagedAgentKey
from neo_routing_adapters.sql.schema import agents

_Query: TypeAlias = Select[*tuple[Any, ...]]

_ONE: Final[ColumnElement[Any]] = literal_column("1")
_ZERO: Final[ColumnElement[Any]] = literal_column("0")


@frozen
class LookUp:
    """One way in which the statements look for rows of a relation."""

    keys: tuple[Column[Any], ...]
    for_the_last: bool = False
    """Whether it is for the last row up to the first key, in the order of the keys, and not for all that have them."""

    @property
    def relation(self) -> str:
        """The relation that is looked in."""
        return str(self.keys[0].table.name)

    @property
    def parameters(self) -> Sequence[Column[Any]]:
        """The keys whose values come with the call."""
        if self.for_the_last:
            return self.keys[:1]
        return [key for key in self.keys if key is not agents.c.managed_key]

    def query(self, values: Sequence[ColumnElement[Any]]) -> _Query:
        """Return the query for the rows with these values of the parameters."""
        if self.for_the_last:
            [first], [value] = self.parameters, values
            return (
                select(_ONE)
                .where(first <= value)
                .order_by(*(key.desc() for key in self.keys))
                .limit(_ONE)
                .offset(_ZERO)
            )
        return select(_ONE).where(*self._conditions(values))

    def first_alone(self, values: Sequence[ColumnElement[Any]]) -> _Query:
        """Return the query for the rows with the first key, whatever the others are."""
        return select(_ONE).where(self.keys[0] == values[0])

    def in_order(self, values: Sequence[ColumnElement[Any]]) -> _Query:
        """Return the query for the first row from the first key on: in order without sorting is by its index alone."""
        if self.for_the_last:
            return self.query(values)
        _, *others = self._conditions(values)
        return select(_ONE).where(self.keys[0] >= values[0], *others).order_by(self.keys[0]).limit(_ONE).offset(_ZERO)

    def _conditions(self, values: Sequence[ColumnElement[Any]]) -> list[ColumnElement[bool]]:
        conditions = [key == value for key, value in zip(self.parameters, values, strict=True)]
        if agents.c.managed_key in self.keys:
            # The only value there is: an index of the agents with a managed key alone serves.
            [only] = ManagedAgentKey
            conditions.append(agents.c.managed_key == literal_column(f"'{only}'"))
        return conditions
