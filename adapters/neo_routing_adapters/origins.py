"""Origins of pages, as browsers send them: what is written otherwise would never be met."""

from __future__ import annotations

import re
from collections.abc import Collection
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from typing import Final

ANY_ORIGIN: Final = "*"

_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_HIGHEST_PORT: Final = 65_535
_address: Final = re.compile(r"(\[.*\]|[^:]*)(?::(.*))?", re.DOTALL).fullmatch
_is_scheme: Final = re.compile(r"[a-z][a-z0-9+.-]*").fullmatch
_is_name: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?").fullmatch
_is_numeric: Final = re.compile(r"(.*\.)?[0-9]+\.?").fullmatch
_is_port: Final = re.compile(r"[1-9][0-9]{0,4}").fullmatch


def read_origins(origins: Collection[str]) -> frozenset[str]:
    """Return these origins, such as `https://dashboard.example`, or `*`, which stands for all.

    Raises `ValueError`, which says what is wrong with one that no browser sends, and does not quote it.

    >>> read_origins(["https://dashboard.example"])
    frozenset({'https://dashboard.example'})
    >>> read_origins(["https://*.example"])
    Traceback (most recent call last):
    ValueError: an origin names one host, in lower case and ASCII, and has no * in it (such as https://dashboard.example)
    """
    if isinstance(origins, str | bytes):
        raise TypeError("origins are given as a collection of texts, not as one text")
    read = tuple(origins)
    for origin in read:
        complaint = _complaint(origin)
        if complaint is not None:
            raise ValueError(f"{complaint} (such as https://dashboard.example)")
    return frozenset(read)


def _complaint(origin: str) -> str | None:
    """Return what is wrong, of several the first."""
    if origin == ANY_ORIGIN:
        return None
    scheme, separator, rest = origin.partition("://") if isinstance(origin, str) else ("", "", "")
    if not separator or not _is_scheme(scheme):
        return "an origin begins with a scheme, in lower case"
    if {*rest} & {*"/?#"}:
        return "an origin has no path, and no slash at its end"
    address = _address(rest)
    if address is None or not _is_host(address[1]):
        return "an origin names one host, in lower case and ASCII, and has no * in it"
    return _complaint_of_port(scheme, address[2])


def _complaint_of_port(scheme: str, port: str | None) -> str | None:
    if port is None:
        return None
    if port == _DEFAULT_PORTS.get(scheme):
        return "an origin leaves out the default port of its scheme"
    return None if _is_port(port) and int(port) <= _HIGHEST_PORT else "the port of an origin is a number up to 65535"


def _is_host(host: str) -> bool:
    """Tell whether it is a name, or an address as browsers write it, which know several ways to read one."""
    with suppress(ValueError):
        if host.startswith("["):
            return str(IPv6Address(host[1:-1])) == host[1:-1]
        return str(IPv4Address(host)) == host if _is_numeric(host) else bool(_is_name(host))
    return False
