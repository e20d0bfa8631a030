"""Reading a directory document: strictly, with every problem at its place, and nothing half loaded."""

from __future__ import annotations

import json
import pickle
import tomllib
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neo_routing import Caller, CallerKind, InvalidDirectory, ManagedAgentKey, SessionRequest, decide
from neo_routing_adapters.memory import MemoryDirectory, read_directory
from neo_routing_adapters.memory.toml_limits import require_toml_limits

TENANT = {"id": "msp-a"}
AGENT = {"id": 12, "tenant_id": "msp-a", "kind": "CONVERSATIONAL"}
CHANNEL = {"id": "ch-1", "tenant_id": "msp-a", "agent_id": 12, "bot_id": "bot"}
COMPANY = {"id": "co-1", "tenant_id": "msp-a"}
UNUSABLE = "must be a GUID, or a name of ASCII letters, digits, hyphens, dots and underscores"


def document(**rows: Any) -> dict[str, Any]:
    return {"tenants": [TENANT], **rows}


def written(folder: Path, content: object, name: str = "directory.json") -> Path:
    path = folder / name
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    return path


def problems(folder: Path, content: object, name: str = "directory.json") -> list[str]:
    with pytest.raises(InvalidDirectory) as raised:
        read_directory(written(folder, content, name))
    assert len(raised.value.problems) == len(str(raised.value).splitlines()) - 1
    assert str(raised.value).encode("utf-8")
    return [str(problem) for problem in raised.value.problems]


PROBLEMS: list[tuple[str, Any, list[str]]] = [
    ("a list", [], ["the document must be an object"]),
    ("a number", 7, ["the document must be an object"]),
    ("an unknown key", {"tenant": []}, ["tenant: is not a known key"]),
    ("a collection that is no list", {"tenants": {}}, ["tenants: must be a list"]),
    ("a null collection", {"agents": None}, ["agents: must be a list"]),
    ("a row that is no object", {"tenants": ["msp-a"]}, ["tenants[0]: must be an object"]),
    ("a missing key", {"tenants": [{}]}, ["tenants[0].id: is missing"]),
    ("a blank id", {"tenants": [{"id": " \t"}]}, ["tenants[0].id: must not be blank"]),
    ("a null name", {"tenants": [{"id": "a", "name": None}]}, ["tenants[0].name: must be a string"]),
    (
        "text that is too long",
        {"tenants": [{"id": "a" * 257}]},
        ["tenants[0].id: must be at most 256 characters long"],
    ),
    (
        "a lone surrogate",
        '{"tenants": [{"id": "a\\ud800"}]}',
        ["tenants[0].id: must be valid Unicode without NUL or lone surrogates"],
    ),
    ("a fraction", document(agents=[{**AGENT, "id": 12.5}]), ["agents[0].id: must be an integer"]),
    ("a whole float", document(agents=[{**AGENT, "id": 12.0}]), ["agents[0].id: must be an integer"]),
    ("true for one", document(agents=[{**AGENT, "id": True}]), ["agents[0].id: must be an integer"]),
    ("zero", document(agents=[{**AGENT, "id": 0}]), ["agents[0].id: must be from 1 to 2^63 - 1"]),
    (
        "an integer of thousands of digits",
        json.dumps(document(agents=[{**AGENT, "id": 77}, {**AGENT, "id": -77}])).replace("77", "9" * 5000),
        ["agents[0].id: must be from 1 to 2^63 - 1", "agents[1].id: must be from 1 to 2^63 - 1"],
    ),
    ("2^63", document(agents=[{**AGENT, "id": 2**63}]), ["agents[0].id: must be from 1 to 2^63 - 1"]),
    (
        "a kind that is none",
        document(agents=[{**AGENT, "kind": "conversational"}]),
        ["agents[0].kind: must be CONVERSATIONAL or TRIGGERED"],
    ),
    (
        "an unknown managed key",
        document(agents=[{**AGENT, "managed_key": "NEO"}]),
        ["agents[0].managed_key: must be NEO_SUPPORT"],
    ),
    (
        "one for true",
        document(channels=[{**CHANNEL, "white_label": 1}]),
        ["channels[0].white_label: must be true or false"],
    ),
    (
        "a null status",
        document(channels=[{**CHANNEL, "status": None}]),
        ["channels[0].status: must be a string"],
    ),
    (
        "a bot id of which nothing is left",
        document(channels=[{**CHANNEL, "bot_id": "28: {}"}]),
        ["channels[0].bot_id: must not be blank"],
    ),
    (
        "two bad items of a list",
        document(channels=[{**CHANNEL, "installed_m365_tenant_ids": ["m", 7, "{}"]}]),
        [
            "channels[0].installed_m365_tenant_ids[1]: must be a string",
            "channels[0].installed_m365_tenant_ids[2]: must not be blank",
        ],
    ),
    (
        "a bad link of a company",
        document(end_companies=[{**COMPANY, "m365_tenant_ids": ["m", ""]}]),
        ["end_companies[0].m365_tenant_ids[1]: must not be blank"],
    ),
    (
        "ids that cannot be one, each in its place",
        document(
            channels=[
                {**CHANNEL, "bot_id": '"bot"', "installed_m365_tenant_ids": ["m", "28:m", "b\u00fccher.example"]}
            ],
            end_companies=[{**COMPANY, "m365_tenant_ids": ["urn:uuid:9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a", "m"]}],
        ),
        [
            f"channels[0].bot_id: {UNUSABLE}",
            f"channels[0].installed_m365_tenant_ids[1]: {UNUSABLE}",
            f"channels[0].installed_m365_tenant_ids[2]: {UNUSABLE}",
            f"end_companies[0].m365_tenant_ids[0]: {UNUSABLE}",
        ],
    ),
    (
        "text for a list",
        document(end_companies=[{**COMPANY, "m365_tenant_ids": "abc"}]),
        ["end_companies[0].m365_tenant_ids: must be a list"],
    ),
    (
        "several faults in one row and in others",
        {
            "tenants": [{"id": "msp-a", "nmae": "A"}, {"id": "msp-a"}],
            "agents": [{"id": "12", "tenant_id": "msp-z", "kind": 7}],
            "channels": [CHANNEL, {**CHANNEL, "agent_id": None}],
        },
        [
            "tenants[0].nmae: is not a known key",
            "agents[0].id: must be an integer",
            "agents[0].kind: must be a string",
            "channels[1].agent_id: must be an integer",
            "tenants[1].id: 'msp-a' is there already",
            "agents[0].tenant_id: there is no tenant 'msp-z'",
            "channels[1].id: 'ch-1' is there already",
        ],
    ),
    (
        "unknown owners, everywhere",
        {"agents": [AGENT], "channels": [CHANNEL], "end_companies": [COMPANY]},
        [
            "agents[0].tenant_id: there is no tenant 'msp-a'",
            "channels[0].tenant_id: there is no tenant 'msp-a'",
            "end_companies[0].tenant_id: there is no tenant 'msp-a'",
        ],
    ),
    (
        "duplicate ids of each sort",
        {
            "tenants": [TENANT, TENANT],
            "agents": [AGENT, AGENT],
            "channels": [CHANNEL, CHANNEL],
            "end_companies": [COMPANY, COMPANY],
        },
        [
            "tenants[1].id: 'msp-a' is there already",
            "agents[1].id: 12 is there already",
            "channels[1].id: 'ch-1' is there already",
            "end_companies[1].id: 'co-1' is there already",
        ],
    ),
    (
        "keys that would write lines of their own",
        '{"x\\n  agents[0].id: forged": 1, "y\\ud800\\u202e": 2}',
        ["x\\n  agents[0].id: forged: is not a known key", "y\\ud800\\u202e: is not a known key"],
    ),
    (
        "a key that stands twice",
        '{"tenants": [{"id": "a", "id": "b", "id": "c"}], "tenants": [{"id": "a", "id": "b"}]}',
        ["tenants: is there twice", "tenants[0].id: is there twice"],
    ),
]


@pytest.mark.parametrize(("content", "expected"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS])
def test_every_problem_is_named_at_its_place(tmp_path: Path, content: object, expected: list[str]) -> None:
    assert problems(tmp_path, content) == expected


@pytest.mark.parametrize(("content", "expected"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS])
def test_a_document_that_is_read_for_its_rows_has_the_same_problems(
    tmp_path: Path, content: object, expected: list[str]
) -> None:
    with pytest.raises(InvalidDirectory) as raised:
        read_directory(written(tmp_path, content))
    assert [*map(str, raised.value.problems)] == expected


def test_a_document_holds_nothing_else_than_its_rows(tmp_path: Path) -> None:
    content = read_directory(
        written(tmp_path, document(agents=[AGENT], channels=[CHANNEL], end_companies=[COMPANY]))
    ).content
    assert [row.id for row in content] == ["msp-a", 12, "ch-1", "co-1"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("directory.json", ""),
        ("directory.json", "{"),
        ("directory.json", '{"tenants": NaN}'),
        ("directory.json", '{"tenants": -Infinity}'),
        ("directory.json", b'{"tenants": [{"id": "\xff"}]}'),
        ("directory.json", '{"tenants": ' + "[" * 200_000),
        ("directory.toml", "tenants = ["),
        ("directory.toml", "[a]\n[a]"),
        ("directory.yaml", "{}"),
        ("directory", "{}"),
    ],
    ids=str,
)
def test_what_is_no_document_is_one_problem(tmp_path: Path, name: str, content: str | bytes) -> None:
    assert len(problems(tmp_path, content, name)) == 1


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("d.json", b"\xef\xbb\xbf{}", "it starts with a byte order mark, which must not be there"),
        ("d.toml", b"\xef\xbb\xbf", "it starts with a byte order mark, which must not be there"),
        ("d.json", "{}".encode("utf-16"), "it is not UTF-8 text, see byte 1"),
        ("d.toml", b"\r", "Invalid statement (at line 1, column 1)"),
        ("d.toml", "x = " + "9" * 5000, "an integer in it has too many digits"),
    ],
    ids=["BOM", "BOM, TOML", "UTF-16", "CR, TOML", "digits, TOML"],
)
def test_what_is_no_document_is_told_in_plain_words(
    tmp_path: Path, name: str, content: str | bytes, expected: str
) -> None:
    assert problems(tmp_path, content, name) == [f"the document cannot be read: {expected}"]


def test_a_file_that_cannot_be_read_is_the_operating_systems_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_directory(tmp_path / "missing.json")


def support(directory: MemoryDirectory, tenant_id: str) -> object:
    caller = Caller(CallerKind.USER, tenant_id)
    return decide(caller, SessionRequest(managed_agent_key=ManagedAgentKey.NEO_SUPPORT), directory)


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    as_json = read_directory(written(tmp_path, document(agents=[{**AGENT, "managed_key": "NEO_SUPPORT"}])))
    toml = """
        [[tenants]]
        id = "msp-a"
        [[agents]]
        id = 12
        tenant_id = "msp-a"
        kind = "CONVERSATIONAL"
        managed_key = "NEO_SUPPORT"
    """
    as_toml = read_directory(written(tmp_path, toml, "directory.TOML"))
    assert support(as_json, "msp-a") == support(as_toml, "msp-a")
    assert support(as_json, "msp-b") != support(as_json, "msp-a")


def test_rows_that_clash_load_because_real_directories_hold_them(tmp_path: Path) -> None:
    clash = {
        "tenants": [TENANT, {"id": "msp-b"}],
        "agents": [
            {**AGENT, "managed_key": "NEO_SUPPORT"},
            {**AGENT, "id": 13, "managed_key": "NEO_SUPPORT", "kind": "TRIGGERED"},
        ],
        "channels": [
            {**CHANNEL, "white_label": True, "installed_m365_tenant_ids": ["M", "m", "{m}"]},
            {**CHANNEL, "id": "ch-2", "agent_id": 99, "installed_m365_tenant_ids": ["m"]},
        ],
        "end_companies": [{**COMPANY, "m365_tenant_ids": ["m"]}, {**COMPANY, "id": "co-2", "m365_tenant_ids": ["M"]}],
    }
    directory = read_directory(written(tmp_path, clash))
    request = SessionRequest(
        managed_agent_key=ManagedAgentKey.NEO_SUPPORT, client_id="msp-b", bot_id="bot", m365_tenant_id="m"
    )
    decision = decide(Caller(CallerKind.PLATFORM, "platform"), request, directory)
    assert [str(step.reason) for step in decision.trace[5:]] == ["one_active_installation", "several_companies_linked"]


def test_an_empty_document_is_an_empty_directory(tmp_path: Path) -> None:
    assert support(read_directory(written(tmp_path, {})), "msp-a") == support(MemoryDirectory(), "msp-a")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["tenants", "agents", "id", "tenant_id", "kind", "name", "x"]), inner)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_at_all_loads_or_is_refused_with_problems(
    tmp_path_factory: pytest.TempPathFactory, value: Any
) -> None:
    path = written(tmp_path_factory.getbasetemp(), value, "any.json")
    try:
        assert isinstance(read_directory(path), MemoryDirectory)
    except InvalidDirectory as invalid:
        assert invalid.problems


# Limits


DEEP = "it is nested more than 8 levels deep"
MANY_PARTS = "it has a key of more than 16 parts"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("d.json", "[" * 9 + "]" * 9, DEEP),
        ("d.json", '{"tenants": [{"id": ' + "[" * 6 + "]" * 6 + "}]}", DEEP),
        ("d.json", '{"a": ' * 500_000, DEEP),
        ("d.toml", f"x = {'[' * 9}{']' * 9}", f"{DEEP}, see line 1"),
        ("d.toml", f"\n\nx = {'{a = ' * 9}1{'}' * 9}", f"{DEEP}, see line 3"),
        ("d.toml", f"x = {'{a = ' * 40_000}", f"{DEEP}, see line 1"),
        ("d.toml", f"{'.'.join('a' * 17)} = 1", f"{MANY_PARTS}, see line 1"),
        ("d.toml", f"{'.'.join(['a'] * 40_000)} = 1", f"{MANY_PARTS}, see line 1"),
        ("d.toml", f"x = 1\n[{' . '.join('a' * 17)}]", f"{MANY_PARTS}, see line 2"),
        ("d.toml", f"[[{'.'.join(['a'] * 40_000)}]]", f"{MANY_PARTS}, see line 1"),
        ("d.toml", "x = {" + ".".join(["'a.b'", '"c"'] * 9) + " = 1}", f"{MANY_PARTS}, see line 1"),
    ],
    ids=map(str, range(11)),
)
def test_a_document_past_the_limits_is_one_problem_and_is_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: str, told: str
) -> None:
    monkeypatch.setattr("tomllib.loads", lambda _: pytest.fail("it was parsed"))
    assert problems(tmp_path, content, name) == [f"the document cannot be read: {told}"]


DOTS, BRACKETS = "." * 99, "[" * 99
WITHIN = [
    ".".join("a" * 16) + " = 1",
    "[" + ".".join("a" * 16) + "]\nx = 1.5",
    "x = " + "[" * 8 + "]" * 8,
    f'x = \'{DOTS}{BRACKETS}\' # {DOTS}{BRACKETS}\ny = "{DOTS}\\"{BRACKETS}"',
    f"x = '''{BRACKETS}''\n'{DOTS}'''''\ny = 1",
    f'x = """{BRACKETS}""\\"""{DOTS}"""""\ny = 1',
    'x = """"""\ny = ""\nz = ["""a"""", \'\'\'\'b\'\'\'\'\']',
    "\n".join(f"{'.'.join('abcdefgh')}.k{number} = 1.5" for number in range(50)),
]


@pytest.mark.parametrize("content", WITHIN, ids=map(str, range(len(WITHIN))))
def test_a_document_within_the_limits_is_left_to_the_parser(content: str) -> None:
    assert tomllib.loads(content)
    require_toml_limits(content)


def test_of_very_many_problems_a_thousand_are_kept_and_all_are_counted(tmp_path: Path) -> None:
    many = {"tenants": [7] * 2000, "agents": [{**AGENT, "id": number} for number in range(1, 1001)]}
    with pytest.raises(InvalidDirectory) as raised:
        read_directory(written(tmp_path, many))
    for invalid in (raised.value, pickle.loads(pickle.dumps(raised.value))):
        assert (len(invalid.problems), invalid.count) == (1000, 3000)
        told = str(invalid).splitlines()
        assert (told[0], told[-1], len(told)) == ("3000 problems in the directory", "  … and 2000 more", 1002)
    with pytest.raises(InvalidDirectory) as raised:
        read_directory(written(tmp_path, {"agents": [{**AGENT, "id": number} for number in range(1, 3001)]}))
    assert (len(raised.value.problems), raised.value.count) == (1000, 3000)


def test_a_thousand_problems_are_all_told(tmp_path: Path) -> None:
    assert len(problems(tmp_path, {"tenants": [7] * 1000})) == 1000


def test_a_document_of_problems_alone_costs_little_memory(tmp_path: Path) -> None:
    path = written(tmp_path, '{"tenants": [' + ",".join(["1"] * 200_000) + "]}")
    tracemalloc.start()
    with pytest.raises(InvalidDirectory):
        read_directory(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000
