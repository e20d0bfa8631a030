"""What a user's type checker sees, without any plugin: this file is checked, and not run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, assert_never, assert_type

from returns.pipeline import is_successful
from returns.result import Failure, Result, Success
from sqlalchemy import Connection, Engine
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from neo_routing import (
    AsyncSessionDirectory,
    Caller,
    CallerKind,
    Decision,
    DecisionRecord,
    Outage,
    Outcome,
    PolicyEngine,
    Refusal,
    RefusalCode,
    Rows,
    RowsBuilder,
    RowsNeeded,
    SessionDirectory,
    SessionRequest,
    SessionTarget,
    TraceStep,
    WarningCode,
    adecide,
    adecide_body,
    adecide_many,
    aresolve_session_target,
    decide,
    decide_many,
    decision_record,
    parse_session_request,
    record_data,
    record_of,
    resolve_session_target,
    rows_needed,
)
from neo_routing_adapters.http import Authenticator, Endpoint, MemorySessions, SessionStore, application
from neo_routing_adapters.memory import MemoryDirectory, read_directory
from neo_routing_adapters.sql import AsyncSqlDirectory, SqlDirectory


class OwnDirectory:
    """A directory that somebody else wrote fits the port by its shape."""

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        for tenant_id, agent_id, _, bot_id, m365_tenant_id in needed:
            assert_type(tenant_id, str)
            assert_type(agent_id, int | None)
            assert_type(bot_id, str | None)
            assert_type(m365_tenant_id, str | None)
        return RowsBuilder().rows()


def directories(engine: Engine, connection: Connection) -> list[SessionDirectory]:
    assert_type(read_directory("directory.json"), MemoryDirectory)
    return [OwnDirectory(), MemoryDirectory(), SqlDirectory(engine), SqlDirectory(engine).within(connection)]


class OwnAsyncDirectory:
    """So does one that is awaited."""

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        return OwnDirectory().look_up(needed)


def async_directories(engine: AsyncEngine, connection: AsyncConnection) -> list[AsyncSessionDirectory]:
    directory = AsyncSqlDirectory(engine, deadline=1.5)
    return [OwnAsyncDirectory(), directory, directory.within(connection)]


def answer(body: object, caller: Caller, directory: SessionDirectory) -> str:
    parsed = parse_session_request(body)
    assert_type(parsed, Result[SessionRequest, Refusal])
    resolved = parsed.bind(lambda request: resolve_session_target(caller, request, directory))
    assert_type(resolved, Result[SessionTarget, Refusal])
    assert_type(resolved.map(lambda target: target.agent_id), Result[int, Refusal])
    assert_type(resolved.alt(lambda refusal: refusal.status), Result[SessionTarget, int])
    assert_type(resolved.map(lambda target: target.end_company_id).value_or("nobody"), str | None)
    if is_successful(resolved):
        assert_type(resolved.unwrap(), SessionTarget)
    match resolved:
        case Success(SessionTarget() as target):
            assert_type(target.outcome, Outcome)
            return target.tenant_id
        case Failure(Refusal() as refusal):
            return explained(refusal.code)
        case _:
            return ""


def explained(code: RefusalCode) -> str:
    match code:
        case RefusalCode.VALIDATION_ERROR | RefusalCode.AGENT_SELECTOR_INVALID | RefusalCode.AGENT_NOT_CONVERSATIONAL:
            return "the request"
        case RefusalCode.CLIENT_ID_FORBIDDEN | RefusalCode.AGENT_ID_FORBIDDEN:
            return "not this caller"
        case RefusalCode.AGENT_NOT_FOUND | RefusalCode.MANAGED_AGENT_NOT_FOUND | RefusalCode.TENANT_NOT_FOUND:
            return "not there"
        case (
            RefusalCode.END_COMPANY_NOT_MAPPED
            | RefusalCode.CHANNEL_NOT_ACTIVE
            | RefusalCode.CHANNEL_AMBIGUOUS
            | RefusalCode.CHANNEL_AGENT_UNAVAILABLE
            | RefusalCode.MANAGED_AGENT_UNAVAILABLE
        ):
            return "an administrator can mend it"
        case _:
            assert_never(code)


def decided(directory: SessionDirectory) -> None:
    caller = Caller(CallerKind.USER, "msp-a")
    decision = decide(caller, SessionRequest(agent_id=12), directory)
    assert_type(decision, Decision)
    assert_type(decision.result, Result[SessionTarget, Refusal])
    assert_type(decision.warnings, tuple[WarningCode, ...])
    assert_type(decision.trace, tuple[TraceStep, ...])
    assert_type(decide_many([(caller, SessionRequest())], directory), list[Decision])
    SessionRequest(agent_id="12")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    decision.result = Success(1)  # type: ignore[misc, arg-type]  # pyright: ignore[reportAttributeAccessIssue]


def noted(told: DecisionRecord | Outage) -> None:
    assert_type(told.request, SessionRequest | None)


async def noted_later(told: DecisionRecord | Outage) -> None: ...


def with_an_engine(directory: SessionDirectory, awaited_one: AsyncSessionDirectory, now: datetime) -> None:
    caller = Caller(CallerKind.USER, "msp-a")
    engine = PolicyEngine(directory, on_decision=noted, new_id=lambda: "1", now=lambda: now)
    assert_type(engine, PolicyEngine[SessionDirectory])
    decision = engine.decide(caller, b"any body at all")
    assert_type(decision.target, SessionTarget | None)
    assert_type(decision.refusal, Refusal | None)
    if decision.target is not None:
        assert_type(decision.target.outcome, Outcome)
    assert_type(engine.decide_many([(caller, {}), (caller, None)]), list[Decision])
    assert_type(engine.counts(), dict[str, dict[str, int]])
    assert_type(engine.last_hook_error, str | None)
    PolicyEngine(MemoryDirectory()).decide(caller, {})
    PolicyEngine(awaited_one).decide(caller, {})  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    PolicyEngine(directory, on_decision=noted_later)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def with_an_awaited_engine(directory: AsyncSessionDirectory) -> None:
    caller, engine = Caller(CallerKind.USER, "msp-a"), PolicyEngine(directory)
    assert_type(await engine.adecide(caller, {}), Decision)
    assert_type(await engine.adecide_many([(caller, {})]), list[Decision])
    assert_type(await PolicyEngine(MemoryDirectory()).adecide(caller, {}), Decision)
    assert_type(await adecide_body(caller, {}, directory), Decision)


def with_an_endpoint(directory: AsyncSessionDirectory, sql: SqlDirectory, authenticator: Authenticator) -> None:
    sessions: SessionStore = MemorySessions()
    for policy in (PolicyEngine(directory), PolicyEngine(MemoryDirectory())):
        application(
            Endpoint(policy=policy, authenticator=authenticator, sessions=sessions, idempotency_secret=b"s" * 32)
        )
    Endpoint(
        policy=PolicyEngine(sql),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # it would block
        authenticator=authenticator,
        sessions=sessions,
        idempotency_secret=b"s" * 32,
    )
    assert_type(PolicyEngine(directory).within(MemoryDirectory()), PolicyEngine[MemoryDirectory])


async def awaited(directory: AsyncSessionDirectory) -> None:
    caller = Caller(CallerKind.USER, "msp-a")
    answer = await aresolve_session_target(caller, SessionRequest(agent_id=12), directory)
    assert_type(answer, Result[SessionTarget, Refusal])
    assert_type(await adecide(caller, SessionRequest(agent_id=12), directory), Decision)
    assert_type(await adecide_many([(caller, SessionRequest())], directory), list[Decision])
    assert_type(await adecide(caller, SessionRequest(), MemoryDirectory()), Decision)


def recorded(decision: Decision, caller: Caller, request: SessionRequest, now: datetime) -> None:
    record = decision_record(decision, id="1", time=now, caller=caller, request=request)
    assert_type(record, DecisionRecord)
    assert_type(record.request, SessionRequest | None)
    assert_type(record.needed, RowsNeeded | None)
    assert_type(record.found, Rows | None)
    assert_type(record.revision, str | None)
    assert_type(record.decide_again(), Decision)
    assert_type(rows_needed(caller, request), RowsNeeded | None)
    assert_type(record_data(record), dict[str, Any])
    assert_type(record_of({}), DecisionRecord)
