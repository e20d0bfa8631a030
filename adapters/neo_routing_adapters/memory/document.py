"""Directory documents: JSON or TOML files that hold a whole directory, read strictly."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

from neo_routing import InvalidDirectory, Problem
from neo_routing.plain_data.directories import RepeatedKeys, directory_of
from neo_routing.well_formed import integer_literal
from neo_routing_adapters.memory.directory import MemoryDirectory
from neo_routing_adapters.memory.toml_limits import DEEPEST, require_toml_limits
from neo_routing_adapters.strict_json import clean_text, strict_json_reader


def read_directory(path: str | PathLike[str]) -> MemoryDirectory:
    """Read a directory document, a file whose name ends in `.json` or `.toml`, into memory.

    Raises `InvalidDirectory`, which lists every problem with its place, and `OSError` if the file cannot be read.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "directory.json")
    ...     _ = path.write_text('{"tenants": [{"id": "msp-a", "nmae": "MSP A"}]}')
    ...     read_directory(path)
    Traceback (most recent call last):
    neo_routing.problems.InvalidDirectory: 1 problem in the directory
      tenants[0].nmae: is not a known key
    """
    return MemoryDirectory.holding(directory_of(_parsed(Path(path))))


def _parsed(path: Path) -> Any:
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        raise InvalidDirectory([Problem("", "the name of the document must end in .json or .toml")])
    try:
        return parse(clean_text(path.read_bytes()))  # line ends as they are: a CR alone is none in TOML
    except RecursionError:
        raise InvalidDirectory([Problem("", "the document is nested too deeply")]) from None
    except ValueError as error:  # what `clean_text` and the decoders of JSON and TOML raise
        raise InvalidDirectory([Problem("", f"the document cannot be read: {error}")]) from error


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
    repeating = RepeatedKeys(found)
    repeating.repeated = tuple(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)
    return repeating


_parse_json: Final = strict_json_reader(
    integer=integer_literal, other_number=float, members=_json_object, deepest=DEEPEST
)
_PARSERS: Final[Mapping[str, Callable[[str], Any]]] = {".json": _parse_json, ".toml": _parse_toml}
