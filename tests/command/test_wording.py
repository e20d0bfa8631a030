"""Every step, verdict, outcome and warning has its words."""

from __future__ import annotations

from neo_routing import Outcome, Verdict, WarningCode
from neo_routing.steps import STEPS
from neo_routing_adapters.wording import OUTCOMES, SENTENCES, VERDICTS, WARNINGS


def test_every_step_has_a_sentence_in_the_order_of_the_rules() -> None:
    assert list(SENTENCES) == list(STEPS)


def test_every_verdict_outcome_and_warning_has_words() -> None:
    assert (set(VERDICTS), set(OUTCOMES), set(WARNINGS)) == (set(Verdict), set(Outcome), set(WarningCode))


def test_sentences_end_as_sentences_do() -> None:
    for text in [*SENTENCES.values(), *WARNINGS.values()]:
        assert text.endswith(".") and text == text.strip() and "  " not in text


def test_no_two_sentences_of_a_clause_are_the_same() -> None:
    assert len({(step.clause, text) for step, text in SENTENCES.items()}) == len(STEPS)
