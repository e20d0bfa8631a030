"""What was decided, as a value: equal by its answer, its warnings and its trace, and without the directory."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest
from returns.result import Failure, Success

from neo_routing import (
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Complaint,
    Decision,
    Reason,
    Refusal,
    RefusalCode,
    SessionRequest,
    SessionTarget,
    Tenant,
    WarningCode,
    decide,
    malformed_decision,
    parse_session_request,
)
from neo_routing.decision import ToldDecision, is_malformed
from neo_routing.refusals import WITH_A_REASON
from neo_routing_adapters.memory import MemoryDirectory


def directory_of(*names: str) -> MemoryDirectory:
    return MemoryDirectory(
        tenants=[Tenant(id="msp-a"), *(Tenant(id=name) for name in names)],
        agents=[Agent(id=12, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL)],
    )


CALLER = Caller(CallerKind.USER, "msp-a")

DECISIONS: dict[str, Callable[[], Decision]] = {
    "a target": lambda: decide(CALLER, SessionRequest(agent_id=12), directory_of()),
    "a target with warnings": lambda: decide(CALLER, SessionRequest(agent_id=12, bot_id="x"), directory_of()),
    "a refusal of a step": lambda: decide(CALLER, SessionRequest(agent_id=13), directory_of()),
    "a refusal of a shape": lambda: decide(CALLER, SessionRequest(), directory_of()),
    "a malformed request": lambda: malformed_decision(parse_session_request([]).failure()),
}

every_decision = pytest.mark.parametrize("make", DECISIONS.values(), ids=DECISIONS)


@every_decision
def test_equal_decisions_are_equal_and_hash_alike(make: Callable[[], Decision]) -> None:
    assert make() == make()
    assert hash(make()) == hash(make())


def test_different_decisions_differ() -> None:
    made = [make() for make in DECISIONS.values()]
    for position, decision in enumerate(made):
        assert [decision == other for other in made] == [position == place for place in range(len(made))]
        assert decision != decision.result
        assert decision != "a decision"


def test_decisions_with_one_answer_differ_by_their_warnings_and_by_their_trace() -> None:
    foreign = MemoryDirectory(
        tenants=[Tenant(id="msp-a"), Tenant(id="msp-b")],
        agents=[Agent(id=13, tenant_id="msp-b", kind=AgentKind.CONVERSATIONAL)],
    )
    absent = decide(CALLER, SessionRequest(agent_id=13), directory_of())
    of_another = decide(CALLER, SessionRequest(agent_id=13), foreign)
    assert absent.result == of_another.result
    assert absent.warnings == of_another.warnings
    assert absent != of_another
    plain, warned = DECISIONS["a target"](), DECISIONS["a target with warnings"]()
    assert plain.result == warned.result
    assert warned.warnings == (WarningCode.BOT_ID_IGNORED,)
    assert plain != warned


def test_rows_that_no_clause_looks_at_change_no_decision() -> None:
    assert decide(CALLER, SessionRequest(agent_id=12), directory_of("more")) == DECISIONS["a target"]()


@every_decision
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_decision_survives_pickling(make: Callable[[], Decision], protocol: int) -> None:
    again = pickle.loads(pickle.dumps(make(), protocol))
    assert again == make()
    assert hash(again) == hash(make())
    assert (again.result, again.warnings, again.trace) == (make().result, make().warnings, make().trace)


def test_a_pickled_decision_leaves_the_directory_behind() -> None:
    small = decide(CALLER, SessionRequest(agent_id=12), directory_of())
    large = decide(CALLER, SessionRequest(agent_id=12), directory_of(*(f"bystander-{n}" for n in range(500))))
    assert b"bystander" not in pickle.dumps(large)
    assert len(pickle.dumps(large)) == len(pickle.dumps(small))


@every_decision
def test_a_decision_prints_its_answer_and_its_warnings_and_nothing_of_the_directory(
    make: Callable[[], Decision],
) -> None:
    text = repr(make())
    assert text.startswith("Decision(")
    assert "warnings=" in text
    assert len(text) < 500


def test_the_length_of_what_a_decision_prints_does_not_grow_with_the_directory() -> None:
    large = directory_of(*(f"bystander-{n}" for n in range(500)))
    for request in (SessionRequest(agent_id=12), SessionRequest(agent_id=13)):
        assert repr(decide(CALLER, request, large)) == repr(decide(CALLER, request, directory_of()))


@every_decision
def test_a_decision_cannot_be_changed(make: Callable[[], Decision]) -> None:
    decision = make()
    public = [name for name in dir(decision) if not name.startswith("_")]
    assert {"result", "warnings", "trace", "revision"} <= set(public)
    for name in (*public, "colour"):
        with pytest.raises(AttributeError):
            setattr(decision, name, None)
    assert decision == make()


def test_the_result_of_a_decision_can_be_matched() -> None:
    match DECISIONS["a target"]().result, DECISIONS["a refusal of a step"]().result:
        case Success(SessionTarget() as target), Failure(Refusal() as refusal):
            assert (target.agent_id, refusal.code) == (12, RefusalCode.AGENT_NOT_FOUND)
        case results:
            pytest.fail(f"neither: {results}")


def test_decisions_that_differ_are_kept_apart_by_their_hashes() -> None:
    user = Caller(CallerKind.USER, "msp-a")
    decisions = [decide(user, request, MemoryDirectory()) for request in (SessionRequest(agent_id=1), SessionRequest())]
    assert len({*map(hash, decisions)}) == len(decisions)


def test_a_decision_is_no_other_value() -> None:
    decision = decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=1), MemoryDirectory())
    assert decision.__eq__(decision.result) is NotImplemented


def test_a_decision_is_made_by_deciding_alone() -> None:
    with pytest.raises(TypeError, match="made by decide"):
        Decision()


def test_a_refusal_of_something_else_is_no_malformed_call() -> None:
    for code in RefusalCode:
        reason = Reason.SEVERAL_ACTIVE_CHANNELS if code in WITH_A_REASON else None
        complaints = (("title", Complaint.TOO_LONG),) if code is RefusalCode.VALIDATION_ERROR else ()
        refusal = Refusal(code=code, message="x", reason=reason, complaints=complaints)
        if code is RefusalCode.VALIDATION_ERROR:
            assert is_malformed(malformed_decision(refusal))
            continue
        with pytest.raises(ValueError, match=rf"^a malformed call is refused with validation_error, and not {code}$"):
            malformed_decision(refusal)


def test_a_decision_that_calls_something_else_malformed_is_none_on_a_malformed_call() -> None:
    """Nothing is decided again there, so it would pass for one that cannot be."""
    refusal = Refusal(code=RefusalCode.AGENT_NOT_FOUND, message="There is no such agent.")
    malformed = malformed_decision(parse_session_request([]).failure())
    [step] = malformed.trace
    forged = ToldDecision(Failure(refusal), trace=(step._replace(sought=(("fields", ()),)),))
    assert not is_malformed(forged)
    assert is_malformed(pickle.loads(pickle.dumps(malformed)))
