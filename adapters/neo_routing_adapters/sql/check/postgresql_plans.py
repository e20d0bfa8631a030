"""Which tables a statement reads from end to end, by the plans of PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from attrs import frozen
from sqlalchemy import Connection, text

_Node: TypeAlias = dict[str, Any]

# Of two indexes on a small table it may take the wrong one, and of none and a small table the table itself. So a plan
# says which conditions are put to a table, and the catalogue whether an index could serve any of them: one that begins
# with what is compared.
_OTHER_WAYS: Final = ("seqscan", "hashjoin", "mergejoin", "material", "memoize")
_CONDITIONS: Final = ("Index Cond", "Recheck Cond", "Filter")
# A truth value is no beginning by itself, half of a table being no better than all of it: what follows counts too.
_INDEXES: Final = text("""
    WITH parts AS (
        SELECT attrelid, attnum, coalesce(nullif(typbasetype, 0), pg_type.oid)::regtype::text AS sort
        FROM pg_attribute
        JOIN pg_type ON pg_type.oid = atttypid)
    SELECT nspname, tables.relname, indexes.relname, pg_get_expr(indpred, indrelid),
        pg_get_indexdef(indexrelid, 1, false), first.sort, pg_get_indexdef(indexrelid, 2, false), second.sort
    FROM pg_index
    JOIN pg_class AS indexes ON indexes.oid = indexrelid
    JOIN pg_class AS tables ON tables.oid = indrelid
    JOIN pg_namespace ON pg_namespace.oid = tables.relnamespace
    JOIN parts AS first ON first.attrelid = indexrelid AND first.attnum = 1
    LEFT JOIN parts AS second ON second.attrelid = indexrelid AND second.attnum = 2
    WHERE indisvalid""")
# A plan writes of these, and of domains over them, that they are compared as text; it leaves that out if it reads them
# in the index alone. What is padded with blanks is not among them: its index does not serve its text.
_COMPARED_AS_TEXT: Final = frozenset({"text", "character varying"})


@frozen
class _Index:
    """An index, and how a plan writes what it begins with."""

    name: str
    predicate: frozenset[str]
    """The conditions of the rows that it is limited to."""
    first: tuple[str, ...]
    after_truth_value: tuple[str, ...] | None
    """The second part, if the first is a truth value."""


@contextmanager
def tables_read_on_postgresql(connection: Connection) -> Iterator[Callable[[str, Any], Iterator[str]]]:
    """Give what yields the tables that a statement, with its arguments, would read from end to end."""
    indexes: dict[tuple[str, str], list[_Index]] = {}
    for schema, table, name, predicate, first, first_type, second, second_type in connection.execute(_INDEXES):
        following = _forms(second, second_type) if first_type == "boolean" else None
        index = _Index(name, _conjuncts(predicate or ""), _forms(first, first_type), following)
        indexes.setdefault((schema, table), []).append(index)

    def tables_read(sql: str, arguments: Any) -> Iterator[str]:
        for node, joins in _reading_nodes(_plan(connection, sql, arguments), ""):
            table = node["Relation Name"]
            if not any(_serves(index, node, joins) for index in indexes.get((node["Schema"], table), ())):
                yield table

    yield tables_read


def _forms(expression: str, sort: str | None) -> tuple[str, ...]:
    """Return how a plan may write what an index holds; of an expression, that is without its parentheses."""
    plain = _plain(expression)
    return (plain, f"({plain})::text") if sort in _COMPARED_AS_TEXT else (plain,) if plain else ()


def _plain(expression: str) -> str:
    return expression.removeprefix("(").removesuffix(")") if expression.startswith("(") else expression


def _conjuncts(condition: str) -> frozenset[str]:
    """Return the conditions that one consists of, all of which must hold."""
    parts: list[str] = []
    for piece in _plain(condition).split(" AND "):
        if parts and parts[-1].count("(") > parts[-1].count(")"):
            parts[-1] += f" AND {piece}"
        else:
            parts.append(piece)
    return frozenset(map(_plain, filter(None, parts)))


def _plan(connection: Connection, sql: str, arguments: Any) -> _Node:
    with connection.begin_nested() as nested:
        for way in _OTHER_WAYS:
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        explain = f"EXPLAIN (VERBOSE, FORMAT JSON) {sql}"  # so that it names schemas
        [explained] = connection.exec_driver_sql(explain, arguments).scalar_one()
        nested.rollback()
    plan: _Node = explained["Plan"]
    return plan


def _reading_nodes(node: _Node, joins: str) -> Iterator[tuple[_Node, str]]:
    """Yield the nodes that read a table, each with the conditions of the joins that it is part of."""
    joins += node.get("Join Filter", "")
    if "Relation Name" in node:
        # What a bitmap is made by stands in the nodes below.
        yield node, joins
        return
    for inner in node.get("Plans", ()):
        yield from _reading_nodes(inner, joins)


def _serves(index: _Index, node: _Node, joins: str) -> bool:
    conditions = [_without_alias(node, node.get(name, "")) for name in _CONDITIONS]
    if not _covers(index, node, conditions):
        return False
    own = " ".join(conditions)
    if index.after_truth_value is not None:
        return _is_compared(index.first, own, bare=True) and _is_compared(index.after_truth_value, own)
    return _is_compared(index.first, own) or _is_compared(index.first, _without_alias(node, joins), bare=True)


def _without_alias(node: _Node, condition: str) -> str:
    """Return the condition with the names of the table's own columns alone."""
    return re.sub(rf'(?<![\w.])"?{re.escape(node["Alias"])}"?\.', "", condition)


def _covers(index: _Index, node: _Node, conditions: list[str]) -> bool:
    """Tell whether the index has all rows that are looked for: the planner knows, even if it has taken another."""
    if index.name in _index_names(node):
        return True
    return index.predicate <= frozenset().union(*map(_conjuncts, conditions))


def _index_names(node: _Node) -> Iterator[str]:
    if "Index Name" in node:
        yield node["Index Name"]
    for inner in node.get("Plans", ()):
        yield from _index_names(inner)


def _is_compared(forms: tuple[str, ...], condition: str, *, bare: bool = False) -> bool:
    following = r" =| >=| AND|\)|$" if bare else " =| >="
    return any(
        re.search(rf"(?<![\w.])(?<!\w\(){re.escape(form)}(?={following})", condition) is not None for form in forms
    )
