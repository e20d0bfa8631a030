"""How an event loop waits for an engine of its host: in tasks for an asynchronous one, in threads for one of SQLite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Engine
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from neo_routing_adapters.sql.look_up.awaited_threads import awaited_threads_for
from neo_routing_adapters.sql.look_up.connections import require_connections_apart
from neo_routing_adapters.sql.look_up.deadlines import Call
from neo_routing_adapters.sql.look_up.forks import is_in_memory, leave_to_the_parent
from neo_routing_adapters.sql.look_up.tasks import Tasks
from neo_routing_adapters.sql.look_up.threads import require_threads_that_keep_deadlines

_Value = TypeVar("_Value")


class Awaited(Protocol):
    """Runs functions that call an engine as if nobody waited in an event loop."""

    async def run(self, function: Callable[[], _Value], call: Call, *, to_its_end: bool = False) -> _Value:
        """Return what the function returns: see `Tasks.run`."""
        ...


def awaited(engine: AsyncEngine | Engine, whose: str) -> tuple[Engine, Awaited]:
    """Return the engine as it is called, and what calls it. Raises `ValueError`, which says whose engine it is.

    A synchronous one must be that of a SQLite file: each connection would have a database in memory of its own.
    """
    if isinstance(engine, AsyncEngine):
        require_connections_apart(engine.sync_engine)
        leave_to_the_parent(engine.sync_engine)
        return engine.sync_engine, Tasks()
    if isinstance(engine, Engine) and engine.dialect.driver == "pysqlite":
        if is_in_memory(engine.url) or not isinstance(engine.pool, (QueuePool, NullPool)):
            raise ValueError(f"{whose}.engine must be that of a SQLite file, with a connection for each who needs one")
        require_threads_that_keep_deadlines(whose)
        leave_to_the_parent(engine)
        return engine, awaited_threads_for(engine)
    wanted = "an AsyncEngine of create_async_engine, or an Engine of a SQLite file"
    raise ValueError(f"{whose}.engine must be {wanted}, and not {kind_of(engine)}")


def require_a_connection_each(engine: Engine, whose: str) -> None:
    """Raise `ValueError` for an engine on whose one connection each would be in the transactions of all others."""
    if isinstance(engine.pool, StaticPool):
        wanted = "must have a connection for each who needs one, and not a StaticPool"
        raise ValueError(f"{whose}.engine {wanted}")  # noqa: TRY004  # it is the engine that is wrong, and not its type


def kind_of(engine: object) -> str:
    """Name what was given in an engine's place."""
    if isinstance(engine, Engine):
        return "the synchronous side of an asynchronous one" if engine.dialect.is_async else f"one of {engine.name}"
    return type(engine).__name__
