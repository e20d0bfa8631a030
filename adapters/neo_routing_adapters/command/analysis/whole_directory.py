"""All that the directory holds which was given on the command line, as a value: of a document, or of a database."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from neo_routing import InvalidDirectory, Rows
from neo_routing_adapters.command.database_opened import opened
from neo_routing_adapters.command.database_url import is_database_url, place_of, refuse_file_of_database
from neo_routing_adapters.command.directory_file import directory_at
from neo_routing_adapters.command.failure import MIDWAY, CommandFailed
from neo_routing_adapters.command.progress import progress

_SEE_ALL: Final = "; to see all such rows: neo-routing db check URL"


def whole_directory(given: str) -> Rows:
    """Return the content that a file's name or a database's URL stands for, of one snapshot. Raises `CommandFailed`."""
    with progress("Reading the directory"):
        return _content(given)


def _content(given: str) -> Rows:
    if not is_database_url(given):
        refuse_file_of_database(given)
        return directory_at(Path(given)).content
    with opened(given) as engine:
        from neo_routing_adapters.sql.tables.directory_export import (  # noqa: PLC0415  # its extra may be missing
            IllFormedRow,
            stored_content,
        )

        try:
            return stored_content(engine)
        except IllFormedRow as error:
            raise CommandFailed(f"{error}{_SEE_ALL}", MIDWAY) from error
        except InvalidDirectory as invalid:
            first = invalid.problems[0]
            raise CommandFailed(f"cannot use {place_of(engine.url)}: {first}{_SEE_ALL}", MIDWAY) from invalid
