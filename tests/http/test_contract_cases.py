"""What schemathesis makes of the contract is answered as the contract says, on a running server, whoever calls."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
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

from neo_routing_adapters.http import Identity, MemorySessions, application
from neo_routing_adapters.http.contract import contract_document
from tests.programs.http.calls import NOON, PATIENCE, PLATFORM, SERVICE_ACCOUNT, SESSIONS, USER, an_endpoint, token_of
from tests.programs.http.served import served

CASES: Final = os.environ.get("NEO_ROUTING_TEST_HTTP_CASES")
CALLERS: Final[dict[str, Identity | None]] = {
    "platform": PLATFORM,
    "service_account": SERVICE_ACCOUNT,
    "user": USER,
    "stranger": None,
}
ROUTABLE: Final[list[dict[str, Any]]] = [
    {},
    {"agent_id": 12, "managed_agent_key": None, "client_id": None},
    {"agent_id": None, "managed_agent_key": "NEO_SUPPORT", "client_id": "msp-a", "bot_id": None},
    {"agent_id": None, "managed_agent_key": "NEO_SUPPORT", "client_id": None, "bot_id": "b", "inbound_tenant_id": "m"},
]
"""What is put into a body, because a drawn one names an agent that is there once in a blue moon."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(application(an_endpoint(sessions=MemorySessions(now=lambda: NOON)))) as port:
        yield f"http://127.0.0.1:{port}"


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
    cases = int(CASES or (2_000 if thorough else 200))
    statuses = Counter[int]()
    identity = CALLERS[caller]
    headers = {} if identity is None else {"Authorization": f"Bearer {token_of(identity)}"}
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    if mode is GenerationMode.NEGATIVE:
        checks.append(negative_data_rejection)

    @settings(max_examples=cases // 8, derandomize=True, database=None, suppress_health_check=[*HealthCheck])
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
    assert (200 in statuses) is (mode is GenerationMode.POSITIVE and identity is not None)
    assert (401 in statuses) is (identity is None)
