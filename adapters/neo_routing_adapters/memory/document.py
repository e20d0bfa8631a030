"""Directory documents: JSON or TOML files that hold a whole directory.

The model says what a field must be: each field's own converter is run on the value that stands in the document, so
that every place where something is wrong can be named, not only the first.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final, TypeAlias

from attrs import NOTHING, Attribute, fields

from neo_routing import Agent, Channel, EndCompany, Tenant
from neo_routing.complaints import IllFormed
from neo_routing.directory import EACH
from neo_routing.well_formed import integer_literal
from neo_routing_adapters.memory.directory import MemoryDirectory
from neo_routing_adapters.memory.problems import InvalidDirectory, Problem, Problems, References
from neo_routing_adapters.memory.toml_limits import DEEPEST, require_toml_limits
from neo_routing_adapters.strict_json import strict_json_reader

_Row: TypeAlias = Tenant | Agent | Channel | EndCompany
_COLLECTIONS: Final[Mapping[str, type[_Row]]] = {
    "tenants": Tenant,
    "agents": Agent,
    "channels": Channel,
    "end_companies": EndCompany,
}


def read_directory(path: str | PathLike[str]) -> MemoryDirectory:
    """Read a directory document, a file whose name ends in `.json` or `.toml`, into memory.

    Raises `InvalidDirectory`, which lists every problem with its place, and `OSError` if the file cannot be read.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "directory.json")
    ...     _ = path.write_text('{"agents": [{"id": 12.5, "tenant_id": "msp-a", "type": "TRIGGERED"}]}')
    ...     read_directory(path)
    Traceback (most recent call last):
    neo_routing_adapters.memory.problems.InvalidDirectory: 4 problems in the directory
      agents[0].type: is not a known key
      agents[0].id: must be an integer
      agents[0].kind: is missing
      agents[0].tenant_id: there is no tenant 'msp-a'
    """
    document = _well_formed_document(path)  # its references are checked on the way into memory
    return MemoryDirectory(
        tenants=document.tenants,
        agents=document.agents,
        channels=document.channels,
        end_companies=document.end_companies,
    )


def read_document(path: str | PathLike[str]) -> DirectoryDocument:
    """Read a directory document for its rows, as strictly as `read_directory` does, and with the same errors."""
    document = _well_formed_document(path)
    document.require_references()
    return document


class DirectoryDocument:
    """The rows of a document. Each list of them is made anew, row by row, whenever it is asked for.

    >>> [tenant.name for tenant in DirectoryDocument({"tenants": [{"id": "msp-a"}]}).tenants]
    ['msp-a']
    """

    def __init__(self, well_formed: Mapping[str, list[dict[str, Any]]]) -> None:
        self._lists = well_formed

    @property
    def count(self) -> int:
        """How many rows there are in all lists together."""
        return sum(map(len, self._lists.values()))

    @property
    def tenants(self) -> Iterator[Tenant]:
        """The tenants."""
        return (Tenant(**row) for row in self._lists.get("tenants", ()))

    @property
    def agents(self) -> Iterator[Agent]:
        """The agents."""
        return (Agent(**row) for row in self._lists.get("agents", ()))

    @property
    def channels(self) -> Iterator[Channel]:
        """The channels."""
        return (Channel(**row) for row in self._lists.get("channels", ()))

    @property
    def end_companies(self) -> Iterator[EndCompany]:
        """The end-companies."""
        return (EndCompany(**row) for row in self._lists.get("end_companies", ()))

    def require_references(self) -> None:
        """Raise `InvalidDirectory` for duplicate ids and unknown owners."""
        references = References()
        for collection in _COLLECTIONS:
            for position, row in enumerate(self._lists.get(collection, ())):
                references.check(collection, position, row["id"], row.get("tenant_id"))
        references.require_none()


def _well_formed_document(path: str | PathLike[str]) -> DirectoryDocument:
    document = _parsed(Path(path))
    problems = Problems()
    for problem in _document_problems(document):
        problems.add(problem)
    if problems.count:
        _check_references(document, References(problems))
        raise InvalidDirectory(problems.first, problems.count)
    return DirectoryDocument(document)


class _Repeating(dict[str, Any]):
    """A JSON object in which some key stands twice."""

    repeated: tuple[str, ...]


def _parsed(path: Path) -> Any:
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise InvalidDirectory([Problem("", "the name of the document must end in .json or .toml")])
    try:
        return parse(_text(path))
    except RecursionError:
        raise InvalidDirectory([Problem("", "the document is nested too deeply")]) from None
    except ValueError as error:  # what `_text` and the decoders of JSON and TOML raise
        raise InvalidDirectory([Problem("", f"the document cannot be read: {error}")]) from error


def _text(path: Path) -> str:
    try:
        text = path.read_bytes().decode()  # and its line ends as they are: a CR alone is none in TOML
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 text, see byte {error.start + 1}") from error
    if text.startswith("\ufeff"):
        raise ValueError("it starts with a byte order mark, which must not be there")
    return text


def _parse_toml(text: str) -> Any:
    require_toml_limits(text)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # Python's own, when it refuses to read so many digits
        raise ValueError("an integer in it has too many digits") from error


def _json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeating = _Repeating(found)
    repeating.repeated = tuple(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    return repeating


_parse_json: Final = strict_json_reader(
    integer=integer_literal, other_number=float, members=_json_object, deepest=DEEPEST
)
_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {".json": _parse_json, ".toml": _parse_toml}


def _document_problems(document: object) -> Iterator[Problem]:
    if not isinstance(document, dict):
        yield Problem("", "the document must be an object")
        return
    yield from _key_problems("", document, _COLLECTIONS)
    for collection, row_type in _COLLECTIONS.items():
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
    for name in sorted(found.keys() - set(known)):
        yield Problem(f"{prefix}{name}", "is not a known key")
    if isinstance(found, _Repeating):
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
    for collection, row_type in _COLLECTIONS.items():
        rows = document.get(collection) if isinstance(document, dict) else None
        for position, row in enumerate(rows if isinstance(rows, list) else ()):
            if isinstance(row, dict):
                row_id, tenant_id = (_usable(row, name, row_type) for name in ("id", "tenant_id"))
                references.check(collection, position, row_id, tenant_id)


def _usable(row: dict[str, Any], name: str, row_type: type[_Row]) -> Any:
    column = getattr(fields(row_type), name, None)
    usable = column is not None and name in row and not [*_value_problems("", row[name], column)]
    return row[name] if usable else None
