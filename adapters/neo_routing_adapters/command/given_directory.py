"""The directory that was given on the command line: a document, or a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from neo_routing import DirectoryUnavailable, SessionDirectory
from neo_routing_adapters.command.database_opened import opened
from neo_routing_adapters.command.database_reason import reason
from neo_routing_adapters.command.database_url import is_database_url, refuse_file_of_database
from neo_routing_adapters.command.directory_file import directory_at
from neo_routing_adapters.command.failure import MIDWAY, CommandFailed
from neo_routing_adapters.command.rows_at_hand import RowsAtHand, rows_held, rows_stored

if TYPE_CHECKING:
    from sqlalchemy import URL


@contextmanager
def given_directory(given: str) -> Iterator[SessionDirectory]:
    """Open the directory that a file's name or a database's URL stands for. Raises `CommandFailed`."""
    with given_directory_and_rows(given) as (directory, _):
        yield directory


@contextmanager
def given_directory_and_rows(given: str) -> Iterator[tuple[SessionDirectory, RowsAtHand]]:
    """Open the directory, and with it whatever more can be asked of it. Raises `CommandFailed`."""
    if not is_database_url(given):
        refuse_file_of_database(given)
        directory = directory_at(Path(given))
        yield directory, rows_held(directory)
        return
    with opened(given) as engine:
        from neo_routing_adapters.sql import SqlDirectory  # noqa: PLC0415  # its extra may be missing

        try:
            yield SqlDirectory(engine), rows_stored(engine)
        except DirectoryUnavailable as unavailable:
            raise CommandFailed(_with_reason(unavailable, engine.url), MIDWAY) from unavailable


def _with_reason(unavailable: DirectoryUnavailable, url: URL) -> str:
    """Say more than a host may say to a caller: what the driver said, or where senseless rows are listed."""
    cause = unavailable.__cause__
    if isinstance(cause, ValueError) and not isinstance(cause, UnicodeError):
        why = "; see: neo-routing db check URL"
    else:
        why = "" if cause is None else reason(url, cause)
    return f"{str(unavailable).removesuffix('.')}{why}" if why else str(unavailable)
