"""Replaces the whole content of the tables, in one transaction and in bulk.

The new content is staged in temporary tables; then only what differs is written. So nobody waits while a document is
read, and to import again what is mostly there already is cheap. To empty the tables first would be worse either way:
TRUNCATE makes every reader wait for the end, and shows an empty directory to whoever looks at an older snapshot; DELETE
writes everything twice, and leaves as much for VACUUM.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Executable,
    Index,
    MetaData,
    Table,
    delete,
    exists,
    insert,
    select,
    update,
)

from neo_routing import Rows
from neo_routing.content import require_whole
from neo_routing_adapters.sql.schema import tenants
from neo_routing_adapters.sql.tables.directory_change import DirectoryChange, RemovalsRefused, change_to, is_same
from neo_routing_adapters.sql.tables.our_tables import require_foreign_keys, require_our_tables
from neo_routing_adapters.sql.tables.stored_rows import PARENTS_FIRST, ROWS_OF, StoredRow
from neo_routing_adapters.sql.tables.transactions import writing

Progress: TypeAlias = Callable[[int, int], object]
"""Told how much is done, and how much there is to do."""

_Batch: TypeAlias = tuple[int, Sequence[tuple[Table, list[StoredRow]]]]
"""How many rows of the directory, and the rows of tables that are made of them."""

_AT_A_TIME: Final = 5_000


def import_directory(
    engine: Engine,
    content: Rows,
    progress: Progress = lambda _done, _total: None,
    *,
    allow_removals: bool = False,
    dry_run: bool = False,
    announce: Callable[[DirectoryChange], object] = lambda _change: None,
) -> DirectoryChange:
    """Put this content in the place of all that there is, or else change nothing; return what that changes.

    The change is announced before any row is written. A dry run ends there. Raises `RemovalsRefused` if it would leave
    a relation empty that is not, or remove more than half of the tenants, unless removals are allowed.

    Raises `ValueError` for a slice, and `InvalidDirectory` where an owner is not there; `sqlalchemy.exc.IntegrityError`
    if a guard forbids a clash; `ForeignKeysOff` on a SQLite that does not enforce them; `NotOurTables` on a host's
    views, and `UnknownSchemaVersion` on tables of a newer library; else the errors of SQLAlchemy, of the driver (on
    PostgreSQL psycopg).

    >>> from neo_routing import Tenant, content_of
    >>> from sqlalchemy import create_engine, event
    >>> from neo_routing_adapters.sql.upgrade import upgrade
    >>> engine = create_engine("sqlite://")
    >>> event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
    >>> _ = upgrade(engine)
    >>> import_directory(engine, content_of(tenants=[Tenant(id="msp-a")])).relations[0]
    RelationChange(relation='routing_tenant', stored=0, added=1, changed=0, removed=0)
    >>> try:
    ...     import_directory(engine, content_of())
    ... except RemovalsRefused as refused:
    ...     print(refused)
    this would leave routing_tenant empty; nothing was changed
    >>> engine.dispose()
    """
    require_whole(content)
    count = len(content)
    with writing(engine, at_once=False) as connection:
        require_foreign_keys(connection)
        require_our_tables(connection)
        staged = _stage(connection, content, count, progress)
        _keep_other_writers_out(connection)
        change = change_to(connection, staged)
        announce(change)
        if change.grave_removals and not allow_removals:
            raise RemovalsRefused(change)
        if dry_run:
            _roll_back(connection)
        else:
            _merge(connection, staged, count, progress)
    return change


def _roll_back(connection: Connection) -> None:
    transaction = connection.get_transaction()
    assert transaction is not None
    transaction.rollback()


def _merge(connection: Connection, staged: dict[Table, Table], count: int, progress: Progress) -> None:
    steps = [*_merge_steps(staged)]
    for done, step in enumerate(steps, start=1):
        connection.execute(step)
        progress(count * (len(steps) + done), count * 2 * len(steps))
    for table in staged.values():
        table.drop(connection)
    for table in staged:
        connection.exec_driver_sql(f"ANALYZE {table.name}")


def _stage(connection: Connection, content: Rows, count: int, progress: Progress) -> dict[Table, Table]:
    """Write the content to temporary tables, and return these by the tables that they stand for."""
    staged = {table: _staging_table(table) for table in PARENTS_FIRST}
    load = _copy if connection.dialect.name == "postgresql" else _insert
    for table in staged.values():
        table.create(connection)
    done = 0
    for some, rows_by_table in _batches(content):
        for table, rows in rows_by_table:
            load(connection, staged[table], rows)
        done += some
        progress(done, 2 * count)
    for table, staging_table in staged.items():
        _index_on_sqlite(connection, staging_table, table)
        connection.exec_driver_sql(f"ANALYZE {staging_table.name}")
    return staged


def _staging_table(table: Table) -> Table:
    columns = [Column(column.name, column.type) for column in table.columns]
    return Table(f"staged_{table.name}", MetaData(), *columns, prefixes=["TEMPORARY"])


def _index_on_sqlite(connection: Connection, staged: Table, table: Table) -> None:
    # Which compares rows one by one: without an index, that is each with each.
    if connection.dialect.name == "sqlite":
        Index(f"ix_{staged.name}", *(staged.c[column.name] for column in table.primary_key)).create(connection)


def _batches(content: Rows) -> Iterator[_Batch]:
    for row_type, rows in groupby(content, type):
        while some := [*islice(rows, _AT_A_TIME)]:
            yield len(some), [(table, [row for one in some for row in of(one)]) for table, of in ROWS_OF[row_type]]


def _copy(connection: Connection, table: Table, rows: list[StoredRow]) -> None:
    cursor: Any = connection.connection.cursor()
    with cursor, cursor.copy(f"COPY {table.name} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _insert(connection: Connection, table: Table, rows: list[StoredRow]) -> None:
    if rows:
        values = ", ".join("?" * len(table.columns))
        connection.exec_driver_sql(f"INSERT INTO {table.name} VALUES ({values})", rows)  # noqa: S608  # our own name


def _keep_other_writers_out(connection: Connection) -> None:
    # On SQLite the first change does.
    if connection.dialect.name == "postgresql":
        names = ", ".join(table.name for table in PARENTS_FIRST)
        connection.exec_driver_sql(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE")


def _merge_steps(staged: dict[Table, Table]) -> Iterator[Executable]:
    """Yield what makes the content that which is staged.

    A row that differs goes and comes again, so that no guard sees half of a change. Only a tenant stays: with it would
    go all that is its own.
    """
    for table in reversed(PARENTS_FIRST):
        compared = table.primary_key if table is tenants else table.columns
        same = [is_same(column, staged[table].c[column.name]) for column in compared]
        yield delete(table).where(~exists().where(*same))
    new = staged[tenants]
    yield update(tenants).values(name=new.c.name).where(tenants.c.id == new.c.id, tenants.c.name != new.c.name)
    for table in PARENTS_FIRST:
        known = [column == staged[table].c[column.name] for column in table.primary_key]
        missing = select(staged[table]).where(~exists().where(*known))
        yield insert(table).from_select(table.c.keys(), missing)
