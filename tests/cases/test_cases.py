"""The table of cases: every clause, every reason, every outcome, every warning and every precedence, as data.

The cases are those of the conformance corpus, `neo_routing/testing/corpus/worlds/`. Each file there holds a directory
document and the cases that are decided on it, both in their JSON forms: who asks for what, the decision, and every step
on the way to it. A case that says what it `beats` names the refusal that the call would have met had it not met an
earlier one; `mended` is what takes the earlier one away, as a merge patch (RFC 7386) of the request, or of the rows by
id. Cases that are lines of text never become a request; `tests/testing/test_conformance_corpus.py` has these.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any, TypeAlias

import pytest
from returns.pipeline import is_successful
from returns.result import Failure, Success

from neo_routing import (
    Caller,
    Decision,
    Outcome,
    Refusal,
    RefusalCode,
    SessionTarget,
    Verdict,
    WarningCode,
    decide,
    decide_body,
    decide_many,
    parse_session_request,
    resolve_session_target,
)
from neo_routing.steps import STEPS
from neo_routing.testing.conformance import CORPUS
from neo_routing_adapters.memory import MemoryDirectory, read_directory

Json: TypeAlias = dict[str, Any]
Read: TypeAlias = Callable[[Json], MemoryDirectory]

FILES = {
    file.name.removesuffix(".json"): json.loads(file.read_text("utf-8"))
    for file in sorted(CORPUS.joinpath("worlds").iterdir(), key=lambda file: file.name)
    if file.name != "lines.json"
}
CASES = [(stem, case) for stem, file in FILES.items() for case in file["cases"]]

every_file = pytest.mark.parametrize("stem", FILES)
every_case = pytest.mark.parametrize(("stem", "case"), CASES, ids=[f"{stem}: {case['name']}" for stem, case in CASES])


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Read a document as a user does, from a file; the same document only once."""
    known: dict[str, MemoryDirectory] = {}

    def read_once(document: Json) -> MemoryDirectory:
        text = json.dumps(document)
        if text not in known:
            path = tmp_path_factory.mktemp("directory") / "directory.json"
            path.write_text(text, "utf-8")
            known[text] = read_directory(path)
        return known[text]

    return read_once


def decision_on(case: Json, directory: MemoryDirectory) -> Decision:
    return decide_body(Caller(**case["caller"]), case["request"], directory)


def json_form(decision: Decision) -> Json:
    """Write the JSON form."""
    match decision.result:
        case Success(SessionTarget() as target):
            form: Json = {
                "outcome": str(target.outcome),
                "tenant_id": target.tenant_id,
                "agent_id": target.agent_id,
                "channel_id": target.channel_id,
                "end_company_id": target.end_company_id,
                "show_agent_progress_steps": target.show_agent_progress_steps,
            }
        case Failure(Refusal() as refusal):
            form = {
                "outcome": "refused",
                "status": refusal.status,
                "code": str(refusal.code),
                "message": refusal.message,
                "details": refusal.details,
            }
    return {**form, "warnings": [str(code) for code in decision.warnings]}


def steps_of(decision: Decision) -> list[list[str]]:
    return [[str(step.clause), str(step.verdict), str(step.reason)] for step in decision.trace]


@every_case
def test_every_case_is_decided_as_the_table_says(stem: str, case: Json, read: Read) -> None:
    decision = decision_on(case, read(FILES[stem]["directory"]["document"]))
    assert json_form(decision) == case["decision"]
    assert steps_of(decision) == case["steps"]


@every_file
def test_the_answer_alone_a_batch_and_one_by_one_are_the_same(stem: str, read: Read) -> None:
    directory = read(FILES[stem]["directory"]["document"])
    cases = [
        (Caller(**case["caller"]), parsed.unwrap())
        for case in FILES[stem]["cases"]
        if is_successful(parsed := parse_session_request(case["request"]))
    ]
    decisions = decide_many(cases, directory)
    assert decisions == [decide(caller, request, directory) for caller, request in cases]
    assert [decision.result for decision in decisions] == [
        resolve_session_target(caller, request, directory) for caller, request in cases
    ]


@every_file
def test_the_order_of_rows_changes_no_decision(stem: str, read: Read) -> None:
    document = FILES[stem]["directory"]["document"]
    reversed_document = {collection: rows[::-1] for collection, rows in document.items()}
    for case in FILES[stem]["cases"]:
        assert decision_on(case, read(reversed_document)) == decision_on(case, read(document))


# What the table covers


def test_every_name_of_a_case_is_its_own() -> None:
    assert [name for name, times in Counter(case["name"] for _, case in CASES).items() if times > 1] == []


def test_every_step_of_the_rules_occurs_in_some_case() -> None:
    written = {tuple(step) for _, case in CASES for step in case["steps"]}
    assert written == {(str(step.clause), str(step.verdict), str(step.reason)) for step in STEPS}


def test_a_step_that_refuses_says_with_which_code() -> None:
    said = {(str(step.clause), str(step.reason)): step.code for step in STEPS if step.verdict is Verdict.REFUSED}
    for _, case in CASES:
        clause, verdict, reason = case["steps"][-1]
        if verdict == "refused":
            assert said[clause, reason] == case["decision"]["code"]


def test_every_one_of_the_eighteen_outcomes_occurs_in_some_case() -> None:
    written = {case["decision"].get("code", case["decision"]["outcome"]) for _, case in CASES}
    assert written == {str(outcome) for outcome in (*Outcome, *RefusalCode)}
    assert len(written) == 18


def test_every_warning_occurs_in_some_case_with_a_target_and_in_some_case_with_a_refusal() -> None:
    def warnings(refused: bool) -> set[str]:
        decisions = [case["decision"] for _, case in CASES]
        return {
            code
            for decision in decisions
            if (decision["outcome"] == "refused") is refused
            for code in decision["warnings"]
        }

    assert warnings(refused=False) == warnings(refused=True) == {str(code) for code in WarningCode}


def test_no_refusal_of_section_3_carries_a_warning() -> None:
    section_3 = {"request-shape", "client-id-reserved", "one-selector", "platform-confined", "platform-ids"}
    refused = [case for _, case in CASES if case["steps"][-1][0] in section_3]
    assert refused
    assert [case["name"] for case in refused if case["decision"]["warnings"]] == []


# Precedence: which of two refusals is told

_OTHERS = [
    "request-shape/malformed",
    "client-id-reserved/client_id_given",
    "one-selector/no_selector",
    "one-selector/two_selectors",
]
_OWN_AGENT = [
    "own-agent/agent_missing",
    "own-agent/agent_of_another_tenant",
    "own-agent/agent_not_conversational",
]
_OWN_MANAGED_AGENT = [
    "own-managed-agent/agent_missing",
    "own-managed-agent/several_agents",
    "own-managed-agent/agent_not_conversational",
]
_PLATFORM = [
    "request-shape/malformed",
    "one-selector/no_selector",
    "one-selector/two_selectors",
    "platform-confined/agent_id_given",
    "platform-ids/blank_id",
    "platform-ids/unusable_id",
    "white-label-installation/several_active_installations",
    "white-label-installation/installation_disconnected",
]
_OWN_CHANNELS = ["active-channel/several_active_channels"]
_CHANNEL = [
    "end-company/no_inbound_tenant_id",
    "end-company/no_company_linked",
    "end-company/several_companies_linked",
    "channel-agent/agent_missing",
    "channel-agent/agent_of_another_tenant",
    "channel-agent/agent_not_conversational",
]
_NEO_SUPPORT = [
    "neo-support/tenant_missing",
    "neo-support/agent_missing",
    "neo-support/several_agents",
    "neo-support/agent_not_conversational",
]

PATHS = {
    "others": [[*_OTHERS, *_OWN_AGENT], [*_OTHERS, *_OWN_MANAGED_AGENT]],
    "platform": [[*_PLATFORM, *_OWN_CHANNELS, *_CHANNEL], [*_PLATFORM, *_OWN_CHANNELS, *_NEO_SUPPORT]],
}
"""The refusals that a call can come past, in order. A channel that matched ends the search, so the refusals of a
channel and those of Neo Support are on two paths: mended, the earlier one leaves a target and not the later one."""

IMPOSSIBLE = {
    "a call gives too few selectors or too many": [
        ("one-selector/no_selector", "one-selector/two_selectors"),
    ],
    "a user's call that selects nothing looks for no agent": [
        ("one-selector/no_selector", refusal) for refusal in (*_OWN_AGENT, *_OWN_MANAGED_AGENT)
    ],
    "a call that selects nothing gives no agent id": [
        ("one-selector/no_selector", "platform-confined/agent_id_given"),
    ],
    "an agent that is missing has no owner and no kind": [
        ("own-agent/agent_missing", "own-agent/agent_of_another_tenant"),
        ("own-agent/agent_missing", "own-agent/agent_not_conversational"),
        ("channel-agent/agent_missing", "channel-agent/agent_of_another_tenant"),
        ("channel-agent/agent_missing", "channel-agent/agent_not_conversational"),
    ],
    "a managed agent that is missing is not there twice and has no kind": [
        ("own-managed-agent/agent_missing", "own-managed-agent/several_agents"),
        ("own-managed-agent/agent_missing", "own-managed-agent/agent_not_conversational"),
        ("neo-support/agent_missing", "neo-support/several_agents"),
        ("neo-support/agent_missing", "neo-support/agent_not_conversational"),
    ],
    "installations are only looked at where there is an inbound tenant id": [
        ("white-label-installation/several_active_installations", "end-company/no_inbound_tenant_id"),
        ("white-label-installation/installation_disconnected", "end-company/no_inbound_tenant_id"),
    ],
    "without an inbound tenant id no links are looked at": [
        ("end-company/no_inbound_tenant_id", "end-company/no_company_linked"),
        ("end-company/no_inbound_tenant_id", "end-company/several_companies_linked"),
    ],
    "no company is not several": [
        ("end-company/no_company_linked", "end-company/several_companies_linked"),
    ],
    "every row of a directory has a known owner, so an unknown tenant owns no channels and no agents": [
        ("active-channel/several_active_channels", "neo-support/tenant_missing"),
        ("neo-support/tenant_missing", "neo-support/several_agents"),
        ("neo-support/tenant_missing", "neo-support/agent_not_conversational"),
    ],
}
"""Pairs that no one call and directory can both meet, by the reason why."""

_IMPOSSIBLE_PAIRS = {pair for pairs in IMPOSSIBLE.values() for pair in pairs}
_BEATING = [(stem, case) for stem, case in CASES if "beats" in case]


def _branch(caller: Json) -> str:
    return "platform" if caller["kind"] == "platform" else "others"


def _refusal(step: list[str]) -> str:
    clause, verdict, reason = step
    assert verdict == Verdict.REFUSED
    return f"{clause}/{reason}"


def _pairs_in_order() -> Iterator[tuple[str, tuple[str, str]]]:
    for branch, paths in PATHS.items():
        for path in paths:
            for pair in combinations(path, 2):
                yield branch, pair


def _merged(value: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(value) if isinstance(value, dict) else {}
    for name, change in patch.items():
        if change is None:
            merged.pop(name, None)
        else:
            merged[name] = _merged(merged.get(name), change)
    return merged


def _mended_document(document: Json, patch: Json) -> Json:
    by_id = {collection: {str(row["id"]): row for row in rows} for collection, rows in document.items()}
    return {
        collection: [{"id": row_id, **row} for row_id, row in rows.items()]
        for collection, rows in _merged(by_id, patch).items()
    }


def test_the_paths_hold_every_refusing_step_of_the_rules() -> None:
    refusing = {f"{step.clause}/{step.reason}" for step in STEPS if step.verdict is Verdict.REFUSED}
    assert {refusal for paths in PATHS.values() for path in paths for refusal in path} == refusing


def test_every_impossible_pair_is_a_pair_on_some_path() -> None:
    assert {pair for _, pair in _pairs_in_order()} >= _IMPOSSIBLE_PAIRS


def test_every_pair_of_refusals_that_could_both_apply_has_its_case() -> None:
    written = {(_branch(case["caller"]), (_refusal(case["steps"][-1]), case["beats"])) for _, case in _BEATING}
    assert written == {(branch, pair) for branch, pair in _pairs_in_order() if pair not in _IMPOSSIBLE_PAIRS}


@pytest.mark.parametrize(("stem", "case"), _BEATING, ids=[case["name"] for _, case in _BEATING])
def test_the_refusal_that_was_beaten_applies_once_the_other_is_mended(stem: str, case: Json, read: Read) -> None:
    mended = case["mended"]
    document = _mended_document(FILES[stem]["directory"]["document"], mended.get("directory", {}))
    request = _merged(case["request"], mended.get("request", {}))
    decision = decision_on({"caller": case["caller"], "request": request}, read(document))
    assert _refusal(steps_of(decision)[-1]) == case["beats"]
