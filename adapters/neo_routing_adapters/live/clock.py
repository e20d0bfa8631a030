"""The clock by which a copy ages: it goes on while the machine is suspended, where the system has such a one."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final


def _clock() -> Callable[[], float]:
    while_suspended: int | None = getattr(time, "CLOCK_BOOTTIME", None)  # Linux has it
    return time.monotonic if while_suspended is None else partial(time.clock_gettime, while_suspended)


now: Final = _clock()
"""Seconds, from whenever on."""
