"""To decide a body is to parse it, and to decide the request or to tell what is wrong: for every body there is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from returns.result import Failure

from neo_routing import (
    Caller,
    CallerKind,
    Decision,
    PolicyEngine,
    Rows,
    RowsNeeded,
    SessionDirectory,
    SessionRequest,
    adecide_body,
    bodies,
    decide,
    decide_body,
    engine,
    malformed_decision,
    parse_session_request,
)
from neo_routing.testing import World, callers, directories
from neo_routing.testing import bodies as drawn_bodies
from neo_routing.testing.conformance import CORPUS
from neo_routing_adapters.memory import MemoryDirectory, read_directory

ODD_BODIES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(), st.lists(st.integers()), st.dictionaries(st.text(), st.none())
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[World, Caller, object]:
    world = draw(directories())
    return world, draw(callers(world)), draw(drawn_bodies(world) | ODD_BODIES)


def the_long_way(caller: Caller, body: object, directory: SessionDirectory) -> Decision:
    parsed = parse_session_request(body)
    if isinstance(parsed, Failure):
        return malformed_decision(parsed.failure())
    return decide(caller, parsed.unwrap(), directory)


class Awaited:
    def __init__(self, directory: SessionDirectory) -> None:
        self._directory = directory

    async def look_up(self, needed: Sequence[RowsNeeded], /) -> Rows:
        await asyncio.sleep(0)
        return self._directory.look_up(needed)


WAYS = 9


def every_way(caller: Caller, body: object, directory: MemoryDirectory) -> list[Decision]:
    engine, awaiting = PolicyEngine(directory), PolicyEngine(Awaited(directory))

    async def awaited() -> list[Decision]:
        return [
            await adecide_body(caller, body, directory),
            await adecide_body(caller, body, Awaited(directory)),
            await awaiting.adecide(caller, body),
            *await awaiting.adecide_many([(caller, body)] * 2),
        ]

    one_by_one = [decide_body(caller, body, directory), engine.decide(caller, body)]
    return [*one_by_one, *engine.decide_many([(caller, body)] * 2), *asyncio.run(awaited())]


@given(calls())
def test_every_way_to_decide_a_body_is_the_long_way(call: tuple[World, Caller, object]) -> None:
    world, caller, body = call
    expected = the_long_way(caller, body, world.directory())
    assert every_way(caller, body, world.directory()) == [expected] * WAYS


FILES = [file for file in CORPUS.joinpath("worlds").iterdir() if file.name != "lines.json"]  # lines hold no body


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_body_of_the_corpus_is_decided_as_the_long_way_has_it(file: Any, tmp_path: Path) -> None:
    content = json.loads(file.read_text("utf-8"))
    document = tmp_path / "directory.json"
    document.write_text(json.dumps(content["directory"]["document"]), "utf-8")
    directory = read_directory(document)
    for case in content["cases"]:
        caller, body = Caller(**case["caller"]), case["request"]
        assert every_way(caller, body, directory) == [the_long_way(caller, body, directory)] * WAYS, case["name"]


@given(st.data())
def test_a_batch_of_bodies_is_decided_as_one_by_one_and_in_order(data: st.DataObject) -> None:
    world = data.draw(directories())
    case = st.tuples(callers(world), drawn_bodies(world) | ODD_BODIES)
    cases = data.draw(st.lists(case, max_size=6))
    directory = world.directory()
    expected = [the_long_way(caller, body, directory) for caller, body in cases]
    assert PolicyEngine(directory).decide_many(iter(cases)) == expected
    assert asyncio.run(PolicyEngine(Awaited(directory)).adecide_many(iter(cases))) == expected


@given(calls())
def test_a_decision_has_a_target_or_a_refusal(call: tuple[World, Caller, object]) -> None:
    world, caller, body = call
    decision = decide_body(caller, body, world.directory())
    assert (decision.target is None) is not (decision.refusal is None)
    assert decision.target == decision.result.value_or(None)
    assert decision.refusal == decision.result.swap().value_or(None)


def loses_the_channel(caller: Caller, body: object) -> SessionRequest | Decision:
    asked = RIGHT(caller, body)
    return asked if isinstance(asked, Decision) else SessionRequest(managed_agent_key=asked.managed_agent_key)


def repairs_the_body(caller: Caller, body: object) -> SessionRequest | Decision:
    asked = RIGHT(caller, body)
    return SessionRequest() if isinstance(asked, Decision) else asked


RIGHT = bodies.asked_for


@pytest.mark.parametrize("fault", [loses_the_channel, repairs_the_body])
@pytest.mark.parametrize("module", [bodies, engine])
def test_the_comparison_can_fail(module: Any, fault: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "asked_for", fault)

    def differs(call: tuple[World, Caller, object]) -> bool:
        world, caller, body = call
        return every_way(caller, body, world.directory()) != [the_long_way(caller, body, world.directory())] * WAYS

    find(calls(), differs, settings=settings(phases=[Phase.generate], max_examples=300))


USER: Any = Caller(CallerKind.USER, "msp-a")


@pytest.mark.parametrize(
    ("caller", "body", "said"),
    [
        ("msp-a", {}, "the caller must be a Caller, and not str"),
        ("msp-a", [], "the caller must be a Caller, and not str"),
        (USER, SessionRequest(agent_id=12), "the body must be as it came, and not a SessionRequest"),
    ],
)
def test_what_is_of_the_wrong_type_is_told_whatever_the_body(caller: Any, body: object, said: str) -> None:
    directory = MemoryDirectory()
    with pytest.raises(TypeError, match=f"^{said}"):
        decide_body(caller, body, directory)
    with pytest.raises(TypeError, match=f"^{said}"):
        asyncio.run(adecide_body(caller, body, directory))
