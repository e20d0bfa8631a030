"""What is suspicious in a directory though nothing is refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from neo_routing.analysis.analysed import Analysed
from neo_routing.analysis.classes import class_in
from neo_routing.analysis.finding import Finding
from neo_routing.analysis.layers import by_owner
from neo_routing.analysis.representatives import asked, caller_of
from neo_routing.analysis.subject import Severity, Subject, SubjectKind, Suspicion
from neo_routing.caller import CallerKind
from neo_routing.clauses import Clause
from neo_routing.rows import ChannelRow

_is_guid: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch


def suspicious(directory: Analysed, reached: set[str]) -> Iterator[Finding]:
    """Yield what should be looked at; `reached` are the ids of the channels that somebody arrives at."""
    yield from _installed_nowhere(directory)
    yield from _installed_on_standard_channel(directory)
    yield from _nobody_arrives(directory, reached)
    yield from _linked_by_several_tenants(directory)
    yield from _paused_and_active(directory)
    yield from _tenant_ids_alike(directory)
    yield from _no_guid(directory)


def _installed_nowhere(directory: Analysed) -> Iterator[Finding]:
    rows = directory.rows
    installed = {bot_id for bot_id, _ in chain(rows.active_installations, rows.disconnected_installations)}
    nowhere = rows.white_label_bots - installed
    if not nowhere:
        return
    found: dict[str, list[ChannelRow]] = {}
    for _, bot_id, channel in _channels(directory):
        if bot_id in nowhere and _is_white_label(channel):
            found.setdefault(bot_id, []).append(channel)
    for bot_id, channels in found.items():
        subject = _of_channels(SubjectKind.BOT, bot_id, channels)
        yield _notice(directory, Suspicion.INSTALLED_NOWHERE, subject, subject.tenant_ids[0], bot_id)


def _installed_on_standard_channel(directory: Analysed) -> Iterator[Finding]:
    standard = directory.rows.standard_installations
    for owner_id, bot_id, channel in _channels(directory) if standard else ():
        channel_id, *_ = channel
        if channel_id in standard:
            subject = _of_channels(SubjectKind.CHANNEL, bot_id, [channel], standard[channel_id])
            yield _notice(directory, Suspicion.INSTALLED_ON_STANDARD_CHANNEL, subject, owner_id, bot_id)


def _nobody_arrives(directory: Analysed, reached: set[str]) -> Iterator[Finding]:
    for (owner_id, bot_id), channels in directory.rows.active_channels.items():
        for channel in channels:
            channel_id, *_ = channel
            if _is_white_label(channel) and channel_id not in reached:
                subject = _of_channels(SubjectKind.CHANNEL, bot_id, [channel])
                yield _notice(directory, Suspicion.NOBODY_ARRIVES, subject, owner_id, bot_id)


def _linked_by_several_tenants(directory: Analysed) -> Iterator[Finding]:
    owners = _owners_of_what_several_link(directory.rows.end_companies)
    several = {owner_id for group in owners.values() for owner_id in group}
    white_label = (
        (owner_id, bot_id)
        for owner_id, bot_id, channel in (_channels(directory) if several else ())
        if owner_id in several and _is_white_label(channel)
    )
    bots = by_owner(dict.fromkeys(white_label))
    for m365_tenant_id, owner_ids in owners.items():
        by_bot: dict[str, list[str]] = {}
        for owner_id in owner_ids:
            for bot_id in bots.get(owner_id, ()):
                by_bot.setdefault(bot_id, []).append(owner_id)
        for bot_id, sharing in by_bot.items():
            if len(sharing) > 1:
                subject = _of_m365_tenant(m365_tenant_id, sharing, [bot_id])
                yield _notice(
                    directory, Suspicion.LINKED_BY_SEVERAL_TENANTS, subject, sharing[0], bot_id, m365_tenant_id
                )


def _owners_of_what_several_link(links: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    seen, several = set[str](), dict[str, list[str]]()
    for _, m365_tenant_id in links:
        if m365_tenant_id in seen:
            several[m365_tenant_id] = []
        seen.add(m365_tenant_id)
    for owner_id, m365_tenant_id in links if several else ():
        if m365_tenant_id in several:
            several[m365_tenant_id].append(owner_id)
    return several


def _paused_and_active(directory: Analysed) -> Iterator[Finding]:
    rows = directory.rows
    for key, paused in rows.disconnected_installations.items():
        bot_id, m365_tenant_id = key
        active_owners = {owner_id for _, owner_id, _, _, _ in rows.active_installations.get(key, ())}
        others = [channel for channel in paused if {channel[1]} - active_owners]
        if active_owners and others:
            subject = _of_channels(
                SubjectKind.INSTALLATION, bot_id, [*rows.active_installations[key], *others], [m365_tenant_id]
            )
            owner_id = subject.tenant_ids[0]
            yield _notice(directory, Suspicion.PAUSED_AND_ACTIVE, subject, owner_id, bot_id, m365_tenant_id)


def _tenant_ids_alike(directory: Analysed) -> Iterator[Finding]:
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
        yield _notice(directory, Suspicion.TENANT_IDS_ALIKE, subject, subject.tenant_ids[0])


def _folded(tenant_id: str) -> str:
    plain = tenant_id if tenant_id.isascii() else unicodedata.normalize("NFKC", tenant_id)
    return unicodedata.normalize("NFKC", plain.casefold()) if not plain.isascii() else plain.casefold()


def _no_guid(directory: Analysed) -> Iterator[Finding]:
    rows = directory.rows
    owners: dict[str, dict[str, None]] = {}
    bots: dict[str, dict[str, None]] = {}
    for owner_id, m365_tenant_id in rows.end_companies:
        if not _is_guid(m365_tenant_id):
            owners.setdefault(m365_tenant_id, {})[owner_id] = None
    for groups in (rows.active_installations, rows.disconnected_installations):
        for (bot_id, m365_tenant_id), channels in groups.items():
            if not _is_guid(m365_tenant_id):
                owners.setdefault(m365_tenant_id, {}).update(
                    dict.fromkeys(owner_id for _, owner_id, _, _, _ in channels)
                )
                bots.setdefault(m365_tenant_id, {})[bot_id] = None
    for m365_tenant_id, owner_ids in owners.items():
        subject = _of_m365_tenant(m365_tenant_id, owner_ids, bots.get(m365_tenant_id, ()))
        with_bot = subject.bot_ids[0] if subject.bot_ids else None
        yield _notice(directory, Suspicion.NO_GUID, subject, subject.tenant_ids[0], with_bot, m365_tenant_id)


# What they have in common


def _channels(directory: Analysed) -> Iterator[tuple[str, str, ChannelRow]]:
    """Yield each channel with its owner and its bot."""
    rows = directory.rows
    for (owner_id, bot_id), channels in chain(rows.active_channels.items(), rows.disconnected_channels.items()):
        for channel in channels:
            yield owner_id, bot_id, channel


def _is_white_label(channel: ChannelRow) -> bool:
    _, _, _, white_label, _ = channel
    return white_label


def _of_channels(
    kind: SubjectKind, bot_id: str, channels: Iterable[ChannelRow], m365_tenant_ids: Iterable[str] = ()
) -> Subject:
    ids = sorted((channel_id, owner_id) for channel_id, owner_id, _, _, _ in channels)
    return Subject(
        kind=kind,
        tenant_ids=tuple(sorted({owner_id for _, owner_id in ids})),
        m365_tenant_ids=tuple(sorted(m365_tenant_ids)),
        bot_ids=(bot_id,),
        channel_ids=tuple([channel_id for channel_id, _ in ids]),
    )


def _of_m365_tenant(m365_tenant_id: str, owner_ids: Iterable[str], bot_ids: Iterable[str]) -> Subject:
    return Subject(
        kind=SubjectKind.M365_TENANT,
        tenant_ids=tuple(sorted(owner_ids)),
        m365_tenant_ids=(m365_tenant_id,),
        bot_ids=tuple(sorted(bot_ids)),
    )


def _notice(
    directory: Analysed,
    reason: Suspicion,
    subject: Subject,
    client_id: str,
    bot_id: str | None = None,
    m365_tenant_id: str | None = None,
) -> Finding:
    caller = caller_of(CallerKind.PLATFORM, client_id)
    bears_on = class_in(directory, caller, asked(client_id, bot_id, m365_tenant_id))
    assert bears_on is not None, "ids of rows are usable"
    return Finding(
        severity=Severity.NOTICE,
        subject=subject,
        clause=_CLAUSES[reason],
        reason=reason,
        request_class=bears_on,
    )


_CLAUSES: Final = {
    Suspicion.INSTALLED_NOWHERE: Clause.WHITE_LABEL_INSTALLATION,
    Suspicion.INSTALLED_ON_STANDARD_CHANNEL: Clause.WHITE_LABEL_INSTALLATION,
    Suspicion.NOBODY_ARRIVES: Clause.ACTIVE_CHANNEL,
    Suspicion.LINKED_BY_SEVERAL_TENANTS: Clause.END_COMPANY,
    Suspicion.PAUSED_AND_ACTIVE: Clause.WHITE_LABEL_INSTALLATION,
    Suspicion.TENANT_IDS_ALIKE: Clause.NEO_SUPPORT,
    Suspicion.NO_GUID: Clause.PLATFORM_IDS,
}
