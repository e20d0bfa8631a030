"""The plugin for hosts' tests: what a failed comparison says, the fixtures, and that it costs nothing unused."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib import resources
from itertools import permutations
from pathlib import Path

import pytest
from attrs import evolve
from returns.result import Success

from neo_routing import Caller, CallerKind, Clause, Decision, Outcome, SessionRequest, SessionTarget, decide
from neo_routing_adapters.json_lines import read_case
from neo_routing_adapters.memory import MemoryDirectory, read_directory
from neo_routing_adapters.pytest_plugin import pytest_assertrepr_compare
from neo_routing_adapters.pytest_plugin.difference import difference

SAMPLE = Path(str(resources.files("neo_routing_adapters"))) / "sample"

APART = """
from attrs import evolve
from neo_routing import *
from returns.result import Failure

PLATFORM, DANA = Caller(CallerKind.PLATFORM, "neo-platform"), Caller(CallerKind.USER, "northwind-it")
BOT_ID = "6f0c2e7a-51b8-4d0c-9a3e-7d1f2b3c4d5e"
LAKESIDE = SessionRequest(
    managed_agent_key=ManagedAgentKey.NEO_SUPPORT, bot_id=BOT_ID, m365_tenant_id="9b1d04e2-77c5-4e7b-8a50-3c1f0e9d2b6a"
)

def dana(agent_id, directory, **more):
    return decide(DANA, SessionRequest(agent_id=agent_id, **more), directory)

def with_channels(world, **changes):
    return evolve(world, channels=[evolve(channel, **changes) for channel in world.channels]).directory()

def test_in_the_first_step(routing_directory):
    assert dana(1003, routing_directory) == dana(1003, routing_directory, unknown_fields=["colour"])

def test_in_a_later_step(routing_world, routing_directory):
    paused = with_channels(routing_world, status=ChannelStatus.DISCONNECTED)
    assert decide(PLATFORM, LAKESIDE, routing_directory) == decide(PLATFORM, LAKESIDE, paused)

def test_in_facts_and_then_in_a_verdict(routing_directory):
    assert dana(1002, routing_directory) == dana(2003, routing_directory)

def test_in_facts_alone(routing_directory):
    assert dana(1003, routing_directory) == dana(1002, routing_directory)

def test_in_warnings_alone(routing_directory):
    assert dana(1003, routing_directory) == dana(1003, routing_directory, bot_id=BOT_ID)

def test_in_what_no_step_tells(routing_world, routing_directory):
    unset = with_channels(routing_world, show_agent_progress_steps=None)
    assert decide(PLATFORM, LAKESIDE, routing_directory) == decide(PLATFORM, LAKESIDE, unset)

def test_malformed_and_refused(routing_directory):
    malformed = malformed_decision(parse_session_request([]).failure())
    assert malformed == dana(None, routing_directory)

def test_answers(routing_directory):
    assert dana(1004, routing_directory).result == dana(1002, routing_directory).result

def test_messages_of_one_code(routing_directory):
    refusal = dana(2003, routing_directory).result.failure()
    assert Failure(refusal) == Failure(evolve(refusal, message="Agent 2003 is Bluepeak's."))

def test_lists(routing_directory):
    cases = [(DANA, SessionRequest(agent_id=agent_id)) for agent_id in (1001, 1002, 1003)]
    assert decide_many(cases, routing_directory) == decide_many([cases[0], cases[2]], routing_directory)

def test_lists_of_which_one_is_longer(routing_directory):
    cases = [(DANA, SessionRequest(agent_id=agent_id)) for agent_id in (1001, 1002, 2003)]
    assert decide_many(cases[:1], routing_directory) == decide_many(cases, routing_directory)
"""

IN_BRIEF = {
    "in_the_first_step": """\
Decision == Decision, parted by request-shape
  both   own_tenant: agent 1003 answers as northwind-it
  right  warning unknown_field_ignored
  request-shape
    both   passed, well_formed
    right  unknown_fields colour
""",
    "in_a_later_step": """\
Decision == Decision, parted by white-label-installation
  left   white_label_channel: agent 1002 answers as northwind-it for lakeside-dental alone, \
channel northwind-help, progress steps shown
  right  refused, 409 channel_not_active
  white-label-installation, after the same request-shape, client-id-reserved, one-selector, platform-confined, \
platform-ids
    left   taken, one_active_installation
    right  refused, installation_disconnected
    left   channel northwind-help of northwind-it, active, white-label, agent 1002
    right  channel northwind-help of northwind-it, disconnected, white-label, agent 1002
""",
    "in_facts_and_then_in_a_verdict": """\
Decision == Decision, parted by own-agent
  left   own_tenant: agent 1002 answers as northwind-it
  right  refused, 404 agent_not_found
  own-agent, after the same request-shape, client-id-reserved, with other facts in one-selector
    left   taken, agent_available
    right  refused, agent_of_another_tenant
    left   agent_id 1002
    left   agent 1002 "Help Desk" of northwind-it, conversational
    right  agent_id 2003
    right  agent 2003 "Peak Assistant" of bluepeak-cloud, conversational
""",
    "in_facts_alone": """\
Decision == Decision, parted by one-selector
  left   own_tenant: agent 1003 answers as northwind-it
  right  own_tenant: agent 1002 answers as northwind-it
  one-selector, after the same request-shape, client-id-reserved
    both   passed, agent_id_given
    left   agent_id 1003
    right  agent_id 1002
""",
    "in_warnings_alone": """\
Decision == Decision, with other warnings
  both   own_tenant: agent 1003 answers as northwind-it
  right  warning bot_id_ignored
""",
    "in_what_no_step_tells": """\
Decision == Decision, differing in show_agent_progress_steps
  left   white_label_channel: agent 1002 answers as northwind-it for lakeside-dental alone, \
channel northwind-help, progress steps shown
  right  white_label_channel: agent 1002 answers as northwind-it for lakeside-dental alone, \
channel northwind-help, progress steps not set
""",
    "malformed_and_refused": """\
Decision == Decision, parted by request-shape
  left   refused, 422 validation_error about request
  right  refused, 422 agent_selector_invalid
  request-shape
    left   refused, malformed
    right  passed, well_formed
    left   fields request
""",
    "answers": """\
Failure == Success
  left   refused, 422 agent_not_conversational about agent_id
  right  own_tenant: agent 1002 answers as northwind-it
""",
    "messages_of_one_code": """\
Failure == Failure, differing in message
  left   refused, 404 agent_not_found: There is no such agent in your account. Check agent_id.
  right  refused, 404 agent_not_found: Agent 2003 is Bluepeak's.
""",
    "lists": """\
3 decisions == 2 decisions, 1 pair differs
  at [1], parted by one-selector
    left   own_tenant: agent 1002 answers as northwind-it
    right  own_tenant: agent 1003 answers as northwind-it
    one-selector, after the same request-shape, client-id-reserved
      both   passed, agent_id_given
      left   agent_id 1002
      right  agent_id 1003
""",
    "lists_of_which_one_is_longer": """\
1 decision == 3 decisions, 0 pairs differ
  at [1], only right
    own_tenant: agent 1002 answers as northwind-it
""",
}

IN_FULL = {
    "malformed_and_refused": """\
Decision == Decision, parted by request-shape
  left   refused, 422 validation_error about request: The request is not valid: request must be an object.
  right  refused, 422 agent_selector_invalid: Give exactly one of agent_id and managed_agent_key.
  request-shape
    left   refused, malformed
    right  passed, well_formed
    left   fields request
  client-id-reserved
    right  passed, no_client_id
  one-selector
    right  refused, no_selector
""",
    "in_warnings_alone": """\
Decision == Decision, with other warnings
  both   own_tenant: agent 1003 answers as northwind-it
  right  warning bot_id_ignored
  request-shape
    both   passed, well_formed
  client-id-reserved
    both   passed, no_client_id
  one-selector
    both   passed, agent_id_given
    both   agent_id 1003
  own-agent
    both   taken, agent_available
    both   tenant_id northwind-it
    both   agent_id 1003
    both   agent 1003 "Triage (draft)" of northwind-it, conversational
""",
    "lists_of_which_one_is_longer": """\
1 decision == 3 decisions, 0 pairs differ
  at [1], only right
    own_tenant: agent 1002 answers as northwind-it
  at [2], only right
    refused, 404 agent_not_found: There is no such agent in your account. Check agent_id.
""",
}

Run = Callable[..., str]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Pytest with this plugin and no other, run to its end on modules of these texts."""

    def run(*arguments: str, status: int = 0, files: Mapping[str, str] | None = None, **modules: str) -> str:
        folder = tmp_path_factory.mktemp("host")
        texts = {"pytest.ini": "[pytest]\n", **(files or {}), **{f"{name}.py": text for name, text in modules.items()}}
        for name, text in texts.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if name not in {"CI", "BUILD_NUMBER"}}
        command = [sys.executable, "-m", "pytest", "-p", "neo_routing_adapters.pytest_plugin", "--color=no", *arguments]
        done = subprocess.run(
            command,
            cwd=folder,
            env={**environment, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    return run


# What a failed comparison says


def explanations(told: str) -> dict[str, str]:
    _, *parts = re.split(r"^_+ test_(\w+) _+$", told, flags=re.MULTILINE)
    return {name: explanation(text) for name, text in zip(parts[::2], parts[1::2], strict=True)}


def explanation(text: str) -> str:
    """Return what pytest tells of an assertion, without its own margins."""
    first, *more = [line.removeprefix("E   ") for line in text.splitlines() if line.startswith("E   ")]
    return "\n".join([first.removeprefix("AssertionError: ").removeprefix("assert "), *(line[2:] for line in more), ""])


@pytest.fixture(scope="module")
def in_brief(run: Run) -> dict[str, str]:
    # Pytest itself cuts off what is long; that is not to be shown here.
    return explanations(
        run(
            "--tb=short", "-o", "truncation_limit_lines=0", "-o", "truncation_limit_chars=0", status=1, test_apart=APART
        )
    )


@pytest.fixture(scope="module")
def in_full(run: Run) -> dict[str, str]:
    return explanations(run("--tb=short", "-vv", status=1, test_apart=APART))


@pytest.mark.parametrize("name", IN_BRIEF)
def test_a_failed_comparison_says_what_differs(in_brief: dict[str, str], name: str) -> None:
    assert in_brief[name] == IN_BRIEF[name]


@pytest.mark.parametrize("name", IN_FULL)
def test_when_pytest_is_verbose_it_says_what_both_have_in_common_too(in_full: dict[str, str], name: str) -> None:
    assert in_full[name] == IN_FULL[name]


def test_every_failed_comparison_is_shown(in_brief: dict[str, str], in_full: dict[str, str]) -> None:
    assert [*in_brief] == [*in_full] == [*IN_BRIEF]


def test_the_step_that_parts_two_decisions_survives_pytests_own_cut(run: Run) -> None:
    cut = explanations(run("--tb=short", status=1, test_apart=APART))
    assert cut["in_a_later_step"] == IN_BRIEF["in_a_later_step"]
    assert "right  refused, agent_of_another_tenant\n" in cut["in_facts_and_then_in_a_verdict"]


TARGET = SessionTarget(outcome=Outcome.OWN_TENANT, tenant_id="msp-a", agent_id=12)
DECISION = decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(agent_id=12), MemoryDirectory())
OTHERS = {
    "numbers": (1, 2),
    "texts": ("a", "b"),
    "targets, whose fields pytest compares": (TARGET, evolve(TARGET, agent_id=13)),
    "results of something else": (Success(SessionRequest(agent_id=12)), Success(SessionRequest(agent_id=13))),
    "a decision and an answer": (DECISION, DECISION.result),
    "a decision and a number": (DECISION, 1),
    "lists of something else": ([1], [2]),
    "lists with something else": ([DECISION, 1], [DECISION, 2]),
    "a list and a tuple": ([DECISION], (DECISION,)),
    "dicts": ({"a": DECISION}, {"a": 1}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_is_said_of_other_values(pytestconfig: pytest.Config, name: str) -> None:
    left, right = OTHERS[name]
    assert pytest_assertrepr_compare(pytestconfig, "==", left, right) is None


def test_nothing_is_said_of_other_comparisons(pytestconfig: pytest.Config) -> None:
    other = decide(Caller(CallerKind.USER, "msp-a"), SessionRequest(), MemoryDirectory())
    assert pytest_assertrepr_compare(pytestconfig, "==", DECISION, other)
    for op in ("!=", "is", "in", "<"):
        assert pytest_assertrepr_compare(pytestconfig, op, DECISION, other) is None


def decisions_of_the_sample() -> list[Decision]:
    directory = read_directory(SAMPLE / "directory.json")
    cases = [read_case(line) for line in (SAMPLE / "cases.jsonl").read_bytes().splitlines()]
    return [decide(*case.unwrap(), directory) for case in cases if isinstance(case, Success)]


def test_a_trace_has_each_clause_once_at_most_and_in_the_order_of_the_rules() -> None:
    for decision in decisions_of_the_sample():
        clauses = [step.clause for step in decision.trace]
        assert clauses == [clause for clause in Clause if clause in clauses]


def test_two_decisions_that_differ_never_go_untold() -> None:
    decisions = decisions_of_the_sample()
    assert len(decisions) == 17
    for left, right in permutations(decisions, 2):
        told = difference(left, right, in_full=False)
        assert told is not None
        assert any(line.split()[0] in {"left", "right"} for line in told[1:])
        assert told[0].partition(", parted by ")[2] in {*map(str, Clause)}


# The fixtures


WORLDS = """
import pytest
from neo_routing import Agent, AgentKind, Tenant
from neo_routing.testing import World

def test_the_sample_is_the_world_unless_something_else_is_said(routing_world, routing_directory):
    assert "lakeside-dental" in [company.id for company in routing_world.end_companies]
    assert routing_directory.look_up([]).tenants == {tenant.id for tenant in routing_world.tenants}

@pytest.mark.routing_world("worlds/small.toml")
class TestOfAMarkedClass:
    def test_the_world_is_that_of_the_document(self, routing_world):
        assert routing_world == World([Tenant(id="msp-small")])

    @pytest.mark.routing_world(path="worlds/other.toml")
    def test_the_nearest_marker_counts(self, routing_directory):
        assert routing_directory.look_up([]).tenants == {"msp-other"}

class TestOfAnOverriddenWorld:
    @pytest.fixture
    def routing_world(self):
        return World([Tenant(id="msp-own")])

    def test_the_directory_holds_that_world(self, routing_directory):
        assert routing_directory.look_up([]).tenants == {"msp-own"}
"""
BAD_MARKERS = """
import pytest

@pytest.mark.routing_world("worlds/gone.toml")
def test_no_file(routing_world): ...

@pytest.mark.routing_world
def test_bare(routing_world): ...

@pytest.mark.routing_world(document="worlds/small.toml")
def test_unknown_argument(routing_world): ...

@pytest.mark.routing_world("worlds/small.toml", "worlds/other.toml")
def test_two_paths(routing_world): ...

@pytest.mark.routing_world(7)
def test_no_path(routing_world): ...
"""


def test_a_world_comes_from_the_sample_a_marker_or_a_fixture_of_ones_own(run: Run) -> None:
    worlds = {f"worlds/{name}.toml": f'[[tenants]]\nid = "msp-{name}"\n' for name in ("small", "other")}
    assert " 4 passed" in run("--strict-markers", files=worlds, test_worlds=WORLDS)


def test_a_marker_that_names_no_document_is_an_error(run: Run) -> None:
    told = run("--strict-markers", status=1, test_bad=BAD_MARKERS)
    assert " 5 errors" in told
    assert "No such file or directory" in told
    usage = 'one directory document and nothing else: write @pytest.mark.routing_world("worlds/one-msp.toml").'
    assert len(re.findall(rf"^.*{re.escape(usage)}$", told, flags=re.MULTILINE)) == 4
    assert "TypeError" not in told


def test_the_marker_is_explained(run: Run) -> None:
    assert "@pytest.mark.routing_world(path): " in run("--markers")


# What it costs where nobody uses it


UNUSED = """
import sys
import pytest

def test_nothing_of_the_library_is_imported():
    with pytest.raises(AssertionError):
        assert {"a": 1} == {"a": 2}
    loaded = {name for name in sys.modules if name.startswith(("neo_routing", "hypothesis", "attr", "returns"))}
    assert loaded == {"neo_routing_adapters", "neo_routing_adapters.pytest_plugin"}
"""
WITHOUT_HYPOTHESIS = """
import sys

sys.modules["hypothesis"] = None  # so that importing it fails
"""


def test_loading_it_imports_nothing_else_of_the_library(run: Run) -> None:
    assert " 1 passed" in run(test_unused=UNUSED)


def test_the_fixtures_and_the_difference_need_no_hypothesis(run: Run) -> None:
    told = run("--tb=short", "-k", "in_facts_alone", status=1, conftest=WITHOUT_HYPOTHESIS, test_apart=APART)
    assert explanations(told)["in_facts_alone"] == IN_BRIEF["in_facts_alone"]
