"""Brings the tables of a database to the version that this library needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.migration import MigrationStep, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, select

from neo_routing_adapters.sql.check.structure import missing_relations
from neo_routing_adapters.sql.our_tables import MIGRATIONS, VERSION_TABLE, known_version
from neo_routing_adapters.sql.schema import RELATIONS
from neo_routing_adapters.sql.transactions import prepare_to_write, writing

_ONLY_ONE_UPGRADE: Final = 0x6E656F5F726F7574  # "neo_rout"; whoever locks this number upgrades


class RelationsInTheWay(ValueError):
    """There are relations already that no upgrade has made, such as a host's views; tables would hide or miss them."""

    def __init__(self, relations: list[str]) -> None:
        found = ", ".join(relations)
        super().__init__(
            f"there is no {VERSION_TABLE}, so it was not neo-routing db upgrade that made what is there: {found}; "
            "nothing was changed"
        )


def upgrade(database: Engine | Connection) -> str:
    """Make the tables, or bring them to the newest version, and return that; what has it already is left as it is.

    It is all or nothing, in one transaction: with an engine, of its own; with a connection, of the caller, who commits.
    Several at a time are as good as one. Raises `UnknownSchemaVersion`, `RelationsInTheWay`, and
    SQLAlchemy's errors, also if it waits too long for another's lock.

    >>> from sqlalchemy import create_engine, inspect
    >>> engine = create_engine("sqlite://")
    >>> upgrade(engine)
    '0002'
    >>> inspect(engine).has_table("routing_tenant")
    True
    >>> engine.dispose()
    """
    with _transaction(database) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(func.pg_advisory_xact_lock(_ONLY_ONE_UPGRADE)))
        if known_version(connection) is None:
            _require_an_empty_place(connection)
        scripts = ScriptDirectory(MIGRATIONS)
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


def _require_an_empty_place(connection: Connection) -> None:
    missing = missing_relations(connection)
    if there := [relation for relation in RELATIONS if relation not in missing]:
        raise RelationsInTheWay(there)


def _steps(scripts: ScriptDirectory, version: Any) -> list[RevisionStep]:
    missing = [*scripts.iterate_revisions("head", version, implicit_base=True)]
    return [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in reversed(missing)]
