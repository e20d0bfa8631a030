"""A world in which somebody issues tokens: keys, a key set, and tokens in every right and wrong form."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from neo_routing import Caller, CallerKind
from neo_routing_adapters.http.api_keys import ApiKeys, IssuedKey, issue_key
from neo_routing_adapters.http.credentials import Credentials
from neo_routing_adapters.http.entra_claims import EntraSettings
from neo_routing_adapters.http.entra_tokens import EntraTokens
from neo_routing_adapters.http.jwks_cache import JwksCache
from neo_routing_adapters.http.key_store import MemoryKeyStore
from neo_routing_adapters.http.links import MemoryEntraLinks
from neo_routing_adapters.http.peppers import Peppers

NOW: Final = 1_800_000_000
MOMENT: Final = datetime.fromtimestamp(NOW, UTC)
TID: Final = "9b1d2c3e-4f50-4a6b-8c7d-0e1f2a3b4c5d"
UNLINKED: Final = "11111111-2222-4333-8444-555555555555"
PERSONAL: Final = "9188040d-6c67-4c5b-b112-36a304b66dad"
AUDIENCE: Final = "22222222-3333-4444-8555-666666666666"
CLIENT: Final = "33333333-4444-4555-8666-777777777777"
TENANT: Final = "northwind-it"
V1: Final = f"https://sts.windows.net/{TID}/"
V2: Final = f"https://login.microsoftonline.com/{TID}/v2.0"
TEMPLATE: Final = "https://login.microsoftonline.com/{tenantid}/v2.0"
SETTINGS: Final = EntraSettings(
    audiences=frozenset({AUDIENCE, f"api://{AUDIENCE}"}), scope="access_as_user", clients=frozenset({CLIENT})
)
PEPPERS: Final = Peppers((b"n" * 32, b"o" * 32))


def private_key(key_id: str, bits: int = 2048) -> RSAPrivateKey:
    """A key of this name; the same each time."""
    return _drawn(key_id, bits)


@cache
def _drawn(_key_id: str, bits: int) -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=bits)


def jwk(key_id: str, *, bits: int = 2048, **more: Any) -> dict[str, Any]:
    """The public half of a key as a JSON Web Key; `None` leaves a member out."""
    numbers = private_key(key_id, bits).public_key().public_numbers()
    entry = {
        "kty": "RSA",
        "use": "sig",
        "kid": key_id,
        "n": _number(numbers.n),
        "e": _number(numbers.e),
        "issuer": TEMPLATE,
        **more,
    }
    return {name: value for name, value in entry.items() if value is not None}


def key_set(*keys: Mapping[str, Any]) -> bytes:
    """A key set of these."""
    return json.dumps({"keys": keys}).encode()


class Source:
    """A source of keys that tests can change, and that counts."""

    def __init__(self, document: bytes) -> None:
        self.document = document
        self.reads = 0

    async def read(self) -> bytes:
        self.reads += 1
        return self.document


def claims(**changes: Any) -> dict[str, Any]:
    """What a right token of version 2.0 says, with changes; `None` leaves a claim out."""
    right = {
        "aud": AUDIENCE,
        "iss": V2,
        "iat": NOW - 300,
        "nbf": NOW - 300,
        "exp": NOW + 3600,
        "azp": CLIENT,
        "oid": "77777777-8888-4999-8aaa-bbbbbbbbbbbb",
        "scp": "access_as_user",
        "tid": TID,
        "ver": "2.0",
    }
    return {name: value for name, value in (right | changes).items() if value is not None}


def claims_v1(**changes: Any) -> dict[str, Any]:
    """What a right token of version 1.0 says, with changes."""
    return claims(**{"iss": V1, "ver": "1.0", "azp": None, "appid": CLIENT, "aud": f"api://{AUDIENCE}"} | changes)


def token(
    payload: Mapping[str, Any] | bytes, *, key_id: str = "k1", header: Mapping[str, Any] | None = None, by: str = ""
) -> str:
    """A token with a good signature of the key `by`, or else of the one that it names."""
    head = {"alg": "RS256", "typ": "JWT", "kid": key_id, **(header or {})}
    head = {name: value for name, value in head.items() if value is not None}
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return signed(json.dumps(head).encode(), body, by or key_id)


def signed(header: bytes, payload: bytes, key_id: str) -> str:
    """These bytes, signed as RS256 has it."""
    signing_input = f"{segment(header)}.{segment(payload)}"
    signature = private_key(key_id).sign(signing_input.encode(), PKCS1v15(), hashes.SHA256())
    return f"{signing_input}.{segment(signature)}"


def segment(data: bytes) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _number(value: int) -> str:
    return segment(value.to_bytes((value.bit_length() + 7) // 8, "big"))


JWKS: Final = [
    ("k1", {}),
    ("k2", {}),
    ("v1", {"issuer": None}),
    ("personal", {"issuer": f"https://login.microsoftonline.com/{PERSONAL}/v2.0"}),
    ("china", {"issuer": "https://login.partner.microsoftonline.cn/{tenantid}/v2.0"}),
]


def jwks() -> bytes:
    """The key set of this world."""
    return key_set(*(jwk(key_id, **more) for key_id, more in JWKS))


def entra(settings: EntraSettings = SETTINGS, source: Any = None, links: Any = None) -> EntraTokens:
    """What accepts tokens in this world, at its time."""
    return EntraTokens(
        settings,
        JwksCache(source or Source(jwks()), clock=lambda: 0.0),
        links or MemoryEntraLinks({TID: TENANT}),
        clock=lambda: NOW,
    )


def issued(kind: CallerKind = CallerKind.SERVICE_ACCOUNT, environment: str = "live", **more: Any) -> IssuedKey:
    """A new key."""
    peppers = more.pop("peppers", PEPPERS)
    return issue_key(Caller(kind, TENANT), environment, peppers, now=MOMENT, **more)


def credentials(keys: MemoryKeyStore, settings: EntraSettings = SETTINGS) -> Credentials:
    """Both kinds side by side."""
    return Credentials(
        api_keys=ApiKeys(keys, PEPPERS, environment="live", now=lambda: MOMENT), entra_tokens=entra(settings)
    )
