"""What a call asks for, as a value; `test_request_shape.py` has how raw input becomes one."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from neo_routing import SessionRequest
from neo_routing.complaints import Complaint, IllFormed


def test_a_request_has_no_other_parts_than_its_fields() -> None:
    with pytest.raises(TypeError, match="shape"):
        SessionRequest(shape=0)  # type: ignore[call-arg]


def test_the_fields_of_a_request_are_given_by_their_names() -> None:
    with pytest.raises(TypeError, match="positional"):
        SessionRequest(12)  # type: ignore[misc]


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


def test_names_of_unknown_fields_are_told_by_their_place() -> None:
    with pytest.raises(IllFormed) as raised:
        SessionRequest(unknown_fields=(7,))
    assert str(raised.value) == "SessionRequest.unknown_fields must be a string"
    assert raised.value.complaint is Complaint.NOT_A_STRING
