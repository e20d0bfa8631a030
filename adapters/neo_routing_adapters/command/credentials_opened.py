"""The database with API keys and links of Entra that is named on the command line, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from neo_routing_adapters.command.database_opened import opened
from neo_routing_adapters.command.database_url import place_of
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.extras import how_to_install

if TYPE_CHECKING:
    from sqlalchemy import Connection

HOW_TO_MAKE_THEM: Final = "neo-routing sessions upgrade URL"
_OF_THE_EXTRA: Final = frozenset({"cryptography", "jwt", "limits", "msgspec", "starlette"})


@contextmanager
def credentials_at(url: str) -> Iterator[Connection]:
    """Open a database that has the tables, and commit what the block did. Raises `CommandFailed`."""
    _require_extra()
    with opened(url, relations=False) as engine, engine.begin() as connection:
        from neo_routing_adapters.http.credentials_kept import missing_tables  # noqa: PLC0415  # SQLAlchemy is there

        missing = missing_tables(connection)
        if missing:
            raise CommandFailed(
                f"{place_of(engine.url)} lacks {', '.join(missing)}; make the tables with: {HOW_TO_MAKE_THEM}"
            )
        yield connection


def _require_extra() -> None:
    try:
        import neo_routing_adapters.http  # noqa: F401, PLC0415  # it is asked for whether it is there
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in _OF_THE_EXTRA:
            raise
        raise CommandFailed(f"keys and links need more than the command; {how_to_install('http')}") from missing
