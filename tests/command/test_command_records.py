"""Records on the command line: `explain --record` opens one, `resolve --expect` decides many again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from returns.result import Failure

from neo_routing import (
    RULES_VERSION,
    Caller,
    CallerKind,
    SessionRequest,
    __version__,
    decide,
    decision_record,
    malformed_decision,
)
from neo_routing.decision import Decision
from neo_routing_adapters.json_lines import read_case, record_line
from neo_routing_adapters.memory import read_directory

if TYPE_CHECKING:
    from tests.command.conftest import OnATerminal, Run

WHEN = datetime(2026, 11, 29, 9, 30, tzinfo=UTC)
MALFORMED = 6
SOMEBODY = Caller(CallerKind.USER, "northwind-it")


def line(record_id: str, caller: Caller, request: SessionRequest | None, decision: Decision) -> str:
    return record_line(decision_record(decision, id=record_id, time=WHEN, caller=caller, request=request))


@pytest.fixture
def lines(directory: str, cases: str) -> list[str]:
    """A record of each decision of the sample; one of its cases is malformed."""
    known, made = read_directory(directory), []
    for number, text in enumerate(Path(cases).read_bytes().splitlines(), start=1):
        case = read_case(text)
        if isinstance(case, Failure):
            made.append(line(f"call-{number}", SOMEBODY, None, malformed_decision(case.failure())))
        else:
            made.append(line(f"call-{number}", *case.unwrap(), decide(*case.unwrap(), known)))
    return made


@pytest.fixture
def records(lines: list[str], tmp_path: Path) -> str:
    """The path of a file with all of them."""
    return written(tmp_path, *lines)


@pytest.fixture
def changed(directory: str, tmp_path: Path) -> str:
    """The path of the sample directory with its paused channels active, which two cases notice."""
    path = tmp_path / "changed.json"
    path.write_text(Path(directory).read_text().replace('"DISCONNECTED"', '"ACTIVE"'))
    return str(path)


def written(folder: Path, *lines: str) -> str:
    path = folder / "records.jsonl"
    path.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
    return str(path)


def tampered(text: str, **changes: Any) -> str:
    """Let a record say that something else was decided."""
    record = json.loads(text)
    record["decision"] |= changes
    return json.dumps(record)


# resolve --expect


def test_records_decided_again_on_their_own_rows_are_all_the_same(run: Run, records: str) -> None:
    for explain in ([], ["--explain"]):
        done = run("resolve", "--expect", records, *explain)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_records_come_from_standard_input_too(run: Run, lines: list[str], directory: str, changed: str) -> None:
    given = "\n".join(lines).encode()
    for arguments, status in ([], 0), (["--directory", directory], 0), (["--directory", changed], 1):
        assert run("resolve", "--expect", "-", *arguments, input=given).returncode == status


def test_each_that_is_decided_otherwise_is_a_line_and_the_exit_status_is_1(
    run: Run, records: str, changed: str
) -> None:
    done = run("resolve", "--expect", records, "--directory", changed)
    assert done.returncode == 1
    told = [json.loads(each) for each in done.stdout.splitlines()]
    assert [[*each] for each in told] == [["id", "time", "expected", "given"]] * 2
    assert [each["id"] for each in told] == ["call-3", "call-15"]
    assert {each["time"] for each in told} == {"2026-11-29T09:30:00+00:00"}
    assert told[1]["expected"]["code"] == "channel_not_active"
    assert told[1]["given"]["outcome"] == "white_label_channel"
    assert not any("trace" in each["expected"] or "trace" in each["given"] for each in told)
    assert done.stderr == b"neo-routing: 18 records: 2 decided otherwise, 1 malformed and not decidable\n"


def test_explain_compares_traces_as_well(run: Run, records: str, directory: str, tmp_path: Path) -> None:
    renamed = tmp_path / "renamed.json"
    renamed.write_text(Path(directory).read_text().replace("Help Desk", "Service Desk"))
    assert run("resolve", "--expect", records, "--directory", str(renamed)).returncode == 0
    done = run("resolve", "--expect", records, "--directory", str(renamed), "--explain")
    assert done.returncode == 1
    told = json.loads(done.stdout.splitlines()[0])
    assert told["expected"]["trace"][-1]["agents"][0]["name"] == "Help Desk"
    assert told["given"]["trace"][-1]["agents"][0]["name"] == "Service Desk"


def test_a_record_that_says_something_else_was_decided_is_found_on_its_own_rows(
    run: Run, lines: list[str], tmp_path: Path
) -> None:
    path = written(tmp_path, lines[0], tampered(lines[1], agent_id=7), lines[2])
    done = run("resolve", "--expect", path)
    assert done.returncode == 1
    [told] = [json.loads(each) for each in done.stdout.splitlines()]
    assert (told["id"], told["expected"]["agent_id"]) == ("call-2", 7)
    assert told["given"] == {name: json.loads(lines[1])["decision"][name] for name in told["given"]}
    assert done.stderr == b"neo-routing: 3 records: 1 decided otherwise\n"


def test_a_summary_is_shown_on_a_terminal(on_a_terminal: OnATerminal, records: str) -> None:
    told, shown = on_a_terminal("resolve", "--expect", records)
    assert told == b""
    assert b"neo-routing: 18 records: 0 decided otherwise, 1 malformed and not decidable" in shown


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ("", "is no record: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "is no record: record must be an object"),
        ('{"id": "a", "id": "b"}', 'is no record: the key "id" is there twice in an object'),
        ('{"caller": {}, "request": {}}', "is no record: record.id is missing"),
    ],
)
def test_a_line_that_is_no_record_ends_it_with_status_2_and_is_named(
    run: Run, lines: list[str], tmp_path: Path, spoilt: str, told: str
) -> None:
    path = written(tmp_path, lines[0], spoilt, lines[1])
    done = run("resolve", "--expect", path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode() == f"neo-routing: line 2 of {path} {told}\n"


def test_what_ends_it_is_the_last_that_a_terminal_shows(
    on_a_terminal: OnATerminal, lines: list[str], tmp_path: Path
) -> None:
    _, shown = on_a_terminal("resolve", "--expect", written(tmp_path, lines[0], "[]"))
    assert b"Deciding again" in shown
    assert shown.rstrip().endswith(b" is no record: record must be an object")


def test_no_records_at_all_are_no_success(run: Run, tmp_path: Path) -> None:
    path = written(tmp_path)
    done = run("resolve", "--expect", path)
    assert (done.returncode, done.stderr.decode()) == (2, f"neo-routing: {path} holds no records\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("resolve",), "--directory is required, unless --expect gives records, which have rows of their own"),
        (("resolve", "--expect", "a", "b"), "give either a file of cases, or records by --expect"),
        (("resolve", "--expect", "absent"), "cannot read absent: No such file or directory"),
        (
            ("resolve", "--expect", "sqlite:///a"),
            "the records must be a file, or - for standard input, not the URL of a database",
        ),
        (("explain", "--record", "absent"), "cannot read absent: No such file or directory"),
        (
            ("explain", "--record", "sqlite:///a"),
            "the record must be in a file, or - for standard input, not the URL of a database",
        ),
        (
            ("explain", "--caller", "user:a"),
            "--directory is required, unless --record gives a decision that was recorded",
        ),
        (
            ("explain", "--directory", "a"),
            "--caller is required, unless --record gives a decision that was recorded",
        ),
        (("explain", "--id", "a"), "--id is that of a record: give its file by --record"),
        (
            ("explain", "--record", "a", "--agent-id", "1"),
            "a record says who asks, and for what: give nothing of that beside --record",
        ),
        (
            ("explain", "--record", "a", "--caller", "user:a"),
            "a record says who asks, and for what: give nothing of that beside --record",
        ),
    ],
)
def test_what_does_not_go_together_is_told_in_one_line(run: Run, arguments: tuple[str, ...], told: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", f"neo-routing: {told}\n")


def test_a_file_of_records_is_a_file_of_cases(run: Run, records: str, directory: str, cases: str) -> None:
    from_records = run("resolve", "--directory", directory, records).stdout.splitlines()
    from_cases = run("resolve", "--directory", directory, cases).stdout.splitlines()
    assert [
        number for number, both in enumerate(zip(from_records, from_cases, strict=True), 1) if len({*both}) > 1
    ] == [MALFORMED]


# explain --record


def told(run: Run, *arguments: str, **more: Any) -> str:
    done = run("explain", *arguments, **more)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def test_a_record_is_told_as_the_decision_was_and_when_and_under_what(
    run: Run, lines: list[str], records: str, directory: str
) -> None:
    record = json.loads(lines[0])
    body = [f"--{name.replace('_', '-')}={value}" for name, value in record["request"].items()]
    caller = f"{record['caller']['kind']}:{record['caller']['tenant_id']}"
    decided = told(run, "--directory", directory, "--caller", caller, *body)
    shown = told(run, "--record", records, "--id", "call-1")
    assert shown.startswith(decided)
    assert shown.removeprefix(decided).split("\n") == [
        "",
        "record",
        "  id call-1",
        "  decided 2026-11-29T09:30:00+00:00",
        f"  by library {record['library_version']}, version {record['rules_version']} of the rules",
        "  decided again on the recorded rows: the same",
        "",
    ]


def test_a_record_by_itself_may_stand_on_many_lines_and_in_standard_input(
    run: Run, lines: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    path.write_text(json.dumps(json.loads(lines[0]), indent=2))
    shown = told(run, "--record", str(path))
    assert "id call-1" in shown
    assert (
        shown
        == told(run, "--record", "-", input=lines[0].encode())
        == told(run, "--record", written(tmp_path, lines[0]))
    )


def test_it_tells_the_revision_if_there_is_one(run: Run, lines: list[str], tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(json.loads(lines[0]) | {"revision": "r-17\u202e"}))
    assert "  revision r-17\\u202e of the directory\n" in told(run, "--record", path)


def test_it_tells_by_what_it_is_decided_again_if_that_is_another_version(
    run: Run, lines: list[str], tmp_path: Path
) -> None:
    path = written(tmp_path, json.dumps(json.loads(lines[0]) | {"library_version": "0.0.9", "rules_version": 1}))
    shown = " ".join(told(run, "--record", path).split())
    assert "by library 0.0.9, version 1 of the rules" in shown
    assert (
        f"decided again on the recorded rows, by library {__version__}, version {RULES_VERSION} of the rules:" in shown
    )


def test_it_tells_what_comes_out_otherwise(run: Run, records: str, changed: str, directory: str) -> None:
    shown = told(run, "--record", records, "--id", "call-15", "--directory", changed)
    before, _, after = shown.partition("  decided again on the directory: otherwise\n")
    assert "channel_not_active" in before and "channel_not_active" not in after
    assert "white_label_channel: " in after
    same = told(run, "--record", records, "--id", "call-15", "--directory", directory)
    assert same.endswith("  decided again on the directory: the same\n")


def test_a_record_that_says_something_else_was_decided_is_told(run: Run, lines: list[str], tmp_path: Path) -> None:
    shown = told(run, "--record", written(tmp_path, tampered(lines[1], agent_id=7)))
    assert "agent 7 answers" in shown
    assert "  decided again on the recorded rows: otherwise\n" in shown


def test_a_malformed_call_is_told_and_not_decided_again(run: Run, records: str) -> None:
    shown = told(run, "--record", records, "--id", f"call-{MALFORMED}")
    assert "request-shape: refused" in shown
    assert shown.endswith("  the call was malformed, and its body is not kept: it cannot be decided again\n")


def test_json_is_the_recorded_decision_with_its_trace(run: Run, lines: list[str], records: str) -> None:
    assert json.loads(told(run, "--record", records, "--id", "call-4", "--json")) == json.loads(lines[3])["decision"]


def test_which_record_is_meant_must_be_clear(run: Run, lines: list[str], tmp_path: Path) -> None:
    path = written(tmp_path, lines[0], lines[1], lines[0])
    for arguments, expected in [
        ((), f"{path} has several records: say which by --id"),
        (("--id", "call-1"), f"there are several records with the id call-1 in {path}"),
        (("--id", "call-9"), f"there is no record with the id call-9 in {path}"),
    ]:
        done = run("explain", "--record", path, *arguments)
        assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", f"neo-routing: {expected}\n")


def test_what_is_no_record_is_one_line_and_status_2(run: Run, cases: str, directory: str) -> None:
    for arguments in (["--record", directory], ["--record", cases, "--id", "call-1"]):
        done = run("explain", *arguments)
        assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
        assert b" is no record: record.id is missing" in done.stderr or b" is not a known key" in done.stderr


def test_json_of_a_record_is_what_was_recorded_or_what_the_directory_says(
    run: Run, records: str, directory: str, changed: str
) -> None:
    explained = [
        run("explain", "--record", records, "--id", "call-15", "--json", *given).stdout
        for given in ([], ["--directory", directory], ["--directory", changed])
    ]
    assert explained[0] == explained[1]
    assert json.loads(explained[0])["code"] == "channel_not_active"
    assert json.loads(explained[2])["outcome"] == "white_label_channel"
    done = run("explain", "--record", records, "--id", "call-15", "--json", "--directory", "missing.json")
    assert (done.returncode, done.stdout) == (2, b"")


def test_records_of_malformed_calls_alone_show_nothing(run: Run, lines: list[str], tmp_path: Path) -> None:
    malformed = [line for line in lines if json.loads(line)["request"] is None]
    done = run("resolve", "--expect", written(tmp_path, *malformed))
    assert (len(malformed), done.returncode, done.stdout) == (1, 2, b"")
    assert b"can be decided again: the calls were malformed" in done.stderr
