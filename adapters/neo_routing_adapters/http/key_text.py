"""An API key as its holder has it: `neo_sk_<environment>_<secret>`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from typing import Final

PREFIX: Final = "neo_sk_"
_SECRET_BYTES: Final = 32

_environment: Final = re.compile(r"[a-z0-9-]{1,32}").fullmatch
_key: Final = re.compile(rf"{PREFIX}(?P<environment>[a-z0-9-]{{1,32}})_[0-9a-f]{{{2 * _SECRET_BYTES}}}").fullmatch


def environment_name(text: str) -> str:
    """Accept the name of an environment, such as live or test. Raises `ValueError`.

    >>> environment_name("my_test")
    Traceback (most recent call last):
    ValueError: an environment is 1 to 32 of a-z, 0-9 and -, not 'my_test'
    """
    if _environment(text) is None:
        raise ValueError(f"an environment is 1 to 32 of a-z, 0-9 and -, not {text!r}")
    return text


def new_key_text(environment: str, random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Draw a key of 256 random bits. Raises `ValueError` for what is no environment's name.

    >>> new_key_text("test", random=bytes)
    'neo_sk_test_0000000000000000000000000000000000000000000000000000000000000000'
    """
    return f"{PREFIX}{environment_name(environment)}_{random(_SECRET_BYTES).hex()}"


def environment_of(text: str) -> str | None:
    """Return the environment that a key names, or nothing if it is no key at all.

    >>> environment_of(new_key_text("test")), environment_of("neo_sk_test_123")
    ('test', None)
    """
    found = _key(text)
    return None if found is None else found["environment"]
