"""Workers that do not start, that are killed, and that hang: the server says so, replaces them, and ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import pytest

from tests.programs.http.calls import PATIENCE
from tests.programs.http.served import is_open
from tests.programs.servers.postgres_server import wait_until

NEVER = 9


@contextmanager
def two_workers(folder: Path, *, fails: int, seconds: int = 1) -> Iterator[subprocess.Popen[str]]:
    program = [sys.executable, "-m", "tests.programs.http.failing_workers", str(folder), str(fails), str(seconds)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(program, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        limit = Timer(2 * PATIENCE, process.kill)  # it may wait for half a minute for a worker's sign of life
        limit.start()
        try:
            yield process
        finally:
            limit.cancel()
            process.kill()


def pid_of(folder: Path, turn: int) -> int:
    return int((folder / str(turn)).read_text())


def test_a_worker_that_does_not_start_ends_the_server_which_says_so_and_is_never_ready(tmp_path: Path) -> None:
    with two_workers(tmp_path, fails=1) as process:
        said, told = process.communicate()
    assert (said, process.returncode) == ("", 2)
    assert "a worker did not start" in told


@pytest.mark.thorough
def test_a_worker_that_is_killed_is_replaced_and_where_that_one_does_not_start_the_server_ends(
    tmp_path: Path,
) -> None:
    with two_workers(tmp_path, fails=2) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline())
        os.kill(pid_of(tmp_path, 0), signal.SIGKILL)
        _, told = process.communicate()
    assert process.returncode == 2
    assert "a worker did not start" in told
    assert (tmp_path / "2").exists()


def test_while_workers_end_nobody_who_calls_has_to_wait_for_that(tmp_path: Path) -> None:
    (tmp_path / "stay").touch()
    with two_workers(tmp_path, fails=NEVER, seconds=int(PATIENCE)) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        process.terminate()
        wait_until(lambda: not is_open(port))
        assert process.poll() is None
        (tmp_path / "stay").unlink()
        assert process.wait(PATIENCE) == 0


@pytest.mark.thorough
def test_a_worker_that_is_stopped_does_not_keep_the_server_from_ending(tmp_path: Path) -> None:
    with two_workers(tmp_path, fails=NEVER) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline())
        os.kill(pid_of(tmp_path, 0), signal.SIGKILL)
        wait_until((tmp_path / "2").exists)
        os.kill(pid_of(tmp_path, 1), signal.SIGSTOP)
        process.terminate()
        assert process.wait(PATIENCE) == 0
