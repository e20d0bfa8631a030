"""Writes one change at a time, in the caller's own transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Column, ColumnElement, Connection, Table, bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from neo_routing import Agent, Channel, EndCompany, Tenant
from neo_routing.complaints import IllFormed
from neo_routing.well_formed import agent_id as well_formed_agent_id
from neo_routing.well_formed import identifier
from neo_routing.well_formed import m365_tenant_id as well_formed_m365_tenant_id
from neo_routing_adapters.sql.schema import agents, channels, end_companies, installations, links, tenants
from neo_routing_adapters.sql.tables.change_token import change_token
from neo_routing_adapters.sql.tables.our_tables import require_foreign_keys, require_newest_form
from neo_routing_adapters.sql.tables.stored_rows import (
    StoredRow,
    agent_row,
    channel_row,
    end_company_row,
    installation_rows,
    link_rows,
    tenant_row,
)
from neo_routing_adapters.sql.tables.transactions import begin_on_sqlite

_Value = TypeVar("_Value")


class MissingRow(LookupError):
    """What a row belongs to is not there; nothing was written.

    >>> print(MissingRow("tenant", "msp-z"))
    there is no tenant 'msp-z'
    """

    def __init__(self, sort: str, row_id: str) -> None:
        super().__init__(f"there is no {sort} {row_id!r}")
        self.sort = sort
        self.row_id = row_id


class NoTransaction(RuntimeError):
    """A connection commits each statement by itself, so that a change of several could end half done."""

    def __init__(self) -> None:
        super().__init__("this connection commits each statement: give one whose isolation level is not AUTOCOMMIT")


class SqlDirectoryWriter:
    """Puts and deletes rows of the library's own tables; it never commits, nor rolls back.

    To put the same twice, or to delete what is not there, is fine. What is put replaces what has its id. Raises
    `ValueError` for an id that is not well-formed or unusable, with the name of the method or class and the field;
    `MissingRow` for an owner, channel or end-company that is not there; `NoTransaction` on a connection that commits
    each statement, `ForeignKeysOff` on one to SQLite that does not enforce them, and `OldTables` until
    `neo-routing db upgrade` has run; else SQLAlchemy's errors, an `IntegrityError` for one where `neo-routing db guard`
    has forbidden a clash. A call that raises has written nothing. The guards look at each statement: to swap two
    channels that they keep apart, disconnect one of them first.

    >>> from sqlalchemy import create_engine
    >>> from neo_routing_adapters.sql.upgrade import upgrade
    >>> engine = create_engine("sqlite://")
    >>> with engine.connect() as connection:
    ...     _ = connection.exec_driver_sql("PRAGMA foreign_keys=ON")
    ...     connection.commit()
    ...     _ = upgrade(connection)
    ...     writer = SqlDirectoryWriter(connection)
    ...     writer.put_tenant(Tenant(id="msp-a"))
    ...     writer.put_channel(Channel(id="ch-1", tenant_id="msp-a", agent_id=12, bot_id="28:HelpDesk"))
    ...     writer.add_installation("ch-1", "{Contoso.Example}")
    ...     print(writer.delete_channel("ch-1"), writer.delete_channel("ch-1"))
    ...     writer.put_channel(Channel(id="ch-2", tenant_id="msp-z", agent_id=12, bot_id="28:HelpDesk"))
    Traceback (most recent call last):
    neo_routing_adapters.sql.tables.writer.MissingRow: there is no tenant 'msp-z'
    >>> engine.dispose()
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        if not isinstance(connection, Connection):
            raise TypeError(f"SqlDirectoryWriter takes a Connection of SQLAlchemy, and not {type(connection).__name__}")
        dbapi_connection: Any = connection.connection.dbapi_connection
        if connection.dialect.detect_autocommit_setting(dbapi_connection):
            raise NoTransaction
        require_foreign_keys(connection)
        require_newest_form(connection)
        self._connection = connection

    def put_tenant(self, tenant: Tenant) -> None:
        """Put a tenant."""
        _require(Tenant, tenant)
        self._put(tenants, [tenant_row(tenant)])

    def put_agent(self, agent: Agent) -> None:
        """Put an agent. Raises `MissingRow` if its tenant is not there."""
        _require(Agent, agent)
        self._require_tenant(agent.tenant_id)
        self._put(agents, [agent_row(agent)])

    def put_channel(self, channel: Channel) -> None:
        """Put a channel with its installations, in place of those it had. Raises `MissingRow`, as for an agent.

        The agent that it names need not be there.
        """
        _require(Channel, channel)
        self._require_tenant(channel.tenant_id)
        with self._all_or_nothing():
            # What it keeps follows the channel by the foreign key. The others go first: on a new bot they might clash.
            self._keep_only(installations, installations.c.channel_id == channel.id, channel.installed_m365_tenant_ids)
            self._put(channels, [channel_row(channel)])
            self._put(installations, installation_rows(channel))

    def put_end_company(self, company: EndCompany) -> None:
        """Put an end-company with its links, in place of those it had. Raises `MissingRow`, as for an agent."""
        _require(EndCompany, company)
        self._require_tenant(company.tenant_id)
        with self._all_or_nothing():
            self._keep_only(links, links.c.end_company_id == company.id, company.m365_tenant_ids)
            self._put(end_companies, [end_company_row(company)])
            self._put(links, link_rows(company))

    def add_installation(self, channel_id: str, m365_tenant_id: str) -> None:
        """Install a channel for an M365 tenant. Raises `MissingRow` if the channel is not there."""
        channel_id = _identifier("add_installation", "channel_id", channel_id)
        m365_tenant_id = _m365_tenant_id("add_installation", m365_tenant_id)
        copied = self._required("channel", channels.c.id, channel_id, channels.c["bot_id", "status", "white_label"])
        self._put(installations, [(channel_id, m365_tenant_id, *copied)])

    def remove_installation(self, channel_id: str, m365_tenant_id: str) -> bool:
        """Take an installation away, and tell whether it was there."""
        m365_tenant_id = _m365_tenant_id("remove_installation", m365_tenant_id)
        of_channel = installations.c.channel_id == _identifier("remove_installation", "channel_id", channel_id)
        return self._delete(installations, of_channel, installations.c.m365_tenant_id == m365_tenant_id)

    def add_link(self, end_company_id: str, m365_tenant_id: str) -> None:
        """Link an end-company to an M365 tenant. Raises `MissingRow` if the company is not there."""
        end_company_id = _identifier("add_link", "end_company_id", end_company_id)
        m365_tenant_id = _m365_tenant_id("add_link", m365_tenant_id)
        copied = self._required("end-company", end_companies.c.id, end_company_id, [end_companies.c.tenant_id])
        self._put(links, [(end_company_id, m365_tenant_id, *copied)])

    def remove_link(self, end_company_id: str, m365_tenant_id: str) -> bool:
        """Take a link away, and tell whether it was there."""
        m365_tenant_id = _m365_tenant_id("remove_link", m365_tenant_id)
        of_company = links.c.end_company_id == _identifier("remove_link", "end_company_id", end_company_id)
        return self._delete(links, of_company, links.c.m365_tenant_id == m365_tenant_id)

    def delete_tenant(self, tenant_id: str) -> bool:
        """Delete a tenant with its agents, channels and end-companies, and tell whether it was there."""
        return self._delete(tenants, tenants.c.id == _identifier("delete_tenant", "tenant_id", tenant_id))

    def delete_agent(self, agent_id: int) -> bool:
        """Delete an agent, and tell whether it was there; channels that name it stay."""
        return self._delete(agents, agents.c.id == _named("delete_agent", "agent_id", well_formed_agent_id, agent_id))

    def delete_channel(self, channel_id: str) -> bool:
        """Delete a channel with its installations, and tell whether it was there."""
        return self._delete(channels, channels.c.id == _identifier("delete_channel", "channel_id", channel_id))

    def delete_end_company(self, end_company_id: str) -> bool:
        """Delete an end-company with its links, and tell whether it was there."""
        return self._delete(
            end_companies, end_companies.c.id == _identifier("delete_end_company", "end_company_id", end_company_id)
        )

    def change_token(self) -> str:
        """Return a token of this transaction: once it has committed, `LiveDirectory.wait_until` waits for it."""
        return change_token(self._connection)

    def _require_tenant(self, tenant_id: str) -> None:
        self._required("tenant", tenants.c.id, tenant_id, [tenants.c.id])

    def _required(self, sort: str, key: Column[str], row_id: str, columns: Iterable[Column[Any]]) -> tuple[Any, ...]:
        # Until the transaction ends, PostgreSQL lets nobody delete what was found, nor change what is copied.
        query = select(*columns).where(key == row_id).with_for_update(read=True, key_share=True)
        found = self._connection.execute(query).one_or_none()
        if found is None:
            raise MissingRow(sort, row_id)
        return tuple(found)

    @contextmanager
    def _all_or_nothing(self) -> Iterator[None]:
        begin_on_sqlite(self._connection)
        with self._connection.begin_nested():
            yield

    def _keep_only(self, table: Table, of_owner: ColumnElement[bool], m365_tenant_ids: Collection[str]) -> None:
        m365_tenant_id = table.c.m365_tenant_id
        stored = self._connection.scalars(select(m365_tenant_id).where(of_owner))
        others = [{"other": one} for one in stored if one not in m365_tenant_ids]
        if others:
            self._connection.execute(delete(table).where(of_owner, m365_tenant_id == bindparam("other")), others)

    def _put(self, table: Table, rows: Iterable[StoredRow]) -> None:
        values = [dict(zip(table.c.keys(), row, strict=True)) for row in rows]
        if not values:
            return
        statement = (sqlite if self._connection.dialect.name == "sqlite" else postgresql).insert(table)
        others = {name: column for name, column in statement.excluded.items() if not table.c[name].primary_key}
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=[*table.primary_key], set_=others), values
        )

    def _delete(self, table: Table, *conditions: ColumnElement[bool]) -> bool:
        return self._connection.execute(delete(table).where(*conditions)).rowcount > 0


def _require(kind: type[Any], value: object) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"what is put must be of the class {kind.__name__}, and not {type(value).__name__}")


def _identifier(method: str, field: str, value: str) -> str:
    return _named(method, field, identifier, value)


def _m365_tenant_id(method: str, value: str) -> str:
    return _named(method, "m365_tenant_id", well_formed_m365_tenant_id, value)


def _named(method: str, field: str, well_formed: Callable[[_Value], _Value], value: _Value) -> _Value:
    try:
        return well_formed(value)
    except IllFormed as error:
        raise IllFormed(error.words, error.complaint, f"SqlDirectoryWriter.{method}: {field}") from None
