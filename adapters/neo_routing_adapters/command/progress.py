"""How far a long run has come, shown on standard error if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from rich.progress import Progress, TaskID

from neo_routing_adapters.command.terminal import console


class Bar:
    """A bar that moves when it is called, or nothing at all."""

    def __init__(self, bar: Progress | None, task: TaskID) -> None:
        self._bar = bar
        self._task = task

    def __call__(
        self, *, description: str | None = None, completed: float | None = None, total: float | None = None
    ) -> None:
        """Move it."""
        if self._bar is not None:
            self._bar.update(self._task, description=description, completed=completed, total=total)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Take it away while something else is written, which may go to the same terminal."""
        if self._bar is not None:
            self._bar.stop()
        yield
        if self._bar is not None:
            self._bar.start()


NO_BAR = Bar(None, TaskID(0))


@contextmanager
def progress(doing: str) -> Iterator[Bar]:
    """Show a bar while the block runs."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield NO_BAR
        return
    with Progress(console=console(sys.stderr), transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        yield Bar(bar, bar.add_task(doing, total=None))


def progress_beside_output(doing: str) -> AbstractContextManager[Bar]:
    """Show a bar while the block writes to standard output, unless that is the terminal itself."""
    return nullcontext(NO_BAR) if sys.stdout.isatty() else progress(doing)
