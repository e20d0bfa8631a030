"""The relations as a host may have them: tables without any constraint, with text of whatever type."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Connection, Table, Text

from neo_routing_adapters.sql.schema import metadata

_TYPES = {Text: "TEXT", BigInteger: "BIGINT", Boolean: "BOOLEAN"}


def make_plain_tables(connection: Connection, text: str = "TEXT", **of_column: str) -> None:
    """Make them with this type for each text, or with another for a column of this name."""
    for table in metadata.sorted_tables:
        connection.exec_driver_sql(f"CREATE TABLE {table.name} ({', '.join(_columns(table, text, of_column))})")


def _columns(table: Table, text: str, of_column: dict[str, str]):
    for column in table.columns:
        plain = next(name for kind, name in _TYPES.items() if isinstance(column.type, kind))
        yield f"{column.name} {of_column.get(column.name, text if plain == 'TEXT' else plain)}"
