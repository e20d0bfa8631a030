"""Answers as plain data, read strictly."""

from __future__ import annotations

from typing import Any

import pytest

from neo_routing import decision_data, decision_of, malformed_decision, parse_session_request


@pytest.mark.parametrize("missing", ["fields", "complaints"])
def test_a_malformed_answer_must_have_all_details_of_one(missing: str) -> None:
    data: dict[str, Any] = decision_data(malformed_decision(parse_session_request([]).failure()))
    data["details"] = {name: value for name, value in data["details"].items() if name != missing}
    with pytest.raises(ValueError, match=r"does not fit together: Refusal\.complaints are a validation_error's"):
        decision_of(data)


@pytest.mark.parametrize("status", [400, 500])
def test_an_answer_has_the_status_of_its_code(status: int) -> None:
    data = decision_data(malformed_decision(parse_session_request([]).failure())) | {"status": status}
    with pytest.raises(ValueError, match="status must be 422, that of validation_error"):
        decision_of(data)
