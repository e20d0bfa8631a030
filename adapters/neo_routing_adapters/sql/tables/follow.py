"""Makes and drops the change log in a database on PostgreSQL, and tells which changes it does not get to know of."""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import Engine, text

from neo_routing_adapters.sql.change_log import PRUNE_FUNCTION
from neo_routing_adapters.sql.change_log_version import LOG
from neo_routing_adapters.sql.tables import log_migration
from neo_routing_adapters.sql.tables.log_migration import log_in
from neo_routing_adapters.sql.tables.our_tables import CannotAdminister, NotOurTables, require_our_tables
from neo_routing_adapters.sql.tables.transactions import reading, writing
from neo_routing_adapters.sql.unfollowed import UNFOLLOWED


class NoChangeLog(CannotAdminister):
    """A database needs no change log: SQLite tells by itself whether anything was committed."""

    def __init__(self) -> None:
        super().__init__("SQLite needs no change log: it tells by itself whether anything was committed")


class TablesOfAHost(NotOurTables):
    """The changes of a host's tables are logged by what he says of each of them."""

    def __init__(self) -> None:
        CannotAdminister.__init__(
            self, "these are no tables of ours: neo-routing db follow print writes the SQL for each table of yours"
        )


class CannotPrune(CannotAdminister):
    """There is no change log, or one of another version."""


@frozen(kw_only=True)
class LogStatus:
    """How the change log of a database stands."""

    version: str | None
    rows: int | None
    fault: str | None
    """Why nobody can follow by this log, and what helps: there is none, or one of another version."""
    unfollowed: tuple[str, ...]
    """What changes without a row in the log, in words; if there is any, nobody can follow the directory."""


def install(engine: Engine) -> str:
    """Make the log and the triggers on our tables, or bring them to the newest version, and return that.

    All or nothing, and it may be run again. Whoever may read the tables may read the log. Raises `NoChangeLog` on
    SQLite, what `require_our_tables` raises, and what `log_migration.migrate` does.
    """
    _require_postgresql(engine)
    with writing(engine) as connection:
        try:
            require_our_tables(connection)
        except NotOurTables as error:
            raise TablesOfAHost from error
        return log_migration.migrate(connection)


def uninstall(engine: Engine) -> None:
    """Drop the log and its triggers; who follows the directory fails then.

    Raises `NoChangeLog` on SQLite, and what `log_migration.drop` does.
    """
    _require_postgresql(engine)
    with writing(engine) as connection:
        log_migration.drop(connection)


def status(engine: Engine) -> LogStatus:
    """Tell how the log stands. Raises `NoChangeLog` on SQLite."""
    _require_postgresql(engine)
    with reading(engine) as connection:
        found = log_in(connection)
        if found.fault:  # of a log of another version nobody knows what is in it
            return LogStatus(version=found.version, rows=None, fault=found.fault, unfollowed=())
        unfollowed = connection.exec_driver_sql(UNFOLLOWED).scalars().all()
        rows = connection.scalar(text(f"SELECT count(*) FROM {LOG}"))  # noqa: S608  # our own name
        return LogStatus(version=found.version, rows=rows, fault=None, unfollowed=tuple(map(str, unfollowed)))


def prune(engine: Engine) -> int:
    """Remove what is older than an hour from the log, and return how many rows went.

    Raises `CannotPrune`, and `NoChangeLog` on SQLite.
    """
    _require_postgresql(engine)
    with writing(engine) as connection:
        if fault := log_in(connection).fault:
            raise CannotPrune(fault)
        return int(connection.exec_driver_sql(f"SELECT {PRUNE_FUNCTION}()").scalar_one())


def _require_postgresql(engine: Engine) -> None:
    if engine.dialect.name != "postgresql":
        raise NoChangeLog
