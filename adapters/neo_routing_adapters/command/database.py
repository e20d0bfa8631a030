"""`neo-routing db`: a directory in a database: made, filled, written out, checked and guarded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from neo_routing.printable import printable
from neo_routing_adapters.command import database_follow
from neo_routing_adapters.command.database_opened import opened
from neo_routing_adapters.command.database_url import refuse_url
from neo_routing_adapters.command.directory_file import directory_from
from neo_routing_adapters.command.failure import FOUND, MIDWAY, CommandFailed
from neo_routing_adapters.command.findings import Findings
from neo_routing_adapters.command.import_change import tell_change
from neo_routing_adapters.command.progress import Bar, progress, progress_beside_output
from neo_routing_adapters.command.standard_input import name_of

if TYPE_CHECKING:
    from neo_routing_adapters.sql.tables.directory_change import DirectoryChange

_SQLITE_URL: Final = "sqlite:///directory.sqlite"
_ROWS_BETWEEN_SHOWS: Final = 1_000
_EXAMPLE: Final = "Example:\n\n$ neo-routing db"


def app() -> App:
    """Return the commands on databases."""
    commands = App(name="db", help="Make, fill, write out, check and guard a directory in a database.")
    commands.command(App(name="upgrade", default_command=upgrade, help_epilogue=f"{_EXAMPLE} upgrade {_SQLITE_URL}"))
    sample = f"{_EXAMPLE} import {_SQLITE_URL} sample/directory.json"
    commands.command(App(name="import", default_command=import_, help_epilogue=sample))
    commands.command(App(name="export", default_command=export, help_epilogue=f"{_EXAMPLE} export {_SQLITE_URL}"))
    commands.command(App(name="check", default_command=check, help_epilogue=f"{_EXAMPLE} check {_SQLITE_URL}"))
    commands.command(App(name="guard", default_command=guard, help_epilogue=f"{_EXAMPLE} guard {_SQLITE_URL}"))
    on_server = f"{_EXAMPLE} triggers postgresql://user@host/name"
    commands.command(App(name="triggers", default_command=triggers, help_epilogue=on_server))
    commands.command(database_follow.app())
    return commands


def upgrade(url: str, /) -> None:
    """Make the tables in a database, or bring them to the newest version.

    Ids that stand there are brought into normal form, and those that cannot be are named. It is all or nothing, and may
    be run again.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name or sqlite:///file.
    """
    changes: list[str] = []
    with opened(url, may_create=True, relations=False) as engine:
        from neo_routing_adapters.sql.tables.upgrade import upgrade as upgrade_tables

        with progress("Upgrading") as show:
            version = upgrade_tables(
                engine, tell=changes.append, progress=lambda done, total: show(completed=done, total=total)
            )
    for change in changes:
        print(printable(change))
    print(f"the tables are of version {version}")


def import_(
    url: str,
    file: Annotated[Path, Parameter(allow_leading_hyphen=True)],
    /,
    *,
    dry_run: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    allow_removals: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Replace the whole content of a database by a directory document.

    How many rows of each relation are added, changed and removed is told before anything is written. It is all or
    nothing, and whoever reads meanwhile sees what was there before.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name or sqlite:///file.
    file
        Directory document, .json or .toml; - is JSON on standard input.
    dry_run
        Tell what would change, and write nothing.
    allow_removals
        Even leave a relation empty that is not, or remove more than half of the tenants.
    """
    refuse_url(file, "what is imported must be a directory document")
    with opened(url) as engine:
        content = directory_from(file).content
        with progress("Importing") as show, _refusals_of_import(file):
            from neo_routing_adapters.sql.tables.directory_import import import_directory

            import_directory(
                engine,
                content,
                lambda done, total: show(completed=done, total=total),
                allow_removals=allow_removals,
                dry_run=dry_run,
                announce=partial(_tell_aside, show),
            )
    print("dry run: nothing was written" if dry_run else f"imported {len(content)} rows")


def _tell_aside(bar: Bar, change: DirectoryChange) -> None:
    with bar.aside():
        tell_change(change)


@contextmanager
def _refusals_of_import(file: Path) -> Iterator[None]:
    from sqlalchemy.exc import IntegrityError

    from neo_routing_adapters.sql.tables.directory_change import RemovalsRefused

    try:
        yield
    except RemovalsRefused as error:
        raise CommandFailed(f"{error}; if that is meant, add --allow-removals") from error
    except IntegrityError as error:
        reason = str(error.orig).partition("\n")[0]
        raise CommandFailed(f"{name_of(file)} holds rows that a guard of the database refuses: {reason}") from error


def export(url: str, /) -> None:
    """Write the whole content of a database to standard output, as a directory document.

    The same content is the same text: sorted by ids, a row on a line, ids in normal form.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name or sqlite:///file.
    """
    with opened(url) as engine:
        from neo_routing_adapters.sql.tables.directory_export import IllFormedRow, export_directory

        try:
            with progress_beside_output("Exporting") as show, closing(export_directory(engine)) as pieces:
                for count, piece in enumerate(pieces):  # a row each, more or less
                    sys.stdout.buffer.write(piece.encode())
                    if count % _ROWS_BETWEEN_SHOWS == 0:
                        show(description=f"Exporting, {count:,} rows")
        except IllFormedRow as error:
            raise CommandFailed(f"{error}; to see all such rows: neo-routing db check URL", MIDWAY) from error


def check(url: str, /, *, json: Annotated[bool, Parameter(negative="", show_default=False)] = False) -> None:
    """Verify that a database delivers what decisions need, be it in our tables or in views of your own.

    An error makes decisions wrong, slow or impossible. A notice is legal, but the rules refuse to answer there. The
    exit status is 1 if there are errors.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name or sqlite:///file.
    json
        Write each finding as a JSON object on a line.
    """
    findings = Findings(as_json=json)
    with opened(url, relations=False) as engine:
        from neo_routing_adapters.sql.tables.check import check as findings_of

        with (
            progress("Checking") as show,
            closing(findings_of(engine, lambda part: show(description=f"Checking {part}"))) as found,
        ):
            for finding in found:
                findings.tell(finding)
    findings.finish()
    if findings.errors:
        raise CommandFailed(f"{findings.errors} {'error' if findings.errors == 1 else 'errors'} in the database", FOUND)


def guard(url: str, /) -> None:
    """Forbid new clashes in our tables by unique indexes, and list the rows that stand in the way.

    Nobody can write to the tables meanwhile, but everybody can read. The exit status is 1 if rows stand in the way of
    any; the others are added.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name or sqlite:///file.
    """
    with opened(url) as engine:
        from neo_routing_adapters.sql.tables.guards import guard as add_guards

        guards = add_guards(engine)
    findings = Findings()
    for one in guards:
        print(printable(f"{one.name}: {one.state}"))
        for finding in one.in_the_way:
            findings.tell(finding)
    if findings.count:
        findings.finish()
        raise CommandFailed("rows stand in the way of a guard", FOUND)


def triggers(url: str, /) -> None:
    """Print the SQL that has changes of the directory wait for sessions, on PostgreSQL, for tables of your own.

    It makes triggers on every table beneath the relations, and what they call; it may be run again, by the owner of
    the tables. Our own tables have all of that already.

    Parameters
    ----------
    url
        Database, postgresql://user@host/name.
    """
    with opened(url) as engine:
        from neo_routing_adapters.sql.tables.watched_tables import trigger_script

        with engine.connect() as connection:
            print(trigger_script(connection), end="")
