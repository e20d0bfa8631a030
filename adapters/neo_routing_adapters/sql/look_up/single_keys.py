"""Keys of one decision: each is a single value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, CompoundSelect, bindparam, select, true, union_all

from neo_routing_adapters.sql.look_up import on_postgresql, on_sqlite
from neo_routing_adapters.sql.look_up.carriers import Build, Carrier, Following, Query
from neo_routing_adapters.sql.look_up.keys import BY_AGENT, BY_BOT, BY_M365_TENANT, BY_MANAGED_KEY, KEYS

_ARGUMENTS: Final = {"tenant_id": "t", "agent_id": "a", "managed_key": "k", "bot_id": "b", "m365_tenant_id": "m"}

# By what is looked for, which key stands in which place of the marker.
_PLACES_IN_THE_MARKER: Final = {
    0: ("tenant_id", "id"),
    BY_AGENT: ("agent_id", "agent_id"),
    BY_MANAGED_KEY: ("managed_key", "state"),
    BY_BOT: ("bot_id", "key"),
    BY_BOT | BY_M365_TENANT: ("m365_tenant_id", "m365"),
}


def _bound(name: str) -> ColumnElement[Any]:
    return bindparam(_ARGUMENTS[name], type_=KEYS[name])


def _keys(names: Sequence[str]) -> Sequence[ColumnElement[Any]]:
    return [_bound(name) for name in names]


def _given(wanted: int) -> Iterator[ColumnElement[Any]]:
    for keys, (name, place) in _PLACES_IN_THE_MARKER.items():
        if wanted & keys == keys:
            yield _bound(name).label(place)


def _equal(column: ColumnElement[Any], key: ColumnElement[Any]) -> ColumnElement[bool]:
    return column == key


def _rows(keys: Sequence[ColumnElement[Any]], build: Build) -> Query:
    return build(*keys)


def with_its_key(key: ColumnElement[Any], build: Build) -> Query:
    """Return the query for the one row that comes for this key, with the key."""
    return build(key).add_columns(key.label("asked_for"))


def _each_with_following(query: CompoundSelect[Any], following: Following) -> Iterator[Query]:
    # Each that is found goes through at once; to keep all of them for several queries would cost a sixth more.
    each = query.subquery("channel")
    rows = on_postgresql.fenced(union_all(*(part.correlate(each) for part in following(each, _rows))))
    yield select(*rows.c).select_from(each.join(rows, true()))


_OF_EITHER: Final[Any] = {
    "together": False,
    "arguments": [*_ARGUMENTS.values()],
    "given": _given,
    "keys": _keys,
    "equal": _equal,
    "rows": _rows,
    "one_row": with_its_key,
}

SINGLE_ON_SQLITE: Final = Carrier(
    **_OF_EITHER,
    whole=on_sqlite.WHOLE,
    with_following=partial(on_sqlite.following_from_all, _rows),
    joined=on_sqlite.joined,
)

SINGLE_ON_POSTGRESQL: Final = Carrier(
    **_OF_EITHER,
    whole=on_postgresql.WHOLE,
    with_following=_each_with_following,
    joined=on_postgresql.joined,
)
