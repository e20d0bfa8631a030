"""Who is let in: right keys and tokens are, and none of the forged and broken ones is, each for its own cause."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from entra_world import (
    AUDIENCE,
    CLIENT,
    MOMENT,
    NOW,
    PEPPERS,
    PERSONAL,
    SETTINGS,
    TENANT,
    TID,
    UNLINKED,
    V1,
    V2,
    Source,
    claims,
    claims_v1,
    credentials,
    entra,
    issued,
    jwk,
    jwks,
    key_set,
    private_key,
    segment,
    signed,
    token,
)
from neo_routing import Caller, CallerKind
from neo_routing_adapters.http import entra_claims, entra_tokens
from neo_routing_adapters.http.api_keys import ApiKeys, issue_key
from neo_routing_adapters.http.causes import Cause
from neo_routing_adapters.http.credentials import Credentials
from neo_routing_adapters.http.entra_claims import EntraSettings
from neo_routing_adapters.http.entra_clouds import EntraCloud, issuer, jwks_url
from neo_routing_adapters.http.key_store import MemoryKeyStore
from neo_routing_adapters.http.peppers import Peppers, read_peppers
from neo_routing_adapters.http.ports import AuthenticationUnavailable, Identity, Unauthenticated

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


def told(headers: Mapping[str, str], settings: EntraSettings = SETTINGS) -> Any:
    return asyncio.run(credentials(store(), settings).authenticate(headers))


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
    "signature gone": (lambda: ".".join([*parts(token(claims()))[:2], ""]), Cause.WRONG_SIGNATURE),
    "signature truncated": (lambda: token(claims())[:-4], Cause.WRONG_SIGNATURE),
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
    "something after it": ({"authorization": f"Bearer {GOOD.text} x"}, Cause.MALFORMED_HEADER),
    "a line more": ({"authorization": f"Bearer {GOOD.text}\nx: y"}, Cause.MALFORMED_HEADER),
    "a NUL": ({"authorization": f"Bearer {GOOD.text}\0"}, Cause.MALFORMED_HEADER),
    "a letter like a K": ({"authorization": f"Bearer {GOOD.text}\u212a"}, Cause.MALFORMED_HEADER),
    "quoted": ({"authorization": f'Bearer "{GOOD.text}"'}, Cause.MALFORMED_HEADER),
    "lower-case bearer, and a broken key": ({"authorization": f"bearer {GOOD.text[:-1]}"}, Cause.MALFORMED_KEY),
}


@pytest.mark.parametrize("name", TOKENS)
def test_a_forged_or_broken_token_is_not_accepted(name: str) -> None:
    make, cause = TOKENS[name]
    assert told(bearer(make())) == Unauthenticated(cause)


@pytest.mark.parametrize("name", KEYS)
def test_a_forged_or_broken_key_is_not_accepted(name: str) -> None:
    text, cause = KEYS[name]
    assert told(bearer(text)) == Unauthenticated(cause)


@pytest.mark.parametrize("name", HEADERS)
def test_a_forged_or_broken_header_is_not_accepted(name: str) -> None:
    headers, cause = HEADERS[name]
    assert told(headers) == Unauthenticated(cause)


def test_every_cause_is_seen_but_those_of_what_is_not_set_up() -> None:
    seen = {cause for _, cause in (*TOKENS.values(), *KEYS.values(), *HEADERS.values())}
    assert seen == set(Cause) - {Cause.KEYS_NOT_ACCEPTED, Cause.TOKENS_NOT_ACCEPTED}


RIGHT: Final[Mapping[str, Callable[[], str]]] = {
    "version 2.0": lambda: token(claims()),
    "version 1.0": lambda: token(claims_v1()),
    "version 1.0, by a key without an issuer": lambda: token(claims_v1(), key_id="v1"),
    "the other key": lambda: token(claims(), key_id="k2"),
    "expired within the leeway": lambda: token(claims(exp=NOW - 59)),
    "begins within the leeway": lambda: token(claims(nbf=NOW + 60, iat=NOW + 60)),
    "without nbf and iat": lambda: token(claims(nbf=None, iat=None)),
    "times with fractions": lambda: token(claims(exp=NOW + 0.5)),
    "several scopes": lambda: token(claims(scp="User.Read access_as_user")),
    "idtyp user": lambda: token(claims(idtyp="user")),
    "a member, as is said": lambda: token(claims(acct=0, idp=V2)),
    "of type at+jwt": lambda: token(claims(), header={"typ": "at+jwt"}),
    "without a type": lambda: token(claims(), header={"typ": None}),
    "with a thumbprint": lambda: token(claims(), header={"x5t": "k1"}),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_token_speaks_for_a_user_of_the_tenant_that_is_linked(name: str) -> None:
    assert told(bearer(RIGHT[name]())) == Identity(caller=USER, user_id=claims()["oid"])


def test_a_token_never_makes_a_platform_caller() -> None:
    identity = told(bearer(token(claims(roles=["platform"], wids=["62e90394-69f5-4237-9190-012177145e10"]))))
    assert not identity.caller.is_platform


def test_a_key_is_its_holders_whichever_pepper_it_was_made_under() -> None:
    service_account = Caller(CallerKind.SERVICE_ACCOUNT, TENANT)
    assert told(bearer(GOOD.text)) == told(bearer(OF_OLD_PEPPER.text)) == service_account
    assert told(bearer(PLATFORM.text)) == Caller(CallerKind.PLATFORM, TENANT)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    assert told({"authorization": f"{scheme} {GOOD.text}"}) == Caller(CallerKind.SERVICE_ACCOUNT, TENANT)


def test_a_revocation_counts_from_the_next_call_on() -> None:
    keys = store()
    authenticator = credentials(keys)
    assert asyncio.run(authenticator.authenticate(bearer(GOOD.text))) == GOOD.stored.caller
    keys.revoke(GOOD.stored.id, MOMENT)
    assert asyncio.run(authenticator.authenticate(bearer(GOOD.text))) == Unauthenticated(Cause.REVOKED_KEY)


def test_a_key_is_good_until_the_moment_at_which_it_ends() -> None:
    key = issued(expires_at=MOMENT + timedelta(microseconds=1))
    keys = MemoryKeyStore()
    keys.add(key.stored)
    assert asyncio.run(credentials(keys).authenticate(bearer(key.text))) == key.stored.caller


def test_guests_and_any_client_can_be_allowed() -> None:
    lenient = attrs.evolve(SETTINGS, guests_allowed=True, clients=frozenset())
    guest = token(claims(acct=1, idp="live.com", azp=AUDIENCE))
    assert told(bearer(guest), lenient).caller == USER


@pytest.mark.parametrize("oid", [None, 7, "", " ", "x" * 257, ["a"]])
def test_without_an_oid_nobody_can_tell_which_user_it_is(oid: Any) -> None:
    assert told(bearer(token(claims(oid=oid)))) == Identity(caller=USER, user_id=None)


CLOUDS: Final = {
    EntraCloud.US_GOVERNMENT: (V1, f"https://login.microsoftonline.us/{TID}/v2.0"),
    EntraCloud.CHINA: (f"https://sts.chinacloudapi.cn/{TID}/", f"https://login.partner.microsoftonline.cn/{TID}/v2.0"),
}


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_another_cloud_has_its_own_issuers_and_keys(cloud: EntraCloud, version: str) -> None:
    v1, v2 = CLOUDS[cloud]
    settings = attrs.evolve(SETTINGS, cloud=cloud)
    key_of_cloud = jwk("k1", issuer=v2.replace(TID, "{tenantid}"))
    payload = claims_v1(iss=v1) if version == "1.0" else claims(iss=v2)
    accepts = entra(settings, Source(key_set(key_of_cloud)))
    assert asyncio.run(accepts.authenticate(token(payload))).caller == USER
    of_global = entra(settings, Source(jwks()))
    assert asyncio.run(of_global.authenticate(token(payload))) == Unauthenticated(Cause.SIGNING_KEY_OF_ANOTHER_ISSUER)
    assert jwks_url(cloud).startswith(v2.partition(TID)[0])


def test_nobody_issues_tokens_of_a_version_that_there_is_not() -> None:
    assert issuer(EntraCloud.GLOBAL, "3.0", TID) is None


def test_of_two_keys_with_one_name_the_one_that_signed_counts() -> None:
    both = Source(key_set(jwk("k2", kid="k1"), jwk("k1")))
    assert asyncio.run(entra(source=both).authenticate(token(claims()))).caller == USER


# Each guard is what refuses: without it, what it is there for would be accepted.

GUARDS: Final = {
    "_lifetime": "expired",
    "_issuer": "iss of another M365 tenant",
    "_audience": "aud foreign",
    "_user": "app-only",
    "_client": "client foreign, 2.0",
    "_guest": "guest",
}


@pytest.mark.parametrize("guard", GUARDS)
def test_without_its_guard_a_wrong_claim_would_be_accepted(guard: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entra_claims, guard, lambda *_: None)
    assert isinstance(told(bearer(TOKENS[GUARDS[guard]][0]())), Identity)


def test_without_the_signature_a_forged_token_would_be_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entra_tokens, "signed_by", lambda *_: json.dumps(claims()).encode())
    assert isinstance(told(bearer(TOKENS["another's signature"][0]())), Identity)


# One kind alone, and what cannot be asked


def test_what_is_not_set_up_is_refused() -> None:
    keys = Credentials(api_keys=ApiKeys(store(), PEPPERS, environment="live", now=lambda: MOMENT))
    assert asyncio.run(keys.authenticate(bearer(token(claims())))) == Unauthenticated(Cause.TOKENS_NOT_ACCEPTED)
    tokens = Credentials(entra_tokens=entra())
    assert asyncio.run(tokens.authenticate(bearer(GOOD.text))) == Unauthenticated(Cause.KEYS_NOT_ACCEPTED)
    with pytest.raises(ValueError, match="API keys, or tokens"):
        Credentials()


class Broken:
    """A store that is gone."""

    async def find(self, macs: object) -> None:
        raise AuthenticationUnavailable

    async def tenant_of(self, m365_tenant_id: str) -> None:
        raise AuthenticationUnavailable


class AnothersAnswer:
    """A store that answers with a key that was not asked for."""

    async def find(self, macs: object) -> Any:
        return PLATFORM.stored


@pytest.mark.parametrize("keys", [Broken(), AnothersAnswer()], ids=["gone", "another's answer"])
def test_a_store_of_keys_that_does_not_answer_is_no_401(keys: Any) -> None:
    api_keys = ApiKeys(keys, PEPPERS, environment="live")
    with pytest.raises(AuthenticationUnavailable):
        asyncio.run(api_keys.authenticate(GOOD.text))


def test_links_that_cannot_be_asked_are_no_401() -> None:
    with pytest.raises(AuthenticationUnavailable):
        asyncio.run(entra(links=Broken()).authenticate(token(claims())))


def test_a_key_of_another_environment_is_not_looked_for() -> None:
    api_keys = ApiKeys(Broken(), PEPPERS, environment="live")
    assert asyncio.run(api_keys.authenticate(OF_TEST.text)) == Unauthenticated(Cause.KEY_OF_ANOTHER_ENVIRONMENT)


# What is made and what is shown


def test_no_secret_stands_in_what_is_shown_of_a_value() -> None:
    shown = repr((GOOD, GOOD.stored, PEPPERS, store(), credentials(store())))
    assert GOOD.text[12:] not in shown
    assert "nnnn" not in shown
    assert repr(GOOD.stored.mac) not in shown


def test_a_dashboard_user_gets_no_key() -> None:
    with pytest.raises(ValueError, match="dashboard user"):
        issue_key(USER, "live", PEPPERS, now=MOMENT)


def test_two_keys_are_never_the_same() -> None:
    texts = {issued().text for _ in range(1000)}
    assert len(texts) == 1000


@pytest.mark.parametrize("peppers", [(), (b"short",), (b"x" * 32, b"x" * 32)])
def test_peppers_that_protect_nothing_are_refused(peppers: Any) -> None:
    with pytest.raises(ValueError, match="pepper"):
        Peppers(peppers)


def test_peppers_that_cannot_be_read_are_not_told() -> None:
    with pytest.raises(ValueError, match="hexadecimal") as caught:
        read_peppers("s3cret" * 20)
    assert "s3cret" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "wrong", [{"audiences": frozenset()}, {"audiences": frozenset({""})}, {"scope": "two words"}, {"scope": ""}]
)
def test_settings_that_let_anybody_in_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"audience|scope"):
        attrs.evolve(SETTINGS, **wrong)


def test_one_text_is_no_set_of_audiences() -> None:
    with pytest.raises(TypeError):
        EntraSettings(audiences=AUDIENCE, scope="access_as_user")  # type: ignore[arg-type]
