"""What came nearest to what a decision looked for and did not find: facts about rows, for operators.

Nothing is decided here a second time. Each step that was passed over, or that refused because something was not there,
says by its trace what it looked for; the rows that are like that but for one thing are looked up, nearest first. What
is told rests on rows that are there, or on an absence that every slice shows: so a slice tells less than the whole
directory, and nothing that is not so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from neo_routing import steps
from neo_routing.clauses import Clause, Reason, Verdict
from neo_routing.decision import Decision
from neo_routing.names import Name
from neo_routing.near_rows import (
    OwnedEndCompany,
    channels_installed_for,
    channels_with,
    companies_linked_to,
    conversational_agents_of,
    linked_companies_of,
    tenants_alike,
    unlinked_companies_of,
)
from neo_routing.rows import Rows
from neo_routing.step import Step
from neo_routing.trace import TracedAgent, TracedChannel, TraceStep


class Miss(Name):
    """What kept the nearest rows from being what a step looked for; for each step, nearest first."""

    TENANT_IN_ANOTHER_SPELLING = "tenant_in_another_spelling"
    TENANT_UNKNOWN = "tenant_unknown"
    AGENTS_WITHOUT_THE_KEY = "agents_without_the_key"
    INSTALLED_ON_A_DISCONNECTED_CHANNEL = "installed_on_a_disconnected_channel"
    M365_TENANT_NOT_SAID = "m365_tenant_not_said"
    INSTALLED_ON_A_STANDARD_CHANNEL = "installed_on_a_standard_channel"
    NOT_AMONG_THE_INSTALLATIONS = "not_among_the_installations"
    ON_STANDARD_CHANNELS_ONLY = "on_standard_channels_only"
    INSTALLED_WITH_ANOTHER_BOT = "installed_with_another_bot"
    OWN_CHANNEL_DISCONNECTED = "own_channel_disconnected"
    CHANNEL_OF_ANOTHER_TENANT = "channel_of_another_tenant"
    BOT_UNKNOWN = "bot_unknown"
    LINKED_BY_ANOTHER_TENANT = "linked_by_another_tenant"
    COMPANIES_WITHOUT_A_LINK = "companies_without_a_link"
    COMPANIES_LINKED_ELSEWHERE = "companies_linked_elsewhere"


class NearestMiss(NamedTuple):
    """What came nearest to what a clause looked for: all such rows, sorted by their ids.

    They may be of any tenant, so this is for operators alone.
    """

    clause: Clause
    miss: Miss
    tenant_ids: tuple[str, ...] = ()
    agents: tuple[TracedAgent, ...] = ()
    channels: tuple[TracedChannel, ...] = ()
    end_companies: tuple[OwnedEndCompany, ...] = ()


def nearest_misses(decision: Decision, rows: Rows) -> tuple[NearestMiss, ...]:
    """Return the nearest miss of each step that did not find what it looked for, in the order of the steps.

    There is none for a step that nothing came near. The rows are the whole directory, which takes time that grows with
    it; or those that the decision rests on, or whatever part of a directory is at hand.

    >>> from neo_routing import Caller, CallerKind, Channel, HeldRows, Tenant, content_of, decide_body
    >>> channel = Channel(id="ch-1", tenant_id="msp-a", agent_id=12, bot_id="helpdesk", white_label=True)
    >>> content = content_of(tenants=[Tenant(id="msp-a")], channels=[channel])
    >>> body = {"managed_agent_key": "NEO_SUPPORT", "bot_id": "helpdesk", "inbound_tenant_id": "contoso.example"}
    >>> decision = decide_body(Caller(CallerKind.PLATFORM, "hq"), body, HeldRows(content))
    >>> [(str(near.clause), str(near.miss)) for near in nearest_misses(decision, content)][0]
    ('white-label-installation', 'not_among_the_installations')
    """
    found = (next(_near(step, rows), None) for step in decision.trace)
    return tuple([near for near in found if near is not None])


class IdsSought(NamedTuple):
    """The ids by which the steps of a decision looked for rows; what comes near, or mends it, is found by these."""

    tenant_ids: frozenset[str]
    bot_ids: frozenset[str]
    m365_tenant_ids: frozenset[str]


def ids_sought(decision: Decision) -> IdsSought:
    """Return the ids by which the steps looked that found nothing, or found what blocks the call."""
    blocks = _FOUND if decision.refusal is not None and decision.refusal.status == _BLOCKED else ()
    found = [
        pair
        for step in decision.trace
        if (step.clause, step.reason) in _LOOKS or step.verdict in blocks
        for pair in step.sought
    ]
    return IdsSought(*(frozenset(str(each) for name, each in found if name == sort) for sort in _SORTS))


_SORTS: Final = ("tenant_id", "bot_id", "m365_tenant_id")
_FOUND: Final = (Verdict.MATCHED, Verdict.REFUSED)
_BLOCKED: Final = 409
"""The status of all that the directory's state blocks, and that can be mended there."""


def _near(step: TraceStep, rows: Rows) -> Iterator[NearestMiss]:
    """Yield what came near to what the step looked for, nearest first."""
    look = _LOOKS.get((step.clause, step.reason))
    if look is not None:
        for miss, told in look(step, dict(step.sought), rows):
            yield NearestMiss(step.clause, miss, **told)


_Told: TypeAlias = Iterator[tuple[Miss, dict[str, Any]]]


def _no_tenant(_: TraceStep, sought: Mapping[str, Any], rows: Rows) -> _Told:
    if sought["tenant_id"] in rows.tenants:
        return
    alike = tenants_alike(sought["tenant_id"], rows)
    if alike:
        yield Miss.TENANT_IN_ANOTHER_SPELLING, {"tenant_ids": alike}


def _no_own_agent(step: TraceStep, sought: Mapping[str, Any], rows: Rows) -> _Told:
    yield from _no_tenant(step, sought, rows)
    if sought["tenant_id"] not in rows.tenants:
        yield Miss.TENANT_UNKNOWN, {}


def _no_managed_agent(step: TraceStep, sought: Mapping[str, Any], rows: Rows) -> _Told:
    yield from _no_own_agent(step, sought, rows)
    agents = conversational_agents_of(sought["tenant_id"], rows)
    if agents:
        yield Miss.AGENTS_WITHOUT_THE_KEY, {"agents": agents}


def _paused_installation(step: TraceStep, _: Mapping[str, Any], __: Rows) -> _Told:
    yield Miss.INSTALLED_ON_A_DISCONNECTED_CHANNEL, {"channels": step.channels}


def _no_m365_tenant(_: TraceStep, sought: Mapping[str, Any], rows: Rows) -> _Told:
    if sought["bot_id"] in rows.white_label_bots:
        yield Miss.M365_TENANT_NOT_SAID, {"channels": _white_label(channels_with(sought["bot_id"], rows))}


def _no_installation(_: TraceStep, sought: Mapping[str, Any], rows: Rows) -> _Told:
    bot_id, m365_tenant_id = sought["bot_id"], sought["m365_tenant_id"]
    channels, installations = channels_with(bot_id, rows), rows.standard_installations
    on_standard = tuple([each for each in channels if m365_tenant_id in installations.get(each.id, ())])
    if on_standard:
        yield Miss.INSTALLED_ON_A_STANDARD_CHANNEL, {"channels": on_standard}
    if bot_id in rows.white_label_bots:
        yield Miss.NOT_AMONG_THE_INSTALLATIONS, {"channels": _white_label(channels)}
    if bot_id in rows.known_bots:
        yield Miss.ON_STANDARD_CHANNELS_ONLY, {"channels": channels}
    others = channels_installed_for(m365_tenant_id, rows)
    if others:
        yield Miss.INSTALLED_WITH_ANOTHER_BOT, {"channels": others}
    yield Miss.BOT_UNKNOWN, {}


def _no_active_channel(step: TraceStep, sought: Mapping[str, Any], rows: Rows) -> _Told:
    if step.channels:
        yield Miss.OWN_CHANNEL_DISCONNECTED, {"channels": step.channels}
    if sought["bot_id"] in rows.known_bots:
        yield Miss.CHANNEL_OF_ANOTHER_TENANT, {"channels": channels_with(sought["bot_id"], rows)}
    yield Miss.BOT_UNKNOWN, {}


def _no_link(_: TraceStep, sought: Mapping[str, Any], rows: Rows) -> _Told:
    for miss, companies in (
        (Miss.LINKED_BY_ANOTHER_TENANT, companies_linked_to(sought["m365_tenant_id"], rows)),
        (Miss.COMPANIES_WITHOUT_A_LINK, unlinked_companies_of(sought["tenant_id"], rows)),
        (Miss.COMPANIES_LINKED_ELSEWHERE, linked_companies_of(sought["tenant_id"], rows)),
    ):
        if companies:
            yield miss, {"end_companies": companies}


def _white_label(channels: tuple[TracedChannel, ...]) -> tuple[TracedChannel, ...]:
    return tuple([each for each in channels if each.white_label])


_LOOKS_OF_STEPS: Final[Mapping[Step, Callable[[TraceStep, Mapping[str, Any], Rows], _Told]]] = {
    steps.OWN_AGENT.missing: _no_own_agent,
    steps.OWN_AGENT.foreign: _no_own_agent,
    steps.OWN_MANAGED_AGENT.missing: _no_managed_agent,
    steps.INSTALLATION_WITHOUT_M365_TENANT: _no_m365_tenant,
    steps.NO_INSTALLATION: _no_installation,
    steps.INSTALLATION_DISCONNECTED: _paused_installation,
    steps.NO_ACTIVE_CHANNEL: _no_active_channel,
    steps.NEO_SUPPORT_WITHOUT_TENANT: _no_tenant,
    steps.NEO_SUPPORT.missing: _no_managed_agent,
    steps.NO_COMPANY_LINKED: _no_link,
}
_LOOKS: Final[Mapping[tuple[Clause, Reason], Callable[[TraceStep, Mapping[str, Any], Rows], _Told]]] = {
    (step.clause, step.reason): look for step, look in _LOOKS_OF_STEPS.items()
}
