"""Decisions to take apart: those of the corpus, and those on generated worlds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import strategies as st
from returns.result import Failure

from neo_routing import (
    Caller,
    CallerKind,
    Decision,
    SessionRequest,
    decide,
    malformed_decision,
    parse_session_request,
)
from neo_routing.testing import directories
from neo_routing.testing.conformance import conformance_worlds
from neo_routing.testing.strategies import bodies, callers
from neo_routing_adapters.json_lines import read_case
from neo_routing_adapters.memory import read_directory

Decided = tuple[Caller, SessionRequest | None, Decision]
"""Who asked, for what unless it was malformed, and what was decided."""

SOMEBODY = Caller(CallerKind.USER, "msp-a")


@cache
def decided_in_the_corpus() -> tuple[Decided, ...]:
    return tuple(_in_the_corpus())


def _in_the_corpus() -> Iterator[Decided]:
    for world in conformance_worlds():
        with TemporaryDirectory() as folder:
            path = Path(folder) / "directory.json"
            path.write_text(world.directory_document, encoding="utf-8")
            directory = read_directory(path)
        for case in world.cases:
            read = read_case(case.line)
            if isinstance(read, Failure):
                yield SOMEBODY, None, malformed_decision(read.failure())
            else:
                yield (*read.unwrap(), decide(*read.unwrap(), directory))


@st.composite
def decided_in_a_world(draw: st.DrawFn) -> Decided:
    """Draw a decision on what a host may get: mostly well-formed, any title and any unknown fields."""
    world = draw(directories())
    caller, body = draw(callers(world)), draw(bodies(world)) | draw(_MORE)
    parsed = parse_session_request(body)
    if isinstance(parsed, Failure):
        return caller, None, malformed_decision(parsed.failure())
    return caller, parsed.unwrap(), decide(caller, parsed.unwrap(), world.directory())


_MORE: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.dictionaries(st.text(st.characters(), max_size=5), st.none(), max_size=3),
    st.fixed_dictionaries({"title": st.sampled_from(["Printer", "", "\u2028"]), "agent_id": st.integers()}),
)


# What is changed in plain data


def places(data: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(data, (dict, list)):
        for key in data if isinstance(data, dict) else range(len(data)):
            yield data, key
            yield from places(data[key])


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=3),
    st.just([]),
    st.just({}),
    st.just(1.5),
    st.just("refused"),
)


REMOVED: Any = object()
"""What stands for nothing at all."""


def put(container: Any, key: Any, value: Any) -> None:
    """Put a value at a place, or take away what is there."""
    if value is REMOVED:
        del container[key]
    else:
        container[key] = value


def changed(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Put a value at a place in plain data; without a place, it is all there is."""
    if not path:
        return value
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return data
