"""How the benchmarks measure, and how they print what they found."""

from __future__ import annotations

import time
from collections.abc import Callable


def report(
    figure: str, measured: float, limit: float | None = None, unit: str = "x", *, at_least: bool = False
) -> None:
    verdict = ""
    if limit is not None:
        within = measured >= limit if at_least else measured <= limit
        verdict = f"{'least' if at_least else 'limit'} {limit:>5g}  {'within' if within else 'OVER'}"
    print(f"{figure:<58} {measured:>8.2f} {unit:<5} {verdict}".rstrip(), flush=True)


def best_rounds(contestants: dict[str, tuple[Callable[[], None], int]], rounds: int) -> dict[str, float]:
    """Return the seconds a call of each contestant, which is a loop over so many calls."""
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for name, (loop, count) in contestants.items():
            loop()  # once unmeasured, for the processor's caches to forget the contestant before
            started = time.perf_counter()
            loop()
            best[name] = min(best[name], (time.perf_counter() - started) / count)
    return best
