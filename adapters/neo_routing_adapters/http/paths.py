"""The paths that are answered: where they begin, and how they must be written."""

from __future__ import annotations

import re
from typing import Final

from starlette.routing import Match, Route
from starlette.types import Scope

_is_prefix: Final = re.compile(r"(/[^/?#%{}\s\x00-\x1f\x7f]+)*").fullmatch


def require_prefix(prefix: str) -> None:
    """Raise `ValueError` for what no path begins with, and for what a router would read as a pattern."""
    if not _is_prefix(prefix):
        raise ValueError(
            f"the prefix {prefix!r} must be empty, or begin with a slash and end without one, such as /public-api; "
            "it is written as it is read, without percent signs, and is no pattern"
        )


class WrittenOut(Route):
    """A route whose slashes are slashes: a path in which one is percent-encoded is another path."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether a request is for this route. Some servers do not say how its path was written."""
        written = scope.get("raw_path") or b""
        if b"%" in written and b"%2f" in written.partition(b"?")[0].lower():
            return Match.NONE, {}
        return super().matches(scope)
