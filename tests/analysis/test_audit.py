"""The audit: sound and complete in what it calls refused, and what it takes for suspicious."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given

from neo_routing import (
    Agent,
    AgentKind,
    Channel,
    ChannelStatus,
    EndCompany,
    ManagedAgentKey,
    Tenant,
)
from neo_routing.analysis import (
    Finding,
    Layer,
    Severity,
    SubjectKind,
    Suspicion,
    audit,
    request_classes,
)
from neo_routing.testing import World, directories
from neo_routing.testing.small_worlds import SCOPES
from tests.programs.analysis_laws import assert_sound_and_complete

KEY = ManagedAgentKey.NEO_SUPPORT
X, Y = "9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a", "3c1f04e2-77c5-4e7b-8a50-9b1d0e9d2b6a"
OTHER = AgentKind.TRIGGERED


def tenant(name: str, number: int) -> tuple[Tenant, tuple[Agent, ...]]:
    """A tenant with three agents: its Neo Support, a help desk and a triggered one."""
    kinds = (AgentKind.CONVERSATIONAL, AgentKind.CONVERSATIONAL, AgentKind.TRIGGERED)
    agents = tuple(
        Agent(id=number + place, tenant_id=name, kind=kind, managed_key=KEY if place == 1 else None)
        for place, kind in enumerate(kinds, start=1)
    )
    return Tenant(id=name), agents


def channel(channel_id: str, owner: str = "msp-a", agent_id: int = 12, **more: Any) -> Channel:
    given: dict[str, Any] = {"bot_id": "helpdesk", "white_label": True, "installed_m365_tenant_ids": [X]}
    return Channel(id=channel_id, tenant_id=owner, agent_id=agent_id, **{**given, **more})


def company(company_id: str, owner: str = "msp-a", *linked: str) -> EndCompany:
    return EndCompany(id=company_id, tenant_id=owner, m365_tenant_ids=linked or [X])


TENANTS, AGENTS = zip(tenant("msp-a", 10), tenant("msp-b", 20), strict=True)
FINE = World(TENANTS, [each for group in AGENTS for each in group], [channel("ch-1")], [company("co-1")])


def found(world: World, *severities: Severity) -> list[Finding]:
    return [each for each in audit(world.content) if each.severity in (severities or (Severity.ERROR,))]


def matters(findings: list[Finding]) -> set[tuple[str, ...]]:
    return {
        (
            str(each.clause),
            str(each.reason),
            *each.subject.tenant_ids,
            *each.subject.m365_tenant_ids,
            *each.subject.bot_ids,
            *each.subject.channel_ids,
        )
        for each in findings
    }


def test_where_nothing_is_wrong_nothing_is_found_but_what_is_expected() -> None:
    assert matters(found(FINE, Severity.ERROR, Severity.NOTICE)) == set()
    assert matters(found(FINE, Severity.EXPECTED)) == {
        ("end-company", "no_inbound_tenant_id", "msp-a", "helpdesk", "ch-1"),
        ("end-company", "no_company_linked", "msp-a", "helpdesk", "ch-1"),
    }
    assert all(each.refused and each.remedies == () for each in found(FINE, Severity.EXPECTED))


WRONG: dict[str, tuple[World, set[tuple[str, ...]]]] = {
    "no company linked, with the bots in a list": (
        evolve(FINE, channels=[channel("ch-1"), channel("ch-2", bot_id="another")], end_companies=[]),
        {("end-company", "no_company_linked", "msp-a", X, "another", "helpdesk")},
    ),
    "several companies linked": (
        evolve(FINE, end_companies=[company("co-1"), company("co-2")]),
        {("end-company", "several_companies_linked", "msp-a", X, "helpdesk")},
    ),
    "several companies linked, and not installed": (
        evolve(
            FINE,
            channels=[channel("ch-1", installed_m365_tenant_ids=[])],
            end_companies=[company("co-1"), company("co-2")],
        ),
        {("end-company", "several_companies_linked", "msp-a", X, "helpdesk")},
    ),
    "installed twice": (
        evolve(FINE, channels=[channel("ch-1"), channel("ch-2", "msp-b", 22)]),
        {("white-label-installation", "several_active_installations", "msp-a", "msp-b", X, "helpdesk", "ch-1", "ch-2")},
    ),
    "paused": (
        evolve(FINE, channels=[channel("ch-1", status=ChannelStatus.DISCONNECTED)]),
        {("white-label-installation", "installation_disconnected", "msp-a", X, "helpdesk", "ch-1")},
    ),
    "clashing channels": (
        evolve(FINE, channels=[channel("ch-1"), channel("ch-2", installed_m365_tenant_ids=[])]),
        {("active-channel", "several_active_channels", "msp-a", "helpdesk", "ch-1", "ch-2")},
    ),
    "the agent is missing": (
        evolve(FINE, channels=[channel("ch-1", agent_id=99)]),
        {("channel-agent", "agent_missing", "msp-a", "helpdesk", "ch-1")},
    ),
    "the agent is missing, and the M365 tenant linked but not installed": (
        evolve(FINE, channels=[channel("ch-1", agent_id=99, installed_m365_tenant_ids=[])]),
        {("channel-agent", "agent_missing", "msp-a", "helpdesk", "ch-1")},
    ),
    "the agent is another tenant's": (
        evolve(FINE, channels=[channel("ch-1", agent_id=22)]),
        {("channel-agent", "agent_of_another_tenant", "msp-a", "helpdesk", "ch-1")},
    ),
    "the agent of a standard channel is triggered": (
        evolve(FINE, channels=[channel("ch-1", agent_id=13, white_label=False, installed_m365_tenant_ids=[])]),
        {("channel-agent", "agent_not_conversational", "msp-a", "helpdesk", "ch-1")},
    ),
    "no Neo Support": (
        evolve(FINE, agents=[each for each in FINE.agents if each.id != 21]),
        {("neo-support", "agent_missing", "msp-b"), ("own-managed-agent", "agent_missing", "msp-b")},
    ),
    "Neo Support twice": (
        evolve(FINE, agents=[evolve(each, managed_key=KEY) if each.id == 22 else each for each in FINE.agents]),
        {("neo-support", "several_agents", "msp-b"), ("own-managed-agent", "several_agents", "msp-b")},
    ),
    "Neo Support is triggered": (
        evolve(FINE, agents=[evolve(each, kind=OTHER) if each.id == 21 else each for each in FINE.agents]),
        {
            ("neo-support", "agent_not_conversational", "msp-b"),
            ("own-managed-agent", "agent_not_conversational", "msp-b"),
        },
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_refused_is_an_error_with_its_subject(what: str) -> None:
    world, expected = WRONG[what]
    errors = found(world)
    assert matters(errors) == expected
    for each in errors:
        last = each.request_class.decision.trace[-1]
        assert (each.refused, each.clause, each.reason) == (True, last.clause, last.reason)


def test_a_tenant_without_neo_support_is_refused_on_its_paused_channels_too() -> None:
    paused = channel("ch-9", status=ChannelStatus.DISCONNECTED, bot_id="desk", white_label=False)
    world = World([Tenant(id="msp-a")], channels=[paused])
    classes = [each.request_class.calls for each in found(world) if each.clause == "neo-support"]
    assert [each.bot_id for each in classes if each.layer is Layer.PAUSED_CHANNEL] == ["desk", "desk"]


SUSPICIOUS: dict[Suspicion, tuple[World, set[tuple[str, ...]]]] = {
    Suspicion.INSTALLED_NOWHERE: (
        evolve(FINE, channels=[channel("ch-1", installed_m365_tenant_ids=[]), channel("ch-2", bot_id="another")]),
        {("msp-a", "helpdesk", "ch-1")},
    ),
    Suspicion.INSTALLED_ON_STANDARD_CHANNEL: (
        evolve(FINE, channels=[channel("ch-1", white_label=False), channel("ch-2", bot_id="b", white_label=True)]),
        {("msp-a", X, "helpdesk", "ch-1")},
    ),
    Suspicion.NOBODY_ARRIVES: (evolve(FINE, end_companies=[]), {("msp-a", "helpdesk", "ch-1")}),
    Suspicion.LINKED_BY_SEVERAL_TENANTS: (
        evolve(
            FINE,
            channels=[channel("ch-1"), channel("ch-2", "msp-b", 22, installed_m365_tenant_ids=[Y])],
            end_companies=[company("co-1"), company("co-2", "msp-b", X, Y)],
        ),
        {("msp-a", "msp-b", X, "helpdesk")},
    ),
    Suspicion.PAUSED_AND_ACTIVE: (
        evolve(
            FINE,
            channels=[channel("ch-1"), channel("ch-2", "msp-b", 22, status=ChannelStatus.DISCONNECTED)],
        ),
        {("msp-a", "msp-b", X, "helpdesk", "ch-1", "ch-2")},
    ),
    Suspicion.TENANT_IDS_ALIKE: (
        World([Tenant(id=each) for each in ("msp-a", "MSP-A", "\uff4dsp-a", "msp-b")]),
        {("MSP-A", "msp-a", "\uff4dsp-a")},
    ),
    Suspicion.NO_GUID: (
        evolve(
            FINE,
            channels=[channel("ch-1", installed_m365_tenant_ids=["contoso.example"])],
            end_companies=[company("co-1", "msp-a", "contoso.example", "tailspin.example", X)],
        ),
        {("msp-a", "contoso.example", "helpdesk"), ("msp-a", "tailspin.example")},
    ),
}


@pytest.mark.parametrize("reason", Suspicion)
def test_what_is_suspicious_is_a_notice_and_refuses_nothing(reason: Suspicion) -> None:
    world, expected = SUSPICIOUS[reason]
    notices = [each for each in found(world, Severity.NOTICE) if each.reason is reason]
    assert {(*matter[2:],) for matter in matters(notices)} == expected
    assert not any(each.refused or each.remedies for each in notices)
    classes = {each.calls for each in request_classes(world.content)}
    assert {each.request_class.calls for each in notices} <= classes
    assert reason not in {each.reason for each in found(FINE, Severity.NOTICE)}


def test_a_tenant_that_pauses_its_own_second_channel_is_not_suspicious() -> None:
    twice = evolve(FINE, channels=[channel("ch-1"), channel("ch-2", status=ChannelStatus.DISCONNECTED)])
    assert Suspicion.PAUSED_AND_ACTIVE not in {each.reason for each in found(twice, Severity.NOTICE)}


def test_a_channel_that_is_active_at_one_tenant_and_paused_at_another_is_suspicious_whatever_else_they_have() -> None:
    paused = channel("ch-2", status=ChannelStatus.DISCONNECTED)
    world = evolve(FINE, channels=[channel("ch-1"), paused, channel("ch-3", "msp-b", 22)])
    notices = [each for each in found(world, Severity.NOTICE) if each.reason is Suspicion.PAUSED_AND_ACTIVE]
    assert [each.subject.tenant_ids for each in notices] == [("msp-a", "msp-b")]


def test_an_m365_tenant_of_a_standard_channel_that_is_no_guid_is_suspicious_too() -> None:
    standard = channel("ch-2", "msp-b", 22, white_label=False, installed_m365_tenant_ids=["contoso.example", X])
    notices = found(evolve(FINE, channels=[channel("ch-1"), standard]), Severity.NOTICE)
    assert matters([each for each in notices if each.reason is Suspicion.NO_GUID]) == {
        ("platform-ids", "no_guid", "msp-b", "contoso.example", "helpdesk")
    }


def test_tenants_that_link_an_m365_tenant_with_bots_of_their_own_are_not_suspicious() -> None:
    apart = evolve(
        FINE,
        channels=[channel("ch-1"), channel("ch-2", "msp-b", 22, bot_id="another", installed_m365_tenant_ids=[Y])],
        end_companies=[company("co-1"), company("co-2", "msp-b", X, Y)],
    )
    assert Suspicion.LINKED_BY_SEVERAL_TENANTS not in {each.reason for each in found(apart, Severity.NOTICE)}


def test_it_can_be_of_one_tenant_or_of_one_m365_tenant() -> None:
    world = World(
        FINE.tenants,
        [],
        [channel("ch-1", installed_m365_tenant_ids=[X, Y]), channel("ch-2", "msp-b", 22, bot_id="b")],
        [],
    )
    everything = [*audit(world.content)]
    of_tenant = [*audit(world.content, tenant_id="msp-b")]
    assert of_tenant == [each for each in everything if "msp-b" in each.subject.tenant_ids]
    assert 0 < len(of_tenant) < len(everything)
    of_customer = [*audit(world.content, m365_tenant_id=Y)]
    assert {each.subject.m365_tenant_ids for each in of_customer} == {(Y,)}
    linked = evolve(world, end_companies=[company("co-1", "msp-a", Y)])
    agents = [each for each in audit(linked.content, m365_tenant_id=Y) if each.clause == "channel-agent"]
    assert {each.request_class.calls.m365_tenant_id for each in agents} == {Y}, "though its subject is the channel"


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (
            {"channels": [channel(each, installed_m365_tenant_ids=[]) for each in ("ch-1", "ch-2")]},
            "several_active_channels",
        ),
        (
            {
                "agents": AGENTS[1],
                "channels": [channel("ch-1", installed_m365_tenant_ids=[], status=ChannelStatus.DISCONNECTED)],
            },
            "agent_missing",
        ),
    ],
    ids=["clashing channels", "a paused channel, and no Neo Support"],
)
def test_what_refuses_all_calls_is_about_the_m365_tenants_that_the_target_has_linked(
    rows: dict[str, Any], reason: str
) -> None:
    world = evolve(FINE, **rows)
    assert [str(each.reason) for each in audit(world.content, m365_tenant_id=X) if each.refused] == [reason]
    assert not any(each.refused for each in audit(world.content, m365_tenant_id=Y))


def test_a_finding_as_data() -> None:
    world, _ = WRONG["the agent is missing"]
    finding = found(world)[0]
    data = finding.data()
    assert data.pop("request_class") == finding.request_class.data()
    assert data.pop("remedies") == [remedy.data() for remedy in finding.remedies]
    assert data == {
        "severity": "error",
        "refused": True,
        "clause": "channel-agent",
        "reason": "agent_missing",
        "subject": {
            "kind": "channel",
            "tenant_ids": ["msp-a"],
            "m365_tenant_ids": [],
            "bot_ids": ["helpdesk"],
            "channel_ids": ["ch-1"],
            "agent_ids": [99],
            "end_company_ids": [],
        },
    }
    assert finding.subject.kind is SubjectKind.CHANNEL


# Sound and complete


@pytest.mark.no_cover
@pytest.mark.parametrize("scope", SCOPES)
def test_a_class_is_refused_for_the_directorys_sake_if_and_only_if_an_error_names_it(
    scope: str, thorough: bool
) -> None:
    parts = {"tiny": 160, "small": 1_600, "large": 9_000}[scope] // (5 if thorough else 1)
    for world in SCOPES[scope].worlds(SCOPES[scope].channel_pairs[::parts]):
        assert_sound_and_complete(world)


@pytest.mark.no_cover
@given(directories())
def test_that_holds_in_generated_worlds_as_well(world: World) -> None:
    assert_sound_and_complete(world)
