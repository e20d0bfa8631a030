"""What the tests of the command share: the command as a process, and the sample it ships with."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import neo_routing_adapters
from tests.programs.forked_commands import ForkedCommands

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]
OnATerminal = Callable[..., tuple[bytes, bytes]]

COMMAND = (sys.executable, "-m", "neo_routing_adapters.command")
_SAMPLE = Path(neo_routing_adapters.__path__[0]) / "sample"


def environment(**more: str) -> dict[str, str]:
    unwanted = {"FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}
    return {name: value for name, value in os.environ.items() if name not in unwanted} | more


@pytest.fixture(scope="session")
def forked() -> Iterator[ForkedCommands | None]:
    """The command without the time to import it, where the system can fork."""
    if not hasattr(os, "fork"):
        yield None
        return
    commands = ForkedCommands(environment())
    yield commands
    commands.end()


@pytest.fixture
def run(forked: ForkedCommands | None) -> Run:
    """The command, run to its end with these arguments; in a Python of its own where the call is not as usual."""

    def run(*arguments: str, env: Mapping[str, str] | None = None, **more: Any) -> subprocess.CompletedProcess[bytes]:
        if forked is not None and env is None and more.keys() <= {"cwd"}:
            return forked.run(arguments, **more)
        more.setdefault("stdin" if "input" not in more else "input", subprocess.DEVNULL)
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        return subprocess.run([*COMMAND, *arguments], check=False, env=environment(**(env or {})), timeout=60, **more)

    return run


@pytest.fixture
def command() -> tuple[str, ...]:
    """The words that start the command."""
    return COMMAND


@pytest.fixture
def directory() -> str:
    """The path of the sample directory."""
    return str(_SAMPLE / "directory.json")


@pytest.fixture
def database(run: Run, directory: str, tmp_path: Path) -> str:
    """The sample in a database, by its URL."""
    url = f"sqlite:///{tmp_path / 'directory.sqlite'}"
    assert run("db", "upgrade", url).returncode == 0
    assert run("db", "import", url, directory).returncode == 0
    return url


@pytest.fixture
def cases() -> str:
    """The path of the sample's cases."""
    return str(_SAMPLE / "cases.jsonl")


@pytest.fixture
def on_a_terminal(run: Run) -> OnATerminal:
    """Run with a terminal for standard error; return what was written to standard output, and what was shown."""

    def run_there(*arguments: str, **more: object) -> tuple[bytes, bytes]:
        ours, theirs = pty.openpty()
        try:
            done = run(*arguments, stderr=theirs, env={"TERM": "xterm-256color"}, **more)
            os.set_blocking(ours, False)
            shown = b""
            with suppress(BlockingIOError):  # a terminal gives what there is by and by
                while part := os.read(ours, 65536):
                    shown += part
        finally:
            os.close(ours)
            os.close(theirs)
        return done.stdout, shown

    return run_there
