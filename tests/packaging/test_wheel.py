"""What is installed: the wheel's contents, and the core on its own, with no extra."""

from __future__ import annotations

import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE_ALONE = """
import importlib.util
from neo_routing import Caller, CallerKind, Tenant, parse_session_request, resolve_session_target
from neo_routing_adapters.memory import MemoryDirectory
from neo_routing_adapters.json_lines import answer_line

assert not importlib.util.find_spec("cyclopts") and not importlib.util.find_spec("rich")
directory = MemoryDirectory(tenants=[Tenant(id="msp-a")])
user = Caller(CallerKind.USER, "msp-a")
request = parse_session_request({"agent_id": 12}).unwrap()
print(resolve_session_target(user, request, directory).failure().code)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bare_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=True)
    python = next(path for path in _pythons(folder) if path.exists())
    pip(str(python), "install", "-c", str(ROOT / ".ci" / "constraints.txt"), str(wheel))
    return str(python)


def _pythons(folder: Path) -> Iterator[Path]:
    yield folder / "bin" / "python"
    yield folder / "Scripts" / "python.exe"


def pip(python: str, *arguments: str) -> None:
    command = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, cwd=ROOT)


def test_the_wheel_holds_what_the_two_packages_hold_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {
        str(path.relative_to(root))
        for root, package in ((ROOT, "neo_routing"), (ROOT / "adapters", "neo_routing_adapters"))
        for path in (root / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    assert {"neo_routing/py.typed", "neo_routing_adapters/py.typed"} < sources
    assert {name for name in names if ".dist-info/" not in name} == sources


def test_the_core_and_its_memory_adapter_work_with_no_extra(bare_python: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [bare_python, "-W", "error", "-c", CORE_ALONE], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert ran.stdout == "agent_not_found\n"


def test_only_attrs_and_returns_come_with_the_core(bare_python: str) -> None:
    code = "from importlib.metadata import distributions; print(*{d.name.lower() for d in distributions()})"
    installed = subprocess.run([bare_python, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert set(installed) - {"pip", "setuptools"} == {"attrs", "neo_routing", "returns", "typing_extensions"}


def test_the_command_without_its_extra_says_what_to_install(bare_python: str) -> None:
    command = Path(bare_python).with_name("neo-routing")
    ran = subprocess.run([str(command), "demo"], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert "pip install '.[cli]' in a copy of the project" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
