"""Who calls, and how often: what a host puts together, from one place."""

from __future__ import annotations

from neo_routing_adapters.extras import how_to_install

try:
    from neo_routing_adapters.http.api_keys import ApiKeys, IssuedKey, issue_key
    from neo_routing_adapters.http.causes import Cause
    from neo_routing_adapters.http.credentials import Credentials
    from neo_routing_adapters.http.entra_claims import EntraSettings
    from neo_routing_adapters.http.entra_clouds import EntraCloud, jwks_url
    from neo_routing_adapters.http.entra_tokens import EntraTokens
    from neo_routing_adapters.http.jwks_cache import JwksCache
    from neo_routing_adapters.http.jwks_source import JwksFile, JwksUrl
    from neo_routing_adapters.http.key_store import MemoryKeyStore, StoredKey
    from neo_routing_adapters.http.links import MemoryEntraLinks
    from neo_routing_adapters.http.peppers import Peppers, read_peppers
    from neo_routing_adapters.http.rate_limits import Limit, Limits, RateLimits
except ModuleNotFoundError as missing:
    if (missing.name or "").partition(".")[0] not in {"cryptography", "jwt", "limits"}:
        raise
    told = f"keys, tokens and limits need more than the library; {how_to_install('http')}"
    raise ModuleNotFoundError(told, name=missing.name) from missing

__all__ = [
    "ApiKeys",
    "Cause",
    "Credentials",
    "EntraCloud",
    "EntraSettings",
    "EntraTokens",
    "IssuedKey",
    "JwksCache",
    "JwksFile",
    "JwksUrl",
    "Limit",
    "Limits",
    "MemoryEntraLinks",
    "MemoryKeyStore",
    "Peppers",
    "RateLimits",
    "StoredKey",
    "issue_key",
    "jwks_url",
    "read_peppers",
]
