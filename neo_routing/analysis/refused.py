"""What is refused because of what the directory holds: each class of which that is so, with its subject.

Each is decided by the clauses' own functions, and what several classes have in common is decided once: the answer on an
installation does not depend on `client_id`, and all that ends at a tenant's Neo Support rests on one step. To make a
request of each class and decide that takes three times as long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from neo_routing.analysis.analysed import Analysed
from neo_routing.analysis.bots import Bots
from neo_routing.analysis.call_set import CallSet
from neo_routing.analysis.classes import neo_support_classes
from neo_routing.analysis.finding import Finding
from neo_routing.analysis.layers import by_owner, installations_of, installed_keys, linked_channels, pauses_of
from neo_routing.analysis.request_class import RequestClass
from neo_routing.analysis.sets import own_managed_agent, with_channel
from neo_routing.analysis.subject import Severity, Subject, SubjectKind
from neo_routing.analysis.which import Layer, Which
from neo_routing.clauses import Clause
from neo_routing.directory import ManagedAgentKey
from neo_routing.findings import AgentFinding
from neo_routing.routing import (
    active_channel,
    channel_agent,
    end_company,
    neo_support,
    white_label_installation,
)
from neo_routing.routing import own_managed_agent as own_managed_agent_clause
from neo_routing.rows import ChannelRow
from neo_routing.step import Step

# As in `sets`: it is asked for so often that asking takes a while.
_ABSENT: Final = Which.ABSENT
_ONE: Final = Which.ONE
_OTHER: Final = Which.OTHER
_ACTIVE_CHANNEL: Final = Layer.ACTIVE_CHANNEL
_CHANNEL: Final = SubjectKind.CHANNEL
_END_COMPANY: Final = Clause.END_COMPANY
_ERROR: Final = Severity.ERROR
_EXPECTED: Final = Severity.EXPECTED
_made: Final = tuple.__new__  # the constructor of a named tuple is a function of Python, and takes twice the time


class Refused:
    """Goes through the classes of a directory, and keeps which channels somebody arrives at."""

    def __init__(self, directory: Analysed) -> None:
        self._directory = directory
        self._rows = directory.rows
        self.reached: set[str] = set()
        """The ids of the channels that some class has a session on."""
        # Of each owner and M365 tenant without a single company, and the step that says so: the classes refused for it.
        self._without_scope: dict[tuple[str, str, Step], list[CallSet]] = {}

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each class that is refused; those of one subject come one after the other."""
        yield from self._installations()
        yield from self._channels()
        yield from self._links()
        yield from self._managed_agents()

    def _installations(self) -> Iterator[Finding]:
        for bot_id, m365_tenant_id in installed_keys(self._rows):
            step, _, _, channels = white_label_installation(bot_id, m365_tenant_id, self._rows)
            if step.code is None:
                step = self._on_channel(channels[0], m365_tenant_id)
            if step.clause is _END_COMPANY:
                self._note_links(channels[0], m365_tenant_id, step, installations_of(bot_id, m365_tenant_id))
            elif step.code is not None:
                subject = _installation(bot_id, m365_tenant_id, channels, step)
                for calls in installations_of(bot_id, m365_tenant_id):
                    yield self._finding(_ERROR, subject, step, calls)

    def _channels(self) -> Iterator[Finding]:
        other_id = self._directory.nowhere.m365_tenant_id
        for owner_id, bot_id in self._rows.active_channels:
            matched, _, _, channels = active_channel(owner_id, bot_id, self._rows)
            subject: Subject | None = None
            for which, m365_tenant_id in ((_ABSENT, None), (_OTHER, other_id)):
                step = matched if matched.code is not None else self._on_channel(channels[0], m365_tenant_id)
                if step.code is not None:
                    severity = _EXPECTED if step.clause is _END_COMPANY else _ERROR
                    subject = subject or _of_channels(bot_id, channels)
                    calls = with_channel(_ACTIVE_CHANNEL, owner_id, bot_id, which)
                    yield self._finding(severity, subject, step, calls)
        for owner_id, bot_id, m365_tenant_id in linked_channels(self._rows):
            yield from self._linked(owner_id, bot_id, m365_tenant_id)

    def _linked(self, owner_id: str, bot_id: str, m365_tenant_id: str) -> Iterator[Finding]:
        channels = self._rows.active_channels[owner_id, bot_id]
        step = self._on_channel(channels[0], m365_tenant_id)
        calls = with_channel(_ACTIVE_CHANNEL, owner_id, bot_id, _ONE, m365_tenant_id)
        if step.clause is _END_COMPANY:
            self._note_links(channels[0], m365_tenant_id, step, [calls])
        elif step.code is not None:
            yield self._finding(_ERROR, _of_channels(bot_id, channels), step, calls)

    def _on_channel(self, channel: ChannelRow, m365_tenant_id: str | None) -> Step:
        """Return the last step of a session on a channel that was matched; if none refuses, the channel is reached."""
        channel_id, owner_id, agent_id, white_label, _ = channel
        step, _, _, _ = end_company(owner_id, white_label, m365_tenant_id, self._rows)
        if step.code is not None:
            return step
        step, _, _, _ = channel_agent(owner_id, agent_id, self._rows)
        if step.code is None:
            self.reached.add(channel_id)
        return step

    def _note_links(self, channel: ChannelRow, m365_tenant_id: str, step: Step, classes: Iterable[CallSet]) -> None:
        _, owner_id, _, _, _ = channel
        self._without_scope.setdefault((owner_id, m365_tenant_id, step), []).extend(classes)

    def _links(self) -> Iterator[Finding]:
        for (owner_id, m365_tenant_id, step), classes in self._without_scope.items():
            subject = Subject(
                kind=SubjectKind.INSTALLATION,
                tenant_ids=(owner_id,),
                m365_tenant_ids=(m365_tenant_id,),
                bot_ids=tuple(sorted({str(calls.bot_id) for calls in classes})),
                end_company_ids=tuple(sorted(self._rows.end_companies.get((owner_id, m365_tenant_id), ()))),
            )
            for calls in classes:
                yield self._finding(_ERROR, subject, step, calls)

    def _managed_agents(self) -> Iterator[Finding]:
        bots, rows, keys = Bots(self._rows), self._rows, tuple(ManagedAgentKey)
        paused = by_owner(key for key in rows.disconnected_channels if key not in rows.active_channels)
        for tenant_id in rows.tenants:
            found = neo_support(tenant_id, rows)
            step, _, _, _ = found
            if step.code is not None:
                pauses = chain.from_iterable(pauses_of(tenant_id, bot_id) for bot_id in paused.get(tenant_id, ()))
                classes = neo_support_classes(self._directory, tenant_id, bots)
                yield from self._of_tenant(found, chain(classes, map(self._class, pauses)))
            for key in keys:
                found = own_managed_agent_clause(tenant_id, key, rows)
                step, _, _, _ = found
                if step.code is not None:
                    yield from self._of_tenant(found, [self._class(own_managed_agent(tenant_id, key))])

    def _of_tenant(self, found: AgentFinding, classes: Iterable[RequestClass]) -> Iterator[Finding]:
        step, tenant_id, _, agent_ids = found
        subject = Subject(kind=SubjectKind.TENANT, tenant_ids=(tenant_id,), agent_ids=tuple(sorted(agent_ids)))
        for each in classes:
            yield _made(Finding, (_ERROR, subject, step.clause, step.reason, each))

    def _finding(self, severity: Severity, subject: Subject, step: Step, calls: CallSet) -> Finding:
        request_class = _made(RequestClass, (calls, self._directory, None))
        return _made(Finding, (severity, subject, step.clause, step.reason, request_class))

    def _class(self, calls: CallSet) -> RequestClass:
        return RequestClass(calls, self._directory)


def _installation(bot_id: str, m365_tenant_id: str, channels: tuple[ChannelRow, ...], step: Step) -> Subject:
    about = _of_channels(bot_id, channels)
    if step.clause is Clause.CHANNEL_AGENT:
        return about
    return about._replace(kind=SubjectKind.INSTALLATION, m365_tenant_ids=(m365_tenant_id,), agent_ids=())


def _of_channels(bot_id: str, channels: tuple[ChannelRow, ...]) -> Subject:
    if len(channels) == 1:
        channel_id, owner_id, agent_id, _, _ = channels[0]
        return Subject(_CHANNEL, (owner_id,), (), (bot_id,), (channel_id,), (agent_id,))
    return Subject(
        kind=_CHANNEL,
        tenant_ids=tuple(sorted({owner_id for _, owner_id, _, _, _ in channels})),
        bot_ids=(bot_id,),
        channel_ids=tuple(sorted([channel_id for channel_id, _, _, _, _ in channels])),
        agent_ids=tuple(sorted({agent_id for _, _, agent_id, _, _ in channels})),
    )
