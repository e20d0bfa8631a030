"""`neo-routing keys`: API keys issued, listed, revoked and rotated. A secret is shown once, when it is made."""

from __future__ import annotations

import json as json_
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from neo_routing import Caller, CallerKind
from neo_routing_adapters.command.credentials_opened import credentials_at
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.given_peppers import given_peppers
from neo_routing_adapters.command.key_report import key_data, tell_keys, tell_new_key, whose
from neo_routing_adapters.command.unknown_tenant import is_unknown, tell_of_unknown
from neo_routing_adapters.phrases import exactly

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from neo_routing_adapters.http.key_store import StoredKey

_URL: Final = "sqlite:///sessions.sqlite"
_EXAMPLE: Final = "Example:\n\n$ neo-routing keys"
_KINDS: Final = frozenset({str(CallerKind.PLATFORM), str(CallerKind.SERVICE_ACCOUNT)})
_MOST_DAYS: Final = 36_500
_Json = Annotated[bool, Parameter(negative="", show_default=False)]


def app() -> App:
    """Return the commands on API keys."""
    commands = App(name="keys", help="Issue, list, revoke and rotate API keys.")
    issuing = f"{_EXAMPLE} issue {_URL} --caller service_account:northwind-it"
    commands.command(App(name="issue", default_command=issue, help_epilogue=issuing))
    commands.command(App(name="list", default_command=list_, help_epilogue=f"{_EXAMPLE} list {_URL}"))
    commands.command(App(name="revoke", default_command=revoke, help_epilogue=f"{_EXAMPLE} revoke {_URL} ID"))
    commands.command(App(name="rotate", default_command=rotate, help_epilogue=f"{_EXAMPLE} rotate {_URL} ID"))
    return commands


def issue(  # an option of the command line each
    url: str,
    /,
    *,
    caller: Annotated[str, Parameter(metavar="KIND:TENANT")],
    environment: str = "live",
    name: str = "",
    days: int | None = None,
    peppers: Path | None = None,
    json: _Json = False,
) -> None:
    """Make a key for a tenant or for the platform, and show it this once.

    Parameters
    ----------
    url
        Database with the keys, postgresql://user@host/name or sqlite:///file.
    caller
        Whose key it is; KIND is platform or service_account.
    environment
        Where it is good, such as live or test; it stands in the key.
    name
        What it is for, for whoever reads the list.
    days
        After how many days it ends; if left out, never.
    peppers
        File with the peppers in hexadecimal digits, newest first; if left out, NEO_ROUTING_KEY_PEPPERS has them.
    json
        Write a JSON object.
    """
    who, now = _caller(caller), _now()
    with credentials_at(url) as connection:
        from neo_routing_adapters.http.api_keys import issue_key
        from neo_routing_adapters.http.credentials_kept import add_key

        ends, known = _later(now, days), given_peppers(peppers)
        try:
            new = issue_key(who, environment, known, name=name, now=now, expires_at=ends)
        except ValueError as error:
            raise CommandFailed(str(error)) from error
        add_key(connection, new.stored)
        unknown = is_unknown(connection, who.tenant_id)
    tell_new_key(new, now, as_json=json)
    if unknown:
        tell_of_unknown(who.tenant_id)


def list_(url: str, /, *, tenant: str | None = None, json: _Json = False) -> None:
    """List keys, without their secrets, which nobody has but their holders.

    Parameters
    ----------
    url
        Database with the keys, postgresql://user@host/name or sqlite:///file.
    tenant
        Only the keys of this tenant.
    json
        Write a JSON object on a line for each.
    """
    with credentials_at(url) as connection:
        from neo_routing_adapters.http.credentials_kept import keys_in

        found = keys_in(connection, tenant_id=tenant)
    tell_keys(found, _now(), as_json=json)


def revoke(url: str, key_id: str, /, *, json: _Json = False) -> None:
    """Let a key open nothing any more, from now on and for good.

    Parameters
    ----------
    url
        Database with the keys, postgresql://user@host/name or sqlite:///file.
    key_id
        Which key, by the id in the list.
    json
        Write the key as a JSON object.
    """
    now = _now()
    with credentials_at(url) as connection:
        from neo_routing_adapters.http.credentials_kept import revoke_key

        before = _named(connection, key_id)
        after = revoke_key(connection, before, now)
    if json:
        print(json_.dumps(key_data(after, now)))
    else:
        told = "revoked" if before.revoked_at is None else "was revoked before"
        print(f"key {after.id} of {whose(after.caller)}: {told}")


def rotate(  # an option of the command line each
    url: str,
    key_id: str,
    /,
    *,
    overlap_hours: float = 24.0,
    days: int | None = None,
    peppers: Path | None = None,
    json: _Json = False,
) -> None:
    """Make a new key in the place of an old one, show it this once, and let the old one end a little later.

    Parameters
    ----------
    url
        Database with the keys, postgresql://user@host/name or sqlite:///file.
    key_id
        The old key, by the id in the list.
    overlap_hours
        How long the old key is still good.
    days
        After how many days the new key ends; if left out, never.
    peppers
        File with the peppers in hexadecimal digits, newest first; if left out, NEO_ROUTING_KEY_PEPPERS has them.
    json
        Write a JSON object.
    """
    now = _now()
    until, ends = _later(now, overlap_hours / 24), _later(now, days)
    with credentials_at(url) as connection:
        from neo_routing_adapters.http.api_keys import issue_key
        from neo_routing_adapters.http.credentials_kept import KeyNotActive, replace_key

        old = _named(connection, key_id)
        new = issue_key(old.caller, old.environment, given_peppers(peppers), name=old.name, now=now, expires_at=ends)
        try:
            ending = replace_key(connection, old, new, now=now, until=until or now)
        except KeyNotActive as error:
            raise CommandFailed(f"{error}: issue a new one") from error
    tell_new_key(new, now, as_json=json, instead_of=ending)


def _caller(text: str) -> Caller:
    kind, colon, tenant_id = text.partition(":")
    if not colon or kind not in _KINDS:
        raise CommandFailed(
            f"--caller must be KIND:TENANT, where KIND is platform or service_account, not {exactly(text)}"
        )
    try:
        return Caller(CallerKind(kind), tenant_id)
    except ValueError as error:
        raise CommandFailed(f"--caller: {error}") from error


def _named(connection: Connection, key_id: str) -> StoredKey:
    from neo_routing_adapters.http.credentials_kept import key_named

    found = key_named(connection, key_id)
    if found is None:
        raise CommandFailed(f"there is no key {exactly(key_id)}; neo-routing keys list URL has their ids")
    return found


def _later(now: datetime, days: float | None) -> datetime | None:
    if days is None:
        return None
    if not 0 <= days <= _MOST_DAYS:
        raise CommandFailed(f"a time must be from 0 to {_MOST_DAYS} days")
    return now + timedelta(days=days)


def _now() -> datetime:
    from neo_routing_adapters.http.api_keys import utc_now

    return utc_now()
