"""Which tables a look-up reads from end to end, by the plans of PostgreSQL.

A planner tells best whether an index can serve: it knows of collations, operator classes, kinds of indexes, conditions
of rows, and what functions come to. But of a table with a row or two it may read all, or take the wrong one of several
indexes, which costs as much. So it is kept from reading tables where it can, and is asked twice: for the rows with the
keys, whose condition must stand at the beginning of the index; and for rows in the order of the first key, which an
index that begins with that gives without sorting, and no other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, TypeAlias

from attrs import frozen
from sqlalchemy import ColumnElement, Connection, Select, literal_column, text

from neo_routing_adapters.sql.tables.check.conditions import TEXT, conjuncts, plain, sides
from neo_routing_adapters.sql.tables.check.look_ups import LookUp

_Node: TypeAlias = dict[str, Any]

_OTHER_WAYS: Final = (
    "seqscan",
    "sort",
    "incremental_sort",
    "hashjoin",
    "mergejoin",
    "material",
    "memoize",
    "partition_pruning",  # which would leave out what it finds only at run time
)
_SORTS: Final = frozenset({"Sort", "Incremental Sort"})
_SETTINGS: Final = {
    **{f"enable_{way}": "off" for way in _OTHER_WAYS},
    "max_parallel_workers_per_gather": "0",
    "plan_cache_mode": "force_generic_plan",
}
_PREPARED: Final = "neo_routing_look_up"
# Others find a row among all that their summaries let through.
_KINDS_THAT_SERVE: Final = frozenset({"btree", "hash", "gist", "spgist", "gin"})
_INDEXES: Final = text("""
    SELECT indexes.relname, amname, ARRAY(
        SELECT pg_get_indexdef(indexrelid, place, false) FROM generate_series(1, indnkeyatts) AS place ORDER BY place
    ), indisvalid AND indpred IS NULL AND amname IN ('btree', 'hash')
        AND (SELECT opcdefault FROM pg_opclass WHERE pg_opclass.oid = indclass[0])
        AND NOT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = indrelid AND attnum = indkey[0] AND attcollation <> indcollation[0])
    FROM pg_index
    JOIN pg_class AS indexes ON indexes.oid = indexrelid
    JOIN pg_am ON pg_am.oid = indexes.relam
    JOIN pg_class AS tables ON tables.oid = indrelid
    JOIN pg_namespace ON pg_namespace.oid = tables.relnamespace
    WHERE nspname = :schema AND tables.relname = :table""")
_OF_ANOTHER_TABLE: Final = re.compile(r'(?<![\w.])["A-Za-z_][\w"]*\.["A-Za-z_]')


@frozen
class _Leaf:
    """A node of a plan that reads a table."""

    node: _Node
    joins: str
    """The conditions of the joins that it is part of, and that are no condition of an index."""

    @property
    def table(self) -> str:
        return str(self.node["Relation Name"])


@frozen
class _Index:
    kind: str
    parts: Sequence[str]
    """How each is written that is a part of its key, without what a plan may write otherwise."""
    serves_joins: bool
    """Whether it has all rows, for comparisons as they are written without more."""


@contextmanager
def tables_read_on_postgresql(connection: Connection) -> Iterator[Callable[[LookUp], list[str]]]:
    """Give what tells which tables a look-up would read from end to end."""
    settings = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in _SETTINGS.items())
    with connection.begin_nested() as nested:
        connection.exec_driver_sql(f"SELECT {settings}")
        yield partial(_tables_read, connection)
        nested.rollback()


def _tables_read(connection: Connection, look_up: LookUp) -> list[str]:
    values: list[ColumnElement[Any]] = [
        literal_column(f"${place}") for place, _ in enumerate(look_up.parameters, start=1)
    ]
    in_order = _plan(connection, look_up, look_up.in_order(values))
    is_sorted = any(node["Node Type"] in _SORTS for node in _nodes(in_order))
    if not is_sorted and not (unserved := _unserved(connection, in_order, ordered=True)):
        return unserved
    if look_up.for_the_last:
        return [leaf.table for leaf in _leaves(in_order)]
    return _unserved(connection, _plan(connection, look_up, look_up.query(values)), ordered=False)


def _plan(connection: Connection, look_up: LookUp, query: Select[*tuple[Any, ...]]) -> _Node:
    """Return the plan that is made without a look at the keys, as for a statement that is prepared."""
    types = ", ".join("bigint" if key.type.python_type is int else "text" for key in look_up.parameters)
    nothing = ", ".join("NULL" for _ in look_up.parameters)
    connection.exec_driver_sql(f"PREPARE {_PREPARED} ({types}) AS {query.compile(connection)}")
    explain = f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE {_PREPARED} ({nothing})"  # verbose, so that it names schemas
    [explained] = connection.exec_driver_sql(explain).scalar_one()
    connection.exec_driver_sql(f"DEALLOCATE {_PREPARED}")  # which no rollback does
    plan: _Node = explained["Plan"]
    return plan


def _nodes(node: _Node) -> Iterator[_Node]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


def _leaves(node: _Node, joins: str = "") -> Iterator[_Leaf]:
    joins += node.get("Join Filter", "")
    if "Relation Name" in node:
        # What a bitmap is made by stands in the nodes below. Of a foreign table, another finding tells.
        if node["Node Type"] != "Foreign Scan":
            yield _Leaf(node, joins)
        return
    for inner in node.get("Plans", ()):
        yield from _leaves(inner, joins)


def _unserved(connection: Connection, plan: _Node, *, ordered: bool) -> list[str]:
    return [leaf.table for leaf in _leaves(plan) if not _is_served(connection, leaf, ordered=ordered)]


def _is_served(connection: Connection, leaf: _Leaf, *, ordered: bool) -> bool:
    place = {"schema": leaf.node["Schema"], "table": leaf.table}
    indexes = {
        name: _Index(kind, [*map(plain, parts)], joins)
        for name, kind, parts, joins in connection.execute(_INDEXES, place)
    }
    for node in _nodes(leaf.node):
        if (index := indexes.get(node.get("Index Name", ""))) and index.kind in _KINDS_THAT_SERVE:
            conditions = [_without_alias(leaf, one) for one in conjuncts(node.get("Index Cond", ""))]
            if _is_sought(index, conditions, ordered=ordered):
                return True
    # Of an inner table with a row or two, the plan of a join need not say by which index it could be looked up.
    joined = {plain(_without_alias(leaf, side)) for one in conjuncts(leaf.joins) for side in sides(one)}
    return any(index.serves_joins and index.parts[0] in joined for index in indexes.values())


def _is_sought(index: _Index, conditions: Sequence[str], *, ordered: bool) -> bool:
    """Tell whether the first key, or what joins, is at the beginning of the index, with equalities alone before it."""
    if ordered and any(_is_key(condition) for condition in conditions):
        return True  # that it comes in order shows where the key stands
    for place, condition in enumerate(conditions):
        sought, *values = sides(condition)
        if not _is_part(index, place, plain(sought)):
            return False
        if any(_is_key(value) or _OF_ANOTHER_TABLE.search(TEXT.sub("", value)) for value in values):
            return True
        if re.search(r" [<>]", condition):
            return False
    return False


def _is_key(condition: str) -> bool:
    return re.search(r"\$1(?!\d)", condition) is not None


def _is_part(index: _Index, place: int, sought: str) -> bool:
    """Tell whether this can be the part at that place: what a function comes to is not written as the function is."""
    if place >= len(index.parts):
        return False
    return index.parts[place] == sought or not (sought in index.parts or index.parts[place].isidentifier())


def _without_alias(leaf: _Leaf, condition: str) -> str:
    """Return the condition with the names of the table's own columns alone."""
    return re.sub(rf'(?<![\w.])"?{re.escape(leaf.node["Alias"])}"?\.', "", condition)
