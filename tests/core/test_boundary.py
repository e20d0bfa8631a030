"""What the core may import: attrs, returns, and of the standard library what does nothing to the world."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import neo_routing

PURE = {
    "__future__",
    "abc",
    "attrs",
    "collections",
    "datetime",
    "enum",
    "functools",
    "importlib",
    "itertools",
    "neo_routing",
    "re",
    "returns",
    "typing",
}
PURE |= {"operator", "unicodedata"}
PURE |= {"contextvars"}  # whether a hook is being told right now, which nothing but its caller can see
CORE = Path(neo_routing.__file__).parent
MODULES = sorted(set(CORE.rglob("*.py")) - set((CORE / "testing").rglob("*.py")))  # the harness is no part of the core


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "the house imports by full names"
            yield str(node.module).partition(".")[0]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(CORE)))
def test_a_module_of_the_core_imports_only_what_is_pure(module: Path) -> None:
    assert set(imported(ast.parse(module.read_text()))) <= PURE


def test_the_check_sees_an_import_inside_a_function() -> None:
    assert list(imported(ast.parse("def f():\n    import os.path\n    from json import loads"))) == ["os", "json"]


def test_importing_the_core_loads_no_adapter_and_no_other_library() -> None:
    code = (
        "import sys; import neo_routing; "
        "print(*{name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    installed = {name for name in loaded if not name.startswith(("_", "sitecustomize", "coverage", "a1_coverage"))}
    assert installed <= {"attr", "attrs", "neo_routing", "returns", "typing_extensions"}
