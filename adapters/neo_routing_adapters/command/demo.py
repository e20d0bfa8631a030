"""`neo-routing demo`: a platform and three MSPs, and every outcome there is."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final

from attrs import frozen
from cyclopts import Parameter
from returns.result import Failure
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from neo_routing import Decision
from neo_routing.printable import printable
from neo_routing_adapters.command.database_url import refuse_url
from neo_routing_adapters.command.decision_report import answer, deciding_step, warnings
from neo_routing_adapters.command.failure import CommandFailed, cannot
from neo_routing_adapters.command.secrets import without_secrets
from neo_routing_adapters.command.terminal import show
from neo_routing_adapters.json_lines import decide_line
from neo_routing_adapters.memory import read_directory
from neo_routing_adapters.strict_json import read_json
from neo_routing_adapters.wording import sentence

EXAMPLE: Final = """\
Examples:

$ neo-routing demo
$ neo-routing demo --save sample"""

_PROLOGUE: Final = """\
Neo hosts the assistants of three managed service providers: Northwind IT, Bluepeak Cloud and Harbor Managed \
Services. All three offer their clients the same white-label Teams bot. So when somebody writes to that bot, \
whose agent answers, and whose data may it see? Here is every answer there is, once each, with the step that gave it.
"""
_EPILOGUE: Final = """\
Take it from here: "neo-routing demo --save sample" writes this directory and these cases to files, and \
"neo-routing explain --help" shows how to ask about one case of your own."""
_ANSWERED: Final = "Five ways to an agent"
_REFUSED: Final = "Thirteen ways to be told no"
_INDENT: Final = (0, 0, 0, 3)
_TAIL_OF_GUID: Final = re.compile(r"(?<=[0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SAMPLE: Final = ("directory.json", "cases.jsonl")


@frozen
class Scene:
    """A case of the sample, with its story and its decision."""

    story: str
    caller: dict[str, str]
    request: dict[str, Any]
    decision: Decision

    @property
    def is_refused(self) -> bool:
        """Whether nobody answers."""
        return isinstance(self.decision.result, Failure)

    @property
    def outcome(self) -> str:
        """The outcome, or the code of the refusal."""
        result = self.decision.result
        return str(result.failure().code if isinstance(result, Failure) else result.unwrap().outcome)


def demo(*, save: Annotated[Path | None, Parameter(help="Write the sample to this folder instead.")] = None) -> None:
    """Show every outcome there is.

    The story of a platform and of three MSPs that share one bot, told on a sample directory.
    """
    if save is not None:
        _save(save)
        return
    show(Group(Text(_PROLOGUE), *_shown_scenes(), Text(_EPILOGUE)), sys.stdout)


def scenes() -> Iterator[Scene]:
    """Decide the cases of the sample, in the order of the story."""
    sample = resources.files("neo_routing_adapters") / "sample"
    with resources.as_file(sample / "directory.json") as path:
        directory = read_directory(path)
    for line in (sample / "cases.jsonl").read_bytes().splitlines():
        case = read_json(line)
        yield Scene(case["story"], case["caller"], case["request"], decide_line(line, directory))


def _shown_scenes() -> Iterator[RenderableType]:
    title = None
    for number, scene in enumerate(scenes(), start=1):
        if title != (title := _REFUSED if scene.is_refused else _ANSWERED):
            yield Text(f"{title}\n", "bold underline")
        yield _shown(number, scene)


def _shown(number: int, scene: Scene) -> RenderableType:
    step = deciding_step(scene.decision)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    table.add_row("asks", Text(_in_brief(scene)))
    table.add_row("answer", answer(scene.decision))
    table.add_row("because", Text.assemble((str(step.clause), "bold"), ": ", sentence(step)))
    for warning in warnings(scene.decision):
        table.add_row("warning", warning)
    heading = Text.assemble(f"{number:2} ", (scene.outcome, "bold red" if scene.is_refused else "bold green"))
    return Group(heading, Padding(Text(scene.story, "italic"), _INDENT), Padding(table, _INDENT), Text())


def _in_brief(scene: Scene) -> str:
    asked = ", ".join(f"{name} {json.dumps(value, ensure_ascii=False)}" for name, value in scene.request.items())
    return printable(f"{scene.caller['kind']} of {scene.caller['tenant_id']}: {_TAIL_OF_GUID.sub('…', asked)}")


def _save(folder: Path) -> None:
    refuse_url(folder, "--save must be a folder")
    for name in _SAMPLE:
        if os.path.lexists(folder / name):  # a link that leads nowhere would be written through
            raise CommandFailed(f"{folder / name} is there already")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _SAMPLE:
            with (folder / name).open("xb") as file:
                file.write((resources.files("neo_routing_adapters") / "sample" / name).read_bytes())
    except OSError as error:
        raise cannot(f"write to {folder}", error) from error
    print("\n".join(printable(without_secrets(f"wrote {folder / name}")) for name in _SAMPLE))
