"""A database that is named on the command line by its URL."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neo_routing_adapters.command.database_reason import reason
from neo_routing_adapters.command.failure import MIDWAY, UNUSABLE, CommandFailed

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_SQLITE: Final = "sqlite"
_PSYCOPG: Final = "postgresql+psycopg"
_DRIVERS: Final[Mapping[str, str]] = {
    _SQLITE: _SQLITE,
    "sqlite+pysqlite": _SQLITE,
    "sqlite+aiosqlite": _SQLITE,
    "postgres": _PSYCOPG,
    "postgresql": _PSYCOPG,
    _PSYCOPG: _PSYCOPG,
    "postgresql+asyncpg": _PSYCOPG,
}
"""The driver that the command uses, by the scheme of the URL: a host may use another for the same database."""
_SQLITE_FILES: Final = frozenset({".sqlite", ".sqlite3", ".db"})
_NOBODY_THERE: Final = (
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
)
_CONNECT_TIMEOUT: Final = 10  # seconds


def is_database_url(text: str) -> bool:
    """Tell the URL of a database from the name of a file."""
    return "://" in text


def refuse_file_of_database(name: str) -> None:
    """Raise `CommandFailed`, which says the URL, for what looks like the name of a SQLite file."""
    if Path(name).suffix.lower() in _SQLITE_FILES and not name.startswith(f"{_SQLITE}:"):
        raise CommandFailed(f"{name} is the name of a file; a database is given by its URL: sqlite:///{name}")


def engine_for(url_text: str, *, may_create: bool = False) -> Engine:
    """Make an engine, without connecting yet; raise `CommandFailed` for a URL that cannot be used.

    The file of a SQLite database must be there, unless it may be created.
    """
    url = _url(url_text)
    if url.drivername == _SQLITE:
        _check_file(url, may_create=may_create)
        return _sqlite_engine(url)
    return _postgresql_engine(url)


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
        with _told(engine.url, f"{_where(engine.url)} gave out", MIDWAY):
            yield engine
    finally:
        engine.dispose()


def _url(text: str) -> URL:
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError
    except ModuleNotFoundError as missing:
        raise _not_installed("sql") from missing
    if not is_database_url(text):
        refuse_file_of_database(text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise CommandFailed("this is not the URL of a database, such as postgresql://user@host/name") from error
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise CommandFailed(f"{url.drivername} databases cannot be used: give postgresql://… or sqlite:///…")
    if "@" in (url.host or ""):
        raise CommandFailed("the URL has an @ too many: in a password, write it as %40")
    return url.set(drivername=driver)


def _check_file(url: URL, *, may_create: bool) -> None:
    if url.database in {None, "", ":memory:"}:
        raise CommandFailed("the URL names no file: give sqlite:///name, or sqlite:////folder/name")
    assert url.database is not None
    if not (may_create or "uri" in url.query or Path(url.database).is_file()):
        raise CommandFailed(f"cannot read {url.database}: there is no such file")


def _sqlite_engine(url: URL) -> Engine:
    from sqlalchemy import create_engine, event

    engine = create_engine(url)
    event.listen(engine, "connect", _enforce_foreign_keys)
    return engine


def _enforce_foreign_keys(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys=ON")


def _postgresql_engine(url: URL) -> Engine:
    from sqlalchemy import create_engine

    # Without this encoding, one cannot even ask a database in SQL_ASCII what its own is.
    options: dict[str, Any] = {"client_encoding": "utf8"}
    if "connect_timeout" not in url.query:
        options["connect_timeout"] = _CONNECT_TIMEOUT
    try:
        return create_engine(url, connect_args=options)
    except ImportError as missing:
        raise _not_installed("postgres") from missing


def _not_installed(extra: str) -> CommandFailed:
    return CommandFailed(
        f"this database needs more than the command; install it with: pip install 'neo_routing[{extra}]'"
    )


def _missing_relations(engine: Engine) -> list[str]:
    from neo_routing_adapters.sql.check.structure import missing_relations

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


def _where(url: URL) -> str:
    return str(url.database) if url.drivername == _SQLITE else f"{url.host or 'localhost'}/{url.database or ''}"
