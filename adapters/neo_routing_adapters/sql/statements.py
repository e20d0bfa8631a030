"""The one statement that fetches every row that a decision, or a batch of them, can need.

It is a UNION of some sorts of rows, each found by an index. Which sorts depends on which keys there are: a statement
for everything, with NULL for a key that is not there, would be planned anew at most calls. For a batch each key is a
set of keys; then more may come back than was needed, never less.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum
from operator import itemgetter
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from neo_routing import ManagedAgentKey, RowsNeeded, well_formed
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants


class Sort(IntEnum):
    """What a row is that comes back."""

    TENANT = 1
    AGENT = 2
    CHANNEL = 3
    LINK = 4
    WHITE_LABEL_BOT = 5


# By what is looked for, besides the tenant's id. Plain integers: flags take a microsecond to join.
_AGENT_ID: Final = 1
_MANAGED_KEY: Final = 2
_BOT_ID: Final = 4
_M365_TENANT_ID: Final = 8


def _keys_given(agent_id: object, managed_key: object, bot_id: object, m365_tenant_id: object) -> int:
    keys = 0 if agent_id is None else _AGENT_ID
    if managed_key is not None:
        keys |= _MANAGED_KEY
    if bot_id is not None:
        keys |= _BOT_ID if m365_tenant_id is None else _BOT_ID | _M365_TENANT_ID
    return keys


# What stands in a row after its sort. `state` is an agent's kind or a channel's status, `key` its managed key or bot.
_COLUMNS: Final[Mapping[str, TypeEngine[Any]]] = {
    "tenant_id": Text(),
    "id": Text(),
    "agent_id": BigInteger(),
    "name": Text(),
    "state": Text(),
    "key": Text(),
    "m365_tenant_id": Text(),
    "white_label": Boolean(),
    "show_agent_progress_steps": Boolean(),
}
_KEY_TYPES: Final[Mapping[str, TypeEngine[Any]]] = {
    "tenant_id": Text(),
    "agent_id": BigInteger(),
    "managed_key": Text(),
    "bot_id": Text(),
    "m365_tenant_id": Text(),
}


class _One:
    """Each key is a single value."""

    def equals(self, column: ColumnElement[Any], key: str) -> ColumnElement[bool]:
        return column == self.each(key)

    def each(self, key: str) -> ColumnElement[Any]:
        return bindparam(key, type_=_KEY_TYPES[key])


class _Arrays(_One):
    """Each key is an array of PostgreSQL."""

    def equals(self, column: ColumnElement[Any], key: str) -> ColumnElement[bool]:
        return column == any_(self._array(key))

    def each(self, key: str) -> ColumnElement[Any]:
        return func.unnest(self._array(key)).table_valued("value").render_derived().c.value

    def _array(self, key: str) -> ColumnElement[Any]:
        return bindparam(key, type_=ARRAY(_KEY_TYPES[key]))


class _JsonArrays(_One):
    """Each key is a JSON array, because SQLite has no other."""

    def equals(self, column: ColumnElement[Any], key: str) -> ColumnElement[bool]:
        return column.in_(select(self.each(key)))

    def each(self, key: str) -> ColumnElement[Any]:
        array = bindparam(key, type_=Text())
        return func.json_each(array).table_valued("value").c.value


def _rows(sort: Sort, **columns: ColumnElement[Any]) -> Select[Any]:
    filled = [columns.get(name, cast(null(), column_type)).label(name) for name, column_type in _COLUMNS.items()]
    return select(literal_column(str(int(sort))).label("sort"), *filled)


def _tenants(keys: _One) -> Select[Any]:
    return _rows(Sort.TENANT, tenant_id=tenants.c.id).where(keys.equals(tenants.c.id, "tenant_id"))


def _agents() -> Select[Any]:
    return _rows(
        Sort.AGENT,
        tenant_id=agents.c.tenant_id,
        agent_id=agents.c.id,
        name=agents.c.name,
        state=agents.c.kind,
        key=agents.c.managed_key,
    )


def _channels(keys: _One, installed: bool) -> CTE:
    own = select(channels, null().label("m365_tenant_id")).where(
        keys.equals(channels.c.tenant_id, "tenant_id"), keys.equals(channels.c.bot_id, "bot_id")
    )
    if not installed:
        return own.cte("channel")
    white_label = (
        select(channels, installations.c.m365_tenant_id)
        .join_from(installations, channels, channels.c.id == installations.c.channel_id)
        .where(
            keys.equals(installations.c.m365_tenant_id, "m365_tenant_id"),
            keys.equals(channels.c.bot_id, "bot_id"),
            channels.c.white_label,
        )
    )
    return union_all(own, white_label).cte("channel")


def _channel_rows(found: CTE) -> Select[Any]:
    return _rows(
        Sort.CHANNEL,
        tenant_id=found.c.tenant_id,
        id=found.c.id,
        agent_id=found.c.agent_id,
        state=found.c.status,
        key=found.c.bot_id,
        m365_tenant_id=found.c.m365_tenant_id,
        white_label=found.c.white_label,
        show_agent_progress_steps=found.c.show_agent_progress_steps,
    )


def _links(keys: _One, found: CTE) -> Select[Any]:
    return (
        _rows(
            Sort.LINK,
            tenant_id=end_companies.c.tenant_id,
            id=end_companies.c.id,
            name=end_companies.c.name,
            m365_tenant_id=links.c.m365_tenant_id,
        )
        .join_from(links, end_companies, end_companies.c.id == links.c.end_company_id)
        .where(
            keys.equals(links.c.m365_tenant_id, "m365_tenant_id"),
            end_companies.c.tenant_id.in_(select(found.c.tenant_id)),
        )
    )


def _white_label_bots(keys: _One) -> Select[Any]:
    """Look for the next bot from this one on, which only an index answers.

    To ask for any channel of the bot looks simpler, but a planner may then read the whole table: if half of the
    channels have the same bot, it expects to come upon one soon, and for a bot that has none it never does.
    """
    bot_id = keys.each("bot_id")
    following = (
        select(func.min(channels.c.bot_id))
        .where(channels.c.white_label, channels.c.bot_id >= bot_id)
        .correlate_except(channels)
    )
    return _rows(Sort.WHITE_LABEL_BOT, key=bot_id).where(bot_id == following.scalar_subquery())


def _statement(wanted: int, keys: _One) -> Any:
    parts = [_tenants(keys)]
    if wanted & _AGENT_ID:
        parts.append(_agents().where(keys.equals(agents.c.id, "agent_id")))
    if wanted & _MANAGED_KEY:
        owner_and_key = keys.equals(agents.c.tenant_id, "tenant_id"), keys.equals(agents.c.managed_key, "managed_key")
        parts.append(_agents().where(and_(*owner_and_key)))
    if wanted & _BOT_ID:
        found = _channels(keys, bool(wanted & _M365_TENANT_ID))
        parts += [_channel_rows(found), _agents().where(agents.c.id.in_(select(found.c.agent_id)))]
        if wanted & _M365_TENANT_ID:
            parts.append(_links(keys, found))
        parts.append(_white_label_bots(keys))
    return union_all(*parts)


Statement: TypeAlias = tuple[str, Any]
"""A statement as the cursor of a driver takes it, and its arguments."""


class Statements:
    """The statements for one sort of database, each written out once, with the arguments for what is needed."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        # psycopg tells the server one of three integer types, by the size of the number, and the server would prepare
        # a statement for each. A text has one type, and the statement casts it.
        agent_id = _agent_id_as_text if dialect.driver.startswith("psycopg") else _agent_id
        self._storable: tuple[Callable[[Any], Any], ...] = (_text, agent_id, _managed_key, _text, _text)
        on_server = dialect.name == "postgresql"
        self._sets: _One = _Arrays() if on_server else _JsonArrays()
        self._array: Callable[[Iterable[Any]], Any] = list if on_server else _json_array
        self._written: dict[tuple[int, _One], tuple[str, Callable[[Mapping[str, Any]], Any]]] = {}

    def for_one(self, needed: RowsNeeded) -> Statement:
        """Return the statement for one decision."""
        keys = [storable(key) for storable, key in zip(self._storable, needed, strict=True)]
        sql, arguments = self._statement(_keys_given(*keys[1:]), _ONE)
        return sql, arguments(dict(zip(_KEY_TYPES, keys, strict=True)))

    def for_many(self, needed: Sequence[RowsNeeded]) -> Statement:
        """Return the statement for all of these decisions together."""
        sets = [
            [key for each in dict.fromkeys(column) if (key := storable(each)) is not None]
            for storable, column in zip(self._storable, zip(*needed, strict=True), strict=True)
        ]
        sql, arguments = self._statement(_keys_given(*(keys or None for keys in sets[1:])), self._sets)
        return sql, arguments({name: self._array(keys) for name, keys in zip(_KEY_TYPES, sets, strict=True)})

    def _statement(self, wanted: int, keys: _One) -> tuple[str, Callable[[Mapping[str, Any]], Any]]:
        written = self._written.get((wanted, keys))
        if written is None:
            compiled = _statement(wanted, keys).compile(dialect=self._dialect)
            names = compiled.positiontup
            written = str(compiled), (dict if names is None else itemgetter(*names))
            self._written[wanted, keys] = written
        return written


_ONE: Final = _One()

# A key that no directory can hold is looked for as NULL, which finds nothing.


def _text(key: str | None) -> str | None:
    try:
        return None if key is None else well_formed.text(key)
    except ValueError:
        return None


def _agent_id(key: int | None) -> int | None:
    return key if key is not None and 1 <= key <= well_formed.LARGEST_AGENT_ID else None


def _agent_id_as_text(key: int | None) -> str | None:
    agent_id = _agent_id(key)
    return None if agent_id is None else str(agent_id)


def _managed_key(key: ManagedAgentKey | None) -> str | None:
    return None if key is None else str(key)


def _json_array(values: Iterable[Any]) -> str:
    return json.dumps(list(values))
