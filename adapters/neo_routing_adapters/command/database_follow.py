"""`neo-routing db follow`: the change log by which a directory in memory follows one on PostgreSQL."""

from __future__ import annotations

from json import dumps
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
    """Make the change log in a database, with triggers on our tables, or bring it to the newest version.

    Whoever may read the tables may then read the log. From then on each change of them writes a little more. It is all
    or nothing, and may be run again.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name.
    """
    with opened(url) as engine:
        from neo_routing_adapters.sql.tables import follow

        version = follow.install(engine)
    print(f"changes are logged; the change log is of version {version}")


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


def status(url: str, /, *, json: Annotated[bool, Parameter(negative="", show_default=False)] = False) -> None:
    """Tell which version the change log has, how long it is, and whether each change is logged.

    The exit status is 1 if some are not, and if there is no log or one of another version than this library needs.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name.
    json
        Write a JSON object.
    """
    with opened(url) as engine:
        from neo_routing_adapters.sql.tables import follow

        found = follow.status(engine)
    complaints = [found.fault] if found.fault else [*found.unfollowed]
    if json:
        print(dumps({"version": found.version, "rows": found.rows, "complaints": complaints}))
    if found.fault:
        raise CommandFailed(found.fault, FOUND)
    if not json:
        print(f"the change log is of version {found.version} and has {found.rows} rows")
        for complaint in complaints:
            print(printable(complaint))
    if complaints:
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

    Run it as the owner of the table. It makes the change log too, if that is not there, and refuses one of another
    version.

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
