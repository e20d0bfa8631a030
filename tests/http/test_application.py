"""The endpoint is an ASGI application: it is mounted anywhere, keeps to its contract, and says who may read answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    EndCompany,
    ManagedAgentKey,
    PolicyEngine,
    RefusalCode,
    Tenant,
)
from neo_routing_adapters.http import Identity, MemorySessions, application
from neo_routing_adapters.http.answers import ErrorCode
from neo_routing_adapters.http.envelope import error_document, session_document
from neo_routing_adapters.http.session_ids import SessionIds
from neo_routing_adapters.memory import MemoryDirectory
from tests.programs.http.calls import (
    CONTRACT,
    NOON,
    PLATFORM,
    SERVICE_ACCOUNT,
    SESSIONS,
    USER,
    Response,
    an_endpoint,
    ask,
    call,
    headers_of,
    run,
)

# What a success says


def relayed() -> MemoryDirectory:
    agent = Agent(id=31, tenant_id="msp-c", kind=AgentKind.CONVERSATIONAL)
    neo = Agent(id=1, tenant_id="platform", kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT)
    return MemoryDirectory(
        tenants=[Tenant(id="msp-c"), Tenant(id="platform")],
        agents=[agent, neo],
        channels=[
            Channel(
                id="ch-1",
                tenant_id="msp-c",
                agent_id=31,
                bot_id="helpdesk",
                white_label=True,
                installed_m365_tenant_ids=["contoso.example"],
                show_agent_progress_steps=True,
            )
        ],
        end_companies=[EndCompany(id="co-1", tenant_id="msp-c", m365_tenant_ids=["contoso.example"])],
    )


RELAYED = {"managed_agent_key": "NEO_SUPPORT", "bot_id": "28:HelpDesk", "inbound_tenant_id": "contoso.example"}


def test_a_session_on_a_channel_has_all_that_the_contract_tells_and_keeps_its_end_company() -> None:
    sessions = MemorySessions()
    answer = ask(an_endpoint(relayed(), sessions=sessions), RELAYED | {"title": "Printer"}, PLATFORM)
    [kept] = sessions.kept.values()
    assert answer.document["data"] == {
        "id": str(kept.session.id),
        "agent_id": 31,
        "client_id": "msp-c",
        "title": "Printer",
        "channel": "teams",
        "created_at": "2026-11-29T12:00:00+00:00",
        "updated_at": "2026-11-29T12:00:00+00:00",
        "archived_at": None,
        "show_agent_progress_steps": True,
    }
    assert (kept.session.channel_id, kept.session.end_company_id) == ("ch-1", "co-1")
    assert kept.session.id.version == 7
    assert UUID(answer.document["meta"]["request_id"])
    assert kept.record.id == answer.document["meta"]["request_id"]
    assert kept.record.request.title == "***"
    assert kept.record.decide_again() == kept.record.decision
    assert b"co-1" not in answer.content
    assert b"ch-1" not in answer.content


@pytest.mark.parametrize(
    ("identity", "body", "channel"),
    [
        (PLATFORM, RELAYED, "teams"),
        (PLATFORM, RELAYED | {"bot_id": "nobodys"}, "teams"),
        (PLATFORM, {"managed_agent_key": "NEO_SUPPORT"}, "api"),
        (PLATFORM, {"managed_agent_key": "NEO_SUPPORT", "bot_id": None}, "api"),
        (Identity(caller=Caller(CallerKind.SERVICE_ACCOUNT, "msp-c")), {"agent_id": 31}, "api"),
        (Identity(caller=Caller(CallerKind.SERVICE_ACCOUNT, "msp-c")), {"agent_id": 31, "bot_id": "helpdesk"}, "api"),
        (Identity(caller=Caller(CallerKind.USER, "msp-c")), {"agent_id": 31}, "dashboard"),
        (Identity(caller=Caller(CallerKind.USER, "msp-c")), {"agent_id": 31, "bot_id": "helpdesk"}, "dashboard"),
    ],
)
def test_the_channel_is_the_way_in(identity: Identity, body: Any, channel: str) -> None:
    assert ask(an_endpoint(relayed()), body, identity).document["data"]["channel"] == channel


def test_a_host_may_name_the_way_in() -> None:
    def named(caller: Caller, request: Any, target: Any) -> str:
        return f"{caller.kind}-{request.agent_id}-{target.outcome}"

    answer = ask(an_endpoint(channel_name=named))
    assert answer.document["data"]["channel"] == "user-12-own_tenant"


@pytest.mark.parametrize("name", ["", " ", None, 7, "\ud800", "x" * 257], ids=repr)
def test_a_host_that_names_the_way_in_by_what_is_no_name_gets_a_fault_and_keeps_nothing(name: Any) -> None:
    sessions = MemorySessions()
    assert ask(an_endpoint(sessions=sessions, channel_name=lambda *_: name)).code == "internal_error"
    assert not sessions.kept


def test_a_stored_session_that_cannot_be_written_is_a_fault_of_ours() -> None:
    class Senseless(MemorySessions):
        async def find(self, _key: Any, /) -> Any:
            return evolve(stored, title="\ud800")

    sessions = MemorySessions()
    ask(an_endpoint(sessions=sessions))
    [stored] = [kept.session for kept in sessions.kept.values()]
    answer = ask(an_endpoint(sessions=Senseless()), headers=headers_of(USER, idempotency_key="k-1"))
    assert (answer.status, answer.code) == (500, "internal_error")


def test_timings_are_those_of_the_clock_in_milliseconds() -> None:
    ticks = iter([0.0, 0.001, 1.0, 2.0, 2.25, 4.0])
    answer = ask(an_endpoint(seconds=lambda: next(ticks)))
    assert answer.document["meta"]["timings_ms"] == {"authenticate": 1.0, "decide": 250.0, "store": 2750.0}


def test_real_timings_are_there_and_no_negative_ones() -> None:
    timings = ask(an_endpoint()).document["meta"]["timings_ms"]
    assert [*timings] == ["authenticate", "decide", "store"]
    assert min(timings.values()) >= 0
    assert max(timings.values()) > 0


def test_the_engine_counts_what_the_endpoint_decides() -> None:
    policy = PolicyEngine(relayed())
    endpoint = an_endpoint(policy=policy)
    ask(endpoint, RELAYED, PLATFORM)
    ask(endpoint, {}, SERVICE_ACCOUNT)
    assert policy.counts()["outcome"]["white_label_channel"] == 1
    assert policy.counts()["refusal"]["agent_selector_invalid"] == 1


def test_a_store_that_gives_a_directory_is_decided_on_it_and_counted_by_the_engine() -> None:
    class WithDirectory(MemorySessions):
        has_directory = True

        async def keep(self, decide: Any, key: Any, /) -> Any:
            return await super().keep(lambda _: decide(relayed()), key)

    policy = PolicyEngine(MemoryDirectory())
    answer = ask(an_endpoint(policy=policy, sessions=WithDirectory()), RELAYED, PLATFORM)
    assert answer.document["data"]["client_id"] == "msp-c"
    assert policy.counts()["outcome"]["white_label_channel"] == 1


# Mounted


def starlette_with(app: Any, path: str) -> Any:
    return Starlette(routes=[Mount(path, app)])


def fastapi_with(app: Any, path: str) -> Any:
    host = FastAPI()
    host.mount(path, app)
    return host


@pytest.mark.parametrize("host", [starlette_with, fastapi_with])
@pytest.mark.parametrize(
    ("mounted_at", "prefix", "base"),
    [
        ("/neo", "/public-api", "/neo/public-api"),
        ("", "/public-api", "/public-api"),
        ("/public-api", "", "/public-api"),
    ],
)
def test_it_is_mounted_under_any_path_and_needs_no_lifespan(host: Any, mounted_at: str, prefix: str, base: str) -> None:
    app = host(application(an_endpoint(), prefix=prefix), mounted_at)
    assert ask(app, path=base + "/chat/sessions").status == 200
    assert ask(app, path=base + "/openapi.json", method="GET").status == 200
    assert ask(app, path=base + "/chat/sessions", method="GET").headers["allow"] == "POST"
    missing = ask(app, path=base + "/chat/sessions/")
    assert (missing.status, missing.code) == (404, "not_found")
    assert ask(app, path=base + "/chat/sessions", identity=None).code == "unauthenticated"
    assert ask(app, path=base + "/chat/sessions", root_path="").status == 200


def test_a_fault_within_a_host_stays_an_envelope() -> None:
    class Faulty:
        async def authenticate(self, headers: Any, /) -> Any:
            raise ValueError("secret")

    for host in (starlette_with, fastapi_with):
        answer = ask(host(application(an_endpoint(authenticator=Faulty())), ""))
        assert (answer.status, answer.code) == (500, "internal_error")


@pytest.mark.parametrize(
    "prefix", ["x", "/", "/x/", "x/", "//x", "/x//y", "/{x}", "/%78", "/x?y", "/x#y", "/x y", "/x\n"]
)
def test_a_prefix_that_no_path_begins_with_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"^the prefix '.*' must be empty, or begin with a slash and end without one"):
        application(an_endpoint(), prefix=prefix)


def test_a_prefix_may_have_several_parts() -> None:
    for prefix in ("/a/b-c.d", "/\u00e4"):
        assert ask(application(an_endpoint(), prefix=prefix), path=prefix + "/chat/sessions").status == 200


@pytest.mark.parametrize("host", [lambda app, _: app, starlette_with, fastapi_with])
@pytest.mark.parametrize("slash", ["%2F", "%2f"])
def test_a_path_with_an_encoded_slash_is_another_path(host: Any, slash: str) -> None:
    sessions = MemorySessions()
    app = host(application(an_endpoint(sessions=sessions)), "")
    for written in (SESSIONS[:-9] + slash + "sessions", slash + SESSIONS[1:]):
        answer = ask(app, path=SESSIONS, raw_path=written.encode())
        assert (answer.status, answer.code) == (404, "not_found")
    assert ask(app, path=CONTRACT, method="GET", raw_path=CONTRACT.replace("/o", slash + "o").encode()).status == 404
    assert not sessions.kept


@pytest.mark.parametrize("written", [b"", None, SESSIONS.encode(), b"/public-api/ch%61t/sessions", b"/chat?of=%2F"])
def test_a_path_may_be_written_in_any_other_way_and_a_server_need_not_say_how(written: bytes | None) -> None:
    assert ask(an_endpoint(), raw_path=written).status == 200


@pytest.mark.parametrize("path", ["/", "", "/public-api", SESSIONS + "/", SESSIONS.upper(), "//" + SESSIONS, "/health"])
def test_any_other_path_is_not_found_and_nothing_is_redirected(path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = ask(an_endpoint(), path=path, method=method)
        assert (answer.status, answer.code) == (404, "not_found")
        assert "location" not in answer.headers


def test_a_path_that_only_looks_like_a_prefix_is_none() -> None:
    app = application(an_endpoint())
    assert ask(app, path="/neo" + SESSIONS, root_path="/neo").status == 200
    assert ask(app, path="/neon" + SESSIONS, root_path="/neo").status == 404


def test_lifespans_begin_and_end_and_web_sockets_are_closed() -> None:
    async def sent(scope: dict[str, Any], *received: dict[str, Any]) -> list[str]:
        messages, coming = [], iter(received)

        async def receive() -> Any:
            return next(coming)

        async def send(message: Any) -> None:
            messages.append(message["type"])

        await application(an_endpoint(), cross_origins=["*"])(scope, receive, send)
        return messages

    began_and_ended = run(sent({"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))
    assert began_and_ended == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    socket = {"type": "websocket", "path": SESSIONS, "root_path": "", "headers": []}
    assert run(sent(socket | {"path": "/elsewhere"}, {"type": "websocket.connect"})) == ["websocket.close"]


# The contract


def bare(value: Any) -> Any:
    """Return a contract without what it says to people."""
    if isinstance(value, list):
        return [bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: bare(each) for name, each in value.items() if name not in {"description", "summary"}}


SCHEMA = json.loads(Path(__file__).with_name("contract_schema.json").read_text("utf-8"))


def contract() -> Any:
    return ask(an_endpoint(), path=CONTRACT, method="GET", headers={}).document


def test_the_contract_is_the_one_that_was_agreed_in_everything_but_prose() -> None:
    assert bare(contract()) == SCHEMA


def test_the_contract_says_something_in_our_words_of_each_field_and_each_answer() -> None:
    def places(value: Any, place: str = "") -> Iterator[str]:
        if not isinstance(value, dict):
            return
        described = [f"{place}.{name}" for name in value] if place.endswith((".properties", ".responses")) else []
        yield from (each for each, about in zip(described, value.values(), strict=bool(described)) if not said(about))
        for name, each in value.items():
            yield from places(each, f"{place}.{name}")

    def said(about: dict[str, Any]) -> bool:
        return "description" in about or "$ref" in about or about.get("type") == "object"

    assert [*places(contract())] == []


def test_the_contract_is_read_without_a_key_and_not_changed() -> None:
    answer = ask(an_endpoint(), path=CONTRACT, method="GET", headers={})
    head = ask(an_endpoint(), path=CONTRACT, method="HEAD", headers={})
    assert answer.headers == head.headers
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["cache-control"] == "no-store"
    assert head.content == b""
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        refused = ask(an_endpoint(), path=CONTRACT, method=method)
        assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


def test_every_code_of_ours_stands_in_the_contract() -> None:
    responses = contract()["paths"][SESSIONS]["post"]["responses"]
    told = " ".join(response["description"] for response in responses.values())
    assert [code for code in (*ErrorCode, *RefusalCode) if code not in told] == ["method_not_allowed"]


# CORS

PAGE = "https://dashboard.example"


def preflight(app: Any, origin: str = PAGE) -> Response:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    return ask(app, b"", method="OPTIONS", headers=headers)


def test_without_cors_no_page_may_read_and_preflights_are_another_method() -> None:
    app = application(an_endpoint())
    assert preflight(app).status == 405
    answer = ask(app, headers=headers_of(USER, origin=PAGE))
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control") or name == "vary"]


def test_pages_of_the_named_origins_may_call_and_read_every_answer() -> None:
    app = application(an_endpoint(), cross_origins=[PAGE, "https://other.example"])
    asked_before = preflight(app)
    assert (asked_before.status, asked_before.content) == (204, b"")
    assert asked_before.headers["access-control-allow-origin"] == PAGE
    assert asked_before.headers["access-control-allow-headers"] == "Authorization, Content-Type, Idempotency-Key"
    assert asked_before.headers["cache-control"] == "no-store"
    for identity, status in ((USER, 200), (None, 401)):
        answer = ask(app, headers=headers_of(identity, origin=PAGE))
        assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, PAGE)
        assert answer.headers["vary"] == "Origin"
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", PAGE + ".evil.example", "http://dashboard.example", PAGE.upper(), ""]
)
def test_a_page_of_another_origin_may_not(origin: str) -> None:
    app = application(an_endpoint(), cross_origins=[PAGE])
    assert preflight(app, origin).status == 405
    answer = ask(app, headers=headers_of(USER, origin=origin))
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"


def test_a_star_stands_for_every_page() -> None:
    app = application(an_endpoint(), cross_origins=["*"])
    assert preflight(app, "https://any.example").headers["access-control-allow-origin"] == "https://any.example"


NO_ORIGINS = [
    ("https://*.example.com", "names one host"),
    ("https://a.example, https://b.example", "has no path"),
    ("https://a .example", "names one host"),
    (" https://a.example", "begins with a scheme"),
    ("https://a.example ", "names one host"),
    ("https://\u00e4.example", "names one host"),
    ("https://A.example", "names one host"),
    ("https://ann@a.example", "names one host"),
    ("https://", "names one host"),
    ("https://a..example", "names one host"),
    ("https://[::0]", "names one host"),
    ("https://[::1", "names one host"),
    ("https://127.1", "names one host"),
    ("https://a.example:443", "leaves out the default port"),
    ("http://a.example:80", "leaves out the default port"),
    ("https://a.example:", "the port of an origin"),
    ("https://a.example:0443", "the port of an origin"),
    ("https://a.example:65536", "the port of an origin"),
    ("https://a.example:\u0667", "the port of an origin"),
    ("https://a.example/", "has no path"),
    ("https://a.example/x", "has no path"),
    ("https://a.example?x", "has no path"),
    ("https://a.example\n", "names one host"),
    ("HTTPS://a.example", "begins with a scheme"),
    ("a.example", "begins with a scheme"),
    ("//a.example", "begins with a scheme"),
    ("null", "begins with a scheme"),
    ("", "begins with a scheme"),
    ("**", "begins with a scheme"),
    (None, "begins with a scheme"),
]


@pytest.mark.parametrize(("origin", "why"), NO_ORIGINS)
def test_what_no_browser_sends_as_an_origin_is_refused_with_what_is_wrong_and_not_quoted(origin: Any, why: str) -> None:
    for origins in ([origin], [PAGE, origin], {"*", origin}):
        with pytest.raises(ValueError, match=why) as refused:
            application(an_endpoint(), cross_origins=origins)
        assert str(origin or 0) not in str(refused.value).replace(PAGE, "").replace("no *", "")


@pytest.mark.parametrize("origins", [PAGE, "*", "https://*.example.com", "", b"https://b.example"])
def test_one_text_is_not_several_origins(origins: Any) -> None:
    with pytest.raises(TypeError, match="a collection of texts, not as one text"):
        application(an_endpoint(), cross_origins=origins)


@pytest.mark.parametrize(
    "origin",
    [
        "https://a.example:8443",
        "http://a.example:443",
        "http://localhost",
        "http://localhost:3000",
        "https://xn--4ca.example",
        "https://a_b.example.",
        "http://127.0.0.1:8000",
        "http://[::1]:8000",
        "chrome-extension://abcdefghijklmnop",
        "app://-",
    ],
)
def test_what_a_browser_sends_as_an_origin_may_read(origin: str) -> None:
    app = application(an_endpoint(), cross_origins=[origin])
    assert preflight(app, origin).headers["access-control-allow-origin"] == origin


# Ids


def test_ids_are_of_version_7_and_of_the_variant_and_hold_the_time() -> None:
    made = SessionIds(milliseconds=lambda: 1_764_417_600_123)()
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == 1_764_417_600_123
    now = SessionIds()()
    assert abs((now.int >> 80) / 1000 - datetime.now(UTC).timestamp()) < 60


def test_ids_rise_within_a_millisecond_and_when_the_clock_goes_back() -> None:
    clock = iter([5, 5, 5, 4, 1, 5, 6, 6])
    ids = SessionIds(milliseconds=lambda: next(clock))
    made = [ids() for _ in range(8)]
    assert made == sorted(made)
    assert len({*made}) == 8
    assert [each.int >> 80 for each in made] == [5] * 6 + [6] * 2


def test_a_count_that_is_used_up_goes_on_in_the_next_millisecond() -> None:
    ids = SessionIds(milliseconds=lambda: 5)
    first = ids()
    ids._counter = (1 << 42) - 2
    last, beyond = ids(), ids()
    assert first < last < beyond
    assert (last.int >> 80, beyond.int >> 80) == (5, 6)
    assert {each.version for each in (last, beyond)} == {7}


def test_ids_are_distinct_and_drawn_at_random() -> None:
    made = [
        ids() for ids in (SessionIds(milliseconds=lambda: 5), SessionIds(milliseconds=lambda: 5)) for _ in range(500)
    ]
    assert len({*made}) == 1000
    assert len({each.int & 0xFFFF_FFFF for each in made}) > 990


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_child_that_is_forked_while_an_id_is_made_makes_its_own() -> None:
    ids = SessionIds()
    with SessionIds._lock:
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            ids()
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# For hosts of their own


def test_the_envelope_is_plain_data_for_any_host() -> None:
    sessions = MemorySessions()
    answer = ask(an_endpoint(sessions=sessions))
    [kept] = sessions.kept.values()
    meta = answer.document["meta"]
    written = session_document(kept.session, request_id=meta["request_id"], timings_ms=meta["timings_ms"])
    assert json.loads(json.dumps(written)) == answer.document
    assert written["data"]["created_at"] == NOON.isoformat()
    assert error_document("x", "y", request_id="r", details={})["error"] == {"code": "x", "message": "y", "details": {}}


@pytest.mark.parametrize("package", ["msgspec", "starlette"])
def test_without_its_extra_it_says_which_one_to_install(package: str) -> None:
    code = f"import sys; sys.modules[{package!r}] = None; import neo_routing_adapters.http"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert 'the endpoint needs Starlette and msgspec; install the extra "http"' in ran.stderr


def test_a_call_without_any_header_is_nobodys() -> None:
    answer = run(call(application(an_endpoint()), headers=[]))
    assert answer is not None
    assert answer.code == "unauthenticated"
