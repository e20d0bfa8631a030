"""The conformance corpus: cases as data, with the decision that every implementation of the rules has to give.

The corpus is JSON: in `corpus/worlds/` a file for each directory with the cases that are decided on it, and in
`corpus/frozen.json` its version. The command `neo-routing conformance` puts it to any program that speaks the JSON
Lines form; here it is for whoever puts it to something else.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from importlib import resources
from itertools import zip_longest
from typing import Any, Final, TypeAlias

from attrs import frozen

CORPUS: Final = resources.files("neo_routing").joinpath("testing", "corpus")
"""The folder of the corpus; it may be inside an archive."""

ConformanceStep: TypeAlias = tuple[str, str, str]
"""What is compared of a step: its clause, its verdict and its reason."""

_NOTHING: Final = "nothing"


@frozen(kw_only=True)
class ConformanceCase:
    """A case of the corpus: the line that asks, and what has to come back.

    >>> case = conformance_worlds()[0].cases[0]
    >>> case.name, case.clause
    ('one active channel routes to its agent', 'active-channel')
    >>> case.decision["outcome"], case.steps[-1]
    ('active_channel', ('channel-agent', 'passed', 'agent_available'))
    """

    world: str
    """The name of the world that it is decided on."""
    name: str
    """What it shows; no two cases of the corpus have the same."""
    line: bytes
    """The case as JSON Lines have it, with the end of the line; it may well hold no case at all."""
    decision_line: str
    """The decision that is expected, without its trace, as a line of JSON."""
    steps: tuple[ConformanceStep, ...]
    """The steps that are expected, in order."""

    @property
    def decision(self) -> dict[str, Any]:
        """The decision that is expected, without its trace."""
        decision: dict[str, Any] = json.loads(self.decision_line)
        return decision

    @property
    def clause(self) -> str:
        """The clause that settles the case: the one that refuses, or else the one that finds the target."""
        settling = {verdict: clause for clause, verdict, _ in self.steps}
        return settling.get("refused") or settling["matched"]


@frozen(kw_only=True)
class ConformanceWorld:
    """A directory of the corpus, and the cases that are decided on it.

    >>> world = conformance_worlds()[0]
    >>> world.name, world.about, len(world.cases)
    ('active-channel', "The target tenant's own active channels with the bot.", 18)
    """

    name: str
    """The name of its file, without `.json`."""
    about: str
    """What its cases are about, in a sentence."""
    directory_document: str
    """The directory, as the text of a directory document."""
    cases: tuple[ConformanceCase, ...]
    """The cases, in the order in which they are asked."""


@frozen(kw_only=True)
class Difference:
    """Something in which an answer is not the expected one.

    >>> print(Difference(place="agent_id", expected="12", given="13"))
    agent_id: expected 12, given 13
    """

    place: str
    """The member of the decision, or the step, counted from 1."""
    expected: str
    """What is expected there: JSON, or a step in words."""
    given: str
    """What was given there, written likewise."""

    def __str__(self) -> str:
        return f"{self.place}: expected {self.expected}, given {self.given}"


def conformance_version() -> int:
    """Return the version of the corpus, which is another one whenever what was frozen of it has changed.

    >>> conformance_version() >= 1
    True
    """
    version: int = json.loads(CORPUS.joinpath("frozen.json").read_text("utf-8"))["version"]
    return version


def conformance_worlds() -> tuple[ConformanceWorld, ...]:
    """Return the whole corpus, sorted by the names of its worlds.

    >>> [world.name for world in conformance_worlds()][:3]
    ['active-channel', 'bot-warnings', 'channel-agent']
    """
    files = sorted(CORPUS.joinpath("worlds").iterdir(), key=lambda file: file.name)
    return tuple(_world(file.name.removesuffix(".json"), json.loads(file.read_text("utf-8"))) for file in files)


def differences(case: ConformanceCase, answer: Mapping[str, object], *, trace: bool = True) -> tuple[Difference, ...]:
    """Return in what an answer is not the expected one; of the steps, the first that parts them.

    The answer is a decision as plain data, with its trace, unless that is not to be compared; `json_lines.read_answer`
    reads it as strictly as cases are read.

    >>> case = conformance_worlds()[0].cases[0]
    >>> differences(case, case.decision, trace=False)
    ()
    >>> for difference in differences(case, {**case.decision, "agent_id": 7, "trace": []}):
    ...     print(difference)
    agent_id: expected 12, given 7
    step 1: expected request-shape passed well_formed, given nothing
    """
    expected = case.decision
    given = {name: value for name, value in answer.items() if name != "trace"}
    parted = [*_members(expected, given)]
    if trace:
        parted += _first_step(case.steps, answer.get("trace"))
    return tuple(parted)


def _members(expected: Mapping[str, object], given: Mapping[str, object]) -> Iterator[Difference]:
    for name in {**expected, **given}:
        ours, theirs = (_text(side[name]) if name in side else _NOTHING for side in (expected, given))
        if ours != theirs:
            yield Difference(place=name, expected=ours, given=theirs)


def _first_step(expected: tuple[ConformanceStep, ...], trace: object) -> Iterator[Difference]:
    given = trace if isinstance(trace, list) else []
    for number, (ours, theirs) in enumerate(zip_longest(expected, map(_step, given), fillvalue=()), start=1):
        if ours != theirs:
            yield Difference(place=f"step {number}", expected=_in_words(ours), given=_in_words(theirs))
            return


def _step(step: object) -> tuple[str, ...]:
    if not isinstance(step, dict):
        return (_text(step),)
    return tuple(
        value if isinstance(value := step.get(name), str) else _text(value) for name in ("clause", "verdict", "reason")
    )


def _in_words(step: tuple[str, ...]) -> str:
    return " ".join(step) or _NOTHING


def _world(name: str, file: dict[str, Any]) -> ConformanceWorld:
    return ConformanceWorld(
        name=name,
        about=file["about"],
        directory_document=json.dumps(file["directory"]["document"]),
        cases=tuple(_case(name, case) for case in file["cases"]),
    )


def _case(world: str, case: dict[str, Any]) -> ConformanceCase:
    return ConformanceCase(
        world=world,
        name=case["name"],
        line=_line(case) + case.get("end", "\n").encode(),
        decision_line=json.dumps(case["decision"]),
        steps=tuple((clause, verdict, reason) for clause, verdict, reason in case["steps"]),
    )


def _line(case: dict[str, Any]) -> bytes:
    if "line_base64" in case:
        return b64decode(case["line_base64"])
    text: str = case["line"] if "line" in case else json.dumps({name: case[name] for name in ("caller", "request")})
    return text.encode()


def _text(value: object) -> str:
    """Write a value so that equal ones are the same text, and true is not 1."""
    return json.dumps(value, sort_keys=True)
