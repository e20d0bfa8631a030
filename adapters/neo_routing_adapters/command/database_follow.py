"""`neo-routing db follow`: the change log by which a directory in memory follows one on PostgreSQL."""

from __future__ import annotations

from typing import Annotated, Final

from cyclopts import App, Parameter

from neo_routing.printable import printable
from neo_routing_adapters.command.database_opened import opened
from neo_routing_adapters.command.failure import FOUND, CommandFailed

_URL: Final = "postgresql://user@host/name"
_EXAMPLE: Final = "Example:\n\n$ neo-routing db follow"
_KEYS: Final = "\"SELECT 'channel', channel_no FROM changed\""


def app() -> App:
    """Return the commands on the change log."""
    commands = App(name="follow", help="Make, drop and look at the change log that directories in memory follow.")
    for command in (install, uninstall, status, prune):
        epilogue = f"{_EXAMPLE} {command.__name__} {_URL}"
        commands.command(App(name=command.__name__, default_command=command, help_epilogue=epilogue))
    epilogue = f"{_EXAMPLE} print {_URL} host.installation --keys {_KEYS}"
    commands.command(App(name="print", default_command=print_, help_epilogue=epilogue))
    return commands


def install(url: str, /) -> None:
    """Make the change log in a database, with triggers on our tables; it may be run again.

    Whoever may read the tables may then read the log. From then on each change of them writes a little more.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name.
    """
    with opened(url) as engine:
        from neo_routing_adapters.sql.tables import follow

        follow.install(engine)
    print("changes are logged")


def uninstall(url: str, /) -> None:
    """Drop the change log and its triggers; directories that follow it fail then.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name.
    """
    with opened(url) as engine:
        from neo_routing_adapters.sql.tables import follow

        follow.uninstall(engine)
    print("changes are not logged any more")


def status(url: str, /) -> None:
    """Tell whether each change is logged, and how long the log is. The exit status is 1 if some are not.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name.
    """
    with opened(url) as engine:
        from neo_routing_adapters.sql.tables import follow

        found = follow.status(engine)
    if not found.is_there:
        raise CommandFailed("there is no change log: run neo-routing db follow install", FOUND)
    print(f"the change log has {found.rows} rows")
    for complaint in found.unfollowed:
        print(printable(complaint))
    if found.unfollowed:
        raise CommandFailed("some changes are not logged, so the directory cannot be followed", FOUND)


def prune(url: str, /) -> None:
    """Remove from the change log what is older than an hour; directories that follow do that too.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name.
    """
    with opened(url) as engine:
        from neo_routing_adapters.sql.tables import follow

        removed = follow.prune(engine)
    print(f"removed {removed} rows of the change log")


def print_(url: str, table: str, /, *, keys: Annotated[str, Parameter(show_default=False)]) -> None:
    """Print the SQL that logs the changes of one table of yours, which views deliver.

    Run it as the owner of the table. It makes the change log too, if that is not there.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name.
    table
        Table, with its schema.
    keys
        Query that says what rows of the table are part of: it selects 'tenant', 'agent', 'channel' or 'end_company'
        and an id from "changed", which has the rows as they were and as they are.
    """
    with opened(url) as engine:
        from neo_routing_adapters.sql.tables.follow_script import follow_script

        with engine.connect() as connection:
            print(follow_script(connection, table, keys), end="")
