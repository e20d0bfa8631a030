"""Prints what the analysis of a directory costs: processor time without loading, and memory with the directory.

    python tests/bench/analysis.py             1,000,000 tenants
    python tests/bench/analysis.py --small     10,000 tenants

Each has four agents, half a channel, an installation and two companies. Each figure is taken in a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import evolve

import world
from neo_routing import Channel, EndCompany, Rows, Tenant, content_of
from neo_routing.analysis import audit, difference, reach
from report import report

SMALL, LARGE = 10_000, 1_000_000
CHANGED_ROWS = 1_000


def channels(size: int) -> Iterator[Channel]:
    """Yield the benchmark's channels, those that are installed for a second M365 tenant each."""
    for channel in world.channels(size):
        number = int(channel.tenant_id[-7:])
        more = {world.guid(number, 5)} if channel.installed_m365_tenant_ids else set()
        yield evolve(channel, installed_m365_tenant_ids=channel.installed_m365_tenant_ids | more)


def end_companies(size: int) -> Iterator[EndCompany]:
    """Yield two companies of each tenant."""
    yield from world.end_companies(size)
    for number in range(size):
        linked = frozenset([world.guid(number, 5)])
        yield EndCompany(id=f"second-{number:07d}", tenant_id=world.tenant_id(number), m365_tenant_ids=linked)


def directory(size: int) -> Rows:
    return content_of(
        tenants=world.tenants(size),
        agents=world.agents(size),
        channels=channels(size),
        end_companies=end_companies(size),
    )


def changed(size: int) -> Rows:
    """Return the directory with a thousand other rows: channels, links and agents in turn, and one more tenant."""
    every = size // CHANGED_ROWS
    return content_of(
        tenants=(*world.tenants(size), Tenant(id="one more")),
        agents=(each for each in world.agents(size) if each.id % (3 * every * 4) != 1),
        channels=(
            evolve(each, installed_m365_tenant_ids=frozenset()) if number % (every // 2 * 3) == 0 else each
            for number, each in enumerate(channels(size))
        ),
        end_companies=(each for number, each in enumerate(end_companies(size)) if number % (every * 6) != 1),
    )


def audited(size: int) -> tuple[float, int]:
    rows = directory(size)
    return timed(lambda: sum(1 for _ in audit(rows)))


def differing(size: int) -> tuple[float, int]:
    one, other = directory(size), changed(size)
    return timed(lambda: len(difference(one, other)))


def reached(size: int) -> tuple[float, int]:
    rows = directory(size)
    return timed(lambda: sum(1 for _ in reach(rows, tenant_id=world.tenant_id(world.ROUTED))))


def timed(count: Callable[[], int]) -> tuple[float, int]:
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # what loading took at the most is forgotten
    started = time.process_time()
    counted = count()
    return time.process_time() - started, counted


def most_gibibytes() -> float:
    """Return what this process had in memory at the most."""
    [line] = [each for each in Path("/proc/self/status").read_text("ascii").splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) / _KIBIBYTES


MEASURED = {
    "audit": (audited, 20, 2, "findings"),
    "difference": (differing, 15, 3, "differences"),
    "reach": (reached, 10, 2, "classes"),
}
_KIBIBYTES = 2**20


def alone(name: str, size: int) -> None:
    """Measure in this process, and print seconds, what was counted, and the most memory in GiB."""
    measure, *_ = MEASURED[name]
    seconds, counted = measure(size)
    print(seconds, counted, most_gibibytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help=f"{SMALL:,} tenants")
    parser.add_argument("--only", choices=MEASURED, help="one figure")
    parser.add_argument("--alone", choices=MEASURED, help=argparse.SUPPRESS)
    options = parser.parse_args()
    size = SMALL if options.small else LARGE
    if options.alone:
        alone(options.alone, size)
        return
    print(f"CPython {sys.version.split()[0]}, {size:,} tenants, each figure in a process of its own")
    for name, (_, seconds, gibibytes, counted) in MEASURED.items():
        if options.only in (None, name):
            command = [sys.executable, __file__, "--alone", name, *["--small"] * options.small]
            told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
            report(f"{name}, {int(told[1]):,} {counted}", float(told[0]), seconds, "s")
            report(f"{name}, memory with what it is given", float(told[2]), gibibytes, "GiB")


if __name__ == "__main__":
    main()
