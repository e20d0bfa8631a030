"""How far a long run has come, shown on standard error if that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from rich.progress import Progress

from neo_routing_adapters.command.terminal import console


@contextmanager
def progress(doing: str) -> Iterator[Callable[..., Any]]:
    """Show a bar while the block runs; what is returned moves it, by `description`, `completed` and `total`."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield dict  # which takes the same, and does nothing with it
        return
    with Progress(console=console(sys.stderr), transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        yield partial(bar.update, bar.add_task(doing, total=None))
