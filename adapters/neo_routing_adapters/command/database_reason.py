"""What a driver says of a failure, without the secrets of the URL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlalchemy import URL

_SECRET_KEYS: Final = frozenset(
    {"password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"}
)
# Fewer characters than these stand within a longer word by chance, and there they tell nothing.
_FEWEST_TELLING: Final = 4


def reason(url: URL, error: BaseException) -> str:
    """Return the first line of what the driver says, after a colon, or nothing if that could tell a secret.

    A secret that stands there as a word of its own becomes ***.
    """
    said = str(getattr(error, "orig", error))
    secrets = sorted(_secrets(url), key=len, reverse=True)
    for secret in secrets:
        said = re.sub(rf"(?<![\w.-]){re.escape(secret)}(?![\w.-])", "***", said)
    if any(secret in said for secret in secrets if len(secret) >= _FEWEST_TELLING):
        return ""
    [line, *_] = [*said.splitlines(), ""]
    return f": {line}" if line else ""


def _secrets(url: URL) -> Iterator[str]:
    if url.password:
        yield str(url.password)
    for key in _SECRET_KEYS & url.query.keys():
        value = url.query[key]
        yield from [value] if isinstance(value, str) else value
