"""The command that proves: `neo-routing prove`. The proof itself is a task of its own, and in `tests/testing`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from neo_routing.testing import World
from neo_routing.testing.prove import Counterexample, Tried
from neo_routing.testing.small_worlds import CALLS, SCOPES
from neo_routing_adapters.command import main, prove

if TYPE_CHECKING:
    from tests.command.conftest import Run


def test_it_says_which_scopes_there_are(run: Run) -> None:
    done = run("prove", "--scope", "huge")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"neo-routing: --scope must be one of tiny, small, large\n"


MOST = 4 * (os.cpu_count() or 1)


@pytest.mark.parametrize("processes", [-1, 0, MOST + 1, 100_000])
def test_it_needs_a_process_and_not_too_many(run: Run, processes: int) -> None:
    done = run("prove", "--processes", str(processes))
    refusal = f"neo-routing: --processes must be from 1 to {MOST}, 4 for each processor\n"
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", refusal)


def test_as_many_processes_as_may_be_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(prove, "tried_so_far", some_parts(Tried(), seen=seen))
    assert main(["prove", "--processes", str(MOST)]) == 0
    assert seen[0][1]["processes"] == MOST


def some_parts(*parts: Tried, seen: list[Any]) -> Any:
    def tried_so_far(scope: Any, **options: Any) -> Iterator[tuple[float, Tried]]:
        seen.append((scope, options))
        for number, part in enumerate(parts, start=1):
            yield number / len(parts), part

    return tried_so_far


@pytest.mark.parametrize("laws", [False, True])
def test_it_says_how_much_was_tried(
    laws: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(prove, "tried_so_far", some_parts(Tried(8, 992), Tried(10, 1240), seen=seen))
    assert main(["prove", "--scope", "tiny", "--processes", "3", *["--laws"] * laws]) == 0
    proved = "every law" if laws else "agreement with the reference model"
    assert capsys.readouterr().out == (f"{proved}: 1,240 pairs of a world and a call, 10 worlds, no counterexample\n")
    assert seen == [(SCOPES["tiny"], {"laws": laws, "processes": 3})]


def test_a_counterexample_is_written_as_a_file_of_cases(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Tried(1, 124, Counterexample("scope", World(), CALLS[0].document))
    monkeypatch.setattr(prove, "tried_so_far", some_parts(found, seen=[]))
    assert main(["prove"]) == 1
    said = capsys.readouterr()
    assert said.err == "neo-routing: scope does not hold; the counterexample is on standard output\n"
    [case] = json.loads(said.out)["cases"]
    assert (case["name"], case["decision"]["code"]) == ("scope", "tenant_not_found")


# How it ends before its time


_TRIES_NOTHING = """
import os, signal, sys
from neo_routing.testing.small_worlds import SCOPES
from neo_routing_adapters.command import main

class Scope:
    channel_pairs = range(2_000)

    def worlds(self, pairs):
        os.write(1, b"at work\\n")
        {instead}

if __name__ == "__main__":
    SCOPES["of a test"] = Scope()
    sys.exit(main(["prove", "--scope", "of a test", "--processes", "2"]))
"""
Proving = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def proving(tmp_path: Path) -> Iterator[Proving]:
    """Start a proof with two workers that do something else instead of trying worlds."""
    started: list[subprocess.Popen[bytes]] = []

    def proving(instead: str) -> subprocess.Popen[bytes]:
        script = tmp_path / "tries_nothing.py"
        script.write_text(_TRIES_NOTHING.format(instead=instead))
        process = subprocess.Popen(
            [sys.executable, str(script)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield proving
    for process in started:
        with process, suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_signal_ends_it_at_once_with_all_its_processes(proving: Proving, number: signal.Signals, status: int) -> None:
    process = proving("signal.pause()")
    wait_for_two_workers(process)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)  # to the end of streams that all its processes hold open
    assert process.returncode == status
    if number != signal.SIGKILL:  # of which a process of Python's own complains
        assert said == b""


def test_ctrl_c_which_its_workers_get_too_is_as_quiet(proving: Proving) -> None:
    process = proving("signal.pause()")
    wait_for_two_workers(process)
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=30) == (b"", b"")
    assert process.returncode == 130


def wait_for_two_workers(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    assert [process.stdout.readline() for _ in range(2)] == [b"at work\n"] * 2


@pytest.mark.parametrize(
    ("instead", "error"),
    [
        ("raise ArithmeticError('of a worker')", b"ArithmeticError: of a worker"),
        ("os.kill(os.getpid(), signal.SIGKILL)", b"BrokenProcessPool: A process in the process pool was terminated"),
    ],
    ids=["raises", "killed"],
)
def test_a_worker_that_fails_is_an_error_and_waited_for_no_longer(proving: Proving, instead: str, error: bytes) -> None:
    process = proving(instead)
    _, said = process.communicate(timeout=30)
    assert error in said.splitlines()[-1]
    assert process.returncode != 0
