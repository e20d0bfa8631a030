"""What the parameters of a database's URL may be: those of the host's driver are understood, or answered by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.secrets import is_secret_name

Parameters: TypeAlias = Mapping[str, str | Sequence[str]]
"""The parameters of a URL as SQLAlchemy reads them."""

_FOR_SQLITE_URIS: Final = frozenset({"mode", "cache", "immutable", "nolock", "psow", "vfs"})
_OF_NO_EFFECT_ON_SQLITE: Final = frozenset(
    {"cached_statements", "check_same_thread", "detect_types", "isolation_level", "uri"}
)
_OF_ASYNCPG_ALONE: Final = frozenset(
    {
        "async_fallback",
        "command_timeout",
        "max_cacheable_statement_size",
        "max_cached_statement_lifetime",
        "prepared_statement_cache_size",
        "prepared_statement_name_func",
        "statement_cache_size",
    }
)
_MAY_BE_SEVERAL: Final = frozenset({"host", "port"})
_TRUE: Final = frozenset({"1", "on", "t", "true", "y", "yes"})
_SSL_MODES: Final[Mapping[str, str]] = {"true": "require", "false": "disable"}
_TIMEOUT: Final = 5.0  # which is the driver's own
_LONGEST_TIMEOUT: Final = 86400.0


def sqlite_timeout(parameters: Parameters) -> float:
    """Return how long to wait for a lock, in seconds. Raises `CommandFailed`."""
    try:
        seconds = float(str(parameters.get("timeout", _TIMEOUT)))
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST_TIMEOUT:
        raise CommandFailed("the URL's timeout must be a number of seconds, at least 0 and a day at most")
    return seconds


def sqlite_uri_parameters(parameters: Parameters) -> dict[str, str]:
    """Return the parameters of a SQLite URI, which there are if the URL says that it is one. Raises `CommandFailed`."""
    is_uri = str(parameters.get("uri", "")).lower() in _TRUE
    _require_once(parameters)
    known = {"timeout", *_OF_NO_EFFECT_ON_SQLITE, *(_FOR_SQLITE_URIS if is_uri else ())}
    _require_known(parameters, known, ["timeout"])
    if parameters.get("mode", "ro") not in {"ro", "rw", "rwc"}:
        raise CommandFailed("the URL's mode must be ro, rw or rwc")
    return {name: str(value) for name, value in parameters.items() if name in _FOR_SQLITE_URIS}


def postgresql_parameters(parameters: Parameters, known: Iterable[str]) -> dict[str, str | tuple[str, ...]]:
    """Return the parameters as the driver takes them, whose names are given. Raises `CommandFailed`.

    asyncpg's `ssl` becomes `sslmode`; what only asyncpg knows and only makes it faster is left out.
    """
    for_libpq = {name: value for name, value in parameters.items() if name not in _OF_ASYNCPG_ALONE}
    _require_once({name: value for name, value in for_libpq.items() if name not in _MAY_BE_SEVERAL})
    if "ssl" in for_libpq:
        mode = str(for_libpq.pop("ssl")).lower()
        for_libpq.setdefault("sslmode", _SSL_MODES.get(mode, mode))
    known = frozenset(known)
    _require_known(for_libpq, known, ["connect_timeout", "sslmode", "application_name and others of libpq"])
    return {name: value if isinstance(value, str) else tuple(value) for name, value in for_libpq.items()}


def _require_once(parameters: Parameters) -> None:
    for name, value in parameters.items():
        if not isinstance(value, str):
            raise CommandFailed(f"the URL has the parameter {name} twice" if _are_names(parameters) else _TWICE)


_TWICE: Final = "the URL has a parameter twice"


def _require_known(parameters: Parameters, known: Iterable[str], some: Iterable[str]) -> None:
    unknown = sorted(parameters.keys() - set(known))
    if unknown:
        which = f"the parameter {unknown[0]}" if _are_names(parameters) else "a parameter"
        raise CommandFailed(f"the URL has {which}, which is not known; it may have {', '.join(some)}")


def _are_names(parameters: Parameters) -> bool:
    """Tell whether the names are names: after a password with an unescaped & they may be the rest of it."""
    return not any(map(is_secret_name, parameters))
