"""Tests and what they use lie where whoever looks for them would look."""

from __future__ import annotations

from pathlib import Path

import pytest

import neo_routing

TESTS = Path(__file__).parents[1]
CORE = Path(neo_routing.__file__).parent
MODULES = {path.stem for path in (*CORE.glob("*.py"), *CORE.glob("plain_data/*.py"))}
ELSEWHERE = {"request_shape": "request.py"}
"""Clauses that fill a file of tests and stand in a module with others."""
NO_TESTS = ("programs", "bench", "mutation", "typecheck")


@pytest.mark.parametrize("path", sorted(TESTS.glob("unit/**/*.py")), ids=lambda path: path.stem)
def test_a_unit_test_is_named_for_a_module_of_the_core(path: Path) -> None:
    assert path.stem.removeprefix("test_") in MODULES | ELSEWHERE.keys()


def test_what_stands_elsewhere_stands_in_a_module() -> None:
    assert all((CORE / module).is_file() for module in ELSEWHERE.values())


FOLDERS = sorted(path for path in TESTS.iterdir() if path.is_dir() and any(path.rglob("*.py")))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_tests_and_programs_lie_apart(folder: Path) -> None:
    tests = [path for path in folder.rglob("*.py") if path.name.startswith("test_")]
    programs = [path for path in folder.rglob("*.py") if path not in tests and path.name != "conftest.py"]
    assert not (tests if folder.name in NO_TESTS else programs)
