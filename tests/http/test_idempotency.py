"""One key makes one session, however often and however simultaneously it comes."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from neo_routing import Caller, CallerKind
from neo_routing_adapters.http import Identity, MemorySessions, application
from tests.programs.http.calls import (
    GOOD,
    NOON,
    PLATFORM,
    SECRET,
    SERVICE_ACCOUNT,
    SESSION_ID,
    USER,
    Down,
    Waiting,
    an_endpoint,
    ask,
    call,
    headers_of,
    run,
)


def keyed(identity: Identity = USER, key: str = "k-1") -> dict[str, str]:
    return headers_of(identity, idempotency_key=key)


def test_the_same_call_again_is_answered_with_the_stored_session_under_a_new_request_id() -> None:
    sessions = MemorySessions(now=lambda: NOON)
    body = {"agent_id": 12, "title": "Printer", "bot_id": "ignored"}
    first, again = (ask(an_endpoint(sessions=sessions), body, headers=keyed()) for _ in range(2))
    assert first.status == again.status == 200
    assert first.document["data"] == again.document["data"]
    assert first.document["meta"]["warnings"] == again.document["meta"]["warnings"] == ["bot_id_ignored"]
    assert first.document["meta"]["request_id"] != again.document["meta"]["request_id"]
    assert len(sessions.kept) == 1


def test_a_replay_is_answered_while_the_directory_is_down() -> None:
    sessions = MemorySessions(now=lambda: NOON)
    first = ask(an_endpoint(sessions=sessions), headers=keyed())
    again = ask(an_endpoint(Down(), sessions=sessions), headers=keyed())
    assert first.document["data"] == again.document["data"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{ "title":"Printer","agent_id":1.2e1 }', 200),
        (b'{"agent_id": 12, "title": "Printer", "bot_id": null}', 422),
        (b'{"agent_id": 12, "title": "printer"}', 422),
        (b'{"agent_id": 11, "title": "Printer"}', 422),
        (b'{"agent_id": "malformed"}', 422),
        (b"[]", 422),
    ],
    ids=str,
)
def test_a_body_is_the_same_if_the_same_is_read_of_it(body: bytes, status: int) -> None:
    sessions = MemorySessions(now=lambda: NOON)
    assert ask(an_endpoint(sessions=sessions), GOOD, headers=keyed()).status == 200
    again = ask(an_endpoint(sessions=sessions), body, headers=keyed())
    assert (again.status, again.code) == (status, None if status == 200 else "idempotency_key_reused")
    assert len(sessions.kept) == 1


def test_a_key_is_one_of_its_caller_kind_and_tenant_and_user_and_of_no_api_key() -> None:
    sessions = MemorySessions(now=lambda: NOON)
    others = [
        USER,
        Identity(caller=USER.caller, user_id="oid-2"),
        SERVICE_ACCOUNT,
        PLATFORM,
        Identity(caller=Caller(CallerKind.SERVICE_ACCOUNT, "msp-b")),
        Identity(caller=Caller(CallerKind.PLATFORM, "msp-a")),
    ]
    body = {"managed_agent_key": "NEO_SUPPORT"}
    for identity in others:
        assert ask(an_endpoint(sessions=sessions), body, headers=keyed(identity)).status == 200
    assert len(sessions.kept) == len(others) == 6
    with_another_api_key = Identity(caller=SERVICE_ACCOUNT.caller, user_id="the id of an API key")
    ask(an_endpoint(sessions=sessions), body, headers=keyed(with_another_api_key))
    assert len(sessions.kept) == 6


def test_a_user_who_cannot_be_told_from_others_has_no_keys() -> None:
    for identity in (Identity(caller=USER.caller), Identity(caller=USER.caller, user_id="")):
        answer = ask(an_endpoint(), headers=keyed(identity))
        assert (answer.status, answer.code) == (400, "idempotency_key_invalid")
        assert ask(an_endpoint(), identity=identity).status == 200


@pytest.mark.parametrize("key", ["", " ", "a key", "a\tkey", "k" * 256, "schlüssel", "\x7f", "\x00"], ids=repr)
def test_a_key_is_1_to_255_visible_ascii_characters(key: str) -> None:
    assert ask(an_endpoint(), headers=keyed(key=key)).code == "idempotency_key_invalid"


def test_the_shortest_and_the_longest_key_and_the_first_and_the_last_character_are_taken() -> None:
    for key in ("!", "~", "k" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"'):
        assert ask(an_endpoint(), headers=keyed(key=key)).status == 200


def test_two_keys_are_none() -> None:
    pairs = [(name.encode(), value.encode()) for name, value in keyed().items()]
    answer = ask(an_endpoint(), headers=[*pairs, (b"idempotency-key", b"k-2")])
    assert answer.code == "idempotency_key_invalid"


@pytest.mark.parametrize(("hours", "sessions_then"), [(23.99, 1), (24, 2), (48, 2)])
def test_a_key_is_forgotten_after_a_day(hours: float, sessions_then: int) -> None:
    clock = {"now": NOON}
    sessions = MemorySessions(now=lambda: clock["now"])
    endpoint = an_endpoint(sessions=sessions, now=lambda: clock["now"])
    ask(endpoint, headers=keyed())
    clock["now"] = NOON + timedelta(hours=hours)
    assert ask(endpoint, headers=keyed()).status == 200
    assert len(sessions.kept) == sessions_then


def test_only_sessions_are_kept_under_a_key_and_no_refusal() -> None:
    sessions = MemorySessions(now=lambda: NOON)
    endpoint = an_endpoint(sessions=sessions)
    assert ask(endpoint, {"agent_id": 13}, headers=keyed()).status == 404
    assert ask(endpoint, {"agent_id": "13"}, headers=keyed()).status == 422
    assert ask(endpoint, {"agent_id": 12}, headers=keyed()).status == 200


def test_while_a_call_is_being_answered_its_key_is_in_progress_and_others_are_not() -> None:
    directory, sessions = Waiting(), MemorySessions(now=lambda: NOON)
    app = application(an_endpoint(directory, sessions=sessions))

    async def answers() -> list[Any]:
        first = asyncio.create_task(call(app, headers=keyed()))
        await directory.asked.wait()
        meanwhile = await call(app, headers=keyed())
        with_another_body = await call(app, b"{}", headers=keyed())
        directory.answers.set()
        return [await first, meanwhile, with_another_body, await call(app, headers=keyed(key="k-2"))]

    first, meanwhile, with_another_body, other = run(answers())
    assert first.status == other.status == 200
    for each in (meanwhile, with_another_body):
        assert (each.status, each.code) == (409, "idempotency_key_in_progress")
        assert each.headers["retry-after"] == "1"
    assert len(sessions.kept) == 2


def test_a_call_that_is_cancelled_leaves_its_key() -> None:
    directory, sessions = Waiting(), MemorySessions(now=lambda: NOON)
    app = application(an_endpoint(directory, sessions=sessions))

    async def answered() -> Any:
        first = asyncio.create_task(call(app, headers=keyed()))
        await directory.asked.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        directory.answers.set()
        return await call(app, headers=keyed())

    assert run(answered()).status == 200
    assert len(sessions.kept) == 1


def test_a_key_in_an_event_loop_that_stands_still_as_a_parents_does_in_a_forked_child_is_not_in_progress() -> None:
    directory, sessions = Waiting(), MemorySessions(now=lambda: NOON)
    app = application(an_endpoint(directory, sessions=sessions))
    still = asyncio.new_event_loop()
    first = still.create_task(call(app, headers=keyed()))
    still.run_until_complete(directory.asked.wait())
    directory.answers.set()
    again = ask(app, headers=keyed())
    assert again.status == 200
    late = still.run_until_complete(first)
    assert late is not None
    assert late.document["data"] == again.document["data"]
    still.close()


def test_a_thousand_races_on_one_key_make_one_session_and_only_200_409_and_replays() -> None:
    sessions = MemorySessions(now=lambda: NOON)
    directory = Waiting()
    app = application(an_endpoint(directory, sessions=sessions))

    async def race() -> list[Any]:
        tasks = [asyncio.create_task(call(app, headers=keyed())) for _ in range(1000)]
        await directory.asked.wait()
        await asyncio.sleep(0)
        directory.answers.set()
        return [*await asyncio.gather(*tasks), *await asyncio.gather(*(call(app, headers=keyed()) for _ in range(9)))]

    answers = run(race())
    statuses = Counter(answer.status for answer in answers)
    assert len(sessions.kept) == 1
    assert statuses.keys() == {200, 409}
    assert statuses.total() == 1009
    assert len({answer.document["data"]["id"] for answer in answers if answer.status == 200}) == 1
    assert len({answer.document["meta"]["request_id"] for answer in answers}) == 1009


def test_without_a_key_every_call_makes_a_session() -> None:
    sessions = MemorySessions()
    for _ in range(3):
        ask(an_endpoint(sessions=sessions))
    assert len(sessions.kept) == 3


def test_what_is_stored_of_a_body_tells_nothing_without_the_secret() -> None:
    found = []
    for secret in (SECRET, SECRET[::-1]):
        sessions = MemorySessions(now=lambda: NOON)
        ask(an_endpoint(sessions=sessions, idempotency_secret=secret), headers=keyed())
        [(key, _)] = sessions._keys.values()
        found.append(key.body_mac)
    assert len({*found}) == 2
    assert {len(mac) for mac in found} == {32}


@pytest.mark.parametrize("secret", [b"", b"x" * 31, "x" * 32, None])
def test_a_short_secret_is_refused_at_start(secret: Any) -> None:
    with pytest.raises(ValueError, match="idempotency_secret must be at least 32 bytes"):
        an_endpoint(idempotency_secret=secret)


def test_the_secret_is_not_printed() -> None:
    assert "a secret" not in repr(an_endpoint())


def test_a_store_in_memory_takes_no_id_twice() -> None:
    sessions = MemorySessions(now=lambda: NOON)
    endpoint = an_endpoint(sessions=sessions, new_session_id=lambda: SESSION_ID)
    assert [ask(endpoint).status for _ in range(2)] == [200, 500]
    assert [*sessions.kept] == [SESSION_ID]
