"""The command line as a whole: help, version, wrong use, and a missing extra."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from neo_routing_adapters.extras import how_to_install

if TYPE_CHECKING:
    from tests.command.conftest import Run

HELP = [("--help",), ("resolve", "--help"), ("explain", "--help"), ("demo", "--help")]


def test_version_is_the_installed_one(run: Run) -> None:
    assert run("--version").stdout.decode() == metadata.version("neo_routing") + "\n"


def test_without_a_command_help_is_shown(run: Run) -> None:
    done = run()
    assert done.returncode == 0
    assert done.stdout == run("--help").stdout


@pytest.mark.parametrize("arguments", HELP)
def test_the_examples_of_help_run(run: Run, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    text = run(*arguments).stdout.decode()
    examples = re.findall(r"^\$ neo-routing ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    assert examples
    if "--save" not in examples[-1]:
        assert run("demo", "--save", "sample", cwd=tmp_path).returncode == 0
    for example in examples:
        done = run(*shlex.split(example.replace("\\\n", " ")), cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("resolv",),
        ("--nonsense",),
        ("resolve",),
        ("resolve", "--directory"),
        ("resolve", "--directory", "a.json", "b", "c"),
        ("resolve", "--directory", "a.json", "--nonsense\x1b[31m"),
        ("explain", "--directory", "a.json"),
        ("explain", "--directory", "a.json", "--caller", "user:a", "--agent-id"),
        ("explain", "--directory", "a.json", "--caller", "user:a", "--agent-id", "1", "--agent-id", "2"),
        ("explain", "--directory", "a.json", "--caller", "user:a", "--title", "--json"),
        ("demo", "extra"),
    ],
)
def test_wrong_use_is_one_line_and_exit_status_2(run: Run, arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"neo-routing: ")
    assert done.stderr.count(b"\n") == 1
    assert b"\x1b" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("explain", "--directory", "a.json", "--caler", "user:a"),
            "Unknown option: --caler. Did you mean --caller?",
        ),
        (("resolve", "--directory"), 'Command "resolve" parameter --directory requires an argument.'),
        (("resolve", "--directory", "a.json", "b", "c", "d e\x1b"), "Not expected here: c 'd e\\x1b'."),
    ],
)
def test_wrong_use_is_told_in_plain_words(run: Run, arguments: tuple[str, ...], told: str) -> None:
    assert run(*arguments).stderr.decode() == f"neo-routing: {told} Try --help.\n"


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_without_the_extra_one_line_says_what_to_install(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import neo_routing_adapters.command as c; sys.exit(c.main())"
    done = subprocess.run([sys.executable, "-c", code, "--help"], check=False, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert how_to_install("cli").encode() in done.stderr


@pytest.mark.parametrize("descriptor", ["0", "1", "2"])
def test_a_closed_stream_is_no_traceback(command: tuple[str, ...], directory: str, descriptor: str) -> None:
    closing = "<&-" if descriptor == "0" else ">&-"
    line = f"{shlex.join([*command, 'resolve', '--directory', directory])} {descriptor}{closing}"
    done = subprocess.run(line, shell=True, stdin=subprocess.DEVNULL, check=False, capture_output=True, timeout=60)
    assert done.returncode == (0 if descriptor == "2" else 2)
    assert b"Traceback" not in done.stderr
