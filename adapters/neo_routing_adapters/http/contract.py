"""The HTTP contract, as this package ships it: an OpenAPI document."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Final

SESSIONS_PATH: Final = "/chat/sessions"
"""Where sessions are created, behind the prefix."""
CONTRACT_PATH: Final = "/openapi.json"
"""Where the contract is, behind the prefix."""
PREFIX: Final = "/public-api"
"""What both paths begin with in the contract."""


@cache
def contract_document() -> bytes:
    """Return the contract as JSON text.

    >>> import json
    >>> [*json.loads(contract_document())["paths"]]
    ['/public-api/chat/sessions']
    """
    return resources.files("neo_routing_adapters.http").joinpath("openapi.json").read_bytes()
