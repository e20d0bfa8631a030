"""Brings the tables of the endpoint to the version that this library needs, beside whatever else a database holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.migration import MigrationStep, RevisionStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, inspect, select

from neo_routing_adapters.http.tables.credentials import api_keys, entra_links
from neo_routing_adapters.http.tables.sessions import idempotency_keys, sessions
from neo_routing_adapters.sql.tables.our_tables import CannotAdminister, UnknownSchemaVersion, require_utf8
from neo_routing_adapters.sql.tables.transactions import LONGEST_WAIT, begin_on_sqlite

VERSION_TABLE: Final = "neo_schema_version"
"""Where the version is kept: the directory's tables have another."""

TABLES: Final = (sessions, idempotency_keys, api_keys, entra_links)
_MIGRATIONS: Final = Path(__file__).with_name("migrations")
_ONLY_ONE_UPGRADE: Final = 0x6E656F5F68747470  # "neo_http"; whoever locks this number upgrades


class TablesInTheWay(CannotAdminister):
    """Tables with the names of ours are there, but not all of them, and no version: somebody else has made them."""

    def __init__(self, found: list[str]) -> None:
        super().__init__(f"there is no {VERSION_TABLE}, but {', '.join(found)}; nothing was changed")


def upgrade(engine: Engine) -> str:
    """Make the tables, or bring them to the newest version, and return that; what has it already is left as it is.

    All or nothing, in one transaction; several at a time are as good as one. Raises `CannotAdminister`, and the errors
    of SQLAlchemy.

    >>> from sqlalchemy import create_engine
    >>> engine = create_engine("sqlite://")
    >>> upgrade(engine), upgrade(engine)
    ('0001', '0001')
    >>> engine.dispose()
    """
    scripts = ScriptDirectory(_MIGRATIONS)
    with _transaction(engine) as connection:
        require_utf8(connection)
        if _version(connection, scripts) is None and (found := _tables_there(connection)):
            if len(found) < len(TABLES):
                raise TablesInTheWay(found)
            context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
            context.stamp(scripts, str(scripts.get_base()))
        return _migrate(connection, scripts)


def is_up_to_date(connection: Connection) -> bool:
    """Tell whether the tables are there, in the newest version. Raises `UnknownSchemaVersion`.

    >>> from sqlalchemy import create_engine
    >>> with create_engine("sqlite://").connect() as connection:
    ...     is_up_to_date(connection)
    False
    """
    scripts = ScriptDirectory(_MIGRATIONS)
    return _version(connection, scripts) == scripts.get_current_head()


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    on_server = engine.dialect.name == "postgresql"
    with engine.connect() as plain:
        connection = plain.execution_options(isolation_level="READ COMMITTED") if on_server else plain
        with connection.begin():
            begin_on_sqlite(connection, "BEGIN IMMEDIATE")
            if on_server:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(LONGEST_WAIT * 1000)}")
                connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
                connection.execute(select(func.pg_advisory_xact_lock(_ONLY_ONE_UPGRADE)))
            yield connection


def _version(connection: Connection, scripts: ScriptDirectory) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = [*connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalars()]  # noqa: S608  # ours
    if not {script.revision for script in scripts.walk_revisions()} >= set(found):
        raise UnknownSchemaVersion(found)
    return found[0] if found else None


def _tables_there(connection: Connection) -> list[str]:
    inspector = inspect(connection)
    return [table.name for table in TABLES if inspector.has_table(table.name)]


def _migrate(connection: Connection, scripts: ScriptDirectory) -> str:
    head = str(scripts.get_current_head())

    def steps(found: Any, _: MigrationContext) -> list[RevisionStep]:
        missing = [*scripts.iterate_revisions(head, found, implicit_base=True)]
        return [MigrationStep.upgrade_from_script(scripts.revision_map, script) for script in reversed(missing)]

    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, "fn": steps})
    with Operations.context(context):
        context.run_migrations()
    return head
