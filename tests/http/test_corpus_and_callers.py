"""Through HTTP the decisions are those of the rules, and nobody learns what is not theirs."""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from typing import Any

import pytest

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    EndCompany,
    ManagedAgentKey,
    Tenant,
    decide_body,
)
from neo_routing.complaints import IllFormed
from neo_routing.plain_data.calls import caller_of, decision_data
from neo_routing.plain_data.directories import directory_of
from neo_routing.testing.conformance import ConformanceCase, ConformanceWorld, conformance_worlds, differences
from neo_routing_adapters.http import Identity, MemorySessions, application
from neo_routing_adapters.memory import MemoryDirectory
from neo_routing_adapters.strict_json import read_json
from tests.programs.http.calls import SESSION_ID, Response, an_endpoint, call, headers_of, run

WORLDS = conformance_worlds()


def as_a_call(case: ConformanceCase) -> tuple[Caller, Any] | None:
    """Return who calls, and the body, if there is a caller at all: without one no call is authenticated."""
    try:
        line = read_json(case.line)
        return caller_of(line["caller"]), line.get("request")
    except (ValueError, IllFormed, TypeError, KeyError):
        return None


def decision_of(response: Response, sessions: MemorySessions, expected: dict[str, Any]) -> dict[str, Any]:
    """Return the decision as the caller sees it, and where it is not theirs to see, as it was kept."""
    if response.status != 200:
        error = response.document["error"]
        # An error carries no warnings, so they are not compared.
        return {"outcome": "refused", "status": response.status, "warnings": expected["warnings"], **error}
    data, meta = response.document["data"], response.document["meta"]
    [kept] = [kept for kept in sessions.kept.values() if str(kept.session.id) == data["id"]]
    assert decision_data(kept.record.decision) == expected
    return {
        "outcome": str(kept.record.decision.target.outcome),
        "tenant_id": data["client_id"],
        "agent_id": data["agent_id"],
        "channel_id": kept.session.channel_id,
        "end_company_id": kept.session.end_company_id,
        "show_agent_progress_steps": data["show_agent_progress_steps"],
        "warnings": meta["warnings"],
    }


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.name)
def test_the_corpus_is_decided_through_http_as_everywhere(world: ConformanceWorld) -> None:
    sessions = MemorySessions()
    directory = MemoryDirectory.holding(directory_of(json.loads(world.directory_document)))
    app = application(an_endpoint(directory, sessions=sessions))

    async def wrong() -> list[str]:
        found = []
        for case in world.cases:
            asked = as_a_call(case)
            if asked is None:
                continue
            caller, body = asked
            response = await call(app, json.dumps(body).encode(), headers=headers_of(Identity(caller=caller)))
            answer = decision_of(response, sessions, case.decision)
            found += [f"{case.name}: {each}" for each in differences(case, answer, trace=False)]
        return found

    assert run(wrong()) == []


def test_of_the_corpus_only_lines_that_hold_no_caller_cannot_be_calls() -> None:
    left_out = [case for world in WORLDS for case in world.cases if as_a_call(case) is None]
    complaints = Counter(
        complaint for case in left_out for complaint in case.decision["details"]["complaints"].values()
    )
    assert {case.world for case in left_out} == {"lines"}
    assert all(
        {"no_case", "no_usable_caller"} & {*case.decision["details"]["complaints"].values()} for case in left_out
    )
    assert complaints.keys() >= {"no_case", "no_usable_caller"}
    assert sum(len(world.cases) for world in WORLDS) - len(left_out) > 400


# Every caller against every sort of object

OWN, FOREIGN, MISSING, PAUSED = STATES = ("own", "foreign", "missing", "paused")
HOME = "msp-own-1f9a"
TENANT_IDS = {OWN: HOME, FOREIGN: "msp-foreign-77c2", MISSING: "msp-missing-0b3d", PAUSED: "msp-paused-5e4e"}
AGENT_IDS = {OWN: 800_001, FOREIGN: 800_002, MISSING: 800_003, PAUSED: 800_004}
BOTS = {state: f"bot-{state}-4d5c" for state in STATES}
WHITE_LABEL_BOTS = {state: f"white-label-{state}-9a8b" for state in STATES}
M365_TENANT_IDS = {state: f"{state}.example" for state in STATES}
NAMES = "Confidential"


def every_sort_of_object() -> MemoryDirectory:
    """Of each sort one that is the caller's, one that is another's, and one that is triggered or disconnected."""
    stored = (OWN, FOREIGN, PAUSED)
    owner = {OWN: HOME, FOREIGN: TENANT_IDS[FOREIGN], PAUSED: HOME}
    kind = {OWN: AgentKind.CONVERSATIONAL, FOREIGN: AgentKind.CONVERSATIONAL, PAUSED: AgentKind.TRIGGERED}
    status = {OWN: ChannelStatus.ACTIVE, FOREIGN: ChannelStatus.ACTIVE, PAUSED: ChannelStatus.DISCONNECTED}
    answering = {OWN: AGENT_IDS[OWN], FOREIGN: AGENT_IDS[FOREIGN], PAUSED: AGENT_IDS[OWN]}
    channels = [
        Channel(
            id=f"{sort}-{state}",
            tenant_id=owner[state],
            agent_id=answering[state],
            bot_id=bots[state],
            status=status[state],
            white_label=sort == "white-label",
            installed_m365_tenant_ids=[M365_TENANT_IDS[state]] if sort == "white-label" else [],
        )
        for state in stored
        for sort, bots in (("standard", BOTS), ("white-label", WHITE_LABEL_BOTS))
    ]
    managed = [
        Agent(id=900_001, tenant_id=HOME, kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT),
        Agent(id=900_002, tenant_id="platform", kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT),
    ]
    return MemoryDirectory(
        tenants=[Tenant(id="platform"), *(Tenant(id=TENANT_IDS[state], name=NAMES) for state in stored)],
        agents=[
            *managed,
            *(Agent(id=AGENT_IDS[s], tenant_id=owner[s], kind=kind[s], name=NAMES) for s in stored),
        ],
        channels=channels,
        end_companies=[
            EndCompany(id=f"company-{s}", tenant_id=owner[s], name=NAMES, m365_tenant_ids=[M365_TENANT_IDS[s]])
            for s in (OWN, FOREIGN)
        ],
    )


CALLERS = {
    "platform": Identity(caller=Caller(CallerKind.PLATFORM, "platform")),
    "service_account": Identity(caller=Caller(CallerKind.SERVICE_ACCOUNT, HOME)),
    "user": Identity(caller=Caller(CallerKind.USER, HOME), user_id="oid-1"),
}
SELECTORS: dict[str, Any] = {
    "agent": lambda state: {"agent_id": AGENT_IDS[state]},
    "managed": lambda state: {"managed_agent_key": "NEO_SUPPORT"},
    "both": lambda state: {"agent_id": AGENT_IDS[state], "managed_agent_key": "NEO_SUPPORT"},
    "none": lambda state: {},
}
OBJECTS: dict[str, Any] = {
    "nothing": lambda state: {},
    "tenant": lambda state: {"client_id": TENANT_IDS[state]},
    "bot": lambda state: {"bot_id": BOTS[state]},
    "bot_for_a_tenant": lambda state: {"bot_id": BOTS[state], "client_id": HOME},
    "white_label_bot": lambda state: {"bot_id": WHITE_LABEL_BOTS[state]},
    "m365_tenant": lambda state: {"inbound_tenant_id": M365_TENANT_IDS[state]},
    "installation": lambda state: {
        "bot_id": WHITE_LABEL_BOTS[state],
        "inbound_tenant_id": M365_TENANT_IDS[state],
    },
    "installation_for_a_tenant": lambda state: {
        "bot_id": WHITE_LABEL_BOTS[state],
        "inbound_tenant_id": M365_TENANT_IDS[state],
        "client_id": HOME,
    },
}
CELLS = [*product(CALLERS, SELECTORS, OBJECTS, STATES)]
DIRECTORY = every_sort_of_object()


def body_of(selector: str, thing: str, state: str) -> dict[str, Any]:
    return SELECTORS[selector](state) | OBJECTS[thing](state)


async def answers() -> dict[tuple[str, ...], Response]:
    """Return the answer to each cell, where ids and times of sessions are always the same."""
    found = {}
    for caller, *cell in CELLS:
        fixed: dict[str, Any] = {"new_session_id": lambda: SESSION_ID, "seconds": lambda: 0.0}
        app = application(an_endpoint(DIRECTORY, **fixed))
        response = await call(app, json.dumps(body_of(*cell)).encode(), headers=headers_of(CALLERS[caller]))
        assert response is not None
        found[caller, *cell] = response
    return found


@pytest.fixture(scope="module")
def table() -> dict[tuple[str, ...], Response]:
    return run(answers())


def test_the_table_has_every_cell(table: dict[tuple[str, ...], Response]) -> None:
    assert len(table) == 384 == len(CALLERS) * len(SELECTORS) * len(OBJECTS) * len(STATES)
    statuses = Counter(response.status for response in table.values())
    assert statuses.keys() == {200, 403, 404, 409, 422}, "and every sort of answer is there"


def test_each_cell_is_answered_as_the_rules_decide_it(table: dict[tuple[str, ...], Response]) -> None:
    for (caller, *cell), response in table.items():
        decision = decide_body(CALLERS[caller].caller, body_of(*cell), DIRECTORY)
        refusal, target = decision.refusal, decision.target
        if refusal is not None:
            told = {"code": refusal.code, "message": refusal.message, "details": refusal.details}
            assert (response.status, response.document["error"]) == (refusal.status, told)
        else:
            assert target is not None
            data = response.document["data"]
            assert (response.status, data["agent_id"], data["client_id"]) == (200, target.agent_id, target.tenant_id)
            assert response.document["meta"]["warnings"] == [*decision.warnings]


def test_a_foreign_object_is_answered_as_a_missing_one_is_byte_for_byte(
    table: dict[tuple[str, ...], Response],
) -> None:
    compared = 0
    for caller, selector, thing in product(CALLERS, SELECTORS, OBJECTS):
        if (caller, selector) == ("platform", "managed") and thing != "nothing":
            continue  # it may ask for any tenant, and is warned of bots that nobody has
        foreign, missing = (table[caller, selector, thing, state] for state in (FOREIGN, MISSING))
        assert foreign.but_for_its_id == missing.but_for_its_id
        compared += 1
    assert compared == 3 * 4 * 8 - 7


def test_no_error_holds_an_id_or_a_name_that_the_request_did_not_hold(
    table: dict[tuple[str, ...], Response],
) -> None:
    every_id = {str(value) for ids in (TENANT_IDS, AGENT_IDS, BOTS, WHITE_LABEL_BOTS) for value in ids.values()}
    every_id |= {*M365_TENANT_IDS.values(), NAMES, "company-own", "company-foreign", "900001", "900002"}
    for (_, *cell), response in table.items():
        if response.status != 200:
            asked = json.dumps(body_of(*cell))
            assert [each for each in every_id if each in response.content.decode() and each not in asked] == []


def test_no_answer_holds_the_end_company(table: dict[tuple[str, ...], Response]) -> None:
    scoped = table["platform", "managed", "installation", OWN]
    assert scoped.document["data"]["client_id"] == HOME
    assert not [response for response in table.values() if b"company-" in response.content]


def test_a_user_and_a_service_account_are_answered_alike_but_for_the_way_in(
    table: dict[tuple[str, ...], Response],
) -> None:
    for cell in product(SELECTORS, OBJECTS, STATES):
        account, user = (table[caller, *cell] for caller in ("service_account", "user"))
        if user.status == 200:
            data = account.document["data"]
            assert data["channel"] == "api"
            assert user.document["data"] == data | {"channel": "dashboard"}
        else:
            assert account.but_for_its_id == user.but_for_its_id
