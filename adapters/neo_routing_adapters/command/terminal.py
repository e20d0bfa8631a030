"""What is written on: a console that adds nothing of its own to the text it is given."""

from __future__ import annotations

from typing import Final, TextIO

from rich.console import Console, RenderableType
from rich.measure import Measurement

_WIDEST: Final = 100
_ENDLESS: Final = 1 << 30


class _Console(Console):
    """A console that leaves a reader who has gone to the caller."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def console(stream: TextIO) -> Console:
    """Return a console that is plain text unless the stream is a terminal, and takes no text for markup."""
    plain = _Console(file=stream, force_terminal=stream.isatty(), markup=False, emoji=False, highlight=False)
    plain.width = min(plain.width, _WIDEST)
    return plain


def show(written: RenderableType, stream: TextIO) -> None:
    """Write a text that is read from its beginning, which fits a page wherever it goes.

    The blanks that tables leave at the ends of lines are left out.
    """
    _print(written, console(stream), stream)


def show_whole_lines(written: RenderableType, stream: TextIO) -> None:
    """Write what is looked through line by line, by other programs too: lines are folded on a terminal alone."""
    shown = console(stream)
    if not stream.isatty():
        without_end = shown.options.update(width=_ENDLESS)
        shown.width = max(shown.width, Measurement.get(shown, without_end, written).maximum)
    _print(written, shown, stream)


def _print(written: RenderableType, shown: Console, stream: TextIO) -> None:
    with shown.capture() as captured:
        shown.print(written)
    stream.write("\n".join(line.rstrip(" ") for line in captured.get().split("\n")))
