"""Finds the regions in which two directories differ; each side's targets are gone through once, and only if need be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property, partial
from itertools import chain

from neo_routing.analysis.common import Both
from neo_routing.analysis.layers import by_owner, is_installed
from neo_routing.analysis.partition import sort_of_bot
from neo_routing.analysis.regions import (
    BotRegion,
    InstallationRegion,
    OwnAnswer,
    is_in_bot_region,
    own_answer,
)
from neo_routing.analysis.representatives import asked, caller_of
from neo_routing.analysis.which import Which
from neo_routing.caller import CallerKind
from neo_routing.routing import neo_support, white_label_installation
from neo_routing.rows import Rows
from neo_routing.step import Step


class RegionFinder:
    """Finds the regions of two directories."""

    def __init__(self, both: Both) -> None:
        self._both = both

    def of_installations(self, keys: Sequence[tuple[str, str]]) -> Iterator[InstallationRegion]:
        """Yield the regions of bots and M365 tenants, each of them installed on one side alone."""
        both, bots = self._both, {bot_id for bot_id, _ in keys}
        owners = [_owners_by_bot(rows, bots) for rows in both.sides]
        for bot_id, m365_tenant_id in keys:
            installed, elsewhere = (0, 1) if is_installed(bot_id, m365_tenant_id, both.before) else (1, 0)
            about = partial(
                InstallationRegion,
                bot_id=bot_id,
                m365_tenant_id=m365_tenant_id,
                installed_before=installed == 0,
                both=both,
            )
            _, _, _, channels = white_label_installation(bot_id, m365_tenant_id, both.sides[installed])
            installing = {owner_id for _, owner_id, _, _, _ in channels}
            by_answer: dict[OwnAnswer, list[str]] = {}
            for target_id in self._targets(elsewhere, owners[elsewhere].get(bot_id, ())):
                own = self._own_answer(elsewhere, target_id, bot_id, m365_tenant_id)
                by_answer.setdefault(own, []).append(target_id)
            for own, target_ids in by_answer.items():
                yield from _for_each_client_id(partial(about, own=own), target_ids, installing)

    def of_bots(self, bot_ids: Iterable[str]) -> Iterator[BotRegion]:
        """Yield those of the bots of which something else is known."""
        for bot_id in bot_ids:
            target_id = next((each for each in self._both.before.tenants if self._is_told_of(each, bot_id)), None)
            if target_id is not None:
                before, after = [sort_of_bot(bot_id, rows) for rows in self._both.sides]
                yield BotRegion(bot_id=bot_id, before=before, after=after, target_id=target_id, both=self._both)

    def _targets(self, side: int, with_channels: Sequence[str]) -> Iterator[str]:
        """Yield the targets that have channels of a bot, and of those without one for each state of a Neo Support."""
        yield from with_channels
        having = {*with_channels}
        for target_ids in (self._by_step_after if side else self._by_step_before).values():
            yield from next(([each] for each in target_ids if each not in having), ())

    def _own_answer(self, side: int, target_id: str, bot_id: str, m365_tenant_id: str) -> OwnAnswer:
        caller = caller_of(CallerKind.PLATFORM, target_id)
        return own_answer(caller, asked(target_id, bot_id, m365_tenant_id), self._both.sides[side])

    def _is_told_of(self, target_id: str, bot_id: str) -> bool:
        return is_in_bot_region(self._both, caller_of(CallerKind.PLATFORM, target_id), asked(target_id, bot_id, None))

    @cached_property
    def _by_step_before(self) -> dict[Step, list[str]]:
        return _by_step(self._both.before, self._both.nowhere.tenant_id)

    @cached_property
    def _by_step_after(self) -> dict[Step, list[str]]:
        return _by_step(self._both.after, self._both.nowhere.tenant_id)


def _for_each_client_id(
    region: Callable[..., InstallationRegion], target_ids: Sequence[str], installing: AbstractSet[str]
) -> Iterator[InstallationRegion]:
    other_id = next((each for each in target_ids if each not in installing), None)
    # Of all targets, what an owner of the installation is answered has changed the least.
    yield region(client_id=Which.ANY, target_id=target_ids[0] if other_id is None else other_id)
    yield region(client_id=Which.OWNER_OR_ABSENT, target_id=target_ids[0])
    if other_id is not None:
        yield region(client_id=Which.ANOTHER, target_id=other_id)


def _by_step(rows: Rows, unknown_id: str) -> dict[Step, list[str]]:
    """Return the targets by what their step `neo-support` says; among them one that is not there."""
    found: dict[Step, list[str]] = {}
    for tenant_id in (*rows.tenants, unknown_id):
        found.setdefault(neo_support(tenant_id, rows)[0], []).append(tenant_id)
    return found


def _owners_by_bot(rows: Rows, bots: set[str]) -> Mapping[str, Sequence[str]]:
    keys = chain(rows.active_channels, rows.disconnected_channels) if bots else ()
    return by_owner(dict.fromkeys((bot_id, owner_id) for owner_id, bot_id in keys if bot_id in bots))
