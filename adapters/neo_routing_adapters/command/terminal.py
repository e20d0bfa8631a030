"""What is written on: a console that adds nothing of its own to the text it is given."""

from __future__ import annotations

from typing import Final, TextIO

from rich.console import Console, RenderableType

_WIDEST: Final = 100


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
    """Write it, without the blanks that tables leave at the ends of lines."""
    shown = console(stream)
    with shown.capture() as captured:
        shown.print(written)
    stream.write("\n".join(line.rstrip(" ") for line in captured.get().split("\n")))
