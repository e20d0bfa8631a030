"""What a host may get wrong is told by its name, and never decided upon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    EndCompany,
    Rows,
    RowsBuilder,
    RowsNeeded,
    SessionRequest,
    Tenant,
    adecide,
    adecide_many,
    aresolve_session_target,
    decide,
    decide_many,
    resolve_session_target,
)
from neo_routing_adapters.memory import MemoryDirectory

USER: Any = Caller(CallerKind.USER, "msp-a")
REQUEST: Any = SessionRequest(agent_id=12)
DIRECTORY: Any = MemoryDirectory(
    tenants=[Tenant(id="msp-a")],
    agents=[Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL)],
    channels=[Channel(id="ch-1", tenant_id="msp-a", agent_id=12, bot_id="bot-1", white_label=True)],
    end_companies=[EndCompany(id="co-1", tenant_id="msp-a", m365_tenant_ids=frozenset(["contoso.example"]))],
)


class Blocking:
    """A directory that is not awaited, and asks somebody."""

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        return RowsBuilder().rows()


class Awaited:
    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        return RowsBuilder().rows()


class Nothing:
    def look_up(self, needed: Sequence[RowsNeeded], /) -> Any:
        return None


class AwaitedNothing:
    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Any:
        return None


def many(caller: Any, request: Any, directory: Any) -> object:
    return decide_many([(caller, request)], directory)


def amany(caller: Any, request: Any, directory: Any) -> Coroutine[Any, Any, object]:
    return adecide_many([(caller, request)], directory)


@pytest.mark.parametrize("function", [decide, resolve_session_target, many])
@pytest.mark.parametrize(
    ("caller", "request_", "directory", "said"),
    [
        (USER, {"agent_id": 12}, DIRECTORY, "the request must be a SessionRequest, and not dict"),
        (USER, None, DIRECTORY, "the request must be a SessionRequest, and not NoneType"),
        ("msp-a", REQUEST, DIRECTORY, "the caller must be a Caller, and not str"),
        (USER, REQUEST, Awaited(), "Awaited.look_up must return Rows, and not coroutine"),
        (USER, REQUEST, Nothing(), "Nothing.look_up must return Rows, and not NoneType"),
    ],
)
def test_what_is_of_the_wrong_type_is_told_by_name(
    function: Callable[..., object], caller: Any, request_: Any, directory: Any, said: str
) -> None:
    with pytest.raises(TypeError, match=f"^{said}"):
        function(caller, request_, directory)


@pytest.mark.parametrize("function", [adecide, aresolve_session_target, amany])
@pytest.mark.parametrize(
    ("directory", "said"),
    [
        (Blocking(), "Blocking would block the event loop"),
        (AwaitedNothing(), "AwaitedNothing.look_up must return Rows, and not NoneType"),
    ],
)
def test_a_directory_that_is_not_awaited_is_refused_by_name(
    function: Callable[..., Coroutine[Any, Any, object]], directory: Any, said: str
) -> None:
    with pytest.raises(TypeError, match=f"^{said}"):
        asyncio.run(function(USER, REQUEST, directory))
