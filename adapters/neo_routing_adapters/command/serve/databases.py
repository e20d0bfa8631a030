"""The data of a server: a file of its own is made and filled, and any other is only looked at.

What is not fit is told, with the command that makes it so: a database of somebody's is never migrated by the way.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Final

from attrs import frozen
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import OperationalError

from neo_routing_adapters.command.database_engine import engine_for
from neo_routing_adapters.command.database_opened import opened
from neo_routing_adapters.command.database_url import (
    is_database_url,
    place_of,
    read_url,
    refuse_file_of_database,
)
from neo_routing_adapters.command.directory_file import directory_at
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.serve.settings import Settings
from neo_routing_adapters.http.tables.upgrade import is_up_to_date
from neo_routing_adapters.http.tables.upgrade import upgrade as upgrade_sessions
from neo_routing_adapters.memory import MemoryDirectory, read_directory
from neo_routing_adapters.sql.old_form import IN_AN_OLD_FORM
from neo_routing_adapters.sql.schema import metadata
from neo_routing_adapters.sql.tables.check.sessions import SO, session_findings
from neo_routing_adapters.sql.tables.directory_import import import_directory
from neo_routing_adapters.sql.upgrade import upgrade as upgrade_directory

_LONGEST_WAIT: Final = 30.0
"""Seconds in which another start must have filled the file that it fills."""
OWN_FILE: Final = "neo-routing.sqlite"
OWN_URL: Final = f"sqlite:///{OWN_FILE}"


@frozen(kw_only=True)
class Data:
    """Where a server finds what it decides on, and where it keeps sessions."""

    document: MemoryDirectory | None
    """The directory, if it is a document."""
    directory_url: str | None
    sessions_url: str

    @property
    def is_one_database(self) -> bool:
        """Whether sessions are kept where the directory is, and so can be decided in their transactions."""
        return self.directory_url is not None and read_url(self.directory_url) == read_url(self.sessions_url)


def document_of(settings: Settings) -> MemoryDirectory | None:
    """Return the directory, if it is a document. Raises `CommandFailed`, also for a URL that can be no directory's."""
    if settings.directory is None:
        return None
    if is_database_url(settings.directory):
        engine_for(settings.directory).dispose()  # which has not connected
        return None
    refuse_file_of_database(settings.directory)
    return directory_at(Path(settings.directory))


def data_of(settings: Settings, document: MemoryDirectory | None = None) -> Data:
    """Make what is the server's own, and look at what is not. Raises `CommandFailed`."""
    is_sample = settings.directory is None
    directory_url = OWN_URL if is_sample else None if document is not None else settings.directory
    sessions_url = settings.sessions or directory_url or OWN_URL
    if is_sample:
        _make_sample()
    elif directory_url is not None:
        _require_directory(directory_url)
    if settings.sessions is None and (is_sample or document is not None):
        _make_sessions()
    else:
        _require_sessions(sessions_url)
    return Data(document=document, directory_url=directory_url, sessions_url=sessions_url)


def notices(data: Data) -> Iterator[str]:
    """Yield what is not promised of sessions, and why."""
    if data.directory_url is None:
        return
    if not data.is_one_database:
        yield f"directory and sessions are two databases, {SO}"
        return
    with opened(data.sessions_url) as engine, engine.connect() as connection:
        yield from (finding.complaint for finding in session_findings(connection))


def _make_sample() -> None:
    """Make the tables of the directory, and fill them unless they hold something."""
    with opened(OWN_URL, may_create=True, relations=False) as engine:
        upgrade_directory(engine)
        _fill(engine, time.monotonic() + _LONGEST_WAIT)


def sample() -> MemoryDirectory:
    """Return the directory of the demonstration."""
    with resources.as_file(resources.files("neo_routing_adapters") / "sample" / "directory.json") as path:
        return read_directory(path)


def _fill(engine: Engine, until: float) -> None:
    """Fill the tables unless they hold something, also where another start is filling them.

    SQLite lets nobody wait who has read already, so this tries again.
    """
    while _is_empty(engine):
        try:
            import_directory(engine, sample().content)
        except OperationalError as error:
            if not _is_locked(error) or time.monotonic() > until:
                raise


def _is_locked(error: OperationalError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _is_empty(engine: Engine) -> bool:
    with engine.connect() as connection:
        return all(connection.execute(select(table).limit(1)).first() is None for table in metadata.sorted_tables)


def _make_sessions() -> None:
    with opened(OWN_URL, may_create=True, relations=False) as engine:
        upgrade_sessions(engine)


def _require_directory(url: str) -> None:
    with opened(url) as engine, engine.connect() as connection:
        if connection.scalar(text(IN_AN_OLD_FORM[connection.dialect.name])):
            raise CommandFailed(
                f"the directory's tables in {place_of(engine.url)} are of an older version; bring them to this one "
                "with: neo-routing db upgrade URL"
            )


def _require_sessions(url: str) -> None:
    with opened(url, relations=False) as engine, engine.connect() as connection:
        if not is_up_to_date(connection):
            raise CommandFailed(
                f"{place_of(engine.url)} lacks the tables for sessions, or has those of an older version; make them "
                "with: neo-routing sessions upgrade URL"
            )
