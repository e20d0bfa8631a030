"""Why nobody may answer: a closed set of codes, and what each refusal says beside its text."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from neo_routing import Complaint, Reason, Refusal, RefusalCode

STATUSES = {
    "validation_error": 422,
    "agent_selector_invalid": 422,
    "agent_not_conversational": 422,
    "client_id_forbidden": 403,
    "agent_id_forbidden": 403,
    "agent_not_found": 404,
    "managed_agent_not_found": 404,
    "tenant_not_found": 404,
    "end_company_not_mapped": 409,
    "channel_not_active": 409,
    "channel_ambiguous": 409,
    "channel_agent_unavailable": 409,
    "managed_agent_unavailable": 409,
}


def test_the_codes_of_refusals_are_a_closed_set_with_a_status_each() -> None:
    assert {str(code): code.status for code in RefusalCode} == STATUSES


def test_a_code_is_its_text_and_is_found_by_it() -> None:
    code_of: Callable[[str], RefusalCode] = RefusalCode  # type: ignore[assignment]
    for text in STATUSES:
        code = code_of(text)
        assert code == text
        assert hash(code) == hash(text)
        assert pickle.loads(pickle.dumps(code)) is code
    with pytest.raises(ValueError, match="nonsense"):
        code_of("nonsense")


def test_details_name_the_fields_in_the_form_of_the_contract() -> None:
    complaints = (("agent_id", Complaint.NOT_AN_INTEGER), ("title", Complaint.TOO_LONG))
    malformed = Refusal(code=RefusalCode.VALIDATION_ERROR, message="x", complaints=complaints)
    assert malformed.details == {
        "fields": ["agent_id", "title"],
        "complaints": {"agent_id": "not_an_integer", "title": "too_long"},
    }
    triggered = Refusal(code=RefusalCode.AGENT_NOT_CONVERSATIONAL, message="x")
    assert triggered.details == {"field": "agent_id"}
    ambiguous = Refusal(code=RefusalCode.CHANNEL_AMBIGUOUS, message="x", reason=Reason.SEVERAL_ACTIVE_CHANNELS)
    assert ambiguous.details == {"reason": "several_active_channels"}
    unlinked = Refusal(
        code=RefusalCode.END_COMPANY_NOT_MAPPED,
        message="x",
        reason=Reason.NO_COMPANY_LINKED,
        m365_tenant_id="contoso.example",
    )
    assert unlinked.details == {"reason": "no_company_linked", "inbound_tenant_id": "contoso.example"}
    assert Refusal(code=RefusalCode.AGENT_NOT_FOUND, message="x").details == {}


_PAIRS = "complaints must be a tuple of pairs of a field's name and a Complaint"

_WHOSE_COMPLAINTS = "complaints are a validation_error's, and nothing else's"

_TWICE = (("ti\u202etle", Complaint.TOO_LONG), ("odd", Complaint.BLANK), ("ti\u202etle", Complaint.NOT_TEXT))

_WHOSE_REASON = "reason is wanted of channel_ambiguous and end_company_not_mapped alone"

_WHOSE_M365_TENANT = "m365_tenant_id is an end_company_not_mapped's, and nothing else's"


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        (_WHOSE_COMPLAINTS, {"code": RefusalCode.AGENT_NOT_FOUND, "complaints": (("title", Complaint.TOO_LONG),)}),
        (_WHOSE_COMPLAINTS, {"code": RefusalCode.VALIDATION_ERROR}),
        (_PAIRS, {"code": RefusalCode.VALIDATION_ERROR, "complaints": [("title", Complaint.TOO_LONG)]}),
        (_PAIRS, {"code": RefusalCode.VALIDATION_ERROR, "complaints": (("title", "too_long"),)}),
        (_PAIRS, {"code": RefusalCode.VALIDATION_ERROR, "complaints": (("title",),)}),
        (_PAIRS, {"code": RefusalCode.VALIDATION_ERROR, "complaints": (("title", Complaint.TOO_LONG, 7),)}),
        (
            "complaints must name each field once, and ti\\u202etle is there twice",
            {"code": RefusalCode.VALIDATION_ERROR, "complaints": _TWICE},
        ),
        (_WHOSE_REASON, {"code": RefusalCode.CHANNEL_AMBIGUOUS}),
        (_WHOSE_REASON, {"code": RefusalCode.AGENT_NOT_FOUND, "reason": Reason.AGENT_MISSING}),
        (
            "reason must be a Reason, or None",
            {"code": RefusalCode.CHANNEL_AMBIGUOUS, "reason": "several_active_channels"},
        ),
        *(
            (_WHOSE_M365_TENANT, {"code": code, "m365_tenant_id": "contoso.example", "reason": reason})
            for code, reason in (
                (RefusalCode.AGENT_NOT_FOUND, None),
                (RefusalCode.TENANT_NOT_FOUND, None),
                (RefusalCode.CHANNEL_AMBIGUOUS, Reason.SEVERAL_ACTIVE_CHANNELS),
            )
        ),
        (
            "m365_tenant_id must be a string",
            {"code": RefusalCode.END_COMPANY_NOT_MAPPED, "m365_tenant_id": 7, "reason": Reason.NO_COMPANY_LINKED},
        ),
        ("message must be a string", {"code": RefusalCode.AGENT_NOT_FOUND, "message": None}),
        ("code must be a RefusalCode", {"code": "agent_not_found"}),
    ],
)
def test_a_refusal_has_the_parts_that_its_code_has_details_of(told: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the whole of it is compared
        Refusal(**{"message": "x", **wrong})
    assert str(raised.value) == f"Refusal.{told}"


def test_details_can_be_changed_without_changing_the_refusal() -> None:
    complaints = (("agent_id", Complaint.NOT_AN_INTEGER),)
    malformed = Refusal(code=RefusalCode.VALIDATION_ERROR, message="x", complaints=complaints)
    malformed.details["fields"] = []
    malformed.details["fields"].append("title")
    malformed.details["complaints"].clear()
    assert malformed.details == {"fields": ["agent_id"], "complaints": {"agent_id": "not_an_integer"}}
