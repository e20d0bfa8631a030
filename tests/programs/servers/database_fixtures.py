"""Databases for tests, on a server of their own unless one is named.

`NEO_ROUTING_TEST_POSTGRES_URL` names a running server, as a SQLAlchemy URL of a user who may create databases;
`NEO_ROUTING_TEST_POSTGRES_VERSION` says which version to start otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url

from tests.programs.servers.postgres_server import NoPostgres, PostgresServer

URL = "NEO_ROUTING_TEST_POSTGRES_URL"
VERSION = "NEO_ROUTING_TEST_POSTGRES_VERSION"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL of this worker's own, which a test may stop or freeze if it leaves it running."""
    if os.environ.get(URL):
        pytest.skip(f"it stops or freezes the server, and {URL} names one that others may use")
    try:
        server = PostgresServer(int(os.environ.get(VERSION) or 18))
    except NoPostgres as reason:
        # Where all tests are expected to run, one that silently did not would pass for one that succeeded.
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(f"{reason}; or let {URL} name one that runs")
    with server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> str:
    """The URL of a PostgreSQL in which databases may be created."""
    return os.environ.get(URL) or request.getfixturevalue("postgres").url()


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """The URL of an empty PostgreSQL database of the test's own."""
    with empty_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(postgres_url: str) -> Iterator[str]:
    """The same for all tests of a module."""
    with empty_database(postgres_url) as url:
        yield url


@contextmanager
def empty_database(postgres_url: str) -> Iterator[str]:
    """Create an empty database, yield its URL, and drop it."""
    url = make_url(postgres_url)
    name = f"neo_routing_{uuid4().hex}"
    _execute(url, f"CREATE DATABASE {name}")
    yield url.set(database=name).render_as_string(hide_password=False)
    _execute(url, f"DROP DATABASE {name} WITH (FORCE)")


def _execute(url, statement: str) -> None:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(statement)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite database of the test's own, whose file is not there yet."""
    return f"sqlite:///{tmp_path / 'directory.sqlite'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database of the test's own: the test runs once on each kind."""
    return request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "database_url"}[request.param])
