"""A whole directory as plain data, both ways: the directory document, before it is text.

The model says what a field must be: each field's own converter is run on the value that stands in the document, so
that every place where something is wrong can be named, not only the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import NOTHING, Attribute, fields

from neo_routing.complaints import IllFormed
from neo_routing.content import COLLECTION_OF, COLLECTIONS, Row, content_of, require_whole
from neo_routing.directory import EACH, Agent, Channel, EndCompany, Tenant
from neo_routing.names import Name
from neo_routing.problems import InvalidDirectory, Problem, Problems, References
from neo_routing.rows import Rows


class RepeatedKeys(dict[str, Any]):
    """An object of a document in which some key stands twice: a reader makes it, and `directory_of` complains."""

    repeated: tuple[str, ...]
    """The keys that stand there more than once."""


def directory_data(content: Rows) -> dict[str, list[dict[str, Any]]]:
    """Return the directory document: lists of plain dicts, made anew, in which every key is written out.

    Raises `ValueError` for a slice, and `InvalidDirectory` where an owner is not there: no reader would take that.

    >>> document = directory_data(content_of(tenants=[Tenant(id="msp-a")]))
    >>> document["tenants"], document["channels"]
    ([{'id': 'msp-a', 'name': 'msp-a'}], [])
    >>> directory_of(document) == content_of(tenants=[Tenant(id="msp-a")])
    True
    """
    require_whole(content)
    document: dict[str, list[dict[str, Any]]] = {collection: [] for collection in COLLECTIONS}
    for row in content:
        document[COLLECTION_OF[type(row)]].append(row_data(row))
    return document


def row_data(row: Row) -> dict[str, Any]:
    """Return a row of the directory document.

    >>> row_data(EndCompany(id="co-1", tenant_id="msp-a", m365_tenant_ids=["b", "A"]))
    {'id': 'co-1', 'tenant_id': 'msp-a', 'name': 'co-1', 'm365_tenant_ids': ['a', 'b']}
    """
    return {column.name: _plain(getattr(row, column.name)) for column in fields(type(row))}


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    return str(value) if isinstance(value, Name) else value


def directory_of(document: object, *, revision: str | None = None) -> Rows:
    """Return the whole directory that a document describes, which is not changed.

    Raises `InvalidDirectory`, which lists every problem with its place.

    >>> directory_of({"agents": [{"id": 12.5, "tenant_id": "msp-a", "type": "TRIGGERED"}]})
    Traceback (most recent call last):
    neo_routing.problems.InvalidDirectory: 4 problems in the directory
      agents[0].type: is not a known key
      agents[0].id: must be an integer
      agents[0].kind: is missing
      agents[0].tenant_id: there is no tenant 'msp-a'
    """
    problems = Problems()
    for problem in _document_problems(document):
        problems.add(problem)
    if problems.count:
        _check_references(document, References(problems))
        raise InvalidDirectory(problems.first, problems.count)
    lists: Mapping[str, list[dict[str, Any]]] = document  # type: ignore[assignment]  # it has no problems
    return content_of(
        tenants=(Tenant(**row) for row in lists.get("tenants", ())),
        agents=(Agent(**row) for row in lists.get("agents", ())),
        channels=(Channel(**row) for row in lists.get("channels", ())),
        end_companies=(EndCompany(**row) for row in lists.get("end_companies", ())),
        revision=revision,
    )


def _document_problems(document: object) -> Iterator[Problem]:
    if not isinstance(document, dict):
        yield Problem("", "the document must be an object")
        return
    yield from _key_problems("", document, COLLECTIONS)
    for collection, row_type in COLLECTIONS.items():
        rows = document.get(collection, [])
        if not isinstance(rows, list):
            yield Problem(collection, "must be a list")
            continue
        for position, row in enumerate(rows):
            yield from _row_problems(f"{collection}[{position}]", row, fields(row_type))


def _row_problems(place: str, row: object, columns: tuple[Attribute[Any], ...]) -> Iterator[Problem]:
    if not isinstance(row, dict):
        yield Problem(place, "must be an object")
        return
    yield from _key_problems(f"{place}.", row, [column.name for column in columns])
    for column in columns:
        if column.name in row:
            yield from _value_problems(f"{place}.{column.name}", row[column.name], column)
        elif column.default is NOTHING:
            yield Problem(f"{place}.{column.name}", "is missing")


def _key_problems(prefix: str, found: dict[str, Any], known: Iterable[str]) -> Iterator[Problem]:
    for name in sorted(found.keys() - set(known), key=str):
        yield Problem(f"{prefix}{name}", "is not a known key")
    if isinstance(found, RepeatedKeys):
        for name in found.repeated:
            yield Problem(f"{prefix}{name}", "is there twice")


def _value_problems(place: str, value: Any, column: Attribute[Any]) -> Iterator[Problem]:
    convert_item = column.metadata.get(EACH)
    if convert_item is None or not isinstance(value, list):
        yield from _problem(place, value, column.converter)
        return
    for position, item in enumerate(value):
        yield from _problem(f"{place}[{position}]", item, convert_item)


def _problem(place: str, value: Any, convert: Any) -> Iterator[Problem]:
    try:
        convert(value)
    except IllFormed as error:
        yield Problem(place, error.words)


def _check_references(document: object, references: References) -> None:
    for collection, row_type in COLLECTIONS.items():
        rows = document.get(collection) if isinstance(document, dict) else None
        for position, row in enumerate(rows if isinstance(rows, list) else ()):
            if isinstance(row, dict):
                row_id, tenant_id = (_usable(row, name, row_type) for name in ("id", "tenant_id"))
                references.check(collection, position, row_id, tenant_id)


def _usable(row: dict[str, Any], name: str, row_type: type[Row]) -> Any:
    column = getattr(fields(row_type), name, None)
    usable = column is not None and name in row and not [*_value_problems("", row[name], column)]
    return row[name] if usable else None
