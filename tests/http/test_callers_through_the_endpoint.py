"""The whole way: keys, tokens and limits in front of the endpoint. 401 is alike for all causes, an outage is none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from neo_routing import Agent, AgentKind, ManagedAgentKey, Tenant
from neo_routing_adapters.http.api_keys import ApiKeys
from neo_routing_adapters.http.callers import Credentials, Limit, Limits, RateLimits
from neo_routing_adapters.http.rate_windows import MemoryWindows
from neo_routing_adapters.memory import MemoryDirectory
from tests.programs.http import calls
from tests.programs.http.entra_world import NOW, PEPPERS, TENANT, claims, credentials, entra, token
from tests.programs.http.forged_credentials import GOOD, HEADERS, KEYS, PLATFORM, TOKENS, Broken, bearer, store

DIRECTORY = MemoryDirectory(
    tenants=[Tenant(id=TENANT)],
    agents=[Agent(id=12, tenant_id=TENANT, kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT)],
)


def endpoint(authenticator: Any = None, **more: Any) -> Any:
    return calls.an_endpoint(DIRECTORY, authenticator=authenticator or credentials(store()), **more)


def ask(of: Any, headers: Mapping[str, str], body: Any = None) -> Any:
    pairs = [(b"content-type", b"application/json")]
    pairs += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return calls.ask(of, body or {"agent_id": 12}, headers=pairs)


def test_the_answer_to_every_forged_or_broken_credential_is_the_same_byte_for_byte() -> None:
    told: list[Any] = []
    of = endpoint(on_answer=told.append)
    sent = {
        **{f"header, {name}": (headers, cause) for name, (headers, cause) in HEADERS.items()},
        **{f"key, {name}": (bearer(text), cause) for name, (text, cause) in KEYS.items()},
        **{f"token, {name}": (bearer(make()), cause) for name, (make, cause) in TOKENS.items()},
    }
    answers = {name: ask(of, headers) for name, (headers, _) in sent.items()}
    assert {answer.status for answer in answers.values()} == {401}
    assert {answer.headers["www-authenticate"] for answer in answers.values()} == {"Bearer"}
    assert len({str(answer.but_for_its_id) for answer in answers.values()}) == 1
    assert [answered.cause for answered in told] == [cause for _, cause in sent.values()]
    assert all(GOOD.text not in repr(answered) for answered in told)


def test_right_keys_and_tokens_get_a_session_of_their_tenant() -> None:
    for text in (GOOD.text, token(claims())):
        answer = ask(endpoint(), bearer(text))
        assert (answer.status, answer.document["data"]["client_id"]) == (200, TENANT)
    of_platform = ask(endpoint(), bearer(PLATFORM.text), {"managed_agent_key": "NEO_SUPPORT", "client_id": TENANT})
    assert (of_platform.status, of_platform.document["data"]["client_id"]) == (200, TENANT)


def test_a_user_may_not_say_for_which_tenant() -> None:
    answer = ask(endpoint(), bearer(token(claims())), {"agent_id": 12, "client_id": TENANT})
    assert (answer.status, answer.code) == (403, "client_id_forbidden")


@pytest.mark.parametrize("text", [GOOD.text, token(claims())], ids=["key", "token"])
def test_what_cannot_be_asked_is_an_outage(text: str) -> None:
    broken = Credentials(
        api_keys=ApiKeys(Broken(), PEPPERS, environment="live"),  # type: ignore[arg-type]
        entra_tokens=entra(links=Broken()),
    )
    answer = ask(endpoint(broken), bearer(text))
    assert (answer.status, answer.code) == (500, "authentication_unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_who_calls_too_often_waits_and_others_do_not() -> None:
    limits = Limits(tenant=Limit(2), failures=Limit(2))
    rate_limiter = RateLimits(limits, MemoryWindows(clock=lambda: NOW))

    async def tries() -> None:
        of = calls.application(endpoint(rate_limiter=rate_limiter))

        async def status(text: str, address: str) -> tuple[int, int]:
            answer = await calls.call(
                of,
                json.dumps({"agent_id": 12}).encode(),
                headers={"content-type": "application/json", **bearer(text)},
                client=(address, 1),
            )
            return answer.status, int(answer.headers.get("retry-after", 0))

        user, key, wrong = token(claims()), GOOD.text, GOOD.text[:-1]
        assert [(await status(text, "192.0.2.1"))[0] for text in (key, user)] == [200, 200]
        code, wait = await status(key, "192.0.2.1")
        assert (code, 0 < wait <= 60) == (429, True)
        assert [(await status(wrong, "192.0.2.2"))[0] for _ in range(3)] == [401, 401, 429]
        assert (await status(key, "192.0.2.2"))[0] == 429, "the address waits, whatever it comes with"
        assert (await status(wrong, "192.0.2.3"))[0] == 401

    asyncio.run(tries())
