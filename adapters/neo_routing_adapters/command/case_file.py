"""What a file of cases looks like that holds none, and what became of the cases of one that does."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from returns.result import Failure

from neo_routing import Decision

_STARTS: Final = (
    (b"\xef\xbb\xbf", "it starts with a byte order mark; save it as UTF-8 without one"),
    (b"\xff\xfe", "it looks like UTF-16; save it as UTF-8"),
    (b"\xfe\xff", "it looks like UTF-16; save it as UTF-8"),
    (b"\x1f\x8b", "it looks compressed, by gzip; unpack it first, as in: gzip -dc FILE | neo-routing resolve …"),
    (b"BZh", "it looks compressed, by bzip2; unpack it first"),
    (b"\xfd7zXZ", "it looks compressed, by xz; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "it looks compressed, by Zstandard; unpack it first"),
    (b"PK\x03\x04", "it looks like a ZIP archive; unpack it first"),
    (b"SQLite format 3", "it looks like a SQLite file; a database goes to --directory, as sqlite:/// and its name"),
    (b"[[", "it looks like a directory document; that goes to --directory"),
)
_directory: Final = re.compile(rb'\s*\{\s*"(?:tenants|agents|channels|end_companies)"\s*:').match
_spread: Final = re.compile(rb"\s*(?:\{\s*\n|\[)").match
_without_caller: Final = re.compile(
    rb'\s*\{\s*"(?:agent_id|managed_agent_key|bot_id|client_id|inbound_tenant_id|title)"\s*:'
).match


def looks_like(beginning: bytes) -> str | None:
    """Return what a file looks like by its beginning, and what to do, unless it may well be a file of cases.

    >>> looks_like(b'{"tenants": []}')
    'it looks like a directory document; that goes to --directory'
    >>> looks_like(b'{"caller": {"kind": "user", "tenant_id": "msp-a"}, "request": {}}') is None
    True
    """
    for start, hint in _STARTS:
        if beginning.startswith(start):
            return hint
    return "it looks like UTF-16; save it as UTF-8" if b"\0" in beginning[:2] else _by_its_text(beginning)


def _by_its_text(beginning: bytes) -> str | None:
    if _directory(beginning):
        return "it looks like a directory document; that goes to --directory"
    if _spread(beginning):
        return "it looks like one JSON text on many lines, or like an array; write each case on a line of its own"
    if _without_caller(beginning) and b'"caller"' not in beginning.partition(b"\n")[0]:
        return 'it looks like bodies of calls; write each as {"caller": {…}, "request": BODY}'
    return None


class Tally:
    """What became of the cases: how many were decided, and how many refused, by code."""

    def __init__(self) -> None:
        self.count = 0
        self._no_cases = 0
        self._refused: Counter[str] = Counter()

    def note(self, decision: Decision) -> None:
        """Count one."""
        self.count += 1
        result = decision.result
        if isinstance(result, Failure):
            refusal = result.failure()
            self._refused[str(refusal.code)] += 1
            self._no_cases += "request" in refusal.fields or "caller" in refusal.fields

    @property
    def holds_no_case(self) -> bool:
        """Whether there were lines, and none of them a case."""
        return 0 < self.count == self._no_cases

    def __str__(self) -> str:
        refused = self._refused.total()
        codes = ", ".join(f"{code} {times:,}" for code, times in self._refused.most_common())
        decided = f"{self.count:,} {'case' if self.count == 1 else 'cases'}: {self.count - refused:,} decided"
        return f"{decided}, {refused:,} refused ({codes})" if refused else decided
