"""Numbers that several processes count, each in a file of its own; whoever is asked adds them up.

So it does not matter which process a question comes to, and a process that has ended still counts.
"""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path
from typing import Final

_WIDTH: Final = struct.calcsize("d")
_SUFFIX: Final = ".numbers"


class Numbers:
    """So many numbers, of which this process counts its share. They begin at 0."""

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._format = f"{count}d"
        own = folder / f"{os.getpid()}-{os.urandom(4).hex()}{_SUFFIX}"
        with own.open("w+b") as file:
            file.truncate(count * _WIDTH)
            self._own = memoryview(mmap.mmap(file.fileno(), count * _WIDTH)).cast("d")

    def add(self, index: int, amount: float = 1) -> None:
        """Count something."""
        self._own[index] += amount

    def put(self, index: int, amount: float) -> None:
        """Say what this process's share is."""
        self._own[index] = amount

    def sums(self) -> tuple[float, ...]:
        """Return each number, over all processes."""
        shares = (struct.unpack(self._format, path.read_bytes()) for path in self._folder.glob(f"*{_SUFFIX}"))
        return tuple(map(sum, zip(*shares, strict=True)))
