"""`neo-routing serve`: a process that answers as the endpoint does, says when, is watched, and ends in good order."""

from __future__ import annotations

import json
import shlex
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import create_engine, func, select

from neo_routing_adapters.command import main
from neo_routing_adapters.http.tables.sessions import sessions
from tests.programs.http import entra_world
from tests.programs.http.calls import PATIENCE, SESSIONS
from tests.programs.http.own_database import make_own_database
from tests.programs.http.served import answer_on, connected, head, is_open
from tests.programs.http.serving import Serving, serving
from tests.programs.servers.postgres_server import wait_until

PEPPER = "5e" * 32
OWN = {"agent_id": 1003, "title": "a title that nobody logs"}
BODY = json.dumps(OWN).encode()
TENANTS = {"northwind-it", "bluepeak-cloud", "harbor-msp"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("served")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Serving]:
    """The sample, served with --json and nothing else said."""
    with serving(folder, "--json") as one:
        yield one


def kept_in(folder: Path) -> int:
    engine = create_engine(f"sqlite:///{folder / 'neo-routing.sqlite'}")
    with engine.connect() as connection:
        count = connection.scalar(select(func.count()).select_from(sessions))
    engine.dispose()
    return count


def test_one_line_says_that_it_answers_where_and_with_which_keys(server: Serving) -> None:
    assert {*server.ready} == {"url", "platform_key", "tenant_keys"}
    assert {*server.ready["tenant_keys"]} == TENANTS
    assert server.url.startswith("http://127.0.0.1:")
    for tenant_id, key in server.ready["tenant_keys"].items():
        answer = server.post(key, {"managed_agent_key": "NEO_SUPPORT"})
        said = answer.json()
        assert said.get("data", {}).get("client_id", tenant_id) == tenant_id
        assert answer.status_code != 401, said
    paused = {"managed_agent_key": "NEO_SUPPORT", "client_id": "harbor-msp"}
    assert server.post(server.ready["platform_key"], paused).status_code != 401
    assert server.post(server.ready["tenant_keys"]["northwind-it"], paused).json()["error"]["code"] == (
        "client_id_forbidden"
    )


def test_it_decides_on_the_sample_and_keeps_what_it_answers(server: Serving, folder: Path) -> None:
    before = kept_in(folder)
    answer = server.post(server.ready["tenant_keys"]["northwind-it"], OWN).json()
    assert (answer["data"]["client_id"], answer["data"]["agent_id"]) == ("northwind-it", 1003)
    assert kept_in(folder) == before + 1
    assert server.get("/public-api/openapi.json").json()["openapi"].startswith("3")


def test_whoever_watches_it_is_answered_and_no_other_path_is_there(server: Serving) -> None:
    assert (server.get("/healthz").status_code, server.get("/readyz").json()) == (200, {"status": "ready"})
    metrics = server.get("/metrics")
    assert metrics.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    for path in ("/", "/healthz/", "/public-api/chat/sessions/"):
        answer = server.get(path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_what_is_answered_is_counted(server: Serving) -> None:
    series = {
        'neo_routing_sessions_total{outcome="own_tenant"}': 1,
        'neo_routing_unauthenticated_total{cause="unknown_key"}': 1,
        'neo_routing_errors_total{code="unauthenticated"}': 1,
        'neo_routing_answers_total{route="sessions",status="401"}': 1,
        "neo_routing_answer_seconds_count": 2,
        'neo_routing_answer_seconds_bucket{le="+Inf"}': 2,
    }
    before = {name: server.counted(name) for name in series}
    assert server.post(server.ready["tenant_keys"]["northwind-it"], OWN).status_code == 200
    assert server.post(f"neo_sk_live_{'0' * 64}").status_code == 401
    assert {name: server.counted(name) - before[name] for name in series} == series


def test_the_log_is_json_with_the_ids_and_the_cause_and_without_keys_and_titles(server: Serving) -> None:
    key = server.ready["tenant_keys"]["northwind-it"]
    answer = server.post(key, OWN).json()
    refused = server.post(f"neo_sk_live_{'1' * 64}").json()
    calls = {call["request_id"]: call for call in server.logged() if call.get("event") == "call"}
    created, stranger = calls[answer["meta"]["request_id"]], calls[refused["meta"]["request_id"]]
    told = {"level": "info", "status": 200, "outcome": "own_tenant", "tenant_id": "northwind-it", "method": "POST"}
    assert told.items() <= created.items()
    assert created["session_id"] == answer["data"]["id"]
    assert {*created["timings_ms"]} == {"authenticate", "decide", "store"}
    assert (stranger["status"], stranger["cause"]) == (401, "unknown_key")
    keys = [server.ready["platform_key"], *server.ready["tenant_keys"].values(), "1" * 64]
    assert not [secret for secret in (*keys, OWN["title"], "Bearer") if secret in server.log]


def test_the_next_start_keeps_everything_has_new_keys_and_ends_when_it_has_answered(
    server: Serving, folder: Path
) -> None:
    kept = kept_in(folder)
    file = sqlite3.connect(folder / "neo-routing.sqlite", isolation_level=None)
    file.execute("UPDATE routing_tenant SET name = 'changed by hand' WHERE id = 'harbor-msp'")
    bounds = ("--shutdown-deadline", "1", "--body-deadline", "3600", "--log-form", "text")
    with serving(folder, *bounds, first_lines=4) as again:
        *_, call = again.said.splitlines()
        words = shlex.split(call)
        headers = dict(word.split(": ", 1) for word in words if ": " in word and not word.startswith("{"))
        body, url = words[words.index("-d") + 1].encode(), words[-1]
        assert words[0] == "curl"
        answer = httpx2.post(url, content=body, headers=headers, timeout=PATIENCE)
        assert (answer.status_code, answer.json()["data"]["client_id"]) == (200, "northwind-it")
        assert kept_in(folder) == kept + 1
        old_key = {**headers, "Authorization": f"Bearer {server.ready['platform_key']}"}
        assert httpx2.post(url, content=body, headers=old_key, timeout=PATIENCE).status_code == 401
        port = httpx2.URL(url).port
        sent = head(SESSIONS, {**headers, "Content-Length": str(len(BODY))})
        with connected(port) as one, connected(port) as another:
            for connection in (one, another):
                connection.sendall(sent + BODY[:-1])
            # What came later has been answered, so these have been read.
            assert httpx2.post(url, content=body, headers=old_key, timeout=PATIENCE).status_code == 401
            again.process.terminate()
            wait_until(lambda: "Waiting for connections to close" in again.log)
            assert not is_open(port)
            one.sendall(BODY[-1:])
            assert answer_on(one)[0] == 200
            assert again.process.wait(PATIENCE) == 0, "and whoever never ends his body does not keep it"
        assert kept_in(folder) == kept + 2
    names = file.execute("SELECT name FROM routing_tenant WHERE id = 'harbor-msp'").fetchall()
    file.close()
    assert names == [("changed by hand",)]


def test_a_document_can_be_tried_out_on_this_machine_with_keys_for_its_tenants(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'tenants = [{id = "msp-a"}]\nagents = [{id = 12, tenant_id = "msp-a", kind = "CONVERSATIONAL"}]\n'
    )
    with serving(tmp_path, "--json", "--directory", "mine.toml") as server:
        assert (server.ready["platform_key"], {*server.ready["tenant_keys"]}) == (None, {"msp-a"})
        assert server.post(server.ready["tenant_keys"]["msp-a"]).json()["data"]["agent_id"] == 12
        assert kept_in(tmp_path) == 1


@pytest.fixture
def own_database(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[str, str]:
    """A database of one's own, made by the commands that the documentation names, and a key that was issued there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "peppers.txt").write_text(PEPPER)
    issuing = ["--caller", "service_account:northwind-it", "--peppers", "peppers.txt", "--json"]
    make_own_database(database_url)
    capsys.readouterr()
    assert main(["keys", "issue", database_url, *issuing]) == 0
    return database_url, json.loads(capsys.readouterr().out)["key"]


SETTINGS = f"""
workers = 2
port = 1
key_peppers_file = "peppers.txt"
entra_audiences = ["{entra_world.AUDIENCE}"]
entra_scope = "access_as_user"
entra_jwks_file = "jwks.json"
trusted_proxies = ["127.0.0.1"]
cors_origins = ["https://dashboard.example"]
redis_url = "redis://:hidden@127.0.0.1:1"
"""


def test_several_workers_on_a_database_of_ones_own_take_keys_and_tokens_and_count_together(
    own_database: tuple[str, str], tmp_path: Path
) -> None:
    url, key = own_database
    (tmp_path / "serve.toml").write_text(SETTINGS)
    (tmp_path / "jwks.json").write_bytes(entra_world.jwks())
    now = int(time.time())
    token = entra_world.token(entra_world.claims(exp=now + 600, iat=now, nbf=now))
    with serving(tmp_path, "--json", "--settings", "serve.toml", NEO_ROUTING_DIRECTORY=url) as server:
        assert (server.ready["platform_key"], server.ready["tenant_keys"]) == (None, {})
        with ThreadPoolExecutor(4) as pool:
            answers = [*pool.map(lambda _: server.post(key, OWN), range(40))]
        assert {(answer.status_code, answer.json()["data"]["channel"]) for answer in answers} == {(200, "api")}
        user = server.post(token, {"agent_id": 2003}, origin="https://dashboard.example", x_forwarded_for="192.0.2.9")
        assert (user.status_code, user.json()["data"]["client_id"]) == (200, "bluepeak-cloud")
        assert user.headers["access-control-allow-origin"] == "https://dashboard.example"
        assert server.get("/readyz").json() == {"status": "ready"}
        counts = {server.counted('neo_routing_sessions_total{outcome="own_tenant"}') for _ in range(12)}
        assert counts == {41}, "whichever worker is asked"
        assert server.counted("neo_routing_rate_limit_outages_total") == 2 * 41, "calls pass without Redis, and count"
        calls = [line for line in server.logged() if line.get("event") == "call"]
        assert {call["address"] for call in calls} == {"127.0.0.1", "192.0.2.9"}
        notices = [line["message"] for line in server.logged() if line["level"] == "warning"]
        assert [notice.partition(" ")[0] for notice in notices] == ["idempotency_secret"]
        assert (server.end(), server.said_later()) == (0, "")
        assert not [word for word in ("Traceback", "hidden", token) if word in server.log]


@pytest.mark.thorough
def test_workers_end_with_their_parent_however_that_ends(folder: Path) -> None:
    with serving(folder, "--json", "--workers", "2") as server:
        assert server.get("/healthz").status_code == 200
        server.process.kill()
        server.process.wait(PATIENCE)
        wait_until(lambda: not is_open(server.port))
