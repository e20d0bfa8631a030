"""Forged and broken tokens, keys and headers, each with the cause for which it is refused; and some right keys."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from neo_routing import Caller, CallerKind
from neo_routing_adapters.http.causes import Cause
from neo_routing_adapters.http.key_store import MemoryKeyStore
from neo_routing_adapters.http.peppers import Peppers
from neo_routing_adapters.http.ports import AuthenticationUnavailable
from tests.programs.http.entra_world import (
    AUDIENCE,
    CLIENT,
    MOMENT,
    NOW,
    PERSONAL,
    TENANT,
    TID,
    UNLINKED,
    V1,
    V2,
    claims,
    claims_v1,
    issued,
    jwk,
    private_key,
    segment,
    signed,
    token,
)

USER: Final = Caller(CallerKind.USER, TENANT)
GOOD: Final = issued()
PLATFORM: Final = issued(CallerKind.PLATFORM)
REVOKED: Final = issued()
ENDED: Final = issued(expires_at=MOMENT)
OF_TEST: Final = issued(environment="test")
OF_OLD_PEPPER: Final = issued(peppers=Peppers((b"o" * 32,)))
OF_LOST_PEPPER: Final = issued(peppers=Peppers((b"l" * 32,)))


def store() -> MemoryKeyStore:
    kept = [GOOD, PLATFORM, ENDED, OF_TEST, OF_OLD_PEPPER, OF_LOST_PEPPER, REVOKED]
    keys = MemoryKeyStore(key.stored for key in kept)
    keys.revoke(REVOKED.stored.id, MOMENT)
    return keys


def bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def hs256(secret: bytes) -> str:
    head = segment(json.dumps({"alg": "HS256", "typ": "JWT", "kid": "k1"}).encode())
    signing_input = f"{head}.{segment(json.dumps(claims()).encode())}"
    return f"{signing_input}.{segment(hmac.digest(secret, signing_input.encode(), 'sha256'))}"


def public_half(encoding: Encoding) -> bytes:
    return private_key("k1").public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def parts(text: str) -> list[str]:
    return text.split(".")


def tampered() -> str:
    head, _, signature = parts(token(claims()))
    return f"{head}.{segment(json.dumps(claims(oid='somebody')).encode())}.{signature}"


def other_header() -> str:
    _, payload, signature = parts(token(claims()))
    return f"{segment(json.dumps({'alg': 'RS256', 'kid': 'k1'}).encode())}.{payload}.{signature}"


def with_signature(change: Callable[[bytes], bytes]) -> str:
    head, payload, signature = parts(token(claims()))
    return ".".join([head, payload, segment(change(base64.urlsafe_b64decode(f"{signature}==")))])


def and_the_modulus(signature: bytes) -> bytes:
    """Another number with the same remainder, and so with the same power."""
    modulus = private_key("k1").public_key().public_numbers().n
    return (int.from_bytes(signature, "big") + modulus).to_bytes(257, "big")


def rewritten() -> str:
    """The same bytes, with other bits where the last character has some to spare."""
    right, alphabet = token(claims()), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return right[:-1] + alphabet[alphabet.index(right[-1]) + 1]


def twice(name: str, value: str) -> bytes:
    return json.dumps(claims()).encode()[:-1] + f', "{name}": "{value}"}}'.encode()


TOKENS: Final[Mapping[str, tuple[Callable[[], str], Cause]]] = {
    # The algorithm
    "alg none": (lambda: token(claims(), header={"alg": "none"}), Cause.WRONG_ALGORITHM),
    "alg none, no signature": (
        lambda: ".".join([*parts(token(claims(), header={"alg": "none"}))[:2], ""]),
        Cause.WRONG_ALGORITHM,
    ),
    "alg NONE": (lambda: token(claims(), header={"alg": "NONE"}), Cause.WRONG_ALGORITHM),
    "alg absent": (lambda: token(claims(), header={"alg": None}), Cause.WRONG_ALGORITHM),
    "alg a list": (lambda: token(claims(), header={"alg": ["RS256"]}), Cause.WRONG_ALGORITHM),
    "alg in lower case": (lambda: token(claims(), header={"alg": "rs256"}), Cause.WRONG_ALGORITHM),
    "alg RS384": (lambda: token(claims(), header={"alg": "RS384"}), Cause.WRONG_ALGORITHM),
    "alg PS256": (lambda: token(claims(), header={"alg": "PS256"}), Cause.WRONG_ALGORITHM),
    "alg ES256": (lambda: token(claims(), header={"alg": "ES256"}), Cause.WRONG_ALGORITHM),
    "HS256 with the public key as PEM": (lambda: hs256(public_half(Encoding.PEM)), Cause.WRONG_ALGORITHM),
    "HS256 with the public key as DER": (lambda: hs256(public_half(Encoding.DER)), Cause.WRONG_ALGORITHM),
    "HS256 with nothing": (lambda: hs256(b""), Cause.WRONG_ALGORITHM),
    # The header
    "crit": (lambda: token(claims(), header={"crit": ["exp"]}), Cause.UNSUPPORTED_HEADER),
    "crit, empty": (lambda: token(claims(), header={"crit": []}), Cause.UNSUPPORTED_HEADER),
    "b64 false": (lambda: token(claims(), header={"crit": ["b64"], "b64": False}), Cause.UNSUPPORTED_HEADER),
    "its own key": (lambda: token(claims(), header={"jwk": jwk("mine")}, by="mine"), Cause.UNSUPPORTED_HEADER),
    "its own key set": (
        lambda: token(claims(), header={"jku": "https://example.com/keys"}, by="mine"),
        Cause.UNSUPPORTED_HEADER,
    ),
    "its own certificate": (lambda: token(claims(), header={"x5c": ["MII"]}, by="mine"), Cause.UNSUPPORTED_HEADER),
    "its own certificate's address": (
        lambda: token(claims(), header={"x5u": "https://example.com/"}, by="mine"),
        Cause.UNSUPPORTED_HEADER,
    ),
    "compressed": (lambda: token(claims(), header={"zip": "DEF"}), Cause.UNSUPPORTED_HEADER),
    "nested": (
        lambda: token(token(claims()).encode(), header={"cty": "JWT"}),
        Cause.UNSUPPORTED_HEADER,
    ),
    "nested, and silent about it": (lambda: token(token(claims()).encode()), Cause.MALFORMED_TOKEN),
    "of another type": (lambda: token(claims(), header={"typ": "dpop+jwt"}), Cause.UNSUPPORTED_HEADER),
    "alg twice": (
        lambda: signed(
            b'{"alg": "none", "alg": "RS256", "typ": "JWT", "kid": "k1"}', json.dumps(claims()).encode(), "k1"
        ),
        Cause.MALFORMED_TOKEN,
    ),
    "a header that is a list": (
        lambda: signed(b'["RS256"]', json.dumps(claims()).encode(), "k1"),
        Cause.MALFORMED_TOKEN,
    ),
    "a header that is no JSON": (lambda: signed(b"RS256", b"{}", "k1"), Cause.MALFORMED_TOKEN),
    # The signing key
    "kid of nobody": (lambda: token(claims(), key_id="mine"), Cause.UNKNOWN_SIGNING_KEY),
    "kid absent": (lambda: token(claims(), header={"kid": None}), Cause.UNKNOWN_SIGNING_KEY),
    "kid a number": (lambda: token(claims(), header={"kid": 1}), Cause.UNKNOWN_SIGNING_KEY),
    "kid empty": (lambda: token(claims(), header={"kid": ""}), Cause.UNKNOWN_SIGNING_KEY),
    "kid a path": (lambda: token(claims(), header={"kid": "../../dev/null"}), Cause.UNKNOWN_SIGNING_KEY),
    "kid endless": (lambda: token(claims(), header={"kid": "k" * 300}), Cause.UNKNOWN_SIGNING_KEY),
    "kid of another key": (lambda: token(claims(), header={"kid": "k2"}, by="k1"), Cause.WRONG_SIGNATURE),
    "another's signature": (lambda: token(claims(), by="mine"), Cause.WRONG_SIGNATURE),
    "payload changed": (tampered, Cause.WRONG_SIGNATURE),
    "header changed": (other_header, Cause.WRONG_SIGNATURE),
    "kid in another case": (lambda: token(claims(), header={"kid": "K1"}, by="k1"), Cause.UNKNOWN_SIGNING_KEY),
    "kid with a NUL": (lambda: token(claims(), header={"kid": "k1\0"}, by="k1"), Cause.UNKNOWN_SIGNING_KEY),
    "kid twice": (
        lambda: signed(b'{"alg": "RS256", "kid": "k2", "kid": "k1"}', json.dumps(claims()).encode(), "k1"),
        Cause.MALFORMED_TOKEN,
    ),
    "signature of nothing but zeros": (lambda: with_signature(lambda _: bytes(256)), Cause.WRONG_SIGNATURE),
    "signature and the modulus": (lambda: with_signature(and_the_modulus), Cause.WRONG_SIGNATURE),
    "signature with a zero before it": (lambda: with_signature(lambda right: b"\0" + right), Cause.WRONG_SIGNATURE),
    "signature gone": (lambda: ".".join([*parts(token(claims()))[:2], ""]), Cause.WRONG_SIGNATURE),
    "signature truncated": (lambda: with_signature(lambda signature: signature[:-3]), Cause.WRONG_SIGNATURE),
    "signature short of a character": (lambda: token(claims())[:-1], Cause.MALFORMED_TOKEN),
    "signature written another way": (rewritten, Cause.MALFORMED_TOKEN),
    "signature longer": (lambda: token(claims()) + "AAAA", Cause.WRONG_SIGNATURE),
    "key of personal accounts": (lambda: token(claims(), key_id="personal"), Cause.SIGNING_KEY_OF_ANOTHER_ISSUER),
    "key of another cloud": (lambda: token(claims(), key_id="china"), Cause.SIGNING_KEY_OF_ANOTHER_ISSUER),
    # Its form
    "two parts": (lambda: ".".join(parts(token(claims()))[:2]), Cause.MALFORMED_TOKEN),
    "five parts, as if encrypted": (lambda: f"{token(claims())}.AAAA.AAAA", Cause.MALFORMED_TOKEN),
    "no token at all": (lambda: "token", Cause.MALFORMED_TOKEN),
    "payload no JSON": (lambda: token(b"admin"), Cause.MALFORMED_TOKEN),
    "payload a list": (lambda: token(json.dumps([claims()]).encode()), Cause.MALFORMED_TOKEN),
    "tid twice": (lambda: token(twice("tid", UNLINKED)), Cause.MALFORMED_TOKEN),
    "NaN for exp": (
        lambda: token(json.dumps(claims(exp=float("nan"))).encode()),
        Cause.MALFORMED_TOKEN,
    ),
    "deeply nested claims": (
        lambda: token(b'{"x": ' + b"[" * 2000 + b"]" * 2000 + b"}"),
        Cause.MALFORMED_TOKEN,
    ),
    "oversized": (lambda: token(claims(groups=["g" * 16_000])), Cause.OVERSIZED),
    # Time
    "expired": (lambda: token(claims(exp=NOW - 60)), Cause.EXPIRED_TOKEN),
    "expired long ago": (lambda: token(claims(exp=0)), Cause.EXPIRED_TOKEN),
    "exp absent": (lambda: token(claims(exp=None)), Cause.ILL_FORMED_CLAIM),
    "exp a text": (lambda: token(claims(exp=str(NOW + 60))), Cause.ILL_FORMED_CLAIM),
    "exp true": (lambda: token(claims(exp=True)), Cause.ILL_FORMED_CLAIM),
    "nbf to come": (lambda: token(claims(nbf=NOW + 61)), Cause.TOKEN_NOT_YET_VALID),
    "nbf a text": (lambda: token(claims(nbf="0")), Cause.ILL_FORMED_CLAIM),
    "iat to come": (lambda: token(claims(iat=NOW + 61)), Cause.TOKEN_NOT_YET_VALID),
    # The issuer
    "iss absent": (lambda: token(claims(iss=None)), Cause.ILL_FORMED_CLAIM),
    "iss a list": (lambda: token(claims(iss=[V2])), Cause.ILL_FORMED_CLAIM),
    "iss of another M365 tenant": (lambda: token(claims(iss=V2.replace(TID, UNLINKED))), Cause.WRONG_ISSUER),
    "iss of the government's cloud": (
        lambda: token(claims(iss=f"https://login.microsoftonline.us/{TID}/v2.0")),
        Cause.WRONG_ISSUER,
    ),
    "iss of the cloud in China": (
        lambda: token(claims_v1(iss=f"https://sts.chinacloudapi.cn/{TID}/")),
        Cause.WRONG_ISSUER,
    ),
    "iss of version 1.0 in version 2.0": (lambda: token(claims(iss=V1)), Cause.WRONG_ISSUER),
    "iss of version 2.0 in version 1.0": (lambda: token(claims_v1(iss=V2)), Cause.WRONG_ISSUER),
    "iss without the last slash": (lambda: token(claims_v1(iss=V1[:-1])), Cause.WRONG_ISSUER),
    "iss with http": (lambda: token(claims(iss=V2.replace("https", "http"))), Cause.WRONG_ISSUER),
    "iss a look-alike": (lambda: token(claims(iss=V2.replace(".com", ".com.example"))), Cause.WRONG_ISSUER),
    "iss of anybody": (lambda: token(claims(iss=V2.replace(TID, "{tenantid}"))), Cause.WRONG_ISSUER),
    "ver absent": (lambda: token(claims(ver=None)), Cause.ILL_FORMED_CLAIM),
    "ver 3.0": (lambda: token(claims(ver="3.0")), Cause.WRONG_ISSUER),
    "ver a number": (lambda: token(claims(ver=2.0)), Cause.ILL_FORMED_CLAIM),
    # The M365 tenant
    "tid in upper case": (
        lambda: token(claims(tid=TID.upper(), iss=V2.replace(TID, TID.upper()))),
        Cause.ILL_FORMED_CLAIM,
    ),
    "tid with a line's end": (
        lambda: token(claims(tid=f"{TID}\n", iss=V2.replace(TID, f"{TID}\n"))),
        Cause.ILL_FORMED_CLAIM,
    ),
    "tid absent": (lambda: token(claims(tid=None)), Cause.ILL_FORMED_CLAIM),
    "tid a list": (lambda: token(claims(tid=[TID])), Cause.ILL_FORMED_CLAIM),
    "tid a domain": (
        lambda: token(claims(tid="contoso.com", iss=V2.replace(TID, "contoso.com"))),
        Cause.ILL_FORMED_CLAIM,
    ),
    "tid a path": (
        lambda: token(claims(tid=f"x/../{TID}", iss=V2.replace(TID, f"x/../{TID}"))),
        Cause.ILL_FORMED_CLAIM,
    ),
    "tid of nobody's M365 tenant": (
        lambda: token(claims(tid=UNLINKED, iss=V2.replace(TID, UNLINKED))),
        Cause.TENANT_NOT_LINKED,
    ),
    "a personal account": (
        lambda: token(claims(tid=PERSONAL, iss=V2.replace(TID, PERSONAL)), key_id="personal"),
        Cause.TENANT_NOT_LINKED,
    ),
    # The audience
    "aud foreign": (lambda: token(claims(aud=CLIENT)), Cause.WRONG_AUDIENCE),
    "aud of Microsoft Graph": (
        lambda: token(claims(aud="00000003-0000-0000-c000-000000000000")),
        Cause.WRONG_AUDIENCE,
    ),
    "aud absent": (lambda: token(claims(aud=None)), Cause.ILL_FORMED_CLAIM),
    "aud a list": (lambda: token(claims(aud=[AUDIENCE, CLIENT])), Cause.ILL_FORMED_CLAIM),
    "aud empty": (lambda: token(claims(aud="")), Cause.WRONG_AUDIENCE),
    "aud longer": (lambda: token(claims(aud=f"{AUDIENCE}/x")), Cause.WRONG_AUDIENCE),
    # The user
    "app-only": (lambda: token(claims(scp=None, roles=["access_as_user"], idtyp="app")), Cause.NO_USER),
    "app-only, without idtyp": (lambda: token(claims(scp=None, roles=["access_as_user"])), Cause.NO_USER),
    "app-only, with a scope": (lambda: token(claims(idtyp="app")), Cause.NO_USER),
    "a device": (lambda: token(claims(idtyp="device")), Cause.NO_USER),
    "an ID token": (lambda: token(claims(scp=None, nonce="n")), Cause.NO_USER),
    "scp after a tab": (lambda: token(claims(scp="User.Read\taccess_as_user")), Cause.MISSING_SCOPE),
    "scp before a space of another sort": (lambda: token(claims(scp="access_as_user\u00a0")), Cause.MISSING_SCOPE),
    "scp of another": (lambda: token(claims(scp="User.Read")), Cause.MISSING_SCOPE),
    "scp longer": (lambda: token(claims(scp="access_as_user_admin")), Cause.MISSING_SCOPE),
    "scp in upper case": (lambda: token(claims(scp="ACCESS_AS_USER")), Cause.MISSING_SCOPE),
    "scp empty": (lambda: token(claims(scp="")), Cause.MISSING_SCOPE),
    "scp a list": (lambda: token(claims(scp=["access_as_user"])), Cause.MISSING_SCOPE),
    "client foreign, 1.0": (lambda: token(claims_v1(appid=AUDIENCE)), Cause.UNKNOWN_CLIENT),
    "client foreign, 2.0": (lambda: token(claims(azp=AUDIENCE)), Cause.UNKNOWN_CLIENT),
    "client absent": (lambda: token(claims(azp=None)), Cause.UNKNOWN_CLIENT),
    "client in the other version's claim": (lambda: token(claims(azp=None, appid=CLIENT)), Cause.UNKNOWN_CLIENT),
    "client a list": (lambda: token(claims(azp=[CLIENT])), Cause.UNKNOWN_CLIENT),
    "guest": (lambda: token(claims(acct=1)), Cause.GUEST),
    "guest, as false": (lambda: token(claims(acct=False)), Cause.GUEST),
    "guest, by no home": (lambda: token(claims(idp=[V2])), Cause.GUEST),
    "guest, as a text": (lambda: token(claims(acct="1")), Cause.GUEST),
    "guest, by where he is at home": (lambda: token(claims(idp=V2.replace(TID, UNLINKED))), Cause.GUEST),
    "guest from elsewhere": (lambda: token(claims_v1(idp="live.com")), Cause.GUEST),
    "guest who says member": (lambda: token(claims_v1(acct=0, idp="live.com")), Cause.GUEST),
}

KEYS: Final[Mapping[str, tuple[str, Cause]]] = {
    "another environment's": (OF_TEST.text, Cause.KEY_OF_ANOTHER_ENVIRONMENT),
    "another environment's name on it": (GOOD.text.replace("_live_", "_test_"), Cause.KEY_OF_ANOTHER_ENVIRONMENT),
    "revoked": (REVOKED.text, Cause.REVOKED_KEY),
    "ended this moment": (ENDED.text, Cause.EXPIRED_KEY),
    "of a pepper that is gone": (OF_LOST_PEPPER.text, Cause.UNKNOWN_KEY),
    "never issued": (issued().text, Cause.UNKNOWN_KEY),
    "one digit other": (GOOD.text[:-1] + ("0" if GOOD.text[-1] != "0" else "1"), Cause.UNKNOWN_KEY),
    "truncated": (GOOD.text[:-1], Cause.MALFORMED_KEY),
    "prefix of a real one": (GOOD.text[:40], Cause.MALFORMED_KEY),
    "longer": (f"{GOOD.text}0", Cause.MALFORMED_KEY),
    "longer by a character of Base64": (f"{GOOD.text}=", Cause.MALFORMED_KEY),
    "twice": (GOOD.text + GOOD.text, Cause.MALFORMED_KEY),
    "in upper case": (GOOD.text[:12] + GOOD.text[12:].upper(), Cause.MALFORMED_KEY),
    "no secret": ("neo_sk_live_", Cause.MALFORMED_KEY),
    "no environment": (f"neo_sk_{GOOD.text[12:]}", Cause.MALFORMED_KEY),
    "environment empty": (f"neo_sk__{GOOD.text[12:]}", Cause.MALFORMED_KEY),
    "environment with an underscore": (f"neo_sk_li_ve_{GOOD.text[12:]}", Cause.MALFORMED_KEY),
    "prefix in upper case": (GOOD.text.replace("neo_sk", "NEO_SK"), Cause.MALFORMED_TOKEN),
    "its id": (GOOD.stored.id, Cause.MALFORMED_TOKEN),
    "its MAC in its place": (f"neo_sk_live_{GOOD.stored.mac.hex()}", Cause.UNKNOWN_KEY),
    "a token after its prefix": ("neo_sk_live_eyJh.eyJh.AAAA", Cause.MALFORMED_KEY),
    "oversized": ("neo_sk_live_" + "0" * 20_000, Cause.OVERSIZED),
}

HEADERS: Final[Mapping[str, tuple[dict[str, str], Cause]]] = {
    "none": ({}, Cause.NO_CREDENTIALS),
    "another header": ({"x-api-key": GOOD.text}, Cause.NO_CREDENTIALS),
    "the proxy's header": ({"proxy-authorization": f"Bearer {GOOD.text}"}, Cause.NO_CREDENTIALS),
    "there twice": (
        {"authorization": f"Bearer {GOOD.text}", "Authorization": f"Bearer {GOOD.text}"},
        Cause.MALFORMED_HEADER,
    ),
    "there twice, joined": ({"authorization": f"Bearer {GOOD.text}, Bearer {GOOD.text}"}, Cause.MALFORMED_HEADER),
    "there twice, the first empty": ({"authorization": f", Bearer {GOOD.text}"}, Cause.MALFORMED_HEADER),
    "empty": ({"authorization": ""}, Cause.MALFORMED_HEADER),
    "scheme alone": ({"authorization": "Bearer "}, Cause.MALFORMED_HEADER),
    "no scheme": ({"authorization": GOOD.text}, Cause.MALFORMED_HEADER),
    "scheme twice": ({"authorization": f"Bearer Bearer {GOOD.text}"}, Cause.MALFORMED_HEADER),
    "another scheme": ({"authorization": f"Basic {GOOD.text}"}, Cause.MALFORMED_HEADER),
    "another scheme that begins alike": ({"authorization": f"BearerX {GOOD.text}"}, Cause.MALFORMED_HEADER),
    "a tab": ({"authorization": f"Bearer\t{GOOD.text}"}, Cause.MALFORMED_HEADER),
    "a comma after it": ({"authorization": f"Bearer {GOOD.text},"}, Cause.MALFORMED_HEADER),
    "a colon": ({"authorization": f"Bearer: {GOOD.text}"}, Cause.MALFORMED_HEADER),
    "a cookie": ({"cookie": f"authorization=Bearer {GOOD.text}"}, Cause.NO_CREDENTIALS),
    "something after it": ({"authorization": f"Bearer {GOOD.text} x"}, Cause.MALFORMED_HEADER),
    "a line more": ({"authorization": f"Bearer {GOOD.text}\nx: y"}, Cause.MALFORMED_HEADER),
    "a NUL": ({"authorization": f"Bearer {GOOD.text}\0"}, Cause.MALFORMED_HEADER),
    "a letter like a K": ({"authorization": f"Bearer {GOOD.text}\u212a"}, Cause.MALFORMED_HEADER),
    "quoted": ({"authorization": f'Bearer "{GOOD.text}"'}, Cause.MALFORMED_HEADER),
    "lower-case bearer, and a broken key": ({"authorization": f"bearer {GOOD.text[:-1]}"}, Cause.MALFORMED_KEY),
}


class Broken:
    """A store that is gone."""

    async def find(self, macs: object) -> None:
        raise AuthenticationUnavailable

    async def tenant_of(self, m365_tenant_id: str) -> None:
        raise AuthenticationUnavailable
