"""A signed token as it is sent: what its header says, and what was signed, if the signature is good."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from jwt import InvalidTokenError, PyJWS
from jwt.utils import base64url_decode, base64url_encode

from neo_routing_adapters.http.causes import Cause
from neo_routing_adapters.http.jwks import SigningKey
from neo_routing_adapters.strict_json import read_json

ALGORITHM: Final = "RS256"
_LONGEST_KEY_ID: Final = 256
_TYPES: Final = frozenset({"jwt", "at+jwt", "application/at+jwt"})

# What a token may not say of itself: by which key, or by which rules it is to be read.
_UNSUPPORTED: Final = frozenset({"crit", "b64", "zip", "enc", "cty", "jwk", "jku", "x5u", "x5c"})

_token: Final = re.compile(r"([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.([A-Za-z0-9_-]*)").fullmatch
_signatures: Final = PyJWS(algorithms=[ALGORITHM])


def key_id_of(text: str) -> str | Cause:
    """Return which key a token says it is signed with, or why its header is not one that we read."""
    parts = _token(text)
    header = None if parts is None else _header(parts[1])
    if parts is None or header is None or not _is_canonical(parts[2]):
        return Cause.MALFORMED_TOKEN
    if header.get("alg") != ALGORITHM:
        return Cause.WRONG_ALGORITHM
    if not _UNSUPPORTED.isdisjoint(header) or str(header.get("typ", "JWT")).lower() not in _TYPES:
        return Cause.UNSUPPORTED_HEADER
    key_id = header.get("kid")
    return key_id if type(key_id) is str and 0 < len(key_id) <= _LONGEST_KEY_ID else Cause.UNKNOWN_SIGNING_KEY


def signed_by(text: str, key: SigningKey) -> bytes | None:
    """Return what was signed, or nothing if it was not signed with this key."""
    try:
        payload: bytes = _signatures.decode(text, key.public, algorithms=[ALGORITHM])
    except InvalidTokenError:
        return None
    return payload


def claims_of(payload: bytes) -> Mapping[str, Any] | None:
    """Return the claims, or nothing if it is no JSON object: another token, say."""
    try:
        claims = read_json(payload)
    except ValueError:
        return None
    return claims if type(claims) is dict else None


def _is_canonical(segment: str) -> bool:
    """Tell whether there is no other way to write these bytes: else a token that was changed could still be good."""
    try:
        return base64url_encode(base64url_decode(segment)) == segment.encode()
    except ValueError:
        return False


def _header(segment: str) -> Mapping[str, Any] | None:
    try:
        return claims_of(base64url_decode(segment))
    except ValueError:
        return None
