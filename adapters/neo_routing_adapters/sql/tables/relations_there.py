"""Which relations are there, and with which columns, whether as tables or as views."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import NoSuchTableError

from neo_routing_adapters.sql.schema import RELATIONS

_COLUMNS: Final = text("""
    SELECT attname, pg_type.oid::regtype::text
    FROM pg_attribute
    CROSS JOIN LATERAL (
        WITH RECURSIVE made_of (id) AS (
            SELECT atttypid UNION SELECT typbasetype FROM made_of JOIN pg_type ON oid = id AND typtype = 'd')
        SELECT id FROM made_of) AS made_of
    JOIN pg_type ON pg_type.oid = id AND typtype <> 'd'
    WHERE attrelid = to_regclass(:relation) AND attnum > 0 AND NOT attisdropped""")


def missing_relations(connection: Connection) -> list[str]:
    """Return the names of the relations that are not there, neither as tables nor as views."""
    return [relation for relation in RELATIONS if not columns_there(connection, relation)]


def columns_there(connection: Connection, relation: str) -> dict[str, str]:
    """Return the columns that are there, each with its type, or with what a domain is made of."""
    if connection.dialect.name == "postgresql":
        return {str(name): str(sort) for name, sort in connection.execute(_COLUMNS, {"relation": relation})}
    try:
        return {column["name"]: str(column["type"]) for column in inspect(connection).get_columns(relation)}
    except NoSuchTableError:
        return {}
