"""`neo-routing resolve`, run as people and programs run it."""

from __future__ import annotations

import gzip
import json
import os
import pty
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.command.conftest import OnATerminal, Run

GOOD = b'{"caller": {"kind": "user", "tenant_id": "northwind-it"}, "request": {"agent_id": 1003}}'


def test_a_file_of_cases_gets_a_decision_for_each_in_order(run: Run, directory: str, cases: str) -> None:
    done = run("resolve", "--directory", directory, cases)
    assert (done.returncode, done.stderr) == (0, b"")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["outcome"] for answer in answers[:2]] == ["white_label_channel", "active_channel"]
    assert len(answers) == 18
    assert not any("trace" in answer for answer in answers)


def test_explain_adds_the_trace_and_changes_nothing_else(run: Run, directory: str, cases: str) -> None:
    plain = run("resolve", "--directory", directory, cases).stdout.splitlines()
    traced = [
        json.loads(line) for line in run("resolve", "--directory", directory, cases, "--explain").stdout.splitlines()
    ]
    assert all(answer.pop("trace") for answer in traced)
    assert traced == [json.loads(line) for line in plain]


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (b"", 0),
        (b"\n", 1),
        (b"\n\n\n", 3),
        (b"\r\n\r\n", 2),
        (b"\r", 1),
        (GOOD, 1),
        (GOOD + b"\n", 1),
        (GOOD + b"\r\n", 1),
        (GOOD + b"\r" + GOOD, 1),
        (GOOD + b"\r\n\r\n" + GOOD, 3),
        (GOOD + b"\n" + b"\x85\n\x0b\x0c\x1c\n\xe2\x80\xa8\n", 4),
        (b"\xff\n" + GOOD, 2),
    ],
)
def test_lines_in_and_lines_out_match(run: Run, directory: str, tmp_path: Path, given: bytes, lines: int) -> None:
    (tmp_path / "cases.jsonl").write_bytes(given)
    piped = run("resolve", "--directory", directory, input=given)
    filed = run("resolve", "--directory", directory, str(tmp_path / "cases.jsonl"))
    assert piped.returncode == filed.returncode == 0
    assert piped.stdout == filed.stdout
    assert piped.stdout.count(b"\n") == len(piped.stdout.splitlines()) == lines


def test_what_is_written_is_utf_8_in_any_locale(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    path.write_text(
        '{"tenants": [{"id": "zürich-it"}], "agents": [{"id": 1, "tenant_id": "zürich-it", "kind": "CONVERSATIONAL"}]}',
        encoding="utf-8",
    )
    case = '{"caller": {"kind": "user", "tenant_id": "zürich-it"}, "request": {"agent_id": 1}}'.encode()
    explain = ("explain", "--directory", str(path), "--caller", "user:zürich-it", "--agent-id", "1")
    for encoding in ("ascii", "latin-1"):
        for arguments in (("resolve", "--directory", str(path)), explain, (*explain, "--json")):
            done = run(*arguments, input=case, env={"PYTHONIOENCODING": encoding})
            assert "zürich-it" in done.stdout.decode("utf-8")


def test_a_coprocess_gets_each_answer_before_it_asks_again(command: tuple[str, ...], directory: str) -> None:
    with subprocess.Popen(
        [*command, "resolve", "--directory", directory], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line, outcome in [(GOOD, b"own_tenant"), (b"", b"refused"), (GOOD, b"own_tenant")]:
            process.stdin.write(line + b"\n")
            process.stdin.flush()
            assert outcome in process.stdout.readline()
        process.stdin.close()
        assert process.wait(30) == 0


_MEASURED = """
import resource, sys
from neo_routing_adapters.command import main
status = main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
sys.exit(status)
"""


def _peak_memory(directory: str, cases: Path) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, "resolve", "--directory", directory, str(cases)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    return int(done.stderr) * (1 if sys.platform == "darwin" else 1024)


def test_memory_stays_flat_over_many_lines(directory: str, cases: str, tmp_path: Path) -> None:
    sample = Path(cases).read_bytes()
    few, many = tmp_path / "few.jsonl", tmp_path / "many.jsonl"
    few.write_bytes(sample * 100)
    many.write_bytes(sample * (200_000 // 18))
    assert many.stat().st_size > 40_000_000
    assert _peak_memory(directory, many) - _peak_memory(directory, few) < 8_000_000


@pytest.mark.parametrize("missing", ["directory", "cases"])
def test_a_missing_file_is_one_line_and_exit_status_2(run: Run, directory: str, tmp_path: Path, missing: str) -> None:
    absent = str(tmp_path / "absent.json")
    given = ["--directory", absent] if missing == "directory" else ["--directory", directory, absent]
    done = run("resolve", *given)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.decode() == f"neo-routing: cannot read {absent}: No such file or directory\n"


def test_a_folder_is_no_file(run: Run, directory: str, tmp_path: Path) -> None:
    for given in (["--directory", str(tmp_path)], ["--directory", directory, str(tmp_path)]):
        done = run("resolve", *given)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) <= 2
        assert b"Traceback" not in done.stderr


def test_every_problem_of_an_invalid_directory_is_told_and_nothing_is_decided(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    path.write_text('{"agents": [{"id": 12.5, "tenant_id": "msp-a\\u202e", "kind": "TRIGGERED"}], "extra": 1}')
    done = run("resolve", "--directory", str(path), input=GOOD)
    told = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (2, b"")
    assert told[0].startswith(f"neo-routing: cannot use {path}: ")
    assert any("agents[0].id" in line for line in told[1:])
    assert any("extra" in line for line in told[1:])
    assert "Traceback" not in done.stderr.decode()
    assert "\u202e" not in done.stderr.decode()


def complaint(run: Run, path: Path, document: str) -> list[str]:
    path.write_text(document)
    done = run("resolve", "--directory", str(path), input=GOOD)
    assert (done.returncode, done.stdout) == (2, b"")
    told = done.stderr.decode()
    assert told.endswith("\n")
    return told.removesuffix("\n").split("\n")


def test_a_single_problem_is_told_in_one_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    assert complaint(run, path, '{"tenants": [{"id": " "}]}') == [
        f"neo-routing: cannot use {path}: tenants[0].id: must not be blank"
    ]


@pytest.mark.parametrize(("many", "last"), [(50, "tenants[49]: must be an object"), (51, "… and 1 more")])
def test_of_very_many_problems_the_first_fifty_are_told(run: Run, tmp_path: Path, many: int, last: str) -> None:
    path = tmp_path / "directory.json"
    summary, *lines = complaint(run, path, json.dumps({"tenants": [7] * many}))
    assert summary == f"neo-routing: cannot use {path}: {many} problems in the directory"
    assert lines == [*(f"  tenants[{position}]: must be an object" for position in range(50)), f"  {last}"][:many]
    assert lines[-1] == f"  {last}"


def test_no_file_name_and_no_key_makes_a_line_of_its_own(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a\nneo-routing: b.json"
    assert len(complaint(run, path, '{"x\\n  agents[0].id: forged\\ud800": 1}')) == 1
    path.unlink()
    assert run("resolve", "--directory", str(path)).stderr.count(b"\n") == 1


def test_words_that_are_no_directory_are_one_error(run: Run, tmp_path: Path) -> None:
    for name, content in [("d.json", b"hello"), ("d.json", b"\xff"), ("d.toml", b"= ="), ("d.yaml", b"tenants: []")]:
        (tmp_path / name).write_bytes(content)
        done = run("resolve", "--directory", str(tmp_path / name), input=GOOD)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"Traceback" not in done.stderr
        assert done.stderr.startswith(b"neo-routing: ")


def test_a_reader_that_goes_away_is_no_error_message(run: Run, directory: str, cases: str) -> None:
    for arguments in (["resolve", "--directory", directory, cases], ["demo"], ["--help"]):
        reader, writer = os.pipe()
        os.close(reader)
        done = run(*arguments, stdout=writer)
        os.close(writer)
        assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device is Linux's")
def test_a_full_disk_is_one_line_and_exit_status_3(run: Run, directory: str, cases: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run("resolve", "--directory", directory, cases, stdout=full)
    assert (done.returncode, done.stderr) == (3, b"neo-routing: cannot write: No space left on device\n")


def test_an_interrupt_ends_quietly_with_130(command: tuple[str, ...], directory: str) -> None:
    with subprocess.Popen(
        [*command, "resolve", "--directory", directory],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(GOOD + b"\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == b""


def test_progress_is_shown_on_a_terminal_for_a_file_and_at_no_other_time(
    on_a_terminal: OnATerminal, directory: str, cases: str
) -> None:
    filed, shown = on_a_terminal("resolve", "--directory", directory, cases)
    assert b"Deciding" in shown
    piped, silent = on_a_terminal("resolve", "--directory", directory, input=Path(cases).read_bytes())
    assert silent.startswith(b"neo-routing: 18 cases: 5 decided, 13 refused (") and silent.count(b"\n") == 1
    assert filed == piped


_UNAVAILABLE = """
import sys
from neo_routing import DirectoryUnavailable
from neo_routing_adapters.command import given_directory, main

class Gone:
    def look_up(self, needed, /):
        raise DirectoryUnavailable

given_directory.directory_at = lambda path: Gone()
sys.exit(main(sys.argv[1:]))
"""


def test_a_directory_that_cannot_answer_is_one_line_and_exit_status_3(directory: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _UNAVAILABLE, "resolve", "--directory", directory],
        input=b"\n" + GOOD,
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 3
    assert done.stdout.count(b"\n") == 1
    assert done.stderr == b"neo-routing: The directory cannot answer at the moment.\n"


# Files that hold no cases


DOCUMENT = b'{\n  "tenants": [{"id": "a"}]\n}\n'
HOLDS_NONE = [
    (b"\xef\xbb\xbf" + GOOD, "it starts with a byte order mark; save it as UTF-8 without one"),
    (
        gzip.compress(GOOD),
        "it looks compressed, by gzip; unpack it first, as in: gzip -dc FILE | neo-routing resolve …",
    ),
    (GOOD.decode().encode("utf-16"), "it looks like UTF-16; save it as UTF-8"),
    (GOOD.decode().encode("utf-16-be"), "it looks like UTF-16; save it as UTF-8"),
    (GOOD.decode().encode("utf-16-le"), "it looks like UTF-16; save it as UTF-8"),
    (DOCUMENT, "it looks like a directory document; that goes to --directory"),
    (DOCUMENT.replace(b"\n", b""), "it looks like a directory document; that goes to --directory"),
    (b'[[tenants]]\nid = "a"\n', "it looks like a directory document; that goes to --directory"),
    (
        b"[" + GOOD + b"]",
        "it looks like one JSON text on many lines, or like an array; write each case on a line of its own",
    ),
    (
        GOOD.replace(b"{", b"{\n").replace(b",", b",\n"),
        "it looks like one JSON text on many lines, or like an array; write each case on a line of its own",
    ),
    (b'{"agent_id": 12}\n', 'it looks like bodies of calls; write each as {"caller": {…}, "request": BODY}'),
]


@pytest.mark.parametrize(("content", "hint"), HOLDS_NONE, ids=map(str, range(len(HOLDS_NONE))))
def test_a_file_that_holds_no_cases_is_answered_line_by_line_and_said_to_be_wrong(
    run: Run, directory: str, content: bytes, hint: str
) -> None:
    done = run("resolve", "--directory", directory, input=content)
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    assert (done.returncode, done.stdout.count(b"\n")) == (0, lines)
    assert done.stderr.decode() == f"neo-routing: standard input holds no cases: {hint}\n"


def test_lines_of_which_none_is_a_case_are_said_to_be_none(run: Run, directory: str, tmp_path: Path) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_bytes(b"agent,tenant\n12,a\n")
    done = run("resolve", "--directory", directory, str(path))
    assert (done.returncode, done.stdout.count(b"\n")) == (0, 2)
    assert done.stderr.decode() == f"neo-routing: none of the lines of {path} is a case\n"


def test_where_one_line_is_a_case_nothing_is_said(run: Run, directory: str) -> None:
    done = run("resolve", "--directory", directory, input=b"nonsense\n" + GOOD)
    assert (done.returncode, done.stderr) == (0, b"")
    assert run("resolve", "--directory", directory, input=b"").stderr == b""


def test_a_terminal_shows_what_became_of_the_cases(on_a_terminal: OnATerminal, directory: str) -> None:
    lines = GOOD + b"\n" + GOOD.replace(b"1003", b"9") + b"\n" + GOOD.replace(b"1003", b"2003") + b"\n\n"
    piped, shown = on_a_terminal("resolve", "--directory", directory, input=lines)
    assert piped.count(b"\n") == 4
    told = "4 cases: 1 decided, 3 refused (agent_not_found 2, validation_error 1)"
    assert shown.decode() == f"neo-routing: {told}\r\n"


def test_a_terminal_that_waits_for_cases_says_so(command: tuple[str, ...], directory: str) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*command, "resolve", "--directory", directory], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert select.select([process.stderr], [], [], 30)[0], "nothing is said"
            waiting = process.stderr.readline()
            assert waiting == b"neo-routing: waiting for cases, a JSON object on each line; Ctrl-D ends them\n"
            os.write(ours, GOOD + b"\n")
            assert b"own_tenant" in process.stdout.readline()
            os.write(ours, b"\x04")
            assert process.wait(30) == 0
            assert process.stderr.read() == b""
        finally:
            process.kill()
    os.close(ours)
