"""API keys and links of Entra in a database, asked anew at each call."""

from __future__ import annotations

import secrets
from collections import namedtuple
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, Final

from neo_routing import Caller, CallerKind, well_formed
from neo_routing_adapters.extras import how_to_install
from neo_routing_adapters.http.key_store import StoredKey
from neo_routing_adapters.http.ports import AuthenticationUnavailable

try:
    from sqlalchemy import ColumnElement, Engine, Select, Table, bindparam, select
    from sqlalchemy.ext.asyncio import AsyncEngine
    from sqlalchemy.pool import PoolProxiedConnection

    from neo_routing_adapters.http.live_connections import give_back, on_a_live_connection
    from neo_routing_adapters.http.tables.credentials import api_keys, entra_links
    from neo_routing_adapters.http.tables.metadata import TEXT
    from neo_routing_adapters.sql.look_up.awaited import awaited, require_a_connection_each
    from neo_routing_adapters.sql.look_up.connections import CursorLine
    from neo_routing_adapters.sql.look_up.deadlines import Call
    from neo_routing_adapters.sql.look_up.reader import faults_of
    from neo_routing_adapters.sql.look_up.written import Written, written
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] != "sqlalchemy":
        raise
    told = f"keys and links in a database need SQLAlchemy; {how_to_install('sql')}"
    raise ModuleNotFoundError(told, name=missing.name) from missing

_TOKEN_BYTES: Final = 8


class AnotherAnswer(Exception):
    """The database has answered another question than the one that was asked."""


class _Asked:
    """A database that is asked for at most one row of a table, within a time."""

    def __init__(self, engine: AsyncEngine | Engine, table: Table, *, seconds: float = 2.0) -> None:
        self._engine, self._awaited = awaited(engine, type(self).__name__)
        require_a_connection_each(self._engine, type(self).__name__)
        self._table = table
        self._row_of: Callable[..., Any] = namedtuple("_Row", table.c.keys())  # type: ignore[misc]  # noqa: PYI024
        self._seconds = seconds
        # An answer may be another's, and values may be no values.
        self._faults: tuple[type[Exception], ...] = (*faults_of(engine.dialect), AnotherAnswer, ValueError)
        self._questions: dict[int, Written] = {}
        self._read = [
            column.type.dialect_impl(engine.dialect).result_processor(engine.dialect, None) for column in table.c
        ]

    async def _row(self, column: ColumnElement[Any], sought: Collection[object]) -> Any:
        """Return the row, or nothing if the database says that there is none. Raises `AuthenticationUnavailable`."""
        token = secrets.token_hex(_TOKEN_BYTES)
        question = self._questions.get(len(sought)) or self._asking(column, len(sought))
        call = Call(self._seconds)
        try:
            rows = await self._awaited.run(partial(self._rows, question, (token, *sought), call), call)
            return self._answer(rows, token)
        except self._faults as error:
            raise AuthenticationUnavailable from error

    def _asking(self, column: ColumnElement[Any], count: int) -> Written:
        names = [f"sought_{number}" for number in range(count)]
        question = _question(self._table, column.in_([bindparam(name, type_=column.type) for name in names]))
        self._questions[count] = asking = written(question, ("token", *names), self._engine.dialect)
        return asking

    def _rows(self, question: Written, arguments: Sequence[object], call: Call) -> Sequence[Any]:
        def ask(_connection: PoolProxiedConnection, line: CursorLine) -> Sequence[Any]:
            question.run(line.cursor, arguments)
            rows: Sequence[Any] = line.cursor.fetchmany(2)
            if len(rows) != 1:  # and there may be more, half read
                raise AnotherAnswer
            return rows

        connection, rows = on_a_live_connection(self._engine, call, ask)
        give_back(self._engine.dialect, connection)
        return rows

    def _answer(self, rows: Sequence[Any], token: str) -> Any:
        if rows[0][0] != token:
            raise AnotherAnswer
        [(_, *row)] = rows
        values = [value if read is None else read(value) for read, value in zip(self._read, row, strict=True)]
        found = self._row_of(*values)
        return None if found.tenant_id is None else found


class SqlKeyStore(_Asked):
    """API keys in a database; `seconds` is how long an answer may take."""

    def __init__(self, engine: AsyncEngine | Engine, *, seconds: float = 2.0) -> None:
        super().__init__(engine, api_keys, seconds=seconds)

    async def find(self, macs: Collection[bytes]) -> StoredKey | None:
        """Return the key that is stored under one of these, whatever its state, or nothing if none is.

        Raises `AuthenticationUnavailable`.
        """
        row = await self._row(api_keys.c.mac, macs)
        try:
            return None if row is None else stored_key(row)
        except ValueError as error:
            raise AuthenticationUnavailable from error


class SqlEntraLinks(_Asked):
    """Links of Entra in a database; `seconds` is how long an answer may take."""

    def __init__(self, engine: AsyncEngine | Engine, *, seconds: float = 2.0) -> None:
        super().__init__(engine, entra_links, seconds=seconds)

    async def tenant_of(self, m365_tenant_id: str) -> str | None:
        """Return the tenant that an M365 tenant is linked to. Raises `AuthenticationUnavailable`."""
        row = await self._row(entra_links.c.m365_tenant_id, [m365_tenant_id])
        try:
            return None if row is None else well_formed.identifier(row.tenant_id)
        except ValueError as error:
            raise AuthenticationUnavailable from error


def stored_key(row: Any) -> StoredKey:
    """Make a key of a row. Raises `ValueError` for what is none."""
    return StoredKey(
        id=row.id,
        mac=bytes(row.mac),
        pepper_id=row.pepper_id,
        environment=row.environment,
        caller=Caller(CallerKind(row.caller_kind), row.tenant_id),
        name=row.name,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _question(table: Table, condition: ColumnElement[bool]) -> Select[Any]:
    """Ask so that there is a row even if nothing is found: the token, by which the answer is known for this one's."""
    asked = select(bindparam("token", type_=TEXT).label("token")).subquery("asked")
    return select(asked.c.token, *table.c).select_from(asked.outerjoin(table, condition))
