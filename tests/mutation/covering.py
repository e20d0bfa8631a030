"""Which tests run which lines of the core: those that run a mutated line are the likeliest to notice."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest
from coverage import Coverage

Covering: TypeAlias = Mapping[str, Mapping[int, Sequence[str]]]
"""By a file below the project's folder and a line of it: the names of the tests that run it."""

_AT_IMPORT: Final = ""


class _EachInItsContext:
    """Tells the measurement which test is run."""

    def __init__(self, measured: Coverage) -> None:
        self._measured = measured

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._measured.switch_context(item.nodeid)
        try:
            return (yield)
        finally:
            self._measured.switch_context(_AT_IMPORT)


class Only:
    """Lets pytest run none but these tests."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = {*names}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self._names]


def measure(project: Path, arguments: Sequence[str], data_file: Path) -> int:
    """Run the tests, in a process that has not imported the core, and keep which lines each runs; tell how it ended."""
    measured = Coverage(data_file=data_file, source=[str(project / "neo_routing")], config_file=False)
    measured.start()
    ended = pytest.main([*arguments], plugins=[_EachInItsContext(measured)])
    measured.stop()
    measured.save()
    return int(ended)


def covering(project: Path, data_file: Path) -> Covering:
    """Read what was measured. What is run when a module is imported is every test's, and is left out."""
    measured = Coverage(data_file=data_file, config_file=False)
    measured.load()
    data = measured.get_data()
    found = {}
    for file in data.measured_files():
        by_line: Any = data.contexts_by_lineno(file)
        lines = {line: [*tests] for line, tests in by_line.items() if _AT_IMPORT not in tests}
        found[str(Path(file).relative_to(project))] = lines
    return found


def tests_of(known: Covering, project: Path, file: str, line: int) -> Sequence[str]:
    """Name the tests that run the statement which begins or goes on at a line; none if it is run at import."""
    tree = ast.parse(project.joinpath(file).read_text("utf-8"))
    lines = known.get(file, {})
    return sorted({test for each in _lines_of_statement(tree, line) for test in lines.get(each, ())})


def _lines_of_statement(tree: ast.AST, line: int) -> range:
    around = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.stmt) and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    if not around:
        return range(line, line + 1)
    smallest = min(around, key=lambda node: (node.end_lineno or node.lineno) - node.lineno)
    body = getattr(smallest, "body", None)
    end = body[0].lineno - 1 if body else smallest.end_lineno or smallest.lineno
    return range(smallest.lineno, max(smallest.lineno, end) + 1)
