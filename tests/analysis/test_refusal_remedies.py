"""Remedies of one refusal: an operator gets those of the audit, an account those that its own rows give."""

from __future__ import annotations

import pytest
from hypothesis import given

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    EndCompany,
    HeldRows,
    Rows,
    SessionRequest,
    Tenant,
    account_remedies,
    content_of,
    decide,
)
from neo_routing.analysis import Remedy, audit, decision_remedies, own_remedies, request_classes
from neo_routing.plain_data.calls import decision_data, decision_of
from neo_routing.testing import World, directories
from neo_routing.testing.small_worlds import SCOPES

X = "9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a"


def told(remedies: tuple[Remedy, ...]) -> list[dict[str, object]]:
    return [each.data() for each in remedies]


def assert_same_as_audit(rows: Rows) -> int:
    """Compare the remedies of each class's refusal with those of the finding that names it; return how many."""
    by_audit = {each.request_class.calls: told(each.remedies) for each in audit(rows) if each.refused}
    for each in request_classes(rows):
        assert told(decision_remedies(each.decision, rows)) == by_audit.get(each.calls, []), each.words
    return sum(map(len, by_audit.values()))


def test_a_refusal_has_the_remedies_that_the_audit_has_in_small_worlds() -> None:
    scope = SCOPES["small"]
    assert sum(assert_same_as_audit(world.content) for world in scope.worlds(scope.channel_pairs[3::16_000]))


@pytest.mark.no_cover
@given(directories())
def test_a_refusal_has_the_remedies_that_the_audit_has(world: World) -> None:
    assert_same_as_audit(world.content)


def clashing(*others: Channel) -> Rows:
    """Two channels of msp-a that clash for X, one that is paused, companies that clash, and other tenants' channels."""
    agents = [Agent(id=number, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL) for number in (11, 12)]
    channels = [channel("ch-1"), channel("ch-2"), channel("ch-3", bot_id="paused", status=ChannelStatus.DISCONNECTED)]
    companies = [EndCompany(id=each, tenant_id="msp-a", m365_tenant_ids=["contoso"]) for each in ("co-1", "co-2")]
    linked = channel("ch-4", bot_id="linked", installed_m365_tenant_ids=["contoso"])
    broken = channel("ch-5", bot_id="broken", agent_id=99, installed_m365_tenant_ids=["fabrikam"])
    companies.append(EndCompany(id="co-3", tenant_id="msp-a", m365_tenant_ids=["fabrikam"]))
    return content_of(
        tenants=[Tenant(id="msp-a"), Tenant(id="msp-b")],
        agents=agents,
        channels=[*channels, linked, broken, *others],
        end_companies=companies,
    )


def channel(channel_id: str, owner: str = "msp-a", **more: object) -> Channel:
    usual = {"bot_id": "helpdesk", "agent_id": 11, "white_label": True, "installed_m365_tenant_ids": [X]}
    return Channel(id=channel_id, tenant_id=owner, **{**usual, **more})  # type: ignore[arg-type]


def own(rows: Rows) -> dict[tuple[str, str], list[dict[str, object]]]:
    """Tell what msp-a can do, by the class of the refused call and the remedy."""
    found = {}
    for each in request_classes(rows):
        refusal = each.decision.refusal
        if refusal is not None:
            for one in account_remedies(refusal, each.caller, each.request, "msp-a", rows):
                found[each.words, str(one.remedy)] = told(own_remedies(one, "msp-a", each.request.bot_id, rows))
    return found


def test_an_account_gets_changes_to_its_own_rows_alone() -> None:
    found = own(clashing(channel("ch-9", "msp-b")))
    amendments = [each for ways in found.values() for way in ways for each in way["amendments"]]
    assert {each["tenant_id"] for each in amendments} == {"msp-a"}
    assert {each["action"] for each in amendments} == {
        "link",
        "uninstall",
        "disconnect",
        "connect",
        "unlink",
        "set_agent",
    }
    assert "msp-b" not in str([*found.values()])


def test_what_an_account_gets_does_not_depend_on_the_rows_of_others() -> None:
    alone, among_others = own(clashing()), own(clashing(channel("ch-0", "msp-b", bot_id="unknown-to-a")))
    both = alone.keys() & among_others.keys()
    assert len(both) > 10
    assert all(alone[each] == among_others[each] for each in both)


def test_where_others_have_to_agree_first_an_account_is_offered_no_change() -> None:
    rows = content_of(
        tenants=[Tenant(id="msp-a"), Tenant(id="msp-b")], channels=[channel("ch-1"), channel("ch-2", "msp-b")]
    )
    found = own(rows)
    kept = [ways for (_, remedy), ways in found.items() if remedy == "keep_one_installation"]
    assert kept == [[], []]


def test_a_decision_without_its_trace_has_one_clear_error() -> None:
    content = content_of()
    decision = decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=1), HeldRows(content))
    with pytest.raises(ValueError, match="without its trace"):
        decision_remedies(decision_of(decision_data(decision)), content)
