"""The headers of a request, by name."""

from __future__ import annotations

from collections.abc import Iterable


def headers_of(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by name; the values of one that came more than once are joined.

    >>> headers_of([(b"host", b"a"), (b"authorization", b"Bearer 1"), (b"authorization", b"Bearer 2")])
    {'host': 'a', 'authorization': 'Bearer 1, Bearer 2'}
    """
    listed = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in pairs]
    headers = dict(listed)
    return headers if len(headers) == len(listed) else _joined(listed)


def _joined(listed: Iterable[tuple[str, str]]) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for name, value in listed:
        values.setdefault(name, []).append(value)
    return {name: ", ".join(each) for name, each in values.items()}
