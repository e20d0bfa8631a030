"""Adds the unique indexes that refuse new clashes, where no old ones stand in the way."""

from __future__ import annotations

from attrs import frozen
from sqlalchemy import Connection, Engine, inspect

from neo_routing.names import Name
from neo_routing_adapters.sql.tables.clashes import CLASHES, Clash
from neo_routing_adapters.sql.tables.findings import Finding
from neo_routing_adapters.sql.tables.our_tables import require_our_tables
from neo_routing_adapters.sql.tables.transactions import writing


class GuardState(Name):
    """What has become of a guard."""

    ADDED = "added"
    ALREADY_THERE = "already there"
    BLOCKED = "blocked"


@frozen
class Guard:
    """A unique index, what it refuses, and the rows that stand in its way."""

    name: str
    refuses: str
    state: GuardState
    in_the_way: tuple[Finding, ...]


def guard(engine: Engine) -> list[Guard]:
    """Add every guard that no rows stand in the way of, in one transaction, and say for each what has become of it.

    On PostgreSQL nobody can write to the tables meanwhile, but everybody can read. Raises
    `CannotAdminister`, as `require_our_tables` does, and SQLAlchemy's errors.

    >>> from sqlalchemy import create_engine
    >>> from neo_routing_adapters.sql.upgrade import upgrade
    >>> engine = create_engine("sqlite://")
    >>> _ = upgrade(engine)
    >>> {str(one.state) for one in guard(engine)}, {str(one.state) for one in guard(engine)}
    ({'added'}, {'already there'})
    >>> engine.dispose()
    """
    with writing(engine) as connection:
        require_our_tables(connection)
        if engine.dialect.name == "postgresql":
            guarded = ", ".join(str(clash.guard.table) for clash in CLASHES)
            connection.exec_driver_sql(f"LOCK TABLE {guarded} IN SHARE MODE")
        return [_guarded(connection, clash) for clash in CLASHES]


def _guarded(connection: Connection, clash: Clash) -> Guard:
    in_the_way: tuple[Finding, ...] = ()
    if _is_there(connection, clash):
        state = GuardState.ALREADY_THERE
    elif in_the_way := tuple(clash.find(connection)):
        state = GuardState.BLOCKED
    else:
        clash.guard.create(connection)
        state = GuardState.ADDED
    return Guard(str(clash.guard.name), clash.complaint, state, in_the_way)


def _is_there(connection: Connection, clash: Clash) -> bool:
    assert clash.guard.table is not None
    indexes = inspect(connection).get_indexes(clash.guard.table.name)
    return any(index["name"] == clash.guard.name for index in indexes)
