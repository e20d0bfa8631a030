"""The contract kit: a right adapter passes, and each law fails for an adapter that breaks it, and for no other."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from threading import Barrier, Condition, Lock, current_thread
from typing import Any

import pytest
from attrs import evolve
from hypothesis import Phase, settings

from neo_routing import (
    AgentKind,
    ChannelStatus,
    DirectoryUnavailable,
    ManagedAgentKey,
    Rows,
    RowsBuilder,
    RowsNeeded,
    normal_bot_id,
    normal_m365_tenant_id,
)
from neo_routing.rows_builder import NO_ROWS
from neo_routing.testing import AsyncSessionDirectoryContract, Relation, SessionDirectoryContract, World

pytestmark = pytest.mark.no_cover  # there are too many decisions to trace each line of them

Document = Mapping[str, Sequence[Mapping[str, Any]]]


@pytest.fixture(autouse=True)
def _same_examples_each_time() -> Iterator[None]:
    usual = settings.get_current_profile_name()
    settings.register_profile(
        "same", settings.get_profile(usual), derandomize=True, database=None, phases=[Phase.generate]
    )
    settings.register_profile("shrinking", settings.get_profile("same"), phases=[Phase.generate, Phase.shrink])
    settings.load_profile("same")
    yield
    settings.load_profile(usual)


class Store:
    """What a directory reads: a document that can be replaced."""

    def __init__(self, document: Document) -> None:
        self.document = self.previous = document
        self.replaced = 0
        self.changed = Condition()
        self.failing: str | None = None
        self.senseless: str | None = None

    def replace(self, document: Document) -> None:
        with self.changed:
            self.previous, self.document = self.document, document
            self.replaced += 1
            self.changed.notify_all()

    @property
    def is_being_written(self) -> bool:
        """The kit replaces rows up to three times between look-ups, and far oftener during them."""
        return self.replaced > 3

    def wait_for_the_next(self, replaced: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.replaced > replaced, timeout=60)


class ListDirectory:
    """A right adapter, in methods that can be broken one by one."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.indexed: Sequence[Mapping[str, Any]] = ()
        self.by_number: dict[int, Mapping[str, Any]] = {}
        self.with_key: list[Mapping[str, Any]] = []

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        document, builder = self.store.document, RowsBuilder()
        for one in needed:
            self.add(builder, one, document, document)
        return builder.rows()

    def is_tenant(self, stored: str, asked: str) -> bool:
        return stored == asked

    def number(self, agent_id: int) -> int:
        return agent_id

    def is_bot(self, stored: str, asked: str | None) -> bool:
        return normal_bot_id(stored) == asked

    def is_m365_tenant(self, stored: str, asked: str | None) -> bool:
        return normal_m365_tenant_id(stored) == asked

    def linked_as(self, company: Mapping[str, Any], owner_id: str) -> str | None:
        return company["id"] if company["tenant_id"] == owner_id else None

    def name(self, row: Mapping[str, Any]) -> str:
        return row["name"]

    def rows(self, document: Document, collection: str) -> Sequence[Mapping[str, Any]]:
        return self.read(collection, document[collection])

    def read(self, relation: str, found: Sequence[Any]) -> Sequence[Any]:
        if self.store.failing == relation:
            raise DirectoryUnavailable
        return found

    def is_white_label(self, channel: Mapping[str, Any]) -> bool:
        return channel["white_label"]

    def is_known(self, channel: Mapping[str, Any], tenant_id: str) -> bool:
        return True

    def is_installed(self, channel: Mapping[str, Any], m365_tenant_id: str | None) -> bool:
        return channel["white_label"] and any(
            self.is_m365_tenant(each, m365_tenant_id)
            for each in self.read("installations", channel["installed_m365_tenant_ids"])
        )

    def add(self, builder: RowsBuilder, needed: RowsNeeded, document: Document, later: Document) -> None:
        tenant_id, _, _, bot_id, m365_tenant_id = needed
        if any(self.is_tenant(tenant["id"], tenant_id) for tenant in self.rows(document, "tenants")):
            builder.add_tenant(tenant_id)
        with_bot = [one for one in self.rows(document, "channels") if self.is_bot(one["bot_id"], bot_id)]
        reached = [
            one
            for one in with_bot
            if self.is_installed(one, m365_tenant_id) or self.is_tenant(one["tenant_id"], tenant_id)
        ]
        if any(self.is_white_label(one) for one in with_bot):
            builder.add_white_label_bot(str(bot_id))
        if any(self.is_known(one, tenant_id) for one in with_bot):
            builder.add_known_bot(str(bot_id))
        for one in reached:
            names = ("id", "tenant_id", "agent_id", "white_label", "show_agent_progress_steps")
            channel_id, owner_id, channel_agent_id, white_label, show_steps = (one[name] for name in names)
            row = (channel_id, owner_id, channel_agent_id, white_label, show_steps)
            installed = self.read("installations", one["installed_m365_tenant_ids"])
            builder.add_channel(row, one["bot_id"], ChannelStatus(one["status"]), installed)
        self.add_agents(builder, needed, {one["agent_id"] for one in reached}, self.rows(later, "agents"))
        for owner_id in {one["tenant_id"] for one in reached}:
            for company in self.rows(later, "end_companies"):
                linked = any(
                    self.is_m365_tenant(each, m365_tenant_id) for each in self.read("links", company["m365_tenant_ids"])
                )
                company_id = self.linked_as(company, owner_id) if linked else None
                if company_id is not None:
                    builder.add_link(owner_id, str(m365_tenant_id), company_id, self.name(company))

    def add_agents(
        self, builder: RowsBuilder, needed: RowsNeeded, agent_ids: set[int], agents: Sequence[Mapping[str, Any]]
    ) -> None:
        self.index(agents)
        tenant_id, asked_id, key, _, _ = needed
        carriers = [] if key is None else self.with_key
        for agent in carriers:
            if agent["managed_key"] == key and self.is_tenant(agent["tenant_id"], tenant_id):
                self.add_agent(builder, agent["id"], tenant_id, agent)
        for agent_id in agent_ids if asked_id is None else {*agent_ids, asked_id}:
            if agent := self.by_number.get(self.number(agent_id)):
                self.add_agent(builder, agent_id, agent["tenant_id"], agent)

    def index(self, agents: Sequence[Mapping[str, Any]]) -> None:
        if self.indexed is not agents:
            self.indexed = agents
            self.by_number = {self.number(agent["id"]): agent for agent in agents}
            self.with_key = [agent for agent in agents if agent["managed_key"]]

    def add_agent(self, builder: RowsBuilder, agent_id: int, owner_id: str, agent: Mapping[str, Any]) -> None:
        managed_key = agent["managed_key"] and ManagedAgentKey(agent["managed_key"])
        builder.add_agent(agent_id, owner_id, self.name(agent), AgentKind(agent["kind"]), managed_key)


def contract(adapter: type[ListDirectory] = ListDirectory, **methods: Any) -> type[SessionDirectoryContract]:
    """Return a contract as somebody would write it who has that adapter."""

    @contextmanager
    def opened(tested: Any, world: World) -> Iterator[ListDirectory]:
        tested.store = store = Store(world.document())
        yield adapter(store)
        store.replace(World().document())

    return type("TestDirectory", (SessionDirectoryContract,), {"examples": 10, "directory": opened} | methods)


def replace(_: object, directory: ListDirectory, world: World) -> None:
    directory.store.replace(world.document())


@contextmanager
def broken(tested: Any, relation: Relation) -> Iterator[None]:
    tested.store.failing = relation
    yield
    tested.store.failing = None


SPOILT = {"agents": {"kind": None}, "channels": {"status": None}, "end_companies": {"name": 7}}


@contextmanager
def spoilt(tested: Any, relation: Relation) -> Iterator[None]:
    whole = tested.store.document
    tested.store.senseless = relation
    tested.store.document = {**whole, relation: [{**row, **SPOILT[relation]} for row in whole[relation]]}
    yield
    tested.store.document, tested.store.senseless = whole, None


def broken_laws(
    tested: type[SessionDirectoryContract | AsyncSessionDirectoryContract], law: str = ""
) -> dict[str, str]:
    """Run every test of a contract, or of one law, as pytest would; return the messages of those that fail."""
    found = {}
    for name, test in each_test_of(tested):
        if not name.startswith(f"test_{law}"):
            continue
        try:
            test()
        except (AssertionError, DirectoryUnavailable, OSError, RuntimeError, ValueError) as error:
            found[name] = "\n".join([str(error), *getattr(error, "__notes__", ())])
        except pytest.skip.Exception as skipped:
            assert " has no method `" in str(skipped)
    return found


def each_test_of(
    tested: type[SessionDirectoryContract | AsyncSessionDirectoryContract],
) -> Iterator[tuple[str, Callable[[], None]]]:
    for name in filter(is_test, dir(tested)):
        marks = getattr(getattr(tested, name), "pytestmark", ())
        parameters = [each for mark in marks for each in mark.args[1]]
        for parameter in parameters:
            yield f"{name}[{parameter}]", partial(getattr(tested(), name), parameter)
        if not parameters:
            yield name, getattr(tested(), name)


def is_test(name: str) -> bool:
    return name.startswith("test_")


class Careful(ListDirectory):
    """Says of rows that make no sense that they do."""

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        try:
            return super().look_up(needed)
        except ValueError as error:
            raise DirectoryUnavailable from error


class Down(ListDirectory):
    def __init__(self, raised: Exception | None = None, cause: Exception | None = None) -> None:
        self._raised, self._cause = raised, cause

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        if self._raised is None:
            return NO_ROWS
        raise self._raised from self._cause


def test_a_right_adapter_keeps_every_law() -> None:
    down = Down(DirectoryUnavailable(), OSError("refused by 10.0.0.1"))
    tested = contract(Careful, replace=replace, outage=lambda _: nullcontext(down), broken=broken, spoilt=spoilt)
    assert broken_laws(tested) == {}
    another = contract(Careful, broken=lambda tested, relation: nullcontext(Careful(failing_store(tested, relation))))
    assert broken_laws(another) == {}


def failing_store(tested: Any, relation: Relation) -> Store:
    store = Store(tested.store.document)
    store.failing = relation
    return store


# What is broken, by the law that says so


class LosesPausedInstallations(ListDirectory):
    def is_installed(self, channel: Mapping[str, Any], m365_tenant_id: str | None) -> bool:
        return channel["status"] == "ACTIVE" and super().is_installed(channel, m365_tenant_id)


class ForgetsPausedWhiteLabelBots(ListDirectory):
    def is_white_label(self, channel: Mapping[str, Any]) -> bool:
        return channel["status"] == "ACTIVE" and super().is_white_label(channel)


class ForgetsKnownBots(ListDirectory):
    def is_known(self, channel: Mapping[str, Any], tenant_id: str) -> bool:
        return False


class KnowsItsOwnBotsOnly(ListDirectory):
    def is_known(self, channel: Mapping[str, Any], tenant_id: str) -> bool:
        return channel["tenant_id"] == tenant_id


class KnowsWhiteLabelBotsOnly(ListDirectory):
    def is_known(self, channel: Mapping[str, Any], tenant_id: str) -> bool:
        return channel["white_label"]


class KnowsActiveBotsOnly(ListDirectory):
    def is_known(self, channel: Mapping[str, Any], tenant_id: str) -> bool:
        return channel["status"] == "ACTIVE"


class KnowsBotsOfTenantsWithAnAgentOnly(ListDirectory):
    """Joins what no clause joins here."""

    def is_known(self, channel: Mapping[str, Any], tenant_id: str) -> bool:
        return any(agent["id"] == channel["agent_id"] for agent in self.store.document["agents"])


class HidesRowsOfOthers(ListDirectory):
    """A policy shows each tenant its own channels."""

    def add(self, builder: RowsBuilder, needed: RowsNeeded, document: Document, later: Document) -> None:
        seen = [channel for channel in document["channels"] if channel["tenant_id"] == needed[0]]
        super().add(builder, needed, {**document, "channels": seen}, later)


class CutsStoredBots(ListDirectory):
    def is_bot(self, stored: str, asked: str | None) -> bool:
        return normal_bot_id(stored)[:64] == asked


class StripsStoredM365Tenants(ListDirectory):
    def is_m365_tenant(self, stored: str, asked: str | None) -> bool:
        return normal_m365_tenant_id(stored).lstrip("-.") == asked


class ReadsTenChannelsAtMost(ListDirectory):
    def rows(self, document: Document, collection: str) -> Sequence[Mapping[str, Any]]:
        rows = super().rows(document, collection)
        return rows[:10] if collection == "channels" else rows


class CutsNames(ListDirectory):
    def name(self, row: Mapping[str, Any]) -> str:
        return row["name"][:200]


class TakesTheLinksOfOthers(ListDirectory):
    def linked_as(self, company: Mapping[str, Any], owner_id: str) -> str | None:
        # A company of two tenants would be an outage.
        return super().linked_as(company, owner_id) or f"{company['id']} of others for {owner_id}"


class TellsRowsTwice(ListDirectory):
    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        rows = super().look_up(needed)
        return evolve(rows, active_channels={key: found * 2 for key, found in rows.active_channels.items()})


class KnowsEveryBot(ListDirectory):
    """Takes a bot that was asked for without an M365 tenant as one that is there."""

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        rows = super().look_up(needed)
        return evolve(rows, known_bots={*rows.known_bots, *(str(one[3]) for one in needed if one[4] is None)})


class ProbesForABot(ListDirectory):
    """Looks where the bot would stand in an index, and does not compare what stands there."""

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        rows = super().look_up(needed)
        bots = [normal_bot_id(channel["bot_id"]) for channel in self.store.document["channels"]]
        known = {str(one[3]) for one in needed if any(bot[:8] == str(one[3])[:8] for bot in bots)}
        return evolve(rows, known_bots={*rows.known_bots, *known})


class TakesTheFirstOfAllThatMatch(ListDirectory):
    """Compares in the store without case, and files what it found under the id that was found."""

    def rows(self, document: Document, collection: str) -> Sequence[Mapping[str, Any]]:
        rows = super().rows(document, collection)
        if collection != "tenants":
            return rows
        return [*{row["id"].casefold(): row for row in reversed(rows)}.values()]


class IgnoresCase(ListDirectory):
    def is_tenant(self, stored: str, asked: str) -> bool:
        return stored.casefold() == asked.casefold()


class IgnoresSpaces(ListDirectory):
    def is_tenant(self, stored: str, asked: str) -> bool:
        return stored.rstrip() == asked.rstrip()


class HasNumbersOf32Bits(ListDirectory):
    def number(self, agent_id: int) -> int:
        return agent_id % 2**32


class LazyRows(dict[Any, Any]):
    """What a mapping is that asks the store when somebody asks it."""

    def __init__(self, read: Callable[[], Mapping[Any, Any]]) -> None:
        self._read = read

    def get(self, key: Any, default: Any = None) -> Any:
        return self._read().get(key, default)


class ReadsLater(ListDirectory):
    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        rows = super().look_up(needed)
        return evolve(rows, active_channels=LazyRows(lambda: super(ReadsLater, self).look_up(needed).active_channels))


class ReadsTwice(ListDirectory):
    """Reads channels first, and agents and links when something else has been committed."""

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        replaced, before, builder = self.store.replaced, self.store.document, RowsBuilder()
        if self.store.is_being_written:
            self.store.wait_for_the_next(replaced)
        later = self.store.document
        for one in needed:
            self.add(builder, one, before, later)
        return builder.rows()


class ReadsOneByOne(ListDirectory):
    """Reads what each decision of a batch needs at another time."""

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        builder = RowsBuilder()
        for place, one in enumerate(needed):
            if self.store.is_being_written and place:
                self.store.wait_for_the_next(self.store.replaced)
            self.add(builder, one, self.store.document, self.store.document)
        return builder.rows()


class ReadsSomeBefore(ListDirectory):
    """Reads some relations in one transaction, and the others in the next."""

    before = ("tenants", "managed_agents", "white_label_bots")

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        earlier = ListDirectory(Store(self.store.previous)).look_up(needed)
        return evolve(super().look_up(needed), **{field: getattr(earlier, field) for field in self.before})


class KeepsAgents(ListDirectory):
    """Reads no agent again that it has read once."""

    def index(self, agents: Sequence[Mapping[str, Any]]) -> None:
        kept = self.by_number
        super().index(agents)
        self.by_number = {**self.by_number, **kept}


class KeepsAnswers(ListDirectory):
    """Looks nothing up twice."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.kept: dict[tuple[RowsNeeded, ...], Rows] = {}

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        if (*needed,) in self.kept:
            return self.kept[*needed,]
        rows = super().look_up(needed)
        if self.is_to_be_kept(self.store.document):
            self.kept[*needed,] = rows
        return rows

    def is_to_be_kept(self, document: Document) -> bool:
        return True


class KeepsThatThereIsNoRow(KeepsAnswers):
    def is_to_be_kept(self, document: Document) -> bool:
        return not document["tenants"]


class LinksByM365TenantOnly(ListDirectory):
    """Has links of one decision for each M365 tenant: the last of the batch."""

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        last = {}
        for one in needed:
            if links := super().look_up([one]).end_companies:
                last[one[4]] = links
        end_companies = {key: found for links in last.values() for key, found in links.items()}
        return evolve(super().look_up(needed), end_companies=end_companies)


class LosesEachNineHundredth(ListDirectory):
    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        return super().look_up([one for place, one in enumerate(needed, start=1) if place % 900])


class ForgetsTheThirdOfABatch(ListDirectory):
    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        return super().look_up([one for place, one in enumerate(needed) if place != 2])


class ReadsAThousandAtMost(ListDirectory):
    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        return super().look_up(needed[:1000])


class NeedsChannelsInOrder(ListDirectory):
    """Stops at a channel whose id is not beyond the one before."""

    def rows(self, document: Document, collection: str) -> Sequence[Mapping[str, Any]]:
        rows = super().rows(document, collection)
        if collection != "channels":
            return rows
        known = [place for place, row in enumerate(rows) if place and row["id"] < rows[place - 1]["id"]]
        return rows[: known[0]] if known else rows


class ComparesBotsAsTheyAreWritten(ListDirectory):
    def is_bot(self, stored: str, asked: str | None) -> bool:
        return stored == asked


class ComparesM365TenantsAsTheyAreWritten(ListDirectory):
    def is_m365_tenant(self, stored: str, asked: str | None) -> bool:
        return stored == asked


class TakesNoNul(ListDirectory):
    def is_tenant(self, stored: str, asked: str) -> bool:
        if "\0" in asked:
            raise ValueError("embedded null character")
        return stored == asked


class TakesValidUnicodeOnly(ListDirectory):
    def is_m365_tenant(self, stored: str, asked: str | None) -> bool:
        return stored.encode() == (asked or "").encode() or super().is_m365_tenant(stored, asked)


# Many callers: each of these waits where another caller can come between, but not where there is none


class HandsOver(ListDirectory):
    """Two callers at a time stop half-way, and then both go on."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.half_way = Barrier(2, timeout=60)

    def hand_over(self) -> None:
        if current_thread().name.startswith("caller"):
            self.half_way.wait()


class SharesACursor(HandsOver):
    """Executes, and fetches what was executed last."""

    executed: Sequence[RowsNeeded]

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        self.executed = needed
        self.hand_over()
        return super().look_up(self.executed)


class KeepsItsLastResult(HandsOver):
    last: Rows

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        self.last = super().look_up(needed)
        self.hand_over()
        return self.last


class SharesAConnection(ListDirectory):
    """Takes from the wire the answer that is there first: of two callers, each that of the other."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.changed = Condition()
        self.wire: list[list[Rows]] = []

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        rows = super().look_up(needed)
        return self.exchanged(rows) if current_thread().name.startswith("caller") else rows

    def exchanged(self, rows: Rows) -> Rows:
        with self.changed:
            if self.wire and len(self.wire[-1]) == 1:
                self.wire[-1].append(rows)
                self.changed.notify_all()
                return self.wire[-1][0]
            both = [rows]
            self.wire.append(both)
            assert self.changed.wait_for(lambda: len(both) == 2, timeout=60)
            return both[1]


class SharesABuilder(HandsOver):
    """Gives away what two have filled to the first of them."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.taking, self.builder = Lock(), RowsBuilder()

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        for one in needed:
            self.add(self.builder, one, self.store.document, self.store.document)
        self.hand_over()
        with self.taking:
            filled, self.builder = self.builder, RowsBuilder()
        return filled.rows()


class SharesAPolicy(HandsOver):
    """Tells the connection for which tenant it reads, and the policy of the connection hides all others' rows."""

    reads_for: Collection[str]

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        self.reads_for = {one[0] for one in needed}
        self.hand_over()
        hidden = current_thread().name.startswith("caller") and self.reads_for != {one[0] for one in needed}
        return NO_ROWS if hidden else super().look_up(needed)


class ShowsRowsToItsOpenerOnly(ListDirectory):
    """Has told the policy in the thread that opened it; to all others there are no rows."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.opener = current_thread()

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        return super().look_up(needed) if current_thread() is self.opener else NO_ROWS


class TakesNoTwoAtATime(HandsOver):
    """Raises its driver's error where somebody else is being answered."""

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        self.hand_over()
        if current_thread().name.startswith("caller"):
            raise OSError("another operation is in progress")
        return super().look_up(needed)


# One relation fails


def swallowing(swallowed: Relation) -> type[ListDirectory]:
    """Return what takes a failure of one relation for no rows, and raises where another fails."""

    class Swallowing(ListDirectory):
        def read(self, relation: str, found: Sequence[Any]) -> Sequence[Any]:
            return () if self.store.failing == relation == swallowed else super().read(relation, found)

    return Swallowing


class RaisesForBatchesOnly(ListDirectory):
    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        try:
            return super().look_up(needed)
        except DirectoryUnavailable:
            if len(needed) > 1:
                raise
            return NO_ROWS


class RaisesOneByOneOnly(ListDirectory):
    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        try:
            return super().look_up(needed)
        except DirectoryUnavailable:
            if len(needed) == 1:
                raise
            return NO_ROWS


class AnswersWhereNoChannelIsConcerned(ListDirectory):
    """Raises where a wrong answer would be seen, and happens to be right where none would."""

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        try:
            return super().look_up(needed)
        except DirectoryUnavailable:
            rows = ListDirectory(Store(self.store.document)).look_up(needed)
            if any(one[3] in rows.known_bots for one in needed):
                raise
            return rows


class TellsItsDriversError(ListDirectory):
    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        try:
            return super().look_up(needed)
        except DirectoryUnavailable:
            raise OSError("relation does not exist") from None


class RemembersAFailureAsNoRows(ListDirectory):
    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.failed: list[Sequence[RowsNeeded]] = []

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        if self.store.failing is None and needed in self.failed:
            return NO_ROWS
        try:
            return super().look_up(needed)
        except DirectoryUnavailable:
            self.failed.append(needed)
            raise


# A row makes no sense


class PassesOverWhatMakesNoSense(Careful):
    def rows(self, document: Document, collection: str) -> Sequence[Mapping[str, Any]]:
        return () if collection == self.store.senseless else super().rows(document, collection)


class GuessesWhatIsMissing(Careful):
    guessed: Mapping[str, Any] = {"kind": "CONVERSATIONAL", "status": "ACTIVE", "name": ""}

    def rows(self, document: Document, collection: str) -> Sequence[Mapping[str, Any]]:
        rows = super().rows(document, collection)
        if collection != self.store.senseless:
            return rows
        return [{**row, **{name: self.guessed[name] for name in SPOILT[collection]}} for row in rows]


BROKEN: list[tuple[str, type[SessionDirectoryContract]]] = [
    ("complete", contract(LosesPausedInstallations)),
    ("complete", contract(ForgetsPausedWhiteLabelBots)),
    ("complete", contract(ForgetsKnownBots)),
    ("complete", contract(KnowsItsOwnBotsOnly)),
    ("complete", contract(KnowsWhiteLabelBotsOnly)),
    ("complete", contract(KnowsActiveBotsOnly)),
    ("complete", contract(KnowsBotsOfTenantsWithAnAgentOnly)),
    ("complete", contract(HidesRowsOfOthers)),
    ("complete", contract(CutsStoredBots)),
    ("complete", contract(StripsStoredM365Tenants)),
    ("complete", contract(ReadsTenChannelsAtMost)),
    ("complete", contract(CutsNames)),
    ("exact", contract(TakesTheLinksOfOthers)),
    ("exact", contract(TellsRowsTwice)),
    ("exact", contract(KnowsEveryBot)),
    ("absent", contract(ProbesForABot)),
    ("absent", contract(TakesTheFirstOfAllThatMatch)),
    ("absent", contract(IgnoresCase)),
    ("absent", contract(IgnoresSpaces)),
    ("absent", contract(HasNumbersOf32Bits)),
    ("one_look_up", contract(ReadsLater)),
    ("one_snapshot", contract(ReadsTwice, replace=replace)),
    ("one_snapshot", contract(ReadsOneByOne, replace=replace)),
    ("one_snapshot", contract(ReadsSomeBefore, replace=replace)),
    ("one_snapshot", contract(KeepsAgents, replace=replace)),
    ("one_snapshot", contract(KeepsAnswers, replace=replace)),
    ("one_snapshot", contract(KeepsThatThereIsNoRow, replace=replace)),
    ("batch", contract(LinksByM365TenantOnly)),
    ("batch", contract(LosesEachNineHundredth)),
    ("batch", contract(ForgetsTheThirdOfABatch)),
    ("batch", contract(ReadsAThousandAtMost)),
    ("row_order", contract(NeedsChannelsInOrder)),
    ("normal_forms", contract(ComparesBotsAsTheyAreWritten)),
    ("normal_forms", contract(ComparesM365TenantsAsTheyAreWritten)),
    ("hostile", contract(TakesNoNul)),
    ("hostile", contract(TakesValidUnicodeOnly)),
    ("many_callers", contract(SharesACursor, examples=2)),
    ("many_callers", contract(KeepsItsLastResult, examples=2)),
    ("many_callers", contract(SharesAConnection, examples=2)),
    ("many_callers", contract(SharesABuilder, examples=2)),
    ("many_callers", contract(SharesAPolicy, examples=2)),
    ("many_callers", contract(ShowsRowsToItsOpenerOnly, examples=2)),
    ("many_callers", contract(TakesNoTwoAtATime, examples=2)),
    *(("one_relation", contract(swallowing(relation), broken=broken, examples=2)) for relation in Relation),
    ("one_relation", contract(RaisesForBatchesOnly, broken=broken, examples=2)),
    ("one_relation", contract(RaisesOneByOneOnly, broken=broken, examples=2)),
    ("one_relation", contract(AnswersWhereNoChannelIsConcerned, broken=broken, examples=2)),
    ("one_relation", contract(TellsItsDriversError, broken=broken, examples=2)),
    ("one_relation", contract(RemembersAFailureAsNoRows, broken=broken, examples=2)),
    ("evidence", contract(spoilt=spoilt, examples=2)),
    ("evidence", contract(PassesOverWhatMakesNoSense, spoilt=spoilt, examples=2)),
    ("evidence", contract(GuessesWhatIsMissing, spoilt=spoilt, examples=2)),
    ("outage", contract(outage=lambda _: nullcontext(Down()))),
    ("outage", contract(outage=lambda _: nullcontext(Down(OSError("refused"))))),
    ("outage", contract(outage=lambda _: nullcontext(Down(DirectoryUnavailable("refused"), OSError("refused"))))),
]


@pytest.mark.parametrize(("law", "tested"), BROKEN, ids=[f"{law}-{place}" for place, (law, _) in enumerate(BROKEN)])
def test_a_broken_adapter_fails_the_law_that_it_breaks_and_no_other(
    law: str, tested: type[SessionDirectoryContract], monkeypatch: pytest.MonkeyPatch, thorough: bool
) -> None:
    if law in {"many_callers", "one_relation", "evidence"}:
        monkeypatch.setattr("neo_routing.testing.contract._MANY", 300)  # most of the time goes into ten thousand
    # To see that it breaks no other takes ten times as long.
    found = broken_laws(tested) if thorough else broken_laws(tested, law)
    assert found, f"{law} is not broken"
    assert {name for name in found if not name.startswith(f"test_{law}_")} == set(), found


@pytest.mark.parametrize(
    "fields",
    [
        ("tenants",),
        ("managed_agents",),
        ("white_label_bots",),
        ("known_bots",),
        ("active_channels", "active_installations", "disconnected_channels", "disconnected_installations"),
        ("conversational_agents", "triggered_agents", "agent_names"),
        ("end_companies", "end_company_names"),
    ],
)
def test_no_relation_can_be_read_before_the_others(fields: tuple[str, ...]) -> None:
    tested = contract(type("ReadsThisBefore", (ReadsSomeBefore,), {"before": fields}), replace=replace)
    with pytest.raises(AssertionError, match="one snapshot: these are the rows of no state"):
        tested().test_one_snapshot_a_decision_is_of_one_state()


def test_every_law_has_a_broken_adapter() -> None:
    laws = {law for law, _ in BROKEN}
    for name in filter(is_test, {*dir(SessionDirectoryContract), *dir(AsyncSessionDirectoryContract)}):
        assert any(name.startswith(f"test_{law}_") for law in laws), name


def test_the_message_shows_what_was_lost_the_call_and_the_smallest_world() -> None:
    settings.load_profile("shrinking")
    found = broken_laws(contract(LosesPausedInstallations), "complete")
    message = found["test_complete_every_row_that_a_decision_can_need_comes_back"]
    told, shown = message.partition("in the directory\n")[::2]
    what, lost, asked, needed, _ = told.split("\n")
    assert what == "complete: a row that this decision can need was left out:"
    assert lost.startswith("  DISCONNECTED installation of bot 'helpdesk' for M365 tenant ")
    assert re.match("asked: platform of '[a-z-]+' with managed_agent_key 'NEO_SUPPORT', bot_id 'helpdesk', ", asked)
    assert re.match("needed: '[a-z-]+', None, 'NEO_SUPPORT', 'helpdesk', ", needed)
    document, _ = json.JSONDecoder().raw_decode(shown)
    assert {name: len(rows) for name, rows in document.items()} == {
        "tenants": 1,
        "agents": 0,
        "channels": 1,
        "end_companies": 0,
    }


def test_a_directory_that_opens_wrongly_is_told_from_a_broken_one() -> None:
    with pytest.raises(TypeError, match="is no context manager: write the method with `yield`, under @contextmanager"):
        contract(directory=lambda _, world: world.directory())().test_row_order_means_nothing()
    with pytest.raises(NotImplementedError, match="SessionDirectoryContract needs a method `directory`"):
        SessionDirectoryContract().test_row_order_means_nothing()


# The same laws, awaited


class Awaited:
    def __init__(self, directory: ListDirectory) -> None:
        self.directory = directory

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        await asyncio.sleep(0)
        return self.directory.look_up(needed)


class AwaitedReadingTwice(Awaited):
    """Lets others write between one decision of a batch and the next."""

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        store, builder = self.directory.store, RowsBuilder()
        for one in needed:
            replaced, before = store.replaced, store.document
            if store.is_being_written:
                await asyncio.to_thread(store.wait_for_the_next, replaced)
            self.directory.add(builder, one, before, store.document)
        return builder.rows()


class TestAwaited(AsyncSessionDirectoryContract):
    """What opens and closes in the event loop."""

    @asynccontextmanager
    async def directory(self, world):
        self.store, loop = Store(world.document()), asyncio.get_running_loop()
        yield Awaited(Careful(self.store))
        await asyncio.sleep(0)
        assert asyncio.get_running_loop() is loop

    @contextmanager
    def outage(self):
        yield Awaited(Down(DirectoryUnavailable()))

    async def replace(self, directory, world):
        await asyncio.to_thread(directory.directory.store.replace, world.document())

    @asynccontextmanager
    async def broken(self, relation):
        with broken(self, relation):
            yield Awaited(Careful(self.store))

    spoilt = spoilt


class AwaitedKeepingItsQuestion(Awaited):
    """Sends the question, and fetches the answer to what was sent last."""

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        self.sent = needed
        await asyncio.sleep(0)
        return self.directory.look_up(self.sent)


class AwaitedLeavingAnswers(Awaited):
    """Takes the answers from the wire in the order of the questions, and leaves one there if it is cancelled."""

    def __init__(self, directory: ListDirectory) -> None:
        super().__init__(directory)
        self.wire: list[Rows] = []

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        self.wire.append(self.directory.look_up(needed))
        await asyncio.sleep(0)
        return self.wire.pop(0)


class AwaitedTakingNoRowsForACancelledCall(Awaited):
    """Breaks its connection off when it is cancelled, and reads nothing from it from then on."""

    closed = False

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        if self.closed:
            return NO_ROWS
        try:
            return await super().look_up(needed)
        except asyncio.CancelledError:
            self.closed = True
            raise


class AwaitedSwallowing(Awaited):
    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        try:
            return await super().look_up(needed)
        except DirectoryUnavailable:
            return NO_ROWS


class ReadingTwice(TestAwaited):
    broken = AsyncSessionDirectoryContract.broken
    spoilt = AsyncSessionDirectoryContract.spoilt

    @contextmanager
    def directory(self, world):
        yield AwaitedReadingTwice(ListDirectory(Store(world.document())))

    def replace(self, directory, world):
        directory.directory.store.replace(world.document())


class NeverOpens(AsyncSessionDirectoryContract):
    @asynccontextmanager
    async def directory(self, world):
        raise OSError("connection refused")
        yield


def test_an_awaited_adapter_that_reads_twice_fails_the_law_of_the_snapshot_and_no_other(thorough: bool) -> None:
    found = broken_laws(ReadingTwice) if thorough else broken_laws(ReadingTwice, "one_snapshot")
    assert {name.partition("_a_")[0] for name in found} == {"test_one_snapshot"}


def awaited(adapter: type[Awaited], **methods: Any) -> type[AsyncSessionDirectoryContract]:
    @asynccontextmanager
    async def opened(tested: Any, world: World) -> AsyncIterator[Awaited]:
        tested.store = Store(world.document())
        yield adapter(Careful(tested.store))

    return type("TestAwaited", (AsyncSessionDirectoryContract,), {"examples": 2, "directory": opened} | methods)


AT_ONCE = {f"test_many_callers_get_each_{what}" for what in ("its_own_rows", "the_rows_of_its_own_batch")}
CANCELLED = {"test_many_callers_get_nothing_of_a_call_that_was_cancelled"}


@pytest.mark.parametrize(
    ("adapter", "laws"),
    [
        (AwaitedKeepingItsQuestion, AT_ONCE | CANCELLED),
        (AwaitedLeavingAnswers, CANCELLED),
        (AwaitedTakingNoRowsForACancelledCall, CANCELLED),
    ],
)
def test_an_awaited_adapter_that_gives_somebody_the_answer_of_another_call_is_found(
    adapter: type[Awaited], laws: set[str], thorough: bool
) -> None:
    tested = awaited(adapter)
    found = broken_laws(tested) if thorough else broken_laws(tested, "many_callers")
    assert found.keys() == laws


def test_an_awaited_adapter_that_swallows_the_failure_of_a_relation_is_found() -> None:
    found = broken_laws(awaited(AwaitedSwallowing, broken=broken, spoilt=spoilt))
    assert found.keys() == {
        *(f"test_one_relation_that_fails_is_never_taken_for_one_without_rows[{relation}]" for relation in Relation),
        *(f"test_evidence_a_row_that_makes_no_sense_is_never_passed_over[{relation}]" for relation in SPOILT),
    }


@pytest.mark.parametrize("tested", [contract(), awaited(Awaited)])
def test_a_relation_that_cannot_fail_is_skipped_with_its_reason(tested: type[Any]) -> None:
    @contextmanager
    def cannot(_: object, relation: Relation) -> Iterator[None]:
        pytest.skip(f"{relation} cannot fail")
        yield

    @contextmanager
    def fails(_: object, relation: Relation) -> Iterator[None]:
        raise OSError(f"{relation} cannot be renamed")
        yield

    for method, raised in ((cannot, pytest.skip.Exception), (fails, OSError)):
        another = type("TestDirectory", (tested,), {"broken": method})
        with pytest.raises(raised, match="links cannot"):
            another().test_one_relation_that_fails_is_never_taken_for_one_without_rows(Relation.LINKS)


def test_a_directory_that_answers_its_opener_only_says_that_nothing_was_shown() -> None:
    class AnswersItsOpenerOnly(ShowsRowsToItsOpenerOnly):
        def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
            if current_thread() is not self.opener:
                raise DirectoryUnavailable
            return super().look_up(needed)

    with pytest.raises(pytest.skip.Exception, match="TestDirectory answers its opener only"):
        contract(AnswersItsOpenerOnly)().test_many_callers_get_each_its_own_rows()


def test_an_awaited_adapter_that_cannot_be_opened_says_why() -> None:
    with pytest.raises(OSError, match="connection refused"):
        NeverOpens().test_row_order_means_nothing()


# As somebody runs it who has pytest, and nothing else

SUITE = """
from contextlib import asynccontextmanager, contextmanager
from neo_routing.testing import AsyncSessionDirectoryContract, SessionDirectoryContract

class TestMine(SessionDirectoryContract):
    examples = 3

    @contextmanager
    def directory(self, world):
        yield world.directory()

class TestAnother(TestMine):
    @contextmanager
    def directory(self, world):
        yield type(world)().directory()

class Awaited:
    def __init__(self, directory):
        self.directory = directory

    async def look_up(self, needed, /):
        return self.directory.look_up(needed)

class TestAwaited(AsyncSessionDirectoryContract):
    examples = 3

    @asynccontextmanager
    async def directory(self, world):
        yield Awaited(world.directory())
"""


def test_the_kit_runs_strictly_under_pytest_alone(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(SUITE)
    (tmp_path / "pytest.toml").write_text('[pytest]\nstrict = true\nfilterwarnings = ["error"]\naddopts = ["-rsf"]\n')
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"],
        cwd=tmp_path,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "SKIPPED" in run.stdout
    assert "TestMine has no method `replace`, so that a decision sees one committed state" in run.stdout
    assert "TestMine has no method `broken`, so that a relation which fails alone" in run.stdout
    assert "TestMine has no method `spoilt`, so that a row which makes no sense" in run.stdout
    assert "TestAwaited has no method `outage`, so that an outage raises DirectoryUnavailable" in run.stdout
    assert "FAILED test_mine.py::TestAnother::test_complete_a_row_comes_back_whatever_it_holds" in run.stdout
    assert "FAILED test_mine.py::TestMine" not in run.stdout
    assert "FAILED test_mine.py::TestAwaited" not in run.stdout
