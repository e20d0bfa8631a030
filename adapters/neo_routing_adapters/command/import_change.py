"""How it is told what an import changes: a table for a person, a line for each relation for programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from neo_routing_adapters.command.terminal import show

if TYPE_CHECKING:
    from neo_routing_adapters.sql.tables.directory_change import DirectoryChange

_COLUMNS: Final = ("added", "changed", "removed")


def tell_change(change: DirectoryChange) -> None:
    """Write to standard output how many rows of each relation are added, changed and removed, and let it be read.

    On a terminal it is a table. Otherwise it is the relation and the three numbers, with tabs between them.
    """
    if sys.stdout.isatty():
        show(_table(change), sys.stdout)
    else:
        for one in change.relations:
            print(one.relation, one.added, one.changed, one.removed, sep="\t")
    sys.stdout.flush()


def _table(change: DirectoryChange) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("", *(Text(name, "bold", justify="right") for name in _COLUMNS))
    for one in change.relations:
        styled = ((one.added, "green"), (one.changed, "yellow"), (one.removed, "bold red"))
        cells = (Text(f"{number:,}", style if number else "dim", justify="right") for number, style in styled)
        table.add_row(one.relation, *cells)
    return table
