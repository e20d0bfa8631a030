"""What schemathesis makes of the contract is answered as the contract says, on a running server, whoever calls."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from math import ceil
from typing import Any, Final

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import create_engine, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from neo_routing import Agent, AgentKind, ManagedAgentKey, Tenant
from neo_routing.testing import World
from neo_routing_adapters.http import MemorySessions, application
from neo_routing_adapters.http.api_keys import ApiKeys
from neo_routing_adapters.http.callers import Credentials
from neo_routing_adapters.http.contract import contract_document
from neo_routing_adapters.http.credentials_kept import add_key, add_link
from neo_routing_adapters.http.credentials_sql import SqlEntraLinks, SqlKeyStore
from neo_routing_adapters.http.links import EntraLink
from neo_routing_adapters.http.sessions_sql import SqlSessions
from neo_routing_adapters.http.tables.upgrade import upgrade
from neo_routing_adapters.sql import AsyncSqlDirectory
from neo_routing_adapters.sql.schema import metadata
from tests.programs.databases.stored import store
from tests.programs.http.calls import NOON, PATIENCE, SESSIONS, an_endpoint
from tests.programs.http.entra_world import MOMENT, PEPPERS, TENANT, TID, claims, credentials, entra, token
from tests.programs.http.forged_credentials import GOOD, KEYS, PLATFORM
from tests.programs.http.forged_credentials import store as keys_in_memory
from tests.programs.http.served import served

CASES: Final = os.environ.get("NEO_ROUTING_TEST_HTTP_CASES")
CALLERS: Final[dict[str, Callable[[], str]]] = {
    "platform's key": lambda: PLATFORM.text,
    "service account's key": lambda: GOOD.text,
    "user's token": lambda: token(claims()),
    "forged key": lambda: KEYS["never issued"][0],
    "expired token": lambda: token(claims(exp=0)),
}
STRANGERS: Final = ("forged key", "expired token")
STORES: Final = ("memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.thorough))
"""Of sessions, directory, keys and links."""
ROUTABLE: Final[list[dict[str, Any]]] = [
    {},
    {"agent_id": 12, "managed_agent_key": None, "client_id": None},
    {"agent_id": None, "managed_agent_key": "NEO_SUPPORT", "client_id": TENANT, "bot_id": None},
    {"agent_id": None, "managed_agent_key": "NEO_SUPPORT", "client_id": None, "bot_id": "b", "inbound_tenant_id": "m"},
]
"""What is put into a body, because a drawn one names an agent that is there once in a blue moon."""
WORLD: Final = World(
    (Tenant(id=TENANT),),
    (Agent(id=12, tenant_id=TENANT, kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT),),
    (),
    (),
)


@pytest.fixture(scope="module", params=STORES)
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A served endpoint, with all that it needs in a store of this kind."""
    if request.param == "memory":
        endpoint = an_endpoint(
            WORLD.directory(), authenticator=credentials(keys_in_memory()), sessions=MemorySessions(now=lambda: NOON)
        )
        with served(application(endpoint)) as port:
            yield f"http://127.0.0.1:{port}"
        return
    engine = create_async_engine(_database(request, tmp_path_factory))
    directory = AsyncSqlDirectory(engine, deadline=PATIENCE)
    keys = ApiKeys(SqlKeyStore(engine, seconds=PATIENCE), PEPPERS, environment="live", now=lambda: MOMENT)
    endpoint = an_endpoint(
        directory,
        authenticator=Credentials(api_keys=keys, entra_tokens=entra(links=SqlEntraLinks(engine, seconds=PATIENCE))),
        sessions=SqlSessions(engine, directory, deadline=PATIENCE, now=lambda: NOON),
    )
    with served(application(endpoint), then=engine.dispose) as port:
        yield f"http://127.0.0.1:{port}"


def _database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Fill a database, and return its URL for an asynchronous engine."""
    driver, url = "sqlite+aiosqlite", f"sqlite:///{tmp_path_factory.mktemp('contract') / 'all.sqlite'}"
    if request.param == "postgresql":
        driver, url = "postgresql+asyncpg", request.getfixturevalue("module_database_url")
    engine = create_engine(url)
    metadata.create_all(engine)
    upgrade(engine)
    store(engine, WORLD)
    with engine.begin() as connection:
        for issued in (GOOD, PLATFORM):
            add_key(connection, issued.stored)
        add_link(connection, EntraLink(m365_tenant_id=TID, tenant_id=TENANT, created_at=MOMENT))
    engine.dispose()
    return make_url(url).set(drivername=driver).render_as_string(hide_password=False)


@pytest.fixture(scope="module")
def connection() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def operation() -> Any:
    contract = json.loads(contract_document())
    del contract["paths"][SESSIONS]["post"]["security"]  # who calls is this test's to say
    return schemathesis.openapi.from_dict(contract)[SESSIONS]["POST"]


@pytest.mark.parametrize("mode", [*GenerationMode], ids=lambda mode: mode.value)
@pytest.mark.parametrize("caller", CALLERS)
def test_every_answer_keeps_to_the_contract(
    caller: str, mode: GenerationMode, url: str, connection: requests.Session, thorough: bool
) -> None:
    parts = (3 if thorough else 2) * len(CALLERS) * len(GenerationMode)
    cases = ceil(int(CASES or (2_000 if thorough else 200)) / parts)
    statuses = Counter[int]()
    headers = {"Authorization": f"Bearer {CALLERS[caller]()}"}
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    if mode is GenerationMode.NEGATIVE:
        checks.append(negative_data_rejection)

    @settings(max_examples=cases, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
    @given(case=operation().as_strategy(generation_mode=mode), routable=st.sampled_from(ROUTABLE))
    def answered(case: Case, routable: dict[str, Any]) -> None:
        if mode is GenerationMode.POSITIVE and isinstance(case.body, dict):
            case.body |= routable
        response = case.call(base_url=url, session=connection, headers=headers, timeout=PATIENCE)
        statuses[response.status_code] += 1
        case.validate_response(response, checks=checks)
        assert response.headers["cache-control"] == ["no-store"]
        if response.status_code != 200:
            assert {"code", "message"} <= response.json()["error"].keys()

    answered()
    assert statuses.total() >= cases, "or all of them together are fewer than were asked for"
    assert (200 in statuses) is (mode is GenerationMode.POSITIVE and caller not in STRANGERS)
    assert (401 in statuses) is (caller in STRANGERS)
