"""Records that were named on the command line: of a file with one on each line, or one of a file by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from neo_routing import DecisionRecord
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.line_file import opened, reading_on
from neo_routing_adapters.command.standard_input import file_of, name_of
from neo_routing_adapters.json_lines import read_record
from neo_routing_adapters.phrases import exactly


def records_in(lines: Iterable[bytes], name: str) -> Iterator[DecisionRecord]:
    """Read the record on each line. Raises `CommandFailed`, which names the line, on the first that holds none."""
    for number, line in enumerate(lines, start=1):
        yield _record(line.rstrip(b"\r\n"), f"line {number} of {name}")


def record_at(path: Path, record_id: str | None) -> DecisionRecord:
    """Read one record: the only one of a file, or the one with the id of a file with a record on each line.

    Raises `CommandFailed` if there is none, or more than one.
    """
    name = name_of(path)
    with opened(file_of(path)) as file, reading_on():
        if record_id is None:
            return _only_record(file.read(), name)
        found = [record for record in records_in(file, name) if record.id == record_id]
    if len(found) != 1:
        how_many = "there are several records" if found else "there is no record"
        raise CommandFailed(f"{how_many} with the id {exactly(record_id)} in {name}")
    return found[0]


def _only_record(text: bytes, name: str) -> DecisionRecord:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].rstrip().endswith(b"}"):
        raise CommandFailed(f"{name} has several records: say which by --id")
    return _record(text, name)


def _record(text: bytes, place: str) -> DecisionRecord:
    try:
        return read_record(text)
    except ValueError as error:
        raise CommandFailed(f"{place} is no record: {error}") from error
