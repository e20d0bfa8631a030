"""Remedies: applied, the finding is gone; and none leads from a refusal to an unscoped session."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings

from neo_routing import Agent, AgentKind, Channel, ChannelStatus, EndCompany, Rows, Tenant, content_of
from neo_routing.analysis import Action, Amendment, Change, Finding, amended, audit, difference
from neo_routing.testing import World, directories
from neo_routing.testing.small_worlds import SCOPES
from tests.programs.analysis_laws import assert_remedies_work

X = "9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a"
AGENTS = [
    Agent(id=number, tenant_id=owner, kind=AgentKind.CONVERSATIONAL)
    for number, owner in ((14, "msp-a"), (12, "msp-a"), (22, "msp-b"))
]


def channel(channel_id: str, owner: str = "msp-a", agent_id: int = 12, **more: Any) -> Channel:
    given: dict[str, Any] = {"bot_id": "helpdesk", "white_label": True, "installed_m365_tenant_ids": [X]}
    return Channel(id=channel_id, tenant_id=owner, agent_id=agent_id, **{**given, **more})


def company(company_id: str, *linked: str) -> EndCompany:
    return EndCompany(id=company_id, tenant_id="msp-a", m365_tenant_ids=linked)


def world(channels: list[Channel], companies: list[EndCompany]) -> World:
    return World([Tenant(id="msp-a"), Tenant(id="msp-b")], AGENTS, channels, companies)


def errors(made: World, clause: str) -> list[Finding]:
    return [each for each in audit(made.content) if each.severity == "error" and each.clause == clause]


OFFERED: dict[str, tuple[World, str, list[str]]] = {
    "no link": (
        world([channel("ch-1")], []),
        "end-company",
        [f"Link M365 tenant {X} to exactly one end-company of msp-a."],
    ),
    "two links": (
        world([channel("ch-1")], [company("co-2", X), company("co-1", X)]),
        "end-company",
        [f"Keep M365 tenant {X} linked to end-company {each} of msp-a alone." for each in ("co-1", "co-2")],
    ),
    "two installations": (
        world([channel("ch-1"), channel("ch-2", "msp-b", 22)], []),
        "white-label-installation",
        [f"Keep channel {each} alone installed for M365 tenant {X}." for each in ("ch-1 of msp-a", "ch-2 of msp-b")],
    ),
    "a paused one": (
        world([channel("ch-1", status=ChannelStatus.DISCONNECTED)], []),
        "white-label-installation",
        ["Reconnect channel ch-1 of msp-a."],
    ),
    "clashing channels, of which one is standard": (
        world([channel("ch-1", installed_m365_tenant_ids=[]), channel("ch-2", white_label=False)], []),
        "active-channel",
        ["Keep channel ch-1 of msp-a alone active for bot helpdesk."],
    ),
    "no agent on a white-label channel": (
        world([channel("ch-1", agent_id=99), channel("ch-2", bot_id="b")], [company("co-1", X)]),
        "channel-agent",
        ["Let channel ch-1 of msp-a have a conversational agent of msp-a, such as 12."],
    ),
    "no agent on a standard channel": (
        world([channel("ch-1", agent_id=99, white_label=False)], []),
        "channel-agent",
        [],
    ),
    "no agent, and none that could be chosen": (
        World([Tenant(id="msp-a")], [], [channel("ch-1", agent_id=99)], [company("co-1", X)]),
        "channel-agent",
        [],
    ),
    "no Neo Support": (world([], []), "neo-support", []),
}


@pytest.mark.parametrize("what", OFFERED)
def test_what_is_offered_mends_it_and_opens_nothing(what: str) -> None:
    made, clause, sentences = OFFERED[what]
    found = errors(made, clause)
    assert found
    for each in found:
        assert [remedy.sentence for remedy in each.remedies] == sentences
    assert_remedies_work(made)


def test_to_take_the_last_link_or_installation_away_is_never_offered() -> None:
    for made, _, _ in OFFERED.values():
        for finding in audit(made.content):
            for remedy in finding.remedies:
                left = remedy.applied()
                assert left.end_companies.keys() >= made.content.end_companies.keys()
                installed = {*left.active_installations, *left.disconnected_installations}
                assert installed >= {*made.content.active_installations, *made.content.disconnected_installations}


def test_a_remedy_says_what_it_changes_besides() -> None:
    made, clause, _ = OFFERED["no link"]
    [remedy] = errors(made, clause)[0].remedies
    assert {each.change for each in remedy.effects} == {Change.ANSWERED}
    assert remedy.data() == {
        "sentence": remedy.sentence,
        "amendments": [
            {
                "action": "link",
                "tenant_id": "msp-a",
                "m365_tenant_id": X,
                "end_company_id": None,
                "bot_id": None,
                "channel_id": None,
                "agent_id": None,
            }
        ],
    }


def test_a_sentence_shows_what_cannot_be_seen() -> None:
    made = World([Tenant(id="msp\u202ea")], [], [channel("ch-1", "msp\u202ea")], [])
    [remedy] = errors(made, "end-company")[0].remedies
    assert "msp\\u202ea" in remedy.sentence


@pytest.mark.no_cover
@pytest.mark.parametrize("scope", ["tiny", "small"])
def test_remedies_work_in_small_worlds(scope: str, thorough: bool) -> None:
    parts = {"tiny": 800, "small": 16_000}[scope] // (4 if thorough else 1)
    tried = sum(map(assert_remedies_work, SCOPES[scope].worlds(SCOPES[scope].channel_pairs[3::parts])))
    assert tried


@pytest.mark.no_cover
@settings(max_examples=15)
@given(directories())
def test_remedies_work_in_generated_worlds(made: World) -> None:
    assert_remedies_work(made)


# Amendments


def content(channels: list[Channel], companies: list[EndCompany]) -> Rows:
    return world(channels, companies).content


BEFORE = content(
    [channel("ch-1", installed_m365_tenant_ids=[X, "b"]), channel("ch-2", white_label=False)],
    [company("co-1", X), company("co-2", X, "b"), company("co-3")],
)
AMENDED = {
    "link": (
        {"action": Action.LINK, "m365_tenant_id": "c", "end_company_id": "co-3"},
        {"companies": [company("co-1", X), company("co-2", X, "b"), company("co-3", "c")]},
    ),
    "link one that is new": (
        {"action": Action.LINK, "m365_tenant_id": "c"},
        {"companies": [company("co-1", X), company("co-2", X, "b"), company("co-3"), company("new-company", "c")]},
    ),
    "unlink": (
        {"action": Action.UNLINK, "m365_tenant_id": X, "end_company_id": "co-2"},
        {"companies": [company("co-1", X), company("co-2", "b"), company("co-3")]},
    ),
    "unlink the last": (
        {"action": Action.UNLINK, "m365_tenant_id": X, "end_company_id": "co-1"},
        {"companies": [company("co-1"), company("co-2", X, "b"), company("co-3")]},
    ),
    "disconnect": (
        {"action": Action.DISCONNECT, "bot_id": "helpdesk", "channel_id": "ch-1"},
        {"first": {"status": ChannelStatus.DISCONNECTED}},
    ),
    "uninstall": (
        {"action": Action.UNINSTALL, "bot_id": "helpdesk", "channel_id": "ch-1", "m365_tenant_id": X},
        {"first": {"installed_m365_tenant_ids": ["b"]}},
    ),
    "set an agent": (
        {"action": Action.SET_AGENT, "bot_id": "helpdesk", "channel_id": "ch-1", "agent_id": 14},
        {"first": {"agent_id": 14}},
    ),
}


@pytest.mark.parametrize("what", AMENDED)
def test_an_amendment_is_the_directory_with_that_changed(what: str) -> None:
    given, changed = AMENDED[what]
    first = channel("ch-1", **{"installed_m365_tenant_ids": [X, "b"], **changed.get("first", {})})
    companies = changed.get("companies", [company("co-1", X), company("co-2", X, "b"), company("co-3")])
    assert amended(BEFORE, Amendment(tenant_id="msp-a", **given)) == content(
        [first, channel("ch-2", white_label=False)], companies
    )


def test_to_disconnect_and_connect_again_changes_nothing() -> None:
    change = Amendment(action=Action.DISCONNECT, tenant_id="msp-a", bot_id="helpdesk", channel_id="ch-1")
    paused = amended(BEFORE, change)
    assert paused != BEFORE
    assert amended(paused, evolve(change, action=Action.CONNECT)) == BEFORE


def test_a_new_company_has_an_id_that_is_not_there() -> None:
    rows = content_of(tenants=[Tenant(id="msp-a")], end_companies=[company("new-company")])
    link = Amendment(action=Action.LINK, tenant_id="msp-a", m365_tenant_id="b")
    assert amended(rows, link).end_companies == {("msp-a", "b"): ("new-company-1",)}


def test_a_channel_that_is_not_there_cannot_be_amended() -> None:
    change = Amendment(action=Action.CONNECT, tenant_id="msp-a", bot_id="helpdesk", channel_id="ch-9")
    with pytest.raises(ValueError, match="does not have this channel"):
        amended(BEFORE, change)


def test_the_effects_are_the_difference() -> None:
    made, clause, _ = OFFERED["a paused one"]
    [remedy] = errors(made, clause)[0].remedies
    assert remedy.effects == difference(made.content, remedy.applied())
