"""Fuzzes what reads a directory document, `read_directory`, on any bytes as JSON and as TOML.

What holds of every document is said by `check`, which needs no fuzzer. To let Atheris look for one that breaks it:

    pip install atheris
    python -m tests.programs.fuzz.fuzz directory_documents -max_total_time=3600 -rss_limit_mb=2048 -timeout=25 corpus

The kept inputs and the directories of the conformance corpus are put into the folder first. All options are
libFuzzer's; it prints how many inputs it tried, and writes one that breaks something to a file, which can then be given
instead of the folder.
"""

from __future__ import annotations

import json
import tomllib
import unicodedata
from collections.abc import Callable, Hashable, Iterator, Mapping
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeAlias

from neo_routing import Caller, InvalidDirectory, decide, decision_data, parse_session_request
from neo_routing.testing import World, reference
from neo_routing.testing.conformance import conformance_worlds
from neo_routing_adapters.memory import MemoryDirectory, read_directory
from tests.programs.fuzz import strict_json
from tests.programs.fuzz.toml_text import toml_text

Read: TypeAlias = Callable[[Path], MemoryDirectory]
Valid: TypeAlias = Callable[[Any], bool]
DEEPEST: Final = 8
"""How many lists and objects may stand in each other."""


def check(content: bytes, read: Read = read_directory) -> None:
    """Raise `AssertionError` if a document is read otherwise than the documentation says, in either format."""
    with TemporaryDirectory() as folder:
        for name, parse in PARSERS.items():
            path = Path(folder, name)
            path.write_bytes(content)
            _check_document(path, read, parse)


def seeds() -> Iterator[bytes]:
    """Yield the documents to begin with."""
    for world in conformance_worlds():
        document = json.loads(world.directory_document)
        # One row of each list says as much as many, and small inputs are tried more often.
        for step in (1, 7):
            few = {name: rows[:: step * step] for name, rows in document.items()}
            yield json.dumps(few).encode()
            yield toml_text(few).encode()


def _check_document(path: Path, read: Read, parse: Callable[[str], Any]) -> None:
    try:
        plain = _parsed(path, parse)
        broken = {""} if _is_deep(plain, DEEPEST) else places_of_problems(plain)
    except ValueError:  # what is no UTF-8, no JSON, no TOML
        broken = {""}
    try:
        directory = read(path)
    except InvalidDirectory as invalid:
        _check_complaints(path, invalid, broken)
        return
    assert not broken, f"{path.name} was read, but is wrong at {broken}"
    _check_round_trip(path)
    _check_decisions(plain, directory)


def _is_deep(plain: Any, deepest: int) -> bool:
    """Tell whether lists and objects stand in each other more often than that."""
    inner = plain.values() if isinstance(plain, dict) else plain if isinstance(plain, list) else None
    return inner is not None and (deepest == 0 or any(_is_deep(each, deepest - 1) for each in inner))


def _parsed(path: Path, parse: Callable[[str], Any]) -> Any:
    text = path.read_bytes().decode()
    if text.startswith("\ufeff"):
        raise ValueError("a byte order mark")
    return parse(text)


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("too deep") from None


PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "directory.json": strict_json.read,
    "directory.toml": _toml,
}


def _check_complaints(path: Path, invalid: InvalidDirectory, broken: set[str]) -> None:
    problems = invalid.problems
    assert problems
    lines = str(invalid).encode().decode().split("\n")
    assert len(lines) == 1 + len(problems)
    assert all(line.isprintable() or _has_no_control(line) for line in lines)
    # Of a text that is no document at all, and of a key that is there twice, the place is not looked for here.
    if "" in broken:
        return
    assert {problem.place for problem in problems} == broken, f"expected problems at {broken}"


def _has_no_control(line: str) -> bool:
    return not any(unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp"} for character in line)


def _check_round_trip(path: Path) -> None:
    world = _world(path)
    document = world.document()
    for name, text in (("again.json", json.dumps(document)), ("again.toml", toml_text(document))):
        again = path.with_name(name)
        again.write_bytes(text.encode())
        assert _world(again) == world, f"{path.name} written again as {name} holds other rows"


def _world(path: Path) -> World:
    content = read_directory(path).content
    world = World.of(content)
    assert world.content == content
    return world


def _check_decisions(plain: dict[str, Any], directory: MemoryDirectory) -> None:
    model = reference.Reference(plain)
    for caller, body in islice(calls(plain), 40):
        who = Caller(caller["kind"], caller["tenant_id"])
        given = decision_data(decide(who, parse_session_request(body).unwrap(), directory), trace=True)
        expected = model.decision(reference.question(caller, body))
        assert given == expected, f"{caller} {body}: core {json.dumps(given)}, model {json.dumps(expected)}"


def calls(plain: Mapping[str, list[dict[str, Any]]]) -> Iterator[tuple[dict[str, str], dict[str, Any]]]:
    """Yield calls about the first rows of a document.

    >>> next(calls({"tenants": [{"id": "msp-a"}]}))
    ({'kind': 'user', 'tenant_id': 'msp-a'}, {'managed_agent_key': 'NEO_SUPPORT'})
    """
    tenant_ids = [*_some(row["id"] for row in plain.get("tenants", ())), "nobody"]
    agent_ids = [None, *_some(row["id"] for row in plain.get("agents", ()))]
    bot_ids = [None, *_some(row["bot_id"] for row in plain.get("channels", ()))]
    m365_tenant_ids = [None, *_some(each for lists in _lists_of_m365_tenants(plain) for each in lists)]
    by_key = {"managed_agent_key": "NEO_SUPPORT"}
    for tenant_id, agent_id in product(tenant_ids, agent_ids):
        yield {"kind": "user", "tenant_id": tenant_id}, by_key if agent_id is None else {"agent_id": agent_id}
    for bot_id, m365_tenant_id, client_id in product(bot_ids, m365_tenant_ids, [None, *tenant_ids]):
        body = {**by_key, "bot_id": bot_id, "inbound_tenant_id": m365_tenant_id, "client_id": client_id}
        yield {"kind": "platform", "tenant_id": tenant_ids[0]}, body


def _some(values: Iterator[Any]) -> list[Any]:
    return list(islice(dict.fromkeys(values), 2))


def _lists_of_m365_tenants(plain: Mapping[str, list[dict[str, Any]]]) -> Iterator[list[str]]:
    for channel in plain.get("channels", ()):
        yield channel.get("installed_m365_tenant_ids", [])
    for company in plain.get("end_companies", ()):
        yield company.get("m365_tenant_ids", [])


# What a document must be, from the table of docs/json-forms.md


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= 256 and reference.is_clean(value)


def _id(value: Any) -> bool:
    return _text(value) and not reference.is_blank(value)


def _number(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 2**63 - 1


def _one_of(*values: Any) -> Valid:
    return lambda value: any(type(value) is type(each) and value == each for each in values)


def _bot_id(value: Any) -> bool:
    return _text(value) and _is_usable(reference.normal_form(value, reference.OF_A_BOT))


def _m365_tenant_id(value: Any) -> bool:
    return _text(value) and _is_usable(reference.normal_form(value))


def _is_usable(normal_form: str) -> bool:
    return normal_form != "" and reference.USABLE.issuperset(normal_form)


_REQUIRED: Final = {"id", "tenant_id", "kind", "agent_id", "bot_id"}
_ROWS: Final[Mapping[str, Mapping[str, Valid]]] = {
    "tenants": {"id": _id, "name": _text},
    "agents": {
        "id": _number,
        "tenant_id": _id,
        "name": _text,
        "kind": _one_of("CONVERSATIONAL", "TRIGGERED"),
        "managed_key": _one_of("NEO_SUPPORT", None),
    },
    "channels": {
        "id": _id,
        "tenant_id": _id,
        "agent_id": _number,
        "bot_id": _bot_id,
        "status": _one_of("ACTIVE", "DISCONNECTED"),
        "white_label": _one_of(True, False),  # they are the values that it takes
        "installed_m365_tenant_ids": _m365_tenant_id,
        "show_agent_progress_steps": _one_of(True, False, None),  # as above
    },
    "end_companies": {"id": _id, "tenant_id": _id, "name": _text, "m365_tenant_ids": _m365_tenant_id},
}
_LISTS: Final = {"installed_m365_tenant_ids", "m365_tenant_ids"}


def places_of_problems(document: Any) -> set[str]:
    """Name every place where a document is wrong; the empty name stands for all of it.

    >>> sorted(places_of_problems({"tenants": [{"id": " "}], "agents": [{"id": 12, "kind": "TRIGGERED"}], "x": 1}))
    ['agents[0].tenant_id', 'tenants[0].id', 'x']
    """
    if not isinstance(document, dict):
        return {""}
    places = {name for name in document if name not in _ROWS or not isinstance(document[name], list)}
    seen: set[Hashable] = set()
    for collection, columns in _ROWS.items():
        rows = document.get(collection, [])
        for position, row in enumerate(rows if isinstance(rows, list) else []):
            place = f"{collection}[{position}]"
            places |= _places_in_row(place, row, columns) if isinstance(row, dict) else {place}
            if isinstance(row, dict):
                places |= _clashes(place, collection, row, seen)
    return places


def _places_in_row(place: str, row: dict[str, Any], columns: Mapping[str, Valid]) -> set[str]:
    unknown = {f"{place}.{name}" for name in row.keys() - columns.keys()}
    missing = {f"{place}.{name}" for name in (columns.keys() & _REQUIRED) - row.keys()}
    wrong = set()
    for name, valid in columns.items():
        if name in row and name in _LISTS and isinstance(row[name], list):
            wrong |= {f"{place}.{name}[{at}]" for at, each in enumerate(row[name]) if not valid(each)}
        elif name in row and (name in _LISTS or not valid(row[name])):
            wrong.add(f"{place}.{name}")
    return unknown | missing | wrong


def _clashes(place: str, collection: str, row: dict[str, Any], seen: set[Hashable]) -> set[str]:
    row_id, owner = row.get("id"), row.get("tenant_id")
    places = set()
    if _ROWS[collection]["id"](row_id):
        if (collection, row_id) in seen:
            places.add(f"{place}.id")
        seen.add((collection, row_id))
    if collection != "tenants" and _id(owner) and ("tenants", owner) not in seen:
        places.add(f"{place}.tenant_id")
    return places
