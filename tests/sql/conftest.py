"""What the tests of the SQL directory share: databases, on a server of their own unless one is named."""

from __future__ import annotations

from tests.programs.servers.database_fixtures import any_database_url, database_url, postgres, postgres_url, sqlite_url

__all__ = ["any_database_url", "database_url", "postgres", "postgres_url", "sqlite_url"]
