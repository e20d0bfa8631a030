"""What administration does with API keys and links of Entra in a database, each in the connection's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs
from sqlalchemy import Connection, Row, inspect, select

from neo_routing_adapters.http.api_keys import IssuedKey
from neo_routing_adapters.http.credentials_sql import stored_key
from neo_routing_adapters.http.key_store import KeyState, StoredKey
from neo_routing_adapters.http.links import EntraLink
from neo_routing_adapters.http.tables.credentials import api_keys, entra_links


class KeyNotActive(ValueError):
    """A key cannot be rotated because it opens nothing any more."""

    def __init__(self, key: StoredKey, state: KeyState) -> None:
        super().__init__(f"the key {key.id} is {state}")


class LinkedToAnother(ValueError):
    """An M365 tenant is linked to another tenant already."""

    def __init__(self, link: EntraLink) -> None:
        super().__init__(f"{link.m365_tenant_id} is linked to {link.tenant_id}")


def missing_tables(connection: Connection) -> list[str]:
    """Return the tables of this file that are not there."""
    there = inspect(connection)
    return [table.name for table in (api_keys, entra_links) if not there.has_table(table.name)]


def add_key(connection: Connection, key: StoredKey) -> None:
    """Keep a key."""
    row = attrs.asdict(key, recurse=False)
    caller = row.pop("caller")
    row |= {"caller_kind": str(caller.kind), "tenant_id": caller.tenant_id}
    connection.execute(api_keys.insert(), row)


def keys_in(connection: Connection, *, tenant_id: str | None = None) -> list[StoredKey]:
    """Return all keys, or those of a tenant, oldest first."""
    query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
    if tenant_id is not None:
        query = query.where(api_keys.c.tenant_id == tenant_id)
    return [stored_key(row) for row in connection.execute(query)]


def key_named(connection: Connection, key_id: str) -> StoredKey | None:
    """Return the key with an id, and let nobody else change it before the transaction ends."""
    row = connection.execute(select(api_keys).where(api_keys.c.id == key_id).with_for_update()).one_or_none()
    return None if row is None else stored_key(row)


def revoke_key(connection: Connection, key: StoredKey, now: datetime) -> StoredKey:
    """Let a key open nothing from now on. One that was revoked before stays revoked since then."""
    if key.revoked_at is not None:
        return key
    return _changed(connection, key, revoked_at=now)


def replace_key(connection: Connection, old: StoredKey, new: IssuedKey, *, now: datetime, until: datetime) -> StoredKey:
    """Keep a new key in an old one's place, which goes on until a time, or until its own end if that is sooner.

    Returns the old key as it is then. Raises `KeyNotActive`.
    """
    state = old.state(now)
    if state is not KeyState.ACTIVE:
        raise KeyNotActive(old, state)
    add_key(connection, new.stored)
    return _changed(connection, old, expires_at=until if old.expires_at is None else min(until, old.expires_at))


def _changed(connection: Connection, key: StoredKey, **changes: Any) -> StoredKey:
    connection.execute(api_keys.update().where(api_keys.c.id == key.id).values(**changes))
    return attrs.evolve(key, **changes)


def add_link(connection: Connection, link: EntraLink) -> EntraLink:
    """Keep a link, and return the one that is kept: an older one if that says the same.

    Raises `LinkedToAnother`, as a link is never changed by the way.
    """
    before = _link_of(connection, link.m365_tenant_id)
    if before is None:
        connection.execute(entra_links.insert(), attrs.asdict(link))
        return link
    if before.tenant_id != link.tenant_id:
        raise LinkedToAnother(before)
    return before


def remove_link(connection: Connection, m365_tenant_id: str) -> EntraLink | None:
    """Remove the link of an M365 tenant, in normal form, and return it, or nothing if there is none."""
    before = _link_of(connection, m365_tenant_id)
    connection.execute(entra_links.delete().where(entra_links.c.m365_tenant_id == m365_tenant_id))
    return before


def links_in(connection: Connection, *, tenant_id: str | None = None) -> list[EntraLink]:
    """Return all links, or those of a tenant, by M365 tenant."""
    query = select(entra_links).order_by(entra_links.c.m365_tenant_id)
    if tenant_id is not None:
        query = query.where(entra_links.c.tenant_id == tenant_id)
    return _links(connection.execute(query).all())


def _link_of(connection: Connection, m365_tenant_id: str) -> EntraLink | None:
    query = select(entra_links).where(entra_links.c.m365_tenant_id == m365_tenant_id)
    return next(iter(_links(connection.execute(query).all())), None)


def _links(rows: Sequence[Row[Any]]) -> list[EntraLink]:
    return [
        EntraLink(m365_tenant_id=row.m365_tenant_id, tenant_id=row.tenant_id, created_at=row.created_at) for row in rows
    ]
