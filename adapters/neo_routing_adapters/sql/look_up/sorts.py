"""What a row is that comes back, and what stands in it: the same columns whatever it is."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final

from sqlalchemy import BigInteger, Boolean, Text, cast, literal_column, null
from sqlalchemy.types import TypeEngine

from neo_routing_adapters.sql.look_up.carriers import Query


class Sort(IntEnum):
    """What a row is that comes back."""

    MARKER = 0
    TENANT = 1
    AGENT = 2
    CHANNEL = 3
    LINK = 4
    BOT = 5


# What stands in a row after its sort. `state` is an agent's kind or a channel's status, `key` its managed key or bot.
# A tenant id by which a row was looked for stands where that sort of row has nothing else: see `rows`.
_COLUMNS: Final[Mapping[str, TypeEngine[Any]]] = {
    "tenant_id": Text(),
    "id": Text(),
    "agent_id": BigInteger(),
    "name": Text(),
    "state": Text(),
    "key": Text(),
    "m365": Text(),
    "white_label": Boolean(),
    "shown": Boolean(),
}


def of_sort(sort: Sort, query: Query, *, first: bool = False) -> Query:
    """Bring the columns of a query to their places. The first query of a union says their names and types."""
    columns = (
        query.selected_columns.get(name, cast(null(), column_type).label(name) if first else literal_column("NULL"))
        for name, column_type in _COLUMNS.items()
    )
    return query.with_only_columns(literal_column(str(int(sort))).label("sort"), *columns, maintain_column_froms=True)
