"""The one statement that fetches every row that a decision, or a batch of them, can need.

It is a UNION of some sorts of rows, each found by an index. Which sorts depends on which keys there are: a statement
for everything, with NULL for a key that is not there, would be planned anew at most calls. For a batch the rows are
looked for by every combination of keys that any of its decisions needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from enum import IntEnum
from functools import partial
from itertools import compress
from operator import itemgetter
from typing import Any, ClassVar, Final, NamedTuple, TypeAlias

from sqlalchemy import (
    CTE,
    BigInteger,
    Boolean,
    ColumnElement,
    CompoundSelect,
    FromClause,
    Join,
    Select,
    TableValuedAlias,
    Text,
    and_,
    bindparam,
    cast,
    false,
    func,
    literal_column,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ColumnCollection
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine, UserDefinedType

from neo_routing import ManagedAgentKey, RowsNeeded, well_formed
from neo_routing_adapters.sql.look_up.evidence import MARKED, drawn, signed
from neo_routing_adapters.sql.look_up.evidence import Statement as Statement  # noqa: PLC0414  # others have it from here
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants


class Sort(IntEnum):
    """What a row is that comes back."""

    MARKER = 0
    TENANT = 1
    AGENT = 2
    CHANNEL = 3
    LINK = 4
    BOT = 5


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


class _TextOnServer(UserDefinedType[str]):
    """The type of a text that is given. SQLAlchemy's is VARCHAR: PostgreSQL would convert each row of the union."""

    cache_ok = True
    render_bind_cast = True

    def get_col_spec(self, **_: Any) -> str:
        return "TEXT"


_TEXT: Final = Text().with_variant(_TextOnServer(), "postgresql")
_KEYS: Final[Mapping[str, TypeEngine[Any]]] = {
    "tenant_id": _TEXT,
    "agent_id": BigInteger(),
    "managed_key": _TEXT,
    "bot_id": _TEXT,
    "m365_tenant_id": _TEXT,
}
"""What rows are looked for by, in the order of `RowsNeeded`."""

_ARGUMENTS: Final = {"tenant_id": "t", "agent_id": "a", "managed_key": "k", "bot_id": "b", "m365_tenant_id": "m"}

# The combinations of keys by which rows are looked for in a batch, and the keys that must be there for that.
_TENANT: Final = ("tenant_id",)
_AGENT: Final = ("agent_id",)
_MANAGED_AGENT: Final = ("tenant_id", "managed_key")
_BOT: Final = ("bot_id",)
_CHANNEL: Final = ("tenant_id", "bot_id", "m365_tenant_id")
_OWN_CHANNEL: Final = ("tenant_id", "bot_id")
_INSTALLED_CHANNEL: Final = ("bot_id", "m365_tenant_id")
_LINK: Final = ("tenant_id", "m365_tenant_id")
_COMBINATIONS: Final[Mapping[tuple[str, ...], tuple[str, ...]]] = {
    _TENANT: ("tenant_id",),
    _AGENT: ("agent_id",),
    _MANAGED_AGENT: ("managed_key",),
    _BOT: ("bot_id",),
    _OWN_CHANNEL: ("bot_id",),
    _INSTALLED_CHANNEL: ("bot_id", "m365_tenant_id"),
    _LINK: ("bot_id", "m365_tenant_id"),
}
_PLACES: Final = {name: place for place, name in enumerate(_KEYS)}

# By what is looked for, which key stands in which place of the marker.
_PLACES_IN_THE_MARKER: Final = {
    0: ("tenant_id", "id"),
    _BY_AGENT: ("agent_id", "agent_id"),
    _BY_MANAGED_KEY: ("managed_key", "state"),
    _BY_BOT: ("bot_id", "key"),
    _BY_BOT | _BY_M365_TENANT: ("m365_tenant_id", "m365"),
}
_TOKEN: Final = "token"  # noqa: S105  # the name of an argument
# The first two tell snapshots apart, on a standby transactions, and the third the sessions of a pooler.
_SNAPSHOT: Final = (
    "concat_ws(' ', pg_current_snapshot(), now(), pg_backend_pid(), current_setting('transaction_isolation'))"
)

# psycopg reads a statement anew at each call if it is longer than 4,096 characters, which takes as long as the server
# takes to answer it. So names are short here.
_tenants: Final = tenants.alias("t")
_agents: Final = agents.alias("a")
_channels: Final = channels.alias("c")
_installations: Final = installations.alias("i")
_end_companies: Final = end_companies.alias("e")
_links: Final = links.alias("l")

_Query: TypeAlias = Select[*tuple[Any, ...]]
_Build: TypeAlias = Callable[..., _Query]
"""Makes the query for the rows that have these keys."""
_LookUp: TypeAlias = Callable[[Sequence[ColumnElement[Any]], _Build], _Query]
"""Makes the query for the rows that have these keys, or any of these combinations of keys."""
_Following: TypeAlias = Callable[[FromClause, _LookUp], Iterator[_Query]]
"""Makes the queries for the rows that were found, and for those that follow from them, given how to look those up."""


def _bound(name: str) -> ColumnElement[Any]:
    return bindparam(_ARGUMENTS[name], type_=_KEYS[name])


class _Single:
    """Each key is a single value."""

    together: ClassVar[bool] = False
    """Whether there may be several of each key."""

    whole: ClassVar[ColumnElement[Any]] = literal_column("(SELECT NOT read_uncommitted FROM pragma_read_uncommitted)")
    """Whether nothing is hidden from the statement, and nothing shown that may never have been."""

    @property
    def arguments(self) -> Sequence[str]:
        """The names of the arguments of a statement with all keys."""
        return [*_ARGUMENTS.values()]

    def given(self, wanted: int) -> Iterator[ColumnElement[Any]]:
        """Yield what the statement is given and its marker says again, each under the name of its place in there."""
        for keys, (name, place) in _PLACES_IN_THE_MARKER.items():
            if wanted & keys == keys:
                yield _bound(name).label(place)

    def equal(self, column: ColumnElement[Any], key: ColumnElement[Any]) -> ColumnElement[bool]:
        """Compare so that a planner looks the key up in an index.

        Where nearly all rows have one value, it takes any key for that one, and would read the whole table for each of
        a batch. Of a range that it does not know it expects a two-hundredth of the table.
        """
        return and_(column == key, column.between(key, key)) if self.together else column == key

    def keys(self, names: Sequence[str]) -> Sequence[ColumnElement[Any]]:
        """Return the keys of these names."""
        return [_bound(name) for name in names]

    def rows(self, keys: Sequence[ColumnElement[Any]], build: _Build) -> _Query:
        """Return the query for the rows that have these keys, or any of these combinations of keys."""
        return build(*keys)

    def one_row(self, key: ColumnElement[Any], build: _Build) -> _Query:
        """Return the query for the one row that comes for this key, or for each of these keys, with the key."""
        return build(key).add_columns(key.label("asked_for"))

    def with_following(self, query: CompoundSelect[Any], following: _Following) -> Iterator[_Query]:
        """Yield queries for what this one finds, and for the rows that follow from that."""
        yield from following(query.cte("channel"), self.rows)

    def joined(
        self, outer: FromClause, inner: _Query, *on: ColumnElement[bool]
    ) -> tuple[FromClause, ColumnCollection[str, Any]]:
        """Look for rows of the inner table for each of the outer one; return the join, and the columns looked for."""
        [table] = inner.get_final_froms()
        return outer.join(table, and_(*on)), inner.selected_columns


class _SingleOnServer(_Single):
    """Each key is a single value, on PostgreSQL."""

    # A server that works in parallel would send the marker at any time; what asks for its process it does by itself.
    whole = literal_column("pg_backend_pid() > 0 AND current_setting('row_security') = 'off'")

    def with_following(self, query: CompoundSelect[Any], following: _Following) -> Iterator[_Query]:
        # Each that is found goes through at once; to keep all of them for several queries would cost a sixth more.
        each = query.subquery("channel")
        rows = _fenced(union_all(*(part.correlate(each) for part in following(each, lambda keys, build: build(*keys)))))
        yield select(*rows.c).select_from(each.join(rows, true()))

    def joined(
        self, outer: FromClause, inner: _Query, *on: ColumnElement[bool]
    ) -> tuple[FromClause, ColumnCollection[str, Any]]:
        found = _fenced(inner.where(*on).correlate_except(*inner.get_final_froms()))
        return outer.join(found, true()), found.c


class _Arrays(_SingleOnServer):
    """The keys are columns of arrays, on PostgreSQL."""

    together = True

    def given(self, wanted: int) -> Iterator[ColumnElement[Any]]:  # noqa: ARG002  # as in the base
        yield _token()
        # If several statements make up a batch, all must see the same: so each says what it sees.
        yield literal_column(_SNAPSHOT).label("state")

    @property
    def arguments(self) -> Sequence[str]:
        return [*(_array(names, name) for names in _COMBINATIONS for name in names), _TOKEN]

    def keys(self, names: Sequence[str]) -> Sequence[ColumnElement[Any]]:
        arrays = [bindparam(_array(names, name), type_=ARRAY(_KEYS[name])) for name in names]
        return [*func.unnest(*arrays).table_valued(*names).render_derived().c]

    def rows(self, keys: Sequence[ColumnElement[Any]], build: _Build) -> _Query:
        return _for_each(keys, build)

    def one_row(self, key: ColumnElement[Any], build: _Build) -> _Query:
        return _for_each([key], lambda key: _SingleOnServer.one_row(self, key, build))

    def with_following(self, query: CompoundSelect[Any], following: _Following) -> Iterator[_Query]:
        # Many may name the same agent, or have the same owner.
        yield from following(query.cte("channel"), _for_each_distinct)

    def combined(self, columns: Sequence[Sequence[Any]]) -> Iterable[Any]:
        """Return the arguments for one combination of keys, in columns."""
        return columns


class _ArrayTexts(_Arrays):
    """The arrays are written out here: psycopg takes so long over them that a batch would take a quarter longer."""

    def combined(self, columns: Sequence[Sequence[Any]]) -> Iterable[Any]:
        return map(_array_text, columns)


def _array_text(keys: Sequence[str | None]) -> str:
    """Write an array as PostgreSQL reads it, in few steps for however many keys."""
    if not keys:
        return "{}"
    between, absent = "\0", "\ud800"  # as `well_formed.text` has it, no key holds those
    try:
        written = between.join(keys)  # type: ignore[arg-type]  # most often, none is `None`
    except TypeError:
        written = between.join([absent if key is None else key for key in keys])
    written = written.replace("\\", r"\\").replace('"', r"\"").replace(between, '","')
    return f'{{"{written}"}}'.replace(f'"{absent}"', "NULL")


def _for_each(keys: Sequence[ColumnElement[Any]], build: _Build) -> _Query:
    found = _fenced(build(*keys))
    relation = keys[0].table
    assert isinstance(relation, FromClause)
    return select(*found.c).select_from(relation.join(found, true()))


def _for_each_distinct(keys: Sequence[ColumnElement[Any]], build: _Build) -> _Query:
    return _for_each([*select(*keys).distinct().subquery().c], build)


def _fenced(query: _Query | CompoundSelect[Any]) -> FromClause:
    """Keep the planner of PostgreSQL from any other plan than to look up each key in an index.

    It does not know how many keys there are, nor how many rows one key has, and would read whole tables, or compare all
    with all. The offset of nothing is what it does not look behind.
    """
    return query.offset(literal_column("0")).lateral()


class _InThisOrder(Join):
    """A join that SQLite carries out from left to right.

    If it knows a table to be small, it would rather go through that, and through all keys for each of its rows.
    """

    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002  # as in the base
        """Stand in another one without parentheses, within which the order would be free."""
        return self


@compiles(_InThisOrder, "sqlite")
def _cross_join(join: _InThisOrder, compiler: SQLCompiler, **options: Any) -> str:
    left, right = (compiler.process(side, **{**options, "asfrom": True}) for side in (join.left, join.right))
    assert join.onclause is not None, "it was given"
    # Without parentheses, only the innermost may have a condition; the others have none but `true`.
    condition = "" if isinstance(join.right, _InThisOrder) else f" ON {compiler.process(join.onclause)}"
    return f"{left} CROSS JOIN {right}{condition}"


class _JsonArrays(_Single):
    """The keys are JSON arrays in a JSON array, because SQLite has no others."""

    together = True

    def given(self, wanted: int) -> Iterator[ColumnElement[Any]]:  # noqa: ARG002  # as in the base
        yield _token()

    @property
    def arguments(self) -> Sequence[str]:
        return [*map(_argument, _COMBINATIONS), _TOKEN]

    def rows(self, keys: Sequence[ColumnElement[Any]], build: _Build) -> _Query:
        return _keys_first(build(*keys))

    def one_row(self, key: ColumnElement[Any], build: _Build) -> _Query:
        query = build(key)
        columns = (
            query.with_only_columns(column).scalar_subquery().label(column.name) for column in query.selected_columns
        )
        return select(*columns, key.label("asked_for"))

    def joined(
        self, outer: FromClause, inner: _Query, *on: ColumnElement[bool]
    ) -> tuple[FromClause, ColumnCollection[str, Any]]:
        [table] = inner.get_final_froms()
        return _InThisOrder(outer, table, and_(*on)), inner.selected_columns

    def keys(self, names: Sequence[str]) -> Sequence[ColumnElement[Any]]:
        array = func.json_each(bindparam(_argument(names), type_=Text())).table_valued("value")
        return [func.json_extract(array.c.value, literal_column(f"'$[{place}]'")) for place in range(len(names))]

    def combined(self, columns: Sequence[Sequence[Any]]) -> Iterable[Any]:
        """Return the argument for one combination of keys, in columns."""
        return [json.dumps([*zip(*columns, strict=True)])]


def _keys_first(query: _Query) -> _Query:
    table, keys = sorted(query.get_final_froms(), key=lambda each: isinstance(each, TableValuedAlias | CTE))
    return query.select_from(_InThisOrder(keys, table, true()))


def _token() -> ColumnElement[str]:
    return bindparam(_TOKEN, type_=_TEXT).label("id")


def _argument(names: Sequence[str]) -> str:
    return "_and_".join(names)


def _array(names: Sequence[str], name: str) -> str:
    return f"{_argument(names)}_of_{name}"


def _tenant(tenant_id: ColumnElement[Any]) -> _Query:
    # As its ids are text, so are all others of the union, though a host's may be of fixed length.
    return select(cast(_tenants.c.id, Text()).label("tenant_id"), tenant_id.label("id")).where(
        _tenants.c.id == tenant_id
    )


def _with_tenant_if_any(marker: _Query, tenant_id: ColumnElement[Any]) -> _Query:
    # One row less to send and to read pays for the marker, nearly.
    always = select(literal_column("1").label("one")).subquery("x")
    found = marker.add_columns(cast(_tenants.c.id, Text()).label("tenant_id"))
    return found.select_from(always.outerjoin(_tenants, _tenants.c.id == tenant_id))


_ANY_AGENT: Final = select(
    _agents.c.tenant_id,
    _agents.c.id.label("agent_id"),
    _agents.c.name,
    _agents.c.kind.label("state"),
    _agents.c.managed_key.label("key"),
)


def _agent(agent_id: ColumnElement[Any]) -> _Query:
    return _ANY_AGENT.where(_agents.c.id == agent_id)


def _managed_agent(keys: _Single, tenant_id: ColumnElement[Any], managed_key: ColumnElement[Any]) -> _Query:
    managed = _ANY_AGENT.where(keys.equal(_agents.c.tenant_id, tenant_id), _agents.c.managed_key == managed_key)
    return managed.add_columns(tenant_id.label("id"))


def _first_of(query: _Query) -> _Query:
    return query.limit(literal_column("1")).offset(literal_column("0"))


_ANY_CHANNEL: Final = select(
    _channels.c.tenant_id,
    _channels.c.id,
    _channels.c.agent_id,
    _channels.c.status.label("state"),
    _channels.c.bot_id.label("key"),
    _channels.c.white_label,
    _channels.c.show_agent_progress_steps.label("shown"),
)


def _own_channel(keys: _Single, tenant_id: ColumnElement[Any], bot_id: ColumnElement[Any]) -> _Query:
    own = _ANY_CHANNEL.where(keys.equal(_channels.c.tenant_id, tenant_id), _channels.c.bot_id == bot_id)
    return own.add_columns(tenant_id.label("name"))


def _own_channel_perhaps_installed(
    keys: _Single, tenant_id: ColumnElement[Any], bot_id: ColumnElement[Any], m365_tenant_id: ColumnElement[Any]
) -> _Query:
    installed_for = _installations.c.m365_tenant_id
    installed = select(installed_for).where(
        _channels.c.white_label, _installations.c.channel_id == _channels.c.id, installed_for == m365_tenant_id
    )
    one = _first_of(installed.correlate_except(_installations)).scalar_subquery()
    own = _own_channel(keys, tenant_id, bot_id)
    return own.add_columns(m365_tenant_id.label("asked_for"), one.label("m365"))


def _installed_channel(
    keys: _Single, bot_id: ColumnElement[Any], m365_tenant_id: ColumnElement[Any], *more: ColumnElement[bool]
) -> _Query:
    joined, channel = keys.joined(
        _installations,
        _ANY_CHANNEL,
        _channels.c.id == _installations.c.channel_id,
        _by_no_index(_channels.c.bot_id) == bot_id,
        # A null, which a view may deliver, is to be found here, and to be told of.
        _by_no_index(_channels.c.white_label).is_distinct_from(false()),
        *more,
    )
    installed_for = _installations.c.m365_tenant_id
    installed = select(*channel, null().label("name"), installed_for.label("asked_for"), installed_for.label("m365"))
    return installed.select_from(joined).where(keys.equal(installed_for, m365_tenant_id))


def _installed_channel_of_another(
    keys: _Single, tenant_id: ColumnElement[Any], bot_id: ColumnElement[Any], m365_tenant_id: ColumnElement[Any]
) -> _Query:
    return _installed_channel(keys, bot_id, m365_tenant_id, _channels.c.tenant_id.is_distinct_from(tenant_id))


def _by_no_index(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Keep a planner from starting a join with all that have one bot, or one owner: that may be half of a table."""
    return func.coalesce(column, column)


def _link(keys: _Single, tenant_id: ColumnElement[Any], m365_tenant_id: ColumnElement[Any]) -> _Query:
    joined, company = keys.joined(
        _links,
        select(_end_companies.c.tenant_id, _end_companies.c.id, _end_companies.c.name),
        _end_companies.c.id == _links.c.end_company_id,
        _by_no_index(_end_companies.c.tenant_id) == tenant_id,
    )
    linked = select(*company, tenant_id.label("state"), _links.c.m365_tenant_id.label("m365")).select_from(joined)
    return linked.where(keys.equal(_links.c.m365_tenant_id, m365_tenant_id))


def _nearest_bot(bot_id: ColumnElement[Any]) -> _Query:
    """Look for the next bot from this one on, downwards, which only an index answers; white-label channels come first.

    To ask for any channel of the bot looks simpler, but a planner may then read the whole table: if half of the
    channels have the same bot, it expects to come upon one soon, and for a bot that has none it never does.
    """
    bot, white_label = _channels.c.bot_id, _channels.c.white_label
    nearest = select(bot.label("key"), white_label).where(bot <= bot_id)
    return _first_of(nearest.order_by(bot.desc(), white_label.desc()))


def _known_bot(keys: _Single) -> _Query:
    [bot_id] = keys.keys(_BOT)
    nearest = keys.one_row(bot_id, _nearest_bot).subquery()
    return select(nearest.c.key, nearest.c.white_label).where(nearest.c.key == nearest.c.asked_for)


def _statement(wanted: int, keys: _Single) -> CompoundSelect[Any]:
    return union_all(*_parts(wanted, keys))


def _parts(wanted: int, keys: _Single) -> Iterator[_Query]:
    text: ColumnElement[str] = literal_column(f"'{MARKED}'")
    marker = select(text.label("name"), keys.whole.label("white_label"), *keys.given(wanted))
    if keys.together:
        yield _row(Sort.MARKER, marker, first=True)
        yield _row(Sort.TENANT, keys.rows(keys.keys(_TENANT), _tenant))
    else:
        yield _row(Sort.TENANT, _with_tenant_if_any(marker, *keys.keys(_TENANT)), first=True)
    if wanted & _BY_AGENT:
        yield _row(Sort.AGENT, keys.rows(keys.keys(_AGENT), _agent))
    if wanted & _BY_MANAGED_KEY:
        yield _row(Sort.AGENT, keys.rows(keys.keys(_MANAGED_AGENT), partial(_managed_agent, keys)))
    if wanted & _BY_BOT:
        channels_found = union_all(*_channels_found(wanted, keys))
        yield from keys.with_following(channels_found, partial(_channel_and_following, wanted, keys))
        if keys.together and wanted & _BY_M365_TENANT:
            yield _row(Sort.LINK, keys.rows(keys.keys(_LINK), partial(_link, keys)))
        yield _row(Sort.BOT, _known_bot(keys))
    if keys.together:  # whose answer may come in several parts, of which the last may be lost
        yield _row(Sort.MARKER, select(_token()))


def _channels_found(wanted: int, keys: _Single) -> Iterator[_Query]:
    if not wanted & _BY_M365_TENANT:
        yield keys.rows(keys.keys(_OWN_CHANNEL), partial(_own_channel, keys))
    elif keys.together:  # an own one comes once, however many M365 tenants are asked about, and perhaps once more below
        nothing = null().label("asked_for"), null().label("m365")
        yield keys.rows(keys.keys(_OWN_CHANNEL), lambda *own: _own_channel(keys, *own).add_columns(*nothing))
        yield keys.rows(keys.keys(_INSTALLED_CHANNEL), partial(_installed_channel, keys))
    else:
        for build in (_own_channel_perhaps_installed, _installed_channel_of_another):
            yield keys.rows(keys.keys(_CHANNEL), partial(build, keys))


def _channel_and_following(wanted: int, keys: _Single, channel: FromClause, look_up: _LookUp) -> Iterator[_Query]:
    yield _row(Sort.CHANNEL, select(channel), first=True)
    yield _row(Sort.AGENT, look_up([channel.c.agent_id], _agent))
    if wanted & _BY_M365_TENANT:
        yield _row(Sort.LINK, look_up([channel.c.tenant_id, channel.c.asked_for], partial(_link, keys)))


def _row(sort: Sort, query: _Query, *, first: bool = False) -> _Query:
    """Bring the columns of a query to their places. The first query of a union says their names and types."""
    columns = (
        query.selected_columns.get(name, cast(null(), column_type).label(name) if first else literal_column("NULL"))
        for name, column_type in _COLUMNS.items()
    )
    return query.with_only_columns(literal_column(str(int(sort))).label("sort"), *columns, maintain_column_froms=True)


class Statements:
    """The statements for one sort of database, each written out once, with the arguments for what is needed."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        # psycopg tells the server one of three integer types, by the size of the number, and the server would prepare
        # a statement for each. A text has one type, and the statement casts it.
        self._given_agent_id = agent_id = _agent_id_as_text if dialect.driver.startswith("psycopg") else _agent_id
        self._storable: tuple[Callable[[Any], Any], ...] = (_text, agent_id, _managed_key, _text, _text)
        on_server = dialect.name == "postgresql"
        self._single = _SingleOnServer() if on_server else _Single()
        arrays = _ArrayTexts() if dialect.driver.startswith("psycopg") else _Arrays()
        self._sets: _Arrays | _JsonArrays = arrays if on_server else _JsonArrays()
        self._written: dict[tuple[int, _Single], _Written] = {}

    def for_one(self, needed: RowsNeeded) -> Statement:
        """Return the statement for one decision."""
        tenant_id, agent_id, managed_key, bot_id, m365_tenant_id = needed
        tenant, key = _text(tenant_id), _managed_key(managed_key)
        agent_id = None if agent_id is None else _agent_id(agent_id)
        bot_id = None if bot_id is None else _text(bot_id)
        m365_tenant_id = None if bot_id is None else _text(m365_tenant_id)
        written = self._statement(_keys_given(agent_id, key, bot_id, m365_tenant_id), self._single)
        given = tenant, self._given_agent_id(agent_id), key, bot_id, m365_tenant_id
        marker = (1, tenant, tenant, agent_id, written.digest, key, bot_id, m365_tenant_id, True, None)
        asked = (agent_id,), (bot_id,), (m365_tenant_id,)
        return Statement(written.sql, written.arguments(given), marker, asked, (needed,), True)

    def for_many(self, needed: Sequence[RowsNeeded]) -> Statement:
        """Return the statement for all of these decisions together."""
        given = [*zip(*set(needed), strict=True)]
        columns = [
            [*column] if storable is _text and _all_are_storable(column) else _each(storable, column)
            for storable, column in zip(self._storable, given, strict=True)
        ]
        written = self._statement(_keys_given(*map(_any_of, columns[1:])), self._sets)
        token = drawn()
        marker = (0, None, token, None, written.digest, None, None, None, True, None)
        asked = frozenset(given[1]), frozenset(columns[3]), frozenset(columns[4])
        return Statement(
            written.sql, written.arguments([*self._arguments(columns), token]), marker, asked, needed, False
        )

    def without(self, absent: AbstractSet[str], statement: Statement) -> Statement:
        """Return a statement for the same decisions that does not look for these keys."""
        needed: list[Any] = [tuple(None if key in absent else key for key in keys) for keys in statement.needed]
        return self.for_one(needed[0]) if statement.single else self.for_many(needed)

    def whether_sayable(self, key: str, token: str) -> tuple[str, Any]:
        """Return a query that fails, on PostgreSQL, if the encoding of the database cannot say this key."""
        told, as_bytes = bindparam("token", type_=Text()), bindparam("key", type_=Text())
        said = func.convert_from(func.decode(as_bytes, literal_column("'hex'")), literal_column("'UTF8'"))
        compiled = select(told, said.is_not(None)).compile(dialect=self._dialect)
        as_taken = _as_taken(["token", "key"], compiled.positiontup, compiled.params)
        return str(compiled), as_taken([token, key.encode().hex()])

    def _arguments(self, columns: Sequence[list[Any]]) -> Iterator[Any]:
        for names, required in _COMBINATIONS.items():
            combined, needed = ([columns[_PLACES[name]] for name in some] for some in (names, required))
            yield from self._sets.combined(_distinct(combined, needed))

    def _statement(self, wanted: int, keys: _Single) -> _Written:
        written = self._written.get((wanted, keys))
        if written is None:
            compiled = _statement(wanted, keys).compile(dialect=self._dialect)
            sql, digest = signed(str(compiled))
            written = _Written(sql, digest, _as_taken(keys.arguments, compiled.positiontup, compiled.params))
            self._written[wanted, keys] = written
        return written


class _Written(NamedTuple):
    """A statement as it is written out, what identifies its text, and how a driver takes its arguments."""

    sql: str
    digest: str
    arguments: Callable[[Sequence[Any]], Any]


# A key that no directory can hold is looked for as NULL, which finds nothing.


def _text(key: str | None) -> str | None:
    try:
        return None if key is None else well_formed.text(key)
    except ValueError:
        return None


def _all_are_storable(keys: Sequence[str | None]) -> bool:
    """Tell, in few steps for however many keys, that each is one that `_text` would return as it is."""
    present = [key for key in keys if key is not None]
    try:
        well_formed.text("".join(present), longest=well_formed.LONGEST_ID * len(present))
    except (TypeError, ValueError):
        return False
    return max(map(len, present), default=0) <= well_formed.LONGEST_ID


def _each(storable: Callable[[Any], Any], keys: Sequence[Any]) -> list[Any]:
    stored = {key: storable(key) for key in set(keys)}
    return [*map(stored.__getitem__, keys)]


def _agent_id(key: int | None) -> int | None:
    return key if key is not None and 1 <= key <= well_formed.LARGEST_AGENT_ID else None


def _agent_id_as_text(key: int | None) -> str | None:
    agent_id = _agent_id(key)
    return None if agent_id is None else str(agent_id)


def _managed_key(key: ManagedAgentKey | None) -> str | None:
    return None if key is None else str(key)


def _as_taken(
    given: Sequence[str], in_order: Sequence[str] | None, used: Container[str]
) -> Callable[[Sequence[Any]], Any]:
    """Bring arguments as a driver takes them: in the order of the statement, or else those that it uses by name."""
    if in_order is None:
        by_name = [(name, place) for place, name in enumerate(given) if name in used]
        return lambda arguments: {name: arguments[place] for name, place in by_name}
    places = [given.index(name) for name in in_order]
    if len(places) == 1:
        return lambda arguments: (arguments[places[0]],)
    return itemgetter(*places)


def _distinct(columns: list[list[Any]], required: list[list[Any]]) -> list[list[Any]]:
    """Leave out the combinations for which a key is not there that must be: they would find nothing."""
    there = [None not in keys for keys in zip(*required, strict=True)]
    combinations = zip(*columns, strict=True)
    distinct = dict.fromkeys(combinations if all(there) else compress(combinations, there))
    return [[*column] for column in zip(*distinct, strict=True)] or [[] for _ in columns]


def _any_of(keys: Iterable[Any]) -> Any:
    return next((key for key in keys if key is not None), None)
