"""Who answers, as which tenant: parts that do not fit together make no target."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from neo_routing import (
    Caller,
    CallerKind,
    Outcome,
    SessionRequest,
    SessionTarget,
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
