"""The URL by which a database is named on the command line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.extras import how_to_install

if TYPE_CHECKING:
    from sqlalchemy import URL

SQLITE: Final = "sqlite"
PSYCOPG: Final = "postgresql+psycopg"
_SQLITE_SCHEMES: Final = frozenset({SQLITE, "sqlite+pysqlite", "sqlite+aiosqlite"})
_POSTGRESQL: Final = frozenset({"postgres", "postgresql"})
"""A host may use any driver: the command uses one of its own for the same database."""
_SQLITE_FILES: Final = frozenset({".sqlite", ".sqlite3", ".db"})
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


def read_url(text: str) -> URL:
    """Read a URL, and give it the driver that the command uses; raise `CommandFailed` for one that cannot be used."""
    if not is_database_url(text):
        refuse_file_of_database(text)
        raise CommandFailed(_NO_URL)
    scheme, _, after_scheme = text.partition("://")
    driver = _driver(scheme)
    if driver == PSYCOPG:
        _refuse_unescaped(after_scheme)
    return _url(text, driver)


def place_of(url: URL) -> str:
    """Return where a database is, as it is told to a person: without user and password."""
    return str(url.database) if url.drivername == SQLITE else f"{url.host or 'localhost'}/{url.database or ''}"


def not_installed(driver: str) -> CommandFailed:
    """Make the failure of a driver that is not there, which says what to install."""
    extra = "sql" if driver == SQLITE else "postgres"
    return CommandFailed(f"this database needs more than the command; {how_to_install(extra)}")


def _driver(scheme: str) -> str:
    if scheme in _SQLITE_SCHEMES:
        return SQLITE
    if scheme.partition("+")[0] in _POSTGRESQL:
        return PSYCOPG
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
        raise not_installed(driver) from missing
    try:
        unquote(text, errors="strict").encode()
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise CommandFailed(_NO_URL) from error
    if "\0" in unquote(text):
        raise CommandFailed(_NO_URL)
    return url.set(drivername=driver)
