"""An engine for a database that is named on the command line, as the command sets it up."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlencode

from neo_routing_adapters.command.database_parameters import (
    postgresql_parameters,
    sqlite_timeout,
    sqlite_uri_parameters,
)
from neo_routing_adapters.command.database_url import PSYCOPG, SQLITE, not_installed, read_url
from neo_routing_adapters.command.failure import CommandFailed

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_CONNECT_TIMEOUT: Final = 10  # seconds


def engine_for(url_text: str, *, may_create: bool = False) -> Engine:
    """Make an engine, without connecting yet; raise `CommandFailed` for a URL that cannot be used.

    The file of a SQLite database must be there, unless it may be created.
    """
    url = read_url(url_text)
    return _sqlite_engine(url, may_create=may_create) if url.drivername == SQLITE else _postgresql_engine(url)


def _sqlite_engine(url: URL, *, may_create: bool) -> Engine:
    from sqlalchemy import create_engine, event

    path, parameters, seconds = sqlite_arguments(url, may_create=may_create)
    uri = f"{path.absolute().as_uri()}?{urlencode(parameters)}"
    engine = create_engine(
        url.set(query={}),
        creator=lambda: sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=seconds),
    )
    event.listen(engine, "connect", _enforce_foreign_keys)
    return engine


def sqlite_arguments(url: URL, *, may_create: bool = False) -> tuple[Path, dict[str, str], float]:
    """Return the file that a URL names, how SQLite opens it, and the seconds to wait for a lock."""
    if url.host or url.username or url.password or url.port:
        raise CommandFailed(
            "the URL of a SQLite file has three slashes: give sqlite:///name, or sqlite:////folder/name"
        )
    parameters = sqlite_uri_parameters(url.query)
    seconds, path = sqlite_timeout(url.query), _sqlite_path(url, may_create=may_create)
    if not may_create and parameters.get("mode") != "ro":
        parameters["mode"] = "rw"  # so that SQLite itself makes no file, should it go away
    return path, parameters, seconds


def _sqlite_path(url: URL, *, may_create: bool) -> Path:
    name = url.database or ""
    if name.startswith("file:"):
        name = unquote(name.removeprefix("file:").removeprefix("//localhost").removeprefix("//"))
    if name in {"", ":memory:"}:
        raise CommandFailed("the URL names no file: give sqlite:///name, or sqlite:////folder/name")
    if not (may_create or Path(name).is_file()):
        raise CommandFailed(f"cannot read {name}: there is no such file")
    return Path(name)


def _enforce_foreign_keys(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys=ON")


def _postgresql_engine(url: URL) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError

    url, options = postgresql_arguments(url)
    try:
        engine = create_engine(url, connect_args=options)
        engine.dialect.create_connect_args(url)
    except (ArgumentError, ValueError) as error:
        raise CommandFailed("the URL has hosts or ports that cannot be used") from error
    return engine


def postgresql_arguments(url: URL) -> tuple[URL, dict[str, Any]]:
    """Return a URL with the parameters that psycopg knows, and what else it is told."""
    try:
        from psycopg.pq import Conninfo
    except ImportError as missing:
        raise not_installed(PSYCOPG) from missing
    known = (option.keyword.decode() for option in Conninfo.get_defaults())
    url = url.set(query=postgresql_parameters(url.query, known))
    # Without this encoding, one cannot even ask a database in SQL_ASCII what its own is.
    options: dict[str, Any] = {"client_encoding": "utf8"}
    if "connect_timeout" not in url.query:
        options["connect_timeout"] = _CONNECT_TIMEOUT
    return url, options
