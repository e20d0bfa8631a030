"""How the conditions are read that the plans of PostgreSQL tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

TEXT: Final = re.compile(r"'(?:[^']|'')*'")
"""A text that stands in a condition."""

_TOKENS: Final = re.compile(rf"""{TEXT.pattern}|"[^"]*"|[()]""")
_CASTS: Final = re.compile(r"::(?:text|character varying)(?:\(\d+\))?")


def plain(expression: str) -> str:
    """Return what a plan and an index write alike: `(lower((x)::text))::text` as `lower(x`, whatever is around it."""
    return re.sub(r'[" )]|(?<!\w)\(', "", _CASTS.sub("", expression))


def conjuncts(condition: str) -> list[str]:
    """Return the conditions that one consists of, all of which must hold."""
    return [_unwrapped(part) for part in _split(_unwrapped(condition), " AND ")]


def sides(condition: str) -> list[str]:
    """Return both sides of an equality, or what is compared otherwise."""
    sides = _split(condition, " = ")
    return sides if len(sides) > 1 else [re.split(r" IS | [<>]", condition)[0]]


def _unwrapped(condition: str) -> str:
    """Take parentheses off that are around all of it."""
    inner = condition[1:-1]
    return inner if condition.startswith("(") and min(_depths(inner), default=0) >= 0 else condition


def _depths(condition: str) -> Iterator[int]:
    """Yield how deep in parentheses each of them leads, below none if it ends what began before."""
    depth = 0
    for token in _TOKENS.finditer(condition):
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        yield depth


def _split(condition: str, separator: str) -> list[str]:
    """Split a condition, but for what stands in parentheses."""
    parts, depth = [""], 0
    for piece in re.split(rf"({_TOKENS.pattern}|{re.escape(separator)})", condition):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        if piece == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    return parts
