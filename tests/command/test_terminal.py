"""What is written to a terminal, and what goes to another program instead."""

from __future__ import annotations

import io

import pytest
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from neo_routing_adapters.command.terminal import show, show_whole_lines

LONG = " ".join(["many words"] * 40)


def a_table() -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("name", Text(LONG))
    return table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    "written", [Text(LONG), Padding(Text(LONG), (0, 0, 0, 2)), a_table(), Group(Text("first"), Padding(a_table(), 2))]
)
def test_lists_fold_lines_on_a_terminal_alone(written: RenderableType) -> None:
    pipe, terminal = io.StringIO(), Terminal()
    show_whole_lines(written, pipe)
    show_whole_lines(written, terminal)
    assert LONG in pipe.getvalue()
    assert max(map(len, pipe.getvalue().splitlines())) < len(LONG) + 20, "and nothing is filled up with blanks"
    assert LONG not in terminal.getvalue()


def test_a_story_fits_a_page_wherever_it_goes() -> None:
    pipe = io.StringIO()
    show(Text(LONG), pipe)
    assert max(map(len, pipe.getvalue().splitlines())) <= 100
