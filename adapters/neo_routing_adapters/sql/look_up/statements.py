"""The statements for one sort of database, each written out once, with the arguments for what is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from sqlalchemy import Text, bindparam, func, literal_column, select
from sqlalchemy.engine import Dialect

from neo_routing import RowsNeeded
from neo_routing_adapters.sql.look_up import storable
from neo_routing_adapters.sql.look_up.arrays import ARRAYS, JSON_ARRAYS, WRITTEN_ARRAYS
from neo_routing_adapters.sql.look_up.carriers import Carrier
from neo_routing_adapters.sql.look_up.evidence import Marker, Statement, drawn, signed
from neo_routing_adapters.sql.look_up.keys import COMBINATIONS, any_of, distinct, keys_given
from neo_routing_adapters.sql.look_up.one_statement import statement_for
from neo_routing_adapters.sql.look_up.single_keys import SINGLE_ON_POSTGRESQL, SINGLE_ON_SQLITE
from neo_routing_adapters.sql.look_up.written import as_taken, written


class Statements:
    """The statements for one sort of database, each written out once, with the arguments for what is needed."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        by_psycopg = dialect.driver.startswith("psycopg")
        # psycopg tells the server one of three integer types, by the size of the number, and the server would prepare
        # a statement for each. A text has one type, and the statement casts it.
        self._agent_id: Callable[[int | None], Any] = storable.agent_id_as_text if by_psycopg else storable.agent_id
        on_server = dialect.name == "postgresql"
        self._single = SINGLE_ON_POSTGRESQL if on_server else SINGLE_ON_SQLITE
        self._many = (WRITTEN_ARRAYS if by_psycopg else ARRAYS) if on_server else JSON_ARRAYS
        self._written: dict[tuple[int, Carrier], _Written] = {}

    def for_one(self, needed: RowsNeeded) -> Statement:
        """Return the statement for one decision."""
        tenant_id, agent_id, managed_key, bot_id, m365_tenant_id = needed
        tenant, key, bot = storable.text(tenant_id), storable.managed_key(managed_key), storable.text(bot_id)
        agent, m365_tenant = storable.agent_id(agent_id), None if bot is None else storable.text(m365_tenant_id)
        written = self._statement(keys_given(agent, key, bot, m365_tenant), self._single)
        arguments = written.arguments((tenant, self._agent_id(agent), key, bot, m365_tenant))
        marker = Marker(1, tenant, tenant, agent, written.digest, key, bot, m365_tenant, True, None)
        return Statement(
            written.sql, arguments, marker, ((agent,), (bot,), (m365_tenant,)), needed=(needed,), single=True
        )

    def for_many(self, needed: Sequence[RowsNeeded]) -> Statement:
        """Return the statement for all of these decisions together."""
        tenant_ids, agent_ids, managed_keys, bot_ids, m365_tenant_ids = zip(*set(needed), strict=True)
        columns = {
            "tenant_id": storable.each(storable.text, tenant_ids),
            "agent_id": storable.each(self._agent_id, agent_ids),
            "managed_key": storable.each(storable.managed_key, managed_keys),
            "bot_id": (bots := storable.each(storable.text, bot_ids)),
            "m365_tenant_id": (m365_tenants := storable.each(storable.text, m365_tenant_ids)),
        }
        _, *others = columns.values()
        written, token = self._statement(keys_given(*map(any_of, others)), self._many), drawn()
        arguments = written.arguments([*self._combined(columns), token])
        marker = Marker(0, None, token, None, written.digest, None, None, None, True, None)
        asked = frozenset(agent_ids), frozenset(bots), frozenset(m365_tenants)
        return Statement(written.sql, arguments, marker, asked, needed, single=False)

    def without(self, absent: AbstractSet[str], statement: Statement) -> Statement:
        """Return a statement for the same decisions that does not look for these keys."""
        needed: list[Any] = [tuple(None if key in absent else key for key in keys) for keys in statement.needed]
        return self.for_one(needed[0]) if statement.single else self.for_many(needed)

    def whether_sayable(self, key: str, token: str) -> tuple[str, Any]:
        """Return a query that fails, on PostgreSQL, if the encoding of the database cannot say this key."""
        told, as_bytes = bindparam("token", type_=Text()), bindparam("key", type_=Text())
        said = func.convert_from(func.decode(as_bytes, literal_column("'hex'")), literal_column("'UTF8'"))
        question = written(select(told, said.is_not(None)), ("token", "key"), self._dialect)
        return question.sql, question.arguments([token, key.encode().hex()])

    def _combined(self, columns: Mapping[str, Sequence[Any]]) -> Iterator[Any]:
        for names, required in COMBINATIONS.items():
            combined, needed = ([columns[name] for name in some] for some in (names, required))
            yield from self._many.combined(distinct(combined, needed))

    def _statement(self, wanted: int, keys: Carrier) -> _Written:
        written = self._written.get((wanted, keys))
        if written is None:
            compiled = statement_for(wanted, keys).compile(dialect=self._dialect)
            sql, digest = signed(str(compiled))
            written = _Written(sql, digest, as_taken(keys.arguments, compiled.positiontup, compiled.params))
            self._written[wanted, keys] = written
        return written


class _Written(NamedTuple):
    """A statement as it is written out, what identifies its text, and how a driver takes its arguments."""

    sql: str
    digest: str
    arguments: Callable[[Sequence[Any]], Any]
