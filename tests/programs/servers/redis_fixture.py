"""A Redis for tests, which they may stop if they leave it running."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.programs.servers.redis_server import NoRedis, RedisServer


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """A Redis of this worker's own."""
    try:
        running = RedisServer()
    except NoRedis as reason:
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(str(reason))
    with running:
        yield running
