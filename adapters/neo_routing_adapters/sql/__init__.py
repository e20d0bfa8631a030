"""A directory in PostgreSQL or SQLite: in tables of our own, or in views on a host's."""

from neo_routing_adapters.extras import how_to_install

try:
    from neo_routing_adapters.sql.look_up.directory import AsyncSqlDirectory, SqlDirectory
    from neo_routing_adapters.sql.look_up.share import CannotDecideWithin
    from neo_routing_adapters.sql.schema import RELATIONS, metadata
    from neo_routing_adapters.sql.tables.change_token import change_token
    from neo_routing_adapters.sql.tables.writer import MissingRow, SqlDirectoryWriter
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] != "sqlalchemy":
        raise
    told = f"a directory in a database needs SQLAlchemy; {how_to_install('sql')}"
    raise ModuleNotFoundError(told, name=missing.name) from missing

__all__ = [
    "RELATIONS",
    "AsyncSqlDirectory",
    "CannotDecideWithin",
    "MissingRow",
    "SqlDirectory",
    "SqlDirectoryWriter",
    "change_token",
    "metadata",
]
