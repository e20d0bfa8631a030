"""A directory in PostgreSQL or SQLite: in tables of our own, or in views on a host's."""

from neo_routing_adapters.sql.directory import AsyncSqlDirectory, SqlDirectory
from neo_routing_adapters.sql.schema import RELATIONS, metadata
from neo_routing_adapters.sql.writer import MissingRow, SqlDirectoryWriter

__all__ = ["RELATIONS", "AsyncSqlDirectory", "MissingRow", "SqlDirectory", "SqlDirectoryWriter", "metadata"]
