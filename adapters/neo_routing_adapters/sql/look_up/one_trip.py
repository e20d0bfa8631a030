"""Statements of one transaction that go to the server together, and their answers back: one round trip.

Each is a statement of its own all the same, and sees what was committed while the one before it waited. Of the drivers
psycopg alone can do that, with libpq 14 or newer; by another's cursor they go one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

Asked: TypeAlias = tuple[str, Any]
"""A statement that has an answer, as the cursor of a driver takes it, with its arguments."""

Answer: TypeAlias = list[Any]
"""All rows of one."""


class OneByOne:
    """A line on which statements go one by one."""

    cursor: Any

    def together(self, asked: Sequence[Asked]) -> list[Answer]:
        """Run statements, and return their answers. Raises what the first raises that fails."""
        answers = []
        for sql, arguments in asked:
            self.cursor.execute(sql, arguments)
            answers.append(self.cursor.fetchall())
        return answers

    def roll_back(self) -> None:
        """Roll back the transaction that was begun on the connection itself."""
        self.cursor.execute("ROLLBACK")


def has_pipelines() -> bool:
    """Tell whether the libpq of psycopg knows pipelines."""
    from psycopg import Pipeline  # noqa: PLC0415  # missing where another driver is used

    return Pipeline.is_supported()


async def in_a_pipeline(connection: Any, cursors: Sequence[Any], asked: Sequence[Asked]) -> list[Answer]:
    """Run statements on a connection of psycopg, each by a cursor of it, and return their answers.

    Raises what the first raises that fails. The rest are skipped, and psycopg takes for prepared what was to be
    prepared with them, until the transaction is rolled back by the connection's own method.
    """
    async with connection.pipeline():
        for cursor, (sql, arguments) in zip(cursors, asked, strict=False):
            await cursor.execute(sql, arguments)
    return [await cursor.fetchall() for cursor in cursors[: len(asked)]]
