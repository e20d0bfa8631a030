"""Where settings come from: a flag counts before a variable, that before the file, and that before the default."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import attrs
from attrs import Attribute, frozen
from cyclopts import Group, Parameter

from neo_routing_adapters.command.failure import CommandFailed, cannot
from neo_routing_adapters.command.secrets import secrets_in, starred
from neo_routing_adapters.command.serve.settings import FIELDS, GROUPS, Settings
from neo_routing_adapters.phrases import exactly

PREFIX: Final = "NEO_ROUTING_"
_VARIABLES: Final = {field.name: f"{PREFIX}{field.name.upper()}" for field in FIELDS}
_NAMES_THE_FILE: Final = f"{PREFIX}SETTINGS"
_STARS: Final = "***"
_DEFAULT: Final = "default"


def _flag(field: Attribute[Any]) -> Any:
    default = "" if field.default in {None, ()} else f" [default: {field.default}]"
    group = Group(field.metadata["group"], sort_key=GROUPS.index(field.metadata["group"]))
    name = f"--{field.name.replace('_', '-')}"
    told = field.metadata["told"] + default
    parameter = Parameter(name=name, help=told, show_default=False, group=group, metavar=_metavar(field))
    kind: Any = Annotated[str | None, parameter]
    return attrs.field(default=None, type=kind)


def _metavar(field: Attribute[Any]) -> str:
    kinds = {"int": "NUMBER", "float": "SECONDS", "Path | None": "FILE", "tuple[str, ...]": "TEXT,…"}
    return kinds.get(str(field.type), "TEXT")


Flags: Final = attrs.make_class(
    "Flags", {field.name: _flag(field) for field in FIELDS if not field.metadata["secret"]}, frozen=True, kw_only=True
)
"""What the command line gives: a text for each setting that is no secret, or nothing."""


@frozen
class GivenSettings:
    """The settings, and of each where it comes from."""

    settings: Settings
    places: Mapping[str, str]
    unknown: tuple[str, ...] = ()
    """Variables that are named as settings are, and are none."""

    def lines(self) -> Iterator[str]:
        """Yield the settings as a TOML file has them, without what is secret, and where each comes from."""
        for field in FIELDS:
            value = getattr(self.settings, field.name)
            if value is None:
                yield f"# {field.name} is not set"
            elif field.metadata["secret"]:
                yield f'# {field.name} = "{_STARS}"  # {self.places[field.name]}'
            else:
                yield f"{field.name} = {_toml(value)}  # {self.places[field.name]}"
        yield from (f"# {complaint}" for complaint in self.complaints())

    def complaints(self) -> Iterator[str]:
        """Yield what was given and counts for nothing."""
        yield from (f"{name} is no setting, and is passed over" for name in self.unknown)


def given_settings(flags: object, file: Path | None, environment: Mapping[str, str] = os.environ) -> GivenSettings:
    """Read the settings. Raises `CommandFailed`, which says which of them cannot be used, and where it stands."""
    name = environment.get(_NAMES_THE_FILE)
    file = file or (Path(name) if name else None)
    sources = (_of_flags(flags), _of_environment(environment), _of_file(file))
    found = {field.name: _found(field, sources) for field in FIELDS}
    values: dict[str, Any] = {name: value for name, (value, _) in found.items()}
    places = {name: place for name, (_, place) in found.items()}
    given = GivenSettings(Settings(**values), places, _unknown(environment))
    contradiction = given.settings.contradiction()
    if contradiction is not None:
        raise CommandFailed(contradiction)
    return given


def _of_flags(flags: object) -> Mapping[str, tuple[object, str]]:
    given = {name: getattr(flags, name) for name in attrs.fields_dict(Flags)}
    return {name: (value, f"--{name.replace('_', '-')}") for name, value in given.items() if value is not None}


def _of_environment(environment: Mapping[str, str]) -> Mapping[str, tuple[object, str]]:
    return {name: (environment[each], each) for name, each in _VARIABLES.items() if environment.get(each)}


def _unknown(environment: Mapping[str, str]) -> tuple[str, ...]:
    known = {*_VARIABLES.values(), _NAMES_THE_FILE}
    return tuple(sorted(name for name in environment if name.startswith(PREFIX) and name not in known))


def _of_file(file: Path | None) -> Mapping[str, tuple[object, str]]:
    if file is None:
        return {}
    try:
        values = tomllib.loads(file.read_bytes().decode())
    except OSError as error:
        raise cannot(f"read {file}", error) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        why = "it is not in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise CommandFailed(f"cannot use {file}: {why}") from None
    for name in values:
        _require_setting(name, file)
    return {name: (value, f"{name} in {file}") for name, value in values.items()}


def _require_setting(name: str, file: Path) -> None:
    known = {field.name: field for field in FIELDS}
    if name not in known:
        raise CommandFailed(f"{file} has {exactly(name)}, which is no setting; --print-settings lists them")
    if known[name].metadata["secret"]:
        raise CommandFailed(
            f"{file} has {name}, which is a secret: set {PREFIX}{name.upper()}, or name a file by {name}_file"
        )


def _found(field: Attribute[Any], sources: tuple[Mapping[str, tuple[object, str]], ...]) -> tuple[object, str]:
    for source in sources:
        if field.name in source:
            value, place = source[field.name]
            return _read(field.metadata["read"], value, place), place
    return field.default, _DEFAULT


def _read(read: Callable[[object], object], value: object, place: str) -> object:
    try:
        return read(value)
    except ValueError as error:
        raise CommandFailed(f"{place} {error}") from None


def _toml(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, int | float):
        return str(value)
    return json.dumps(starred(str(value), secrets_in(str(value))), ensure_ascii=False)
