"""The reference model and the core say the same, to the letter, and neither of them by the other's code."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from attrs import asdict, evolve
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure

from neo_routing import (
    Caller,
    SessionRequest,
    admission,
    messages,
    normal_bot_id,
    normal_forms,
    normal_m365_tenant_id,
    request_fields,
    request_shape,
    routing,
    steps,
    well_formed,
)
from neo_routing.complaints import Complaint
from neo_routing.testing import reference
from neo_routing.testing.conformance import ConformanceCase, ConformanceWorld, conformance_worlds
from neo_routing.testing.strategies import bodies, callers, cases, directories
from neo_routing.testing.world import World
from neo_routing_adapters.json_lines import answer_line
from neo_routing_adapters.memory import MemoryDirectory, read_directory

Json: TypeAlias = dict[str, Any]
Directories: TypeAlias = dict[str, MemoryDirectory]

# How the two are compared


def core(line: str, directory: MemoryDirectory) -> str:
    return json.dumps(json.loads(answer_line(line, directory, trace=True)))


def model(line: str, document: Json) -> str:
    case = read(line)
    return json.dumps(reference.decide(document, case.get("caller"), case.get("request")))


def read(line: str) -> Json:
    """Read the case on a line. Raises ValueError if that takes more than a plain reader, or if there is none."""
    try:
        case = json.loads(line, object_pairs_hook=members, parse_constant=int, parse_float=Decimal)
    except ArithmeticError as error:
        raise ValueError("an exponent that no Decimal has") from error
    if not isinstance(case, dict):
        raise ValueError("no object")  # noqa: TRY004  # as the reader's own
    return case


def members(pairs: list[tuple[str, Any]]) -> Json:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


# The corpus


@cache
def corpus() -> tuple[tuple[ConformanceWorld, ConformanceCase, str], ...]:
    return tuple(
        (world, case, line) for world in conformance_worlds() for case in world.cases for line in readable(case)
    )


def readable(case: ConformanceCase) -> Iterator[str]:
    try:
        line = case.line.decode()
        read(line)
    except ValueError:
        return
    yield line


@pytest.fixture(scope="module")
def in_memory(tmp_path_factory: pytest.TempPathFactory) -> Directories:
    def directory(world: ConformanceWorld) -> MemoryDirectory:
        path = tmp_path_factory.mktemp("corpus") / "directory.json"
        path.write_text(world.directory_document, "utf-8")
        return read_directory(path)

    return {world.name: directory(world) for world in conformance_worlds()}


def cases_that_differ(in_memory: Directories) -> Iterator[str]:
    for world, case, line in corpus():
        if model(line, json.loads(world.directory_document)) != core(line, in_memory[world.name]):
            yield case.name


def test_they_say_the_same_of_every_case_of_the_corpus(in_memory: Directories) -> None:
    assert [*cases_that_differ(in_memory)] == []


def test_next_to_no_case_is_left_out_but_for_lines_that_hold_none() -> None:
    left_out = [case for world in conformance_worlds() for case in world.cases if not [*readable(case)]]
    no_number_of_a_plain_reader = [
        case.name for case in left_out if case.decision["details"].get("complaints") != {"request": "no_case"}
    ]
    assert len(no_number_of_a_plain_reader) < len(corpus()) / 100


def test_the_reference_model_says_what_the_corpus_expects() -> None:
    for world, case, line in corpus():
        decision = json.loads(model(line, json.loads(world.directory_document)))
        assert [(step["clause"], step["verdict"], step["reason"]) for step in decision.pop("trace")] == [*case.steps]
        assert decision == case.decision


# What is drawn

WHITE_SPACE = " \t\u00a0\u2003\u2028\x1f"
NUMBERS = [
    *("0", "-0", "-0.0", "11", "12.0", "1.1e1", "110e-1", "1E+2", "12.5", "1e-1", "-12", "true"),
    *("9007199254740993.0", "9223372036854775808", "1e308", "1e309", "1e600", "-1e600", "1e601", "-1e601", "1e999999"),
]
TEXTS = [
    *("", " ", "{ }", "28:", "28:28:", "28:{ 28: }", "{", "}{", "Contoso.Example", "{ContosO.example} ", "HelpDesk"),
    *("9B1D04E277C54E7B8A503C1F0E9D2B6A", "28:{6F0C2E7A51B84D0C9A3E7D1F2B3C4D5E}", "6f0c2e7a-51b84d0c9a3e7d1f2b3c4d5e"),
    *(
        "28:orgid:HelpDesk",
        "28:GCCH-GLOBAL:{28:dod:helpdesk}",
        "orgid:helpdesk",
        "29:helpdesk",
        "28:ORG\u0130D:helpdesk",
    ),
    *("6f0c2e7a51b84d0c9a3e7d1f2b3c4d5-e-", "-9b1d-04e2-77c5-4e7b-8a50-3c1f0e9d2b6a", "-", "--", ".", "_", "0" * 32),
    *(
        '"helpdesk"',
        "(helpdesk)",
        "urn:uuid:9b1d04e277c54e7b8a503c1f0e9d2b6a",
        "help\u2011desk",
        "\ufeffhelpdesk",
        "null",
    ),
    *("msp-a", " msp-a", "MSP-A", "hq", "NEO_SUPPORT", "neo_support", "\u00c4PFEL", "\u0130", "\u212a"),
    *(
        "a\tb\nc\rd\x1b\u202e\u2028\u2029\u00ad\U000e0001\x7f\x85",
        "x\0",
        "\ud800",
        "\ude00\ud83d",
        "{0}{not_valid}\\n",
    ),
    *("x" * 256, "\U0001f600" * 256, " " * 256, "x" * 257, "x" * 500, "x" * 501, "\ud800" * 257, "\0" * 501),
]
LITERALS = [*NUMBERS, *map(json.dumps, [*TEXTS, None, [], {}, {"kind": "user"}])]
FIELDS = ["agent_id", "managed_agent_key", "bot_id", "client_id", "inbound_tenant_id", "title"]
ODD_CALLERS = st.sampled_from(
    [
        *(None, [], "user", 7, {}, {"kind": "user"}, {"tenant_id": "msp-a"}, {"kind": "robot", "tenant_id": "msp-a"}),
        *({"kind": kind, "tenant_id": "msp-a"} for kind in (None, "", "USER", "Platform", ["user"], {}, True, "user ")),
        *({"kind": "user", "tenant_id": each} for each in (*TEXTS, None, 7, ["msp-a"])),
        *({"kind": "platform", "tenant_id": each, "name": "Neo"} for each in TEXTS),
    ]
)


@st.composite
def worlds_and_lines(draw: st.DrawFn) -> tuple[World, str]:
    """Draw a world and a case: half of them about rows that are there, some with an odd caller or odd fields."""
    world = draw(directories())
    asked = cases(world).map(as_documents)
    ways = [
        st.builds(line_of, asked, st.just({})),
        st.builds(line_of, asked, st.just({})),
        st.builds(line_of, asked, odd_fields(1)),
        st.builds(
            line_of,
            st.tuples(st.one_of(callers(world).map(caller_document), ODD_CALLERS), bodies(world)),
            odd_fields(3),
        ),
        st.builds(
            line_of, st.tuples(ODD_CALLERS, st.sampled_from([None, [], [{}], "request", 7, True])), odd_fields(3)
        ),
    ]
    return world, draw(ways[draw(st.integers(0, len(ways) - 1))])


def odd_fields(most: int) -> st.SearchStrategy[Json]:
    names = st.sampled_from([*FIELDS, *FIELDS, "colour", "", "\ud800", "Title"])
    return st.dictionaries(names, st.sampled_from(LITERALS), max_size=most)


def as_documents(case: tuple[Caller, SessionRequest]) -> tuple[Json, Json]:
    caller, asked = case
    request = {
        "inbound_tenant_id" if name == "m365_tenant_id" else name: value for name, value in asdict(asked).items()
    }
    return caller_document(caller), {name: value for name, value in request.items() if name in FIELDS}


def caller_document(caller: Caller) -> Json:
    return {"kind": str(caller.kind), "tenant_id": caller.tenant_id}


def line_of(case: tuple[Any, Any], literals: dict[str, str]) -> str:
    """Write a case; the literals stand in the request as they are, since a number has more than one."""
    caller, request = case
    written = {name: json.dumps(value) for name, value in request.items()} if isinstance(request, dict) else None
    body = json.dumps(request) if written is None else object_of({**written, **literals})
    return object_of({"caller": json.dumps(caller), "request": body})


def object_of(literals: dict[str, str]) -> str:
    return "{" + ", ".join(f"{json.dumps(name)}: {literal}" for name, literal in literals.items()) + "}"


@given(worlds_and_lines())
def test_they_say_the_same_of_what_is_drawn(drawn: tuple[World, str]) -> None:
    world, line = drawn
    assert model(line, world.document()) == core(line, world.directory())


@given(worlds_and_lines())
def test_what_a_document_may_leave_out_makes_no_difference(drawn: tuple[World, str]) -> None:
    world, line = drawn
    usual = {"managed_key": None, "status": "ACTIVE", "white_label": False, "show_agent_progress_steps": None}
    usual_lists = {"installed_m365_tenant_ids": [], "m365_tenant_ids": []}
    short = {
        name: [
            {
                key: value
                for key, value in row.items()
                if value != {**usual, **usual_lists, "name": str(row["id"])}.get(key, ...)
            }
            for row in rows
        ]
        for name, rows in world.document().items()
        if rows
    }
    assert model(line, short) == model(line, world.document())


PARTS_OF_IDS = [
    *(
        "28:",
        "29:",
        "orgid:",
        "OrgID:",
        "org\u0130d:",
        "gcch",
        "GCCH",
        "dod",
        "Dod",
        "-global",
        "-GLOBAL",
        ":",
        "gcch:",
    ),
    *("{", "}", "-", "--", "0a1B2c3D", "4e5F6a7", "8" * 31, "x", "_", ".", "\u017f", *WHITE_SPACE),
]


@given(
    st.text(st.sampled_from("{}28:-aAfFzZ\u00c4\u0130\u212a" + WHITE_SPACE), max_size=12)
    | st.lists(st.sampled_from(PARTS_OF_IDS), max_size=10).map("".join)
)
def test_they_have_the_same_normal_forms(spelling: str) -> None:
    for normal_form, theirs in (
        (normal_bot_id(spelling), reference.normal_form(spelling, reference.OF_A_BOT)),
        (normal_m365_tenant_id(spelling), reference.normal_form(spelling)),
    ):
        assert normal_form == theirs
        assert normal_forms.is_usable(normal_form) == (bool(theirs) and reference.USABLE.issuperset(theirs))


def test_they_have_the_same_prefixes_of_bots() -> None:
    assert {*reference.OF_A_BOT} == {*normal_forms.WIRE_PREFIXES}


def test_they_have_the_same_complaints_in_the_same_words() -> None:
    said = {reference.REQUEST, reference.CALLER}
    for table in (reference.FIELDS, reference.PLATFORM_IDS):
        said |= {complaint for complaints in table.values() for complaint, _ in complaints}
    assert {code for code, _ in said} | {"no_case"} == {*map(str, Complaint)}
    assert (str(well_formed.unusable().complaint), well_formed.unusable().words) in said


@given(st.text("0123456789abcdefABCDEF", min_size=31, max_size=33), st.sets(st.sampled_from([8, 12, 16, 20, 24])))
def test_they_have_the_same_normal_forms_of_what_is_almost_a_guid(digits: str, cuts: set[int]) -> None:
    ends = [0, *sorted(cuts), len(digits)]
    spelling = "-".join(digits[start:end] for start, end in pairwise(ends))
    assert reference.normal_form(spelling, reference.OF_A_BOT) == normal_bot_id(spelling)


def test_the_steps_are_those_of_the_core() -> None:
    theirs = {
        (str(step.clause), str(step.reason)): (
            str(step.verdict),
            None if step.code is None else (step.code.status, str(step.code)),
        )
        for step in steps.STEPS
    }
    assert dict(reference.STEPS) == theirs


# That it is a second implementation


def test_the_reference_model_imports_nothing_but_the_standard_library() -> None:
    assert {*imported_by(Path(reference.__file__).read_text("utf-8"))} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    "line", ["import neo_routing", "from attrs import frozen", "from . import laws", "def f():\n    import neo_routing"]
)
def test_another_import_would_be_seen(line: str) -> None:
    assert not {*imported_by(line)} <= sys.stdlib_module_names


def imported_by(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield "" if node.level else str(node.module).partition(".")[0]


# That a fault is seen, in the core as in the reference model

RIGHT = {name: getattr(routing, name) for name in dir(routing)}


def passes_over_a_paused_installation(bot_id: Any, m365_tenant_id: Any, rows: Any) -> Any:
    step, *sought, found = RIGHT["white_label_installation"](bot_id, m365_tenant_id, rows)
    paused = step is steps.INSTALLATION_DISCONNECTED
    return (steps.NO_INSTALLATION, *sought, ()) if paused else (step, *sought, found)


def lists_no_paused_channel(tenant_id: str, bot_id: Any, rows: Any) -> Any:
    step, *sought, found = RIGHT["active_channel"](tenant_id, bot_id, rows)
    return step, *sought, () if step is steps.NO_ACTIVE_CHANNEL else found


def takes_the_first_company(owner_id: str, white_label: bool, m365_tenant_id: Any, rows: Any) -> Any:
    step, *sought, found = RIGHT["end_company"](owner_id, white_label, m365_tenant_id, rows)
    several = step is steps.SEVERAL_COMPANIES_LINKED
    return (steps.ONE_COMPANY_LINKED, *sought, found[:1]) if several else (step, *sought, found)


def speaks_of_two_companies(step: Any, m365_tenant_id: str) -> Any:
    refusal = messages.several_companies_linked(m365_tenant_id)
    return Failure(evolve(refusal, message=refusal.message.replace("several", "two")))


def warns_of_no_override(*given: Any) -> Any:
    answer, _, findings = RIGHT["_channel_session"](*given)
    return answer, (), findings


def knows_bots_of_the_target_alone(tenant_id: str, asked: Any, rows: Any, *given: Any) -> Any:
    own = {bot_id for owner, bot_id in (*rows.active_channels, *rows.disconnected_channels) if owner == tenant_id}
    return RIGHT["_support_session"](tenant_id, asked, evolve(rows, known_bots=own), *given)


FAULTS: dict[str, tuple[Any, str, Any]] = {
    fault.__name__: (routing, name, fault)
    for name, fault in {
        "white_label_installation": passes_over_a_paused_installation,
        "active_channel": lists_no_paused_channel,
        "end_company": takes_the_first_company,
        "not_mapped": speaks_of_two_companies,
        "_support_session": knows_bots_of_the_target_alone,
        "_channel_session": warns_of_no_override,
    }.items()
}
FAULTS |= {
    "keeps_the_prefix": (request_shape, "bot_id_of", request_fields.m365_tenant_id_of),
    "looks_for_what_cannot_be_an_id": (request_fields, "UNUSABLE_BOT_ID", 0),
    "looks_for_an_m365_tenant_that_cannot_be_one": (request_fields, "UNUSABLE_M365_TENANT_ID", 0),
    "names_client_id_first": (
        admission,
        "_BAD_IDS",
        sorted(admission._BAD_IDS, key=lambda bad: bad[0] != "client_id"),
    ),
    "warns_of_no_unknown_bot": (routing, "_BOT_UNKNOWN", ()),
    "warns_of_no_paused_channel": (routing, "_CHANNEL_PAUSED", ()),
    "warns_of_no_white_label_bot": (routing, "_NOT_INSTALLED", ()),
}


def without(table: str, name: str) -> tuple[Any, str, Any]:
    rules = dict(getattr(reference, table))
    del rules[name]
    return reference, table, rules if table == "PLATFORM_ADMISSION" else (*rules.items(),)


def with_other(table: str, key: Any, value: Any) -> tuple[Any, str, Any]:
    return reference, table, {**getattr(reference, table), key: value}


FAULTS |= {
    "model: no guard": without("PLATFORM_ADMISSION", "platform-confined"),
    "model: a warning less": without("WARNINGS", "inbound_tenant_id_without_bot_id"),
    "model: several installations are one": without("INSTALLED", "several_active_installations"),
    "model: any company": without("END_COMPANY", "several_companies_linked"),
    "model: fields in another order": (reference, "FIELDS", dict(sorted(reference.FIELDS.items(), reverse=True))),
    "model: another message": with_other("MESSAGES", ("agent_not_found", "agent_missing"), "There is no such agent."),
    "model: a name less in the trace": with_other("SOUGHT", "neo-support", {"tenant_id": "target"}),
    "model: a member less in the trace": with_other("MEMBERS", "end_companies", ["id"]),
    "model: a paused channel, if nothing is said": with_other("IF_LEFT_OUT", "status", "DISCONNECTED"),
    "model: a larger number": (reference, "LARGEST", 10**601),
    "model: a complaint less": with_other("PLATFORM_IDS", "bot_id", reference.BLANK),
    "model: no reason told": with_other("DETAILS", "channel_ambiguous", {}),
    "model: a prefix less": (reference, "OF_A_BOT", reference.OF_A_BOT[1:]),
    "model: every bot is known": (reference, "WARNINGS_OF_A_BOT", reference.WARNINGS_OF_A_BOT[:2]),
    "model: spelling matters": (reference, "normal_form", lambda text, _=(): text.strip()),
}


REMEMBERED: tuple[Callable[[], None], ...] = (
    normal_forms._normal_form.cache_clear,
    request_fields.bot_id_of.cache_clear,
    request_fields.m365_tenant_id_of.cache_clear,
    admission._TO_PLATFORM.clear,
    reference.normal_form.cache_clear,
    reference.with_warnings_of_a_bot.cache_clear,
)


@pytest.fixture
def nothing_remembered() -> Iterator[None]:
    """Forget what was worked out: what is right would hide a fault, what is wrong would outlive it."""
    for forget in REMEMBERED:
        forget()
    yield
    for forget in REMEMBERED:
        forget()


@pytest.mark.usefixtures("nothing_remembered")
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_makes_them_differ(name: str, in_memory: Directories, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*FAULTS[name])
    assert next(cases_that_differ(in_memory), None) is not None


@pytest.mark.usefixtures("nothing_remembered")
def test_without_a_fault_they_do_not_differ(in_memory: Directories) -> None:
    assert next(cases_that_differ(in_memory), None) is None
