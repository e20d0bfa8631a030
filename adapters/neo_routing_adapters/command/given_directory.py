"""The directory that was given on the command line: a document, or a database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neo_routing import SessionDirectory
from neo_routing_adapters.command.database_url import is_database_url, opened
from neo_routing_adapters.command.failure import directory_at


@contextmanager
def given_directory(given: str) -> Iterator[SessionDirectory]:
    """Open the directory that a file's name or a database's URL stands for. Raises `CommandFailed`."""
    if not is_database_url(given):
        yield directory_at(Path(given))
        return
    with opened(given) as engine:
        from neo_routing_adapters.sql import SqlDirectory  # noqa: PLC0415  # its extra may be missing

        yield SqlDirectory(engine)
