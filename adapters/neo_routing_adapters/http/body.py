"""The body of a call: which sort of body is taken, how long and how slow it may be, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from neo_routing_adapters.http.answers import (
    BODY_TOO_LARGE,
    BODY_TOO_SLOW,
    UNSUPPORTED_MEDIA_TYPE,
    Refused,
    invalid_json,
)
from neo_routing_adapters.http.incoming import LONGEST_BODY, MOST_PASSED_OVER, Incoming
from neo_routing_adapters.strict_json import read_json

_UTF_8: Final = frozenset(["utf-8", "utf8"])


@frozen
class ReadBody:
    """What a body holds: any JSON value, whatever the rules then say to it."""

    value: Any


@frozen
class CallerGone:
    """The caller went before the body was complete: there is nobody to answer."""


async def read_body(body: Incoming, *, deadline: float) -> ReadBody | Refused | CallerGone:
    """Receive the body, for so many seconds at most, and read it as strict JSON."""
    if not is_json(body.headers):
        return UNSUPPORTED_MEDIA_TYPE
    if body.is_announced_too_long:
        return BODY_TOO_LARGE
    try:
        received = await body.received(MOST_PASSED_OVER, seconds=deadline)
    except TimeoutError:
        return BODY_TOO_SLOW
    if body.caller_gone:
        return CallerGone()
    return _read(received) if body.length <= LONGEST_BODY else BODY_TOO_LARGE


def _read(received: bytes) -> ReadBody | Refused:
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
