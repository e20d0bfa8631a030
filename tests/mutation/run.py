"""Mutation testing of the core: is there a test for everything it does?

    pip install cosmic-ray
    python tests/mutation/run.py                     every mutant of neo_routing, on all cores
    python tests/mutation/run.py routing rows        those of some modules
    python tests/mutation/run.py --again RESULTS     those that survived in an earlier run, or are new
    python tests/mutation/run.py --unlisted          all but those in `survivors.toml`, which take most of the time

Makes each small change that `mutants.py` knows, one at a time and in a copy of the project, and runs the tests that
cover the core: `first_check.py`, then those of `TESTS` that run the changed line, then all of them. A mutant is killed
if something fails, or never ends. Each result is written to a file as it comes.

Mutants that survive and are listed in `survivors.toml`, with the reason why no test can tell them apart, count neither
as killed nor as missed. The exit status is 1 if less than 98 % of the others are killed, if a survivor is not
listed, or if one that is listed is not there any more or was killed.

Needs a system that can fork.
"""

from __future__ import annotations

import argparse
import compileall
import json
import multiprocessing
import os
import py_compile
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
from attrs import asdict, frozen
from covering import Covering, Only, covering, measure, tests_of
from mutants import Mutant, mutants_of

ROOT: Final = Path(__file__).resolve().parents[2]
SURVIVORS: Final = Path(__file__).with_name("survivors.toml")
LEAST_KILLED: Final = 0.98
COPIED: Final = ("neo_routing", "adapters", "tests", "pyproject.toml")
TESTS: Final = (
    *("tests/unit", "tests/core", "tests/memory", "tests/command/test_json_lines.py", "neo_routing", "tests/cases"),
    *("tests/property/test_bodies.py", "tests/property/test_plain_data.py", "tests/property/test_records.py"),
)
MOST_FIRST: Final = 200
"""So many of the tests that run a line are tried before all: where there are more, the first check notices."""
OPTIONS: Final = (
    *("-x", "-q", "-n0", "-p", "no:cacheprovider", "--assert=plain", "--hypothesis-seed=0", "--thorough"),
    # It looks at the files of the core and not at what they do, and starts other processes.
    *("--ignore=tests/core/test_boundary.py", "--ignore=neo_routing/testing"),
)
SECONDS: Final = (6, 40)
"""How much time of one processor the first check may take, and all together; without a mutant it is a fraction."""
BYTES: Final = 4 * 2**30


@frozen
class Tested:
    """What became of a mutant: the name of what killed it, or an empty text."""

    mutant: str
    line: int
    killed_by: str
    seconds: float


def main(arguments: list[str]) -> int:
    """Run what the arguments say, and tell the exit status."""
    options = _options(arguments)
    before = _read(options.again) if options.again else []
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        results = options.results or Path(tempfile.gettempdir(), "mutation.jsonl")
        print(f"results go to {results}", flush=True)
        known = _check_without_mutants(Path(folder))
        with multiprocessing.get_context("fork").Pool(options.processes, _set_up, [Path(folder), known]) as pool:
            files = [
                str(file.relative_to(ROOT))
                for file in sorted({*ROOT.glob("neo_routing/*.py"), *ROOT.glob("neo_routing/plain_data/*.py")})
            ]
            chosen = [each for each in files if not options.modules or Path(each).stem in options.modules]
            mutants = [each for some in pool.imap(_mutants_of, chosen) for each in some]
            names = {each.name for each in mutants}
            # Some have the same name, as the same line may stand in several places.
            again = names - {each.mutant for each in before} | {each.mutant for each in before if not each.killed_by}
            killed = [each for each in before if each.mutant in names - again]
            mutants = [each for each in mutants if each.name in again]
            if options.unlisted:
                listed = _reasons().keys()
                killed += [Tested(each.name, each.line, "", 0) for each in mutants if each.name in listed]
                mutants = [each for each in mutants if each.name not in listed]
            random.Random(0).shuffle(mutants)  # so that what is told on the way is told of all modules
            tested = [*_told(pool.imap_unordered(_test, mutants), len(mutants), killed, results)]
    return _summary(tested, complete=not options.modules)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*")
    parser.add_argument("--again", type=Path)
    parser.add_argument("--unlisted", action="store_true")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    return parser.parse_args(arguments)


def _read(path: Path) -> list[Tested]:
    return [Tested(**json.loads(line)) for line in path.read_text("utf-8").splitlines()]


def _told(tested: Iterable[Tested], count: int, before: list[Tested], results: Path) -> Iterator[Tested]:
    start, survived = time.monotonic(), 0
    with results.open("w", encoding="utf-8") as file:
        for each in before:
            file.write(json.dumps(asdict(each)) + "\n")
            yield each
        for number, each in enumerate(tested, start=1):
            file.write(json.dumps(asdict(each)) + "\n")
            file.flush()
            survived += not each.killed_by
            left = (time.monotonic() - start) / number * (count - number) / 60
            print(f"\r{number} of {count} mutants, {survived} survived, {left:.0f} min left  ", end="", flush=True)
            yield each
    print()


def _summary(tested: list[Tested], *, complete: bool) -> int:
    reasons = _reasons()
    survived = [each for each in tested if not each.killed_by]
    listed = [each for each in survived if each.mutant in reasons]
    missed = [each for each in survived if each.mutant not in reasons]
    gone = reasons.keys() - {each.mutant for each in survived} if complete else set()
    killed = len(tested) - len(survived)
    share = killed / max(1, killed + len(missed))
    for each in missed:
        print(f"survived, and not listed: line {each.line} of {each.mutant}")
    for name in sorted(gone):
        print(f"listed, but did not survive: {name}")
    print(f"{len(tested)} mutants: {killed} killed, {len(listed)} listed, {len(missed)} missed; {share:.2%} killed")
    return 1 if missed or gone or share < LEAST_KILLED else 0


def _reasons() -> dict[str, str]:
    listed = tomllib.loads(SURVIVORS.read_text("utf-8"))
    return {name: group["reason"] for group in listed["equivalent"] for name in group["mutants"]}


# In a process that tests one mutant after the other

_copy = Path()
_known: Covering = {}


def _set_up(folder: Path, known: Covering) -> None:
    global _copy, _known  # noqa: PLW0603  # each process has its own
    _known = known
    _copy = folder / str(os.getpid())
    _copy.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, _copy / name, ignore=shutil.ignore_patterns("__pycache__", ".hypothesis"))
        else:
            shutil.copy(source, _copy / name)
    # A mutant has often the size and the second of the original: only its content tells that it was compiled before.
    compileall.compile_dir(_copy, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


def _check_without_mutants(folder: Path) -> Covering:
    """Stop if anything fails without a mutant; tell which tests run which lines."""
    _set_up(folder, {})
    output, measured = _copy / "output.txt", folder / "coverage"
    if killed_by := _fails(output) or _ended(output, lambda: _measured(measured), limited=False):
        raise SystemExit(f"{killed_by} fails without any mutant:\n{output.read_text('utf-8', 'replace')[-3000:]}")
    return covering(_copy, measured)


def _mutants_of(file: str) -> list[Mutant]:
    return [*mutants_of(_copy, file)]


def _test(mutant: Mutant) -> Tested:
    path = _copy / mutant.file
    original = path.read_text("utf-8")
    likely = tests_of(_known, _copy, mutant.file, mutant.line)
    start = time.monotonic()
    try:
        path.write_text(mutant.source, "utf-8")
        killed_by = _fails(_copy / "output.txt", likely if len(likely) <= MOST_FIRST else [])
    finally:
        path.write_text(original, "utf-8")
    return Tested(mutant.name, mutant.line, killed_by, round(time.monotonic() - start, 2))


def _fails(output: Path, likely: Sequence[str] = ()) -> str:
    """Name what fails, if anything: the first check, the tests that are likeliest to fail, or all."""
    return _ended(output, lambda: _first_that_fails(likely))


def _ended(output: Path, run: Callable[[], int], *, limited: bool = True) -> str:
    """Run something in a process of its own, which has pytest loaded already; name the part at which it failed."""
    child = os.fork()
    if child == 0:
        part = _PARTS.index("broken")
        try:
            _enter(output, limited=limited)
            part = run()
        except BaseException:  # noqa: BLE001  # whatever it is, this process must end here
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(part)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return f"signal {signal.Signals(os.WTERMSIG(status)).name}"
    return _PARTS[os.WEXITSTATUS(status)]


_PARTS: Final = ("", "all tests", "first check", "tests of the line", "broken")
"""By the exit status of a process that tests: nothing fails, or what does."""


def _enter(output: Path, *, limited: bool) -> None:
    with output.open("w", encoding="utf-8") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    if limited:
        resource.setrlimit(resource.RLIMIT_CPU, SECONDS)
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    os.chdir(_copy)
    sys.dont_write_bytecode = True
    sys.path[:0] = [str(_copy), str(_copy / "adapters"), str(_copy / "tests" / "mutation")]


def _first_that_fails(likely: Sequence[str]) -> int:
    try:
        import neo_routing  # noqa: PLC0415  # the copy, and perhaps a mutant

        assert Path(neo_routing.__file__).is_relative_to(_copy)
        import first_check  # noqa: PLC0415  # as above

        first_check.check_the_corpus()
        first_check.check_some_small_worlds()
    except BaseException:  # noqa: BLE001  # a mutant may raise anything, and that kills it
        return _PARTS.index("first check")
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS[1], SECONDS[1]))
    files = sorted({test.partition("::")[0] for test in likely})
    if files and pytest.main([*OPTIONS, *files], plugins=[Only(likely)]) not in _NOTHING_FAILS:
        return _PARTS.index("tests of the line")
    return _PARTS.index("all tests") if pytest.main([*OPTIONS, *TESTS]) else 0


def _measured(data_file: Path) -> int:
    return _PARTS.index("all tests") if measure(_copy, [*OPTIONS, *TESTS], data_file) else 0


_NOTHING_FAILS: Final = {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
