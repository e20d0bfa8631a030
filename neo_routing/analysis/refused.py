"""What is refused because of what the directory holds: each class of which that is so, with its subject.

Each is decided by the clauses' own functions. What several classes have in common is decided once: the answer on an
installation does not depend on `client_id`, and all that ends at a tenant's Neo Support rests on one step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, Final

from returns.result import Failure

from neo_routing.analysis.analysed import Analysed
from neo_routing.analysis.bots import Bots
from neo_routing.analysis.call_set import CallSet
from neo_routing.analysis.classes import neo_support_classes
from neo_routing.analysis.finding import Finding
from neo_routing.analysis.layers import active_channels, by_owner, installations_of, installed_keys, pauses_of
from neo_routing.analysis.representatives import asked, caller_of
from neo_routing.analysis.request_class import RequestClass
from neo_routing.analysis.sets import own_managed_agent
from neo_routing.analysis.subject import Severity, Subject, SubjectKind
from neo_routing.analysis.which import Which
from neo_routing.caller import CallerKind
from neo_routing.clauses import Clause
from neo_routing.directory import ManagedAgentKey
from neo_routing.findings import AgentFinding
from neo_routing.findings import Finding as Noted
from neo_routing.routing import neo_support, platform_session
from neo_routing.routing import own_managed_agent as own_managed_agent_clause
from neo_routing.step import Step


class Refused:
    """Goes through the classes of a directory, and keeps which channels somebody arrives at."""

    def __init__(self, directory: Analysed) -> None:
        self._directory = directory
        self._rows = directory.rows
        self._caller = caller_of(CallerKind.PLATFORM, directory.nowhere.tenant_id)
        self.reached: set[str] = set()
        """The ids of the channels that some class has a session on."""
        # Of each owner and M365 tenant without a single company, and the step that says so: the classes refused for it.
        self._without_scope: dict[tuple[str, str, Step], list[CallSet]] = {}

    def findings(self) -> Iterator[Finding]:
        """Yield a finding for each class that is refused; those of one subject come one after the other."""
        for bot_id, m365_tenant_id in installed_keys(self._rows):
            noted = self._refusal(None, bot_id, m365_tenant_id)
            if noted:
                yield from self._told(noted, installations_of(bot_id, m365_tenant_id), bot_id)
        for calls in active_channels(self._rows):
            noted = self._refusal(calls.tenant_id, calls.bot_id, self._m365_tenant_id(calls))
            if noted:
                yield from self._told(noted, (calls,), str(calls.bot_id))
        yield from self._links()
        yield from self._managed_agents()

    def _refusal(self, client_id: str | None, bot_id: str | None, m365_tenant_id: str | None) -> tuple[Noted, ...]:
        """Decide, and return what the clauses noted if they refuse; else note where the session goes."""
        answer, _, noted = platform_session(self._caller, asked(client_id, bot_id, m365_tenant_id), self._rows)
        if isinstance(answer, Failure):
            return noted
        self.reached.add(str(answer.unwrap().channel_id))
        return ()

    def _m365_tenant_id(self, calls: CallSet) -> str | None:
        if calls.m365_tenant is Which.ABSENT:
            return None
        return calls.m365_tenant_id or self._directory.nowhere.m365_tenant_id

    def _told(self, noted: tuple[Noted, ...], classes: Iterable[CallSet], bot_id: str) -> Iterator[Finding]:
        step, owner_id, m365_tenant_id, _ = noted[-1]
        severity, subject = Severity.ERROR, _SUBJECTS[step.clause](noted, bot_id)
        for calls in classes:
            if step.clause is Clause.END_COMPANY and calls.m365_tenant is Which.ONE:
                self._without_scope.setdefault((str(owner_id), str(m365_tenant_id), step), []).append(calls)
                continue
            if step.clause is Clause.END_COMPANY:
                severity = Severity.EXPECTED
            yield self._finding(severity, subject, step, RequestClass(calls, self._directory))

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
                yield self._finding(Severity.ERROR, subject, step, RequestClass(calls, self._directory))

    def _managed_agents(self) -> Iterator[Finding]:
        bots, rows = Bots(self._rows), self._rows
        paused = by_owner(key for key in rows.disconnected_channels if key not in rows.active_channels)
        for tenant_id in rows.tenants:
            found = neo_support(tenant_id, rows)
            if found[0].code is not None:
                pauses = (pauses_of(tenant_id, bot_id) for bot_id in paused.get(tenant_id, ()))
                classes = (RequestClass(calls, self._directory) for calls in chain.from_iterable(pauses))
                yield from self._of_tenant(found, chain(neo_support_classes(self._directory, tenant_id, bots), classes))
            for key in ManagedAgentKey:
                found = own_managed_agent_clause(tenant_id, key, rows)
                if found[0].code is not None:
                    yield from self._of_tenant(
                        found, [RequestClass(own_managed_agent(tenant_id, key), self._directory)]
                    )

    def _of_tenant(self, found: AgentFinding, classes: Iterable[RequestClass]) -> Iterator[Finding]:
        step, tenant_id, _, agent_ids = found
        subject = Subject(kind=SubjectKind.TENANT, tenant_ids=(tenant_id,), agent_ids=tuple(sorted(agent_ids)))
        for each in classes:
            yield self._finding(Severity.ERROR, subject, step, each)

    def _finding(self, severity: Severity, subject: Subject, step: Step, request_class: RequestClass) -> Finding:
        return Finding(
            severity=severity, subject=subject, clause=step.clause, reason=step.reason, request_class=request_class
        )


def _installation(noted: tuple[Any, ...], bot_id: str) -> Subject:
    _, _, m365_tenant_id, channels = noted[-1]
    return Subject(
        kind=SubjectKind.INSTALLATION,
        tenant_ids=tuple(sorted({owner_id for _, owner_id, _, _, _ in channels})),
        m365_tenant_ids=(m365_tenant_id,),
        bot_ids=(bot_id,),
        channel_ids=tuple(sorted(channel_id for channel_id, _, _, _, _ in channels)),
    )


def _channels(noted: tuple[Any, ...], bot_id: str, channels_noted: int = -1) -> Subject:
    _, _, _, channels = noted[channels_noted]
    return Subject(
        kind=SubjectKind.CHANNEL,
        tenant_ids=tuple(sorted({owner_id for _, owner_id, _, _, _ in channels})),
        bot_ids=(bot_id,),
        channel_ids=tuple(sorted(channel_id for channel_id, _, _, _, _ in channels)),
        agent_ids=tuple(sorted({agent_id for _, _, agent_id, _, _ in channels})),
    )


# What the clauses note of a channel ends with its scope, and then its agent.
_SUBJECTS: Final[Mapping[Clause, Callable[[tuple[Any, ...], str], Subject]]] = {
    Clause.WHITE_LABEL_INSTALLATION: _installation,
    Clause.ACTIVE_CHANNEL: _channels,
    Clause.END_COMPANY: lambda noted, bot_id: _channels(noted, bot_id, -2),
    Clause.CHANNEL_AGENT: lambda noted, bot_id: _channels(noted, bot_id, -3),
}
