"""Keys of a batch, in arrays: in those of PostgreSQL, or as JSON for SQLite, which has none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from attrs import evolve
from sqlalchemy import ColumnElement, CompoundSelect, Text, and_, bindparam, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY

from neo_routing_adapters.sql.look_up import on_postgresql, on_sqlite
from neo_routing_adapters.sql.look_up.carriers import Build, Carrier, Following, Query
from neo_routing_adapters.sql.look_up.keys import COMBINATIONS, KEYS, TOKEN, token
from neo_routing_adapters.sql.look_up.single_keys import with_its_key

# The first two tell snapshots apart, on a standby transactions, and the third the sessions of a pooler.
_SNAPSHOT: Final = (
    "concat_ws(' ', pg_current_snapshot(), now(), pg_backend_pid(), current_setting('transaction_isolation'))"
)


def _argument(names: Sequence[str]) -> str:
    return "_and_".join(names)


def _array(names: Sequence[str], name: str) -> str:
    return f"{_argument(names)}_of_{name}"


def _equal(column: ColumnElement[Any], key: ColumnElement[Any]) -> ColumnElement[bool]:
    """Compare so that a planner looks the key up in an index.

    Where nearly all rows have one value, it takes any key for that one, and would read the whole table for each of a
    batch. Of a range that it does not know it expects a two-hundredth of the table.
    """
    return and_(column == key, column.between(key, key))


def _given_on_postgresql(_wanted: int) -> Iterator[ColumnElement[Any]]:
    yield token()
    # If several statements make up a batch, all must see the same: so each says what it sees.
    yield literal_column(_SNAPSHOT).label("state")


def _keys_on_postgresql(names: Sequence[str]) -> Sequence[ColumnElement[Any]]:
    arrays = [bindparam(_array(names, name), type_=ARRAY(KEYS[name])) for name in names]
    return [*func.unnest(*arrays).table_valued(*names).render_derived().c]


def _one_row_for_each(key: ColumnElement[Any], build: Build) -> Query:
    return on_postgresql.for_each([key], lambda key: with_its_key(key, build))


def _with_distinct_following(query: CompoundSelect[Any], following: Following) -> Iterator[Query]:
    # Many may name the same agent, or have the same owner.
    yield from following(query.cte("channel"), on_postgresql.for_each_distinct)


def _array_text(keys: Sequence[str | None]) -> str:
    """Write an array as PostgreSQL reads it, in few steps for however many keys."""
    if not keys:
        return "{}"
    between, absent = "\0", "\ud800"  # as `well_formed.text` has it, no key holds those
    try:
        written = between.join(keys)  # type: ignore[arg-type]  # most often, none is `None`
    except TypeError:
        written = between.join([absent if key is None else key for key in keys])
    written = written.replace("\\", r"\\").replace('"', r"\"").replace(between, '","')
    return f'{{"{written}"}}'.replace(f'"{absent}"', "NULL")


def _array_texts(columns: Sequence[Sequence[Any]]) -> Iterable[Any]:
    return map(_array_text, columns)


ARRAYS: Final = Carrier(
    together=True,
    whole=on_postgresql.WHOLE,
    arguments=[*(_array(names, name) for names in COMBINATIONS for name in names), TOKEN],
    given=_given_on_postgresql,
    keys=_keys_on_postgresql,
    equal=_equal,
    rows=on_postgresql.for_each,
    one_row=_one_row_for_each,
    with_following=_with_distinct_following,
    joined=on_postgresql.joined,
)

WRITTEN_ARRAYS: Final = evolve(ARRAYS, combined=_array_texts)
"""The arrays are written out here: psycopg takes so long over them that a batch would take a quarter longer."""


def _given_on_sqlite(_wanted: int) -> Iterator[ColumnElement[Any]]:
    yield token()


def _keys_on_sqlite(names: Sequence[str]) -> Sequence[ColumnElement[Any]]:
    array = func.json_each(bindparam(_argument(names), type_=Text())).table_valued("value")
    return [func.json_extract(array.c.value, literal_column(f"'$[{place}]'")) for place in range(len(names))]


def _keys_first(keys: Sequence[ColumnElement[Any]], build: Build) -> Query:
    return on_sqlite.keys_first(build(*keys))


def _one_row_in_columns(key: ColumnElement[Any], build: Build) -> Query:
    query = build(key)
    columns = (
        query.with_only_columns(column).scalar_subquery().label(column.name) for column in query.selected_columns
    )
    return select(*columns, key.label("asked_for"))


def _json_array(columns: Sequence[Sequence[Any]]) -> Iterable[Any]:
    return [json.dumps([*zip(*columns, strict=True)])]


JSON_ARRAYS: Final = Carrier(
    together=True,
    whole=on_sqlite.WHOLE,
    arguments=[*map(_argument, COMBINATIONS), TOKEN],
    given=_given_on_sqlite,
    keys=_keys_on_sqlite,
    equal=_equal,
    rows=_keys_first,
    one_row=_one_row_in_columns,
    with_following=partial(on_sqlite.following_from_all, _keys_first),
    joined=on_sqlite.joined_in_order,
    combined=_json_array,
)
"""The keys are JSON arrays in a JSON array, because SQLite has no others."""
