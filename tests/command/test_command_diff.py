"""`neo-routing diff`: which calls are answered otherwise, weighed with recorded ones, and held to what is meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from neo_routing.analysis import Change, difference
from neo_routing_adapters.command.analysis.spoken import CHANGES
from neo_routing_adapters.memory import read_directory

if TYPE_CHECKING:
    from tests.command.conftest import Run


@pytest.fixture
def changed(directory: str, tmp_path: Path) -> str:
    """The sample with no channel paused: some calls are answered wider, some refused, some answered."""
    path = tmp_path / "changed.json"
    path.write_text(Path(directory).read_text().replace('"status": "DISCONNECTED"', '"status": "ACTIVE"'))
    return str(path)


@pytest.fixture
def many(tmp_path: Path) -> str:
    """A directory with so many rows of each sort that a set of them has hardly the same order twice."""
    path = tmp_path / "many.json"
    names = [f"msp-{each}" for each in range(8)]
    channels = [
        {"id": f"ch-{name}", "tenant_id": name, "agent_id": 1, "bot_id": f"bot-{name}", "white_label": True}
        | {"installed_m365_tenant_ids": [f"{each}.example" for each in names]}
        for name in names
    ]
    path.write_text(json.dumps({"tenants": [{"id": name} for name in names], "channels": channels}))
    return str(path)


def uninstalled(directory: str, tmp_path: Path) -> str:
    """The sample without the installation of Lakeside Dental."""
    path = tmp_path / "uninstalled.json"
    path.write_text(Path(directory).read_text().replace('"9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a", ', ""))
    return str(path)


def told(run: Run, *arguments: str, status: int = 0) -> str:
    done = run("diff", *arguments)
    assert done.returncode == status, done
    return " ".join(done.stdout.decode().split())


def lines(run: Run, *arguments: str, status: int = 0) -> list[dict[str, Any]]:
    done = run("diff", *arguments, "--json")
    assert done.returncode == status, done
    return [json.loads(line) for line in done.stdout.splitlines()]


def imported(run: Run, path: str, url: str) -> str:
    assert run("db", "upgrade", url).returncode == 0
    assert run("db", "import", url, path).returncode == 0
    return url


def declared(tmp_path: Path, *differences: object) -> tuple[str, str]:
    path = tmp_path / "expected.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in differences))
    return "--expect", str(path)


def test_each_change_has_words_of_its_own() -> None:
    assert (set(CHANGES), len({*CHANGES.values()})) == (set(Change), len(Change))


def test_json_is_every_difference_and_the_worst_comes_first(run: Run, directory: str, changed: str) -> None:
    found = lines(run, directory, changed)
    assert found == [each.data() for each in difference(read_directory(directory), read_directory(changed))]
    assert [each["change"] for each in found] == ["wider", "wider", "refused", "refused", "answered", "answered"]


@pytest.mark.parametrize("command", [("audit", "--directory"), ("reach", "--bot", "bot-msp-1", "--directory")])
def test_the_same_is_told_in_the_same_order_each_time(run: Run, many: str, command: tuple[str, ...]) -> None:
    told_each_time = {run(*command, many, "--json", env={"PYTHONHASHSEED": seed}).stdout for seed in "12"}
    assert len(told_each_time) == 1


def test_differences_are_told_in_the_same_order_each_time(run: Run, directory: str, many: str) -> None:
    told_each_time = {run("diff", directory, many, "--json", env={"PYTHONHASHSEED": seed}).stdout for seed in "12"}
    assert len(told_each_time) == 1


def test_a_person_reads_what_changed_from_which_answer_to_which(run: Run, directory: str, changed: str) -> None:
    text = told(run, directory, changed)
    assert (
        "the platform for harbor-msp, bot 6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e, without an M365 tenant "
        "before neo_support_fallback: agent 3001 answers as harbor-msp, unscoped "
        "after refused, 409 end_company_not_mapped, no_inbound_tenant_id"
    ) in text
    assert "refused: a refusal where a session was the platform for harbor-msp" in text
    assert text.startswith("wider: ") and text.endswith("6 classes of calls told otherwise")
    assert text.count("wider: ") == 1


def test_equal_answers_are_told_once_for_all_their_classes(run: Run, directory: str, changed: str) -> None:
    assert told(run, directory, changed).count("agent 1 answers as neo-platform") == 1


def test_an_installation_that_goes_is_told_as_a_region(run: Run, directory: str, tmp_path: Path) -> None:
    text = told(run, directory, uninstalled(directory, tmp_path))
    assert "wider: an unscoped session where a scoped one or a refusal was the platform for any tenant" in text
    assert "before white_label_channel: agent 1002 answers as northwind-it for lakeside-dental alone" in text
    assert "after each target's own answer; of harbor-msp neo_support_fallback: agent 3001 answers as harbor-m" in text


def test_an_installation_that_comes_is_told_as_a_region(run: Run, directory: str, tmp_path: Path) -> None:
    text = told(run, uninstalled(directory, tmp_path), directory)
    assert "before each target's own answer; of harbor-msp neo_support_fallback: agent 3001" in text


def test_a_tenant_that_is_in_one_of_them_alone_is_told_as_such(run: Run, directory: str, tmp_path: Path) -> None:
    path = tmp_path / "more.json"
    path.write_text(Path(directory).read_text().replace('"tenants": [', '"tenants": [{"id": "new-msp"},'))
    assert "the tenant is there after the change alone" in told(run, directory, str(path))
    assert "the tenant is there before the change alone" in told(run, str(path), directory)


def test_equal_answers_are_told_apart_where_the_tenant_is_in_one_of_them_alone(run: Run, tmp_path: Path) -> None:
    supports = [
        {"id": number, "tenant_id": name, "kind": "CONVERSATIONAL", "managed_key": "NEO_SUPPORT"}
        for number, name in enumerate(("old-msp", "old-msp", "new-msp", "new-msp"), start=1)
    ]
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    before.write_text(json.dumps({"tenants": [{"id": "old-msp"}]}))
    after.write_text(json.dumps({"tenants": [{"id": "old-msp"}, {"id": "new-msp"}], "agents": supports}))
    text = told(run, str(before), str(after))
    answers = "before refused, 404 managed_agent_not_found after refused, 409 managed_agent_unavailable"
    assert (
        f"accounts of new-msp, managed agent NEO_SUPPORT {answers} the tenant is there after the change alone" in text
    )
    assert text.count(answers) == 2


def test_other_warnings_alone_are_told_with_the_warnings(run: Run, directory: str, tmp_path: Path) -> None:
    path = tmp_path / "more.json"
    bot = '{"id": "new", "tenant_id": "harbor-msp", "agent_id": 3002, "bot_id": "new-bot"},'
    path.write_text(Path(directory).read_text().replace('"channels": [', f'"channels": [{bot}'))
    text = told(run, directory, str(path))
    assert "warning: the same answer, with other warnings" in text
    assert "warnings: bot_unknown" in text and "warnings: none" in text


def test_changed_names_are_no_difference(run: Run, directory: str, tmp_path: Path) -> None:
    path = tmp_path / "renamed.json"
    path.write_text(Path(directory).read_text().replace("Help Desk", "Service Desk"))
    assert told(run, directory, str(path), "--fail-on", "wider") == "nothing is told otherwise"
    assert lines(run, directory, str(path)) == []


def test_two_databases_and_a_database_and_a_file_compare_as_well(
    run: Run, directory: str, changed: str, tmp_path: Path
) -> None:
    before = imported(run, directory, f"sqlite:///{tmp_path / 'before.sqlite'}")
    after = imported(run, changed, f"sqlite:///{tmp_path / 'after.sqlite'}")
    expected = sorted(map(json.dumps, lines(run, directory, changed)))
    for one, other in ((before, after), (before, changed), (directory, after)):
        assert sorted(map(json.dumps, lines(run, one, other))) == expected
    assert lines(run, before, directory) == []


# Recorded calls


def test_recorded_calls_weigh_a_difference(run: Run, directory: str, changed: str, cases: str) -> None:
    *found, total = lines(run, directory, changed, "--cases", cases)
    assert [each["cases"] for each in found] == [0, 0, 1, 0, 0, 1]
    assert total == {"cases": 18, "malformed": 1, "elsewhere": 2}
    assert told(run, directory, changed, "--cases", cases).endswith(
        "2 of 18 cases would have gone elsewhere, 1 malformed"
    )


def test_a_call_that_is_only_warned_otherwise_does_not_go_elsewhere(run: Run, directory: str, tmp_path: Path) -> None:
    bot = '{"id": "new", "tenant_id": "harbor-msp", "agent_id": 3002, "bot_id": "new-bot"},'
    after, cases = tmp_path / "more.json", tmp_path / "cases.jsonl"
    after.write_text(Path(directory).read_text().replace('"channels": [', f'"channels": [{bot}'))
    asked = {"client_id": "northwind-it", "managed_agent_key": "NEO_SUPPORT", "bot_id": "new-bot"}
    cases.write_text(json.dumps({"caller": {"kind": "platform", "tenant_id": "neo-platform"}, "request": asked}) + "\n")
    *found, total = lines(run, directory, str(after), "--cases", str(cases))
    assert sum(each["cases"] for each in found if each["change"] == "warning") == 1
    assert total == {"cases": 1, "malformed": 0, "elsewhere": 0}


def test_a_call_in_a_region_is_counted_there(run: Run, directory: str, cases: str, tmp_path: Path) -> None:
    *found, total = lines(run, directory, uninstalled(directory, tmp_path), "--cases", cases)
    weighed = [each for each in found if each["cases"]]
    assert weighed and all(each["request_class"]["sort"] == "installation_region" for each in weighed)
    assert total["elsewhere"] == sum(each["cases"] for each in weighed if each["answer_changed"])


def test_as_many_calls_go_elsewhere_as_are_decided_otherwise(
    run: Run, directory: str, changed: str, cases: str, tmp_path: Path
) -> None:
    for after in (changed, uninstalled(directory, tmp_path)):
        before_lines, after_lines = (
            run("resolve", "--directory", each, cases).stdout.splitlines() for each in (directory, after)
        )
        answers = [
            [{name: value for name, value in json.loads(line).items() if name != "warnings"} for line in decided]
            for decided in (before_lines, after_lines)
        ]
        otherwise = sum(one != other for one, other in zip(*answers, strict=True))
        assert otherwise
        assert lines(run, directory, after, "--cases", cases)[-1]["elsewhere"] == otherwise


def test_a_file_without_any_case_is_no_evidence(run: Run, directory: str, changed: str) -> None:
    done = run("diff", directory, changed, "--cases", directory)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"is a case" in done.stderr


# What is meant


def test_without_being_told_to_it_does_not_fail(run: Run, directory: str, changed: str) -> None:
    assert run("diff", directory, changed).returncode == 0


def test_it_fails_on_the_changes_that_are_named(run: Run, directory: str, changed: str) -> None:
    done = run("diff", directory, changed, "--fail-on", "wider,refused")
    assert (done.returncode, done.stderr) == (
        1,
        b"neo-routing: 4 differences that should not be: wider, refused\n",
    )
    assert len(lines(run, directory, changed, "--fail-on", "wider", status=1)) == 6
    assert len(lines(run, directory, changed, "--fail-on", "another_tenant, another_scope")) == 6


def test_what_json_wrote_declares_all_of_it(run: Run, directory: str, changed: str, tmp_path: Path) -> None:
    found = lines(run, directory, changed)
    meant = declared(tmp_path, *found)
    assert lines(run, directory, changed, *meant) == []
    assert told(run, directory, changed, *meant) == "nothing is told otherwise but what was expected"


def test_what_is_not_declared_is_told_and_fails(run: Run, directory: str, changed: str, tmp_path: Path) -> None:
    found = lines(run, directory, changed)
    meant = declared(tmp_path, *found[1:])
    assert lines(run, directory, changed, *meant, status=1) == found[:1]
    done = run("diff", directory, changed, *meant)
    assert done.stderr == b"neo-routing: 1 difference that should not be: wider\n"


def test_of_a_declared_difference_members_may_be_left_out(
    run: Run, directory: str, changed: str, tmp_path: Path
) -> None:
    meant = declared(
        tmp_path,
        {"change": "answered", "after": {"tenant_id": "harbor-msp"}},
        {"change": "refused", "request_class": {"before": {"tenant_id": "harbor-msp"}}},
        {"change": "wider", "after": {"tenant_id": "somebody-else"}},
        {"change": "wider", "no_such_member": None},
    )
    assert [each["change"] for each in lines(run, directory, changed, *meant, status=1)] == ["wider", "wider"]


def test_of_what_is_not_declared_it_fails_on_the_changes_that_are_named_alone(
    run: Run, directory: str, changed: str, tmp_path: Path
) -> None:
    meant = declared(tmp_path, {"change": "wider"})
    assert len(lines(run, directory, changed, *meant, "--fail-on", "wider")) == 4
    assert len(lines(run, directory, changed, *meant, "--fail-on", "refused", status=1)) == 4


@pytest.mark.parametrize("line", ["{}", "[]", '{"change": "widened"}', '{"answer_changed": true}', "", "{"])
def test_a_line_that_would_declare_more_than_it_says_is_refused(
    run: Run, directory: str, changed: str, tmp_path: Path, line: str
) -> None:
    path = tmp_path / "expected.jsonl"
    path.write_text(line + "\n")
    done = run("diff", directory, changed, "--expect", str(path))
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"line 1 of " in done.stderr and b"declares no difference" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--fail-on", "wider,narrower"), b"--fail-on knows no narrower; a change is one of wider, another_tenant"),
        (("--fail-on", ""), b"--fail-on knows no"),
        (("--cases", "sqlite:///x"), b"the cases must be a file, or - for standard input, not the URL of a database"),
        (("--expect", "nowhere.jsonl"), b"cannot read nowhere.jsonl"),
        (("--cases", "nowhere.jsonl"), b"cannot read nowhere.jsonl"),
    ],
)
def test_what_makes_no_sense_ends_with_2(
    run: Run, directory: str, changed: str, arguments: tuple[str, ...], complaint: bytes
) -> None:
    done = run("diff", directory, changed, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert complaint in done.stderr
