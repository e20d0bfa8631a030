"""Brings the tables of a database to the version that this library needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.migration import MigrationStep, RevisionStep
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, func, select

from neo_routing_adapters.sql.schema import RELATIONS
from neo_routing_adapters.sql.tables.migrations.form import form
from neo_routing_adapters.sql.tables.our_tables import (
    MIGRATIONS,
    VERSION_TABLE,
    CannotAdminister,
    known_version,
    require_utf8,
)
from neo_routing_adapters.sql.tables.relations_there import missing_relations
from neo_routing_adapters.sql.tables.transactions import prepare_to_write, writing

_ONLY_ONE_UPGRADE: Final = 0x6E656F5F726F7574  # "neo_rout"; whoever locks this number upgrades


class RelationsInTheWay(CannotAdminister):
    """Relations are there that this library has not made, such as a host's views; tables would hide or miss them."""

    def __init__(self, relations: list[str]) -> None:
        found = ", ".join(relations)
        super().__init__(
            f"there is no {VERSION_TABLE}, and what is there is not in the form of any version of our tables: {found}; "
            "nothing was changed"
        )


def upgrade(
    database: Engine | Connection,
    *,
    tell: Callable[[str], object] = lambda _change: None,
    progress: Callable[[int, int], object] = lambda _done, _total: None,
) -> str:
    """Make the tables, or bring them to the newest version, and return that; what has it already is left as it is.

    Tables that `metadata.create_all` has made get the version whose form they have. What changes in rows is told in a
    line for each table, and progress is told where it takes long.

    It is all or nothing, in one transaction: with an engine, of its own; with a connection, of the caller, who commits.
    Several at a time are as good as one. Raises `CannotAdminister` (`UnknownSchemaVersion`, `RelationsInTheWay`,
    `NotUtf8`, and `IdsInTheWay` for ids that have no place in the newest version), and SQLAlchemy's errors, also if it
    waits too long for another's lock.

    >>> from sqlalchemy import create_engine, inspect
    >>> engine = create_engine("sqlite://")
    >>> upgrade(engine)
    '0003'
    >>> inspect(engine).has_table("routing_tenant")
    True
    >>> engine.dispose()
    """
    scripts = ScriptDirectory(MIGRATIONS)
    with _transaction(database) as connection:
        require_utf8(connection)
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_ONLY_ONE_UPGRADE)))
        if known_version(connection) is None and (version := _version_by_form(connection, scripts)):
            MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).stamp(scripts, version)
            tell(f"the tables had no version, and the form of {version}")
        head = str(scripts.get_current_head())
        _migrate(connection, scripts, head, {"tell": tell, "progress": progress})
        return head


@contextmanager
def _transaction(database: Engine | Connection) -> Iterator[Connection]:
    if isinstance(database, Engine):
        with writing(database) as connection:
            yield connection
    else:
        prepare_to_write(database)
        with database.begin_nested():
            yield database


def _version_by_form(connection: Connection, scripts: ScriptDirectory) -> str | None:
    """Return the newest version that tables have the form of, or nothing if there are none.

    Raises `RelationsInTheWay` if it is the form of none. Indexes and columns of a host may be there besides.
    """
    missing = missing_relations(connection)
    if len(missing) == len(RELATIONS):
        return None
    there = form(connection)
    for script in scripts.walk_revisions():
        if _form_of(scripts, script.revision) <= there and _is_there(connection, script):
            return script.revision
    raise RelationsInTheWay([relation for relation in RELATIONS if relation not in missing])


def _is_there(connection: Connection, script: Script) -> bool:
    """Tell whether what a version has made besides its form is there."""
    is_there: Callable[[Connection], bool] | None = getattr(script.module, "is_there", None)
    return is_there is None or is_there(connection)


def _form_of(scripts: ScriptDirectory, version: str) -> frozenset[tuple[str, str]]:
    engine = create_engine("sqlite://")
    with writing(engine) as connection:
        _migrate(connection, scripts, version, {"tell": str, "progress": max})
        made = form(connection)
    engine.dispose()
    return made


def _migrate(connection: Connection, scripts: ScriptDirectory, version: str, options: dict[str, Any]) -> None:
    def steps(found: Any, _: MigrationContext) -> list[RevisionStep]:
        missing = [*scripts.iterate_revisions(version, found, implicit_base=True)]
        return [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in reversed(missing)]

    options = {**options, "version_table": VERSION_TABLE, "fn": steps}
    context = MigrationContext.configure(connection, opts=options)
    with Operations.context(context):
        context.run_migrations()
