"""What the tests of the directory in memory that follows a database share: databases, as those of the SQL directory."""

from __future__ import annotations

from tests.programs.servers.database_fixtures import any_database_url, database_url, postgres, postgres_url, sqlite_url

__all__ = ["any_database_url", "database_url", "postgres", "postgres_url", "sqlite_url"]
