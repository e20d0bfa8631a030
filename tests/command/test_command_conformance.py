"""`neo-routing conformance`, run on this implementation and on others that are wrong, each in its own way."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from neo_routing.testing.conformance import conformance_worlds
from neo_routing_adapters.command.program import orderly_termination
from neo_routing_adapters.json_lines import answer_line
from neo_routing_adapters.memory import read_directory

if TYPE_CHECKING:
    from tests.command.conftest import Run

WORLDS = {world.name: world for world in conformance_worlds()}
WORLD = WORLDS["own-agent"]
CASE = next(case for case in WORLD.cases if case.steps[-1][-1] == "agent_of_another_tenant")
NUMBER = WORLD.cases.index(CASE) + 1
BOTH = ("--world", "own-agent", "--world", "own-managed-agent")

_PARROT = """
import json, sys, time
with open({answers!r}) as file:
    world, lines = json.load(file)[open(sys.argv[-1]).read().rstrip()]
right = world != "own-agent"
wrong = not right
{fault}
for line in lines:
    print(line)
"""


def answers(folder: Path) -> Path:
    """Write the right answers for two worlds, by the text of the directory."""
    known = {}
    for name in ("own-agent", "own-managed-agent"):
        path = folder / f"{name}.json"
        path.write_text(WORLDS[name].directory_document, "utf-8")
        directory = read_directory(path)
        lines = [answer_line(case.line, directory, trace=True) for case in WORLDS[name].cases]
        known[WORLDS[name].directory_document] = (name, lines)
    path = folder / "answers"
    path.write_text(json.dumps(known))
    return path


Parrot = Callable[[str], str]


@pytest.fixture
def parrot(tmp_path: Path) -> Parrot:
    """The command of a program that knows the right answers to two worlds, with a fault for the first of them."""
    known = answers(tmp_path)

    def parrot(fault: str = "") -> str:
        script = tmp_path / "parrot.py"
        script.write_text(_PARROT.format(answers=str(known), fault=fault))
        return shlex.join([sys.executable, "-I", "-S", str(script)])

    return parrot


def columns(output: bytes) -> list[list[str]]:
    return [line.split("\t") for line in output.decode().splitlines()]


def on_a_terminal(command: tuple[str, ...], *arguments: str) -> tuple[int, str]:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "100"}
    with subprocess.Popen(
        [*command, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        shown = bytearray()
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # a terminal ends like this on Linux
            pass
        os.close(ours)
        return process.wait(60), shown.decode().replace("\r\n", "\n")


# Right ones


def test_this_implementation_answers_the_whole_corpus_as_expected(run: Run, command: tuple[str, ...]) -> None:
    this = f"{shlex.join(command)} resolve --directory {{directory}} --explain"
    done = run("conformance", "--command", this)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [line[:4] for line in columns(done.stdout)] == [
        ["passed", world.name, case.name, case.clause] for world in WORLDS.values() for case in world.cases
    ]


def test_the_directory_comes_last_unless_a_place_is_named(run: Run, parrot: Parrot) -> None:
    assert run("conformance", *BOTH, "--command", parrot()).returncode == 0
    assert run("conformance", *BOTH, "--command", f"{parrot()} --directory={{directory}}").returncode == 1
    assert run("conformance", *BOTH, "--command", f"{parrot()} --directory {{directory}}").returncode == 0


def test_each_result_is_an_object_if_that_is_asked_for(run: Run, parrot: Parrot) -> None:
    done = run("conformance", *BOTH, "--json", "--command", parrot())
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len(WORLD.cases) + len(WORLDS["own-managed-agent"].cases)
    assert {"verdict": "passed", "world": "own-agent", "case": CASE.name, "clause": "own-agent"} in told


def test_a_terminal_shows_each_world_and_the_clauses(command: tuple[str, ...], parrot: Parrot) -> None:
    status, shown = on_a_terminal(command, "conformance", *BOTH, "--command", parrot())
    assert status == 0
    assert f"passed  own-agent: {len(WORLD.cases)} cases\n" in shown
    assert "cases are answered as corpus version" in shown
    assert "own-managed-agent" in shown.split("broken")[1]


# Wrong answers

ANOTHER_AGENT = f"""
if wrong:
    answer = json.loads(lines[{NUMBER - 1}])
    answer["code"] = "agent_not_conversational"
    lines[{NUMBER - 1}] = json.dumps(answer)
"""
ANOTHER_REASON = f"""
if wrong:
    lines[{NUMBER - 1}] = lines[{NUMBER - 1}].replace("agent_of_another_tenant", "agent_missing")
"""


def results(run: Run, command: str, *more: str) -> tuple[list[list[str]], str]:
    """Run on two worlds, and return what is not as expected; the second world passes in any case."""
    done = run("conformance", *BOTH, *more, "--command", command)
    told = columns(done.stdout)
    assert done.returncode == 1
    assert sum(line[:2] == ["passed", "own-managed-agent"] for line in told) == len(WORLDS["own-managed-agent"].cases)
    assert b"Traceback" not in done.stderr.split(b"neo-routing: ")[-1]
    return [line for line in told if line[0] != "passed"], done.stderr.decode()


def test_a_case_that_is_answered_otherwise_is_told_with_what_differs(run: Run, parrot: Parrot) -> None:
    told, summary = results(run, parrot(ANOTHER_AGENT))
    complaint = 'code: expected "agent_not_found", given "agent_not_conversational"'
    assert told == [["failed", "own-agent", CASE.name, "own-agent", complaint]]
    assert summary == "neo-routing: 1 of 35 cases answered otherwise\n"


def test_a_right_answer_for_a_wrong_reason_is_told_with_the_step_that_parts_them(run: Run, parrot: Parrot) -> None:
    told, _ = results(run, parrot(ANOTHER_REASON))
    assert [line[-1] for line in told] == [
        "step 4: expected own-agent refused agent_of_another_tenant, given own-agent refused agent_missing"
    ]


def test_reasons_are_not_compared_without_the_trace(run: Run, parrot: Parrot) -> None:
    no_trace = "lines = [line.partition(', \"trace\"')[0] + '}' for line in lines]"
    done = run("conformance", *BOTH, "--without-trace", "--command", parrot(no_trace))
    assert done.returncode == 0
    done = run("conformance", *BOTH, "--command", parrot(no_trace))
    assert done.returncode == 1
    assert b"step 1: expected request-shape passed well_formed, given nothing" in done.stdout


def test_a_terminal_shows_a_failure_in_full(command: tuple[str, ...], parrot: Parrot) -> None:
    status, shown = on_a_terminal(command, "conformance", *BOTH, "--command", parrot(ANOTHER_REASON))
    assert status == 1
    assert f"failed  own-agent: 1 of {len(WORLD.cases)} cases answered otherwise\n  {CASE.name}\n" in shown
    told = " ".join(shown.split())
    assert "clause own-agent" in told
    assert f"asks {CASE.line.decode().strip()}" in told
    assert "step 4 expected own-agent refused agent_of_another_tenant given own-agent refused agent_missing" in told
    assert f"\n    again: sed -n {NUMBER}p corpus/own-agent/cases.jsonl | {parrot('')} corpus/" in shown
    assert told.endswith("neo-routing: 1 of 35 cases answered otherwise")


def test_a_terminal_shows_no_more_than_the_first_failures(command: tuple[str, ...], parrot: Parrot) -> None:
    _, shown = on_a_terminal(command, "conformance", *BOTH, "--command", parrot("lines = ['{}'] * len(lines)"))
    assert shown.count("again:") == 20
    assert f"… and {len(WORLD.cases) - 20} more" in shown
    assert f"… and {len(WORLDS['own-managed-agent'].cases)} more" in shown


def test_the_line_to_ask_again_asks_the_case_again(run: Run, parrot: Parrot, tmp_path: Path) -> None:
    done = run("conformance", *BOTH, "--json", "--command", parrot(ANOTHER_REASON))
    [told] = [told for line in done.stdout.splitlines() if (told := json.loads(line))["verdict"] == "failed"]
    assert told["asks"] == CASE.line.decode().strip()
    assert told["differences"][0]["place"] == "step 4"
    assert run("conformance", "--save", "corpus", cwd=tmp_path).returncode == 0
    line, _, program = told["again"].partition(" | ")
    assert subprocess.check_output(["sh", "-c", line], cwd=tmp_path) == CASE.line
    assert b"agent_missing" in subprocess.check_output(["sh", "-c", program], cwd=tmp_path)


# Runs that go wrong


def broken(run: Run, command: str, *more: str) -> str:
    """Run on two worlds, of which the first breaks off, and return what is told of that."""
    [[verdict, world, case, clause, complaint]], summary = results(run, command, *more)
    assert (verdict, world, case, clause) == ("broken", "own-agent", "", "")
    assert summary == (
        f"neo-routing: 0 of 35 cases answered otherwise, {len(WORLD.cases)} not compared because of 1 run gone wrong\n"
    )
    return complaint


def test_a_lost_line_is_told_with_the_place_from_which_answers_differ(run: Run, parrot: Parrot) -> None:
    told = broken(run, parrot(f"if wrong: del lines[{NUMBER - 1}]"))
    assert told == f"wrote 23 lines for 24 cases; the first that is not as expected is line {NUMBER}"
    assert broken(run, parrot("if wrong: del lines[-1]")) == "wrote 23 lines for 24 cases"
    assert broken(run, parrot("if wrong: lines = []")) == "wrote 0 lines for 24 cases"


@pytest.mark.parametrize(
    "fault", ["if wrong: lines.append('')", "while wrong: print(lines[0])"], ids=["one more", "without end"]
)
def test_too_many_lines_are_told_and_not_waited_for(run: Run, parrot: Parrot, fault: str) -> None:
    assert broken(run, parrot(fault)) == "wrote more lines than the 24 that it was given"


def test_a_line_without_end_is_told_and_not_kept(run: Run, parrot: Parrot) -> None:
    endless = "while wrong: sys.stdout.write('x' * 65536)"
    assert broken(run, parrot(endless)) == "wrote more than 1048576 bytes as line 1"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("'hello'", "that is no JSON object: 'hello\\n'"),
        ("'[1]'", "that is no JSON object: '[1]\\n'"),
        ("'\\x1b[31m' + 'x' * 100", "that is no JSON object: '\\x1b[31m" + "x" * 35 + "'…"),
        ("''", "that is no JSON object: '\\n'"),
    ],
    ids=["a word", "a list", "an escape", "blank"],
)
def test_junk_is_told_with_its_beginning(run: Run, parrot: Parrot, line: str, complaint: str) -> None:
    assert broken(run, parrot(f"if wrong: lines[2] = {line}")) == f"wrote a line 3 {complaint}"


def test_what_is_not_utf_8_is_told(run: Run, parrot: Parrot) -> None:
    latin = 'if wrong: sys.stdout.buffer.write(b\'{"tenant_id": "z\\xfcrich"}\\n\'); del lines[0]'
    assert broken(run, parrot(latin)) == 'wrote a line 1 that is not UTF-8: \'{"tenant_id": "z\\xfcrich"}\\n\''


def test_a_program_that_dies_is_told_with_what_it_said(run: Run, parrot: Parrot) -> None:
    early = "if wrong: print(lines[0]); sys.exit('no such thing')"
    assert broken(run, parrot(early)) == "ended with status 1, with 1 of 24 lines written; no such thing"
    late = "if wrong: print(*lines, sep='\\n'); sys.exit(3)"
    assert broken(run, parrot(late)) == "ended with status 3, with 24 of 24 lines written"
    killed = "import os\nif wrong: os.kill(os.getpid(), 9)"
    assert broken(run, parrot(killed)) == "was ended by SIGKILL, with 0 of 24 lines written"


def test_a_terminal_shows_a_run_gone_wrong(command: tuple[str, ...], parrot: Parrot) -> None:
    dies = "if wrong: sys.exit('no such \\x1b thing')"
    status, shown = on_a_terminal(command, "conformance", *BOTH, "--command", parrot(dies))
    assert status == 1
    told = "the program ended with status 1, with 0 of 24 lines written\n  no such \\x1b thing\n"
    assert f"broken  own-agent: {told}" in shown
    assert "passed  own-managed-agent" in shown


def test_a_flood_of_complaints_stops_nothing_and_its_end_is_told(run: Run, parrot: Parrot) -> None:
    flood = "for number in range(200000): print('complaint', number, file=sys.stderr)\nif wrong: sys.exit(1)"
    told = broken(run, parrot(flood)).split("; ")
    assert told[1:] == [f"complaint {number}" for number in range(199_990, 200_000)]


_HANGS = """\
if ! grep -q msp-two "$1"; then
    {hang}
fi
cat {answers}
"""


@pytest.fixture
def hanging(tmp_path: Path) -> Callable[[str], str]:
    """The command of a program that hangs in the first world; it starts faster than any Python does."""
    known = json.loads(answers(tmp_path).read_text())
    managed = tmp_path / "managed"
    managed.write_text("".join(f"{line}\n" for line in known[WORLDS["own-managed-agent"].directory_document][1]))
    assert "msp-two" in WORLDS["own-managed-agent"].directory_document
    assert "msp-two" not in WORLD.directory_document

    def hanging(how: str) -> str:
        script = tmp_path / "hangs.sh"
        script.write_text(_HANGS.format(hang=how, answers=shlex.quote(str(managed))))
        return shlex.join(["sh", str(script)])

    return hanging


@pytest.mark.parametrize(
    "how",
    ["exec tail -f /dev/null", "tail -f /dev/null", "exec > /dev/null; tail -f /dev/null"],
    ids=["itself", "a child", "without output"],
)
def test_a_program_that_hangs_is_ended_with_its_children(
    run: Run, hanging: Callable[[str], str], how: str, tmp_path: Path
) -> None:
    with held(tmp_path / "fifo", os.O_NONBLOCK) as end:
        told = broken(run, hanging(f"exec 3> {shlex.quote(str(tmp_path / 'fifo'))}; {how}"), "--timeout", "2")
        assert told == "had not ended after 2 seconds, with 0 of 24 lines written"
        assert is_let_go(end)


@pytest.fixture
def stray(tmp_path: Path) -> Iterator[str]:
    """A child that leaves the group of the program, keeps its output open, and ends with the test."""
    if shutil.which("setsid") is None:
        pytest.skip("the command is Linux's")
    fifo = tmp_path / "stray"
    with held(fifo, os.O_RDWR):
        yield f"setsid cat {shlex.quote(str(fifo))} 3>&- &"


def test_a_child_that_got_away_keeps_nothing_from_ending(run: Run, hanging: Callable[[str], str], stray: str) -> None:
    told = broken(run, hanging(f"{stray} exit 0"), "--timeout", "2")
    assert told == "ended, but its output was still open after 2 seconds, with 0 of 24 lines written"


def test_a_program_that_ends_leaves_no_child_behind(run: Run, hanging: Callable[[str], str], tmp_path: Path) -> None:
    with held(tmp_path / "fifo", os.O_NONBLOCK) as end:
        child = f"exec 3> {shlex.quote(str(tmp_path / 'fifo'))}; tail -f /dev/null > /dev/null 2>&1 &"
        assert broken(run, hanging(f"{child} exit 0")) == "wrote 0 lines for 24 cases"
        assert is_let_go(end)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_ends_the_program_too(
    command: tuple[str, ...], tmp_path: Path, stray: str, number: signal.Signals, status: int
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    fifo, script = tmp_path / "fifo", tmp_path / "holds.sh"
    script.write_text(f"exec 3> {shlex.quote(str(fifo))}; {stray} echo started >&3; tail -f /dev/null")
    os.mkfifo(fifo)
    with (
        subprocess.Popen(
            [*command, "conformance", "--command", f"sh {shlex.quote(str(script))}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(temporary)},
        ) as process,
        held(fifo) as end,
    ):
        assert os.read(end, 8) == b"started\n"
        assert [*temporary.iterdir()] != []
        process.send_signal(number)
        assert process.wait(30) == status
        assert is_let_go(end)
        assert [*temporary.iterdir()] == []


def test_a_second_sigterm_does_not_break_off_the_tidying_up() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with orderly_termination():
        with pytest.raises(SystemExit, match="143"):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


@contextmanager
def held(fifo: Path, flags: int = 0) -> Iterator[int]:
    """Hold the end of a pipe whose other end is held by a program and by its children."""
    if not fifo.exists():
        os.mkfifo(fifo)
    end = os.open(fifo, os.O_RDONLY | flags)
    try:
        yield end
    finally:
        os.close(end)


def is_let_go(end: int) -> bool:
    readable, _, _ = select.select([end], [], [], 5)
    return bool(readable) and os.read(end, 1) == b""


# What cannot be used


def refused(run: Run, *arguments: str, **more: Any) -> str:
    done = run("conformance", *arguments, **more)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    return done.stderr.decode().removeprefix("neo-routing: ").strip()


def test_a_program_that_cannot_be_started_is_one_line_and_exit_status_2(run: Run, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("hello")
    assert refused(run, "--command", "./nowhere") == "cannot run ./nowhere: No such file or directory"
    assert refused(run, "--command", str(plain)) == f"cannot run {plain}: Permission denied"
    plain.chmod(0o755)
    assert refused(run, "--command", str(plain)) == f"cannot run {plain}: Exec format error"


def test_a_command_line_that_says_nothing_usable_is_refused(run: Run, tmp_path: Path) -> None:
    assert refused(run) == "give either --command or --save"
    assert refused(run, "--command", "x", "--save", str(tmp_path / "new")) == "give either --command or --save"
    assert refused(run, "--command", " ") == "--command is empty"
    assert refused(run, "--command", "it's") == "--command is not a command: No closing quotation"
    for seconds in ("0", "-1", "nan", "inf"):
        assert refused(run, "--command", "x", f"--timeout={seconds}").startswith("--timeout must be more than 0")
    assert refused(run, "--command", "x", "--world", "own").startswith("there is no world own; there are: active-")


# The files


def test_the_corpus_is_saved_as_files_that_belong_together(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    done = run("conformance", "--save", str(folder))
    assert done.returncode == 0
    assert done.stdout.decode().startswith(f"wrote {folder}: {len(WORLDS)} directories with ")
    for name, world in WORLDS.items():
        assert (folder / name / "directory.json").read_text("utf-8") == f"{world.directory_document}\n"
        assert (folder / name / "cases.jsonl").read_bytes() == b"".join(case.line for case in world.cases)
        expected = [json.loads(line) for line in (folder / name / "expected.jsonl").read_text("utf-8").splitlines()]
        assert expected == [
            {"name": case.name, "decision": case.decision, "steps": [list(step) for step in case.steps]}
            for case in world.cases
        ]


def test_nothing_is_written_over(run: Run, tmp_path: Path) -> None:
    assert refused(run, "--save", str(tmp_path)) == f"{tmp_path} is there already"
    (tmp_path / "file").write_text("mine")
    assert refused(run, "--save", str(tmp_path / "file" / "corpus")).startswith("cannot write to ")


_WITHOUT_EXTRA = """
import sys
sys.modules |= {"hypothesis": None, "pytest": None}
from neo_routing_adapters.command import main
sys.exit(main(sys.argv[1:]))
"""


def test_the_extra_testing_is_not_needed(parrot: Parrot) -> None:
    arguments = [sys.executable, "-c", _WITHOUT_EXTRA, "conformance", *BOTH, "--command", parrot()]
    assert subprocess.run(arguments, check=False, stdout=subprocess.DEVNULL, timeout=60).returncode == 0
