"""Which tables a statement reads from end to end, by the plans of PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, text

_Node: TypeAlias = dict[str, Any]
_Beginning: TypeAlias = tuple[tuple[str, ...], tuple[str, ...] | None]
"""How the first part of an index is written in a plan, and after a truth value the second."""

# Of two indexes on a small table it may take the wrong one, and of none and a small table the table itself. So a plan
# says which conditions are put to a table, and the catalogue whether an index could serve any of them: one that begins
# with what is compared.
_OTHER_WAYS: Final = ("seqscan", "hashjoin", "mergejoin", "material", "memoize")
_CONDITIONS: Final = ("Index Cond", "Recheck Cond", "Filter")
# A truth value is no beginning by itself, half of a table being no better than all of it: what follows counts too.
_INDEXES: Final = text("""
    SELECT relname,
        pg_get_indexdef(indexrelid, 1, false), first.atttypid::regtype::text,
        pg_get_indexdef(indexrelid, 2, false), second.atttypid::regtype::text
    FROM pg_index
    JOIN pg_class ON pg_class.oid = indrelid
    JOIN pg_attribute AS first ON first.attrelid = indexrelid AND first.attnum = 1
    LEFT JOIN pg_attribute AS second ON second.attrelid = indexrelid AND second.attnum = 2
    WHERE indisvalid AND indpred IS NULL""")
# Values of these types are compared as text.
_COMPARED_AS_TEXT: Final = frozenset({"character varying", "character"})


def tables_read_on_postgresql(connection: Connection) -> Callable[[str, Any], Iterator[str]]:
    """Return what yields the tables that a statement, with its arguments, would read from end to end."""
    beginnings: dict[str, list[_Beginning]] = {}
    for table, first, first_type, second, second_type in connection.execute(_INDEXES):
        following = _forms(second, second_type) if first_type == "boolean" else None
        beginnings.setdefault(table, []).append((_forms(first, first_type), following))

    def tables_read(sql: str, arguments: Any) -> Iterator[str]:
        for node, joins in _reading_nodes(_plan(connection, sql, arguments), ""):
            table = node["Relation Name"]
            if not any(_serves(beginning, node, joins) for beginning in beginnings.get(table, ())):
                yield table

    return tables_read


def _forms(expression: str, sort: str | None) -> tuple[str, ...]:
    """Return how a plan writes what an index holds; of an expression, that is without its parentheses."""
    plain = expression.removeprefix("(").removesuffix(")") if expression.startswith("(") else expression
    return (f"({plain})::text",) if sort in _COMPARED_AS_TEXT else (plain,) if plain else ()


def _plan(connection: Connection, sql: str, arguments: Any) -> _Node:
    with connection.begin_nested() as nested:
        for way in _OTHER_WAYS:
            connection.exec_driver_sql(f"SET LOCAL enable_{way} = off")
        [explained] = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", arguments).scalar_one()
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


def _serves(beginning: _Beginning, node: _Node, joins: str) -> bool:
    first, after_truth_value = beginning
    own = " ".join(node.get(name, "") for name in _CONDITIONS)
    if after_truth_value is not None:
        return _is_compared(first, own, bare=True) and _is_compared(after_truth_value, own)
    return _is_compared(first, own) or _is_compared(first, joins.replace(f"{node['Alias']}.", ""), bare=True)


def _is_compared(forms: tuple[str, ...], condition: str, *, bare: bool = False) -> bool:
    following = r" =| >=| AND|\)|$" if bare else " =| >="
    return any(
        re.search(rf"(?<![\w.])(?<!\w\(){re.escape(form)}(?={following})", condition) is not None for form in forms
    )
