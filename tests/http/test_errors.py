"""Of several faults of a call the first is answered, in an envelope, and nothing of a fault of ours leaves."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest
from attrs import define, field

from neo_routing import PolicyEngine, RefusalCode
from neo_routing_adapters.http import MemorySessions, Unauthenticated, application
from neo_routing_adapters.http.answers import ErrorCode
from neo_routing_adapters.http.ports import (
    RateLimitUnavailable,
    SessionStoreUnavailable,
)
from tests.programs.http.calls import (
    GOOD,
    PLATFORM,
    SERVICE_ACCOUNT,
    SESSIONS,
    USER,
    Broken,
    Down,
    DownAuthenticator,
    Limits,
    Response,
    a_directory,
    an_endpoint,
    ask,
    call,
    headers_of,
    run,
)


@define
class Planned:
    """A call that would be answered with a session, until faults are planned into it."""

    method: str = "POST"
    path: str = SESSIONS
    headers: dict[str, str] = field(factory=lambda: headers_of(USER))
    body: bytes = GOOD
    limits: Limits = field(factory=Limits)
    policy: Any = field(factory=lambda: PolicyEngine(a_directory()))
    more: dict[str, Any] = field(factory=dict)
    before: dict[str, Any] | None = None
    """The body of a call that was made before with the same key."""

    def answer(self) -> Response:
        endpoint = an_endpoint(policy=self.policy, rate_limiter=self.limits, **self.more)
        if self.before is not None:
            earlier = an_endpoint(sessions=endpoint.sessions)
            assert ask(earlier, self.before, headers=headers_of(USER, idempotency_key="k-1")).status == 200
        return ask(endpoint, self.body, headers=self.headers, method=self.method, path=self.path)


def no_such_path(planned: Planned) -> None:
    planned.path = SESSIONS + "/"


def another_method(planned: Planned) -> None:
    planned.method = "PUT"


def a_blocked_address(planned: Planned) -> None:
    planned.limits._blocked = 7.2


def nobody_can_say_who_calls(planned: Planned) -> None:
    planned.more["authenticator"] = DownAuthenticator()


def a_stranger(planned: Planned) -> None:
    del planned.headers["authorization"]


def too_many_calls(planned: Planned) -> None:
    planned.limits._hit = 0.2


def another_media_type(planned: Planned) -> None:
    planned.headers["content-type"] = "text/plain"


def a_long_body(planned: Planned) -> None:
    planned.body = planned.body + b" " * (65_537 - len(planned.body))


def no_json(planned: Planned) -> None:
    planned.body = b"{" + planned.body


def a_bad_key(planned: Planned) -> None:
    planned.headers["idempotency-key"] = "a key"


def no_sessions(planned: Planned) -> None:
    planned.headers.setdefault("idempotency-key", "k-1")
    planned.more["sessions"] = Broken(SessionStoreUnavailable(), at="find")


def a_used_key(planned: Planned) -> None:
    planned.headers["idempotency-key"] = "k-1"
    planned.before = {"agent_id": 11}


def a_malformed_request(planned: Planned) -> None:
    planned.body = planned.body.replace(b'"agent_id": 12', b'"agent_id": "12"')


def a_directory_that_is_down(planned: Planned) -> None:
    planned.policy = PolicyEngine(Down())


IN_ORDER: list[tuple[Callable[[Planned], None], int, str]] = [
    (no_such_path, 404, "not_found"),
    (another_method, 405, "method_not_allowed"),
    (a_blocked_address, 429, "rate_limited"),
    (nobody_can_say_who_calls, 500, "authentication_unavailable"),
    (a_stranger, 401, "unauthenticated"),
    (too_many_calls, 429, "rate_limited"),
    (another_media_type, 400, "unsupported_media_type"),
    (a_long_body, 400, "body_too_large"),
    (no_json, 400, "invalid_json"),
    (a_bad_key, 400, "idempotency_key_invalid"),
    (no_sessions, 500, "sessions_unavailable"),
    (a_used_key, 422, "idempotency_key_reused"),
    (a_malformed_request, 422, "validation_error"),
    (a_directory_that_is_down, 500, "directory_unavailable"),
]
EXCLUDE_EACH_OTHER = {(a_bad_key, a_used_key), (no_sessions, a_used_key)}


@pytest.mark.parametrize(("fault", "status", "code"), IN_ORDER, ids=lambda given: getattr(given, "__name__", ""))
def test_each_fault_has_its_status_and_its_code(fault: Any, status: int, code: str) -> None:
    planned = Planned()
    fault(planned)
    answer = planned.answer()
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("first", "second"),
    [pair for pair in combinations(IN_ORDER, 2) if (pair[0][0], pair[1][0]) not in EXCLUDE_EACH_OTHER],
    ids=lambda given: given[0].__name__,
)
def test_of_two_faults_the_first_is_answered(first: Any, second: Any) -> None:
    planned = Planned()
    second[0](planned)
    first[0](planned)
    answer = planned.answer()
    assert (answer.status, answer.code) == first[1:]


def test_without_a_fault_there_is_a_session() -> None:
    assert Planned().answer().status == 200


def test_every_code_of_ours_is_in_the_order_or_has_a_test_of_its_own() -> None:
    elsewhere = {"body_too_slow", "idempotency_key_in_progress", "rate_limit_unavailable", "internal_error"}
    assert {code for _, _, code in IN_ORDER} | elsewhere == {*ErrorCode, "validation_error"}
    assert not {*map(str, ErrorCode)} & {*map(str, RefusalCode)}


# Headers


def test_a_stranger_is_told_how_to_authenticate_and_which_cause_it_was_is_not_told() -> None:
    class Causes:
        def __init__(self, cause: str) -> None:
            self._cause = cause

        async def authenticate(self, headers: Any, /) -> Unauthenticated:
            return Unauthenticated(self._cause)

    answers = [ask(an_endpoint(authenticator=Causes(cause))).but_for_its_id for cause in ("", "expired", "x" * 900)]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][1]["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("seconds", "told"), [(7.2, "8"), (1.0, "1"), (0.2, "1"), (0.0, "1")])
def test_who_calls_too_often_is_told_for_how_many_whole_seconds_to_wait(seconds: float, told: str) -> None:
    for limits in (Limits(hit=seconds), Limits(blocked=seconds)):
        assert ask(an_endpoint(rate_limiter=limits)).headers["retry-after"] == told


def test_another_method_is_told_the_one_that_there_is() -> None:
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"):
        answer = ask(an_endpoint(), method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
        assert (answer.content == b"") is (method == "HEAD")
        assert int(answer.headers["content-length"]) > 100


STEPS = ("find", "keep")


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"authenticator": DownAuthenticator()}, "authentication_unavailable"),
        ({"policy": PolicyEngine(Down())}, "directory_unavailable"),
        ({"rate_limiter": Limits(hit=RateLimitUnavailable())}, "rate_limit_unavailable"),
        ({"rate_limiter": Limits(blocked=RateLimitUnavailable())}, "rate_limit_unavailable"),
        *(({"sessions": Broken(SessionStoreUnavailable(), at=step)}, "sessions_unavailable") for step in STEPS),
    ],
    ids=["caller", "directory", "limit", "limit of failures", *STEPS],
)
def test_what_cannot_be_asked_is_500_and_tried_again_and_never_a_refusal(broken: dict[str, Any], code: str) -> None:
    answer = ask(an_endpoint(**broken), headers=headers_of(USER, idempotency_key="k-1"))
    assert (answer.status, answer.code, answer.headers["retry-after"]) == (500, code, "1")
    assert b"192.0.2.1" not in answer.content


def test_after_an_outage_nothing_is_left_and_the_same_key_makes_the_session() -> None:
    sessions, headers = MemorySessions(), headers_of(USER, idempotency_key="k-1")
    assert ask(an_endpoint(Down(), sessions=sessions), headers=headers).status == 500
    assert not sessions.kept
    assert ask(an_endpoint(sessions=sessions), headers=headers).status == 200
    assert len(sessions.kept) == 1


# Faults of ours

SECRETS = ("hunter2", "Printer on fire")


class Faulty:
    """Raises, wherever it is put, what quotes a secret."""

    async def look_up(self, needed: Any, /) -> Any:
        raise ValueError(*SECRETS)

    async def authenticate(self, headers: Any, /) -> Any:
        raise KeyError(*SECRETS) from OSError(*SECRETS)

    def __call__(self, *_: Any) -> Any:
        raise RuntimeError(*SECRETS)


@pytest.mark.parametrize(
    "broken",
    [
        {"policy": PolicyEngine(Faulty())},
        {"authenticator": Faulty()},
        {"rate_limiter": Limits(hit=ZeroDivisionError(*SECRETS))},
        {"channel_name": Faulty()},
        {"now": Faulty()},
        {"new_session_id": Faulty()},
        {"sessions": Broken(TypeError(*SECRETS), at="keep")},
    ],
    ids=lambda broken: next(iter(broken)),
)
def test_no_text_of_a_fault_leaves_nor_is_it_logged(broken: Any, caplog: pytest.LogCaptureFixture) -> None:
    answer = ask(an_endpoint(**broken))
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "retry-after" not in answer.headers
    [record] = caplog.records
    assert (record.name, record.levelname) == ("neo_routing.http", "ERROR")
    assert answer.document["meta"]["request_id"] in record.getMessage()
    assert "line" in record.getMessage()
    for secret in SECRETS:
        assert secret not in answer.content.decode()
        assert secret not in caplog.text


def test_an_authenticator_that_returns_what_is_no_caller_lets_nobody_in() -> None:
    class Careless:
        async def authenticate(self, headers: Any, /) -> Any:
            return None

    sessions = MemorySessions()
    assert ask(an_endpoint(authenticator=Careless(), sessions=sessions)).code == "internal_error"
    assert not sessions.kept


def test_an_outage_is_logged_with_its_cause_and_the_id_of_the_request(caplog: pytest.LogCaptureFixture) -> None:
    answer = ask(an_endpoint(Down()))
    [record] = caplog.records
    assert "connection refused by 192.0.2.1" in record.getMessage()
    assert answer.document["meta"]["request_id"] in record.getMessage()
    assert record.levelno == logging.ERROR


def test_a_task_that_is_cancelled_ends() -> None:
    cancelled = Broken(asyncio.CancelledError(), at="keep")

    async def ended() -> bool:
        try:
            await call(application(an_endpoint(sessions=cancelled)))
        except asyncio.CancelledError:
            return True
        return False

    assert run(ended())


# Who is limited


def test_failures_are_counted_by_address_and_calls_by_caller() -> None:
    limits = Limits()
    endpoint = an_endpoint(rate_limiter=limits)
    assert ask(endpoint, identity=None, client=("192.0.2.9", 1)).status == 401
    assert (limits.failures, limits.hits) == (["192.0.2.9"], [])
    for identity in (USER, SERVICE_ACCOUNT, PLATFORM):
        ask(endpoint, identity=identity)
    assert limits.failures == ["192.0.2.9"]
    assert limits.hits == [each.caller for each in (USER, SERVICE_ACCOUNT, PLATFORM)]


def test_an_address_that_is_not_known_is_not_taken_for_everybodys() -> None:
    limits = Limits(blocked=9.0)
    endpoint = an_endpoint(rate_limiter=limits)
    for unknown in (None, ("", 0)):
        assert ask(endpoint, identity=None, client=unknown).status == 401
    assert limits.failures == []
    assert ask(endpoint, client=None).status == 200


def test_who_is_blocked_is_not_authenticated() -> None:
    asked = []

    class Asked:
        async def authenticate(self, headers: Any, /) -> Any:
            asked.append(headers)
            return USER

    assert ask(an_endpoint(authenticator=Asked(), rate_limiter=Limits(blocked=1.0))).status == 429
    assert asked == []


# What is told of a call


def test_of_each_answer_is_told_what_led_to_it_and_no_secret_and_no_title() -> None:
    told: list[Any] = []
    endpoint = an_endpoint(on_answer=told.append)
    created = ask(endpoint, {"agent_id": 12, "title": "Printer on fire", "bot_id": "b"})
    ask(endpoint, {"agent_id": 13})
    ask(endpoint, identity=None)
    ask(endpoint, path="/public-api/secret")
    ask(an_endpoint(Down(), on_answer=told.append))
    success, refused, stranger, elsewhere, outage = told
    assert str(success.session_id) == created.document["data"]["id"]
    assert success.request_id == created.document["meta"]["request_id"]
    assert (success.status, success.code, success.outcome) == (200, None, "own_tenant")
    assert success.warnings == ("bot_id_ignored",)
    assert [*success.timings_ms] == ["authenticate", "decide", "store"]
    assert (refused.status, refused.code, refused.caller) == (404, "agent_not_found", USER.caller)
    assert (stranger.status, stranger.cause, stranger.caller) == (401, "no_token", None)
    assert (elsewhere.route, elsewhere.status) == ("", 404)
    assert str(outage.error) == "The directory cannot answer at the moment."
    assert success.route == "/chat/sessions"
    for secret in ("Printer", "Bearer", "oid-1", "secret"):
        assert secret not in repr(told)


def test_how_long_a_call_took_is_told_of_those_without_a_session_too() -> None:
    told: list[Any] = []
    ticks = iter([1.0, 1.5])
    ask(an_endpoint(on_answer=told.append, seconds=lambda: next(ticks)), path="/elsewhere")
    assert told[0].took_ms == 500.0


def test_what_was_told_of_a_call_stays_when_a_decision_that_was_given_up_comes_to_its_end() -> None:
    class GivesUp:
        has_directory = True

        async def keep(self, decide: Any, _key: Any, /) -> Any:
            left.append(decide)
            raise SessionStoreUnavailable

    left: list[Any] = []
    told: list[Any] = []
    ask(an_endpoint(sessions=GivesUp(), on_answer=told.append))
    [decide] = left
    decide(a_directory())
    assert [*told[0].timings_ms] == ["authenticate"]


def test_an_observer_that_fails_changes_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    assert ask(an_endpoint(on_answer=Faulty())).status == 200
    assert "on_answer failed: RuntimeError" in caplog.text
    assert SECRETS[0] not in caplog.text


def test_the_details_of_an_error_are_those_of_the_rules_and_otherwise_there_are_none() -> None:
    assert ask(an_endpoint(), {"agent_id": 13}).document["error"]["details"] == {}
    assert ask(an_endpoint(), {"title": 7}).document["error"]["details"]["fields"] == ["title"]
    assert "details" not in ask(an_endpoint(), b"{").document["error"]
    assert json.loads(ask(an_endpoint(), b"[]").content)["error"]["code"] == "validation_error"
