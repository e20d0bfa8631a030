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
