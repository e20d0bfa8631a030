"""What a refused person reads."""

from __future__ import annotations

import pytest

from neo_routing.messages import no_company_linked, several_companies_linked
from neo_routing.step import Step
from neo_routing.steps import STEPS


@pytest.mark.parametrize(
    "step", [pytest.param(step, id=f"{step.clause}: {step.reason}") for step in STEPS if step.failure]
)
def test_a_message_is_whole_sentences_for_a_person(step: Step) -> None:
    assert step.failure is not None
    message = step.failure.failure().message
    assert message[0].isupper() or message.startswith("client_id")
    assert message.endswith(".")
    assert len(message) < 250


def test_an_end_user_learns_what_the_administrator_has_to_do() -> None:
    assert "link M365 tenant contoso to exactly one company" in no_company_linked("contoso").message
    message = several_companies_linked("contoso").message
    assert "M365 tenant contoso" in message
    assert "keep one link of the several" in message
