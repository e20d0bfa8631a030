"""A database that is named on the command line by its URL."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlencode

from neo_routing_adapters.command.database_parameters import (
    postgresql_parameters,
    sqlite_timeout,
    sqlite_uri_parameters,
)
from neo_routing_adapters.command.database_reason import reason
from neo_routing_adapters.command.failure import MIDWAY, UNUSABLE, CommandFailed
from neo_routing_adapters.extras import how_to_install

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_SQLITE: Final = "sqlite"
_PSYCOPG: Final = "postgresql+psycopg"
_SQLITE_SCHEMES: Final = frozenset({_SQLITE, "sqlite+pysqlite", "sqlite+aiosqlite"})
_POSTGRESQL: Final = frozenset({"postgres", "postgresql"})
"""A host may use any driver: the command uses one of its own for the same database."""
_SQLITE_FILES: Final = frozenset({".sqlite", ".sqlite3", ".db"})
_NOBODY_THERE: Final = (
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
)
_CONNECT_TIMEOUT: Final = 10  # seconds
_NO_URL: Final = "this is not the URL of a database, such as postgresql://user@host/name"
_broken_url: Final = re.compile(r"(?:[A-Za-z][\w+.-]+:/|(?:postgres|postgresql|sqlite)[\w+]*:)").match


def is_database_url(text: str) -> bool:
    """Tell the URL of a database from the name of a file."""
    return "://" in text


def refuse_file_of_database(name: str) -> None:
    """Raise `CommandFailed` for what looks like a broken URL, or like a SQLite file, of which it says the URL."""
    if _broken_url(name):
        raise CommandFailed(_NO_URL)
    if Path(name).suffix.lower() in _SQLITE_FILES:
        raise CommandFailed(f"{name} is the name of a file; a database is given by its URL: sqlite:///{name}")


def refuse_url(path: Path, right: str) -> None:
    """Raise `CommandFailed`, which says what is right there, for a URL in the place of a path."""
    if _broken_url(str(path)):  # of whose slashes a path has dropped one
        raise CommandFailed(f"{right}, not the URL of a database")


def engine_for(url_text: str, *, may_create: bool = False) -> Engine:
    """Make an engine, without connecting yet; raise `CommandFailed` for a URL that cannot be used.

    The file of a SQLite database must be there, unless it may be created.
    """
    if not is_database_url(url_text):
        refuse_file_of_database(url_text)
        raise CommandFailed(_NO_URL)
    driver = _driver(url_text.partition("://")[0])
    if driver == _PSYCOPG:
        _refuse_unescaped(url_text.partition("://")[2])
    url = _url(url_text, driver)
    return _sqlite_engine(url, may_create=may_create) if driver == _SQLITE else _postgresql_engine(url)


@contextmanager
def opened(url_text: str, *, may_create: bool = False, relations: bool = True) -> Iterator[Engine]:
    """Make an engine for a database that answers, and that holds the relations; raise `CommandFailed` if it gives out.

    What goes wrong is told in the first line of what the driver says, and never with a password.
    """
    engine = engine_for(url_text, may_create=may_create)
    try:
        with _told(engine.url, f"cannot use {_where(engine.url)}"):
            missing = _missing_relations(engine)
        if relations and missing:
            raise _without_relations(engine.url, missing)
        with _told(engine.url, f"{_where(engine.url)} gave out", MIDWAY), _unfit():
            yield engine
    finally:
        engine.dispose()


def _driver(scheme: str) -> str:
    if scheme in _SQLITE_SCHEMES:
        return _SQLITE
    if scheme.partition("+")[0] in _POSTGRESQL:
        return _PSYCOPG
    which = f"{scheme} databases" if scheme.isidentifier() else "such databases"
    raise CommandFailed(f"{which} cannot be used: give postgresql://… or sqlite:///…")


def _refuse_unescaped(after_scheme: str) -> None:
    """Refuse what would be read otherwise than it is meant, and could be told: a part of a password for a host."""
    before, at, after = after_scheme.partition("@")
    if "@" in after:
        raise CommandFailed("the URL has an @ too many: in a password, write it as %40")
    for character in "/?#" if at else "":
        if character in before:
            raise CommandFailed(
                f"the URL has {character} before its @: in a password, write it as %{ord(character):02X}, and "
                "after the host an @ as %40"
            )


def _url(text: str, driver: str) -> URL:
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError
    except ModuleNotFoundError as missing:
        raise _not_installed(driver) from missing
    try:
        unquote(text, errors="strict").encode()
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise CommandFailed(_NO_URL) from error
    if "\0" in unquote(text):
        raise CommandFailed(_NO_URL)
    return url.set(drivername=driver)


def _sqlite_engine(url: URL, *, may_create: bool) -> Engine:
    from sqlalchemy import create_engine, event

    if url.host or url.username or url.password or url.port:
        raise CommandFailed(
            "the URL of a SQLite file has three slashes: give sqlite:///name, or sqlite:////folder/name"
        )
    parameters = sqlite_uri_parameters(url.query)
    seconds, path = sqlite_timeout(url.query), _sqlite_path(url, may_create=may_create)
    if not may_create and parameters.get("mode") != "ro":
        parameters["mode"] = "rw"  # so that SQLite itself makes no file, should it go away
    uri = f"{path.absolute().as_uri()}?{urlencode(parameters)}"
    engine = create_engine(
        url.set(query={}),
        creator=lambda: sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=seconds),
    )
    event.listen(engine, "connect", _enforce_foreign_keys)
    return engine


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

    try:
        from psycopg.pq import Conninfo
    except ImportError as missing:
        raise _not_installed(_PSYCOPG) from missing
    known = (option.keyword.decode() for option in Conninfo.get_defaults())
    url = url.set(query=postgresql_parameters(url.query, known))
    # Without this encoding, one cannot even ask a database in SQL_ASCII what its own is.
    options: dict[str, Any] = {"client_encoding": "utf8"}
    if "connect_timeout" not in url.query:
        options["connect_timeout"] = _CONNECT_TIMEOUT
    try:
        engine = create_engine(url, connect_args=options)
        engine.dialect.create_connect_args(url)
    except (ArgumentError, ValueError) as error:
        raise CommandFailed("the URL has hosts or ports that cannot be used") from error
    return engine


def _not_installed(driver: str) -> CommandFailed:
    extra = "sql" if driver == _SQLITE else "postgres"
    return CommandFailed(f"this database needs more than the command; {how_to_install(extra)}")


def _missing_relations(engine: Engine) -> list[str]:
    from neo_routing_adapters.sql.tables.relations_there import missing_relations

    with engine.connect() as connection:
        return missing_relations(connection)


def _without_relations(url: URL, missing: list[str]) -> CommandFailed:
    on_the_path, mend_it = ("", "") if url.drivername == _SQLITE else (" on the search path", "mend that, ")
    return CommandFailed(
        f"{_where(url)} lacks {', '.join(missing)}{on_the_path}; {mend_it}deliver the views, "
        "or make the tables with: neo-routing db upgrade URL"
    )


@contextmanager
def _told(url: URL, failed: str, status: int = UNUSABLE) -> Iterator[None]:
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (DBAPIError, url.get_dialect().import_dbapi().Error) as error:
        silent = _is_silent(url, getattr(error, "orig", error))
        raise CommandFailed(f"{failed}{reason(url, error)}", MIDWAY if silent else status) from error


def _is_silent(url: URL, error: BaseException) -> bool:
    """Tell a database that cannot answer, which may help itself, from a name or a password that is wrong."""
    if url.drivername == _SQLITE:
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
    from psycopg.errors import ConnectionTimeout

    # Of a connection that was not made the driver has no code, only the system's own words.
    return isinstance(error, ConnectionTimeout) or any(os.strerror(number) in str(error) for number in _NOBODY_THERE)


@contextmanager
def _unfit() -> Iterator[None]:
    from neo_routing_adapters.sql.tables.our_tables import CannotAdminister

    try:
        yield
    except CannotAdminister as error:
        raise CommandFailed(str(error), more_lines=error.lines) from error


def _where(url: URL) -> str:
    return str(url.database) if url.drivername == _SQLITE else f"{url.host or 'localhost'}/{url.database or ''}"
