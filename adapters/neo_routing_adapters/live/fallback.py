"""The directory that is asked where a copy is older than it may be, if there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from inspect import iscoroutinefunction

from neo_routing import AsyncSessionDirectory, DirectoryUnavailable, Rows, RowsNeeded, SessionDirectory


class Fallback:
    """A directory of the host's, awaited or not, or none."""

    def __init__(self, directory: SessionDirectory | AsyncSessionDirectory | None) -> None:
        look_up = getattr(directory, "look_up", None)
        if directory is not None and (not callable(look_up) or isinstance(directory, type)):
            kind = type(directory).__name__
            raise ValueError(f"LiveDirectory.fallback must be a directory like SqlDirectory, and not {kind}")
        self._directory = directory
        self._is_awaited = iscoroutinefunction(look_up)
        self.blocks = not (directory is None or self._is_awaited or getattr(directory, "holds_its_rows", False))
        """Whether a thread that asks it waits; an event loop must not."""

    def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        """Return its rows, or what is to be awaited for them. Raises `DirectoryUnavailable`."""
        if self._directory is None:
            raise DirectoryUnavailable("The copy of the directory is older than it may be.")
        if self._is_awaited and not _in_event_loop():
            raise DirectoryUnavailable(
                "The copy of the directory is older than it may be, and its fallback is awaited."
            )
        return self._directory.look_up(needed)  # type: ignore[return-value]  # `adecide` awaits it


def _in_event_loop() -> bool:
    with suppress(RuntimeError):
        return asyncio.get_running_loop() is not None
    return False
