"""Brings the ids that stand in the tables into other normal forms, and names those that it cannot bring.

Spellings that change are put into a temporary table first, each once. So what stands in the way is known before
anything changes, and the changes themselves go in portions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, count, islice
from typing import Any, Final, TypeAlias

from attrs import frozen
from sqlalchemy import Connection, text

from neo_routing_adapters.sql.tables.migrations.ids_in_the_way import clashes, unusable
from neo_routing_adapters.sql.tables.our_tables import CannotAdminister

_AT_A_TIME: Final = 50_000  # for each portion PostgreSQL may read a table from end to end
_MOST_NAMED: Final = 1_000

COLUMNS: Final = {
    "routing_channel": "bot_id",
    "routing_channel_installation": "m365_tenant_id",
    "routing_end_company_link": "m365_tenant_id",
}
"""The tables with ids that have normal forms, and the column of each; parents come first."""
_MERGED_BY: Final = {"routing_channel_installation": "channel_id", "routing_end_company_link": "end_company_id"}

_Convert: TypeAlias = Callable[[str], str | None]
"""Returns the normal form of an id, or nothing if that is unusable."""


class IdsInTheWay(CannotAdminister):
    """Ids cannot be brought into normal form: they are unusable, or a guard would refuse them then."""

    def __init__(self, problems: Iterator[str]) -> None:
        named = [*islice(problems, _MOST_NAMED)]
        self.count = len(named) + sum(1 for _ in problems)
        more = [f"… and {self.count - len(named):,} more"] if self.count > len(named) else []
        super().__init__(
            "ids that stand in the tables cannot be brought into the normal forms of this version; nothing was "
            "changed: mend these rows or delete them, and run it again",
            lines=(*named, *more),
        )


@frozen
class Reporter:
    """Hears what is done: what has changed, and how many portions of how many."""

    tell: Callable[[str], object]
    progress: Callable[[int, int], object]


def bring_ids(
    connection: Connection, converters: Mapping[str, _Convert], conditions: Mapping[str, str], reporter: Reporter
) -> None:
    """Bring what does not meet the condition on its column into normal form. Raises `IdsInTheWay`.

    Installations of a channel that become the same are one afterwards, and so are links of an end-company.
    """
    _create_table(connection)
    portions = [*_put_aside(connection, converters, conditions)]
    if portions:
        problems = chain(unusable(connection, COLUMNS), clashes(connection))
        if (first := next(problems, None)) is not None:
            raise IdsInTheWay(chain([first], problems))
        _change(connection, portions, reporter)
    connection.execute(text("DROP TABLE spelling"))


def _create_table(connection: Connection) -> None:
    text_ids = 'text COLLATE "C"' if connection.dialect.name == "postgresql" else "text"
    connection.execute(
        text(f"""
            CREATE TEMPORARY TABLE spelling (
                portion integer, sort {text_ids}, spelling {text_ids}, normal_form {text_ids},
                PRIMARY KEY (portion, spelling), UNIQUE (spelling, sort)
            )""")
    )


def _put_aside(
    connection: Connection, converters: Mapping[str, _Convert], conditions: Mapping[str, str]
) -> Iterator[tuple[int, str]]:
    """Put the spellings that change into the table, and yield the number and the column of each portion."""
    numbers = count()
    for column, convert in converters.items():
        with connection.execute(
            text(_changing(column, conditions[column])), execution_options={"yield_per": _AT_A_TIME}
        ) as spellings:
            for some in spellings.scalars().partitions(_AT_A_TIME):
                number = next(numbers)
                _insert(connection, number, column, {spelling: convert(spelling) for spelling in some})
                yield number, column
    if connection.dialect.name == "postgresql":
        connection.execute(text("ANALYZE spelling"))


def _changing(column: str, condition: str) -> str:
    tables = [table for table in COLUMNS if COLUMNS[table] == column]
    return " UNION ".join(f"SELECT DISTINCT {column} FROM {table} WHERE NOT ({condition})" for table in tables)


def _insert(connection: Connection, portion: int, column: str, normal_forms: Mapping[str, str | None]) -> None:
    values: Any
    if connection.dialect.name == "postgresql":
        source = "SELECT :portion, :sort, * FROM unnest(CAST(:spelling AS text[]), CAST(:normal_form AS text[]))"
        values = {"spelling": [*normal_forms], "normal_form": [*normal_forms.values()]}
        values |= {"portion": portion, "sort": column}
    else:
        source = "VALUES (:portion, :sort, :spelling, :normal_form)"
        values = [
            {"portion": portion, "sort": column, "spelling": spelling, "normal_form": normal_form}
            for spelling, normal_form in normal_forms.items()
        ]
    connection.execute(text(f"INSERT INTO spelling {source}"), values)


def _change(connection: Connection, portions: list[tuple[int, str]], reporter: Reporter) -> None:
    changed, merged = dict.fromkeys(COLUMNS, 0), dict.fromkeys(COLUMNS, 0)
    for done, (number, column) in enumerate(portions, start=1):
        for table in COLUMNS:
            if COLUMNS[table] == column:
                merged[table] += _merge(connection, table, number)
                changed[table] += _update(connection, table, number)
        reporter.progress(done, len(portions))
    if connection.dialect.name == "sqlite":
        _update_copies(connection)
    for table, column in COLUMNS.items():
        if changed[table] or merged[table]:
            reporter.tell(f"{table}: {changed[table]:,} of {column} changed, {merged[table]:,} merged with others")


def _merge(connection: Connection, table: str, portion: int) -> int:
    """Delete what will be there already, and all but one of what becomes the same."""
    key = _MERGED_BY.get(table)
    if key is None:
        return 0
    query = f"""
        DELETE FROM {table} WHERE ({key}, m365_tenant_id) IN (
            SELECT {key}, m365_tenant_id FROM (
                SELECT one.{key}, one.m365_tenant_id,
                    row_number() OVER (PARTITION BY one.{key}, normal_form ORDER BY spelling) AS place,
                    EXISTS (
                        SELECT 1 FROM {table} AS other
                        WHERE other.{key} = one.{key} AND other.m365_tenant_id = normal_form
                    ) AS is_there
                FROM {table} AS one JOIN spelling ON spelling = one.m365_tenant_id
                WHERE portion = :portion
            ) AS changing
            WHERE place > 1 OR is_there
        )"""
    return connection.execute(text(query), {"portion": portion}).rowcount


def _update(connection: Connection, table: str, portion: int) -> int:
    query = f"""
        UPDATE {table} SET {COLUMNS[table]} = normal_form
        FROM spelling WHERE portion = :portion AND spelling = {COLUMNS[table]}"""
    return connection.execute(text(query), {"portion": portion}).rowcount


def _update_copies(connection: Connection) -> None:
    """Let installations follow their channels, where SQLite does not enforce the foreign key that does that."""
    query = """
        UPDATE routing_channel_installation SET bot_id = normal_form
        FROM spelling WHERE sort = 'bot_id' AND spelling = bot_id"""
    connection.execute(text(query))
