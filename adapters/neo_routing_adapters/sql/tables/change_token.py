"""What a writer hands on, so that whoever follows the directory can wait for what he wrote."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

_OF_TRANSACTION: Final = """
    SELECT (SELECT system_identifier::text FROM pg_control_system())
        || '/' || (SELECT oid::text FROM pg_catalog.pg_database WHERE datname = current_database())
        || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8)
        || '@' || pg_current_xact_id()::text"""
_OF_SQLITE: Final = "sqlite"


def change_token(connection: Connection) -> str:
    """Return a token of the transaction that a connection is in, for `LiveDirectory.wait_until` once it has committed.

    On SQLite it says nothing: whoever waits there waits for what was committed before. Raises SQLAlchemy's errors.

    >>> from sqlalchemy import create_engine
    >>> with create_engine("sqlite://").begin() as connection:
    ...     change_token(connection)
    'sqlite'
    """
    if connection.dialect.name != "postgresql":
        return _OF_SQLITE
    return str(connection.exec_driver_sql(_OF_TRANSACTION).scalar_one())
