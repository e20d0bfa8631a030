"""The sets of calls of each layer that rows make, one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from neo_routing.analysis.call_set import CallSet
from neo_routing.analysis.partition import is_scoped
from neo_routing.analysis.sets import installation, with_channel
from neo_routing.analysis.which import Layer, Which
from neo_routing.rows import Rows


def installations(rows: Rows) -> Iterator[CallSet]:
    """Yield those with a bot and an M365 tenant for which a white-label channel is installed."""
    for bot_id, m365_tenant_id in installed_keys(rows):
        yield from installations_of(bot_id, m365_tenant_id)


def installations_of(bot_id: str, m365_tenant_id: str) -> tuple[CallSet, CallSet]:
    """Return the two of a bot and an M365 tenant for which a white-label channel is installed."""
    return (
        installation(bot_id, m365_tenant_id, Which.OWNER_OR_ABSENT),
        installation(bot_id, m365_tenant_id, Which.ANOTHER),
    )


def installed_keys(rows: Rows) -> Iterator[tuple[str, str]]:
    """Yield each bot and M365 tenant for which a white-label channel is installed, whatever its status."""
    yield from rows.active_installations
    yield from (key for key in rows.disconnected_installations if key not in rows.active_installations)


def is_installed(bot_id: str, m365_tenant_id: str, rows: Rows) -> bool:
    """Tell whether a white-label channel of the bot is installed for the M365 tenant, whatever its status."""
    key = (bot_id, m365_tenant_id)
    return key in rows.active_installations or key in rows.disconnected_installations


def active_channels(rows: Rows) -> Iterator[CallSet]:
    """Yield those with a bot of which the target tenant has an ACTIVE channel; links count where one is white-label."""
    for owner_id, bot_id in rows.active_channels:
        yield with_channel(Layer.ACTIVE_CHANNEL, owner_id, bot_id, Which.ABSENT)
        yield with_channel(Layer.ACTIVE_CHANNEL, owner_id, bot_id, Which.OTHER)
    for owner_id, bot_id, m365_tenant_id in linked_channels(rows):
        yield with_channel(Layer.ACTIVE_CHANNEL, owner_id, bot_id, Which.ONE, m365_tenant_id)


def linked_channels(rows: Rows) -> Iterator[tuple[str, str, str]]:
    """Yield each owner and bot of a single ACTIVE white-label channel, with each M365 tenant that its owner has linked.

    Without those for which the bot is installed: an installation comes first.
    """
    bots = by_owner(key for key, channels in rows.active_channels.items() if is_scoped(channels))
    for owner_id, m365_tenant_id in rows.end_companies if bots else ():
        for bot_id in bots.get(owner_id, ()):
            if not is_installed(bot_id, m365_tenant_id, rows):
                yield owner_id, bot_id, m365_tenant_id


def by_owner(keys: Iterable[tuple[str, str]]) -> Mapping[str, Sequence[str]]:
    """Return what stands beside each owner in these pairs: bots, or M365 tenants."""
    found: dict[str, list[str]] = {}
    for owner_id, bot_id in keys:
        found.setdefault(owner_id, []).append(bot_id)
    return found


def paused_channels(rows: Rows) -> Iterator[CallSet]:
    """Yield those with a bot of which the target tenant has DISCONNECTED channels alone."""
    for owner_id, bot_id in rows.disconnected_channels:
        if (owner_id, bot_id) not in rows.active_channels:
            yield from pauses_of(owner_id, bot_id)


def pauses_of(owner_id: str, bot_id: str) -> tuple[CallSet, CallSet]:
    """Return the two of an owner and a bot of which it has DISCONNECTED channels alone."""
    return (
        with_channel(Layer.PAUSED_CHANNEL, owner_id, bot_id, Which.ABSENT),
        with_channel(Layer.PAUSED_CHANNEL, owner_id, bot_id, Which.OTHER),
    )
