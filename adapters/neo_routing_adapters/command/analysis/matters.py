"""How findings of an audit are written for a person: those of one subject, clause and reason as one matter."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import define, field
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from neo_routing.analysis import Finding, Severity, Subject, Suspicion
from neo_routing.clauses import Clause, Reason, Verdict
from neo_routing_adapters.advice import remedy_of
from neo_routing_adapters.command.analysis.spoken import SUSPICIONS
from neo_routing_adapters.command.terminal import show_whole_lines
from neo_routing_adapters.phrases import exactly
from neo_routing_adapters.wording import sentence_of

_MOST_CLASSES: Final = 5
_STYLES: Final = {Severity.ERROR: "bold red", Severity.NOTICE: "yellow", Severity.EXPECTED: "green"}
_NAMES: Final = ("tenants", "M365 tenants", "bots", "channels", "agents", "end-companies")


@define
class _Matter:
    first: Finding
    classes: list[str] = field(factory=list)
    more_classes: int = 0


class Matters:
    """Gathers findings, and writes them when all have been found: errors first."""

    def __init__(self) -> None:
        self._matters: dict[tuple[Severity, Subject, Clause, Reason | Suspicion], _Matter] = {}
        self._findings: Counter[Severity] = Counter()

    def __len__(self) -> int:
        return len(self._matters)

    def note(self, finding: Finding) -> None:
        """Put a finding to its matter."""
        self._findings[finding.severity] += 1
        key = (finding.severity, finding.subject, finding.clause, finding.reason)
        matter = self._matters.setdefault(key, _Matter(finding))
        if len(matter.classes) < _MOST_CLASSES:
            matter.classes.append(finding.request_class.words)
        else:
            matter.more_classes += 1

    def count(self, severity: Severity) -> int:
        """Tell how many findings there are of a severity: classes of calls, for those that are refused."""
        return self._findings[severity]

    def write(self) -> None:
        """Write all to standard output, and how many there are, or that there is nothing."""
        for severity in Severity:
            for (each, *_), matter in self._matters.items():
                if each is severity:
                    show_whole_lines(Group(*_told(matter), Text()), sys.stdout)
        counts = Counter(severity for severity, *_ in self._matters)
        print(
            ", ".join(_how_many(counts[each], _PLURALS[each]) for each in Severity if counts[each])
            or "nothing is wrong"
        )


_PLURALS: Final = {
    Severity.ERROR: ("error", "errors"),
    Severity.NOTICE: ("notice", "notices"),
    Severity.EXPECTED: ("refusal as expected", "refusals as expected"),
}


def _how_many(count: int, words: tuple[str, str]) -> str:
    one, many = words
    return f"{count:,} {one if count == 1 else many}"


def _told(matter: _Matter) -> Iterator[Text | Padding]:
    finding = matter.first
    heading = (str(finding.severity), _STYLES[finding.severity])
    yield Text.assemble(heading, f": {finding.clause}, {finding.reason}")
    yield Padding(Text(_sentence(finding)), (0, 0, 0, 2))
    table = Table.grid(padding=(0, 2))
    for label, values in (*_subject(finding.subject), (_label(finding), _classes(matter)), ("to mend", _mend(finding))):
        for number, value in enumerate(values):
            table.add_row(Text("" if number else label, "dim"), Text(value))
    yield Padding(table, (0, 0, 0, 2))


def _sentence(finding: Finding) -> str:
    if isinstance(finding.reason, Suspicion):
        return SUSPICIONS[finding.reason]
    return sentence_of(finding.clause, Verdict.REFUSED, finding.reason)


def _subject(subject: Subject) -> Iterator[tuple[str, list[str]]]:
    for name, ids in zip(_NAMES, subject[1:], strict=True):
        yield name, [", ".join(exactly(str(each)) for each in ids)] if ids else []


def _label(finding: Finding) -> str:
    return "refused" if finding.refused else "see"


def _classes(matter: _Matter) -> list[str]:
    more = [f"and {matter.more_classes:,} more; --json has them all"] if matter.more_classes else []
    return matter.classes + more


def _mend(finding: Finding) -> Iterable[str]:
    """Return the remedies; where there is none that could be made as it stands, what an operator can do."""
    if finding.severity is not Severity.ERROR or isinstance(finding.reason, Suspicion):
        return ()
    advice = remedy_of(finding.clause, finding.reason)
    return [each.sentence for each in finding.remedies] or ([] if advice is None else [advice])
