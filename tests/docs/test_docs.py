"""The documentation is true: every snippet runs, every link leads somewhere, every table is drawn from the code.

To draw the tables and the shown output of commands anew, run: python tests/docs/test_docs.py
"""

from __future__ import annotations

import doctest
import json
import logging
import os
import re
import shlex
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import pytest

from neo_routing import (
    Caller,
    CallerKind,
    DirectoryUnavailable,
    Outcome,
    RefusalCode,
    WarningCode,
    decide_body,
    messages,
)
from neo_routing.analysis import Change
from neo_routing.clauses import Clause, Verdict
from neo_routing.complaints import Complaint, IllFormed
from neo_routing.steps import STEPS
from neo_routing_adapters.advice import ACCOUNT_REMEDIES, MISSES, REMEDIES
from neo_routing_adapters.command.analysis.spoken import CHANGES
from neo_routing_adapters.command.serve import metrics
from neo_routing_adapters.command.serve.settings_given import Flags, given_settings
from neo_routing_adapters.json_lines import answer_line, read_case
from neo_routing_adapters.memory import read_directory
from neo_routing_adapters.sql.schema import RELATIONS, metadata
from neo_routing_adapters.wording import SENTENCES
from tests.programs.http.serving import serving

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES: Final = {"python", "console", "json", "toml", "sql", "text"}
OMITTED: Final = "…"
"""A line of shown output that stands for any lines at all."""

_FENCE: Final = re.compile(r"^[ \t]*```")
_PROMPT: Final = "$ "


class Block(NamedTuple):
    """A fenced block: its language, its text, and the line of the document on which the text begins."""

    language: str
    text: str
    line: int


class Command(NamedTuple):
    """A command of a console block, and the output that is shown for it, if any is."""

    command: str
    shown: str


def blocks(text: str) -> Iterator[Block]:
    language, taken, start = "", list[str](), 0
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if not _FENCE.match(line):
            taken.append(line)
        elif start:
            yield Block(language, "".join(taken), start)
            start = 0
        else:
            language, taken, start = line.strip().removeprefix("```"), [], number + 1
    if start:
        raise ValueError(f"the block that begins on line {start} has no end")


def commands(text: str) -> Iterator[Command]:
    for entry in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = entry.splitlines(keepends=True)
        end = next(number for number, line in enumerate(lines, start=1) if not line.endswith("\\\n"))
        yield Command("".join(lines[:end]).rstrip("\n"), "".join(lines[end:]))


def modules() -> dict[str, str]:
    """Return the blocks that a page says to keep as a module, which it and other pages import, by name."""
    kept = r"^<!-- module (\w+)\.py -->\n```python\n(.*?)^```"
    texts = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    return dict(re.findall(kept, texts, re.MULTILINE | re.DOTALL))


def write_modules(folder: Path) -> None:
    for name, text in modules().items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")


@contextmanager
def at_work(folder: Path) -> Iterator[None]:
    """Be in a folder in which the modules of the documentation can be imported."""
    write_modules(folder)
    sys.path.insert(0, str(folder))
    try:
        with chdir(folder):
            yield
    finally:
        logging.disable(logging.NOTSET)  # hosts on some pages have turned it off
        sys.path.remove(str(folder))
        for name in modules():
            sys.modules.pop(name, None)


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


document = pytest.mark.parametrize("path", DOCUMENTS, ids=names(DOCUMENTS))


# Snippets


@document
def test_every_snippet_runs(path: Path, tmp_path: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "snippet"}
    with at_work(tmp_path):
        for block in blocks(path.read_text(encoding="utf-8")):
            _RUN[block.language](block, namespace, f"{path.name}, line {block.line}")


def run_python(block: Block, namespace: dict[str, Any], place: str) -> None:
    if ">>>" not in block.text:
        exec(compile("\n" * (block.line - 1) + block.text, place, "exec"), namespace)
        return
    test = doctest.DocTestParser().get_doctest(block.text, {}, place, place, block.line - 1)
    test.globs = namespace
    told: list[str] = []
    failed, _ = doctest.DocTestRunner().run(test, out=told.append, clear_globs=False)
    assert not failed, "".join(told)


def run_console(block: Block, _namespace: dict[str, Any], place: str) -> None:
    assert block.text.startswith(_PROMPT), f"{place}: a console block starts with a command"
    for command, shown in commands(block.text):
        check = checked_only(command)
        if check is not None:
            check(command)
        elif shown:
            assert matches(output_of(command), shown), f"{place}: {command} says\n{output_of(command)}"
        else:
            output_of(command)


def output_of(command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "FORCE_COLOR"}}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    done = subprocess.run(
        ["bash", "-c", command],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    told = done.stdout.decode()
    assert done.returncode == 0, f"{command} ends with {done.returncode}:\n{told}"
    return told


def matches(told: str, shown: str) -> bool:
    """Tell whether the output is what is shown of it, trailing blanks and line ends aside."""
    pattern = r"\n".join(
        r"[^\0]*?" if line.strip() == OMITTED else re.escape(line.rstrip()) for line in shown.rstrip().splitlines()
    )
    return re.fullmatch(pattern, "\n".join(line.rstrip() for line in told.rstrip().splitlines())) is not None


def checked_only(command: str) -> Callable[[str], None] | None:
    """Return the check of a command that sets something up or takes minutes, and so is not run here."""
    return next((check for start, check in _CHECKED_ONLY.items() if start.match(command)), None)


def check_script(command: str) -> None:
    _, script, *arguments = shlex.split(command)
    text = (ROOT / script).read_text(encoding="utf-8")
    for argument in arguments:
        assert re.search(rf"[\"']{re.escape(argument)}[\"']", text), f"{script} knows no {argument}"


def check_extras(command: str) -> None:
    assert "neo_routing[" not in command, "the library is in no index: install it from a copy or from a wheel"
    extras = set(re.findall(r"[\w-]+", "".join(re.findall(r"\[(.*?)\]", command))))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert extras <= project["optional-dependencies"].keys(), f"not all of {extras} are extras"


def check_file(command: str) -> None:
    assert (ROOT / shlex.split(command)[0]).is_file(), command


def check_name(command: str) -> None:
    """Accept a command on a server if there is one of this name."""
    output_of(f"{command.partition(' postgresql://')[0]} --help")


def check_serve(command: str) -> None:
    """Accept a server if it answers, and ends when it is told to; one on a database's server if it has the options."""
    if "postgresql://" in command:
        return check_options(command)
    with serving(Path.cwd(), *shlex.split(command)[2:]) as server:
        assert server.said.startswith("neo-routing answers at http://127.0.0.1:")
        assert server.end() == 0
    return None


def check_options(command: str) -> None:
    """Accept a command that takes minutes if it has the options."""
    program, name, *arguments = shlex.split(command)
    told = output_of(f"{program} {name} --help")
    assert {each for each in arguments if each.startswith("-")} <= set(re.findall(r"--[a-z-]+", told)), command


def check_module(command: str) -> None:
    """Accept a program among the tests if it is there."""
    _, _, module, *_ = shlex.split(command)
    assert file_of(module).is_file(), command


def check_fuzzing(command: str) -> None:
    """Accept it if there is such a target; the options are libFuzzer's."""
    _, _, module, target, *_ = shlex.split(command)
    assert file_of(module).with_name(f"{target}.py").is_file(), command


def file_of(module: str) -> Path:
    return ROOT / f"{module.replace('.', '/')}.py"


def check_nothing(_command: str) -> None:
    """Accept a command that belongs to another program."""


_CHECKED_ONLY: Final[Mapping[re.Pattern[str], Callable[[str], None]]] = {
    re.compile(r"neo-routing serve(?!.* --print-settings)"): check_serve,
    re.compile(r"\. \.venv/bin/activate"): check_nothing,
    re.compile(r"python -m tests\.programs\.fuzz\.fuzz "): check_fuzzing,
    re.compile(r"python -m tests\."): check_module,
    re.compile(r"python3? (\.ci|tests)/"): check_script,
    re.compile(r"\S*pip install "): check_extras,
    re.compile(r"\.ci/"): check_file,
    re.compile(r"neo-routing [a-z ]+ postgresql://"): check_name,
    re.compile(r"neo-routing prove"): check_options,
    re.compile(
        r"(\w+=\S+ )*(python3 -m (venv|pytest) |pytest|towncrier |ruff |mypy|pyright|lint-imports)"
    ): check_nothing,
}


def run_json(block: Block, namespace: dict[str, Any], place: str) -> None:
    """Parse it; a directory becomes that of the examples that follow, and an example is decided and compared."""
    value = json.loads(block.text, object_pairs_hook=no_repeats)
    if not isinstance(value, dict):
        return
    if "tenants" in value:
        file = Path("example-directory.json")
        file.write_text(block.text, encoding="utf-8")
        namespace["example_directory"] = read_directory(file)
    if "decision" in value:
        compare(value, namespace["example_directory"], place)


def compare(example: dict[str, Any], directory: Any, place: str) -> None:
    case = {name: value for name, value in example.items() if name not in {"decision", "step"}}
    told = json.loads(answer_line(json.dumps(case), directory, trace=True))
    for name, value in example["decision"].items():
        assert name in told, f"{place}: there is no {name} in {told}"
        assert told[name] == value, f"{place}: {name} is {told[name]!r} in {told}"
    taken = [" ".join([step["clause"], step["verdict"], step["reason"]]) for step in told["trace"]]
    assert example["step"] in taken, f"{place}: the steps are {taken}"


def no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len(dict(pairs)) == len(pairs), f"a key stands twice: {pairs}"
    return dict(pairs)


def run_toml(block: Block, _namespace: dict[str, Any], _place: str) -> None:
    tomllib.loads(block.text)


def run_nothing(_block: Block, _namespace: dict[str, Any], _place: str) -> None:
    """Leave plain text alone, and SQL: `tests/sql/test_own_tables.py` runs that on a server."""


_RUN: Final[Mapping[str, Callable[[Block, dict[str, Any], str], None]]] = {
    "python": run_python,
    "console": run_console,
    "json": run_json,
    "toml": run_toml,
    "sql": run_nothing,
    "text": run_nothing,
}


@document
def test_every_block_is_of_a_known_language_and_not_indented(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert {block.language for block in blocks(text)} <= LANGUAGES
    assert not re.search(r"^[ \t]+```|^~~~", text, re.MULTILINE)


# What `test_every_snippet_runs` only defines on these pages is run as tests here.


def test_the_tests_in_test_your_host_do_what_the_page_says(tmp_path: Path) -> None:
    page = [*blocks((ROOT / "docs/test-your-host.md").read_text(encoding="utf-8"))]
    (tmp_path / "worlds").mkdir()
    (tmp_path / "worlds/one-msp.toml").write_text(next(block.text for block in page if block.language == "toml"))
    told = told_by_tests_of(page, tmp_path)
    assert " 1 failed, 9 passed" in told, told
    assert "FAILED test_page.py::test_what_a_message_says_reaches_the_decision" in told
    lines = [line.removeprefix("E   ") for line in told.splitlines() if line.startswith("E   ")]
    assert lines == next(block.text for block in page if block.language == "text").splitlines()


def test_the_tests_in_prove_your_adapter_pass(tmp_path: Path) -> None:
    page = [*blocks((ROOT / "docs/prove-your-adapter.md").read_text(encoding="utf-8"))]
    told = told_by_tests_of(page, tmp_path)
    assert re.search(r"=+ \d+ passed in ", told), told


def test_the_directory_of_ones_own_keeps_the_contract(tmp_path: Path) -> None:
    page = [*blocks((ROOT / "docs/directory-of-your-own.md").read_text(encoding="utf-8"))]
    with chdir(tmp_path):
        output_of("neo-routing demo --save sample")
    told = told_by_tests_of([block for block in page if ">>>" not in block.text], tmp_path)
    assert re.search(r"=+ \d+ passed, 3 skipped in ", told), told


def told_by_tests_of(page: list[Block], folder: Path) -> str:
    write_modules(folder)
    (folder / "pytest.ini").write_text("[pytest]\nstrict = true\nfilterwarnings = error\n")
    (folder / "test_page.py").write_text("\n\n".join(block.text for block in page if block.language == "python"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    plugins = ["-p", "neo_routing_adapters.pytest_plugin", "-p", "no:cacheprovider"]
    uncut = ["--tb=short", "--color=no", "-o", "truncation_limit_lines=0", "-o", "truncation_limit_chars=0"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, *uncut],
        cwd=folder,
        env=environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_the_settings_that_serve_md_shows_are_settings(tmp_path: Path) -> None:
    page = [*blocks((ROOT / "docs/serve.md").read_text(encoding="utf-8"))]
    [shown] = [block.text for block in page if block.language == "toml"]
    (tmp_path / "serve.toml").write_text(shown, encoding="utf-8")
    settings = given_settings(Flags(), tmp_path / "serve.toml", {}).settings
    assert (settings.workers, settings.trusted_proxies) == (4, ("192.0.2.1",))


def test_serve_md_names_every_metric() -> None:
    page = (ROOT / "docs/serve.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(neo_routing_\w+)`", page))
    assert named == {*metrics.NAMES}


# Hosts


_SESSION: Final = {"id", "agent_id", "client_id", "title", "channel", "created_at", "updated_at", "archived_at"}
"""What the HTTP contract requires of a chat session."""


@pytest.fixture
def envelope() -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "envelope"}
    exec(modules()["envelope"], namespace)
    return namespace


def test_every_host_answers_as_the_http_contract_has_it(envelope: dict[str, Any]) -> None:
    world = read_directory(ROOT / "adapters/neo_routing_adapters/sample/directory.json")
    user, body, request_id = Caller(CallerKind.USER, "northwind-it"), {"agent_id": 1003, "x": 1}, str(uuid.uuid4())
    document, status, headers = envelope["answered"](decide_body(user, body, world), body, request_id)
    meta = {"request_id": request_id, "timings_ms": {}, "warnings": ["unknown_field_ignored"]}
    assert (status, {*document}, document["meta"], headers) == (200, {"data", "meta"}, meta, {})
    assert {*document["data"]} == _SESSION | {"show_agent_progress_steps"}
    assert (document["data"]["agent_id"], document["data"]["client_id"]) == (1003, "northwind-it")
    document, status, headers = envelope["answered"](decide_body(user, [], world), [], request_id)
    assert (status, {*document}, document["meta"], headers) == (422, {"error", "meta"}, {"request_id": request_id}, {})
    assert {*document["error"]} == {"code", "message", "details"}
    json.dumps(document, allow_nan=False)


def test_an_outage_is_the_contracts_500_with_a_code_of_its_own_and_says_when_to_come_back(
    envelope: dict[str, Any],
) -> None:
    outage = DirectoryUnavailable()
    outage.__cause__ = OSError("password=secret")
    document, status, headers = envelope["unavailable"](outage, "1")
    assert (status, document["error"]["code"], document["meta"]) == (500, "directory_unavailable", {"request_id": "1"})
    assert int(headers["Retry-After"]) > 0
    assert "secret" not in str(document)


def test_the_envelope_stands_in_one_place() -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in DOCUMENTS}
    assert [name for name, text in texts.items() if re.search(r"def (answered|failed|created_session)\(", text)] == [
        "hosts.md"
    ]


def test_every_clause_has_an_example_in_the_rules() -> None:
    found = {
        json.loads(block.text)["step"].split()[0]
        for block in blocks((ROOT / "docs/rules.md").read_text(encoding="utf-8"))
        if block.language == "json" and '"step"' in block.text
    }
    assert found == set(map(str, Clause))


def test_contributing_names_every_module_and_no_other() -> None:
    named = set(named_modules((ROOT / "docs/contributing.md").read_text(encoding="utf-8")))
    there = {
        str(path.relative_to(ROOT))
        for package in ("neo_routing", "adapters/neo_routing_adapters")
        for path in (ROOT / package).rglob("*.py")
        if path.name != "__init__.py" and path.parent.name != "versions"
    }
    assert (there - named, named - there) == (set(), set()), "not named in the table of their folder, or not there"


def named_modules(text: str) -> Iterator[str]:
    """Yield the modules that the first column of each table names, whose heading is "file of" their folder."""
    for folder, rows in re.findall(r"^\| file of `([\w/]+)/` .*\n\|-.*\n((?:\|.*\n)+)", text, re.MULTILINE):
        root = folder if (ROOT / folder).is_dir() else f"adapters/neo_routing_adapters/{folder}"
        for row in rows.splitlines():
            yield from (f"{root}/{name}" for name in re.findall(r"`([\w/]+\.py)`", row.split("|")[1]))


# Links and words


@document
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for target in links(path.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        linked = path.parent / file if file else path
        assert linked.exists(), f"{target} is not there"
        assert not anchor or anchor in anchors(linked.read_text(encoding="utf-8")), f"{target} has no such heading"


def links(text: str) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(text)):
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors(text: str) -> set[str]:
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings(text)}


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def test_no_page_imports_what_compatibility_does_not_promise() -> None:
    promised = set(re.findall(r"`(neo_routing[\w.]*)`", (ROOT / "docs/compatibility.md").read_text(encoding="utf-8")))
    imported = {
        module
        for path in DOCUMENTS
        for block in blocks(path.read_text(encoding="utf-8"))
        if block.language == "python"
        for module in re.findall(r"^(?:>>> )?from (neo_routing[\w.]*) import", block.text, re.MULTILINE)
    }
    assert "neo_routing_adapters.sql" in imported <= promised


def test_the_index_lists_every_page() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages <= {*links((ROOT / "docs/index.md").read_text(encoding="utf-8"))}


def test_what_the_code_quotes_of_the_rules_is_a_heading() -> None:
    known = headings((ROOT / "docs/rules.md").read_text(encoding="utf-8"))
    for folder in ("neo_routing", "adapters", "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            quoted = [*quotes_of_the_rules(path.read_text(encoding="utf-8"))]
            assert [quote for quote in quoted if not quote.startswith(known)] == [], path


def quotes_of_the_rules(text: str) -> Iterator[str]:
    """Yield what stands after the comma where a heading is quoted, as in (the rules, Normal forms)."""
    yield from re.findall(r"\bthe rules,\s+\"?([A-Z][\w ]*)", text)


def headings(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"^#+ (.*)$", without_blocks(text), re.MULTILINE))


def test_every_document_can_be_reached_from_the_readme() -> None:
    reached, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        path = ahead.pop()
        if path in reached or path.suffix != ".md":
            continue
        reached.add(path)
        files = (target.partition("#")[0] for target in links(path.read_text(encoding="utf-8")))
        ahead += [(path.parent / file).resolve() for file in files if file]
    fragments = ROOT / "docs" / "changelog.d"
    assert {path for path in DOCUMENTS if fragments not in path.parents} <= reached


_UNWELCOME: Final = re.compile(
    r"(?<![\w.…-])/(?:tmp|work|home|root|usr|var|opt|Users|mnt)\b|[A-Z]:\\|pypi\.|pythonhosted|--index-url|\.\./shared"
)


@document
def test_no_document_names_a_machine_path_or_a_package_registry(path: Path) -> None:
    assert not _UNWELCOME.findall(path.read_text(encoding="utf-8"))


_NOWHERE_TO_LOOK: Final = re.compile(r"\b[Ss]ections? \d|\bthe specification\b")
"""References to what a reader of this documentation does not have."""


@document
def test_no_document_refers_to_what_its_reader_does_not_have(path: Path) -> None:
    assert not _NOWHERE_TO_LOOK.findall(path.read_text(encoding="utf-8"))


# Tables


def steps_table() -> Iterator[str]:
    yield from ("| clause | verdict | reason | refusal | in words |", "|---|---|---|---|---|")
    for step in STEPS:
        refusal = f"`{step.code}`, {step.code.status}" if step.code is not None else ""
        yield f"| `{step.clause}` | {step.verdict} | `{step.reason}` | {refusal} | {SENTENCES[step]} |"


def outcomes_table() -> Iterator[str]:
    yield from ("| outcome | status | given by |", "|---|---|---|")
    for outcome in Outcome:
        yield f"| `{outcome}` | success | {_FOUND_BY[outcome]} |"
    for code in RefusalCode:
        clauses = dict.fromkeys(f"`{step.clause}`" for step in STEPS if step.code is code)
        yield f"| `{code}` | {code.status} | {', '.join(clauses)} |"


_FOUND_BY: Final[Mapping[Outcome, str]] = {
    Outcome.OWN_TENANT: "`own-agent`, `own-managed-agent`, `neo-support`",
    Outcome.PLATFORM_OVERRIDE: "`neo-support`",
    Outcome.WHITE_LABEL_CHANNEL: "`white-label-installation`",
    Outcome.ACTIVE_CHANNEL: "`active-channel`",
    Outcome.NEO_SUPPORT_FALLBACK: "`neo-support`",
}


def messages_table() -> Iterator[str]:
    yield from ("| code | reason | message |", "|---|---|---|")
    bad = {"FIELD": IllFormed("COMPLAINT", Complaint.BLANK), "FIELD2": IllFormed("COMPLAINT2", Complaint.BLANK)}
    in_words = {
        **dict.fromkeys(("malformed", "blank_id", "unusable_id"), messages.malformed(bad).message),
        "no_company_linked": messages.no_company_linked("ID").message,
        "several_companies_linked": messages.several_companies_linked("ID").message,
    }
    said: dict[tuple[RefusalCode, str], list[str]] = {}
    for step in STEPS:
        if step.code is not None and step.verdict is Verdict.REFUSED:
            message = step.failure.failure().message if step.failure is not None else in_words[str(step.reason)]
            said.setdefault((step.code, message), []).append(f"`{step.reason}`")
    for (code, message), reasons in said.items():
        yield f"| `{code}` | {', '.join(dict.fromkeys(reasons))} | {message} |"


def warnings_table() -> Iterator[str]:
    yield from ("| warning | given when |", "|---|---|")
    for code in WarningCode:
        yield f"| `{code}` | {_WARNED_WHEN[code]} |"


_WARNED_WHEN: Final[Mapping[WarningCode, str]] = {
    WarningCode.BOT_UNKNOWN: (
        "`neo-support` was reached with a `bot_id` that no channel has, of whatever owner, kind and status, for a "
        "tenant that exists"
    ),
    WarningCode.CHANNEL_PAUSED: "`active-channel` passed over DISCONNECTED channels of the target tenant",
    WarningCode.BOT_ID_IGNORED: "a caller that is not the platform gave a `bot_id`",
    WarningCode.CLIENT_ID_OVERRIDDEN: (
        "`white-label-installation` matched a channel whose owner is not the `client_id` that was given"
    ),
    WarningCode.INBOUND_TENANT_ID_IGNORED: "a caller that is not the platform gave an `inbound_tenant_id`",
    WarningCode.INBOUND_TENANT_ID_WITHOUT_BOT_ID: "the platform gave an `inbound_tenant_id` and no `bot_id`",
    WarningCode.UNKNOWN_FIELD_IGNORED: "the request has a field whose name is not in the contract",
    WarningCode.WHITE_LABEL_BOT_NOT_INSTALLED: (
        "a `bot_id` has a white-label channel anywhere, of whatever owner and status, and yet `active-channel` matched "
        "a standard one, or `neo-support` was reached for a tenant that exists"
    ),
}


def misses_table() -> Iterator[str]:
    yield from ("| nearest miss | in words |", "|---|---|")
    for miss, sentence in MISSES.items():
        yield f"| `{miss}` | {sentence} |"


def remedies_table() -> Iterator[str]:
    yield from ("| last reason | what to do |", "|---|---|")
    for sentence in dict.fromkeys(REMEDIES.values()):
        for_steps = [step for step in REMEDIES if REMEDIES[step] is sentence]
        reasons, clauses = (
            ", ".join(dict.fromkeys(f"`{getattr(step, name)}`" for step in for_steps)) for name in ("reason", "clause")
        )
        yield f"| {reasons} at {clauses} | {sentence} |"


def account_remedies_table() -> Iterator[str]:
    yield from ("| remedy | in words |", "|---|---|")
    for remedy, sentence in ACCOUNT_REMEDIES.items():
        yield f"| `{remedy}` | {sentence} |"


def changes_table() -> Iterator[str]:
    yield from ("| change | in words |", "|---|---|")
    for change in Change:
        yield f"| `{change}` | {CHANGES[change]} |"


def lines_table() -> Iterator[str]:
    yield from ("| a line that | `details.complaints` | message |", "|---|---|---|")
    for told, line in _UNUSABLE_LINES.items():
        refusal = read_case(line).failure()
        complaints = ", ".join(f"`{name}`: `{complaint}`" for name, complaint in refusal.complaints)
        yield f"| {told} | {complaints} | {refusal.message} |"


_UNUSABLE_LINES: Final[Mapping[str, str]] = {
    "is no JSON object": "",
    "has no usable caller": '{"request": {"agent_id": 12}}',
    "has no usable caller, and a malformed request, such as one whose `agent_id` is text": (
        '{"request": {"agent_id": "12"}}'
    ),
    "has neither a usable caller nor an object for a request": "{}",
}


def relations_table() -> Iterator[str]:
    yield from ("| relation | column | type | what it must be |", "|---|---|---|---|")
    for relation, columns in RELATIONS.items():
        assert _DELIVERED[relation].keys() == set(columns)
        shown = f"`{relation}`"
        for column in columns:
            sort = _TYPES[metadata.tables[relation].c[column].type.python_type]
            yield f"| {shown} | `{column}` | {sort} | {_DELIVERED[relation][column]} |"
            shown = ""


_TYPES: Final[Mapping[type, str]] = {str: "text", int: "integer", bool: "boolean"}
_OF_A_TENANT: Final = "identifier of the tenant that owns it"
_NAME: Final = "at most 256 characters; traces show it"
_M365_TENANT: Final = "M365 tenant id in normal form"
_DELIVERED: Final[Mapping[str, Mapping[str, str]]] = {
    "routing_tenant": {
        "id": "unique identifier; what a caller and `client_id` say, to the letter",
        "name": "at most 256 characters; only `db export` shows it",
    },
    "routing_agent": {
        "id": "unique, from 1 to 2^63 - 1; what `agent_id` says",
        "tenant_id": _OF_A_TENANT,
        "name": _NAME,
        "kind": "`CONVERSATIONAL` or `TRIGGERED`",
        "managed_key": "`NEO_SUPPORT` or null",
    },
    "routing_channel": {
        "id": "unique identifier",
        "tenant_id": _OF_A_TENANT,
        "agent_id": "from 1 to 2^63 - 1; the agent itself may be missing",
        "bot_id": "bot id in normal form",
        "status": "`ACTIVE` or `DISCONNECTED`",
        "white_label": "true or false",
        "show_agent_progress_steps": "true, false or null",
    },
    "routing_channel_installation": {
        "channel_id": "identifier of the channel that is installed",
        "m365_tenant_id": f"{_M365_TENANT}; once for each channel",
    },
    "routing_end_company": {
        "id": "unique identifier",
        "tenant_id": _OF_A_TENANT,
        "name": _NAME,
    },
    "routing_end_company_link": {
        "end_company_id": "identifier of the end-company that is linked",
        "m365_tenant_id": f"{_M365_TENANT}; once for each end-company",
    },
}


def requirements_table() -> Iterator[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    yield from ("| with | needs |", "|---|---|")
    yield f"| the library | Python {project['requires-python']}, {_packages(project['dependencies'])} |"
    for extra, packages in project["optional-dependencies"].items():
        if extra != "all":
            yield f"| the extra `{extra}` | {_packages(packages)} |"


def _packages(requirements: list[str]) -> str:
    """Show names and versions as a reader writes them, and an extra of our own as what it is."""
    ours = re.compile(r"neo_routing\[(\w+)\](.*)").fullmatch
    apart = re.compile(r"([\w-]+)(?:\[\w+\])?(.*)").fullmatch
    shown = [f"`{found[1]}`" if (found := ours(each)) else " ".join(apart(each).groups()) for each in requirements]
    return ", ".join(shown).replace(",<", " <")


TABLES: Final[Mapping[str, Callable[[], Iterator[str]]]] = {
    "steps": steps_table,
    "outcomes": outcomes_table,
    "messages": messages_table,
    "warnings": warnings_table,
    "misses": misses_table,
    "remedies": remedies_table,
    "account-remedies": account_remedies_table,
    "answers-changed": changes_table,
    "lines": lines_table,
    "relations": relations_table,
    "requirements": requirements_table,
}


def with_tables(text: str) -> str:
    """Return the document with each table drawn anew between its markers."""
    for name, table in TABLES.items():
        drawn = "\n".join([f"<!-- {name} -->", *table(), f"<!-- /{name} -->"])
        text = re.sub(rf"<!-- {name} -->.*?<!-- /{name} -->", drawn.replace("\\", r"\\"), text, flags=re.DOTALL)
    return text


@document
def test_the_tables_are_up_to_date(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == with_tables(text), "draw them anew with: python tests/docs/test_docs.py"


@pytest.mark.parametrize("name", TABLES)
def test_every_table_stands_in_one_place(name: str) -> None:
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    assert sum(text.count(f"<!-- {name} -->") for text in texts) == 1


# These tests can fail


@pytest.mark.parametrize(
    ("language", "text", "complaint"),
    [
        ("python", "raise AssertionError('wrong')\n", "wrong"),
        ("python", ">>> 1 + 1\n3\n", "Expected:"),
        ("console", "$ echo one\ntwo\n", "here: echo one says"),
        ("console", "$ false\n", "false ends with 1"),
        ("console", "$ python3 .ci/tasks.py no-such-command\n", "tasks.py knows no no-such-command"),
        ("console", "$ .ci/no-such-script\n", "no-such-script"),
        ("console", "$ pip install '.[no-such-extra]'\n", "not all of {'no-such-extra'} are extras"),
        ("console", "$ neo-routing db no-such-command postgresql://user@host/name\n", "no-such-command"),
        ("console", "no command\n", "a console block starts with a command"),
        ("json", "{,}\n", "Expecting property name"),
        ("json", '{"a": 1, "a": 2}\n', "a key stands twice"),
        (
            "json",
            '{"request": {}, "decision": {"code": "agent_not_found"}, "step": "request-shape refused malformed"}',
            "code is 'validation_error'",
        ),
        (
            "json",
            '{"request": {}, "decision": {"agent_id": 1}, "step": "request-shape refused malformed"}',
            "there is no agent_id",
        ),
        ("json", '{"request": {}, "decision": {}, "step": "request-shape passed well_formed"}', "the steps are"),
        ("toml", "a = \n", "Invalid value"),
    ],
)
def test_a_snippet_that_is_wrong_is_caught(language: str, text: str, complaint: str, tmp_path: Path) -> None:
    with chdir(tmp_path), pytest.raises((AssertionError, ValueError), match=re.escape(complaint)):
        _RUN[language](Block(language, text, 1), {"example_directory": None}, "here")


@pytest.mark.parametrize(
    ("told", "shown", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\n", False),
        ("a\nb\nc\n", "a\n…\nc\n", True),
        ("a\nb\nc\n", "a\n…\nb\n", False),
        ("a b\n", "a.b\n", False),
    ],
)
def test_shown_output_is_compared_line_by_line(told: str, shown: str, same: bool) -> None:
    assert matches(told, shown) is same


def test_a_stale_table_a_dead_link_and_a_machine_path_are_caught() -> None:
    assert with_tables("<!-- steps --><!-- /steps -->").count("`channel-agent`") == 4
    assert [*links("[a](b.md#c), `[d](e)`\n```text\n[f](g)\n```\n")] == ["b.md#c", "e"]
    assert anchors("# A `b` c?\n") == {"a-b-c"}
    table = "| file of `sql/` | holds |\n|---|---|\n| `a.py`, `b/` and `c/d.py` | `e.py` |\n\n`f.py`\n"
    assert [*named_modules(table)] == [f"adapters/neo_routing_adapters/sql/{name}" for name in ("a.py", "c/d.py")]
    assert _UNWELCOME.search("see /home/me")
    assert _NOWHERE_TO_LOOK.search("as section 3 of it says")
    assert [*quotes_of_the_rules('as (the rules, Laws) has it; the rules, "Normal forms".')] == ["Laws", "Normal forms"]


# Drawing anew


def with_output(text: str) -> str:
    """Return the document with the shown output of each command as it is now, except where something is omitted."""
    namespace: dict[str, Any] = {"__name__": "snippet"}
    for block in blocks(text):
        if block.language == "python":
            run_python(block, namespace, f"line {block.line}")
        if block.language != "console":
            continue
        drawn = ""
        for command, shown in commands(block.text):
            told = "" if checked_only(command) else output_of(command)
            kept = not shown or not told or OMITTED in shown.splitlines()
            end = "\n\n" if shown.endswith("\n\n") else "\n"
            drawn += f"{_PROMPT}{command}\n{shown if kept else told.rstrip() + end}"
        text = text.replace(f"```console\n{block.text}```", f"```console\n{drawn}```")
    return text


def draw_anew() -> None:
    for path in DOCUMENTS:
        with TemporaryDirectory() as folder, at_work(Path(folder)):
            text = path.read_text(encoding="utf-8")
            drawn = with_output(with_tables(text))
            if drawn != text:
                path.write_text(drawn, encoding="utf-8")
                print(f"drew {path.relative_to(ROOT)}")


if __name__ == "__main__":
    draw_anew()
