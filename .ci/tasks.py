"""Sets up an environment of its own, `.venv`, and runs one task in it.

    python3 .ci/tasks.py demo         the main job on the sample directory
    python3 .ci/tasks.py serve        the endpoint, answering on this machine with the sample
    python3 .ci/tasks.py test         the tests; with --thorough those too that take long, and test-2.0, as in CI
    python3 .ci/tasks.py test-2.0     the directory, sessions and keys in a database, on SQLAlchemy 2.0
    python3 .ci/tasks.py prove        every small world: the core against the reference model, and the laws
    python3 .ci/tasks.py check        linters, type checkers, import contracts
    python3 .ci/tasks.py bench        what the library costs, as ratios to a floor
    python3 .ci/tasks.py bench-sql    what the directory in a database costs, as ratios to the bare statement
    python3 .ci/tasks.py bench-http   what a session over HTTP costs, as ratios to the same statements by hand
    python3 .ci/tasks.py all          test --thorough, then prove, then check

What follows the name of a task goes to the last of its commands.

Needs Python 3.11 or later with pip and venv, and installs everything else that it needs. Where the variable CI is
`true`, that includes PgBouncer, which comes with the system: elsewhere the tests that go through it are skipped.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
MADE_FOR = ENVIRONMENT / "made-for"
INSTALLED = ENVIRONMENT / "installed"

SQLALCHEMY_2_0 = "2.0.58"

GROUPS = {
    "demo": [],
    "serve": [],
    "bench": [],
    "bench-sql": ["test"],
    "bench-http": ["test"],
    "test": ["test"],
    "test-2.0": ["test"],
    "prove": [],
    "check": ["test", "check"],
    "all": ["test", "check"],
}
# One more at a time than there are processors: those that bring faults about wait for most of their time.
PYTEST = ["python", "-m", "pytest", "-n", str((os.cpu_count() or 1) + 1), "--dist", "worksteal"]
TEST = [*PYTEST, "--cov", "--cov-report=term-missing:skip-covered"]
# What goes through SQLAlchemy's own: directory, contract, plans and cancellation; sessions, keys and links.
TEST_ON_2_0 = [
    *PYTEST,
    *(f"tests/sql/test_{name}.py" for name in ("directory", "contract", "plans", "statement_texts", "tasks", "within")),
    "tests/http/test_endpoint_in_a_database.py",
    "tests/http/test_sessions_sql.py",
    "tests/sql/test_credentials_sql.py",
    "tests/sql/test_faults.py::test_a_host_that_cancels_in_the_middle_of_a_query_gets_its_cancellation",
    "tests/sql/test_faults.py::test_a_host_that_cancels_while_the_pool_is_exhausted_gets_its_cancellation",
    "tests/sql/test_faults.py::test_cancellation_at_any_moment_leaves_nothing_and_disturbs_nobody",
]
PROVE = [["neo-routing", "prove"], ["neo-routing", "prove", "--scope", "tiny", "--laws"]]
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
    "serve": [["neo-routing", "serve"]],
    "bench": [["python", "tests/bench/ratios.py"]],
    "bench-sql": [["python", "tests/bench/sql_ratios.py"]],
    "bench-http": [["python", "tests/bench/http_ratios.py"]],
    "test": [TEST],
    "prove": PROVE,
    "check": CHECK,
    "all": [[*TEST, "--thorough"], *PROVE, *CHECK],
}


def set_up(groups: list[str]) -> None:
    """Make the environment and install the groups, unless just that was done before."""
    make_environment()
    files = [(ROOT / name).read_text(encoding="utf-8") for name in ("pyproject.toml", ".ci/constraints.txt")]
    wanted = hashlib.sha256("\0".join(files).encode()).hexdigest()
    done, *installed = INSTALLED.read_text().split() if INSTALLED.exists() else [""]
    if done == wanted and set(groups) <= set(installed):
        return
    say(f"installing into {ENVIRONMENT.name} ...")
    pip = ["python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "-c", str(CONSTRAINTS)]
    run([*pip, "pip"])
    run([*pip, "--editable", ".[all]", *(word for group in groups for word in ("--group", group))])
    INSTALLED.write_text(" ".join([wanted, *groups, *(installed if done == wanted else [])]))


def test_on_sqlalchemy_2_0(*more: str) -> None:
    """Run what goes through SQLAlchemy on its version 2.0 too, beside 2.1."""
    there = ENVIRONMENT / f"sqlalchemy-{SQLALCHEMY_2_0}"  # who looks here first does not see the environment's own
    if not (there / f"sqlalchemy-{SQLALCHEMY_2_0}.dist-info").exists():
        say(f"installing SQLAlchemy {SQLALCHEMY_2_0} beside it ...")
        pip = ["python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps"]
        run([*pip, "--target", str(there), f"SQLAlchemy=={SQLALCHEMY_2_0}"])
    seen = f"import sqlalchemy; assert sqlalchemy.__version__ == {SQLALCHEMY_2_0!r}, sqlalchemy.__version__"
    run(["python", "-c", seen], PYTHONPATH=str(there))
    run([*TEST_ON_2_0, *more], PYTHONPATH=str(there))


def install_pgbouncer() -> None:
    """Install PgBouncer where that is CI's to do, as root of a Debian or the like; no service is started."""
    there = shutil.which("pgbouncer", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"]))
    apt_get = shutil.which("apt-get")
    if os.environ.get("CI") != "true" or there or not apt_get or os.geteuid() != 0:
        return
    say("installing PgBouncer ...")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "pgbouncer"]):
        subprocess.run([apt_get, "-qq", *command], env=environment, stdout=sys.stderr, check=True)


def make_environment() -> None:
    """Make the environment anew where it is missing, unfinished, or made for another Python or another folder."""
    wanted = f"{sys.version}\n{ROOT}"
    if MADE_FOR.exists() and MADE_FOR.read_text(encoding="utf-8") == wanted:
        return
    say(f"making {ENVIRONMENT.name} ...")
    venv.create(ENVIRONMENT, clear=True, symlinks=os.name != "nt", with_pip=True)
    MADE_FOR.write_text(wanted, encoding="utf-8")


def say(what: str) -> None:
    """Tell how far it has come."""
    print(what, file=sys.stderr, flush=True)


def run(command: list[str], **variables: str) -> None:
    """Run a command in the project's folder and environment, and stop when it fails."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "VIRTUAL_ENV": str(ENVIRONMENT), "PIP_USER": "0", **variables}
    environment.pop("PYTHONHOME", None)
    status = subprocess.run([str(BIN / command[0]), *command[1:]], cwd=ROOT, env=environment, check=False).returncode
    if status:
        raise SystemExit(status)


def perform(task: str, more: list[str]) -> None:
    """Run the commands of a task, the last of them with more arguments."""
    if task == "test-2.0":
        return test_on_sqlalchemy_2_0(*more)
    if task == "all" or (task == "test" and "--thorough" in more):
        test_on_sqlalchemy_2_0()
    *first, last = COMMANDS[task]
    for command in first:
        run(command)
    return run([*last, *more])


def main(arguments: list[str]) -> None:
    """Run the task that the first argument names."""
    if not arguments or arguments[0] not in GROUPS:
        raise SystemExit(__doc__)
    if sys.version_info < (3, 11):  # noqa: UP036  # whoever runs this may not have read that far
        raise SystemExit("neo_routing needs Python 3.11 or later")
    task, *more = arguments
    try:
        set_up(GROUPS[task])
        if task in {"test", "all"}:
            install_pgbouncer()
        perform(task, more)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"cannot set up {ENVIRONMENT}: {error}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
