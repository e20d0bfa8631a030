"""Which of many like parameters run always, and which with `--thorough` alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def first_always(values: Iterable[Any]) -> list[Any]:
    """Mark all of these parameters but the first as thorough.

    >>> [getattr(each, "marks", None) and "thorough" for each in first_always(["psycopg", "asyncpg"])]
    [None, 'thorough']
    """
    first, *others = values
    return [first, *(pytest.param(each, marks=pytest.mark.thorough) for each in others)]
