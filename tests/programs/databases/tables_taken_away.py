"""Takes one of the tables away, or puts a view in its place that delivers nonsense, and puts it back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from neo_routing.testing import Relation
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants

TABLES = {
    Relation.TENANTS: tenants,
    Relation.AGENTS: agents,
    Relation.CHANNELS: channels,
    Relation.INSTALLATIONS: installations,
    Relation.END_COMPANIES: end_companies,
    Relation.LINKS: links,
}
SPOILT = {
    Relation.AGENTS: {"kind": "NULL"},
    Relation.CHANNELS: {"status": "'PAUSED'"},
    Relation.END_COMPANIES: {"name": "NULL"},
}


@contextmanager
def taken_away(engine: Engine, relation: Relation) -> Iterator[None]:
    """Take a table away, and put it back."""
    name = TABLES[relation].name
    _execute(engine, f"ALTER TABLE {name} RENAME TO elsewhere")
    yield
    _execute(engine, f"ALTER TABLE elsewhere RENAME TO {name}")


@contextmanager
def taken_for_a_view(engine: Engine, relation: Relation) -> Iterator[None]:
    """Put a view in the place of a table, which has something in each row that no constraint would let in."""
    table = TABLES[relation]
    columns = ", ".join(f"{SPOILT[relation].get(each.name, each.name)} AS {each.name}" for each in table.columns)
    with taken_away(engine, relation):
        _execute(engine, f"CREATE VIEW {table.name} AS SELECT {columns} FROM elsewhere")
        yield
        _execute(engine, f"DROP VIEW {table.name}")


def _execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":  # before it renames, it looks only into what it remembers of the schema
            connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").close()
        connection.exec_driver_sql(statement)
