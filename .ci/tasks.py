"""Sets up an environment of its own, `.venv`, and runs one task in it.

    python3 .ci/tasks.py demo     the main job on the sample directory
    python3 .ci/tasks.py test     all tests
    python3 .ci/tasks.py check    linters, type checkers, import contracts
    python3 .ci/tasks.py bench    what the library costs, as ratios to a floor (further arguments go to the benchmark)
    python3 .ci/tasks.py all      test, then check

Needs Python 3.11 or later with pip and venv, and installs everything else that it needs.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"

GROUPS = {"demo": [], "bench": [], "test": ["test"], "check": ["test", "check"], "all": ["test", "check"]}
TEST = [["python", "-m", "pytest", "-n", "auto", "--cov", "--cov-report=term-missing:skip-covered"]]
CHECK = [
    ["ruff", "check"],
    ["ruff", "format", "--check"],
    ["mypy"],
    ["mypy", "tests/typecheck"],
    ["pyright", "--pythonpath", str(BIN / "python")],
    ["lint-imports"],
]
COMMANDS = {
    "demo": [["neo-routing", "demo"]],
    "bench": [["python", "tests/bench/ratios.py"]],
    "test": TEST,
    "check": CHECK,
    "all": [*TEST, *CHECK],
}


def set_up(groups: list[str]) -> None:
    """Install the project and the groups, unless just that was installed before."""
    inputs = [sys.version, *groups, *((ROOT / name).read_text() for name in ("pyproject.toml", ".ci/constraints.txt"))]
    wanted = hashlib.sha256("\0".join(inputs).encode()).hexdigest()
    stamp = ENVIRONMENT / f"installed-{'-'.join(groups) or 'demo'}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"setting up {ENVIRONMENT.name} ...", file=sys.stderr, flush=True)
    venv.create(ENVIRONMENT, with_pip=True, clear=not (BIN / "python").exists())
    pip = [
        str(BIN / "python"),
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "install",
        "-c",
        str(CONSTRAINTS),
    ]
    run([*pip, "pip"])
    run([*pip, "--editable", ".[all]", *(word for group in groups for word in ("--group", group))])
    stamp.write_text(wanted)


def run(command: list[str]) -> None:
    """Run a command in the project's folder and environment, and stop when it fails."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(ENVIRONMENT)}
    environment.pop("PYTHONHOME", None)
    program = str(BIN / command[0]) if not Path(command[0]).is_absolute() else command[0]
    status = subprocess.run([program, *command[1:]], cwd=ROOT, env=environment, check=False).returncode
    if status:
        raise SystemExit(status)


def main(arguments: list[str]) -> None:
    """Run the task that the first argument names."""
    if not arguments or arguments[0] not in COMMANDS:
        raise SystemExit(__doc__)
    if sys.version_info < (3, 11):  # noqa: UP036  # whoever runs this may not have read that far
        raise SystemExit("neo_routing needs Python 3.11 or later")
    task, *more = arguments
    set_up(GROUPS[task])
    *first, last = COMMANDS[task]
    for command in first:
        run(command)
    run([*last, *more])


if __name__ == "__main__":
    main(sys.argv[1:])
