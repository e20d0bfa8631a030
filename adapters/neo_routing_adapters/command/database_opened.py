"""A database that is named on the command line, opened: it answers, holds the relations, and may give out midway."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from neo_routing_adapters.command.database_engine import engine_for
from neo_routing_adapters.command.database_reason import reason
from neo_routing_adapters.command.database_url import SQLITE, place_of
from neo_routing_adapters.command.failure import MIDWAY, UNUSABLE, CommandFailed

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine

_NOBODY_THERE: Final = (
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
)


@contextmanager
def opened(url_text: str, *, may_create: bool = False, relations: bool = True) -> Iterator[Engine]:
    """Make an engine for a database that answers, and that holds the relations; raise `CommandFailed` if it gives out.

    What goes wrong is told in the first line of what the driver says, and never with a password.
    """
    engine = engine_for(url_text, may_create=may_create)
    try:
        with _failures_of_driver(engine.url, f"cannot use {place_of(engine.url)}"):
            missing = _missing_relations(engine)
        if relations and missing:
            raise _without_relations(engine.url, missing)
        with _failures_of_driver(engine.url, f"{place_of(engine.url)} gave out", MIDWAY), _refusals_to_administer():
            yield engine
    finally:
        engine.dispose()


def _missing_relations(engine: Engine) -> list[str]:
    from neo_routing_adapters.sql.tables.relations_there import missing_relations

    with engine.connect() as connection:
        return missing_relations(connection)


def _without_relations(url: URL, missing: list[str]) -> CommandFailed:
    on_the_path, mend_it = ("", "") if url.drivername == SQLITE else (" on the search path", "mend that, ")
    return CommandFailed(
        f"{place_of(url)} lacks {', '.join(missing)}{on_the_path}; {mend_it}deliver the views, "
        "or make the tables with: neo-routing db upgrade URL"
    )


@contextmanager
def _failures_of_driver(url: URL, failed: str, status: int = UNUSABLE) -> Iterator[None]:
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except (DBAPIError, url.get_dialect().import_dbapi().Error) as error:
        silent = _is_silent(url, getattr(error, "orig", error))
        raise CommandFailed(f"{failed}{reason(url, error)}", MIDWAY if silent else status) from error


def _is_silent(url: URL, error: BaseException) -> bool:
    """Tell a database that cannot answer, which may help itself, from a name or a password that is wrong."""
    if url.drivername == SQLITE:
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
    from psycopg.errors import ConnectionTimeout

    # Of a connection that was not made the driver has no code, only the system's own words.
    return isinstance(error, ConnectionTimeout) or any(os.strerror(number) in str(error) for number in _NOBODY_THERE)


@contextmanager
def _refusals_to_administer() -> Iterator[None]:
    from neo_routing_adapters.sql.tables.our_tables import CannotAdminister

    try:
        yield
    except CannotAdminister as error:
        raise CommandFailed(str(error), more_lines=error.lines) from error
