"""The command that proves: `neo-routing prove`. The proof itself is a task of its own, and in `tests/testing`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from neo_routing.testing import World
from neo_routing.testing.prove import Counterexample, Tried
from neo_routing.testing.small_worlds import CALLS, SCOPES
from neo_routing_adapters.command import main, prove

if TYPE_CHECKING:
    from conftest import Run


def test_it_says_which_scopes_there_are(run: Run) -> None:
    done = run("prove", "--scope", "huge")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"neo-routing: --scope must be one of tiny, small, large\n"


@pytest.mark.parametrize("processes", ["0", "-1"])
def test_it_needs_a_process(run: Run, processes: str) -> None:
    done = run("prove", "--processes", processes)
    assert (done.returncode, done.stderr) == (2, b"neo-routing: --processes must be at least 1\n")


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
