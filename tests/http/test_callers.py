"""Who is let in: right keys and tokens are, and none of the forged and broken ones is, each for its own cause."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as some

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
from tests.programs.http.entra_world import (
    AUDIENCE,
    MOMENT,
    NOW,
    PEPPERS,
    SETTINGS,
    TENANT,
    TID,
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
    token,
)
from tests.programs.http.forged_credentials import (
    GOOD,
    HEADERS,
    KEYS,
    OF_OLD_PEPPER,
    OF_TEST,
    PLATFORM,
    TOKENS,
    USER,
    Broken,
    bearer,
    store,
)

RIGHT_TOKEN: Final = token(claims())


def told(headers: Mapping[str, str], settings: EntraSettings = SETTINGS) -> Any:
    return asyncio.run(credentials(store(), settings).authenticate(headers))


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


@given(
    of_token=some.booleans(),
    at=some.floats(0, 1, exclude_max=True),
    other=some.characters(categories=[], include_characters="AZaz09-_.=+/~"),
)
def test_a_credential_with_one_character_changed_is_not_accepted(of_token: bool, at: float, other: str) -> None:
    right = RIGHT_TOKEN if of_token else GOOD.text
    place = int(at * len(right))
    assume(right[place] != other)
    assert isinstance(told(bearer(right[:place] + other + right[place + 1 :])), Unauthenticated)


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


@pytest.mark.parametrize(
    ("absent", "module", "extra"),
    [
        ("jwt", "callers", "http"),
        ("limits", "callers", "http"),
        ("redis", "rates_in_redis", "redis"),
        ("sqlalchemy", "credentials_sql", "sql"),
        ("sqlalchemy", "sessions_sql", "sql"),
    ],
)
def test_without_its_extra_a_part_says_what_to_install(absent: str, module: str, extra: str) -> None:
    code = f"import sys; sys.modules[{absent!r}] = None; import neo_routing_adapters.http.{module}"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"install the extra \"{extra}\": pip install '.[{extra}]'" in ran.stderr.splitlines()[-1]
