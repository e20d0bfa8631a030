"""Values that make no sense cannot be built, and values that were built cannot be changed or torn apart."""

from __future__ import annotations

import pickle
from inspect import Parameter, signature
from typing import Any

import attrs
import pytest

import neo_routing
from neo_routing import (
    Caller,
    CallerKind,
    InvalidDirectory,
    Outcome,
    Problem,
    RowsBuilder,
    SessionRequest,
    SessionTarget,
    Tenant,
    content_of,
    decide,
)
from neo_routing_adapters.memory import MemoryDirectory


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"outcome": Outcome.OWN_TENANT, "channel_id": "ch"},
            "a session has a channel exactly if its outcome says so",
        ),
        ({"outcome": Outcome.ACTIVE_CHANNEL}, "a session has a channel exactly if its outcome says so"),
        (
            {"outcome": Outcome.WHITE_LABEL_CHANNEL, "channel_id": "ch"},
            "a session on a white-label channel has an end-company",
        ),
        (
            {"outcome": Outcome.NEO_SUPPORT_FALLBACK, "end_company_id": "co"},
            "a session without a channel has no end-company",
        ),
        (
            {"outcome": Outcome.PLATFORM_OVERRIDE, "show_agent_progress_steps": True},
            "a session without a channel has no setting of a channel",
        ),
    ],
)
def test_a_target_whose_parts_do_not_fit_together_cannot_be_built(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^SessionTarget: {message}$"):
        SessionTarget(tenant_id="msp-a", agent_id=1, **fields)


PUBLIC = [getattr(neo_routing, name) for name in neo_routing.__all__]


@pytest.mark.parametrize("value", [each for each in PUBLIC if attrs.has(each) and each not in {Caller, Problem}])
def test_what_has_many_fields_is_built_by_their_names(value: type[Any]) -> None:
    assert {each.kind for each in signature(value).parameters.values()} == {Parameter.KEYWORD_ONLY}


def test_rows_are_printed_as_how_many_they_are_because_they_may_be_millions() -> None:
    content = content_of(tenants=[Tenant(id=f"msp-{number}") for number in range(1234)], revision="r\n1")
    assert repr(content) == "<rows of 1,234 tenants, revision 'r\\n1'>"
    assert repr(RowsBuilder().rows()) == "<rows of 0 tenants>"


def test_a_caller_is_printed_as_it_is_written() -> None:
    caller = Caller(CallerKind.USER, "msp-a")
    assert repr(caller) == "Caller(kind=<CallerKind.USER: 'user'>, tenant_id='msp-a')"


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("outcome must be Outcome", {"outcome": "own_tenant"}),
        ("tenant_id must be str", {"tenant_id": None}),
        ("agent_id must be int", {"agent_id": True}),
        ("channel_id must be str", {"channel_id": 1}),
        ("end_company_id must be str", {"end_company_id": b"co-1"}),
        ("show_agent_progress_steps must be bool", {"show_agent_progress_steps": 1}),
    ],
)
def test_a_target_with_a_wrong_part_names_it(said: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"^SessionTarget\.{said}$"):
        SessionTarget(**{"outcome": Outcome.OWN_TENANT, "tenant_id": "a", "agent_id": 1, **wrong})


def test_a_request_has_no_other_parts_than_its_fields() -> None:
    with pytest.raises(TypeError, match="shape"):
        SessionRequest(shape=0)  # type: ignore[call-arg]


def test_decisions_that_differ_are_kept_apart_by_their_hashes() -> None:
    user = Caller(CallerKind.USER, "msp-a")
    decisions = [decide(user, request, MemoryDirectory()) for request in (SessionRequest(agent_id=1), SessionRequest())]
    assert len({*map(hash, decisions)}) == len(decisions)


def test_a_decision_is_no_other_value() -> None:
    decision = decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=1), MemoryDirectory())
    assert decision.__eq__(decision.result) is NotImplemented


def test_a_decision_cannot_be_changed() -> None:
    decision = decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=1), MemoryDirectory())
    for name in ("result", "warnings", "trace", "more"):
        with pytest.raises(AttributeError):
            setattr(decision, name, None)


@pytest.mark.parametrize("names", ["abc", 5, None, [7]])
def test_the_unknown_fields_of_a_request_are_a_collection_of_names(names: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        SessionRequest(unknown_fields=names)


def test_a_request_is_printed_as_it_is_written() -> None:
    assert repr(SessionRequest(agent_id=1)) == (
        "SessionRequest(agent_id=1, managed_agent_key=None, bot_id=None, client_id=None, m365_tenant_id=None, "
        "title=None, unknown_fields=())"
    )


def test_the_shape_of_a_request_is_no_part_of_its_pickle() -> None:
    request = SessionRequest(agent_id=1, bot_id=" ", unknown_fields=("b", "a", "b"))
    again = pickle.loads(pickle.dumps(request))
    assert (again, again.shape, again.unknown_fields) == (request, request.shape, ("a", "b"))
    assert b"shape" not in pickle.dumps(request)


def test_the_list_of_problems_survives_a_pickle() -> None:
    invalid = InvalidDirectory([Problem("tenants[0].id", "is missing"), Problem("", "and so on")])
    again = pickle.loads(pickle.dumps(invalid))
    assert (str(again), again.problems) == (str(invalid), invalid.problems)
