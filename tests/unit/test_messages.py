"""What a refused person reads."""

from __future__ import annotations

import pytest

from neo_routing import RefusalCode
from neo_routing.messages import no_company_linked, printable, refusal, several_companies_linked
from neo_routing.steps import STEPS


@pytest.mark.parametrize("code", sorted({step.code for step in STEPS if step.failure is not None and step.code}))
def test_a_message_is_whole_sentences_for_a_person(code: RefusalCode) -> None:
    message = refusal(code).message
    assert message[0].isupper() or message.startswith("client_id")
    assert message.endswith(".")
    assert len(message) < 250


def test_an_end_user_learns_what_the_administrator_has_to_do() -> None:
    assert "link M365 tenant contoso to exactly one company" in no_company_linked("contoso").message
    message = several_companies_linked("contoso").message
    assert "M365 tenant contoso" in message
    assert "keep one link of the several" in message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("contoso.example", "contoso.example"),
        ("a\u202eb", r"a\u202eb"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\nb\u2028c\u2029d", r"a\nb\u2028c\u2029d"),
        ("soft\u00adhyphen\u200b", r"soft\xadhyphen\u200b"),
        ("münchen 東京 é", "münchen 東京 é"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("a\u00a0b", "a\u00a0b"),
    ],
)
def test_control_and_format_characters_are_escaped_and_others_are_not(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(no_company_linked(text).message) == no_company_linked(text).message
