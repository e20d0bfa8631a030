"""`neo-routing explain --record`: a recorded decision, and whether deciding it again comes to the same."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from neo_routing import RULES_VERSION, Decision, DecisionRecord, __version__
from neo_routing.nearest_miss import nearest_misses
from neo_routing.printable import printable
from neo_routing_adapters.advice import remedies
from neo_routing_adapters.command.database_url import refuse_url
from neo_routing_adapters.command.decision_report import decision_report
from neo_routing_adapters.command.record_file import record_at
from neo_routing_adapters.command.replay import decided_again, directory_or_none
from neo_routing_adapters.command.terminal import show
from neo_routing_adapters.json_lines import decision_line
from neo_routing_adapters.phrases import exactly

_THIS: Final = (__version__, RULES_VERSION)
"""By what a decision is made now."""


def explain_record(path: Path, record_id: str | None, directory: str | None, *, json: bool) -> None:
    """Tell a record of a file. Raises `CommandFailed`."""
    refuse_url(path, "the record must be in a file, or - for standard input")
    record = record_at(path, record_id)
    with directory_or_none(directory) as known:
        again = decided_again(record, known)
    if json:
        print(decision_line(record.decision if again is None or directory is None else again, trace=True))
        return
    rows = "the recorded rows" if known is None else "the directory"
    show(record_report(record, again, rows), sys.stdout)


def record_report(record: DecisionRecord, again: Decision | None, rows: str) -> RenderableType:
    """Return all that there is to tell of a record, and of what is decided again on these rows."""
    near = () if record.found is None else nearest_misses(record.decision, record.found)
    told = decision_report(record.caller, record.decision, near, remedies(record.decision))
    report = [told, Text(), Text("record", "bold"), *_facts(record)]
    return Group(*report, *_replayed(record, again, rows))


def _facts(record: DecisionRecord) -> list[RenderableType]:
    by = _by(record.library_version, record.rules_version)
    facts = [f"id {exactly(record.id)}", f"decided {record.time.isoformat()}", f"by {by}"]
    if record.revision is not None:
        facts.append(f"revision {exactly(record.revision)} of the directory")
    return [_indented(fact) for fact in facts]


def _replayed(record: DecisionRecord, again: Decision | None, rows: str) -> list[RenderableType]:
    if again is None:
        return [_indented("the call was malformed, and its body is not kept: it cannot be decided again")]
    on = rows if (record.library_version, record.rules_version) == _THIS else f"{rows}, by {_by(*_THIS)}"
    if again == record.decision:
        return [_indented(f"decided again on {on}: the same")]
    return [_indented(f"decided again on {on}: otherwise"), Text(), decision_report(record.caller, again)]


def _by(library_version: str, rules_version: int) -> str:
    return f"library {printable(library_version)}, version {rules_version} of the rules"


def _indented(line: str) -> Padding:
    return Padding(Text(line), (0, 0, 0, 2))
