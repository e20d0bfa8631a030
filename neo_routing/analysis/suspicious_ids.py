"""Ids that are suspicious: of tenants that look alike, and of M365 tenants that Microsoft did not issue."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from neo_routing.analysis.analysed import Analysed
from neo_routing.analysis.finding import Finding
from neo_routing.analysis.notice import notice, of_m365_tenant
from neo_routing.analysis.subject import Subject, SubjectKind, Suspicion
from neo_routing.rows import Rows

# Spelled out, as a group that repeats takes twice the time, and each link and installation is looked at.
_is_guid: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch


def tenant_ids_alike(directory: Analysed) -> Iterator[Finding]:
    """Yield ids of tenants that are equal after NFKC and case folding."""
    tenants = directory.rows.tenants
    seen, several = set[str](), dict[str, list[str]]()
    for tenant_id in tenants:
        folded = _folded(tenant_id)
        if folded in seen:
            several[folded] = []
        seen.add(folded)
    for tenant_id in tenants if several else ():
        if (folded := _folded(tenant_id)) in several:
            several[folded].append(tenant_id)
    for alike in several.values():
        subject = Subject(kind=SubjectKind.TENANT, tenant_ids=tuple(sorted(alike)))
        yield notice(directory, Suspicion.TENANT_IDS_ALIKE, subject, subject.tenant_ids[0])


def _folded(tenant_id: str) -> str:
    plain = tenant_id if tenant_id.isascii() else unicodedata.normalize("NFKC", tenant_id)
    return unicodedata.normalize("NFKC", plain.casefold()) if not plain.isascii() else plain.casefold()


def no_guid(directory: Analysed) -> Iterator[Finding]:
    """Yield M365 tenant ids that are no GUID."""
    rows = directory.rows
    owners: dict[str, dict[str, None]] = {}
    bots: dict[str, dict[str, None]] = {}
    for owner_id, m365_tenant_id in rows.end_companies:
        if not _is_guid(m365_tenant_id):
            owners.setdefault(m365_tenant_id, {})[owner_id] = None
    for bot_id, m365_tenant_id, owner_ids in chain(_installations(rows), _standard_installations(rows)):
        owners.setdefault(m365_tenant_id, {}).update(dict.fromkeys(owner_ids))
        bots.setdefault(m365_tenant_id, {})[bot_id] = None
    for m365_tenant_id, known_to in owners.items():
        subject = of_m365_tenant(m365_tenant_id, known_to, bots.get(m365_tenant_id, ()))
        with_bot = subject.bot_ids[0] if subject.bot_ids else None
        yield notice(directory, Suspicion.NO_GUID, subject, subject.tenant_ids[0], with_bot, m365_tenant_id)


def _installations(rows: Rows) -> Iterator[tuple[str, str, Iterable[str]]]:
    """Yield the bot, the M365 tenant that is no GUID, and the owners of white-label channels."""
    for groups in (rows.active_installations, rows.disconnected_installations):
        for (bot_id, m365_tenant_id), channels in groups.items():
            if not _is_guid(m365_tenant_id):
                yield bot_id, m365_tenant_id, [owner_id for _, owner_id, _, _, _ in channels]


def _standard_installations(rows: Rows) -> Iterator[tuple[str, str, Iterable[str]]]:
    """Yield the same of standard channels."""
    if not rows.standard_installations:
        return
    for (owner_id, bot_id), channels in chain(rows.active_channels.items(), rows.disconnected_channels.items()):
        for channel_id, _, _, _, _ in channels:
            for m365_tenant_id in rows.standard_installations.get(channel_id, ()):
                if not _is_guid(m365_tenant_id):
                    yield bot_id, m365_tenant_id, [owner_id]
