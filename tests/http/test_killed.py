"""The process that serves is killed in the midst of calls: nothing is kept twice, and nothing acknowledged is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx2
import pytest

from tests.programs.http.calls import GOOD, PATIENCE, SESSIONS, USER, headers_of
from tests.programs.http.on_a_database import Mortal, fill, kept_in, served_on
from tests.programs.servers.postgres_server import wait_until

CALLERS = 8
ENOUGH = 40
"""So many sessions are acknowledged before it is killed."""
MOST = 5_000


@pytest.fixture
def url(any_database_url: str) -> str:
    fill(any_database_url)
    return any_database_url


def calling(port: int) -> httpx2.Client:
    return httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False)


def post(client: httpx2.Client, key: str) -> httpx2.Response:
    return client.post(SESSIONS, content=GOOD, headers=headers_of(USER, idempotency_key=key))


def session_after_all(client: httpx2.Client, key: str) -> str:
    """Call again until the key is nobody's any more: a server notices a little later that its client is gone."""
    answers: list[httpx2.Response] = []

    def is_answered() -> bool:
        answers.append(post(client, key))
        return answers[-1].status_code != 409

    wait_until(is_answered)
    assert answers[-1].status_code == 200
    return str(answers[-1].json()["data"]["id"])


@pytest.mark.parametrize(("moment", "before"), [("decided", 0), ("kept", 1)])
def test_a_call_whose_server_is_killed_makes_one_session_when_it_comes_again(
    url: str, moment: str, before: int
) -> None:
    with Mortal(url, moment) as mortal, calling(mortal.port) as client, ThreadPoolExecutor(1) as pool:
        answer = pool.submit(post, client, "k-1")
        mortal.halts()
        mortal.kill()
        assert isinstance(answer.exception(PATIENCE), httpx2.TransportError)
    kept = kept_in(url)
    assert len(kept) == before
    with served_on(url) as port, calling(port) as client:
        session_id = session_after_all(client, "k-1")
        assert session_after_all(client, "k-1") == session_id
    assert kept_in(url) == [(session_id, "k-1")]
    assert kept in ([], [(session_id, "k-1")])


def test_of_many_calls_in_flight_each_makes_one_session_and_the_acknowledged_are_there(url: str) -> None:
    acknowledged: dict[str, str] = {}
    sent: set[str] = set()
    enough = Event()

    def call_on(caller: int, client: httpx2.Client) -> None:
        for turn in range(MOST):
            key = f"k-{caller}-{turn}"
            sent.add(key)
            try:
                answer = post(client, key)
            except httpx2.TransportError:
                return
            assert answer.status_code == 200
            acknowledged[key] = answer.json()["data"]["id"]
            if len(acknowledged) >= ENOUGH:
                enough.set()

    with (
        Mortal(url, "never") as mortal,
        calling(mortal.port) as client,
        ThreadPoolExecutor(CALLERS) as pool,
    ):
        calls = [pool.submit(call_on, caller, client) for caller in range(CALLERS)]
        assert enough.wait(PATIENCE)
        mortal.kill()
        for each in calls:
            each.result(PATIENCE)
    assert len(sent) - len(acknowledged) == CALLERS  # each had a call in flight
    assert {(session_id, key) for key, session_id in acknowledged.items()} <= {*kept_in(url)}
    with served_on(url) as port, calling(port) as client:
        after = {key: session_after_all(client, key) for key in sent}
    assert acknowledged.items() <= after.items()
    assert sorted(kept_in(url)) == sorted((session_id, key) for key, session_id in after.items())
