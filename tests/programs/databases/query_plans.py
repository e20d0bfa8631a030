"""What a database means to do for a look-up: which of its tables it would read from end to end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import ClientCursor
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import asyncpg

from neo_routing import RowsNeeded
from neo_routing_adapters.sql import RELATIONS
from neo_routing_adapters.sql.look_up.evidence import Statement
from neo_routing_adapters.sql.look_up.statements import Statements


def scans(connection: Connection, needed: Sequence[RowsNeeded], *, generic: bool = False) -> list[str]:
    """Name whatever is not read by keys in an index, a relation or an index, in the plan for these decisions.

    A generic plan, of PostgreSQL alone, is made without a look at the keys: that is how it runs a statement that it
    has prepared and planned for some keys before.
    """
    if connection.dialect.name == "sqlite":
        return _scans_of_sqlite(connection, _statement(Statements(connection.dialect), needed))
    if generic:
        # With $1 for a key, as the server itself has it: there are no keys, and so nothing that could be prepared.
        sql = _statement(Statements(asyncpg.dialect()), needed).sql
        with connection.connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {sql}", prepare=False)
            [explained] = cursor.fetchone()
    else:
        statement = _statement(Statements(connection.dialect), needed)
        sql, arguments = statement.sql, statement.arguments
        explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {sql}", arguments).scalar_one()
    return sorted({name for node in _nodes(explained[0]["Plan"]) for name in _scanned(node)})


def rows_read(connection: Connection, needed: Sequence[RowsNeeded], plan: str) -> int:
    """Run the statement on PostgreSQL with a plan of this sort, and return how many rows it has come past."""
    statement = _statement(Statements(asyncpg.dialect()), needed)
    sql, arguments = statement.sql, statement.arguments
    with ClientCursor(connection.connection.driver_connection) as cursor:
        cursor.execute(f"SET plan_cache_mode = force_{plan}_plan")
        cursor.execute(f"PREPARE measured AS {sql}".replace("%", "%%"))
        given = ", ".join(["%s"] * len(arguments))
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE measured ({given})", arguments)
        [explained] = cursor.fetchone()
        cursor.execute("DEALLOCATE measured")
        cursor.execute("RESET plan_cache_mode")
    return sum(map(_rows_of, _nodes(explained[0]["Plan"])))


def _rows_of(node: dict[str, Any]) -> int:
    counted = [value for name, value in node.items() if name == "Actual Rows" or name.startswith("Rows Removed by")]
    return round(sum(counted) * node["Actual Loops"])


def _statement(statements: Statements, needed: Sequence[RowsNeeded]) -> Statement:
    return statements.for_one(needed[0]) if len(needed) == 1 else statements.for_many(needed)


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for inner in node.get("Plans", ()):
        yield from _nodes(inner)


def _scanned(node: dict[str, Any]) -> Iterator[str]:
    # Of a bitmap, the index below the relation has the condition.
    if "Index Name" in node:
        if "Index Cond" not in node:
            yield node["Index Name"]
    elif "Relation Name" in node and node["Node Type"] != "Bitmap Heap Scan":
        yield node["Relation Name"]


def _scans_of_sqlite(connection: Connection, statement: Statement) -> list[str]:
    sql, arguments = statement.sql, statement.arguments
    details = [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", arguments)]
    # An automatic index is made anew for each statement, from the whole table.
    found = [re.match(r"SCAN (\w+)|SEARCH (\w+) USING AUTOMATIC", detail) for detail in details]
    relations = {alias: relation for relation, alias in re.findall(r"(\w+) AS (\w+)", sql) if relation in RELATIONS}
    names = {relations.get(match[1] or match[2]) for match in found if match}
    return sorted(name for name in names if name is not None)
