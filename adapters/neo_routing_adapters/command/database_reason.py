"""What a driver says of a failure, without the secrets of the URL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from neo_routing_adapters.command.secrets import FEWEST_TELLING, is_secret_name, starred_words

if TYPE_CHECKING:
    from sqlalchemy import URL


def reason(url: URL, error: BaseException) -> str:
    """Return the first line of what the driver says, after a colon, or nothing if that could tell a secret.

    A secret that stands there as a word of its own becomes ***.
    """
    said = str(getattr(error, "orig", error))
    secrets = sorted(_secrets(url), key=len, reverse=True)
    for secret in secrets:
        said = starred_words(said, secret)
    if any(secret in said for secret in secrets if len(secret) >= FEWEST_TELLING):
        return ""
    [line, *_] = [*said.splitlines(), ""]
    return f": {line}" if line else ""


def _secrets(url: URL) -> Iterator[str]:
    if url.password:
        yield str(url.password)
    for name, value in url.query.items():
        if is_secret_name(name):
            yield from filter(None, [value] if isinstance(value, str) else value)
