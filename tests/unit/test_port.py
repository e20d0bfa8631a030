"""What the core does with a directory, and what it lets pass."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import pytest

from neo_routing import (
    Caller,
    CallerKind,
    DirectoryUnavailable,
    ManagedAgentKey,
    Rows,
    RowsNeeded,
    SessionRequest,
    adecide,
    adecide_many,
    aresolve_session_target,
    decide,
    decide_many,
    resolve_session_target,
)

USER = Caller(CallerKind.USER, "msp-a")
PLATFORM = Caller(CallerKind.PLATFORM, "platform")
SUPPORT = SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT)


class Recording:
    """Notes what was needed, and is down."""

    def __init__(self) -> None:
        self.needed: list[RowsNeeded] = []

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        self.needed.extend(needed)
        raise DirectoryUnavailable from TimeoutError("db-7.internal: no answer")


def needed_for(caller: Caller, request: SessionRequest) -> list[RowsNeeded]:
    directory = Recording()
    with pytest.raises(DirectoryUnavailable):
        decide(caller, request, directory)
    return directory.needed


def test_an_outage_raises_from_each_function_and_is_never_a_missing_row() -> None:
    for call in (resolve_session_target, decide):
        with pytest.raises(DirectoryUnavailable):
            call(USER, SUPPORT, Recording())
    with pytest.raises(DirectoryUnavailable):
        decide_many([(USER, SUPPORT)], Recording())


def test_an_outage_has_no_text_of_the_driver_in_its_message() -> None:
    with pytest.raises(DirectoryUnavailable) as raised:
        decide(USER, SUPPORT, Recording())
    assert "db-7" not in str(raised.value)
    assert "db-7" in str(raised.value.__cause__)


def test_another_caller_needs_its_own_agent_and_nothing_of_bots() -> None:
    request = SessionRequest(agent_id=12, bot_id="helpdesk", m365_tenant_id="contoso")
    assert needed_for(USER, request) == [("msp-a", 12, None, None, None)]
    assert needed_for(USER, SUPPORT) == [("msp-a", None, ManagedAgentKey.NEO_SUPPORT, None, None)]


def test_the_platform_needs_rows_of_the_target_tenant_and_of_the_bot_in_normal_form() -> None:
    request = SessionRequest(
        managed_agent_key=ManagedAgentKey.NEO_SUPPORT, client_id="msp-b", bot_id="28:HelpDesk", m365_tenant_id="Contoso"
    )
    assert needed_for(PLATFORM, request) == [("msp-b", None, ManagedAgentKey.NEO_SUPPORT, "helpdesk", "contoso")]
    assert needed_for(PLATFORM, SUPPORT) == [("platform", None, ManagedAgentKey.NEO_SUPPORT, None, None)]


def test_an_m365_tenant_without_a_bot_is_not_looked_for() -> None:
    request = SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT, m365_tenant_id="contoso")
    assert needed_for(PLATFORM, request) == [("platform", None, ManagedAgentKey.NEO_SUPPORT, None, None)]


def test_a_batch_that_its_shape_refuses_is_not_looked_up() -> None:
    directory = Recording()
    decisions = decide_many([(USER, SessionRequest()), (PLATFORM, SessionRequest(agent_id=1))], directory)
    assert [decision.result.failure().code for decision in decisions] == [
        "agent_selector_invalid",
        "agent_id_forbidden",
    ]
    assert directory.needed == []
    assert decide_many([], directory) == []


class Awaited:
    """Awaits what a `Recording` does."""

    def __init__(self) -> None:
        self.recording = Recording()

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        await asyncio.sleep(0)
        return self.recording.look_up(needed)


def test_the_awaited_functions_raise_an_outage_too() -> None:
    for call in (aresolve_session_target(USER, SUPPORT, Awaited()), adecide(USER, SUPPORT, Awaited())):
        with pytest.raises(DirectoryUnavailable):
            run(call)
    with pytest.raises(DirectoryUnavailable):
        run(adecide_many([(USER, SUPPORT)], Awaited()))


def run(call: Coroutine[Any, Any, object]) -> object:
    with asyncio.Runner() as runner:
        return runner.run(call)


def test_the_awaited_functions_need_the_same_rows_in_one_look_up() -> None:
    cases = [(USER, SUPPORT), (PLATFORM, SUPPORT), (USER, SessionRequest())]
    asked, awaited = Recording(), Awaited()
    with pytest.raises(DirectoryUnavailable):
        decide_many(cases, asked)
    with pytest.raises(DirectoryUnavailable):
        run(adecide_many(cases, awaited))
    assert awaited.recording.needed == asked.needed == [*needed_for(*cases[0]), *needed_for(*cases[1])]
    one_by_one = Awaited()
    for case in cases[:2]:
        with pytest.raises(DirectoryUnavailable):
            run(adecide(*case, one_by_one))
    assert one_by_one.recording.needed == asked.needed


def test_what_its_shape_refuses_is_not_awaited_either() -> None:
    directory = Awaited()
    assert run(adecide(USER, SessionRequest(), directory)) == decide(USER, SessionRequest(), Recording())
    assert run(adecide_many([(USER, SessionRequest())], directory)) == [decide(USER, SessionRequest(), Recording())]
    assert directory.recording.needed == []


def test_an_outage_says_so_in_a_sentence_unless_somebody_has_a_better_one() -> None:
    assert str(DirectoryUnavailable()) == "The directory cannot answer at the moment."
    assert str(DirectoryUnavailable("The index is being rebuilt.")) == "The index is being rebuilt."
