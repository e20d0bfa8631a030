"""The keys that tokens are signed with: fetched from a real server, rolled over, gone, slow, and senseless."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from neo_routing_adapters.http.causes import Cause
from neo_routing_adapters.http.jwks import LARGEST_SET, read_jwks
from neo_routing_adapters.http.jwks_cache import BETWEEN_FETCHES, FRESH, OLDEST, JwksCache
from neo_routing_adapters.http.jwks_source import JwksFile, JwksUrl
from neo_routing_adapters.http.ports import AuthenticationUnavailable, Unauthenticated
from tests.programs.http import entra_world as world
from tests.programs.http.entra_world import Source, claims, jwk, key_set, token

Answer = Callable[[BaseHTTPRequestHandler], None]


class Issuer:
    """A server on loopback that publishes keys, and does what a test wants of it."""

    def __init__(self, certificate: Path | None = None) -> None:
        self.requests = 0
        self.scheme = "http" if certificate is None else "https"
        self.answer: Answer = self.publishes(key_set(jwk("k1")))
        self.ended = threading.Event()
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.requests += 1
                with suppress(OSError):  # who asked may have hung up
                    issuer.answer(self)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
            self.server.handle_error = lambda *_: None  # who does not trust it hangs up
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}/common/discovery/v2.0/keys?appid=1"

    def publishes(self, document: bytes, status: int = 200, **headers: str) -> Answer:
        def answer(request: BaseHTTPRequestHandler) -> None:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(document)

        return answer

    def says_nothing(self, _request: BaseHTTPRequestHandler) -> None:
        self.ended.wait(10)

    def drips(self, request: BaseHTTPRequestHandler) -> None:
        """Send a byte now and then, each sooner than a time limit on a single read would notice."""
        request.send_response(200)
        request.end_headers()
        while not self.ended.wait(0.02):
            request.wfile.write(b" ")

    def close(self) -> None:
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with closing(Issuer()) as running:
        yield running


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def ids(cache: JwksCache, *key_ids: str) -> list[int]:
    """Ask for keys by their ids, all at the same time, and return how many each has."""

    async def ask() -> list[int]:
        return [len(keys) for keys in await asyncio.gather(*map(cache.signing_keys, key_ids))]

    return asyncio.run(ask())


def test_keys_are_fetched_once_and_remembered(issuer: Issuer, clock: Clock) -> None:
    cache = JwksCache(JwksUrl(issuer.url), clock=clock)
    assert ids(cache, *["k1"] * 50) == [1] * 50
    clock.now = FRESH - 1
    assert ids(cache, "k1") == [1]
    assert (issuer.requests, cache.fetches, cache.failures) == (1, 1, 0)


def test_a_key_that_is_new_is_fetched_when_a_token_names_it(issuer: Issuer, clock: Clock) -> None:
    cache = JwksCache(JwksUrl(issuer.url), clock=clock)
    assert ids(cache, "k1") == [1]
    issuer.answer = issuer.publishes(key_set(jwk("k2")))
    clock.now = BETWEEN_FETCHES
    assert ids(cache, "k2", "k2", "k1") == [1, 1, 1]
    assert ids(cache, "k1") == [0], "it was withdrawn"
    assert issuer.requests == 2


def test_unknown_keys_are_fetched_at_most_once_a_minute(issuer: Issuer, clock: Clock) -> None:
    cache = JwksCache(JwksUrl(issuer.url), clock=clock)
    for second in range(180):
        clock.now = float(second)
        assert ids(cache, f"made-up-{second}", "made-up") == [0, 0]
    assert issuer.requests == 3


def test_keys_that_are_not_fresh_are_fetched_behind_the_back_of_who_needs_one(issuer: Issuer, clock: Clock) -> None:
    cache = JwksCache(JwksUrl(issuer.url), clock=clock)

    async def ask() -> None:
        await cache.signing_keys("k1")
        clock.now = FRESH
        issuer.answer = issuer.publishes(key_set(jwk("k2")))
        assert len(await cache.signing_keys("k1")) == 1, "nobody waits"
        assert len(await cache.signing_keys("k2")) == 1
        assert not await cache.signing_keys("k1")

    asyncio.run(ask())
    assert issuer.requests == 2


def gone(issuer: Issuer) -> Answer:
    return issuer.publishes(b"", 503)


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html></html>",
        b"[]",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [{"kty": "RSA", "kid": "k1"}]}',
        b'{"keys": [1, null, "k1"]}',
        b'{"keys": [], "keys": []}',
        b"[" * 10_000,
        key_set(jwk("k1")) + b" " * LARGEST_SET,
        b"\xff",
    ],
    ids=lambda document: repr(document[:30]),
)
def test_what_is_no_key_set_is_an_outage(issuer: Issuer, document: bytes) -> None:
    issuer.answer = issuer.publishes(document)
    with pytest.raises(AuthenticationUnavailable):
        ids(JwksCache(JwksUrl(issuer.url)), "k1")


@pytest.mark.parametrize("status", [204, 301, 302, 307, 401, 404, 500, 503])
def test_another_status_than_200_is_an_outage(issuer: Issuer, status: int) -> None:
    elsewhere = issuer.url.replace("keys", "other")
    issuer.answer = issuer.publishes(key_set(jwk("k1")), status, Location=elsewhere)
    with pytest.raises(AuthenticationUnavailable):
        ids(JwksCache(JwksUrl(issuer.url)), "k1")
    assert issuer.requests == 1, "no redirect is followed"


@pytest.mark.parametrize("behaviour", ["says_nothing", "drips"])
def test_a_slow_issuer_is_an_outage_in_time(issuer: Issuer, behaviour: str) -> None:
    issuer.answer = getattr(issuer, behaviour)
    before, threads = time.monotonic(), {*threading.enumerate()}
    with pytest.raises(AuthenticationUnavailable):
        ids(JwksCache(JwksUrl(issuer.url, seconds=0.3)), "k1")
    assert time.monotonic() - before < 5
    assert len({*threading.enumerate()} - threads) < 5  # and those of other tests may not have ended yet


def test_an_issuer_that_is_not_there_is_an_outage(issuer: Issuer) -> None:
    url = issuer.url
    issuer.close()
    with pytest.raises(AuthenticationUnavailable) as caught:
        ids(JwksCache(JwksUrl(url)), "k1")
    assert "127.0.0.1" not in str(caught.value)


def test_in_an_outage_known_keys_go_on_for_a_day_and_unknown_ones_are_no_401(issuer: Issuer, clock: Clock) -> None:
    cache = JwksCache(JwksUrl(issuer.url), clock=clock)
    assert ids(cache, "k1", "other") == [1, 0]
    issuer.answer = gone(issuer)
    clock.now = OLDEST - 1
    assert ids(cache, "k1") == [1]
    with pytest.raises(AuthenticationUnavailable):
        ids(cache, "other")
    clock.now = OLDEST
    with pytest.raises(AuthenticationUnavailable):
        ids(cache, "k1")


def test_an_outage_ends_when_the_issuer_is_back(issuer: Issuer, clock: Clock) -> None:
    cache = JwksCache(JwksUrl(issuer.url), clock=clock)
    published, issuer.answer = issuer.answer, gone(issuer)
    for clock.now in (0.0, 1.0, BETWEEN_FETCHES - 1):
        with pytest.raises(AuthenticationUnavailable):
            ids(cache, "k1")
    assert issuer.requests == 1
    issuer.answer = published
    clock.now = BETWEEN_FETCHES
    assert ids(cache, "k1") == [1]
    assert (cache.fetches, cache.failures) == (2, 1)


def test_who_gives_up_waiting_does_not_stop_the_fetch_for_others(clock: Clock) -> None:
    class Waits(Source):
        async def read(self) -> bytes:
            await may_answer.wait()
            return await super().read()

    source = Waits(key_set(jwk("k1")))
    cache = JwksCache(source, clock=clock)

    async def ask() -> int:
        impatient, patient = (asyncio.create_task(cache.signing_keys("k1")) for _ in range(2))
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.sleep(0)
        may_answer.set()
        return len(await patient)

    may_answer = asyncio.Event()
    assert asyncio.run(ask()) == 1
    assert source.reads == 1


def test_through_the_whole_way_an_issuer_that_is_gone_is_no_401(issuer: Issuer, clock: Clock) -> None:
    tokens = world.entra()
    tokens._jwks = JwksCache(JwksUrl(issuer.url), clock=clock)
    issuer.answer = gone(issuer)
    with pytest.raises(AuthenticationUnavailable):
        asyncio.run(tokens.authenticate(token(claims())))
    issuer.answer = issuer.publishes(key_set(jwk("k2")))
    clock.now = BETWEEN_FETCHES
    assert asyncio.run(tokens.authenticate(token(claims()))) == Unauthenticated(Cause.UNKNOWN_SIGNING_KEY)
    issuer.answer = issuer.publishes(key_set(jwk("k1")))
    clock.now = 2 * BETWEEN_FETCHES
    assert asyncio.run(tokens.authenticate(token(claims()))).caller.tenant_id == world.TENANT  # type: ignore[union-attr]


# Files and addresses


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "keys.json"
    cache = JwksCache(JwksFile(file), clock=clock)
    with pytest.raises(AuthenticationUnavailable):
        ids(cache, "k1")
    file.write_bytes(key_set(jwk("k1")))
    clock.now = BETWEEN_FETCHES
    assert ids(cache, "k1") == [1]
    file.write_bytes(key_set(jwk("k1")) + b" " * LARGEST_SET)
    clock.now = OLDEST + BETWEEN_FETCHES
    with pytest.raises(AuthenticationUnavailable):
        ids(cache, "k1")


@pytest.mark.parametrize(
    "url",
    ["http://login.microsoftonline.com/keys", "ftp://localhost/keys", "file:///keys", "keys", "https:///keys", ""],
)
def test_keys_come_by_https_unless_they_come_from_this_machine(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        JwksUrl(url)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for this machine, which nobody vouches for but itself, with its key."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    key, now = world.private_key("certificate"), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path = tmp_path / "certificate.pem"
    path.write_bytes(private + made.public_bytes(Encoding.PEM))
    return path


def test_keys_come_by_https_from_a_server_that_somebody_vouches_for_and_from_no_other(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Issuer(certificate)) as issuer:
        with pytest.raises(AuthenticationUnavailable):
            ids(JwksCache(JwksUrl(issuer.url)), "k1")
        assert issuer.requests == 0
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert ids(JwksCache(JwksUrl(issuer.url)), "k1") == [1]


# What is a key


@pytest.mark.parametrize(
    "changes",
    [
        {"kty": "EC"},
        {"kty": "oct", "k": "AAAA"},
        {"use": "enc"},
        {"alg": "RS512"},
        {"alg": "HS256"},
        {"kid": None},
        {"kid": 7},
        {"issuer": 7},
        {"n": None},
        {"e": None},
        {"n": 7},
        {"n": "????"},
        {"e": "AA"},
        {"e": "Ag"},
        {"bits": 1024},
    ],
    ids=str,
)
def test_a_key_that_cannot_be_used_is_passed_over(changes: dict[str, Any]) -> None:
    assert set(read_jwks(key_set(jwk("odd", **changes), jwk("k1")))) == {"k1"}


def test_a_private_key_that_was_published_by_mistake_is_read_as_a_public_one() -> None:
    [key] = read_jwks(key_set({**jwk("k1"), "d": "AQAB"}))["k1"]
    assert not hasattr(key.public, "private_numbers")


def test_a_key_without_purpose_and_algorithm_is_one() -> None:
    assert set(read_jwks(json.dumps({"keys": [jwk("k1", use=None, alg="RS256")]}).encode())) == {"k1"}
