"""The conformance corpus: that it is right, what it covers, and that nothing of it that was frozen changes in silence.

To freeze the corpus as it is, run: python tests/testing/test_conformance_corpus.py
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from neo_routing.testing.conformance import (
    ConformanceCase,
    ConformanceWorld,
    conformance_version,
    conformance_worlds,
    differences,
)
from neo_routing_adapters.json_lines import answer_line, read_answer
from neo_routing_adapters.memory import MemoryDirectory, read_directory

ROOT: Final = Path(__file__).resolve().parents[2]
CORPUS: Final = ROOT / "neo_routing" / "testing" / "corpus"
FRAGMENTS: Final = ROOT / "docs" / "changelog.d"
WORLDS: Final = conformance_worlds()
Digests: TypeAlias = dict[str, dict[str, str]]

every_world = pytest.mark.parametrize("world", WORLDS, ids=[world.name for world in WORLDS])


def in_memory(world: ConformanceWorld, folder: Path) -> MemoryDirectory:
    path = folder / "directory.json"
    path.write_text(world.directory_document, "utf-8")
    return read_directory(path)


# That it is right


@every_world
def test_every_case_is_answered_as_the_corpus_says(world: ConformanceWorld, tmp_path: Path) -> None:
    directory = in_memory(world, tmp_path)
    otherwise = {
        case.name: parted
        for case in world.cases
        if (parted := differences(case, read_answer(answer_line(case.line, directory, trace=True))))
    }
    assert otherwise == {}


@every_world
def test_only_the_last_line_of_a_world_may_lack_its_end(world: ConformanceWorld) -> None:
    *others, _ = world.cases
    assert [case.name for case in others if not case.line.endswith(b"\n")] == []
    assert [case.name for case in world.cases if b"\n" in case.line[:-1]] == []


def test_some_last_line_lacks_its_end_and_some_line_ends_with_cr_lf() -> None:
    assert any(not world.cases[-1].line.endswith(b"\n") for world in WORLDS)
    assert any(case.line.endswith(b"\r\n") for world in WORLDS for case in world.cases)


def test_every_name_of_a_case_is_its_own() -> None:
    assert [
        name for name, times in Counter(case.name for world in WORLDS for case in world.cases).items() if times > 1
    ] == []


# What it covers: every path through the clauses

_WELL_FORMED = ["request-shape passed well_formed"]
_PLATFORM = [*_WELL_FORMED, "client-id-reserved passed platform_caller"]
_OTHERS = [*_WELL_FORMED, "client-id-reserved passed no_client_id"]
_CONFINED = [*_PLATFORM, "one-selector passed managed_key_given", "platform-confined passed no_agent_id"]
_ADMITTED = [*_CONFINED, "platform-ids passed ids_usable"]
_INSTALLED = [*_ADMITTED, "white-label-installation matched one_active_installation"]
_NO_BOT = [*_ADMITTED, "white-label-installation not_applicable no_bot_id"]
_NO_M365_TENANT = [*_ADMITTED, "white-label-installation not_applicable no_inbound_tenant_id"]
_NOT_INSTALLED = [*_ADMITTED, "white-label-installation passed_over no_installation"]
_OWN_CHANNEL = "active-channel matched one_active_channel"


def refusals(clause: str, *reasons: str) -> list[str]:
    return [f"{clause} refused {reason}" for reason in reasons]


_SELECTORS = refusals("one-selector", "no_selector", "two_selectors")
_OWN_AGENTS = refusals("own-agent", "agent_missing", "agent_of_another_tenant", "agent_not_conversational")
_MANAGED = ("agent_missing", "several_agents", "agent_not_conversational")
_LINKS = refusals("end-company", "no_company_linked", "several_companies_linked")
_CHANNEL_AGENTS = [
    "channel-agent passed agent_available",
    *refusals("channel-agent", "agent_missing", "agent_of_another_tenant", "agent_not_conversational"),
]
_NEO_SUPPORT = ["neo-support matched agent_available", *refusals("neo-support", "tenant_missing", *_MANAGED)]


def every_path() -> Iterator[tuple[str, ...]]:
    """Yield every path that the rules leave open (the rules, Trace)."""
    yield ("request-shape refused malformed",)
    yield (*_WELL_FORMED, "client-id-reserved refused client_id_given")
    yield from ((*before, refused) for before in (_OTHERS, _PLATFORM) for refused in _SELECTORS)
    for end in ("own-agent matched agent_available", *_OWN_AGENTS):
        yield (*_OTHERS, "one-selector passed agent_id_given", end)
    for end in ("own-managed-agent matched agent_available", *refusals("own-managed-agent", *_MANAGED)):
        yield (*_OTHERS, "one-selector passed managed_key_given", end)
    yield (*_PLATFORM, "one-selector passed agent_id_given", "platform-confined refused agent_id_given")
    yield from ((*_CONFINED, refused) for refused in refusals("platform-ids", "blank_id", "unusable_id"))
    for end in refusals("white-label-installation", "several_active_installations", "installation_disconnected"):
        yield (*_ADMITTED, end)
    yield from scoped(_INSTALLED)
    for before in (_NO_M365_TENANT, _NOT_INSTALLED):
        yield (*before, "active-channel refused several_active_channels")
        yield from (
            (*before, _OWN_CHANNEL, "end-company not_applicable standard_channel", end) for end in _CHANNEL_AGENTS
        )
        yield from ((*before, "active-channel passed_over no_active_channel", end) for end in _NEO_SUPPORT)
    yield (*_NO_M365_TENANT, _OWN_CHANNEL, "end-company refused no_inbound_tenant_id")
    yield from scoped([*_NOT_INSTALLED, _OWN_CHANNEL])
    yield from ((*_NO_BOT, "active-channel not_applicable no_bot_id", end) for end in _NEO_SUPPORT)


def scoped(before: list[str]) -> Iterator[tuple[str, ...]]:
    yield from ((*before, end) for end in _LINKS)
    yield from ((*before, "end-company passed one_company_linked", end) for end in _CHANNEL_AGENTS)


def path_of(case: ConformanceCase) -> tuple[str, ...]:
    return tuple(" ".join(step) for step in case.steps)


def test_every_path_through_the_clauses_occurs_and_no_other_does() -> None:
    [world] = [world for world in WORLDS if world.name == "every-path"]
    paths = set(every_path())
    assert {path_of(case) for case in world.cases} == paths
    assert {path_of(case) for world in WORLDS for case in world.cases} == paths


def test_no_two_cases_of_every_path_show_the_same() -> None:
    [world] = [world for world in WORLDS if world.name == "every-path"]
    shown = Counter(
        (path_of(case), case.decision.get("code", case.decision["outcome"]), *case.decision["warnings"])
        for case in world.cases
    )
    assert [again for again, times in shown.items() if times > 1] == []


# How answers are compared


@pytest.fixture
def case() -> ConformanceCase:
    return next(case for case in WORLDS[0].cases if case.decision["show_agent_progress_steps"] is True)


def answer_to(case: ConformanceCase, **changed: Any) -> dict[str, Any]:
    trace = [dict(zip(("clause", "verdict", "reason"), step, strict=True)) | {"agents": []} for step in case.steps]
    return {**case.decision, "trace": trace, **changed}


def places(case: ConformanceCase, answer: dict[str, Any], *, trace: bool = True) -> list[str]:
    return [difference.place for difference in differences(case, answer, trace=trace)]


def test_the_expected_answer_differs_in_nothing(case: ConformanceCase) -> None:
    assert places(case, answer_to(case)) == []
    assert places(case, case.decision, trace=False) == []
    assert places(case, dict(reversed(answer_to(case).items()))) == []


@pytest.mark.parametrize(
    "changed",
    [{"agent_id": "12"}, {"agent_id": 12.5}, {"show_agent_progress_steps": 1}, {"warnings": None}, {"extra": None}],
    ids=str,
)
def test_whatever_is_another_value_or_another_type_or_too_much_differs(
    case: ConformanceCase, changed: dict[str, Any]
) -> None:
    assert places(case, answer_to(case, **changed)) == [*changed]


def test_what_is_left_out_differs_even_if_it_is_null(case: ConformanceCase) -> None:
    answer = answer_to(case)
    assert answer.pop("end_company_id") is None
    [difference] = differences(case, answer)
    assert str(difference) == "end_company_id: expected null, given nothing"


def test_of_the_steps_the_first_that_parts_them_is_told(case: ConformanceCase) -> None:
    trace = answer_to(case)["trace"]
    number = len(trace)
    assert places(case, answer_to(case, trace=trace[:-1])) == [f"step {number}"]
    assert places(case, answer_to(case, trace=[*trace, trace[0]])) == [f"step {number + 1}"]
    assert places(case, answer_to(case, trace=[*trace[:2], {**trace[2], "reason": "x"}, *trace[3:-1]])) == ["step 3"]
    for no_trace in ({}, None, "steps", [None], [[]], [{}], [{"clause": 1}]):
        assert places(case, answer_to(case, trace=no_trace)) == ["step 1"]
    assert places(case, case.decision) == ["step 1"]


@pytest.mark.parametrize(
    "line",
    [b"", b"[]", b"null", b"{", b'{"a": NaN}', b'{"a": 1, "a": 1}', b"\xef\xbb\xbf{}", b"[" * 100_000],
    ids=[str(number) for number in range(8)],
)
def test_what_holds_no_object_is_no_answer(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"^is no JSON object$"):
        read_answer(line)


def test_what_is_not_utf_8_is_no_answer() -> None:
    with pytest.raises(ValueError, match=r"^is not UTF-8$"):
        read_answer(b'{"tenant_id": "\xff"}')


def test_integers_of_an_answer_are_read_exactly() -> None:
    assert read_answer('{"a": 9007199254740993.0, "b": 1e3, "c": %s}' % ("9" * 5000))["a"] == 2**53 + 1
    assert read_answer('{"a": 0.5, "b": 1e-400}\r\n') == {"a": 0.5, "b": 5e-324}  # which is no integer either


# What was frozen


def digests(corpus: Path) -> Digests:
    """Return the digest of each case: of its directory, of what it asks, and of what is expected."""
    return {file.stem: dict(digests_of(json.loads(file.read_text("utf-8")))) for file in (corpus / "worlds").iterdir()}


def digests_of(file: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for case in file["cases"]:
        asked_and_expected = {name: value for name, value in case.items() if name not in {"name", "beats", "mended"}}
        text = json.dumps([file["directory"]["document"], asked_and_expected], sort_keys=True)
        yield case["name"], hashlib.sha256(text.encode()).hexdigest()[:16]


def frozen(corpus: Path) -> dict[str, Any]:
    return json.loads((corpus / "frozen.json").read_text("utf-8"))


def changed_in_silence(corpus: Path, fragments: Path) -> list[str]:
    """Name each frozen case that is another one now, or gone, and that no fragment of type `decision` names."""
    now = digests(corpus)
    announced = " ".join(
        " ".join(fragment.read_text("utf-8").split()) for fragment in sorted(fragments.glob("*.decision*.md"))
    )
    return [
        f"{world}.json: {name}: {'is another' if name in now.get(world, {}) else 'is gone'}"
        for world, cases in frozen(corpus)["cases"].items()
        for name, digest in cases.items()
        if now.get(world, {}).get(name) != digest and f"{world}.json" not in announced and name not in announced
    ]


def freeze(corpus: Path, fragments: Path) -> str:
    """Write down the corpus as it is, unless something of it has changed in silence."""
    silent = changed_in_silence(corpus, fragments)
    if silent:
        raise SystemExit("\n".join([_ANNOUNCE, *silent]))
    before, now = frozen(corpus), dict(sorted(digests(corpus).items()))
    if before["cases"] == now:
        return f"nothing has changed since version {before['version']}"
    version = before["version"] + 1
    (corpus / "frozen.json").write_text(json.dumps({"version": version, "cases": now}, indent=1) + "\n", "utf-8")
    return f"version {version}: {sum(map(len, now.values()))} cases"


_ANNOUNCE: Final = (
    "What was frozen has changed. A fragment of the changelog of type decision must name the case or its file; "
    "a case on other rows belongs into a file of its own:"
)


def test_whatever_changes_in_the_corpus_is_announced() -> None:
    assert changed_in_silence(CORPUS, FRAGMENTS) == [], _ANNOUNCE


def test_the_version_is_the_one_that_was_frozen() -> None:
    assert conformance_version() == frozen(CORPUS)["version"] >= 1


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A copy of two worlds of the corpus, frozen as they are, with a folder for fragments beside it."""
    copy = tmp_path / "corpus"
    (tmp_path / "changelog.d").mkdir()
    (copy / "worlds").mkdir(parents=True)
    for name in ("own-agent", "lines"):
        shutil.copy(CORPUS / "worlds" / f"{name}.json", copy / "worlds")
    (copy / "frozen.json").write_text('{"version": 4, "cases": {}}')
    freeze(copy, tmp_path / "changelog.d")
    return copy


@pytest.fixture
def fragments(corpus: Path) -> Path:
    return corpus.parent / "changelog.d"


def change(corpus: Path, world: str, make: Any) -> str:
    """Change the first case of a world, or its file, and return the name that the case had."""
    path = corpus / "worlds" / f"{world}.json"
    file = json.loads(path.read_text("utf-8"))
    name: str = file["cases"][0]["name"]
    make(file)
    path.write_text(json.dumps(file), "utf-8")
    return name


def another_answer(file: dict[str, Any]) -> None:
    file["cases"][0]["decision"]["agent_id"] = 7


def another_reason(file: dict[str, Any]) -> None:
    file["cases"][0]["steps"][-1][-1] = "agent_missing"


def another_question(file: dict[str, Any]) -> None:
    file["cases"][0] |= {"line": "{}"}


def test_what_is_as_it_was_frozen_needs_no_fragment(corpus: Path, fragments: Path) -> None:
    assert changed_in_silence(corpus, fragments) == []
    assert freeze(corpus, fragments) == "nothing has changed since version 5"


@pytest.mark.parametrize("make", [another_answer, another_reason, another_question])
def test_a_changed_case_needs_a_fragment(corpus: Path, fragments: Path, make: Any) -> None:
    name = change(corpus, "own-agent", make)
    assert changed_in_silence(corpus, fragments) == [f"own-agent.json: {name}: is another"]
    with pytest.raises(SystemExit, match="must name the case or its file"):
        freeze(corpus, fragments)
    assert frozen(corpus)["version"] == 5


def test_a_case_that_was_removed_or_renamed_needs_a_fragment(corpus: Path, fragments: Path) -> None:
    removed = change(corpus, "own-agent", lambda file: file["cases"].pop(0))
    renamed = change(corpus, "lines", lambda file: file["cases"][0].update(name="another name"))
    assert sorted(changed_in_silence(corpus, fragments)) == [
        f"lines.json: {renamed}: is gone",
        f"own-agent.json: {removed}: is gone",
    ]


def test_a_file_that_was_removed_needs_a_fragment_for_every_case(corpus: Path, fragments: Path) -> None:
    (corpus / "worlds" / "own-agent.json").unlink()
    assert len(changed_in_silence(corpus, fragments)) == len(frozen(corpus)["cases"]["own-agent"])


def test_other_rows_change_every_case_that_is_decided_on_them(corpus: Path, fragments: Path) -> None:
    change(corpus, "own-agent", lambda file: file["directory"]["document"]["tenants"].append({"id": "msp-new"}))
    assert len(changed_in_silence(corpus, fragments)) == len(frozen(corpus)["cases"]["own-agent"])


def test_a_fragment_that_names_the_case_or_its_file_announces_it(corpus: Path, fragments: Path) -> None:
    name = change(corpus, "own-agent", another_answer)
    fragment = fragments / "9.decision.md"
    for text, silent in [("Some answers are others.", 1), (name.replace(" ", "\n", 1), 0), ("`own-agent.json`", 0)]:
        fragment.write_text(text)
        assert len(changed_in_silence(corpus, fragments)) == silent
    assert freeze(corpus, fragments).startswith("version 6: ")
    fragment.unlink()
    assert changed_in_silence(corpus, fragments) == []


def test_a_fragment_of_another_type_announces_nothing(corpus: Path, fragments: Path) -> None:
    name = change(corpus, "own-agent", another_answer)
    (fragments / "9.fix.md").write_text(name)
    assert len(changed_in_silence(corpus, fragments)) == 1


def test_a_new_case_needs_no_fragment_until_it_is_frozen(corpus: Path, fragments: Path) -> None:
    change(corpus, "own-agent", lambda file: file["cases"].append({**file["cases"][0], "name": "new"}))
    assert changed_in_silence(corpus, fragments) == []
    assert freeze(corpus, fragments).startswith("version 6: ")
    change(corpus, "own-agent", lambda file: file["cases"].pop())
    assert changed_in_silence(corpus, fragments) == ["own-agent.json: new: is gone"]


def test_how_a_file_is_laid_out_and_what_it_tells_besides_is_not_frozen(corpus: Path, fragments: Path) -> None:
    change(corpus, "own-agent", lambda file: file.update(about="something else", cases=file["cases"][::-1]))
    assert changed_in_silence(corpus, fragments) == []


if __name__ == "__main__":
    sys.stdout.write(freeze(CORPUS, FRAGMENTS) + "\n")
