"""What takes long is left out unless it is asked for; that is told, and CI asks for it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.programs.thoroughness import first_always

ROOT = Path(__file__).parents[2]
SETTINGS = """
[pytest]
strict = true
markers = ["thorough: takes long"]
"""
TESTS = """
import pytest

def test_what_is_quick():
    pytest.skip("there is no server, and that is allowed")

def test_what_has_time_for_more(thorough):
    assert not thorough

@pytest.mark.thorough
def test_what_takes_long():
    pass

@pytest.mark.parametrize("driver", ["psycopg", pytest.param("asyncpg", marks=pytest.mark.thorough)])
def test_what_runs_on_many(driver):
    assert driver == "psycopg"
"""
SKIPPED = """
import pytest

@pytest.mark.thorough
def test_what_needs_a_server():
    pytest.skip("there is none")
"""
TOLD = "thorough tests deselected: run with --thorough"

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Pytest with the house's own `conftest.py` on these tests, run to its end; returns its last lines."""

    def run(tests: str, *options: str, ci: str = "") -> str:
        shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
        (tmp_path / "pytest.toml").write_text(SETTINGS, "utf-8")
        (tmp_path / "test_tried.py").write_text(tests, "utf-8")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
        environment = {**os.environ, "CI": ci, "PYTEST_ADDOPTS": ""}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return "\n".join(done.stdout.splitlines()[-6:])

    return run


@pytest.mark.parametrize("processes", first_always(["-n2", "-n0"]))
def test_what_is_left_out_is_counted_in_the_last_lines(run: Run, processes: str) -> None:
    told = run(TESTS, processes)
    assert f"2 {TOLD}" in told
    assert re.search(r"^2 passed, 1 skipped", told, re.MULTILINE)


def test_all_are_run_if_that_is_asked_for(run: Run) -> None:
    told = run(TESTS, "--thorough")
    assert TOLD not in told
    assert re.search(r"^2 failed, 2 passed, 1 skipped", told, re.MULTILINE), "two fail if they are run so"


def test_in_ci_what_is_thorough_may_not_be_skipped(run: Run) -> None:
    assert re.search(r"^1 failed", run(SKIPPED, "--thorough", ci="true"), re.MULTILINE)
    assert re.search(r"^1 skipped", run(SKIPPED, "--thorough"), re.MULTILINE)


def test_ci_asks_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / ".ci")
    import tasks  # noqa: PLC0415  # it is no package

    [tests] = [command for command in tasks.COMMANDS["all"] if "pytest" in command]
    assert "--thorough" in tests
    assert (ROOT / ".ci" / "run").read_text("utf-8").rstrip().endswith("tasks.py all")
