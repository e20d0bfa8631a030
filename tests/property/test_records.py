"""A record, written and read, decides the same: on its own, whatever it was taken from."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from neo_routing import (
    RULES_VERSION,
    Agent,
    AgentKind,
    Caller,
    CallerKind,
    Channel,
    ChannelStatus,
    Decision,
    DecisionRecord,
    HeldRows,
    ManagedAgentKey,
    Rows,
    RowsBuilder,
    SessionRequest,
    Tenant,
    WarningCode,
    __version__,
    decide,
    decide_many,
    decision_data,
    decision_record,
    malformed_decision,
    parse_session_request,
    record_data,
    record_of,
    rows_needed,
)
from neo_routing.complaints import IllFormed
from neo_routing.nearest_miss import nearest_misses
from neo_routing.plain_data import slices
from neo_routing.rows_builder import NO_ROWS
from neo_routing.testing import World, cases, directories
from neo_routing_adapters.command.explain_record import record_report
from neo_routing_adapters.command.terminal import show
from neo_routing_adapters.json_lines import read_case, read_record, record_line
from tests.programs.recorded import (
    ANYTHING,
    REMOVED,
    SOMEBODY,
    Decided,
    changed,
    decided_in_a_world,
    decided_in_the_corpus,
    places,
    put,
)

WHEN = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)


def recorded(decided: Decided, **more: Any) -> DecisionRecord:
    caller, request, decision = decided
    return decision_record(decision, **{"id": "1", "time": WHEN, "caller": caller, "request": request} | more)


def check(decided: Decided) -> None:
    caller, request, decision = decided
    record = recorded(decided)
    again = read_record(record_line(record))
    assert again == record == record_of(record_data(record))
    assert record_data(again) == record_data(record)
    assert again.decision == record.decision == decision
    assert (again.id, again.time, again.caller) == ("1", WHEN, caller)
    if request is None:
        assert (again.request, again.needed, again.found) == (None, None, None)
        return
    assert again.needed == rows_needed(caller, request)
    assert again.decide_again() == record.decide_again() == decision
    assert pickle.loads(pickle.dumps(again)).decide_again() == decision
    assert read_case(record_line(record)).unwrap() == (again.caller, again.request)


def test_a_record_of_every_decision_of_the_corpus_decides_the_same() -> None:
    for decided in decided_in_the_corpus():
        check(decided)


@given(decided_in_a_world())
def test_a_record_of_a_decision_on_a_generated_world_decides_the_same(decided: Decided) -> None:
    check(decided)


@given(st.data())
def test_the_record_of_a_decision_of_a_batch_holds_the_rows_of_that_decision_alone(data: st.DataObject) -> None:
    world = data.draw(directories())
    batch = data.draw(st.lists(cases(world), min_size=1, max_size=5))
    for (caller, request), decision in zip(batch, decide_many(batch, world.directory()), strict=True):
        check((caller, request, decision))
        assert recorded((caller, request, decision)) == recorded(
            (caller, request, decide(caller, request, world.directory()))
        )


@pytest.mark.parametrize(
    "agent_id", [2**63, -1, 10**600, 10**700, -(10**700)], ids=["2^63", "-1", "600", "700", "-700"]
)
def test_an_agent_id_of_any_size_is_recorded_as_it_was(agent_id: int) -> None:
    request = SessionRequest(agent_id=agent_id)
    check((SOMEBODY, request, decide(SOMEBODY, request, USUAL.directory())))


def test_rows_of_a_host_that_no_document_could_hold_are_recorded_as_they_were() -> None:
    builder = RowsBuilder()
    builder.add_tenant("msp-a")
    builder.add_agent(12, "msp-a", "x" * 9999 + "\ud800\0", AgentKind.CONVERSATIONAL, None)
    builder.add_channel(("", "msp-a", 12, True, None), BOT, ChannelStatus.ACTIVE, [M365_TENANT])
    builder.add_channel((" ", "msp-b", 12, True, None), BOT, ChannelStatus.ACTIVE, [M365_TENANT])
    builder.add_channel(("\0", "msp-b", 12, True, True), BOT, ChannelStatus.DISCONNECTED, [M365_TENANT])
    builder.add_link("msp-a", M365_TENANT, "", "\u2028")
    check((PLATFORM, ON_A_BOT, decide(PLATFORM, ON_A_BOT, HeldRows(builder.rows()))))


# What a record holds

BOT, M365_TENANT = "helpdesk", "contoso.example"
PLATFORM = Caller(CallerKind.PLATFORM, "hq")
ON_A_BOT = SessionRequest(
    managed_agent_key=ManagedAgentKey.NEO_SUPPORT,
    bot_id=BOT,
    client_id="msp-a",
    m365_tenant_id=M365_TENANT,
    title="Printer of Ms Miller",
)
USUAL = World(
    tenants=[Tenant(id="msp-a"), Tenant(id="msp-b"), Tenant(id="hq")],
    agents=[
        Agent(id=11, tenant_id="msp-a", kind=AgentKind.CONVERSATIONAL, managed_key=ManagedAgentKey.NEO_SUPPORT),
        Agent(id=21, tenant_id="msp-b", kind=AgentKind.CONVERSATIONAL),
        Agent(id=22, tenant_id="msp-b", kind=AgentKind.CONVERSATIONAL),
    ],
    channels=[
        Channel(
            id="ch-b", tenant_id="msp-b", agent_id=21, bot_id=BOT, white_label=True, installed_m365_tenant_ids={"other"}
        ),
        Channel(id="ch-c", tenant_id="msp-b", agent_id=22, bot_id="another"),
    ],
)


def usual() -> Decided:
    return PLATFORM, ON_A_BOT, decide(PLATFORM, ON_A_BOT, USUAL.directory())


def test_a_record_holds_the_rows_that_were_needed_and_no_others() -> None:
    assert record_data(recorded(usual()))["found"] == {
        "tenants": ["msp-a"],
        "agents": [
            {
                "id": 11,
                "tenant_id": "msp-a",
                "name": "11",
                "kind": "CONVERSATIONAL",
                "managed_key": "NEO_SUPPORT",
            }
        ],
        "channels": [],
        "links": [],
        "white_label_bots": [BOT],
        "known_bots": [BOT],
    }


def test_a_record_says_under_what_it_was_made() -> None:
    data = record_data(recorded(usual(), id="call-7", time=WHEN.astimezone(timezone(timedelta(hours=1)))))
    assert (data["id"], data["time"]) == ("call-7", "2026-11-29T10:30:00+01:00")
    assert (data["library_version"], data["rules_version"]) == (__version__, RULES_VERSION)
    assert data["needed"] == {
        "tenant_id": "msp-a",
        "agent_id": None,
        "managed_agent_key": "NEO_SUPPORT",
        "bot_id": BOT,
        "m365_tenant_id": M365_TENANT,
    }
    assert data["decision"] == decision_data(usual()[2], trace=True)


def test_the_title_is_masked_unless_told_otherwise() -> None:
    told = recorded(usual(), with_title=True)
    assert record_data(told)["request"]["title"] == "Printer of Ms Miller"
    masked = recorded(usual())
    assert record_data(masked)["request"]["title"] == "***"
    assert b"Miller" not in pickle.dumps(masked)
    assert "Miller" not in record_line(masked) + repr(masked)
    assert masked.decide_again() == told.decide_again() == usual()[2]


@pytest.mark.parametrize("title", [None, ""])
def test_where_there_is_no_title_none_is_made_up(title: str | None) -> None:
    request = evolve(ON_A_BOT, title=title)
    record = recorded((PLATFORM, request, decide(PLATFORM, request, USUAL.directory())))
    assert record.request is not None and record.request.title == (None if title is None else "***")


def test_a_record_names_the_revision_of_its_rows_and_so_does_its_decision() -> None:
    class Numbered:
        def look_up(self, needed: Any, /) -> Rows:
            return evolve(USUAL.directory().look_up(needed), revision="r-17")

    decision = decide(PLATFORM, ON_A_BOT, Numbered())
    assert decision.revision == pickle.loads(pickle.dumps(decision)).revision == "r-17"
    assert decision == usual()[2]
    record = recorded((PLATFORM, ON_A_BOT, decision))
    again = read_record(record_line(record))
    assert record.revision == again.revision == again.decision.revision == again.decide_again().revision == "r-17"
    assert recorded(usual()).revision is None


def test_a_malformed_call_makes_a_record_without_its_body() -> None:
    refused = malformed_decision(parse_session_request({"title": 7, "password": "s3cret"}).failure())
    record = recorded((SOMEBODY, None, refused))
    data = record_data(record)
    assert (data["request"], data["needed"], data["found"], data["revision"]) == (None,) * 4
    assert data["decision"]["details"]["fields"] == ["title"]
    assert "s3cret" not in record_line(record)
    with pytest.raises(ValueError, match=r"^a malformed call cannot be decided again: its body is not kept$"):
        read_record(record_line(record)).decide_again()


def test_what_the_shape_refused_needs_no_rows_and_can_be_decided_again() -> None:
    request = SessionRequest(title="Printer of Ms Miller")
    record = recorded((SOMEBODY, request, decide(SOMEBODY, request, USUAL.directory())))
    assert (record.needed, record.found) == (None, None)
    assert b"Miller" not in pickle.dumps(record)
    assert record.decide_again().result.failure().status == 422


def test_records_in_memory_hold_on_to_no_directory() -> None:
    decision = recorded(usual()).decision
    assert decision.rows is not usual()[2].rows and [*decision.rows.tenants] == ["msp-a"]


def test_a_record_that_is_made_by_hand_holds_no_more_than_is_needed_either() -> None:
    made = recorded(usual())
    directory = USUAL.directory().content
    whole = evolve(made, found=directory, decision=decide(PLATFORM, ON_A_BOT, HeldRows(directory)))
    assert whole == made
    assert (whole.found, whole.decision.rows, whole.decision.request) == (made.found, made.found, made.request)
    assert record_data(whole) == record_data(made)


def test_records_can_be_put_into_sets() -> None:
    assert len({recorded(usual()), read_record(record_line(recorded(usual())))}) == 1


# What makes no record


@pytest.mark.parametrize(
    ("caller", "asked"),
    [
        (Caller(CallerKind.USER, "hq"), ON_A_BOT),
        (PLATFORM, evolve(ON_A_BOT, client_id="msp-b")),
        (PLATFORM, evolve(ON_A_BOT, m365_tenant_id=None)),
        (PLATFORM, SessionRequest()),
        (Caller(CallerKind.USER, "msp-a"), SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT)),
    ],
)
def test_a_decision_on_something_else_makes_no_record(caller: Caller, asked: SessionRequest) -> None:
    with pytest.raises(ValueError, match=r"^the decision is not one on this request of this caller$"):
        recorded((caller, asked, usual()[2]))


def test_a_user_is_not_taken_for_the_platform_though_the_same_rows_are_needed() -> None:
    request = SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT)
    user = Caller(CallerKind.USER, "hq")
    assert rows_needed(user, request) == rows_needed(PLATFORM, request)
    with pytest.raises(ValueError, match=r"^the decision is not one on this request of this caller$"):
        recorded((user, request, decide(PLATFORM, request, USUAL.directory())))


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        (
            decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=11), USUAL.directory()),
            "is not one on this request of this caller",
        ),
        (
            decide(PLATFORM, evolve(ON_A_BOT, m365_tenant_id=None), USUAL.directory()),
            "is not one on this request of this caller",
        ),
        (decide(PLATFORM, ON_A_BOT, HeldRows(RowsBuilder().rows())), "rests on other rows than were found"),
    ],
    ids=["caller", "request", "rows"],
)
def test_a_record_that_is_made_by_hand_takes_no_decision_on_anything_else(decision: Decision, message: str) -> None:
    with pytest.raises(IllFormed, match=rf"^DecisionRecord\.decision {message}$"):
        evolve(recorded(usual()), decision=decision)


def test_a_title_may_be_masked_otherwise_by_hand() -> None:
    made, request = recorded(usual()), evolve(ON_A_BOT, title=None)
    again = evolve(made, request=request, decision=usual()[2])
    assert again.decision.request.title is None and record_of(record_data(again)) == again


def test_a_decision_that_needed_no_rows_is_not_put_on_any() -> None:
    refused = SessionRequest(client_id="zz", agent_id=11)
    user = Caller(CallerKind.USER, "msp-a")
    with pytest.raises(IllFormed, match=r"^DecisionRecord\.decision is not one on this request of this caller$"):
        evolve(recorded((user, refused, decide(user, refused, USUAL.directory()))), decision=usual()[2])


def test_the_keys_that_were_needed_are_kept_as_they_are_written() -> None:
    user, request = Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=11)
    made = recorded((user, request, decide(user, request, USUAL.directory())))
    again = evolve(made, needed=("msp-a", 11.0, None, None, None))
    assert type(again.needed[1]) is int and record_of(record_data(again)) == made


def test_a_decision_that_left_its_rows_behind_makes_no_record() -> None:
    caller, request, decision = usual()
    with pytest.raises(ValueError, match=r"^the decision has left behind what it rests on"):
        recorded((caller, request, pickle.loads(pickle.dumps(decision))))
    with pytest.raises(ValueError, match=r"^the decision has left behind what it rests on"):
        recorded((caller, request, malformed_decision(parse_session_request([]).failure())))


def test_a_decision_that_was_made_on_a_request_is_not_recorded_as_malformed() -> None:
    _, _, decision = usual()
    for each in (decision, pickle.loads(pickle.dumps(decision))):
        with pytest.raises(IllFormed, match=r"^DecisionRecord\.request is there exactly if "):
            recorded((PLATFORM, None, each))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"id": " "}, "DecisionRecord.id must not be blank"),
        ({"id": 7}, "DecisionRecord.id must be a string"),
        ({"time": WHEN.replace(tzinfo=None)}, "DecisionRecord.time must be a datetime that knows its zone"),
        ({"time": "now"}, "DecisionRecord.time must be a datetime that knows its zone"),
    ],
)
def test_what_the_host_gives_must_make_sense(more: dict[str, Any], message: str) -> None:
    with pytest.raises(IllFormed) as raised:
        recorded(usual(), **more)
    assert str(raised.value) == message


def test_a_malformed_call_has_a_caller_too() -> None:
    refused = malformed_decision(parse_session_request([]).failure())
    with pytest.raises(IllFormed, match=r"^DecisionRecord\.caller must be a Caller$"):
        recorded((None, None, refused))  # type: ignore[arg-type]


def test_the_time_of_a_record_is_a_plain_datetime() -> None:
    class HostsTime(datetime):
        pass

    record = recorded(usual(), time=HostsTime(2026, 11, 29, 9, 30, tzinfo=UTC))
    assert type(record.time) is datetime and record.time == WHEN


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ((), None, "record must be an object"),
        (("note",), 1, "record.note is not a known key"),
        (("id",), "", "record.id must not be blank"),
        (("time",), 7, "record.time must be a time as ISO 8601 writes it"),
        (("time",), "today", "record.time must be a time as ISO 8601 writes it"),
        (("time",), "2026-11-29T09:30:00", "record.time must be a datetime that knows its zone"),
        (("caller", "kind"), "robot", "record.caller.kind must be platform or service_account or user"),
        (("request",), [], "record.request cannot be read: The request is not valid: request must be an object."),
        (("request", "agent_id"), "12", "record.request cannot be read: The request is not valid: agent_id must be"),
        (("request",), None, "record.request is there exactly if the call was not malformed"),
        (("request", "client_id"), "msp-b", "record.needed is not what is needed to decide this request"),
        (("needed",), None, "record.needed is not what is needed to decide this request"),
        (("needed", "odd"), None, "record.needed.odd is not a known key"),
        (("needed", "managed_agent_key"), "odd", "record.needed.managed_agent_key must be NEO_SUPPORT"),
        (("needed", "agent_id"), "12", "record.needed.agent_id must be an integer"),
        (("found",), None, "record.found is there exactly if rows were needed"),
        (("found", "odd"), [], "record.found.odd is not a known key"),
        (("found", "tenants"), None, "record.found.tenants must be a list"),
        (("found", "tenants", 0), "", "record.found.tenants[0] must not be blank"),
        (("found", "agents", 0), [], "record.found.agents[0] must be an object"),
        (("found", "agents", 0, "id"), 0, "record.found.agents[0].id must be from 1 to 2^63 - 1"),
        (("found", "agents", 0, "kind"), "odd", "record.found.agents[0].kind must be CONVERSATIONAL or TRIGGERED"),
        (("found", "tenants"), ["msp-a", "qx"], "record.found must be rows that are needed, each there once, sorted"),
        (("found", "known_bots"), [], "record.found must be rows that are needed, each there once, sorted"),
        (("found", "channels", 0, "bot_id"), "{}", "record.found.channels[0].bot_id must not be blank"),
        (("found", "channels", 0, "white_label"), 1, "record.found.channels[0].white_label must be true or false"),
        (("found", "channels", 0, "installed_m365_tenant_ids"), "abc", "installed_m365_tenant_ids must be a list"),
        (("found", "channels", 0, "installed_m365_tenant_ids"), ["("], "installed_m365_tenant_ids[0] must be a GUID"),
        (("found", "links", 0, "name"), None, "record.found.links[0].name must be a string"),
        (("found", "links", 0, "m365_tenant_id"), " ", "record.found.links[0].m365_tenant_id must not be blank"),
        (("found", "white_label_bots", 0), 7, "record.found.white_label_bots[0] must be a string"),
        (("found", "known_bots", 0), " ", "record.found.known_bots[0] must not be blank"),
        (("revision",), 17, "record.revision must be a string"),
        (("rules_version",), "2", "record.rules_version must be an integer"),
        (("library_version",), 1, "record.library_version must be a string"),
        (("decision", "status"), 200, "record.decision.status must be "),
        (("decision", "trace"), None, "record.decision.trace must be a list"),
    ],
)
def test_an_ill_formed_record_is_one_error_that_names_the_place(
    path: tuple[Any, ...], value: Any, message: str
) -> None:
    data = record_data(recorded(full()))
    with pytest.raises(IllFormed) as raised:
        record_of(changed(data, path, value))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "record.found must be rows that are needed, each there once, sorted"),
        ({"name": "Another"}, "record.found.agents[1] is there already, and otherwise"),
        ({"tenant_id": "qx"}, "record.found.agents[1] is there already, and otherwise"),
    ],
)
def test_an_agent_that_is_there_twice_is_not_read(change: dict[str, str], message: str) -> None:
    data = record_data(recorded(full()))
    data["found"]["agents"].insert(1, data["found"]["agents"][0] | change)
    with pytest.raises(IllFormed) as raised:
        record_of(data)
    assert str(raised.value) == message


def full() -> Decided:
    """Return a refusal that rests on rows of every sort."""
    return next(
        (caller, request, decision)
        for caller, request, decision in decided_in_the_corpus()
        if request is not None
        and rows_needed(caller, request) is not None
        and len((found := record_data(recorded((caller, request, decision)))["found"])["agents"]) > 1
        and all(found.values())
        and "status" in decision_data(decision)
    )


def test_a_record_without_any_of_its_members_is_none() -> None:
    data = record_data(recorded(full()))
    for place, prefix in ((data, "record"), (data["found"], r"record\.found"), (data["needed"], r"record\.needed")):
        for name in [*place]:
            taken = place.pop(name)
            with pytest.raises(IllFormed, match=rf"^{prefix}\.{name} is missing$"):
                record_of(data)
            place[name] = taken
    del data["decision"]["trace"]
    with pytest.raises(IllFormed, match=r"^record\.decision\.trace is missing$"):
        record_of(data)


@given(decided_in_a_world(), st.data())
def test_a_record_in_which_anything_was_changed_or_removed_is_refused_or_is_itself_a_record(
    decided: Decided, data: st.DataObject
) -> None:
    changed = record_data(recorded(decided))
    container, key = data.draw(st.sampled_from([*places(changed)]))
    put(container, key, data.draw(ANYTHING | st.just(REMOVED)))
    check_what_was_read_of(changed)


def check_what_was_read_of(changed: Any) -> None:
    try:
        read = record_of(changed)
    except IllFormed as error:
        assert error.place.startswith("record")
    else:
        assert read_record(record_line(read)) == read
        assert (read.request is None) == (changed["request"] is None)
        check_that_it_can_be_told(read)


def check_that_it_can_be_told(record: DecisionRecord) -> None:
    for rows in (NO_ROWS, USUAL.directory().content, *(() if record.found is None else (record.found,))):
        nearest_misses(record.decision, rows)
    again = None if record.request is None else record.decide_again()
    shown = StringIO()
    show(record_report(record, again, "the recorded rows"), shown)
    assert "asks" in shown.getvalue()


def a_step_of_each_sort() -> Iterator[Decided]:
    """Pick decisions of the corpus that between them come past each step, with each set of what it sought."""
    seen: set[Any] = set()
    for caller, request, decision in decided_in_the_corpus():
        steps = {(*step[:3], tuple(name for name, _ in step.sought)) for step in decision.trace}
        if steps - seen:
            seen |= steps
            yield caller, request, decision


def test_a_record_without_any_one_member_is_refused_or_can_be_told() -> None:
    for turn, decided in enumerate(a_step_of_each_sort()):
        for number, _ in enumerate(places(record_data(recorded(decided)))):
            if number % 2 == turn % 2:  # the other half is that of the next record, which is much like this one
                changed = record_data(recorded(decided))
                put(*[*places(changed)][number], REMOVED)
                check_what_was_read_of(changed)


# Planted faults: each must turn the property red


def forgets(name: str) -> Any:
    right = slices.rows_data
    return lambda rows: right(rows) | {name: []}


@pytest.mark.parametrize("name", ["tenants", "agents", "channels", "links", "white_label_bots", "known_bots"])
def test_a_part_of_the_slice_that_is_lost_on_the_way_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neo_routing.plain_data.records.rows_data", forgets(name))
    with pytest.raises((AssertionError, IllFormed)):
        test_a_record_of_every_decision_of_the_corpus_decides_the_same()


def test_installations_that_are_lost_on_the_way_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = slices.rows_data

    def faulty(rows: Rows) -> Any:
        data = right(rows)
        return data | {"channels": [channel | {"installed_m365_tenant_ids": []} for channel in data["channels"]]}

    monkeypatch.setattr("neo_routing.plain_data.records.rows_data", faulty)
    with pytest.raises((AssertionError, IllFormed)):
        test_a_record_of_every_decision_of_the_corpus_decides_the_same()


def test_a_bot_that_only_somebody_else_has_is_known_on_the_recorded_rows_too() -> None:
    record = read_record(record_line(recorded(usual())))
    assert record.decide_again().warnings == (WarningCode.WHITE_LABEL_BOT_NOT_INSTALLED,)


@pytest.mark.parametrize("kind", CallerKind)
@pytest.mark.parametrize(
    ("asked", "request_given"),
    [
        (Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=11)),
        (Caller(CallerKind.USER, "msp-a"), SessionRequest(client_id="zz", agent_id=11)),
        (PLATFORM, ON_A_BOT),
    ],
    ids=["own agent", "refused by its shape", "platform"],
)
def test_a_record_is_of_who_asked_and_of_nobody_else(
    asked: Caller, request_given: SessionRequest, kind: CallerKind
) -> None:
    decision = decide(asked, request_given, USUAL.directory())
    recorded((asked, request_given, decision))
    for other in (Caller(kind, "msp-b"), Caller(kind, asked.tenant_id)):
        if other != asked:
            with pytest.raises(ValueError, match="not one on this request of this caller"):
                recorded((other, request_given, decision))


def test_a_record_of_a_malformed_call_grants_nothing() -> None:
    """Nothing could be decided again there, so nobody would notice."""
    malformed = malformed_decision(parse_session_request({"agent_id": "x"}).failure())
    data = record_data(recorded((PLATFORM, None, malformed)))
    granted = record_data(recorded((PLATFORM, ON_A_BOT, decide(PLATFORM, ON_A_BOT, USUAL.directory()))))
    forged = granted["decision"] | {"trace": data["decision"]["trace"]}
    assert forged["outcome"] == "neo_support_fallback"
    other = data["decision"] | {"details": {"fields": ["title"], "complaints": {"title": "too_long"}}}
    missing = {"status": 404, "code": "agent_not_found", "message": "There is no such agent.", "details": {}}
    unknown = data["decision"] | missing | {"trace": [data["decision"]["trace"][0] | {"fields": []}]}
    for decision in (forged, other, unknown, data["decision"] | {"warnings": ["bot_id_ignored"]}):
        with pytest.raises(IllFormed, match="exactly if the call was not malformed"):
            record_of(data | {"decision": decision})


@pytest.mark.parametrize(
    ("name", "value"), [("found", "x"), ("found", [USUAL]), ("decision", None), ("request", {}), ("caller", "user")]
)
def test_a_record_says_which_of_its_parts_is_none(name: str, value: object) -> None:
    record = recorded((PLATFORM, ON_A_BOT, decide(PLATFORM, ON_A_BOT, USUAL.directory())))
    with pytest.raises(IllFormed, match=rf"^DecisionRecord\.{name} must be"):
        evolve(record, **{name: value})


def test_the_rows_of_a_record_are_of_the_revision_of_its_decision() -> None:
    record = recorded((PLATFORM, ON_A_BOT, decide(PLATFORM, ON_A_BOT, USUAL.directory())))
    with pytest.raises(IllFormed, match=r"^DecisionRecord\.found is of another revision than the decision$"):
        evolve(record, found=evolve(record.found, revision="another"))


@pytest.mark.parametrize(
    ("rows", "change"),
    [("channels", {"tenant_id": "msp-z"}), ("channels", {"bot_id": "other"}), ("links", {"tenant_id": "msp-z"})],
)
def test_rows_of_a_record_that_share_an_id_are_told_by_their_place(rows: str, change: dict[str, Any]) -> None:
    data = record_data(recorded(full()))
    place = len(data["found"][rows])
    data["found"][rows].append(data["found"][rows][0] | change)
    with pytest.raises(IllFormed, match=rf"^record\.found\.{rows}\[{place}\] is there already, and otherwise$"):
        record_of(data)
