"""Prints what the library costs, as ratios to a floor that is measured in the same run.

    python tests/bench/ratios.py             1,000, 100,000 and 1,000,000 tenants
    python tests/bench/ratios.py --small     1,000 tenants only, in seconds

Rounds of all the measured functions alternate, and the best round of each counts: machines are noisy.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from returns.result import Result, Success

import world
from floor import Case, FloorDirectory, floor_of
from neo_routing import (
    Caller,
    PolicyEngine,
    Refusal,
    SessionRequest,
    SessionTarget,
    Tenant,
    answers,  # a module, and no name of the library's
    decide,
    decide_body,
    decide_many,
    parse_session_request,
    resolve_session_target,
)
from neo_routing_adapters.memory import MemoryDirectory
from report import best_rounds, report
from world import Asked

SMALL, MIDDLE, LARGE = 1_000, 100_000, 1_000_000
# Calls in a round, and rounds. Short rounds, because the longer one takes, the less likely that nothing else runs
# meanwhile; but so many calls on the large directory that neither its rows nor their answers stay in a cache.
STREAMS = {SMALL: (18 * 50, 100), MIDDLE: (18 * 1000, 10), LARGE: (18 * 5000, 5)}


def memory_directory(size: int) -> MemoryDirectory:
    return MemoryDirectory(
        tenants=world.tenants(size),
        agents=world.agents(size),
        channels=world.channels(size),
        end_companies=world.end_companies(size),
    )


def named_directory(size: int) -> MemoryDirectory:
    """A directory whose tenants have names of their own, which are kept and decide nothing."""
    return MemoryDirectory(
        tenants=(Tenant(id=each.id, name=f"Tenant {each.id}") for each in world.tenants(size)),
        agents=world.agents(size),
        channels=world.channels(size),
        end_companies=world.end_companies(size),
    )


def plain(answer: Result[SessionTarget, Refusal]) -> Any:
    """Return an answer in the floor's form."""
    if not isinstance(answer, Success):
        return str(answer.failure().code)
    target = answer.unwrap()
    return (
        str(target.outcome),
        target.tenant_id,
        target.agent_id,
        target.channel_id,
        target.end_company_id,
        target.show_agent_progress_steps,
    )


def as_case(caller: Caller, request: SessionRequest) -> Case:
    return (
        caller.is_platform,
        caller.tenant_id,
        request.agent_id,
        request.managed_agent_key,
        request.bot_id,
        request.m365_tenant_id,
        request.client_id,
    )


def speed(size: int) -> None:
    calls, rounds = STREAMS[size]
    directory = memory_directory(size)
    floor = floor_of(FloorDirectory(size))
    stream = [(outcome, caller, body) for outcome, (caller, body) in world.calls(size, calls)]
    parsed = [(caller, parse_session_request(body).unwrap()) for _, caller, body in stream]
    cases = [as_case(caller, request) for caller, request in parsed]
    for (outcome, _, _), case, (caller, request) in zip(stream, cases, parsed, strict=True):
        expected = floor(case)
        if plain(resolve_session_target(caller, request, directory)) != expected or outcome not in (
            expected,
            expected[0],
        ):
            raise SystemExit(f"the floor and the library differ on {caller}, {request}")
    asked = Asked()
    decide_many(parsed, asked)
    all_needed = asked.needed
    by_shape = [turn for turn, (outcome, _, _) in enumerate(stream) if outcome in world.REFUSED_BY_SHAPE]
    shape_cases, shape_parsed = [cases[turn] for turn in by_shape], [parsed[turn] for turn in by_shape]

    def floor_loop() -> None:
        for case in cases:
            floor(case)

    def resolve_loop() -> None:
        for caller, request in parsed:
            resolve_session_target(caller, request, directory)

    def first_loop() -> None:
        answers.session.cache_clear()
        answers.not_mapped.cache_clear()
        resolve_loop()

    def decide_loop() -> None:
        for caller, request in parsed:
            decide(caller, request, directory)

    def trace_loop() -> None:
        for caller, request in parsed:
            _ = decide(caller, request, directory).trace

    def raw_loop() -> None:
        for _, caller, body in stream:
            request = parse_session_request(body)
            if isinstance(request, Success):
                resolve_session_target(caller, request.unwrap(), directory)

    def slice_loop() -> None:
        for needed in all_needed:
            directory.content.needed((needed,))

    def body_loop() -> None:
        for _, caller, body in stream:
            decide_body(caller, body, directory)

    counting = PolicyEngine(directory)
    noon = datetime(2026, 11, 29, 12, tzinfo=UTC)
    telling = PolicyEngine(directory, on_decision=lambda _: None, new_id=lambda: "1", now=lambda: noon)

    def counted_loop() -> None:
        for _, caller, body in stream:
            counting.decide(caller, body)

    def told_loop() -> None:
        for _, caller, body in stream:
            telling.decide(caller, body)

    def shape_floor_loop() -> None:
        for case in shape_cases:
            floor(case)

    def shape_loop() -> None:
        for caller, request in shape_parsed:
            resolve_session_target(caller, request, directory)

    best = best_rounds(
        {
            "floor": (floor_loop, len(cases)),
            "resolve": (resolve_loop, len(parsed)),
            "first": (first_loop, len(parsed)),
            "decide": (decide_loop, len(parsed)),
            "trace": (trace_loop, len(parsed)),
            "raw": (raw_loop, len(stream)),
            "slice": (slice_loop, len(all_needed)),
            "body": (body_loop, len(stream)),
            "counted": (counted_loop, len(stream)),
            "told": (told_loop, len(stream)),
            "shape floor": (shape_floor_loop, len(shape_cases)),
            "shape": (shape_loop, len(shape_parsed)),
        },
        rounds,
    )
    print(f"\n{size:,} tenants, {calls:,} calls over the 18 outcomes; floor {best['floor'] * 1e9:.0f} ns a decision")
    report("resolve_session_target", best["resolve"] / best["floor"], 4.2 if size < LARGE else 2)
    report("resolve_session_target, answers that were not given before", best["first"] / best["floor"])
    report("decide, with its trace", best["decide"] / best["floor"], 5.3)
    report("decide, and have the trace told as an operator reads it", best["trace"] / best["floor"], 40)
    report("from a raw mapping: parse and resolve", best["raw"] / best["floor"], 12)
    report("the slice that a decision rests on", best["slice"] / best["floor"], 40)
    # A quarter on top was seen. Twice that would be a lock, or a record that nobody wants.
    report("PolicyEngine without a hook, against decide_body", best["counted"] / best["body"], 1.5)
    report("PolicyEngine that tells a hook, against decide_body", best["told"] / best["body"], None)
    report("refused by its shape, against the floor on the same calls", best["shape"] / best["shape floor"], 2)


_BYTES_IN_A_DICT = 104
"""What an entry of a dict of a million takes."""


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def bytes_a_tenant(build: Callable[[int], object], size: int) -> float:
    gc.collect()
    before = resident_bytes()
    built = build(size)
    gc.collect()
    used = (resident_bytes() - before) / size
    del built
    return used


def pause(size: int) -> float:
    """Return the seconds of the first full collection after loading."""
    directory = memory_directory(size)
    started = time.perf_counter()
    gc.collect()
    elapsed = time.perf_counter() - started
    del directory
    return elapsed


def import_milliseconds() -> float:
    """Return what importing the core costs beyond attrs, returns and the standard library that it uses."""
    code = (
        "import attrs, returns.result, enum, functools, re, unicodedata, typing, collections.abc, time\n"
        "started = time.perf_counter(); import neo_routing; print(time.perf_counter() - started)"
    )
    with tempfile.TemporaryDirectory() as compiled:
        # As it is installed: compiled once, whatever this process was told about that.
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return min(float(in_new_process("-c", code, env=environment)) for _ in range(15)) * 1e3


def in_new_process(*arguments: str, env: dict[str, str] | None = None) -> str:
    ran = subprocess.run([sys.executable, *arguments], check=True, capture_output=True, text=True, env=env)
    return ran.stdout


MEASURED_ALONE: dict[str, Callable[[], float]] = {
    "floor-bytes": lambda: bytes_a_tenant(FloorDirectory, LARGE),
    "memory-bytes": lambda: bytes_a_tenant(memory_directory, LARGE),
    "named-bytes": lambda: bytes_a_tenant(named_directory, LARGE),
    "pause": lambda: pause(LARGE),
}


def alone(figure: str) -> float:
    return float(in_new_process(__file__, "--alone", figure))


def size_of_a_large_directory() -> None:
    print(
        f"\n{LARGE:,} tenants with 4 agents, half a channel and an end-company each, loaded in a process of their own"
    )
    floor = alone("floor-bytes")
    print(f"the floor's dicts take {floor:.0f} bytes a tenant")
    unnamed = alone("memory-bytes")
    report("MemoryDirectory, against the floor's dicts", unnamed / floor, 1.5)
    own = sys.getsizeof(f"Tenant {world.tenant_id(0)}") + _BYTES_IN_A_DICT
    report("names of the tenants, against their texts in a dict", (alone("named-bytes") - unnamed) / own, 1.5)
    report("pause of a full garbage collection", alone("pause") * 1e3, 50, "ms")


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="1,000 tenants only")
    parser.add_argument("--alone", choices=MEASURED_ALONE, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.alone:
        print(MEASURED_ALONE[options.alone]())
        return
    print(f"CPython {sys.version.split()[0]}")
    report("import neo_routing, beyond attrs and returns", import_milliseconds(), 20, "ms")
    speed(SMALL)
    if not options.small:
        speed(MIDDLE)
        speed(LARGE)
        size_of_a_large_directory()


if __name__ == "__main__":
    main()
