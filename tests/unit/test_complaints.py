"""What is wrong with a value, kept beside the words for it."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from neo_routing import Agent, AgentKind, Complaint, Tenant
from neo_routing.complaints import IllFormed


def test_the_error_of_a_wrong_value_can_be_pickled() -> None:
    with pytest.raises(ValueError, match="must not be blank") as raised:
        Tenant(id=" ")
    again = pickle.loads(pickle.dumps(raised.value))
    assert (str(again), again.__dict__) == (str(raised.value), raised.value.__dict__)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Tenant(id=7), Complaint.NOT_A_STRING),
        (lambda: Tenant(id="x" * 257), Complaint.TOO_LONG),
        (lambda: Agent(id="12", tenant_id="msp-a", kind=AgentKind.TRIGGERED), Complaint.NOT_AN_INTEGER),
    ],
)
def test_what_a_constructor_complains_of_is_kept_beside_its_words(make: Any, complaint: Complaint) -> None:
    with pytest.raises(IllFormed) as raised:
        make()
    assert raised.value.complaint is complaint
