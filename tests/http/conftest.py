"""What the tests of the endpoint share: databases and a Redis, on servers of their own unless one is named."""

from __future__ import annotations

from tests.programs.servers.database_fixtures import (
    any_database_url,
    database_url,
    module_database_url,
    postgres,
    postgres_url,
    sqlite_url,
)
from tests.programs.servers.redis_fixture import redis

__all__ = ["any_database_url", "database_url", "module_database_url", "postgres", "postgres_url", "redis", "sqlite_url"]
