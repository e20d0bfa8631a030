"""The one statement that fetches every row that a decision, or a batch of them, can need.

It is a UNION of some sorts of rows, each found by an index. Which sorts depends on which keys there are: a statement
for everything, with NULL for a key that is not there, would be planned anew at most calls. For a batch the rows are
looked for by every combination of keys that any of its decisions needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from operator import itemgetter
from typing import Any, Final, TypeAlias

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    select,
    true,
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
_BY_AGENT: Final = 1
_BY_MANAGED_KEY: Final = 2
_BY_BOT: Final = 4
_BY_M365_TENANT: Final = 8


def _keys_given(agent_id: object, managed_key: object, bot_id: object, m365_tenant_id: object) -> int:
    keys = 0 if agent_id is None else _BY_AGENT
    if managed_key is not None:
        keys |= _BY_MANAGED_KEY
    if bot_id is not None:
        keys |= _BY_BOT if m365_tenant_id is None else _BY_BOT | _BY_M365_TENANT
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
_KEYS: Final[Mapping[str, TypeEngine[Any]]] = {
    "tenant_id": Text(),
    "agent_id": BigInteger(),
    "managed_key": Text(),
    "bot_id": Text(),
    "m365_tenant_id": Text(),
}
"""What rows are looked for by, in the order of `RowsNeeded`."""

# The combinations of keys by which rows are looked for, and the key that must be there for that.
_TENANT: Final = ("tenant_id",)
_AGENT: Final = ("agent_id",)
_MANAGED_AGENT: Final = ("tenant_id", "managed_key")
_BOT: Final = ("bot_id",)
_OWN_CHANNEL: Final = ("tenant_id", "bot_id", "m365_tenant_id")
_INSTALLED_CHANNEL: Final = ("bot_id", "m365_tenant_id")
_COMBINATIONS: Final[Mapping[tuple[str, ...], str]] = {
    _TENANT: "tenant_id",
    _AGENT: "agent_id",
    _MANAGED_AGENT: "managed_key",
    _BOT: "bot_id",
    _OWN_CHANNEL: "bot_id",
    _INSTALLED_CHANNEL: "m365_tenant_id",
}
_PLACES: Final = {name: place for place, name in enumerate(_KEYS)}

_Build: TypeAlias = Callable[..., Select[Any]]
"""Makes the query for the rows that have these keys."""


class _One:
    """Each key is a single value."""

    def keys(self, names: Sequence[str]) -> Sequence[ColumnElement[Any]]:
        """Return the keys of these names."""
        return [bindparam(name, type_=_KEYS[name]) for name in names]

    def found(self, *columns: ColumnElement[Any]) -> Sequence[ColumnElement[Any]]:
        """Return keys that stand in rows which were found already."""
        return columns

    def rows(self, keys: Sequence[ColumnElement[Any]], build: _Build) -> Select[Any]:
        """Return the query for the rows that have these keys, or any of these combinations of keys."""
        return build(*keys)


class _Arrays(_One):
    """The keys are columns of arrays, on PostgreSQL."""

    def keys(self, names: Sequence[str]) -> Sequence[ColumnElement[Any]]:
        arrays = [bindparam(f"{_argument(names)}_of_{name}", type_=ARRAY(_KEYS[name])) for name in names]
        return [*func.unnest(*arrays).table_valued(*names).render_derived().c]

    def found(self, *columns: ColumnElement[Any]) -> Sequence[ColumnElement[Any]]:
        return [*select(*columns).distinct().subquery().c]

    def rows(self, keys: Sequence[ColumnElement[Any]], build: _Build) -> Select[Any]:
        # The offset keeps the planner from any other plan than to look each key up in an index. It does not know how
        # many keys there are, and would read whole tables, or compare all with all.
        found = build(*keys).offset(literal_column("0")).lateral()
        return select(*found.c).select_from(_relation(keys).join(found, true()))

    def arguments(self, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> Iterator[tuple[str, Any]]:
        """Yield the arguments for these columns of keys."""
        for name, column in zip(names, columns, strict=True):
            yield f"{_argument(names)}_of_{name}", column


class _JsonArrays(_One):
    """The keys are JSON arrays in a JSON array, because SQLite has no others."""

    def keys(self, names: Sequence[str]) -> Sequence[ColumnElement[Any]]:
        array = func.json_each(bindparam(_argument(names), type_=Text())).table_valued("value")
        return [func.json_extract(array.c.value, literal_column(f"'$[{place}]'")) for place in range(len(names))]

    def arguments(self, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> Iterator[tuple[str, Any]]:
        """Yield the argument for these columns of keys."""
        yield _argument(names), json.dumps([*zip(*columns, strict=True)])


def _argument(names: Sequence[str]) -> str:
    return "_and_".join(names)


def _relation(columns: Sequence[ColumnElement[Any]]) -> FromClause:
    relation = columns[0].table
    assert isinstance(relation, FromClause)
    return relation


def _row(sort: Sort, **columns: ColumnElement[Any]) -> Select[Any]:
    filled = [columns.get(name, cast(null(), column_type)).label(name) for name, column_type in _COLUMNS.items()]
    return select(literal_column(str(int(sort))).label("sort"), *filled)


def _tenant(tenant_id: ColumnElement[Any]) -> Select[Any]:
    return _row(Sort.TENANT, tenant_id=tenants.c.id).where(tenants.c.id == tenant_id)


_ANY_AGENT: Final = _row(
    Sort.AGENT,
    tenant_id=agents.c.tenant_id,
    agent_id=agents.c.id,
    name=agents.c.name,
    state=agents.c.kind,
    key=agents.c.managed_key,
)


def _agent(agent_id: ColumnElement[Any]) -> Select[Any]:
    return _ANY_AGENT.where(agents.c.id == agent_id)


def _managed_agent(tenant_id: ColumnElement[Any], managed_key: ColumnElement[Any]) -> Select[Any]:
    return _ANY_AGENT.where(agents.c.tenant_id == tenant_id, agents.c.managed_key == managed_key)


def _own_channel(
    tenant_id: ColumnElement[Any], bot_id: ColumnElement[Any], m365_tenant_id: ColumnElement[Any]
) -> Select[Any]:
    asked = cast(m365_tenant_id, Text()).label("asked_for")
    columns = (channels, cast(null(), Text()).label("m365_tenant_id"), asked)
    return select(*columns).where(channels.c.tenant_id == tenant_id, channels.c.bot_id == bot_id)


def _installed_channel(bot_id: ColumnElement[Any], m365_tenant_id: ColumnElement[Any]) -> Select[Any]:
    installed = installations.c.m365_tenant_id
    return (
        select(channels, installed, installed.label("asked_for"))
        .join_from(installations, channels, channels.c.id == installations.c.channel_id)
        .where(installed == m365_tenant_id, _by_no_index(channels.c.bot_id) == bot_id)
        .where(_by_no_index(channels.c.white_label))
    )


def _by_no_index(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Keep a planner from starting a join with all that have one bot, or one owner: that may be half of a table."""
    return func.coalesce(column, column)


def _channel(found: CTE) -> Select[Any]:
    return _row(
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


def _link(tenant_id: ColumnElement[Any], m365_tenant_id: ColumnElement[Any]) -> Select[Any]:
    return (
        _row(
            Sort.LINK,
            tenant_id=end_companies.c.tenant_id,
            id=end_companies.c.id,
            name=end_companies.c.name,
            m365_tenant_id=links.c.m365_tenant_id,
        )
        .join_from(links, end_companies, end_companies.c.id == links.c.end_company_id)
        .where(links.c.m365_tenant_id == m365_tenant_id, _by_no_index(end_companies.c.tenant_id) == tenant_id)
    )


def _white_label_bot(bot_id: ColumnElement[Any]) -> Select[Any]:
    """Look for the next bot from this one on, which only an index answers.

    To ask for any channel of the bot looks simpler, but a planner may then read the whole table: if half of the
    channels have the same bot, it expects to come upon one soon, and for a bot that has none it never does.
    """
    following = (
        select(func.min(channels.c.bot_id))
        .where(channels.c.white_label, channels.c.bot_id >= bot_id)
        .correlate_except(channels)
    )
    return _row(Sort.WHITE_LABEL_BOT, key=bot_id).where(bot_id == following.scalar_subquery())


def _statement(wanted: int, keys: _One) -> CompoundSelect[Any]:
    parts = [keys.rows(keys.keys(_TENANT), _tenant)]
    if wanted & _BY_AGENT:
        parts.append(keys.rows(keys.keys(_AGENT), _agent))
    if wanted & _BY_MANAGED_KEY:
        parts.append(keys.rows(keys.keys(_MANAGED_AGENT), _managed_agent))
    if wanted & _BY_BOT:
        parts += _channel_parts(keys, installed=bool(wanted & _BY_M365_TENANT))
    return union_all(*parts)


def _channel_parts(keys: _One, *, installed: bool) -> Iterator[Select[Any]]:
    channel_queries = [keys.rows(keys.keys(_OWN_CHANNEL), _own_channel)]
    if installed:
        channel_queries.append(keys.rows(keys.keys(_INSTALLED_CHANNEL), _installed_channel))
    found = union_all(*channel_queries).cte("channel")
    yield _channel(found)
    yield keys.rows(keys.found(found.c.agent_id), _agent)
    if installed:
        yield keys.rows(keys.found(found.c.tenant_id, found.c.asked_for), _link)
    yield _white_label_bot(*keys.keys(_BOT))


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
        self._sets: _Arrays | _JsonArrays = _Arrays() if dialect.name == "postgresql" else _JsonArrays()
        self._written: dict[tuple[int, _One], tuple[str, Callable[[Mapping[str, Any]], Any]]] = {}

    def for_one(self, needed: RowsNeeded) -> Statement:
        """Return the statement for one decision."""
        keys = [storable(key) for storable, key in zip(self._storable, needed, strict=True)]
        sql, arguments = self._statement(_keys_given(*keys[1:]), _ONE)
        return sql, arguments(dict(zip(_KEYS, keys, strict=True)))

    def for_many(self, needed: Sequence[RowsNeeded]) -> Statement:
        """Return the statement for all of these decisions together."""
        columns = [
            [*map({key: storable(key) for key in set(column)}.__getitem__, column)]
            for storable, column in zip(self._storable, zip(*set(needed), strict=True), strict=True)
        ]
        wanted = _keys_given(*map(_any_of, columns[1:]))
        sql, arguments = self._statement(wanted, self._sets)
        return sql, arguments(dict(self._arguments(columns)))

    def _arguments(self, columns: Sequence[list[Any]]) -> Iterator[tuple[str, Any]]:
        for names, required in _COMBINATIONS.items():
            combined = [columns[_PLACES[name]] for name in names]
            if len(names) == 1:
                combined = [list(dict.fromkeys(*combined))]
            yield from self._sets.arguments(names, _with_key(combined, names.index(required)))

    def _statement(self, wanted: int, keys: _One) -> tuple[str, Callable[[Mapping[str, Any]], Any]]:
        written = self._written.get((wanted, keys))
        if written is None:
            compiled = _statement(wanted, keys).compile(dialect=self._dialect)
            names = compiled.positiontup
            written = str(compiled), (dict if names is None else _in_order(names))
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


def _in_order(names: Sequence[str]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) == 1:
        return lambda arguments: (arguments[names[0]],)
    return itemgetter(*names)


def _with_key(columns: list[list[Any]], place: int) -> list[list[Any]]:
    """Leave out the combinations in which the key at that place is not there: they would find nothing."""
    if None not in columns[place]:
        return columns
    kept = [keys for keys in zip(*columns, strict=True) if keys[place] is not None]
    return [list(column) for column in zip(*kept, strict=True)] if kept else [[] for _ in columns]


def _any_of(keys: Iterable[Any]) -> Any:
    return next((key for key in keys if key is not None), None)
