"""What all tests have in common: their settings, and that those marked `thorough` run with `--thorough` alone.

Such a test takes long and seldom finds what no other does. CI runs them all, and there none may be skipped.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

# Machines are shared: how long an example takes says nothing.
settings.register_profile("house", deadline=None, max_examples=40)
settings.register_profile("thorough", settings.get_profile("house"), max_examples=100)
settings.load_profile("house")

LEFT_OUT = pytest.StashKey[int]()
"""How many tests were not run because they are thorough."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="run what takes long too: all that CI runs")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--thorough"):
        settings.load_profile("thorough")


@pytest.fixture
def thorough(pytestconfig: pytest.Config) -> bool:
    """Whether a test that draws examples, or tries again and again, has time for many."""
    return bool(pytestconfig.getoption("--thorough"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--thorough"):
        left_out = [item for item in items if item.get_closest_marker("thorough")]
        items[:] = [item for item in items if not item.get_closest_marker("thorough")]
        config.hook.pytest_deselected(items=left_out)
        config.stash[LEFT_OUT] = len(left_out)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("CI") == "true" and item.get_closest_marker("thorough"):
        report.outcome, report.longrepr = "failed", f"skipped, and in CI nothing thorough may be: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if left_out := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(f"{left_out} thorough tests deselected: run with --thorough")


# With pytest-xdist, its workers leave the tests out, and its controller tells of it.


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = session.config.stash.get(LEFT_OUT, 0)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", 0)
