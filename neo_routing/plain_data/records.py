"""A record of a decision as plain data: a case, what was needed and found for it, and what was decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from neo_routing import well_formed
from neo_routing.complaints import IllFormed
from neo_routing.needed import RowsNeeded
from neo_routing.plain_data.calls import (
    caller_data,
    decision_data,
    read_caller,
    read_decision,
    read_request,
    request_data,
)
from neo_routing.plain_data.reading import Plain
from neo_routing.plain_data.slices import needed_data, read_needed, read_rows, rows_data
from neo_routing.record import DecisionRecord
from neo_routing.rows import Rows

_RECORD: Final = (
    *("id", "time", "caller", "request", "needed", "found", "revision"),
    *("library_version", "rules_version", "decision"),
)


def record_data(record: DecisionRecord) -> dict[str, Any]:
    """Return the plain form of a record, whose `caller` and `request` are a case."""
    request, needed, found = record.request, record.needed, record.found
    return {
        "id": record.id,
        "time": record.time.isoformat(),
        "caller": caller_data(record.caller),
        "request": None if request is None else request_data(request),
        "needed": None if needed is None else needed_data(needed),
        "found": None if found is None else rows_data(found),
        "revision": record.revision,
        "library_version": record.library_version,
        "rules_version": record.rules_version,
        "decision": decision_data(record.decision, trace=True),
    }


def record_of(data: object) -> DecisionRecord:
    """Return the record whose plain form that is. Raises `IllFormed`, which names the place that is wrong.

    >>> record_of({"id": "1"})
    Traceback (most recent call last):
    neo_routing.complaints.IllFormed: record.time is missing
    """
    plain = Plain(data, ("record",))
    given = plain.members(*_RECORD)
    revision = given["revision"].optional(Plain.text)
    needed = given["needed"].optional(read_needed)
    fields: dict[str, Any] = {
        "id": given["id"].read(well_formed.identifier),
        "time": given["time"].read(_time),
        "caller": read_caller(given["caller"]),
        "request": given["request"].optional(read_request),
        "needed": needed,
        "found": given["found"].optional(lambda rows: _found(rows, needed, revision)),
        "library_version": given["library_version"].read(well_formed.text),
        "rules_version": given["rules_version"].integer(),
        "decision": read_decision(given["decision"], revision=revision),
    }
    if "trace" not in given["decision"].members("outcome", others=True):
        raise IllFormed("is missing", place=f"{given['decision'].place}.trace")
    try:
        return DecisionRecord(**fields)
    except IllFormed as error:
        raise IllFormed(error.words, place=error.place.replace("DecisionRecord", plain.place)) from None


def _time(value: str) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise IllFormed("must be a time as ISO 8601 writes it") from None


def _found(plain: Plain, needed: RowsNeeded | None, revision: str | None) -> Rows:
    rows = read_rows(plain, revision=revision)
    found = rows if needed is None else rows.needed([needed])
    if rows_data(found) != plain.value:
        plain.wrong("must be rows that are needed, each there once, sorted")
    return found
