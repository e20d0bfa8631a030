"""`audit`, `diff` and `reach` show on a terminal that they are at work, and write the same for all that."""

from __future__ import annotations

import os
import pty
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.command.conftest import OnATerminal, Run

READING = b"Reading the directory"
BARS = {
    "audit": (("audit", "--directory", "DIRECTORY"), [READING, b"Auditing"]),
    "audit as JSON": (("audit", "--directory", "DIRECTORY", "--json"), [READING, b"Auditing, 0 findings"]),
    "reach": (("reach", "--directory", "DIRECTORY", "--agent", "1002"), [READING, b"Looking who arrives there"]),
    "diff": (("diff", "DIRECTORY", "DIRECTORY"), [READING, b"Comparing"]),
    "diff with cases": (("diff", "DIRECTORY", "DIRECTORY", "--cases", "CASES"), [b"Comparing", b"Weighing"]),
    "diff with what is meant": (
        ("diff", "DIRECTORY", "DIRECTORY", "--expect", os.devnull),
        [READING, b"Comparing"],
    ),
}


@pytest.mark.parametrize("what", BARS)
def test_a_bar_says_on_a_terminal_what_it_is_at_and_elsewhere_nothing_does(
    run: Run, on_a_terminal: OnATerminal, directory: str, cases: str, what: str
) -> None:
    words, doing = BARS[what]
    arguments = [{"DIRECTORY": directory, "CASES": cases}.get(word, word) for word in words]
    written, shown = on_a_terminal(*arguments)
    for each in doing:
        assert each in shown
    done = run(*arguments)
    assert done.stdout == written
    assert not any(each in done.stderr for each in doing)


@pytest.mark.parametrize("command", [("audit", "--tenant", "northwind-it", "--json"), ("reach", "--tenant", "none")])
def test_no_bar_stands_beside_what_is_written_to_the_same_terminal(
    run: Run, directory: str, command: tuple[str, ...]
) -> None:
    ours, theirs = pty.openpty()
    try:
        run(*command, "--directory", directory, stdout=theirs, stderr=theirs, env={"TERM": "xterm-256color"})
        shown = os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)
    assert READING in shown
    assert b"Auditing" not in shown and b"Looking who arrives there" not in shown
