"""Who answers, as which tenant: parts that do not fit together make no target."""

from __future__ import annotations

from typing import Any

import pytest

from neo_routing import Outcome, SessionTarget


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
