"""The body of a call: which sort of body is taken, how long and how slow it may be, and how it is read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, frozen
from starlette.types import Receive

from neo_routing_adapters.http.answers import (
    BODY_TOO_LARGE,
    BODY_TOO_SLOW,
    UNSUPPORTED_MEDIA_TYPE,
    Refused,
    invalid_json,
)
from neo_routing_adapters.strict_json import read_json

LONGEST_BODY: Final = 65_536
"""In bytes."""
MOST_PASSED_OVER: Final = 1 << 20
"""How many bytes of a body that is too long are received all the same, so that its sender gets to read the answer."""

_UTF_8: Final = frozenset(["utf-8", "utf8"])
_TOO_LARGE_TO_WAIT_FOR: Final = evolve(BODY_TOO_LARGE, closes=True)
_TOO_SLOW: Final = evolve(BODY_TOO_SLOW, closes=True)


@frozen
class ReadBody:
    """What a body holds: any JSON value, whatever the rules then say to it."""

    value: Any


@frozen
class CallerGone:
    """The caller went before the body was complete: there is nobody to answer."""


async def read_body(
    headers: Mapping[str, str], receive: Receive, *, deadline: float
) -> ReadBody | Refused | CallerGone:
    """Receive the body, for so many seconds at most, and read it as strict JSON."""
    if not is_json(headers):
        return UNSUPPORTED_MEDIA_TYPE
    length = headers.get("content-length", "")
    if length.isdecimal() and (len(length) > len(str(MOST_PASSED_OVER)) or int(length) > MOST_PASSED_OVER):
        return _TOO_LARGE_TO_WAIT_FOR
    try:
        async with asyncio.timeout(deadline):
            received = await _received(receive)
    except TimeoutError:
        return _TOO_SLOW
    if not isinstance(received, bytes):
        return received
    try:
        return ReadBody(read_json(received))
    except (ValueError, RecursionError) as error:
        return invalid_json(str(error) if isinstance(error, ValueError) else "it is nested too deeply")


def is_json(headers: Mapping[str, str]) -> bool:
    """Tell whether the headers announce JSON in UTF-8, as it is.

    >>> is_json({"content-type": "Application/JSON; charset=UTF-8"}), is_json({"content-type": "text/json"})
    (True, False)
    """
    media_type = headers.get("content-type", "")
    if "content-encoding" in headers and headers["content-encoding"].strip().lower() != "identity":
        return False
    return media_type == "application/json" or _is_json_with_parameters(media_type)


def _is_json_with_parameters(media_type: str) -> bool:
    name, *parameters = (part.strip().lower() for part in media_type.split(";"))
    pairs = [parameter.partition("=") for parameter in parameters]
    charsets = [value.strip('"') for attribute, _, value in pairs if attribute == "charset"]
    return name == "application/json" and all(charset in _UTF_8 for charset in charsets)


async def _received(receive: Receive) -> bytes | Refused | CallerGone:
    body, length = bytearray(), 0
    while length <= MOST_PASSED_OVER:
        message = await receive()
        if message["type"] == "http.disconnect":
            return CallerGone()
        part = message.get("body", b"")
        length += len(part)
        if length <= LONGEST_BODY:
            body += part
        if not message.get("more_body", False):
            return bytes(body) if length <= LONGEST_BODY else BODY_TOO_LARGE
    return _TOO_LARGE_TO_WAIT_FOR
