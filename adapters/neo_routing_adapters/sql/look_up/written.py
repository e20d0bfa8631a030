"""Statements of SQLAlchemy written out once, with the arguments as a driver takes them."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy.engine import Dialect


class Written(NamedTuple):
    """A statement as it is written out, and how a driver takes its arguments."""

    sql: str
    arguments: Callable[[Sequence[Any]], Any]

    def run(self, cursor: Any, given: Sequence[Any]) -> None:
        """Run it with these arguments."""
        cursor.execute(self.sql, self.arguments(given))


def written(statement: Any, names: Sequence[str], dialect: Dialect, **options: Any) -> Written:
    """Write out a statement whose arguments are given in the order of these names."""
    compiled = statement.compile(dialect=dialect, **options)
    return Written(str(compiled), as_taken(names, compiled.positiontup, compiled.params))


def as_taken(
    given: Sequence[str], in_order: Sequence[str] | None, used: Container[str]
) -> Callable[[Sequence[Any]], Any]:
    """Bring arguments as a driver takes them: in the order of the statement, or else those that it uses by name."""
    if in_order is None:
        by_name = [(name, place) for place, name in enumerate(given) if name in used]
        return lambda arguments: {name: arguments[place] for name, place in by_name}
    places = [given.index(name) for name in in_order]
    if len(places) == 1:
        return lambda arguments: (arguments[places[0]],)
    return itemgetter(*places)
