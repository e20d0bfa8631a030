"""The keys that tokens are signed with, as an issuer publishes them: a JSON Web Key Set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import field, frozen
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import InvalidKeyError
from jwt.algorithms import RSAAlgorithm

from neo_routing_adapters.strict_json import read_json

LARGEST_SET: Final = 512 * 1024
"""Bytes; Microsoft's has some 20,000."""
_FEWEST_BITS: Final = 2048
_TENANT: Final = "{tenantid}"


@frozen(kw_only=True)
class SigningKey:
    """A public key, and whose tokens it signs: an issuer, in which `{tenantid}` may stand for any M365 tenant."""

    key_id: str
    public: RSAPublicKey = field(repr=False)
    issuer: str | None = None

    def fits(self, m365_tenant_id: str, issuers: frozenset[str | None]) -> bool:
        """Tell whether it signs tokens of one of these issuers, all of which are this M365 tenant's.

        Keys of the first version of Microsoft's endpoint name no issuer.
        """
        return self.issuer is None or self.issuer.replace(_TENANT, m365_tenant_id) in issuers


def read_jwks(document: bytes) -> Mapping[str, tuple[SigningKey, ...]]:
    """Return the keys of a set by their ids. Raises `ValueError` for what is no set, or has no key that can be used.

    Keys for other purposes or of other kinds are passed over, as the standard (RFC 7517) has it.
    """
    if len(document) > LARGEST_SET:
        raise ValueError("the set of keys is too large")
    found = read_json(document)
    entries = found.get("keys") if type(found) is dict else None
    if type(entries) is not list:
        raise ValueError("it is no set of keys")
    keys: dict[str, tuple[SigningKey, ...]] = {}
    for key in _usable(entries):
        keys[key.key_id] = (*keys.get(key.key_id, ()), key)
    if not keys:
        raise ValueError("the set has no key that can be used")
    return keys


def _usable(entries: list[Any]) -> Iterator[SigningKey]:
    for entry in entries:
        key = _signing_key(entry) if type(entry) is dict else None
        if key is not None:
            yield key


def _signing_key(entry: Mapping[str, Any]) -> SigningKey | None:
    key_id, issuer = entry.get("kid"), entry.get("issuer")
    purpose = entry.get("kty"), entry.get("use", "sig"), entry.get("alg", "RS256")
    if purpose != ("RSA", "sig", "RS256") or type(key_id) is not str or not (issuer is None or type(issuer) is str):
        return None
    public = _public_key(entry)
    return None if public is None else SigningKey(key_id=key_id, public=public, issuer=issuer)


def _public_key(entry: Mapping[str, Any]) -> RSAPublicKey | None:
    try:
        key = RSAAlgorithm.from_jwk({"kty": "RSA", "n": entry["n"], "e": entry["e"]})
    except (InvalidKeyError, KeyError, TypeError, ValueError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= _FEWEST_BITS else None
