"""What a server is made of: numbers of several processes, their text, the log, and who must answer."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine, create_engine, text
from starlette.routing import Router

from neo_routing import Caller, CallerKind, DirectoryUnavailable, Outcome, RefusalCode, Rows, WarningCode
from neo_routing_adapters.command import main
from neo_routing_adapters.command.failure import CommandFailed
from neo_routing_adapters.command.serve import databases
from neo_routing_adapters.command.serve.databases import Data, notices
from neo_routing_adapters.command.serve.engines import engine_for
from neo_routing_adapters.command.serve.health import Health
from neo_routing_adapters.command.serve.logs import call_data, log_call, set_up_log
from neo_routing_adapters.command.serve.metrics import Metrics
from neo_routing_adapters.command.serve.numbers import Numbers
from neo_routing_adapters.command.serve.parts import Parts
from neo_routing_adapters.command.serve.server import listening
from neo_routing_adapters.command.serve.settings import Settings
from neo_routing_adapters.http import AnsweredCall, ErrorCode, RateLimitUnavailable, SessionStoreUnavailable
from neo_routing_adapters.http.callers import Cause, JwksCache, JwksFile, Limits, RateLimits
from neo_routing_adapters.http.rates_in_redis import redis_pool, redis_windows
from neo_routing_adapters.sql.tables.directory_import import import_directory
from tests.programs.http.calls import call, run
from tests.programs.servers.redis_server import RedisServer

ANSWERED = AnsweredCall(
    request_id="r-1",
    method="POST",
    route="/chat/sessions",
    address="192.0.2.7",
    status=200,
    code=None,
    cause="",
    caller=Caller(CallerKind.USER, "msp-a"),
    session_id=UUID(int=7),
    outcome=Outcome.OWN_TENANT,
    warnings=(WarningCode.BOT_UNKNOWN,),
    timings_ms={"decide": 0.5},
    took_ms=3.0,
    error=None,
)


def metrics_in(folder: Path) -> Metrics:
    return Metrics(folder, RateLimits(), JwksCache(JwksFile(folder / "none")))


def samples(metrics: Metrics) -> dict[str, float]:
    lines = [line for line in metrics.text().splitlines() if not line.startswith("#")]
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}


def test_numbers_of_all_processes_are_added_up_whoever_is_asked_and_those_of_the_dead_too(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from neo_routing_adapters.command.serve.numbers import Numbers; "
        "numbers = Numbers(pathlib.Path(sys.argv[1]), 3); numbers.add(0); numbers.add(2, 0.5)"
    )
    one, other = Numbers(tmp_path, 3), Numbers(tmp_path, 3)
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True)
    one.add(0)
    other.add(0, 2)
    other.put(1, 5)
    other.put(1, 7)
    assert one.sums() == other.sums() == (4.0, 7.0, 0.5)


def test_every_answer_that_there_can_be_has_its_series(tmp_path: Path) -> None:
    metrics = metrics_in(tmp_path)
    calls = [attrs.evolve(ANSWERED, status=599, code=code) for code in (*ErrorCode, *RefusalCode)]
    calls += [attrs.evolve(ANSWERED, status=401, cause=cause) for cause in Cause]
    calls += [attrs.evolve(ANSWERED, outcome=outcome, warnings=(*WarningCode,)) for outcome in (*Outcome, None)]
    calls += [attrs.evolve(ANSWERED, route=route) for route in ("/openapi.json", "")]
    for one in calls:
        metrics.note(one)
    counted = samples(metrics)
    assert [name for name, value in counted.items() if value == 0 and "answers" not in name and "le=" not in name] == [
        "neo_routing_rate_limit_outages_total",
        "neo_routing_jwks_fetches_total",
        "neo_routing_jwks_failures_total",
    ]
    assert sum(value for name, value in counted.items() if name.startswith("neo_routing_answers_")) == len(calls)
    assert counted['neo_routing_answers_total{route="other",status="200"}'] == 1


def test_seconds_stand_in_the_bucket_that_holds_them_and_in_all_above(tmp_path: Path) -> None:
    metrics = metrics_in(tmp_path)
    for took_ms in (1.0, 1.5, 20_000.0):
        metrics.note(attrs.evolve(ANSWERED, took_ms=took_ms))
    counted = samples(metrics)
    buckets = [counted[f'neo_routing_answer_seconds_bucket{{le="{bound}"}}'] for bound in ("0.001", "0.0025", "10.0")]
    assert buckets == [1, 2, 2]
    assert counted['neo_routing_answer_seconds_bucket{le="+Inf"}'] == counted["neo_routing_answer_seconds_count"] == 3
    assert counted["neo_routing_answer_seconds_sum"] == pytest.approx(20.0025)


def test_what_is_counted_elsewhere_is_told_too(tmp_path: Path) -> None:
    limits = RateLimits()
    metrics = Metrics(tmp_path, limits, JwksCache(JwksFile(tmp_path / "none")))
    limits.outages = 3
    assert samples(metrics)["neo_routing_rate_limit_outages_total"] == 3


def test_the_text_is_what_prometheus_reads(tmp_path: Path) -> None:
    name, label = r"[a-z_]+", r'[a-z]+="[^"\\\n]*"'
    sample = re.compile(rf"{name}(\{{{label}(,{label})*\}})? [0-9.e+-]+")
    about = re.compile(rf"# (HELP {name} \S.*|TYPE {name} (counter|gauge|histogram))")
    written = metrics_in(tmp_path).text()
    assert written.endswith("\n")
    lines = written.splitlines()
    assert [line for line in lines if not (sample.fullmatch(line) or about.fullmatch(line))] == []
    told = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(told) == len({*told})
    assert len({*lines}) == len(lines)


# The log


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """Write the log as told, and return what was written. What pytest has set up is put back."""
    loggers = [logging.getLogger(name) for name in (None, "neo_routing", "uvicorn")]
    handlers, levels = [*loggers[0].handlers], [logger.level for logger in loggers]

    def written(form: str = "json", secrets: tuple[str, ...] = ()) -> Any:
        set_up_log(form, frozenset(secrets))
        return lambda: capsys.readouterr().err

    yield written
    loggers[0].handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


def test_a_call_is_an_object_on_a_line_without_what_does_not_apply(logged: Any) -> None:
    told = logged()
    log_call(ANSWERED)
    [line] = told().splitlines()
    data = json.loads(line)
    assert data.pop("time").endswith("+00:00")
    assert data == {"level": "info", "event": "call", **call_data(ANSWERED)}
    assert {"code", "cause"}.isdisjoint(data)
    assert (data["caller_kind"], data["tenant_id"], data["outcome"]) == ("user", "msp-a", "own_tenant")


def test_a_call_is_a_line_for_a_person_that_no_caller_can_break(logged: Any) -> None:
    told = logged("text")
    log_call(attrs.evolve(ANSWERED, method="PO\nST", code="agent_not_found", outcome=None))
    [line] = told().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d PO\\nST /chat/sessions 200 agent_not_found msp-a, 3\.0 ms, r-1", line)


def test_the_log_is_for_programs_where_nobody_looks_at_it(logged: Any) -> None:
    told = logged("auto")
    log_call(ANSWERED)
    assert json.loads(told())["request_id"] == "r-1"


@pytest.mark.parametrize("form", ["json", "text"])
def test_of_an_error_the_class_and_the_place_are_logged_and_no_secret(logged: Any, form: str) -> None:
    told = logged(form, ("hidden",))
    try:
        int("the title is 'private'")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("at redis://:hidden@host")
    [line] = told().splitlines()
    assert "at redis://:***@host: ValueError at " in line
    assert "private" not in line


def test_of_other_libraries_only_warnings_are_logged(logged: Any) -> None:
    told = logged()
    for name in ("sqlalchemy.engine", "asyncio"):
        logging.getLogger(name).info("chatter")
    assert told() == ""


# What it decides on


def data(directory_url: str, sessions_url: str) -> Data:
    return Data(document=None, directory_url=directory_url, sessions_url=sessions_url)


def test_of_the_connections_at_hand_the_one_that_was_given_back_last_is_taken_first(tmp_path: Path) -> None:
    (file := tmp_path / "one.sqlite").touch()
    engine = engine_for(f"sqlite:///{file}", connections=2, seconds=1.0)
    assert isinstance(engine, Engine)
    first, last = engine.raw_connection(), engine.raw_connection()
    latest = last.dbapi_connection
    first.close()
    last.close()
    assert engine.raw_connection().dbapi_connection is latest
    engine.dispose()


def test_whether_it_is_ready_is_asked_of_the_directory_within_the_transactions_that_decide(tmp_path: Path) -> None:
    class Within:
        has_directory = True
        asked = 0

        async def ask_directory(self, _needed: Any, /) -> None:
            self.asked += 1

    (file := tmp_path / "one.sqlite").touch()
    within: Any = Within()
    parts = attrs.evolve(Parts.of(Settings(), data(f"sqlite:///{file}", f"sqlite:///{file}")), sessions=within)
    asyncio.run(parts._ask_directory())
    assert within.asked == 1


def test_a_session_is_decided_in_the_transaction_that_keeps_it_where_one_database_has_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one.sqlite", "other.sqlite"):
        assert main(["db", "upgrade", f"sqlite:///{name}"]) == 0
    together = data("sqlite:///one.sqlite", "sqlite+aiosqlite:///one.sqlite")
    apart = data("sqlite:///one.sqlite", "sqlite:///other.sqlite")
    for where, within in ((together, True), (apart, False)):
        sessions = Parts.of(Settings(), where).sessions
        assert sessions.has_directory is within
    assert [*notices(together)] == []
    assert [*notices(apart)] == [
        "directory and sessions are two databases, so a session may be kept on a state that is gone"
    ]


def test_a_start_fills_the_file_that_another_start_is_filling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tries = []

    def while_another_writes(engine: Engine, content: Rows) -> None:
        tries.append(engine)
        with closing(sqlite3.connect("neo-routing.sqlite", isolation_level=None)) as another:
            another.execute("BEGIN IMMEDIATE" if len(tries) == 1 else "BEGIN")
            import_directory(engine, content)

    monkeypatch.setattr(databases, "import_directory", while_another_writes)
    databases.data_of(Settings())
    databases.data_of(Settings())
    assert len(tries) == 2
    with closing(sqlite3.connect("neo-routing.sqlite")) as file:
        assert file.execute("SELECT count(*) FROM routing_tenant").fetchone() == (4,)


def test_a_file_that_stays_locked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(databases, "_LONGEST_WAIT", -1.0)

    def locked(engine: Engine, content: Rows) -> None:
        with closing(sqlite3.connect("neo-routing.sqlite", isolation_level=None)) as another:
            another.execute("BEGIN IMMEDIATE")
            import_directory(engine, content)

    monkeypatch.setattr(databases, "import_directory", locked)
    with pytest.raises(CommandFailed, match="gave out: database is locked"):
        databases.data_of(Settings())


def test_tables_of_a_host_without_triggers_are_a_notice(database_url: str) -> None:
    assert main(["db", "upgrade", database_url]) == 0
    assert [*notices(data(database_url, database_url))] == []
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE routing_agent DISABLE TRIGGER USER")
    engine.dispose()
    [notice] = notices(data(database_url, database_url))
    assert "routing_agent do not wait for sessions" in notice


# Who must answer


def test_a_database_that_takes_no_writes_is_not_ready_for_sessions(database_url: str) -> None:
    assert main(["sessions", "upgrade", database_url]) == 0

    async def ask() -> None:
        parts = Parts.of(Settings(), data(database_url, database_url))
        async with parts.until_it_ends(None):
            await parts.questions(keys=False, tokens=False)["sessions"]()

    run(ask())
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        name = connection.scalar(text("SELECT current_database()"))
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    engine.dispose()
    with pytest.raises(SessionStoreUnavailable):
        run(ask())


def test_a_file_that_takes_no_writes_is_not_ready_for_sessions(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'all.sqlite'}"
    assert [main([name, "upgrade", url]) for name in ("db", "sessions")] == [0, 0]

    async def ask(url: str) -> list[Any]:
        parts = Parts.of(Settings(), data(url, url))
        async with parts.until_it_ends(None):
            questions = parts.questions(keys=True, tokens=True).values()
            return [type(each) for each in await asyncio.gather(*(ask() for ask in questions), return_exceptions=True)]

    nothing = type(None)
    assert run(ask(url)) == [nothing] * 5
    read_only = f"sqlite:///file:{tmp_path / 'all.sqlite'}?mode=ro&uri=true"
    assert run(ask(read_only)) == [nothing, SessionStoreUnavailable, *[nothing] * 3]


@pytest.mark.parametrize("gone", ["open", "closed"])
def test_without_the_redis_that_counts_it_is_ready_only_if_calls_pass(
    gone: str, redis: RedisServer, sqlite_url: str
) -> None:
    assert main(["sessions", "upgrade", sqlite_url]) == 0
    settings = Settings(redis_url=redis.url, without_redis=gone)

    async def ask() -> None:
        parts = Parts.of(settings, data(sqlite_url, sqlite_url))
        async with parts.until_it_ends(None):
            await parts.questions(keys=False, tokens=False)["rate_limits"]()
        assert parts.limits.outages == 0, "for no call was made"

    run(ask())
    redis.stop()
    try:
        if gone == "closed":
            with pytest.raises(RateLimitUnavailable):
                run(ask())
        else:
            run(ask())
    finally:
        redis.start()


def test_a_redis_that_takes_no_writes_counts_no_calls(redis: RedisServer) -> None:
    async def ask() -> None:
        pool = redis_pool(redis.url)
        rates = RateLimits(storage=redis_windows(pool), open_when_gone=False)
        unlimited = RateLimits(Limits(tenant=None, failures=None), redis_windows(pool), open_when_gone=False)
        await rates.ask()
        client = Redis(connection_pool=pool)
        await client.config_set("maxmemory", 1)
        try:
            with pytest.raises(RateLimitUnavailable):
                await rates.ask()
            await unlimited.ask()
        finally:
            await client.config_set("maxmemory", 0)
            await pool.disconnect()

    run(ask())


def test_answers_do_not_wait_for_acknowledgements() -> None:
    with closing(listening("127.0.0.1", 0)) as made:
        assert made.proto == socket.IPPROTO_TCP, "which has asyncio set TCP_NODELAY"


async def silent() -> None:
    await asyncio.sleep(60)


async def down() -> None:
    raise DirectoryUnavailable from OSError("192.0.2.1 refused")


async def well() -> None:
    pass


@pytest.mark.parametrize("question", [silent, down])
def test_it_is_not_ready_while_somebody_does_not_answer_in_time_and_says_who(
    tmp_path: Path, question: Any, caplog: pytest.LogCaptureFixture
) -> None:
    health = Health(
        asked={"directory": question, "sessions": well}, seconds=0.05, metrics=metrics_in(tmp_path), body_deadline=1
    )
    answer = run(call(Router(health.routes()), method="GET", path="/readyz"))
    assert answer is not None
    assert (answer.status, answer.document) == (503, {"status": "not ready", "unavailable": ["directory"]})
    assert b"192.0.2.1" not in answer.content
    assert "not ready, directory: " in caplog.text


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_whoever_watches_only_reads_and_any_other_method_is_an_error_as_elsewhere(tmp_path: Path, path: str) -> None:
    routes = Health(asked={}, seconds=1.0, metrics=metrics_in(tmp_path), body_deadline=1).routes()
    for method, status in (("GET", 200), ("HEAD", 200), ("POST", 405), ("OPTIONS", 405)):
        answer = run(call(Router(routes), method=method, path=path))
        assert answer is not None
        assert (answer.status, answer.headers["cache-control"]) == (status, "no-store")
        assert answer.headers.get("allow", "GET, HEAD") == "GET, HEAD"
    assert (answer.code, [*answer.document["meta"]]) == ("method_not_allowed", ["request_id"])
