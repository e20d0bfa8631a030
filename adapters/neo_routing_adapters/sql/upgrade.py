"""Brings the tables of a database to the version that this library needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.migration import MigrationStep, RevisionStep
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from sqlalchemy import Connection, Engine, func, select

from neo_routing_adapters.sql.transactions import prepare_to_write, writing

VERSION_TABLE: Final = "routing_schema_version"
"""Where the version is kept: a table of our own, so that it does not collide with the host's."""

_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_ONLY_ONE_UPGRADE: Final = 0x6E656F5F726F7574  # "neo_rout"; whoever locks this number upgrades


class UnknownSchemaVersion(ValueError):
    """The tables are of a version that this library does not know: most likely a newer library made them."""

    def __init__(self, version: Any) -> None:
        found = ", ".join(map(str, version)) if isinstance(version, tuple) else version
        super().__init__(f"the tables are of version {found}, which this version of neo_routing does not know")


def upgrade(database: Engine | Connection) -> str:
    """Make the tables, or bring them to the newest version, and return that; what has it already is left as it is.

    It is all or nothing, in one transaction: with an engine, of its own; with a connection, of the caller, who commits.
    Several at a time are as good as one. Raises `UnknownSchemaVersion`, and
    SQLAlchemy's errors, also if it waits too long for another's lock.

    >>> from sqlalchemy import create_engine, inspect
    >>> engine = create_engine("sqlite://")
    >>> upgrade(engine)
    '0001'
    >>> inspect(engine).has_table("routing_tenant")
    True
    """
    with _transaction(database) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_ONLY_ONE_UPGRADE)))
        scripts = ScriptDirectory(_MIGRATIONS)
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "fn": lambda version, _: _steps(scripts, version)}
        )
        with Operations.context(context):
            context.run_migrations()
        return str(scripts.get_current_head())


@contextmanager
def _transaction(database: Engine | Connection) -> Iterator[Connection]:
    if isinstance(database, Engine):
        with writing(database) as connection:
            yield connection
    else:
        prepare_to_write(database)
        yield database


def _steps(scripts: ScriptDirectory, version: Any) -> list[RevisionStep]:
    try:
        missing = [*scripts.iterate_revisions("head", version, implicit_base=True)]
    except RevisionError as error:
        raise UnknownSchemaVersion(version) from error
    return [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in reversed(missing)]
