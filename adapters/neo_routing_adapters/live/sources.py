"""Which source an engine is."""

from __future__ import annotations

from sqlalchemy import Engine

from neo_routing_adapters.live.source import Source


def source_of(engine: Engine, deadline: float) -> Source:
    """Return the source for an engine. Raises `ValueError` for one that cannot be followed."""
    if not isinstance(engine, Engine) or engine.dialect.driver not in {"psycopg", "pysqlite"}:
        raise ValueError("LiveDirectory.engine must be an Engine of create_engine, on psycopg or a SQLite file")
    if engine.dialect.name == "sqlite":
        from neo_routing_adapters.live.on_sqlite import SqliteSource

        return SqliteSource(engine)
    from neo_routing_adapters.live.on_postgresql import PostgresSource

    return PostgresSource(engine, deadline)
