"""Values that make no sense cannot be built, and values that were built cannot be changed or torn apart."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from neo_routing import Caller, CallerKind, Outcome, Refusal, RefusalCode, SessionRequest, SessionTarget, decide
from neo_routing_adapters.memory import InvalidDirectory, MemoryDirectory, Problem


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": Outcome.OWN_TENANT, "channel_id": "ch"},
        {"outcome": Outcome.ACTIVE_CHANNEL},
        {"outcome": Outcome.WHITE_LABEL_CHANNEL, "channel_id": "ch"},
        {"outcome": Outcome.NEO_SUPPORT_FALLBACK, "end_company_id": "co"},
        {"outcome": Outcome.PLATFORM_OVERRIDE, "show_agent_progress_steps": True},
    ],
)
def test_a_target_whose_parts_do_not_fit_together_cannot_be_built(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="session"):
        SessionTarget(tenant_id="msp-a", agent_id=1, **fields)


@pytest.mark.parametrize(
    "build",
    [
        lambda: SessionTarget(outcome="own_tenant", tenant_id="a", agent_id=1),  # type: ignore[arg-type]
        lambda: Refusal(code="agent_not_found", message="No."),  # type: ignore[arg-type]
        lambda: Refusal(code=RefusalCode.VALIDATION_ERROR, message="No.", fields=["a"]),  # type: ignore[arg-type]
    ],
    ids=["outcome", "code", "fields"],
)
def test_an_answer_of_the_wrong_types_cannot_be_built(build: Any) -> None:
    with pytest.raises(TypeError):
        build()


def test_a_decision_cannot_be_changed() -> None:
    decision = decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=1), MemoryDirectory())
    for name in ("result", "warnings", "trace", "more"):
        with pytest.raises(AttributeError):
            setattr(decision, name, None)


@pytest.mark.parametrize("names", ["abc", 5, None, [7]])
def test_the_unknown_fields_of_a_request_are_a_collection_of_names(names: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        SessionRequest(unknown_fields=names)


def test_the_shape_of_a_request_is_no_part_of_its_pickle() -> None:
    request = SessionRequest(agent_id=1, bot_id=" ", unknown_fields=("b", "a", "b"))
    again = pickle.loads(pickle.dumps(request))
    assert (again, again.shape, again.unknown_fields) == (request, request.shape, ("a", "b"))
    assert b"shape" not in pickle.dumps(request)


def test_the_list_of_problems_survives_a_pickle() -> None:
    invalid = InvalidDirectory([Problem("tenants[0].id", "is missing"), Problem("", "and so on")])
    again = pickle.loads(pickle.dumps(invalid))
    assert (str(again), again.problems) == (str(invalid), invalid.problems)
