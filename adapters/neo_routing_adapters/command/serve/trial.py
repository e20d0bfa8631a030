"""Keys for trying it out, which end with the server, and a call that works with one of them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from attrs import field, frozen

from neo_routing import Caller, CallerKind, Rows
from neo_routing_adapters.command.database_url import is_database_url
from neo_routing_adapters.command.serve.settings import Settings
from neo_routing_adapters.http.callers import IssuedKey, Peppers, StoredKey, issue_key
from neo_routing_adapters.http.contract import PREFIX, SESSIONS_PATH

_PLATFORM: Final = "neo-platform"
"""Who is the platform in the sample."""
_MOST_KEYS: Final = 100
_TITLE: Final = "Printer on the second floor"
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@frozen(kw_only=True)
class TrialKeys:
    """A key of the platform, if it is the sample's, and one of each other tenant. Where it is no trial, none."""

    platform: IssuedKey | None = None
    tenants: Mapping[str, IssuedKey] = field(factory=dict, repr=False)

    @property
    def stored(self) -> tuple[StoredKey, ...]:
        """What is kept of them, in memory."""
        return tuple(key.stored for key in (*filter(None, [self.platform]), *self.tenants.values()))


def is_trial(settings: Settings) -> bool:
    """Tell whether somebody tries it out: with the sample, or on this machine with a document and no other callers."""
    if settings.directory is None:
        return True
    others = settings.key_peppers, settings.key_peppers_file, settings.entra_audiences
    return not is_database_url(settings.directory) and settings.host in _LOOPBACK and not any(others)


def trial_keys(directory: Rows, environment: str, peppers: Peppers) -> TrialKeys:
    """Draw keys for a directory's tenants, a hundred at most."""
    now = datetime.now(UTC)

    def key(kind: CallerKind, tenant_id: str) -> IssuedKey:
        return issue_key(Caller(kind, tenant_id), environment, peppers, name="for trying out", now=now)

    tenant_ids = islice((each for each in directory.tenants if each != _PLATFORM), _MOST_KEYS)
    return TrialKeys(
        platform=key(CallerKind.PLATFORM, _PLATFORM) if _PLATFORM in directory.tenants else None,
        tenants={tenant_id: key(CallerKind.SERVICE_ACCOUNT, tenant_id) for tenant_id in tenant_ids},
    )


def ready_line(url: str, keys: TrialKeys) -> str:
    """Return what programs are told once the server answers: where it is, and the keys, this once."""
    platform_key = None if keys.platform is None else keys.platform.text
    tenant_keys = {tenant_id: key.text for tenant_id, key in keys.tenants.items()}
    return json.dumps({"url": url, "platform_key": platform_key, "tenant_keys": tenant_keys})


def ready_words(url: str, keys: TrialKeys, directory: Rows | None) -> str:
    """Return what a person is told: where it is, and a call to be copied, which has a key in it this once."""
    agent = None if directory is None else _an_agent(directory, keys)
    if agent is None:
        return f"neo-routing answers at {url}; Ctrl-C ends it"
    agent_id, owner = agent
    call = _call(f"{url}{PREFIX}{SESSIONS_PATH}", keys.tenants[owner].text, agent_id)
    return f"neo-routing answers at {url}; Ctrl-C ends it, and the keys for trying it out\ntry it:\n\n{call}\n"


def _an_agent(directory: Rows, keys: TrialKeys) -> tuple[int, str] | None:
    """Return the first agent that can be asked for by its id with one of these keys, and its owner."""
    managed = {each for owned in directory.managed_agents.values() for ids in owned.values() for each in ids}
    agents = directory.conversational_agents.items()
    usable = (agent for agent in agents if agent[0] not in managed and agent[1] in keys.tenants)
    return next(usable, None)


def _call(url: str, key: str, agent_id: int) -> str:
    headers = (f"Authorization: Bearer {key}", "Content-Type: application/json")
    body = json.dumps({"agent_id": agent_id, "title": _TITLE})
    return shlex.join(["curl", *(word for header in headers for word in ("-H", header)), "-d", body, url])
