"""What a reader could not see is written out."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from neo_routing.printable import is_printable, printable


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
        ("a\u00a0b\u3000c", r"a\xa0b\u3000c"),
        ("\ud800", r"\ud800"),
        ("a\u3164b\u2800c\ufe0fd\u034fe", r"a\u3164b\u2800c\ufe0fd\u034fe"),
        ("\u115f\u1160\u17b4\u180b\uffa0\U000e0100", r"\u115f\u1160\u17b4\u180b\uffa0\U000e0100"),
    ],
)
def test_what_cannot_be_seen_is_escaped_and_all_else_is_not(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown


def test_only_letters_marks_and_symbols_known_to_be_blank_are_escaped_beside_what_has_no_glyph() -> None:
    escaped = {
        character
        for character in map(chr, range(sys.maxunicode + 1))
        if character.isprintable() and not is_printable(character)
    }
    assert {unicodedata.category(character) for character in escaped} == {"Lo", "Mn", "So"}
    assert len(escaped) == 270
