"""Callers, requests and decisions as plain data: nothing is lost on the way out and back, and nothing is half made."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo_routing import (
    Caller,
    CallerKind,
    Decision,
    ManagedAgentKey,
    SessionRequest,
    TraceStep,
    caller_data,
    caller_of,
    decision_data,
    decision_of,
    malformed_decision,
    parse_session_request,
    request_data,
)
from neo_routing.complaints import IllFormed
from neo_routing.plain_data.reading import Plain
from neo_routing.plain_data.traces import read_step, step_data
from neo_routing.steps import STEPS
from neo_routing.trace import SOUGHT
from neo_routing_adapters.json_lines import decision_line
from neo_routing_adapters.strict_json import read_json
from tests.programs.recorded import (
    ANYTHING,
    REMOVED,
    Decided,
    changed,
    decided_in_a_world,
    decided_in_the_corpus,
    places,
    put,
)

PLAIN = (dict, list, str, int, bool, type(None))


def parts(value: Any) -> Iterator[Any]:
    yield value
    if type(value) is dict:
        yield from value
        for member in value.values():
            yield from parts(member)
    if type(value) is list:
        for item in value:
            yield from parts(item)


def reordered(value: Any) -> Any:
    """As another writer of JSON may keep it: objects have no order."""
    if isinstance(value, dict):
        return {name: reordered(value[name]) for name in sorted(value, reverse=True)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


def check(decision: Decision) -> None:
    traced, plain = decision_data(decision, trace=True), decision_data(decision)
    assert all(type(part) in PLAIN for part in parts(traced))
    assert decision_of(traced) == decision_of(reordered(traced)) == decision
    assert decision_data(decision_of(traced), trace=True) == traced
    assert read_json(decision_line(decision, trace=True)) == json.loads(json.dumps(traced)) == traced
    untraced = decision_of(plain)
    assert (untraced.result, untraced.warnings, untraced.trace) == (decision.result, decision.warnings, ())
    assert decision_data(untraced) == plain == {name: traced[name] for name in traced if name != "trace"}
    again = pickle.loads(pickle.dumps(decision_of(traced)))
    assert again == decision == pickle.loads(pickle.dumps(decision))
    assert decision_data(again, trace=True) == decision_data(pickle.loads(pickle.dumps(decision)), trace=True) == traced
    assert _types(again) == _types(decision)


def _types(decision: Decision) -> list[tuple[type, ...]]:
    sought = [value for step in decision.trace for _, value in step.sought]
    rows = [row for step in decision.trace for row in (*step.agents, *step.channels)]
    return [
        tuple(map(type, sought)),
        *(tuple(type(getattr(row, name)) for name in row.__slots__ if name != "__weakref__") for row in rows),
    ]


def test_every_decision_of_the_corpus_is_the_same_after_its_plain_form() -> None:
    for _, _, decision in decided_in_the_corpus():
        check(decision)


@given(decided_in_a_world())
def test_every_decision_of_a_generated_world_is_the_same_after_its_plain_form(decided: Decided) -> None:
    check(decided[2])


@given(decided_in_a_world())
def test_callers_and_requests_are_the_same_after_their_plain_form(decided: Decided) -> None:
    caller, request, _ = decided
    assert caller_of(caller_data(caller)) == caller
    if request is not None:
        body = request_data(request)
        again = parse_session_request(body).unwrap()
        assert (again, again.shape) == (request, request.shape)
        assert all(type(part) in PLAIN for part in (*parts(body), *parts(caller_data(caller))))


def test_a_request_keeps_the_names_of_unknown_fields_and_no_values() -> None:
    request = SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT, unknown_fields=("secret",))
    assert request_data(request) == {"managed_agent_key": "NEO_SUPPORT", "secret": None}


def test_plain_data_are_made_anew_at_each_call() -> None:
    decision = malformed_decision(parse_session_request({"agent_id": "12"}).failure())
    changed = decision_data(decision, trace=True)
    changed["details"]["fields"].clear()
    changed["trace"][0]["fields"].clear()
    assert decision_data(decision, trace=True) == decision_data(
        decision_of(decision_data(decision, trace=True)), trace=True
    )
    assert decision.result.failure().fields == ("agent_id",)


# What is ill-formed


def decided(outcome: str) -> dict[str, Any]:
    """Return a decision of the corpus with this outcome or code, traced."""
    found = (decision_data(decision, trace=True) for _, _, decision in decided_in_the_corpus())
    return next(data for data in found if outcome in (data["outcome"], data.get("code")))


@pytest.mark.parametrize(
    ("outcome", "path", "value", "message"),
    [
        ("own_tenant", (), [], "decision must be an object"),
        ("own_tenant", (), {1: 2}, "decision must be an object"),
        ("own_tenant", ("outcome",), None, "decision.outcome must be a string"),
        ("own_tenant", ("outcome",), "granted", "decision.outcome must be own_tenant or platform_override or "),
        (
            "own_tenant",
            ("outcome",),
            "active_channel",
            "decision does not fit together: SessionTarget: a session has a",
        ),
        ("own_tenant", ("outcome",), "refused", "decision.status is missing"),
        ("own_tenant", ("agent_id",), True, "decision.agent_id must be an integer"),
        ("own_tenant", ("agent_id",), "12", "decision.agent_id must be an integer"),
        ("own_tenant", ("tenant_id",), None, "decision.tenant_id must be a string"),
        ("own_tenant", ("note",), 1, "decision.note is not a known key"),
        ("own_tenant", ("no\u202ete",), 1, "decision.no\\u202ete is not a known key"),
        ("own_tenant", ("warnings",), None, "decision.warnings must be a list"),
        ("own_tenant", ("warnings",), ["odd"], "decision.warnings[0] must be bot_id_ignored or "),
        ("own_tenant", ("warnings",), ["bot_unknown"] * 2, "decision.warnings must be sorted, and each there once"),
        ("own_tenant", ("warnings",), ["channel_paused", "bot_unknown"], "decision.warnings must be sorted, and each"),
        (
            "white_label_channel",
            ("end_company_id",),
            None,
            "decision does not fit together: SessionTarget: a session on",
        ),
        (
            "white_label_channel",
            ("show_agent_progress_steps",),
            1,
            "decision.show_agent_progress_steps must be true or",
        ),
        ("agent_not_found", ("code",), "odd", "decision.code must be validation_error or "),
        ("agent_not_found", ("status",), 403, "decision.status must be 404, that of agent_not_found"),
        ("agent_not_found", ("status",), "404", "decision.status must be an integer"),
        ("agent_not_found", ("message",), None, "decision.message must be a string"),
        ("agent_not_found", ("details",), None, "decision.details must be an object"),
        ("agent_not_found", ("details", "odd"), 1, "decision.details.odd is not a known key"),
        ("agent_not_found", ("details", "field"), "agent_id", "decision.details must be those of agent_not_found"),
        (
            "agent_not_found",
            ("details",),
            {"fields": ["agent_id"], "complaints": {"agent_id": "blank"}},
            "decision.details must be those of agent_not_found",
        ),
        (
            "agent_not_found",
            ("details", "reason"),
            "agent_missing",
            "decision does not fit together: Refusal.reason is",
        ),
        ("agent_not_found", ("agent_id",), 12, "decision.agent_id is not a known key"),
        ("channel_ambiguous", ("details",), {}, "decision does not fit together: Refusal.reason is wanted of"),
        ("channel_ambiguous", ("details", "reason"), "odd", "decision.details.reason must be well_formed or"),
        ("validation_error", ("details",), {}, "decision does not fit together: Refusal.complaints are"),
        ("validation_error", ("details", "fields"), [], "decision does not fit together: Refusal.complaints are"),
        (
            "validation_error",
            ("details", "fields"),
            ["odd", "odd"],
            "decision does not fit together: Refusal.complaints",
        ),
        (
            "validation_error",
            ("details",),
            {"fields": ["odd", "odd"], "complaints": {"odd": "blank"}},
            "decision does not fit together: Refusal.complaints must name each field once, and odd is there twice",
        ),
        (
            "validation_error",
            ("details", "complaints", "odd"),
            "blank",
            "decision.details must be those of validation_",
        ),
        ("agent_not_conversational", ("details",), {}, "decision.details must be those of agent_not_conversational"),
        ("own_tenant", ("trace",), {}, "decision.trace must be a list"),
        ("own_tenant", ("trace", 0), 1, "decision.trace[0] must be an object"),
        ("own_tenant", ("trace", 0, "clause"), "odd", "decision.trace[0].clause must be request-shape or "),
        ("own_tenant", ("trace", 0, "verdict"), "matched", "decision.trace[0] is no step of the rules"),
        ("own_tenant", ("trace", 0, "agents"), {}, "decision.trace[0].agents must be a list"),
        ("own_tenant", ("trace", 0, "bot_id"), "b", "decision.trace[0].bot_id is not a known key"),
        ("own_tenant", ("trace", 0, "unknown_fields"), "abc", "decision.trace[0].unknown_fields must be a list"),
        ("own_tenant", ("trace", 0, "unknown_fields"), [1], "decision.trace[0].unknown_fields[0] must be a string"),
        ("own_tenant", ("trace", 2, "agent_id"), "12", "decision.trace[2].agent_id must be an integer"),
        (
            "own_tenant",
            ("trace", -1, "agents", 0, "kind"),
            "odd",
            ".agents[0].kind must be CONVERSATIONAL or TRIGGERED",
        ),
        ("own_tenant", ("trace", -1, "agents", 0, "odd"), 1, ".agents[0].odd is not a known key"),
        ("active_channel", ("trace", 6, "channels", 0, "status"), None, ".channels[0].status must be a string"),
        ("active_channel", ("trace", 6, "channels", 0, "white_label"), 0, ".channels[0].white_label must be true or f"),
        (
            "managed_agent_not_found",
            ("trace", -1, "managed_agent_key"),
            "odd",
            ".managed_agent_key must be NEO_SUPPORT",
        ),
    ],
)
def test_what_is_ill_formed_is_one_error_that_names_the_place(
    outcome: str, path: tuple[Any, ...], value: Any, message: str
) -> None:
    data = decided(outcome)
    with pytest.raises(IllFormed) as raised:
        decision_of(changed(data, path, value))
    assert message in str(raised.value)


def test_without_any_of_its_members_a_decision_is_none() -> None:
    for outcome in ("own_tenant", "agent_not_found"):
        for name in decided(outcome).keys() - {"trace"}:
            with pytest.raises(IllFormed, match=rf"^decision\.{name} is missing$"):
                decision_of({key: value for key, value in decided(outcome).items() if key != name})
    for name in ("clause", "verdict", "reason"):
        spoilt = decided("own_tenant")
        del spoilt["trace"][1][name]
        with pytest.raises(IllFormed, match=rf"^decision\.trace\[1\]\.{name} is missing$"):
            decision_of(spoilt)


def steps_of_the_corpus() -> dict[tuple[str, str, str], dict[frozenset[str], TraceStep]]:
    """Return each step of the rules as it is told there, once for each set of names by which it sought something."""
    told: dict[tuple[str, str, str], dict[frozenset[str], TraceStep]] = {}
    for _, _, decision in decided_in_the_corpus():
        for step in decision.trace:
            names = frozenset(name for name, _ in step.sought)
            told.setdefault((step.clause, step.verdict, step.reason), {})[names] = step
    return told


def test_a_step_without_what_it_always_tells_is_none_and_one_with_what_it_never_tells_is_none_either() -> None:
    told = steps_of_the_corpus()
    assert {*told} == {(step.clause, step.verdict, step.reason) for step in STEPS}
    for shown in told.values():
        always, ever = frozenset.intersection(*shown), frozenset.union(*shown)
        for names, step in shown.items():
            data = step_data(step)
            for name in names:
                without = Plain({key: data[key] for key in data if key != name}, ("step",))
                if name in always:
                    with pytest.raises(IllFormed, match=rf"^step\.{name} is missing$"):
                        read_step(without)
                else:
                    assert name not in dict(read_step(without).sought)
            for name in {*chain.from_iterable(SOUGHT.values()), "fields"} - ever:
                with pytest.raises(IllFormed, match=rf"^step\.{name} is not a known key$"):
                    read_step(Plain(data | {name: None}, ("step",)))


@given(decided_in_a_world(), st.data())
def test_plain_data_in_which_anything_was_changed_or_removed_are_refused_or_are_themselves_a_decision(
    decided: Decided, data: st.DataObject
) -> None:
    plain = copy.deepcopy(decision_data(decided[2], trace=True))
    container, key = data.draw(st.sampled_from([*places(plain)]))
    put(container, key, data.draw(ANYTHING | st.just(REMOVED)))
    try:
        read = decision_of(plain)
    except IllFormed as error:
        assert error.place.startswith("decision")
    else:
        written = decision_data(read, trace="trace" in plain)
        assert {**written, "trace": [{**_NO_ROWS, **step} for step in written.get("trace", ())]} == {
            **plain,
            "trace": [{**_NO_ROWS, **step} for step in plain.get("trace", ())],
        }


_NO_ROWS: dict[str, Any] = {"agents": [], "channels": [], "end_companies": []}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "caller must be an object"),
        ({}, "caller.kind is missing"),
        ({"kind": "user"}, "caller.tenant_id is missing"),
        ({"kind": "robot", "tenant_id": "a"}, "caller.kind must be platform or service_account or user"),
        ({"kind": "user", "tenant_id": " "}, "caller.tenant_id must not be blank"),
        ({"kind": 1, "tenant_id": "a"}, "caller.kind must be a string"),
    ],
)
def test_an_ill_formed_caller_is_an_error_that_names_the_place(data: Any, message: str) -> None:
    with pytest.raises(IllFormed) as raised:
        caller_of(data)
    assert str(raised.value) == message


def test_other_keys_of_a_caller_have_no_effect() -> None:
    assert caller_of({"kind": "user", "tenant_id": "a", "name": 1}) == Caller(CallerKind.USER, "a")
