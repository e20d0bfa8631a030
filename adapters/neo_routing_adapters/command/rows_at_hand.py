"""Rows of the directory that was given, beyond those of a decision: what came near to it, and what one tenant owns."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import frozen

from neo_routing import Decision, HeldRows, Rows
from neo_routing.nearest_miss import ids_sought
from neo_routing_adapters.command.failure import MIDWAY, CommandFailed

if TYPE_CHECKING:
    from sqlalchemy import Engine


@frozen
class RowsAtHand:
    """Where to get them from. Of a database that is a look-up of its own, and may be of a moment later."""

    near: Callable[[Decision], Rows]
    """Return the rows among which the nearest misses of a decision are."""
    of_tenant: Callable[[str], Rows]
    """Return at least all that a tenant owns."""


def rows_held(directory: HeldRows) -> RowsAtHand:
    """Return them of a directory that holds them: all there are, whatever is asked for."""
    return RowsAtHand(lambda _: directory.content, lambda _: directory.content)


def rows_stored(engine: Engine) -> RowsAtHand:
    """Look them up in a database, by what is asked for. They raise `CommandFailed`, and what `opened` tells."""
    from neo_routing_adapters.sql.tables.stored_part import stored_near, stored_of_tenant  # noqa: PLC0415  # its extra may be missing

    return RowsAtHand(
        lambda decision: _readable(lambda: stored_near(engine, ids_sought(decision))),
        lambda tenant_id: _readable(lambda: stored_of_tenant(engine, tenant_id)),
    )


def _readable(look_up: Callable[[], Rows]) -> Rows:
    from neo_routing_adapters.sql.tables.directory_export import IllFormedRow  # noqa: PLC0415  # as above

    try:
        return look_up()
    except IllFormedRow as error:
        raise CommandFailed(f"{error}; to see all such rows: neo-routing db check URL", MIDWAY) from error
