"""API keys and links of Entra in a database, asked anew at each call."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from typing import Any, Final

from neo_routing import Caller, CallerKind, well_formed
from neo_routing_adapters.extras import how_to_install
from neo_routing_adapters.http.in_time import in_time
from neo_routing_adapters.http.key_store import StoredKey
from neo_routing_adapters.http.ports import AuthenticationUnavailable

try:
    from sqlalchemy import ColumnElement, Row, Select, Table, bindparam, select
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.ext.asyncio import AsyncEngine

    from neo_routing_adapters.http.tables.credentials import api_keys, entra_links
    from neo_routing_adapters.http.tables.metadata import TEXT
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

    def __init__(self, engine: AsyncEngine, *, seconds: float = 2.0) -> None:
        # One statement needs no transaction, and two round trips more.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._seconds = seconds
        self._faults = _faults_of(engine)

    async def _row(self, table: Table, condition: ColumnElement[bool]) -> Row[Any] | None:
        """Return the row, or nothing if the database says that there is none. Raises `AuthenticationUnavailable`."""
        token = secrets.token_hex(_TOKEN_BYTES)
        try:
            return _answer(await in_time(self._rows(_question(table, condition), token), self._seconds), token)
        except self._faults as error:
            raise AuthenticationUnavailable from error

    async def _rows(self, question: Select[Any], token: str) -> Sequence[Row[Any]]:
        async with self._engine.connect() as connection:
            rows: Sequence[Row[Any]] = (await connection.execute(question, {"token": token})).all()
        return rows


class SqlKeyStore(_Asked):
    """API keys in a database; `seconds` is how long an answer may take."""

    async def find(self, macs: Collection[bytes]) -> StoredKey | None:
        """Return the key that is stored under one of these, whatever its state, or nothing if none is.

        Raises `AuthenticationUnavailable`.
        """
        row = await self._row(api_keys, api_keys.c.mac.in_(macs))
        try:
            return None if row is None else stored_key(row)
        except ValueError as error:
            raise AuthenticationUnavailable from error


class SqlEntraLinks(_Asked):
    """Links of Entra in a database; `seconds` is how long an answer may take."""

    async def tenant_of(self, m365_tenant_id: str) -> str | None:
        """Return the tenant that an M365 tenant is linked to. Raises `AuthenticationUnavailable`."""
        row = await self._row(entra_links, entra_links.c.m365_tenant_id == m365_tenant_id)
        try:
            return None if row is None else well_formed.identifier(row.tenant_id)
        except ValueError as error:
            raise AuthenticationUnavailable from error


def stored_key(row: Row[Any]) -> StoredKey:
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


def _answer(rows: Sequence[Row[Any]], token: str) -> Row[Any] | None:
    if len(rows) != 1 or rows[0].token != token:
        raise AnotherAnswer
    [row] = rows
    return None if row.tenant_id is None else row


def _faults_of(engine: AsyncEngine) -> tuple[type[Exception], ...]:
    """Return what may be raised: drivers have errors that SQLAlchemy does not know, and values may be no values."""
    driver: Any = engine.dialect.loaded_dbapi
    own = getattr(driver, "asyncpg", None)
    of_driver = () if own is None else (own.PostgresError, own.InterfaceError, own.InternalClientError)
    return (SQLAlchemyError, AnotherAnswer, OSError, ValueError, driver.Error, *of_driver)
