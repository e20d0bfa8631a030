"""Keys for the sample, which end with the server, and a call that works with one of them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from attrs import field, frozen

from neo_routing import Caller, CallerKind
from neo_routing_adapters.http.callers import IssuedKey, Peppers, StoredKey, issue_key
from neo_routing_adapters.http.contract import PREFIX, SESSIONS_PATH
from neo_routing_adapters.memory import MemoryDirectory

_PLATFORM: Final = "neo-platform"
_CALL: Final = ("northwind-it", {"agent_id": 1003, "title": "Printer on the second floor"})


@frozen(kw_only=True)
class TrialKeys:
    """A key of the platform and one of each other tenant of the sample. Where nobody asked for the sample, none."""

    platform: IssuedKey | None = None
    tenants: Mapping[str, IssuedKey] = field(factory=dict, repr=False)

    @property
    def stored(self) -> tuple[StoredKey, ...]:
        """What is kept of them, in memory."""
        return tuple(key.stored for key in (*filter(None, [self.platform]), *self.tenants.values()))


def trial_keys(sample: MemoryDirectory, environment: str, peppers: Peppers) -> TrialKeys:
    """Draw keys for the sample's tenants."""
    now = datetime.now(UTC)

    def key(kind: CallerKind, tenant_id: str) -> IssuedKey:
        return issue_key(Caller(kind, tenant_id), environment, peppers, name="for trying out", now=now)

    tenant_ids = [tenant_id for tenant_id in sample.content.tenants if tenant_id != _PLATFORM]
    return TrialKeys(
        platform=key(CallerKind.PLATFORM, _PLATFORM),
        tenants={tenant_id: key(CallerKind.SERVICE_ACCOUNT, tenant_id) for tenant_id in tenant_ids},
    )


def ready_line(url: str, keys: TrialKeys) -> str:
    """Return what programs are told once the server answers: where it is, and the keys, this once."""
    platform_key = None if keys.platform is None else keys.platform.text
    tenant_keys = {tenant_id: key.text for tenant_id, key in keys.tenants.items()}
    return json.dumps({"url": url, "platform_key": platform_key, "tenant_keys": tenant_keys})


def ready_words(url: str, keys: TrialKeys) -> str:
    """Return what a person is told: where it is, and a call to be copied, which has a key in it this once."""
    if not keys.tenants:
        return f"neo-routing answers at {url}; Ctrl-C ends it"
    tenant_id, body = _CALL
    headers = (f"Authorization: Bearer {keys.tenants[tenant_id].text}", "Content-Type: application/json")
    words = ["curl", *(word for header in headers for word in ("-H", header)), "-d", json.dumps(body)]
    call = shlex.join([*words, f"{url}{PREFIX}{SESSIONS_PATH}"])
    return (
        f"neo-routing answers at {url}, with the sample; Ctrl-C ends it, and its keys with it\n"
        f"try it, as {tenant_id}:\n\n{call}\n"
    )
