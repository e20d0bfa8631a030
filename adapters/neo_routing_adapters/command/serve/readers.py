"""How the value of a setting is read: the command line and the environment have text, a TOML file has values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_network
from math import isfinite
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from neo_routing_adapters.origins import read_origins

_Value = TypeVar("_Value", int, float)

Reader: TypeAlias = Callable[[object], object]
"""Returns the value, or raises `ValueError` that says what it must be; its message holds nothing of the value."""


_ANY: Final = "*"


def text(value: object) -> str:
    """Read a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be a text, and not empty")
    return value


def path(value: object) -> Path:
    """Read the name of a file."""
    return Path(text(value))


def whole(least: int, most: int) -> Reader:
    """Read a whole number."""
    return lambda value: _within(_number(value, int), least, most, "a whole number")


def seconds(most: int) -> Reader:
    """Read a time in seconds, and parts of seconds, which is not nothing."""
    return lambda value: _within(_number(value, float), 0.001, most, "a number of seconds")


def one_of(*names: str) -> Reader:
    """Read one of these names."""

    def read(value: object) -> str:
        if value not in names:
            raise ValueError(f"must be one of {', '.join(names)}")
        return str(value)

    return read


def several(value: object) -> tuple[str, ...]:
    """Read texts: an array in a TOML file, and elsewhere with commas between."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, Iterable):
        raise ValueError("must be an array of texts")  # noqa: TRY004  # as any value that cannot be one
    return tuple(text(part).strip() for part in parts if part != "")


def origins(value: object) -> tuple[str, ...]:
    """Read origins as browsers send them: one that is written otherwise would never be one."""
    found = several(value)
    try:
        read_origins(found)
    except ValueError as error:
        raise ValueError(f"must be origins, or *; {error}") from None
    return found


def addresses(value: object) -> tuple[str, ...]:
    """Read addresses or networks; a name would be nobody's address."""
    found = several(value)
    try:
        [ip_network(each) for each in found if each != _ANY]
    except ValueError:
        raise ValueError("must be addresses or networks, such as 192.0.2.1 or 192.0.2.0/24, or *") from None
    return found


def _number(value: object, kind: type[_Value]) -> _Value | None:
    """Return a number of this kind, or nothing for what is none, such as 1e3 for a whole number, or true."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if kind is int and isinstance(value, float):
        return None
    try:
        return kind(value)
    except ValueError:
        return None


def _within(value: _Value | None, least: float, most: float, what: str) -> _Value:
    if value is None or not isfinite(value) or not least <= value <= most:
        raise ValueError(f"must be {what} from {least:g} to {most:,}")
    return value
