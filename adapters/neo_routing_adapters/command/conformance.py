"""`neo-routing conformance`: the conformance corpus, put to any program that speaks the JSON Lines form."""

from __future__ import annotations

import json as json_form
import os
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

from cyclopts import Parameter

from neo_routing.printable import printable
from neo_routing.testing.conformance import (
    ConformanceCase,
    ConformanceWorld,
    conformance_version,
    conformance_worlds,
    differences,
)
from neo_routing_adapters.command.conformance_report import Checked, Report, WorldChecked
from neo_routing_adapters.command.database_url import refuse_url
from neo_routing_adapters.command.failure import FOUND, CommandFailed, cannot
from neo_routing_adapters.command.program import Answered, answers_of, orderly_termination
from neo_routing_adapters.command.secrets import without_secrets
from neo_routing_adapters.json_lines import read_answer
from neo_routing_adapters.phrases import exactly

EXAMPLE: Final = """\
Examples:

$ neo-routing conformance --command "./mine --directory {directory}"
$ neo-routing conformance --save corpus"""

_DIRECTORY: Final = "{directory}"
_A_DAY: Final = 86400.0


def conformance(
    *,
    command: str | None = None,
    save: Path | None = None,
    world: Annotated[tuple[str, ...], Parameter(negative="", show_default=False)] = (),
    timeout: Annotated[float, Parameter(metavar="SECONDS")] = 60.0,
    without_trace: Annotated[bool, Parameter(negative="", show_default=False)] = False,
    json: Annotated[bool, Parameter(negative="", show_default=False)] = False,
) -> None:
    """Put the conformance corpus to another implementation of the rules.

    The program is started once for each directory of the corpus. It gets the cases as JSON Lines on standard input, and
    writes a decision with its trace for each, as "resolve --explain" does. The exit status is 1 if it answers otherwise
    than the corpus says.

    Parameters
    ----------
    command
        The program and its arguments; {directory} stands for the directory document, which comes last without it.
    save
        Write the corpus to this folder instead: directories, cases, and what is expected.
    world
        Only this directory and its cases; may be given several times.
    timeout
        How long the program may take for the cases of one directory.
    without_trace
        Compare no traces, for a program that gives none yet.
    json
        Write each result as a JSON object on a line.
    """
    if (command is None) == (save is None):
        raise CommandFailed("give either --command or --save")
    worlds = _worlds(world)
    if save is not None:
        _save(worlds, save)
    elif command is not None:
        if not 0 < timeout <= _A_DAY:
            raise CommandFailed("--timeout must be more than 0 seconds, and a day at most")
        _check(worlds, _words(command), timeout, Report(trace=not without_trace, as_json=json))


def _worlds(names: Sequence[str]) -> Sequence[ConformanceWorld]:
    worlds = {world.name: world for world in conformance_worlds()}
    for name in names:
        if name not in worlds:
            raise CommandFailed(f"there is no world {exactly(name)}; there are: {', '.join(worlds)}")
    return [world for name, world in worlds.items() if not names or name in names]


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise CommandFailed(f"--command is not a command: {error}") from error
    if not words:
        raise CommandFailed("--command is empty")
    return words if any(_DIRECTORY in word for word in words) else [*words, _DIRECTORY]


def _with_directory(words: Sequence[str], path: str) -> list[str]:
    return [word.replace(_DIRECTORY, path) for word in words]


def _check(worlds: Iterable[ConformanceWorld], words: Sequence[str], seconds: float, report: Report) -> None:
    with orderly_termination(), TemporaryDirectory() as folder:
        path = Path(folder) / "directory.json"
        for world in worlds:
            path.write_bytes(_directory_file(world))
            answered = _run(_with_directory(words, str(path)), world, seconds)
            again = shlex.join(_with_directory(words, f"corpus/{world.name}/directory.json"))
            report.tell(_compared(world, without_secrets(again), answered, trace=report.trace))
    report.finish(conformance_version())
    if report.is_wrong:
        raise CommandFailed(report.summary, FOUND)


def _run(words: Sequence[str], world: ConformanceWorld, seconds: float) -> Answered:
    try:
        return answers_of(words, [case.line for case in world.cases], seconds=seconds)
    except OSError as error:
        raise cannot(f"run {words[0]}", error) from error


def _compared(world: ConformanceWorld, command: str, answered: Answered, *, trace: bool) -> WorldChecked:
    fault, checked = answered.fault, list[Checked]()
    for number, (case, line) in enumerate(zip(world.cases, answered.lines, strict=False), start=1):
        try:
            parted = differences(case, read_answer(line), trace=trace)
        except ValueError as error:
            fault = fault or f"wrote a line {number} that {error}: {_beginning(line)}"
            break
        again = f"sed -n {number}p corpus/{world.name}/cases.jsonl | {command}"
        checked.append(Checked(case=case, number=number, differences=parted, again=again))
    if fault is None and len(answered.lines) < len(world.cases):
        fault = _too_few(world, checked)
    return WorldChecked(
        world=world,
        fault=fault,
        complaints=tuple(map(without_secrets, answered.complaints)),
        checked=() if fault else tuple(checked),
    )


_SHOWN: Final = 40


def _beginning(line: bytes) -> str:
    return ascii(line[:_SHOWN])[1:] + ("…" if len(line) > _SHOWN else "")


def _too_few(world: ConformanceWorld, checked: Sequence[Checked]) -> str:
    first = next((one for one in checked if one.differences), None)
    where = f"; the first that is not as expected is line {first.number}" if first is not None else ""
    return f"wrote {len(checked)} lines for {len(world.cases)} cases{where}"


def _save(worlds: Sequence[ConformanceWorld], folder: Path) -> None:
    refuse_url(folder, "--save must be a folder")
    if os.path.lexists(folder):
        raise CommandFailed(f"{folder} is there already")
    try:
        for world in worlds:
            (folder / world.name).mkdir(parents=True)
            for name, content in _files(world):
                with (folder / world.name / name).open("xb") as file:
                    file.write(content)
    except OSError as error:
        raise cannot(f"write to {folder}", error) from error
    cases = sum(len(world.cases) for world in worlds)
    wrote = f"wrote {folder}: {len(worlds)} directories with {cases} cases, version {conformance_version()}"
    print(printable(without_secrets(wrote)))


def _files(world: ConformanceWorld) -> Iterator[tuple[str, bytes]]:
    yield "directory.json", _directory_file(world)
    yield "cases.jsonl", b"".join(case.line for case in world.cases)
    yield "expected.jsonl", b"".join(map(_expected_line, world.cases))


def _directory_file(world: ConformanceWorld) -> bytes:
    return f"{world.directory_document}\n".encode()


def _expected_line(case: ConformanceCase) -> bytes:
    return json_form.dumps({"name": case.name, "decision": case.decision, "steps": case.steps}).encode() + b"\n"
