"""What a TOML document must not have, found in its text: what the parser spends on that grows with its square."""

from __future__ import annotations

import re
from typing import Final

MOST_KEY_PARTS: Final = 16
"""How many parts a dotted key or the header of a table may have."""
DEEPEST: Final = 8
"""How many arrays, objects and tables may stand in each other, in TOML as in JSON."""

# Strings and comments first, whose characters mean nothing; what ends none of them is the parser's to complain of.
_tokens: Final = re.compile(
    r""""{3}(?:[^"\\]|\\.|"(?!""))*+(?:"{3,5})?"""
    r"""|'{3}(?:[^']|'(?!''))*+(?:'{3,5})?"""
    r"""|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|\#[^\n]*+"""
    r"|([][{}=,.\n])",
    re.DOTALL,
).finditer


def require_toml_limits(text: str) -> None:
    """Raise `ValueError`, which says on which line, for a key of too many parts, and for what is nested too deeply.

    >>> require_toml_limits('tenants = [{id = "a.b[["}]  # and [[[[[[[[[')
    >>> require_toml_limits("x = [[[[[[[[[]]]]]]]]]")
    Traceback (most recent call last):
    ValueError: it is nested more than 8 levels deep, see line 1
    """
    parts, depth = 1, 0
    for token in _tokens(text):
        mark = token[1]
        if mark is None:
            continue
        parts = parts + 1 if mark == "." else 1
        depth += (mark in "[{") - (mark in "]}")
        if parts > MOST_KEY_PARTS:
            raise ValueError(f"it has a key of more than {MOST_KEY_PARTS} parts, see {_line(token)}")
        if depth > DEEPEST:
            raise ValueError(f"it is nested more than {DEEPEST} levels deep, see {_line(token)}")


def _line(token: re.Match[str]) -> str:
    return f"line {token.string.count(chr(10), 0, token.start()) + 1}"
