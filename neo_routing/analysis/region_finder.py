"""Finds the regions in which two directories differ; each side's targets are gone through once, and only if need be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property, partial
from itertools import chain, islice
from typing import TypeAlias

from neo_routing.analysis.common import Both
from neo_routing.analysis.layers import by_owner, is_installed
from neo_routing.analysis.partition import sort_of_bot
from neo_routing.analysis.regions import (
    BotRegion,
    InstallationRegion,
    OwnAnswer,
    is_in_bot_region,
    is_steady,
    own_answer,
)
from neo_routing.analysis.representatives import asked, caller_of
from neo_routing.analysis.which import Which
from neo_routing.caller import CallerKind
from neo_routing.routing import neo_support, white_label_installation
from neo_routing.rows import Rows
from neo_routing.step import Step

_ByAnswer: TypeAlias = dict[OwnAnswer, list[str]]
"""Targets by what their own rows answer."""


class RegionFinder:
    """Finds the regions of two directories."""

    def __init__(self, both: Both) -> None:
        self._both = both
        self._steady: list[str] = []
        self._not_looked_at = (each for each in both.before.tenants if is_steady(both, each))

    def of_installations(self, keys: Sequence[tuple[str, str]]) -> Iterator[InstallationRegion]:
        """Yield the regions of bots and M365 tenants, each of them installed on one side alone."""
        both, bots = self._both, {bot_id for bot_id, _ in keys}
        owners = [_owners_by_bot(rows, bots) for rows in both.sides]
        linking = [_owners_by_m365_tenant(rows, {each for _, each in keys}) for rows in both.sides]
        alike: dict[tuple[int, str], _ByAnswer] = {}
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
            if (elsewhere, bot_id) not in alike:
                targets = self._targets(elsewhere, owners[elsewhere].get(bot_id, ()))
                alike[elsewhere, bot_id] = self._by_answer(elsewhere, targets, bot_id, both.nowhere.m365_tenant_id)
            clients_of = linking[elsewhere].get(m365_tenant_id, ())
            by_answer = self._by_answer(elsewhere, clients_of, bot_id, m365_tenant_id)
            for own, target_ids in alike[elsewhere, bot_id].items():
                by_answer.setdefault(own, []).extend(_some(target_ids, {*clients_of}, installing))
            for own, target_ids in by_answer.items():
                if target_ids:
                    yield from _for_each_client_id(partial(about, own=own), target_ids, installing)

    def of_bots(self, bot_ids: Iterable[str]) -> Iterator[BotRegion]:
        """Yield those of the bots of which something else is known."""
        for bot_id in bot_ids:
            target_id = next((each for each in self._steady_targets() if self._is_told_of(each, bot_id)), None)
            if target_id is not None:
                before, after = [sort_of_bot(bot_id, rows) for rows in self._both.sides]
                yield BotRegion(bot_id=bot_id, before=before, after=after, target_id=target_id, both=self._both)

    def _steady_targets(self) -> Iterator[str]:
        """Yield the targets that are there in both with the same Neo Support, each looked for once for all bots."""
        yield from self._steady
        for target_id in self._not_looked_at:
            self._steady.append(target_id)
            yield target_id

    def _targets(self, side: int, with_channels: Sequence[str]) -> Iterator[str]:
        """Yield the targets that have channels of a bot, and of those without one two for each state of a Neo Support.

        One of these may be the owner of the installation, if it has its channel on the other side alone.
        """
        yield from with_channels
        having = {*with_channels}
        for target_ids in (self._by_step_after if side else self._by_step_before).values():
            yield from islice((each for each in target_ids if each not in having), 2)

    def _by_answer(self, side: int, target_ids: Iterable[str], bot_id: str, m365_tenant_id: str) -> _ByAnswer:
        found: _ByAnswer = {}
        for target_id in target_ids:
            call = caller_of(CallerKind.PLATFORM, target_id), asked(target_id, bot_id, m365_tenant_id)
            found.setdefault(own_answer(*call, self._both.sides[side]), []).append(target_id)
        return found

    def _is_told_of(self, target_id: str, bot_id: str) -> bool:
        return is_in_bot_region(self._both, caller_of(CallerKind.PLATFORM, target_id), asked(target_id, bot_id, None))

    @cached_property
    def _by_step_before(self) -> dict[Step, list[str]]:
        return _by_step(self._both.before, self._both.nowhere.tenant_id)

    @cached_property
    def _by_step_after(self) -> dict[Step, list[str]]:
        return _by_step(self._both.after, self._both.nowhere.tenant_id)


def _some(target_ids: Iterable[str], others: AbstractSet[str], installing: AbstractSet[str]) -> Iterator[str]:
    """Yield the first of the targets that is none of the others, and the first of these that installs nothing."""
    left = (each for each in target_ids if each not in others)
    for first in left:
        yield first
        if first in installing:
            yield from next(([each] for each in left if each not in installing), ())
        return


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


def _owners_by_m365_tenant(rows: Rows, m365_tenant_ids: set[str]) -> Mapping[str, Sequence[str]]:
    links = rows.end_companies if m365_tenant_ids else ()
    return by_owner((each, owner_id) for owner_id, each in links if each in m365_tenant_ids)


def _owners_by_bot(rows: Rows, bots: set[str]) -> Mapping[str, Sequence[str]]:
    keys = chain(rows.active_channels, rows.disconnected_channels) if bots else ()
    return by_owner(dict.fromkeys((bot_id, owner_id) for owner_id, bot_id in keys if bot_id in bots))
