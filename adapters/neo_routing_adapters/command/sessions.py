"""`neo-routing sessions`: the tables of the endpoint, made and kept small."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from cyclopts import App, Parameter

from neo_routing_adapters.command.database_opened import opened
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.progress import progress
from neo_routing_adapters.extras import how_to_install

_EXAMPLE: Final = "Example:\n\n$ neo-routing sessions"
_SQLITE_URL: Final = "sqlite:///sessions.sqlite"
_MOST_DAYS: Final = 36_500


def app() -> App:
    """Return the commands on the tables of the endpoint."""
    commands = App(name="sessions", help="Make the tables of sessions, API keys and links, and keep them small.")
    commands.command(App(name="upgrade", default_command=upgrade, help_epilogue=f"{_EXAMPLE} upgrade {_SQLITE_URL}"))
    prune_example = f"{_EXAMPLE} prune {_SQLITE_URL} --older-than-days 400"
    commands.command(App(name="prune", default_command=prune, help_epilogue=prune_example))
    return commands


def upgrade(url: str, /) -> None:
    """Make the tables in a database, or bring them to the newest version, beside whatever else is there.

    It is all or nothing, and may be run again.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name or sqlite:///file.
    """
    with opened(url, may_create=True, relations=False) as engine:
        try:
            from neo_routing_adapters.http.tables.upgrade import upgrade as upgrade_tables
        except ModuleNotFoundError as missing:
            raise CommandFailed(f"sessions need more than the command; {how_to_install('http')}") from missing
        print(f"the tables are of version {upgrade_tables(engine)}")


def prune(
    url: str, /, *, older_than_days: Annotated[int | None, Parameter(negative="", show_default=False)] = None
) -> None:
    """Remove idempotency keys that have expired, and sessions that are too old, if you say which.

    A thousand rows at a time, so that nobody waits long; it may be broken off, and run again.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name or sqlite:///file.
    older_than_days
        Remove sessions that were created before so many days too, with the records of their decisions.
    """
    if older_than_days is not None and not 1 <= older_than_days <= _MOST_DAYS:
        raise CommandFailed(f"--older-than-days must be a number from 1 to {_MOST_DAYS}")
    with opened(url, relations=False) as engine:
        try:
            from neo_routing_adapters.http.sessions_prune import prune as prune_tables
        except ModuleNotFoundError as missing:
            raise CommandFailed(f"sessions need more than the command; {how_to_install('http')}") from missing
        now = datetime.now(UTC)
        before = None if older_than_days is None else now - timedelta(days=older_than_days)
        with progress("Pruning") as show:
            pruned = prune_tables(
                engine, now=now, created_before=before, progress=lambda done: show(description=f"Pruning, {done:,}")
            )
    print(f"removed {pruned.keys} idempotency keys and {pruned.sessions} sessions")
