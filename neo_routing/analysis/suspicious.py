"""What is suspicious in a directory though nothing is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from neo_routing.analysis.analysed import Analysed
from neo_routing.analysis.finding import Finding
from neo_routing.analysis.layers import by_owner
from neo_routing.analysis.notice import notice, notice_of, of_channels, of_m365_tenant
from neo_routing.analysis.request_class import RequestClass
from neo_routing.analysis.sets import with_channel
from neo_routing.analysis.subject import SubjectKind, Suspicion
from neo_routing.analysis.suspicious_ids import no_guid, tenant_ids_alike
from neo_routing.analysis.which import Layer, Which
from neo_routing.rows import ChannelRow


def suspicious(directory: Analysed, reached: set[str]) -> Iterator[Finding]:
    """Yield what should be looked at; `reached` are the ids of the channels that somebody arrives at."""
    yield from _installed_nowhere(directory)
    yield from _installed_on_standard_channel(directory)
    yield from _nobody_arrives(directory, reached)
    yield from _linked_by_several_tenants(directory)
    yield from _paused_and_active(directory)
    yield from tenant_ids_alike(directory)
    yield from no_guid(directory)


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
        subject = of_channels(SubjectKind.BOT, bot_id, channels)
        yield notice(directory, Suspicion.INSTALLED_NOWHERE, subject, subject.tenant_ids[0], bot_id)


def _installed_on_standard_channel(directory: Analysed) -> Iterator[Finding]:
    standard = directory.rows.standard_installations
    for owner_id, bot_id, channel in _channels(directory) if standard else ():
        channel_id, *_ = channel
        if channel_id in standard:
            subject = of_channels(SubjectKind.CHANNEL, bot_id, [channel], standard[channel_id])
            yield notice(directory, Suspicion.INSTALLED_ON_STANDARD_CHANNEL, subject, owner_id, bot_id)


def _nobody_arrives(directory: Analysed, reached: set[str]) -> Iterator[Finding]:
    for (owner_id, bot_id), channels in directory.rows.active_channels.items():
        for channel in channels:
            channel_id, *_ = channel
            if _is_white_label(channel) and channel_id not in reached:
                subject = of_channels(SubjectKind.CHANNEL, bot_id, [channel])
                calls = with_channel(Layer.ACTIVE_CHANNEL, owner_id, bot_id, Which.ABSENT)
                yield notice_of(RequestClass(calls, directory), Suspicion.NOBODY_ARRIVES, subject)


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
                subject = of_m365_tenant(m365_tenant_id, sharing, [bot_id])
                yield notice(
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
        active = rows.active_installations.get(key, ())
        if active and len({_owner(channel) for channel in (*active, *paused)}) > 1:
            subject = of_channels(SubjectKind.INSTALLATION, bot_id, [*active, *paused], [m365_tenant_id])
            owner_id = subject.tenant_ids[0]
            yield notice(directory, Suspicion.PAUSED_AND_ACTIVE, subject, owner_id, bot_id, m365_tenant_id)


def _channels(directory: Analysed) -> Iterator[tuple[str, str, ChannelRow]]:
    """Yield each channel with its owner and its bot."""
    rows = directory.rows
    for (owner_id, bot_id), channels in chain(rows.active_channels.items(), rows.disconnected_channels.items()):
        for channel in channels:
            yield owner_id, bot_id, channel


def _is_white_label(channel: ChannelRow) -> bool:
    _, _, _, white_label, _ = channel
    return white_label


def _owner(channel: ChannelRow) -> str:
    _, owner_id, _, _, _ = channel
    return owner_id
