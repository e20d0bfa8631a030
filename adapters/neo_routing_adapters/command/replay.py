"""Deciding recorded cases again, and telling which of them come to something else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neo_routing import Decision, DecisionRecord, SessionDirectory, decide
from neo_routing.plain_data.calls import decision_data
from neo_routing_adapters.command.database_url import refuse_url
from neo_routing_adapters.command.failure import FOUND, CommandFailed
from neo_routing_adapters.command.given_directory import given_directory
from neo_routing_adapters.command.line_file import each_line, is_regular, opened
from neo_routing_adapters.command.record_file import records_in
from neo_routing_adapters.command.standard_input import file_of, name_of
from neo_routing_adapters.json_lines import plain_line


def decided_again(record: DecisionRecord, directory: SessionDirectory | None) -> Decision | None:
    """Decide on the directory, or else on the recorded rows; `None` if the call was malformed."""
    if record.request is None:
        return None
    return record.decide_again() if directory is None else decide(record.caller, record.request, directory)


@contextmanager
def directory_or_none(given: str | None) -> Iterator[SessionDirectory | None]:
    """Open the directory that was given, if one was. Raises `CommandFailed`."""
    if given is None:
        yield None
        return
    with given_directory(given) as directory:
        yield directory


def replay(expect: Path, directory: str | None, *, trace: bool) -> str:
    """Decide all records again, write a line for each that differs, and return what it came to.

    Raises `CommandFailed` if any does.
    """
    refuse_url(expect, "the records must be a file, or - for standard input")
    name, tally = name_of(expect), _Tally()
    with (
        directory_or_none(directory) as known,
        opened(file_of(expect)) as file,
        each_line(file, "Deciding again") as lines,
    ):
        at_once = not is_regular(file)
        for record in records_in(lines, name):
            line = tally.difference(record, decided_again(record, known), trace=trace)
            if line is not None:
                sys.stdout.buffer.write(line.encode() + b"\n")
                if at_once:
                    sys.stdout.buffer.flush()
    if tally.count == 0:
        raise CommandFailed(f"{name} holds no records")
    if tally.count == tally.malformed:
        raise CommandFailed(f"no record of {name} can be decided again: the calls were malformed")
    if tally.otherwise:
        raise CommandFailed(str(tally), FOUND)
    return str(tally)


class _Tally:
    """What became of the records."""

    def __init__(self) -> None:
        self.count = 0
        self.otherwise = 0
        self.malformed = 0

    def difference(self, record: DecisionRecord, again: Decision | None, *, trace: bool) -> str | None:
        """Count one, and return the line that tells in what it differs, if it does."""
        self.count += 1
        if again is None:
            self.malformed += 1
            return None
        expected, given = decision_data(record.decision, trace=trace), decision_data(again, trace=trace)
        if given == expected:
            return None
        self.otherwise += 1
        time = record.time.isoformat()
        return plain_line({"id": record.id, "time": time, "expected": expected, "given": given})

    def __str__(self) -> str:
        decided = f"{self.count:,} {'record' if self.count == 1 else 'records'}: {self.otherwise:,} decided otherwise"
        return f"{decided}, {self.malformed:,} malformed and not decidable" if self.malformed else decided
