"""How API keys are written: without secrets, but for the one line that shows a new key."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from neo_routing import Caller
from neo_routing.printable import printable
from neo_routing_adapters.command.terminal import show_whole_lines

if TYPE_CHECKING:
    from neo_routing_adapters.http.api_keys import IssuedKey
    from neo_routing_adapters.http.key_store import StoredKey


def key_data(key: StoredKey, now: datetime) -> dict[str, Any]:
    """Return what may be told of a key, as plain data."""
    return {
        "id": key.id,
        "state": str(key.state(now)),
        "caller": {"kind": str(key.caller.kind), "tenant_id": key.caller.tenant_id},
        "environment": key.environment,
        "name": key.name,
        "pepper_id": key.pepper_id,
        "created_at": moment(key.created_at),
        "expires_at": moment(key.expires_at),
        "revoked_at": moment(key.revoked_at),
    }


def tell_keys(keys: Iterable[StoredKey], now: datetime, *, as_json: bool) -> None:
    """Write keys as a table, or as JSON Lines."""
    if as_json:
        for key in keys:
            print(json.dumps(key_data(key, now)))
        return
    table = Table(box=None)
    for heading in ("id", "state", "ends", "whose", "environment", "name"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"id", "state", "ends"})
    for key in keys:
        ends = "never" if key.expires_at is None else str(key.expires_at.date())
        cells = key.id, key.state(now), ends, whose(key.caller), key.environment, key.name
        table.add_row(*(Text(printable(str(cell))) for cell in cells))
    show_whole_lines(table, sys.stdout)


def tell_new_key(new: IssuedKey, now: datetime, *, as_json: bool, instead_of: StoredKey | None = None) -> None:
    """Write a new key, which cannot be told a second time."""
    if as_json:
        replaced = {} if instead_of is None else {"instead_of": key_data(instead_of, now)}
        print(json.dumps({"key": new.text, **key_data(new.stored, now), **replaced}))
        return
    print(new.text)
    ends = moment(new.stored.expires_at) or "never"
    print(printable(f"key {new.stored.id} of {whose(new.stored.caller)}, ends: {ends}"))
    if instead_of is not None:
        print(f"instead of key {instead_of.id}, which ends: {moment(instead_of.expires_at)}")
    print("The key is shown this once, and kept nowhere.")


def whose(caller: Caller) -> str:
    """Return whose it is, as it is given on the command line."""
    return printable(f"{caller.kind}:{caller.tenant_id}")


def moment(at: datetime | None) -> str | None:
    """Return a point in time as text, to the second."""
    return None if at is None else at.isoformat(timespec="seconds")
